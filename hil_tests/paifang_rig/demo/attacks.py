"""What someone on the line can do without keys: make a frame up, or send an old one again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from paifang_rig.tap import DOWN, Fault, Tap
from paifang_wire import cose, framing, messages

if TYPE_CHECKING:
    from collections.abc import Callable

_PEEK = cose.Mac0(b"", b"")


def forged_command(point: int, value: int) -> bytes:
    """A well-formed command under a key that the attacker made up, as it goes onto the stream."""
    command = [messages.COMMAND, os.urandom(8), point, messages.OP_DIRECT, value, None, 1 << 40, None, None]
    sealed = cose.Mac0(os.urandom(32), os.urandom(16)).seal(1 << 20, messages.encode(command))
    return framing.stream_frame(sealed)


def inject(tap: Tap, frame: bytes) -> Fault:
    """Let `frame` follow the next one that goes down to the node."""
    return tap.change(DOWN, lambda passing: passing + frame)


def listen_for_command(tap: Tap, heard: Callable[[bytes], None]) -> None:
    """Copy the next command that goes down, and let it pass."""

    def copy(passing: bytes) -> bytes:
        if _kind(passing) == messages.COMMAND:
            heard(passing)
        else:
            tap.change(DOWN, copy)
        return passing

    tap.change(DOWN, copy)


def _kind(stream: bytes) -> int:
    """The kind of a frame's message: payloads are signed, not hidden."""
    (frame,) = framing.StreamDecoder().feed(stream)
    return messages.decode(_PEEK.split(frame)[1])[0]
