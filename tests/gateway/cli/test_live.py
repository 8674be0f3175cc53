"""What `paifang watch` draws on a terminal."""

import asyncio
import io
import os
import pty
import signal

from far_side import VOLTAGE
from rich.console import Console

from paifang.cli.live import Board
from paifang.cli.watch import line

HIGH, WIDE = 24, 80


def reading(node, point="voltage", value=230.1, quality="good", number=1, unit="V"):
    return {
        "kind": "reading",
        "node": node,
        "point": point,
        "number": number,
        "value": value,
        "unit": unit,
        "quality": quality,
        "utc_ms": None,
        "received_ms": 0,
    }


def screen(board):
    out = io.StringIO()
    Console(file=out, width=WIDE, height=HIGH, color_system=None).print(board.render())
    return out.getvalue().splitlines()


def rows(board):
    return [found.split() for found in screen(board) if found.strip()]


def test_nothing_yet_is_said():
    assert "no node has reported yet" in screen(Board())[0]


def test_nodes_of_one_kind_stand_together_with_a_column_a_point():
    board = Board()
    for node in ("sm-2", "sm-1"):
        board.take(reading(node))
        board.take(reading(node, "relay", True, number=16, unit=""))
    board.take(reading("aq-1", "pm25", 12, number=2, unit="µg/m3"))
    assert rows(board)[:2] == [["pm25"], ["NODE", "SEEN", "µg/m3"]]
    assert [row for row in rows(board) if row[0].startswith("sm")] == [
        ["sm-1", "0s", "230.1", "on"],
        ["sm-2", "0s", "230.1", "on"],
    ]


def test_a_value_that_is_not_there_shows_why():
    board = Board()
    board.take(reading("sm-1", value=None, quality="mute"))
    assert rows(board)[-1] == ["sm-1", "0s", "mute"]


def test_points_of_a_nodes_health_are_left_out():
    board = Board()
    board.take(reading("sm-1", "heap", 5, number=33))
    assert "heap" not in "".join(screen(board))


def test_what_happened_stands_below_and_the_oldest_goes():
    board = Board()
    for count in range(8):
        board.take({"kind": "node", "node": f"sm-{count}", "connected": count % 2 == 0})
    shown = "\n".join(screen(board))
    assert "sm-7  disconnected" in shown
    assert "sm-1  disconnected" not in shown


def test_more_nodes_than_lines_are_counted_and_the_screen_is_not_overrun():
    board = Board()
    for count in range(100):
        board.take(reading(f"sm-{count:03}"))
    shown = screen(board)
    assert len(shown) < HIGH
    assert "more lines; `paifang watch NODE` shows one node" in shown[-1]


def test_a_line_marks_the_quality_and_a_time_that_is_the_gateways():
    text = line(reading("sm-1", value=None, quality="absent"))
    assert text[0] == "~"
    assert text.endswith("sm-1  voltage - V  (absent)")


async def test_a_terminal_gets_a_live_table_until_ctrl_c(daemon, paifang):
    await daemon.start()
    node = await daemon.node()
    node.report(1, {VOLTAGE: 2301})
    await node.acked_up_to(1)
    terminal, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *paifang.command("watch"), stdin=theirs, stdout=theirs, stderr=theirs, env=paifang.environment
    )
    os.close(theirs)
    shown = ""
    async with asyncio.timeout(30):
        while "230.1" not in shown or "meter-1" not in shown:
            shown += (await asyncio.to_thread(os.read, terminal, 65536)).decode()
        process.send_signal(signal.SIGINT)
        draining = asyncio.create_task(asyncio.to_thread(drain, terminal))
        assert await process.wait() == 0
        assert "Traceback" not in await draining
    os.close(terminal)


def drain(terminal):
    """What is still to be read, until the other end is closed."""
    shown = b""
    while True:
        try:
            found = os.read(terminal, 65536)
        except OSError:
            return shown.decode()
        shown += found
