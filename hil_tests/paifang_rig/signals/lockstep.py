"""The other end of the lock-step, run by MicroPython: `lockstep.serve(descriptor)`, records beside it as files."""

import sys

import frames  # pyright: ignore[reportMissingImports] - they lie beside it on the board
import joined  # pyright: ignore[reportMissingImports]


def serve(descriptor: int) -> None:
    """Answer each frame with a tick of the node, until nobody sends any more."""
    channel = open(descriptor, "rb+")  # noqa: SIM115 - MicroPython; the line is closed with the process
    with open("site.cbor", "rb") as file:  # noqa: PTH123 - as above
        site_record = file.read()
    with open("plan.cbor", "rb") as file:  # noqa: PTH123 - as above
        node = joined.Joined(site_record, file.read())
    while True:
        frame = channel.read(frames.DOWN_BYTES)
        if not frame:
            return
        seq, t_ms, covered, pedestrians, priority, order, phases, _, flags = frames.read_down(frame)
        if order != frames.NO_ORDER:
            node.order(order, phases)
        node.flash(bool(flags & frames.FLASH_SWITCH))
        node.tick(t_ms, covered, pedestrians, priority & 15, priority >> 4)
        unit = node.interlock
        channel.write(frames.up(seq, t_ms, unit.aspects, 0, 0, unit.mode))


if __name__ == "__main__":
    serve(int(sys.argv[1]))
