"""The outgoing queue: records numbered at creation, held in RAM until the gateway has them for good.

Sans-IO. One preallocated ring of bytes, so that a long outage fills what was set aside at start and never the heap.
When it is full the oldest record goes, and is declared: every number is either acknowledged or in a declared gap.
"""

from micropython import const

from paifang_wire.messages import GAP_QUEUE_FULL, GAP_SETTLED_BEFORE

WINDOW = const(32)
_HEADER_BYTES = const(2)  # length, with the settled flag on top
_SETTLED = const(0x8000)
_LENGTH_MASK = const(0x7FFF)
_RESEND_MS = const(5_000)
_GAPS = const(8)


class Outbox:
    """Numbers run from 1 without holes: `first` is the oldest record held, `next_number` the one to be added.

    Up to `copied` the journal has them, too: these may go without being lost. Up to `released` some have gone so and
    are not settled; the journal has to send them before what is here can be.
    """

    def __init__(self, capacity_bytes: int) -> None:
        self._ring = bytearray(capacity_bytes)
        self._used = 0
        self._head = 0
        self.first = 1
        self.next_number = 1
        self._send_number = 1
        self._send_offset = 0
        self._gaps = []
        self._gaps_sent = 0
        self._waiting_since_ms = 0
        self.window = WINDOW
        self.dropped = self.copied = self.released = 0

    def __len__(self) -> int:
        return self.next_number - self.first

    @property
    def is_half_empty(self) -> bool:
        return 2 * self._used < len(self._ring)

    @property
    def has_unsent(self) -> bool:
        """Some record was not sent yet, or is to be sent once more."""
        return self._send_number < self.next_number

    def has_room(self, count: int) -> bool:
        """A payload of `count` bytes would cost no other."""
        return self._used + _HEADER_BYTES + count <= len(self._ring)

    def unsettled(self, first: int):
        """(number, payload) of each record from `first` on that is not settled; not to be changed meanwhile."""
        offset = self._head
        for number in range(self.first, self.next_number):
            header = self._header(offset)
            offset += _HEADER_BYTES
            if number >= first and not header & _SETTLED:
                yield number, self._get(offset, header & _LENGTH_MASK)
            offset += header & _LENGTH_MASK

    def add(self, payload: bytes) -> int:
        """Take the payload of record `next_number`. Returns how many older ones had to go for it."""
        need = _HEADER_BYTES + len(payload)
        if need > len(self._ring):
            raise ValueError("record of %d bytes in a queue of %d" % (len(payload), len(self._ring)))
        dropped = self.dropped
        while self._used + need > len(self._ring):
            self._drop_oldest()
        tail = self._head + self._used
        self._put(tail, len(payload).to_bytes(_HEADER_BYTES, "big"))
        self._put(tail + _HEADER_BYTES, payload)
        self._used += need
        self.next_number += 1
        return self.dropped - dropped

    def take(self, now_ms: int):
        """The payload to send next, or None when all is sent or `window` records wait for their acknowledgement."""
        while self._send_number < self.next_number and self._send_number - self.first < self.window:
            header = self._header(self._send_offset)
            offset = self._send_offset + _HEADER_BYTES
            self._send_offset = (offset + (header & _LENGTH_MASK)) % len(self._ring)
            self._send_number += 1
            if not header & _SETTLED:
                self._waiting_since_ms = now_ms
                return self._get(offset, header & _LENGTH_MASK)
        return None

    def take_gap(self, now_ms: int):
        """(first, last, reason) of the next gap that is to be declared, or None."""
        if self._gaps_sent == len(self._gaps):
            return None
        gap = self._gaps[self._gaps_sent]
        self._gaps_sent += 1
        self._waiting_since_ms = now_ms
        return gap

    def acknowledge(self, high: int, bitmap: int, now_ms: int) -> None:
        """Settle every number up to `high`, and high + 1 + i for each bit i of `bitmap`."""
        high = min(high, self.next_number - 1)
        number = self.first
        offset = self._head
        while number < self.next_number and (number <= high or bitmap >> (number - high - 1)):
            header = self._header(offset)
            if number <= high or bitmap >> (number - high - 1) & 1:
                self._put(offset, (header | _SETTLED).to_bytes(_HEADER_BYTES, "big"))
            offset += _HEADER_BYTES + (header & _LENGTH_MASK)
            number += 1
        while len(self) and self._header(self._head) & _SETTLED:
            self._advance()
        if high >= self.released:
            self.released = 0
        while self._gaps and self._gaps[0][1] <= high:
            self._gaps.pop(0)
            self._gaps_sent = max(self._gaps_sent - 1, 0)
        self._waiting_since_ms = now_ms

    def resume(self, high: int, now_ms: int) -> None:
        """Begin a session with a gateway that has everything up to `high`, and send it the rest.

        A gateway that has less than it once acknowledged has lost its memory: what is gone here too is declared, or its
        mark could never move again.
        """
        self._gaps = [gap for gap in self._gaps if gap[2] == GAP_QUEUE_FULL]
        self.acknowledge(high, 0, now_ms)
        missing = self.first - 1 - high
        for first, last, _ in self._gaps:
            missing -= last - max(first, high + 1) + 1
        if missing > 0 and not self.released:
            self._gaps.append((high + 1, self.first - 1, GAP_SETTLED_BEFORE))
        self.rewind()

    def rewind(self) -> None:
        """Send everything that is not settled once more: after a reconnect, or when no acknowledgement comes."""
        self._send_number = self.first
        self._send_offset = self._head
        self._gaps_sent = 0

    def resend_in_ms(self, now_ms: int):
        """Time until a `rewind` is due; None when nothing waits for an acknowledgement."""
        if self._send_number == self.first and not self._gaps_sent:
            return None
        return max(self._waiting_since_ms + _RESEND_MS - now_ms, 0)

    def _drop_oldest(self) -> None:
        if self._header(self._head) & _SETTLED:
            pass
        elif self.first <= self.copied:
            self.released = self.first
        else:
            self.dropped += 1
            self._declare(self.first)
        self._advance()

    def _declare(self, number: int) -> None:
        gaps = self._gaps
        if gaps and (gaps[-1][1:] == (number - 1, GAP_QUEUE_FULL) or len(gaps) == _GAPS):
            # Out of room for gaps, two become one: what lies between them is settled, and declaring it changes nothing.
            gaps[-1] = (gaps[-1][0], number, GAP_QUEUE_FULL)
        else:
            gaps.append((number, number, GAP_QUEUE_FULL))
        self._gaps_sent = min(self._gaps_sent, len(gaps) - 1)

    def _advance(self) -> None:
        size = _HEADER_BYTES + (self._header(self._head) & _LENGTH_MASK)
        self._head = (self._head + size) % len(self._ring)
        self._used -= size
        self.first += 1
        if self._send_number <= self.first:
            self._send_number = self.first
            self._send_offset = self._head

    def _header(self, offset: int) -> int:
        ring = self._ring
        return ring[offset % len(ring)] << 8 | ring[(offset + 1) % len(ring)]

    def _put(self, offset: int, data: bytes) -> None:
        ring = self._ring
        offset %= len(ring)
        fits = min(len(data), len(ring) - offset)
        ring[offset : offset + fits] = data[:fits]
        if fits < len(data):
            ring[: len(data) - fits] = data[fits:]

    def _get(self, offset: int, count: int) -> bytes:
        ring = self._ring
        offset %= len(ring)
        data = bytes(ring[offset : offset + count])
        if len(data) < count:
            data += bytes(ring[: count - len(data)])
        return data
