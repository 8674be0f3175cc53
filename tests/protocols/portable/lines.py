"""Framing under damage: every split of a stream, and every one-byte or one-bit fault on a serial line."""

from paifang_wire.errors import CRC, NOT_CBOR, SHAPE, TOO_LONG
from paifang_wire.framing import StreamDecoder, stream_frame
from paifang_wire.serial import SerialDecoder, serial_frame

from .models import Dice
from .plain import refusal
from .vectors import expect, flipped

EDGE_LENGTHS = (1, 2, 23, 24, 25, 54, 252, 253, 254, 255, 256, 257, 507, 508, 509, 4096)
"""Around every border of the two encodings: heads of 1, 2 and 3 bytes; COBS runs of 254."""


def check_round_trips():
    """Each length, in each texture, comes out whole, alone and after another frame."""
    dice = Dice(1)
    for length in EDGE_LENGTHS:
        for frame in (bytes(length), b"\xff" * length, dice.bytes(length), dice.bytes(length)):
            expect(StreamDecoder().feed(stream_frame(frame) + stream_frame(b"next")), [frame, b"next"])
            expect(SerialDecoder().feed(serial_frame(frame) + serial_frame(b"next")), [frame, b"next"])


def check_stream_splits():
    """A sequence cut in three at every pair of places gives the same frames."""
    frames = [b"", b"x" * 23, b"y" * 24, b"z" * 256, b"end"]
    wire = b"".join([stream_frame(frame) for frame in frames])
    for first in range(len(wire)):
        for second in range(first, len(wire), 7 if len(wire) - first > 40 else 1):
            decoder = StreamDecoder()
            got = decoder.feed(wire[:first]) + decoder.feed(wire[first:second]) + decoder.feed(wire[second:])
            expect(got, frames)


def check_stream_bytewise():
    """One byte at a time, each frame appears with its last byte."""
    decoder = StreamDecoder()
    for frame in (b"", b"a", b"b" * 300):
        wire = stream_frame(frame)
        for byte in wire[:-1]:
            expect(decoder.feed(bytes((byte,))), [])
        expect(decoder.feed(wire[-1:]), [frame])


def check_stream_heads():
    """Of all 256 first bytes only those of a short byte string may start a frame."""
    for first in range(256):
        wanted = None if 0x40 <= first <= 0x59 else TOO_LONG if first == 0x5A else NOT_CBOR
        expect(refusal(StreamDecoder().feed, bytes((first,))), wanted)
    for head, wanted in (
        (b"\x58\x17", NOT_CBOR),
        (b"\x59\x00\xff", NOT_CBOR),
        (b"\x59\x10\x00", None),
        (b"\x59\x10\x01", TOO_LONG),
        (b"\x59\xff\xff", TOO_LONG),
        (b"\x5a\x00\x00\x00\x01", TOO_LONG),
    ):
        expect(refusal(StreamDecoder().feed, head), wanted)
    expect(refusal(StreamDecoder(10).feed, stream_frame(b"x" * 10)), None)
    expect(refusal(StreamDecoder(10).feed, stream_frame(b"x" * 11)), TOO_LONG)


def check_serial_splits():
    """A line read in pieces of any size gives the same frames, whatever noise came before."""
    frames = [b"\x00" * 5, b"a" * 300, b"\x01\x00\x02", b"end"]
    wire = b"noise" + b"".join([serial_frame(frame) for frame in frames])
    for size in range(1, len(wire) + 1):
        decoder = SerialDecoder()
        got = []
        for start in range(0, len(wire), size):
            got += decoder.feed(wire[start : start + size])
        expect(got, frames)
        expect(sum(decoder.errors.values()), 1)


def check_serial_faults():
    """Any one-bit flip, lost, doubled or zeroed byte costs at most the frame it hits and invents none."""
    frames = [b"first", bytes(range(40)), b"\x00\x00\x00", b"last" * 5]
    pieces = [serial_frame(frame) for frame in frames]
    start = 0
    wire = b"".join(pieces)
    for index in range(len(pieces)):
        others = frames[:index] + frames[index + 1 :]
        for where in range(start, start + len(pieces[index])):
            for damaged in faults(wire, where):
                got = SerialDecoder().feed(damaged)
                expect(got in (frames, others), True)
        start += len(pieces[index])


def faults(wire, where):
    """Return `wire` with each fault at byte `where`."""
    out = [flipped(wire, 8 * where + bit) for bit in range(8)]
    before, after = wire[:where], wire[where + 1 :]
    out.append(before + after)
    for byte in (0, 1, 0xFF):
        out.append(before + bytes((byte,)) + after)
        out.append(before + bytes((byte,)) + wire[where:])
    return out


def check_serial_bursts():
    """A random burst that hits one frame of many costs that one and the frames after it are found at once."""
    for seed in range(60):
        dice = Dice(seed)
        frames = [dice.bytes(1 + dice.below(70)) for _ in range(4)]
        pieces = [serial_frame(frame) for frame in frames]
        hit = bytearray(pieces[1])
        where = dice.below(len(hit))
        end = min(len(hit), where + 1 + dice.below(12))
        hit[where:end] = dice.bytes(dice.below(16))
        got = SerialDecoder().feed(pieces[0] + bytes(hit) + pieces[2] + pieces[3])
        expect(got == frames or got == [frames[0], frames[2], frames[3]], True)


def check_serial_refusals():
    """Each kind of damage is counted under its own reason; nothing is raised."""
    good = serial_frame(b"frame")
    for damage, reason in (
        (b"\x00\x09abc\x00", SHAPE),
        (b"\x00" + good[1:-2] + b"\x7f\x00", CRC),
        (b"\x00\x03ab\x00", CRC),
        (b"\x00\x02\x07\x00", CRC),
        (b"\x00\x01\x00", CRC),
    ):
        decoder = SerialDecoder()
        expect(decoder.feed(damage + good), [b"frame"])
        expect(decoder.errors, {reason: 1})
    decoder = SerialDecoder()
    expect(decoder.feed(b"\x00" * 50 + good), [b"frame"])
    expect(decoder.errors, {})


def check_serial_length():
    """A block that never ends is counted once and held no longer than a frame; the next frame is found."""
    decoder = SerialDecoder(100)
    for _ in range(50):
        expect(decoder.feed(b"\x11" * 40), [])
    expect(decoder.feed(serial_frame(b"x" * 100)), [b"x" * 100])
    expect(decoder.errors, {TOO_LONG: 1})
    for frame in (b"y" * 101, b"y" * 117, bytes(101)):
        decoder = SerialDecoder(100)
        expect(decoder.feed(serial_frame(frame) + serial_frame(b"z")), [b"z"])
        expect(decoder.errors, {TOO_LONG: 1})


CHECKS = (
    check_round_trips,
    check_stream_splits,
    check_stream_bytewise,
    check_stream_heads,
    check_serial_splits,
    check_serial_faults,
    check_serial_bursts,
    check_serial_refusals,
    check_serial_length,
)


def main():
    """Run each check and print its outcome."""
    for check in CHECKS:
        try:
            check()
        except Exception as error:
            print(check.__name__ + ": " + repr(error))
        else:
            print("ok")
