import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang.config.units import DURATION_EXPECTED, age, format_ms, parse_ms


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("500ms", 500), ("30s", 30_000), ("10m", 600_000), ("2h", 7_200_000), ("7d", 604_800_000), (" 5 s ", 5_000)],
)
def test_a_time_has_a_number_and_a_unit(text, milliseconds):
    assert parse_ms(text) == milliseconds


@pytest.mark.parametrize("text", ["", "5", "s", "1.5s", "-5s", "5 sec", "5S", "1h30m", "٣s", "9999999999999s"])
def test_anything_else_is_no_time(text):
    with pytest.raises(ValueError, match="a time with its unit") as refused:
        parse_ms(text)
    assert str(refused.value) == DURATION_EXPECTED


@given(st.integers(0, 10**11))
def test_what_is_written_is_read_back(milliseconds):
    assert parse_ms(format_ms(milliseconds)) == milliseconds


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(0, "0ms"), (850, "850ms"), (1_999, "1s"), (725_000, "12m 5s"), (3_600_000, "1h"), (277_200_000, "3d 5h")],
)
def test_an_age_has_at_most_two_units(milliseconds, shown):
    assert age(milliseconds) == shown
