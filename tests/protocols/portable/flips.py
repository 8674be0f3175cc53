"""Every message kind, sealed by real sessions, with every single bit turned: refused, and nothing has moved."""

from binascii import hexlify

from paifang_wire import messages as m
from paifang_wire.errors import WireError
from paifang_wire.link import GatewayLink
from paifang_wire.session import NodeSession

from .vectors import flipped

SITE = "ward-1"
NODE = "aq-1"
BOOT = 7
KEY = bytes(range(32))

UPWARD = (
    (
        m.DESCRIBE,
        b"12345678",
        [[1, "pm1", "µg/m3", m.INT, 0, 0, 1000, 0, None], [16, "fan", "", m.BOOL, 0, 0, 1, 1, "min-on"]],
    ),
    (m.REPORT, BOOT, 1, 3600000, 1790000000000, {1: 12, 2: -18, 3: 25, 7: None}, {7: m.MUTE}),
    (m.EVENT, BOOT, 2, 3600001, None, m.EV_SENSOR_MUTE, 7, "pms5003"),
    (m.GAP, BOOT, 3, 9, m.GAP_QUEUE_FULL),
    (m.RECEIPT, b"cmd-0001", bytes(range(32)), m.EXECUTED, 0, 0, 1, None, 7, 3600002, bytes(32), bytes(range(32, 64))),
    (m.CLOCK, 3600003),
    (m.BYE, 0),
    (m.HELD, m.ROOTED_KEYSET, 7, 0),
)
"""One message of each kind that a node sends in a session."""

DOWNWARD = (
    (m.ACK, BOOT, 9, 0b1010),
    (m.COMMAND, b"cmd-0001", 16, m.OP_DIRECT, 1, None, 3700000, None, None),
    (m.TIME, 3600003, 1790000000000, m.TIME_GATEWAY),
    (m.BYE, 1),
    (m.ROOTED, m.ROOTED_EPOCH, b"\x82\x64aq-1\x02", b"\x01" * 83, b"\x02" * 83),
    (m.RECALL, b"cmd-0001"),
    (m.STAGE, m.STAGED_PLAN, b"\x80"),
)
"""One message of each kind that a gateway sends in a session."""


def ports():
    """Return (name, receiver, frame) of every kind of frame; each receiver is ready to accept just that frame."""
    yield "hello", gateway(), node().hello("1.0", bytes(8), 1000, 1, 0, 5)
    here, there, welcome = greeted()
    yield "welcome", here, welcome
    yield "hello beside a live session", joined()[1], node(1).hello("1.0", bytes(8), 2000, 1, 0, 5)
    here, there, welcome = greeted()
    here.receive(welcome)
    yield "first frame", there, here.send((m.CLOCK, 1))
    here, there = joined()
    second = node(1)
    there.receive(second.hello("1.0", bytes(8), 2000, 1, 0, 5))
    second.receive(there.welcome(1, m.TIME_GATEWAY, [], False))
    yield "first frame beside a live session", there, second.send((m.CLOCK, 1))
    for message in UPWARD:
        here, there = joined()
        yield "up " + str(message[0]), there, here.send(message)
    for message in DOWNWARD:
        here, there = joined()
        yield "down " + str(message[0]), here, there.send(message)


def run():
    """Return [(name, bits, complaint or None)]; every bit of every frame is turned, then the whole frame must pass."""
    return [(name, 8 * len(frame), complaint(receiver, frame)) for name, receiver, frame in ports()]


def complaint(receiver, frame):
    """Return what went wrong with `frame` at `receiver`, or None."""
    before = state(receiver)
    for bit in range(8 * len(frame)):
        try:
            receiver.receive(flipped(frame, bit))
        except WireError:
            if state(receiver) != before:
                return "state moved at bit " + str(bit)
        else:
            return "bit " + str(bit) + " was not noticed"
    try:
        receiver.receive(frame)
    except WireError as error:
        return "the frame itself was refused: " + str(error)
    if state(receiver) == before:
        return "the comparison of states sees nothing"
    return None


OF_THE_LAST_FRAME = ("promoted", "claimed")
"""What a link tells of the frame it was given last, believed or not: no state."""


def state(thing):
    """Return everything that an object holds, all the way down, as a text."""
    if thing is None or isinstance(thing, (bool, int, str)):
        return repr(thing)
    if isinstance(thing, (bytes, bytearray)):
        return hexlify(thing).decode()
    if isinstance(thing, (list, tuple)):
        return "[" + ",".join([state(item) for item in thing]) + "]"
    if isinstance(thing, dict):
        return "{" + ",".join(sorted([state(key) + ":" + state(item) for key, item in thing.items()])) + "}"
    if callable(thing):
        return "callable"
    return "(" + state({name: item for name, item in thing.__dict__.items() if name not in OF_THE_LAST_FRAME}) + ")"


def node(handshake=0):
    """Return a node's session that has said nothing yet."""
    return NodeSession(SITE, NODE, BOOT, KEY, bytes, handshake)


def gateway():
    """Return a gateway's link that knows the one node."""
    return GatewayLink(SITE, lambda name: (KEY, 1) if name == NODE else None, bytes)


def greeted():
    """Return (node's session, gateway's link, welcome still under way)."""
    here = node()
    there = gateway()
    there.receive(here.hello("1.0", bytes(8), 1000, 1, 0, 5))
    return here, there, there.welcome(1790000000000, m.TIME_GATEWAY, [[BOOT, 0]], True)


def joined():
    """Return (node's session, gateway's link) of a live session, past the message that promoted it."""
    here, there, welcome = greeted()
    here.receive(welcome)
    there.receive(here.send((m.CLOCK, 1)))
    there.receive(here.send((m.CLOCK, 2)))
    return here, there


def main():
    """Print one line for each frame: name, bits, complaint."""
    for name, bits, finding in run():
        print(name + "|" + str(bits) + "|" + (finding or "ok"))
