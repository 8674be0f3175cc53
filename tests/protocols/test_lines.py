"""Framing: what a stream or a serial line delivers, whole, in pieces and damaged, on both interpreters."""

from __future__ import annotations

import binascii
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portable import lines

from paifang_wire.framing import StreamDecoder, stream_frame
from paifang_wire.serial import SerialDecoder, serial_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import MicroPython

FRAMES = st.lists(st.binary(min_size=1, max_size=300), max_size=5)


@pytest.mark.parametrize("check", lines.CHECKS, ids=lambda check: check.__name__)
def test_on_cpython(check: Callable[[], None]) -> None:
    check()


def test_on_micropython(micropython: MicroPython) -> None:
    assert micropython.run("lines") == ["ok"] * len(lines.CHECKS)


@given(FRAMES, st.data())
def test_stream_in_any_pieces(frames: list[bytes], data: st.DataObject) -> None:
    assert fed(StreamDecoder(), b"".join(map(stream_frame, frames)), data) == frames


@given(FRAMES, st.data(), st.binary(max_size=20))
def test_serial_in_any_pieces_after_any_noise(frames: list[bytes], data: st.DataObject, noise: bytes) -> None:
    wire = noise.replace(b"\x00", b"\x01") + b"".join(map(serial_frame, frames))
    assert fed(SerialDecoder(), wire, data) == frames


@given(st.binary(max_size=600))
def test_serial_against_the_definition(frame: bytes) -> None:
    """CRC by the standard library, COBS by the letter of Cheshire and Baker's definition."""
    wire = serial_frame(frame)
    assert wire[:1] == wire[-1:] == b"\x00"
    assert 0 not in wire[1:-1]
    assert unstuffed(wire[1:-1]) == frame + (binascii.crc_hqx(frame, 0xFFFF) ^ 0xFFFF).to_bytes(2, "big")
    assert len(wire) <= len(frame) + 2 + (len(frame) + 2) // 254 + 3


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_serial_never_raises_and_holds_little(pieces: list[bytes]) -> None:
    decoder = SerialDecoder(30)
    for piece in pieces:
        assert all(len(frame) <= 30 for frame in decoder.feed(piece))
        assert len(decoder._rest) <= 80


def test_crc_check_value() -> None:
    assert serial_frame(b"123456789")[-3:-1] == bytes.fromhex("d64e")


def fed(decoder: StreamDecoder | SerialDecoder, wire: bytes, data: st.DataObject) -> list[bytes]:
    """Feed `wire` in pieces that hypothesis chooses; return all frames."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=6)))
    edges = [0, *cuts, len(wire)]
    return [frame for start, end in pairwise(edges) for frame in decoder.feed(wire[start:end])]


def unstuffed(block: bytes) -> bytes:
    """Decode COBS: each code byte n stands for n - 1 bytes and then a zero, but for 255 and for the last."""
    out = bytearray()
    while block:
        code = block[0]
        out += block[1:code]
        block = block[code:]
        if code < 255 and block:
            out.append(0)
    return bytes(out)
