"""Every single-bit flip of every kind of frame is refused by its receiver and moves nothing, on both interpreters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portable import flips

from paifang_wire import messages

if TYPE_CHECKING:
    from .conftest import MicroPython

FRAMES = 5 + len(flips.UPWARD) + len(flips.DOWNWARD)


def test_on_cpython() -> None:
    results = flips.run()
    assert [(name, finding) for name, _, finding in results if finding] == []
    assert len(results) == FRAMES
    assert sum(bits for _, bits, _ in results) > 4_000


def test_on_micropython(micropython: MicroPython) -> None:
    lines = [line.split("|") for line in micropython.run("flips")]
    assert [(name, finding) for name, _, finding in lines if finding != "ok"] == []
    assert [(name, int(bits)) for name, bits, _ in lines] == [(name, bits) for name, bits, _ in flips.run()]


def test_every_kind_is_among_them() -> None:
    kinds = {message[0] for message in flips.UPWARD + flips.DOWNWARD} | {messages.HELLO, messages.WELCOME}
    assert kinds == set(range(len(messages.SHAPES)))
    assert {message[0] for message in flips.UPWARD} == set(messages.UPWARD)
    assert {message[0] for message in flips.DOWNWARD} == set(messages.DOWNWARD)
