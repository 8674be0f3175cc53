"""The file of an arterial: what becomes of a good one, and what is said of a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest

from paifang.errors import EXIT_USAGE, PaifangError
from paifang.insight import wave_file

FILE = Path("east.toml")
HEAD = 'cycle = "110s"\nspeed_kmh = 50\n'


def junction(number, position_m, more=""):
    return (
        f'[[junctions]]\nnode = "signal-{number}"\nposition_m = {position_m}\n'
        f'green_out = "49s"\ngreen_back = "49s"\n{more}'
    )


GOOD = HEAD + junction(1, 0) + junction(2, 350) + junction(3, 700)


def test_travel_times_become_offsets():
    found = wave_file.of_text("weight_back = 0\n" + GOOD, FILE)
    assert found.as_dict() == {
        "cycle_ms": 110_000,
        "out_ms": 49_000,
        "back_ms": 0,
        "junctions": [
            {"node": "signal-1", "offset_ms": 0},
            {"node": "signal-2", "offset_ms": 25_200},
            {"node": "signal-3", "offset_ms": 50_400},
        ],
    }


def test_a_stretch_may_have_its_own_speed_and_a_green_end_sooner():
    slow = HEAD + junction(1, 0) + junction(2, 350, 'speed_out_kmh = 25\nout_ends_before = "4s"\n')
    assert wave_file.of_text("weight_back = 0\n" + slow, FILE).offset_ms["signal-2"] == 50_400 + 4_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            GOOD.replace("green_back", "greenback", 1),
            '7: junctions[1].greenback: unknown name; did you mean "green_back"?',
        ),
        (GOOD.replace('"49s"', '"49050ms"', 1), "6: junctions[1].green_out: expected tenths of a second"),
        (GOOD.replace('"49s"', "49", 1), "6: junctions[1].green_out: expected a time with its unit"),
        (GOOD.replace("350", "800"), "junctions: expected [[junctions]] in the order of their positions"),
        (GOOD.replace("signal-3", "signal-1"), "junctions: expected each node once, signal-1 is there twice"),
        (GOOD.replace("49s", "111s"), "expected no green longer than the cycle"),
        ("weight_out = 0\nweight_back = 0\n" + GOOD, "expected a weight for one direction at least"),
        (HEAD + junction(1, 0), "junctions: expected 2 to 30 [[junctions]]"),
        (HEAD, "east.toml: junctions: missing: two or more [[junctions]]"),
        (GOOD.replace("speed_kmh = 50", "speed_kmh = 500"), "2: speed_kmh: expected at most 120.0, found 500"),
        (GOOD[:-8], "not TOML"),
    ],
)
def test_what_is_wrong_is_said_by_its_line(text, said):
    with pytest.raises(PaifangError) as raised:
        wave_file.of_text(text, FILE)
    assert said in raised.value.message
    assert raised.value.exit_code == EXIT_USAGE
