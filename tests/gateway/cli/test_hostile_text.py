"""What nodes say ends on an operator's terminal: whatever it is, it is shown and never obeyed."""

import io
import json

import pytest
from far_side import FarNode
from rich.console import Console

from paifang.cli import output
from paifang.cli.live import Board
from paifang.cli.watch import line
from paifang.control.async_client import AsyncControlClient
from paifang_wire import messages

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b2J\r\n\u202eok"
SHOWN = r"\x1b]0;owned\x07\x1b[2J\x9b2J\r\n\u202eok"


def is_harmless(text):
    return all(each.isprintable() for each in text.splitlines()) and "owned" in text


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_cell_of_a_table(monkeypatch, capsys, is_terminal):
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
    output.print_rows([{"node": EVIL}], [output.column("NODE", "node")], as_json=False, nothing="")
    assert SHOWN in capsys.readouterr().out


def test_an_error_a_note_and_a_tree(capsys):
    output.print_error("no such point", "it has " + EVIL)
    output.print_note(EVIL)
    shown = capsys.readouterr().err
    assert shown.count(SHOWN) == 2
    assert output.tree({"firmware": EVIL}) == [f"firmware  {SHOWN}"]


def test_json_says_the_same_without_what_a_terminal_obeys():
    text = output.json_text({"node": EVIL})
    assert is_harmless(text)
    assert json.loads(text) == {"node": EVIL}


def test_the_lines_and_the_live_table_of_watch():
    common = {"node": "aq-1", "point": EVIL, "utc_ms": 1 << 62, "received_ms": 0}
    event = {**common, "kind": "event", "event": "started", "detail": EVIL}
    reading = {**common, "kind": "reading", "number": 1, "value": 5, "unit": EVIL, "quality": "good"}
    assert SHOWN in line(event)
    assert SHOWN in line(reading)

    board = Board()
    board.take(event)
    board.take(reading)
    out = io.StringIO()
    Console(file=out, width=200, height=40, color_system=None).print(board.render())
    assert is_harmless(out.getvalue())


async def test_events_and_unknown_nodes_of_a_running_gateway(daemon, ask):
    await daemon.start()
    far = await daemon.node()
    far.say([messages.EVENT, 1, 1, 5, (1 << 63) - 1, 1, None, EVIL])
    await far.acked_up_to(1)
    stranger = FarNode(daemon.address, EVIL)
    await stranger.open()
    stranger.send_raw(stranger.hello())
    async with AsyncControlClient(daemon.control) as client:
        known = []
        while not known:
            known = await client.request("nodes.list", unknown=True)
    await stranger.hang_up()

    for command in (("events",), ("nodes", "--unknown"), ("events", "--json"), ("check",)):
        shown = await ask(*command)
        assert shown.code == 0, shown
        assert is_harmless(shown.out)
