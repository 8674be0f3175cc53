"""A ward that a Modbus server shows: what stands where, and what it is now."""

from __future__ import annotations

from fractions import Fraction

from paifang.bridges.modbus.server import DONE, Server
from paifang.bridges.modbus.server_map import Entry, RegisterMap, Shown
from paifang_wire import messages

GOOD = messages.GOOD
ENTRIES = (
    Entry(1, 0, "meter-1", "power", "float32"),
    Entry(1, 2, "meter-1", "energy", "int32", scale=1),
    Entry(1, 4, "meter-1", "voltage", "uint16", scale=-1),
    Entry(1, 5, "meter-1", "flow", "int16", order="ABCD", scale=-2, is_writable=True),
    Entry(1, 6, "meter-1", "setpoint", "float32", order="CDAB", is_writable=True),
    Entry(1, 8, "meter-1", "big", "int64"),
    Entry(1, 20, "relays", "relay_1", "bit", is_writable=True),
    Entry(1, 21, "relays", "relay_2", "bit"),
    Entry(7, 0, "meter-7", "power", "float64"),
)
NOW = {
    ("meter-1", "power"): Shown(Fraction("1234.5"), GOOD),
    ("meter-1", "energy"): Shown(Fraction(123_450), GOOD),
    ("meter-1", "voltage"): Shown(Fraction("230.16"), messages.INDICATIVE),
    ("meter-1", "flow"): Shown(Fraction("-1.5"), GOOD),
    ("meter-1", "setpoint"): Shown(Fraction("21.5"), GOOD),
    ("meter-1", "big"): Shown(Fraction(-5), GOOD),
    ("relays", "relay_1"): Shown(Fraction(1), GOOD),
    ("relays", "relay_2"): Shown(Fraction(0), GOOD),
    ("meter-7", "power"): Shown(Fraction("0.1"), GOOD),
}
READ_ONLY = [Entry(entry.unit, entry.address, entry.node, entry.point, entry.type) for entry in ENTRIES]


class Ward:
    def __init__(self, entries=ENTRIES):
        self.now = dict(NOW)
        self.server = Server(RegisterMap(entries), lambda entry: self.now[entry.node, entry.point])
        self.written = []
        self.verdict = DONE

    def ask(self, *pdu, unit=1):
        """The answer to a PDU in bytes or hexadecimal digits; of a write, who is to decide what."""
        return self.server.answer(
            unit, b"".join(bytes.fromhex(each) if isinstance(each, str) else each for each in pdu)
        )

    def registers(self, first, count, unit=1, function=3):
        answer = self.ask(bytes((function,)), first.to_bytes(2), count.to_bytes(2), unit=unit)
        assert answer[:2] == bytes((function, 2 * count)), answer.hex()
        return answer[2:]

    async def on_write(self, write, peer):
        assert peer == "127.0.0.1"
        self.written.append((write.entry.node, write.entry.point, write.value))
        return self.verdict
