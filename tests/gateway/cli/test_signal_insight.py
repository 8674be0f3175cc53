"""`paifang signal wave` as an engineer uses it, and `congestion` of a junction that nobody has set up."""

import json

import pytest

from paifang.errors import EXIT_USAGE

ARTERIAL = """\
cycle = "110s"
speed_kmh = 50
weight_out = 1100
weight_back = 600
""" + "".join(
    f"""
[[junctions]]
node = "signal-{n}"
position_m = {350 * n}
green_out = "49s"
green_back = "49s"
"""
    for n in range(4)
)


@pytest.fixture
def arterial(tmp_path):
    file = tmp_path / "east.toml"
    file.write_text(ARTERIAL)
    return file


def test_a_wave_is_bands_for_people_and_commands_to_run(inside, arterial):
    done = inside("signal", "wave", arterial)
    assert done.code == 0
    assert done.out.splitlines() == [
        f"paifang send signal-{n} offset {offset_ms}" for n, offset_ms in enumerate((0, 25_200, 50_400, 75_600))
    ]
    assert "out   49.0 s of each 110.0 s (45%)" in done.err
    assert "back  0.0 s" in done.err


def test_a_wave_for_scripts(inside, arterial):
    done = inside("signal", "wave", arterial, "--json")
    found = json.loads(done.out)
    assert (found["cycle_ms"], found["out_ms"], len(found["junctions"])) == (110_000, 49_000, 4)


def test_a_mistake_in_the_file_is_named_by_its_line(inside, arterial):
    arterial.write_text(ARTERIAL.replace("position_m", "postion_m", 1))
    done = inside("signal", "wave", arterial)
    assert done.code == EXIT_USAGE
    assert f'{arterial}:8: junctions[1].postion_m: unknown name; did you mean "position_m"?' in done.err


async def test_a_junction_that_is_not_in_the_settings(ask, daemon):
    await daemon.start()
    done = await ask("signal", "congestion", "signal-1")
    assert done.code == 1
    assert "signal-1 is not among the [[signals]] of gateway.toml" in done.err
