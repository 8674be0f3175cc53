"""The frames of the lock-step: one down and one up each tick of 100 ms. Runs on the host and on a board alike.

    down: sync, seq u16, t_ms u32, detectors u32, pedestrians u8, priority u8, order u8, phases u8, currents u48,
          flags u8, clock s32, crc u16
    up:   sync, seq u16, t_ms u32, aspects u64, lamps u48, enable u8, mode u8, reason u8, crc u16

Little-endian; the crc is the low half of the CRC-32 of everything between it and the sync. The host sends one frame
and waits for the one with the same `seq`; the board's clock is `t_ms`, nothing else moves it.
"""

import struct
from binascii import crc32

SYNC_DOWN = 0xA5
SYNC_UP = 0x5A
NO_ORDER = 255

# Bits of `flags`, as in `cabinet`.
SUPPLY_OK = 1
RELAY_CLOSED = 8
FLASH_SWITCH = 16
RESET_BUTTON = 32
DOOR_OPEN = 64
SAMPLE_ONLY = 128  # no tick: the monitor alone takes one sample, at `t_ms`; for its tester

_DOWN = "<BHIIBBBBIHBiH"
_UP = "<BHIQIHBBBH"
DOWN_BYTES = struct.calcsize(_DOWN)
UP_BYTES = struct.calcsize(_UP)


class FrameError(ValueError):
    """Bytes that are no frame of the kind that was expected."""


def down(
    seq: int,
    t_ms: int,
    detectors: int = 0,
    pedestrians: int = 0,
    priority: int = 0,
    order: int = NO_ORDER,
    phases: int = 0,
    currents: int = 0,
    flags: int = SUPPLY_OK | RELAY_CLOSED,
    clock_ms: int = 0,
) -> bytes:
    """Bytes of what a board is told.

    `detectors`: bit i, row i of the plan's detectors is occupied; `pedestrians`: bit n - 1, the button of phase n;
    `priority`: low half preemptions, high half transit; `order`, `phases`: hold 0, force-off 1, omit 2, call 3,
    pedestrian call 4 for these phases, NO_ORDER for none; `currents`: bits of the groups whose red is lit,
    << 16 whose amber, << 32 whose green; `clock_ms`: how far the wall clock is ahead of `t_ms`.
    """
    return _sealed(
        struct.pack(
            _DOWN,
            SYNC_DOWN,
            seq & 0xFFFF,
            t_ms & 0xFFFFFFFF,
            detectors,
            pedestrians,
            priority,
            order,
            phases,
            currents & 0xFFFFFFFF,
            currents >> 32,
            flags,
            clock_ms,
            0,
        )
    )


def read_down(frame: bytes) -> tuple:
    """(seq, t_ms, detectors, pedestrians, priority, order, phases, currents, flags, clock_ms). Raises
    FrameError.
    """
    parts = _opened(frame, _DOWN, DOWN_BYTES, SYNC_DOWN)
    values = list(parts[1:8])
    values += [parts[8] | parts[9] << 32, parts[10], parts[11]]
    return tuple(values)


def up(seq: int, t_ms: int, aspects: bytes, lamps: int, enable: int, mode: int, reason: int) -> bytes:
    """Bytes of what a board answers. `aspects`: one a group, 16 at most; `lamps`: as `currents`; `mode`, `reason`:
    of the unit; `enable`: bit 0 the level of the toggling enable, from bit 1 on the reason of the monitor's trip.
    """
    packed = 0
    for i, aspect in enumerate(aspects):
        packed |= aspect << 4 * i
    head = (SYNC_UP, seq & 0xFFFF, t_ms & 0xFFFFFFFF, packed, lamps & 0xFFFFFFFF, lamps >> 32)
    return _sealed(struct.pack(_UP, *head, enable, mode, reason, 0))


def read_up(frame: bytes, count: int) -> tuple:
    """(seq, t_ms, aspects of `count` groups, lamps, enable, mode, reason). Raises FrameError."""
    _, seq, t_ms, packed, low, high, enable, mode, reason, _ = _opened(frame, _UP, UP_BYTES, SYNC_UP)
    aspects = bytes([packed >> 4 * i & 15 for i in range(count)])
    return seq, t_ms, aspects, low | high << 32, enable, mode, reason


def _sealed(frame: bytes) -> bytes:
    return frame[:-2] + struct.pack("<H", crc32(frame[1:-2]) & 0xFFFF)


def _opened(frame: bytes, layout: str, length: int, sync: int) -> tuple:
    if len(frame) != length or frame[0] != sync:
        raise FrameError(f"{len(frame)} bytes, first {frame[:1]}: no frame of {length} bytes")
    parts = struct.unpack(layout, frame)
    if parts[-1] != crc32(frame[1:-2]) & 0xFFFF:
        raise FrameError(f"checksum of frame {parts[1]}")
    return parts
