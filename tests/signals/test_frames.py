"""Frames of the lock-step: what goes in comes out, and nothing that was touched passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paifang_rig.signals.shipped import frames

U8, U16, U32, U48 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 48))
S32 = st.integers(-(2**31), 2**31 - 1)
ASPECTS = st.lists(st.integers(0, 10), min_size=1, max_size=16)


@given(st.tuples(U16, U32, U32, U8, U8, U8, U8, U48, U8, S32))
def test_a_frame_down_says_what_was_put_in(values):
    frame = frames.down(*values)
    assert len(frame) == frames.DOWN_BYTES
    assert frames.read_down(frame) == values


@given(U16, U32, ASPECTS, U48, U8, U8, U8)
def test_a_frame_up_says_what_was_put_in(seq, t_ms, aspects, lamps, enable, mode, reason):
    frame = frames.up(seq, t_ms, bytes(aspects), lamps, enable, mode, reason)
    assert len(frame) == frames.UP_BYTES
    assert frames.read_up(frame, len(aspects)) == (seq, t_ms, bytes(aspects), lamps, enable, mode, reason)


@given(st.integers(0, 8 * frames.DOWN_BYTES - 1))
def test_a_bit_that_has_changed_is_found(bit):
    frame = bytearray(frames.down(7, 100, 3, 1))
    frame[bit // 8] ^= 1 << bit % 8
    with pytest.raises(frames.FrameError):
        frames.read_down(bytes(frame))


@pytest.mark.parametrize("frame", [b"", frames.down(1, 1)[:-1], frames.up(1, 1, b"\x00", 0, 0, 2, 0)])
def test_what_is_no_frame_is_refused(frame):
    with pytest.raises(frames.FrameError):
        frames.read_down(frame)
