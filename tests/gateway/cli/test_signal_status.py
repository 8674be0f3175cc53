"""What a junction does and has done, as a person reads it: from the points' bits to words, whatever a node sends."""

import asyncio
import io
import json
import os
import pty
import signal

import pytest
from rich.console import Console
from signal_side import AMBER, CLEARANCE, EXAMPLE, GREEN, NODE, PLAN, WALK, aspects, ring, signed_site

from paifang.cli import signal_board, signal_state
from paifang.cli.signal_known import Known
from paifang.commands.signals import staged_id
from paifang_tools.signals import telling
from paifang_tools.signals.shipped import part
from paifang_wire import cbor

PLAN_ID = staged_id(cbor.encode(PLAN))
STREET = {
    1: 2,
    2: 0,
    3: 0,
    4: 0,
    5: 0b10,
    10: 2,
    11: PLAN_ID,
    13: 12_000,
    14: 1 | 0b100 << 16,
    15: 1,
    18: ring(2, 1, 123, 4, 31),
    19: ring(6, 2, 123, 12, 31),
    20: 0b1010 | 0b1000 << 8 | 0b100 << 16 | 0b10 << 24,
    21: 345,
    22: 0x100,
    23: 0b1011,
    24: 0b100,
    25: 0,
    42: 3,
    50: 12,
    **aspects(EB=GREEN, WB=GREEN, NBL=AMBER, walk_S=WALK, walk_N=CLEARANCE),
}
"""Values on the wire; `cycle` is shown in seconds."""
SHOWN = {**STREET, 21: 34.5}
ROW = {"points": [], "connected": True, "seen_ms": None}
KNOWN = Known(NODE, ROW, EXAMPLE, PLAN, None, SHOWN)
NAMELESS = Known(NODE, ROW, None, None, None, SHOWN)


def drawn(state, width=100):
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(signal_board.board(state, "heard 0s ago"))
    return out.getvalue()


def test_the_state_of_a_junction():
    state = signal_state.state_of(KNOWN, SHOWN)
    assert state["state"] == "running"
    assert state["plan"] == {"slot": 2, "id": PLAN_ID, "name": "day"}
    assert state["site"] == {"edition": 1, "country": "CN"}
    assert state["coordination"] == {"position_s": 34.5, "cycle_s": 120.0, "offset_s": 12.0}
    assert state["rings"] == [
        {"phase": 2, "stage": "green", "green_s": 12.3, "gap_s": 0.4, "against_s": 3.1},
        {"phase": 6, "stage": "ending", "green_s": 12.3, "gap_s": 1.2, "against_s": 3.1},
    ]
    assert {group["name"]: group["aspect"] for group in state["groups"]} == {
        "WBL": "red",
        "EB": "green",
        "NBL": "amber",
        "SB": "red",
        "EBL": "red",
        "WB": "green",
        "SBL": "red",
        "NB": "red",
        "walk S": "walk",
        "walk W": "don't walk",
        "walk N": "clearance",
        "walk E": "don't walk",
    }
    assert state["phases"][1] == {
        "phase": 2,
        "groups": ["EB", "walk S"],
        "vehicles": True,
        "pedestrians": False,
        "due": False,
        "walking": True,
        "flow": 3,
        "occupancy": 12,
    }
    assert (state["preemption"], state["transit"], state["monitor"]) == (None, 1, "none")
    assert state["detectors"] == {"covered": [1, 2, 4], "failed": [3]}
    assert state["commanded"] == {"hold": [2], "force_off": [], "omit": [], "call": [], "ped_call": []}
    assert state["recalls"] == {"minimum": [1], "maximum": [], "pedestrian": [3]}
    json.dumps(state)


BOARD = """\
signal-1   running   plan 2 "day"   cycle 34.5 of 120 s   heard 0s ago
           edition 1 (CN)   hold 2   minimum recall 1   pedestrian recall 3
           priority 1 granted   covered detectors 1-2, 4   failed detectors 3

 RING  PHASE                   GREEN    GAP   WAIT
 ─────────────────────────────────────────────────
    1  2  EB, walk S  green   12.3 s  0.4 s  3.1 s
    2  6  WB, walk N  ending  12.3 s  1.2 s  3.1 s


 PHASE  VEHICLES     PEDESTRIANS          CALLS                  PASSED  OCCUPIED
 ────────────────────────────────────────────────────────────────────────────────
     1  ● WBL red                                                     -         -
     2  ● EB green   ● walk S walk        vehicles, walking           3      12 %
     3  ● NBL amber                       due                         -         -
     4  ● SB red     ● walk W don't walk  vehicles, pedestrians       -         -
     5  ● EBL red                                                     -         -
     6  ● WB green   ◐ walk N clearance                               -         -
     7  ● SBL red                                                     -         -
     8  ● NB red     ● walk E don't walk                              -         -
"""


def test_the_board_fits_a_terminal_and_says_it_all_without_colours():
    shown = "\n".join(line.rstrip() for line in drawn(signal_state.state_of(KNOWN, SHOWN)).rstrip().splitlines())
    assert shown == BOARD.rstrip()


def test_without_names_groups_have_numbers():
    shown = drawn(signal_state.state_of(NAMELESS, SHOWN))
    assert "● group 2 green" in shown
    assert "edition 1   " in shown
    assert "plan 2   cycle 34.5 s" in shown


def test_a_node_that_has_not_reported():
    state = signal_state.state_of(Known(NODE, ROW), {})
    assert drawn(state) == "signal-1   has not reported yet   no plan   heard 0s ago\n           no site record\n"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({1: 0, 2: 1}, "signal-1   starting   "),
        ({1: 1, 2: 1}, "signal-1   all-red   "),
        ({1: 3, 2: 40}, "flashing: the switch in the cabinet   "),
        ({1: 3, 2: 43}, "flashing: no plan is in force   "),
        ({1: 4, 2: 17, 25: 1 | 2 << 8}, "latched flash: conflict, EB   "),
        ({1: 4, 2: 33}, "latched flash: the site record is damaged or not signed   "),
        ({1: 4, 2: 99}, "latched flash: reason 99   "),
        ({1: 4, 2: 31}, "latched flash: reason 15   "),
        ({1: 9}, "signal-1   9   "),
        ({3: 2}, "mode free"),
        ({22: 2 | 1 << 4}, "preemption 2: dwell"),
        ({25: 11, 1: 2}, "monitor: relay stuck closed"),
        ({21: -0.1}, 'plan 2 "day"   heard'),
        ({10: 0}, "no plan"),
        ({23: 0xFFFFFFFF}, "covered detectors 1-32"),
        ({23: 0b1110101}, "covered detectors 1, 3, 5-7"),
        ({6: 0x81, 9: 1}, "force off 1, 8   ped call 1"),
        ({16: 0xFFFFFFFF}, "? EB 15"),
    ],
)
def test_what_else_may_be_told(values, told):
    assert told in drawn(signal_state.state_of(KNOWN, {**SHOWN, **values}))


def test_words_and_numbers_are_those_of_the_firmware():
    """Each constant of the shipped modules has its word under its number."""
    found_aspects, interlock, unit, describing = (part(name) for name in ("aspects", "interlock", "unit", "describing"))
    said = [word.upper().replace("-", "_").replace(" ", "_").replace("'", "") for word in signal_state.ASPECT_WORDS]
    firmware_names = {"CLEARANCE": "WALK_FLASH", "FLASHING_GREEN": "GREEN_FLASH", "FLASHING_AMBER": "FLASH_AMBER"}
    firmware_names |= {"FLASHING_RED": "FLASH_RED"}
    assert [getattr(found_aspects, firmware_names.get(word, word)) for word in said] == list(range(len(said)))
    assert len(said) == found_aspects.ASPECTS
    modes = [interlock.START_FLASH, interlock.START_RED, interlock.RUN, interlock.FLASH, interlock.LATCHED]
    assert modes == list(range(len(telling.STATES)))
    own = {getattr(unit, name) for name in dir(unit) if name.startswith("REASON_")} - {unit.REASON_ASKED}
    own |= {unit.REASON_ASKED + bit for bit in range(4)}
    of_interlock = {getattr(interlock, name) for name in dir(interlock) if name.startswith("REASON_")}
    assert (own | of_interlock) - {interlock.REASON_CALLER} == telling.REASONS.keys()
    assert (interlock.REASON_CALLER, unit.REASON_TASK) == (telling.MONITOR_FROM, telling.OWN_FROM)
    names = {row[0]: row[1] for row in describing.table()}
    for word, number in (
        ("state", 1),
        ("latch", 4),
        ("plan_load", 11),
        ("recall", 14),
        ("edition", 15),
        ("monitor", 25),
    ):
        assert names[number] == word
    assert [names[signal_state.HOLD + kind] for kind in range(5)] == list(signal_state.COMMANDED)
    assert (names[signal_state.FLOW], names[signal_state.OCCUPANCY + 7]) == ("flow_1", "occupancy_8")


# In the log

LOG = [
    ("state 0 reason 1 group 0", "starting"),
    ("state 2 reason 1 group 0", "running"),
    ("state 3 reason 41 group 0", "flashing: a command"),
    ("state 4 reason 17 group 3", "latched flash: conflict on NBL (phase 3)"),
    ("state 4 reason 18 group 9", "latched flash: no lamp on walk S (phase 2)"),
    ("state 4 reason 17 group 99", "latched flash: conflict on group 99"),
    ("state 7 reason 17 group 0", "state 7: conflict"),
    ("plan 3 am-peak", 'goes by plan 3, "am-peak"'),
    ("plan 3 cannot be used", "plan 3 does not fit the site record"),
    ("plan 3 refused: phase 1: no", "plan 3 does not fit the site record: phase 1: no"),
    ("plan refused: phase 1: no", "plan refused: phase 1: no"),
    ("day plans refused: row 1: no", "day plans refused: row 1: no"),
    ("site record damaged", "flashing: its site record is damaged"),
    ("site record not signed by two roots", "flashing: its site record is not signed by two roots"),
    ("site record of signal-2", "flashing: it holds the site record of signal-2"),
    ("whatever comes later", "whatever comes later"),
    ("state 4 reason 9999 group 1", "state 4 reason 9999 group 1"),
    ("", ""),
]


@pytest.mark.parametrize(("detail", "said"), LOG)
def test_an_event_in_words(detail, said):
    assert telling.event_words(detail, signal_state.Names(KNOWN).with_phases) == said


def test_an_event_without_names():
    nameless = signal_state.Names(NAMELESS).with_phases
    assert telling.event_words("state 4 reason 17 group 3", nameless) == "latched flash: conflict on group 3"


async def test_the_log_of_a_junction(junction, ask, people, tmp_path):
    (tmp_path / "of.site").write_bytes(signed_site(people))
    assert "has told nothing yet" in (await ask("signal", "log", NODE)).err
    await ask("signal", "site", "load", "of.site")
    await junction.report({15: 1})
    for detail, _ in LOG[:4]:
        await junction.tell(detail)
    await junction.tell("power on", code=10)
    await junction.tell("\x1b[2Jowned")
    shown = (await ask("signal", "log", NODE)).out
    assert [line.split("  ", 1)[1] for line in shown.splitlines()[1:]] == [
        "starting",
        "running",
        "flashing: a command",
        "latched flash: conflict on NBL",
        r"\x1b[2Jowned",
    ]
    rows = (await ask("signal", "log", NODE, "-n", "2", "--json")).json
    assert [row["words"] for row in rows] == ["latched flash: conflict on NBL", "\x1b[2Jowned"]
    assert rows[0]["detail"] == "state 4 reason 17 group 3"


# Of a running gateway


async def test_status_at_a_glance_and_for_scripts(junction, ask, people, tmp_path):
    (tmp_path / "of.site").write_bytes(signed_site(people))
    await ask("signal", "site", "load", "of.site")
    await junction.report(STREET)
    shown = (await ask("signal", "status", NODE)).out
    assert shown.startswith("signal-1   running   plan 2   cycle 34.5 s   heard ")
    assert "● EB green" in shown
    state = (await ask("signal", "status", NODE, "--json")).json
    assert (state["state"], state["connected"], state["rings"][0]["green_s"]) == ("running", True, 12.3)
    (tmp_path / "site.toml").write_text(
        (await ask("signal", "site", "show", NODE)).out.replace('"signal-1"', '"other"')
    )
    done = await ask("signal", "status", NODE, "--site", "site.toml")
    assert "site.toml is the site record of other, not of signal-1" in done.err


async def test_names_may_come_from_a_file(junction, ask, tmp_path):
    from paifang_tools.signals import examples

    (tmp_path / "site.toml").write_text(examples.site_text("CN"))
    await junction.report(STREET)
    assert "● group 2 green" in (await ask("signal", "status", NODE)).out
    assert "● EB green" in (await ask("signal", "status", NODE, "--site", "site.toml")).out


async def test_watching_goes_on_as_it_reports(junction, paifang):
    await junction.report(STREET)
    process = await paifang.start("signal", "status", NODE, "--watch", "--json")
    await _watched(junction)
    for position in (400, 410, 420):
        await junction.report({**STREET, 21: position})
    async with asyncio.timeout(30):
        lines = [json.loads(await process.stdout.readline()) for _ in range(2)]
    assert [line["coordination"]["position_s"] for line in lines] == [40.0, 41.0]
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(30):
        _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")


async def test_the_live_board_on_a_terminal(junction, paifang):
    await junction.report(STREET)
    ours, its = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *paifang.command("signal", "status", NODE, "-w"),
        stdin=its,
        stdout=its,
        stderr=asyncio.subprocess.PIPE,
        env={**paifang.environment, "TERM": "xterm-256color", "LINES": "40"},
    )
    os.close(its)
    await _watched(junction)
    await junction.report({**STREET, 1: 4, 2: 17, 25: 1 | 2 << 8})
    seen = b""
    async with asyncio.timeout(30):
        while b"latched flash: conflict, group 2" not in seen:
            seen += await asyncio.to_thread(os.read, ours, 65_536)
    process.send_signal(signal.SIGINT)
    drain = asyncio.create_task(asyncio.to_thread(_drain, ours))
    async with asyncio.timeout(30):
        assert await process.wait() == 0
    await drain
    os.close(ours)


def _drain(ours):
    try:
        while os.read(ours, 65_536):
            pass
    except OSError:  # nobody is at the other end any more
        pass


async def _watched(junction):
    async with asyncio.timeout(30):
        while not (await junction.gateway.request("metrics"))["watchers"]:  # noqa: ASYNC110 - a gateway knows nothing of tests
            await asyncio.sleep(0.01)
