"""What every test shares: two tiers, sample sizes that go with them, and seeds that never change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable

TIERS = ("test", "soak")
SOAK_TIMEOUT_S = 6 * 3600

settings.register_profile(
    "test", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("soak", settings.get_profile("test"), max_examples=5_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--tier",
        choices=TIERS,
        default="test",
        help="test: sampled sweeps, minutes (default); soak: everything, with the full numbers, hours",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", 'tier(name): the least tier that runs this test, "test" unless said otherwise')
    config.addinivalue_line("markers", 'soak: short for tier("soak")')
    settings.load_profile(_tier_of_run(config))


def pytest_report_header(config: pytest.Config) -> str:
    return f"tier: {_tier_of_run(config)}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, in the test tier, what only a soak runs; give a soak's tests the time its numbers take.

    What has asked for the most time begins first: at the end no process is left alone with it, and what takes both
    cores is over before the scenarios that keep real time.
    """
    items.sort(key=_asked_s, reverse=True)
    soak_only = [item for item in items if _tier_of(item) == "soak"]
    if _tier_of_run(config) == "soak":
        for item in items:
            item.add_marker(pytest.mark.timeout(SOAK_TIMEOUT_S), append=False)
    elif soak_only:
        config.hook.pytest_deselected(items=soak_only)
        items[:] = [item for item in items if _tier_of(item) != "soak"]


def _tier_of_run(config: pytest.Config) -> str:
    return str(config.getoption("--tier"))


def _tier_of(item: pytest.Item) -> str:
    if item.get_closest_marker("soak"):
        return "soak"
    marker = item.get_closest_marker("tier")
    tier = marker.args[0] if marker else "test"
    if tier not in TIERS:
        raise pytest.UsageError(f"{item.nodeid}: tier {tier!r} is none of {', '.join(TIERS)}")
    return tier


def _asked_s(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker and marker.args else 0.0


@pytest.fixture(scope="session")
def tier(request: pytest.FixtureRequest) -> str:
    """The tier of this run: "test" or "soak"."""
    return _tier_of_run(request.config)


@pytest.fixture(scope="session")
def tier_size(tier: str) -> Callable[[int, int], int]:
    """`tier_size(test_n, soak_n)`: how many samples, rounds or seconds this run takes."""
    return lambda test_n, soak_n: soak_n if tier == "soak" else test_n
