"""The journal: records that wait on flash, over power cuts and as many boots as it takes, until the gateway has them.

Sans-IO but for its files (`segments`). Records go through a buffer in RAM, so that the flash is written seldom and in
large pieces: **kept is what has been flushed**. They are sent in the order in which they came, from a file or from the
buffer, a few at a time; what is acknowledged is remembered in RAM only, and a segment is deleted once all of it is. So
after a power cut one segment at the most is sent twice, which the gateway sees from the records' numbers.

A place in the journal is one number, segment * _SPAN + offset; a record has it once it is added.
"""

from micropython import const

from paifang_wire import messages
from paifang_wire.messages import BACKLOG, GAP_DAMAGED, GAP_SETTLED_BEFORE

from .losses import Losses
from .segments import ENTRY_LIMIT, FRAME, framed, ids

_WINDOW = const(16)
_RESEND_MS = const(5_000)
_SPAN = const(131_072)  # more than any segment has
_SETTLED = const(0)  # in the place of a boot


class Journal:
    """`segments`: a `Segments`; `boot`: this one; `capacity`: bytes of the buffer, at most those of a segment.

    `live_first()`: the oldest number of this boot's live lane in RAM, from where such records are sent. Here are copies
    of them, for a boot without that RAM. `damaged` counts the places that could not be read, in this boot.
    """

    def __init__(self, segments, boot: int, capacity: int, live_first) -> None:
        self._files = segments
        self._boot = boot
        self._live_first = live_first
        self._buffer = bytearray(capacity)
        self._used = 0
        self._cut = -1  # where in the buffer the segment behind `_tail` begins
        self._sent = []  # [boot, number, place behind it] in order, until settled from the front
        self._passed = [0, 0, 0]  # a boot, and the highest number of each of its lanes that was passed
        self._highs = {}
        self._losses = losses = Losses(segments, self._highs)
        self._tail = max(segments.last, losses.doomed) + 1  # of the buffer's first byte: each boot begins a new one
        self._tail_size = 0  # bytes of it that are on flash
        self._is_writing = False
        self._is_damaged = False
        self._seen = self._waiting_since_ms = 0
        self.since_ms = 0  # when the oldest record in the buffer came
        self.next_number = BACKLOG + 1
        self.damaged = 0
        first = max(segments.first, losses.doomed + 1) if segments.bytes else self._tail
        self._acked = self._at = first * _SPAN

    # In

    def add(self, payload: bytes, now_ms: int) -> bool:
        """Take a record; False when there is no room. One of the backlog lane has the number `next_number`."""
        need = FRAME + len(payload)
        if self._used + need > len(self._buffer) or len(payload) > ENTRY_LIMIT or not self._fits(need):
            return False
        if not self._used:
            self.since_ms = now_ms
        self._buffer[self._used : self._used + need] = framed(payload)
        self._used += need
        if ids(payload)[1] == self.next_number:
            self.next_number += 1
        return True

    @property
    def buffered(self) -> int:
        """Bytes that are not on flash yet."""
        return self._used

    @property
    def is_buffer_filling(self) -> bool:
        return 4 * self._used > 3 * len(self._buffer)

    @property
    def is_half_empty(self) -> bool:
        return self._files.is_half_empty

    @property
    def dropped(self) -> int:
        """Records that had to go because the journal was full, over all boots."""
        return self._losses.dropped

    @property
    def waiting(self) -> int:
        """Bytes of all segments and the buffer."""
        return self._files.bytes + self._used

    def flushing(self):
        """Put what is in the buffer on flash, in steps. Raises OSError; then it is still in the buffer."""
        self._is_writing = True
        try:
            while self._used:
                if not self._tail_size:
                    yield from self._making_room()
                count = self._used if self._cut < 0 else self._cut
                yield from self._files.append(self._tail, self._tail_size, memoryview(self._buffer)[:count])
                self._shift(count)
                yield
        finally:
            self._is_writing = False

    def tidying(self):
        """Delete what is acknowledged, in steps. Raises OSError."""
        self._clear()
        files = self._files
        while files.first <= files.last and files.first < self._acked // _SPAN:
            files.remove_first()
            yield
        if self._losses.tidy():
            yield

    # Out

    def take(self, now_ms: int):
        """The payload to send next, which may be a gap; None when all is sent, or enough is under way."""
        payload = self._losses.take() or self._take_record()
        if payload is not None:
            self._waiting_since_ms = now_ms
        return payload

    def acknowledge(self, boot: int, high: int, bitmap: int, now_ms: int) -> None:
        """Settle, of the boot's lane that `high` is in, all up to `high` and what `bitmap` names above it."""
        lane = high >= BACKLOG
        self._highs[boot, lane] = max(high, self._losses.high(boot, lane))
        for entry in self._sent:
            number = entry[1]
            if entry[0] != boot or (number >= BACKLOG) != lane:
                continue
            if number <= high or bitmap >> (number - high - 1) & 1:
                entry[0] = _SETTLED
        self._losses.settle()
        self._settle()
        self._waiting_since_ms = now_ms

    def resume(self, stored: list) -> None:
        """Begin a session with a gateway that has [[boot, high], …], one a lane, and send it the rest."""
        self._highs.clear()
        for boot, high in stored:
            self._highs[boot, high >= BACKLOG] = high
        self.rewind()

    def rewind(self) -> None:
        """Send everything that is not settled once more."""
        self._at = self._acked
        self._sent.clear()
        self._passed[0] = 0
        self._losses.rewind()

    def resend_in_ms(self, now_ms: int):
        """Time until a `rewind` is due; None when nothing waits for an acknowledgement."""
        if not self._losses.is_under_way and not any([self._awaits(entry) for entry in self._sent]):
            return None
        return max(self._waiting_since_ms + _RESEND_MS - now_ms, 0)

    # The buffer

    def _fits(self, need: int) -> bool:
        """Make the next segment begin here if the one before has no room; the buffer reaches over one such end."""
        if self._end() + need <= self._files.size:
            return True
        if not self._used:
            self._tail += 1
            self._tail_size = 0
        elif self._cut < 0:
            self._cut = self._used
        else:
            return False
        return True

    def _end(self) -> int:
        """Where the buffer ends, in its last segment."""
        return self._tail_size + self._used if self._cut < 0 else self._used - self._cut

    def _shift(self, count: int) -> None:
        """The first `count` bytes are on flash."""
        view = memoryview(self._buffer)
        self._used -= count
        view[: self._used] = view[count : count + self._used]
        self._tail_size += count
        if self._cut >= 0:
            self._cut -= count
            if not self._cut:
                self._cut = -1
                self._tail += 1
                self._tail_size = 0

    def _clear(self) -> None:
        """Once all is settled, nothing of it needs to get to the flash."""
        if self._acked < self._end_place() or self._is_writing:
            return
        if self._cut >= 0 or self._tail_size:
            self._tail += 1
        self._used = self._tail_size = 0
        self._cut = -1
        self._acked = self._at = self._tail * _SPAN

    def _end_place(self) -> int:
        return (self._tail if self._cut < 0 else self._tail + 1) * _SPAN + self._end()

    # Reading

    def _take_record(self):
        while len(self._sent) < _WINDOW:
            payload, behind = self._read(self._at)
            if payload is None:
                if not self._sent:
                    self._acked = self._at = self._end_place()
                return None
            boot, number = ids(payload)
            gap = None if boot == self._boot and number < BACKLOG else self._hole(boot, number)
            if gap is not None:
                self._sent.append([boot, gap[3], self._at])
                return messages.encode(gap)
            self._at = behind
            is_settled = number <= self._losses.high(boot, number >= BACKLOG)
            self._sent.append([_SETTLED if is_settled else boot, number, behind])
            if not is_settled and not self._is_in_ram(boot, number):
                return payload
            self._settle()
        return None

    def _read(self, place: int) -> tuple:
        """(payload, place behind it) of the next record; (None, 0) when there is none."""
        files = self._files
        while True:
            segment, offset = divmod(place, _SPAN)
            if segment > self._tail or (segment == self._tail and offset >= self._tail_size):
                return self._read_buffer(segment, offset)
            payload, offset, damaged = files.read(segment, offset)
            if damaged:
                self._note_damage(place)
            if payload is not None:
                return payload, segment * _SPAN + offset
            if segment == self._tail:
                place = segment * _SPAN + self._tail_size
            else:
                place = min(files.following(segment), self._tail) * _SPAN

    def _read_buffer(self, segment: int, offset: int) -> tuple:
        index = offset - self._tail_size
        if self._cut >= 0 and (segment > self._tail or index >= self._cut):
            offset = offset if segment > self._tail else 0
            segment = self._tail + 1
            index = self._cut + offset
        elif segment > self._tail:
            return None, 0
        if index >= self._used:
            return None, 0
        count = self._buffer[index + 1] << 8 | self._buffer[index + 2]
        payload = bytes(memoryview(self._buffer)[index + FRAME : index + FRAME + count])
        return payload, segment * _SPAN + offset + FRAME + count

    def _note_damage(self, place: int) -> None:
        self._is_damaged = True
        if place >= self._seen:  # and not the same once more
            self.damaged += 1
            self._seen = place + 1

    def _hole(self, boot: int, number: int):
        """The GAP that has to be declared before this record: its lane may not wait for what will not come."""
        passed, lane = self._passed, number >= BACKLOG
        if passed[0] != boot:
            passed[:] = boot, self._losses.known(boot, False), self._losses.known(boot, True)
        first, passed[1 + lane] = passed[1 + lane] + 1, max(number, passed[1 + lane])
        reason = GAP_DAMAGED if self._is_damaged else GAP_SETTLED_BEFORE
        self._is_damaged = False
        if number <= first:
            return None
        passed[1 + lane] = number - 1
        return messages.GAP, boot, first, number - 1, reason

    def _settle(self) -> None:
        sent = self._sent
        while sent and sent[0][0] == _SETTLED:
            self._acked = sent.pop(0)[2]

    def _is_in_ram(self, boot: int, number: int) -> bool:
        return boot == self._boot and self._live_first() <= number < BACKLOG

    def _awaits(self, entry: list) -> bool:
        """It was sent from here, or has to be, and is not settled; what waits in RAM, too, is sent from there."""
        return entry[0] != _SETTLED and not self._is_in_ram(entry[0], entry[1])

    # The oldest go

    def _making_room(self):
        files = self._files
        while files.is_full:
            if files.first > self._losses.doomed and files.first >= self._acked // _SPAN:
                yield from self._dropping(files.first)
            files.remove_first()
            behind = min(files.first, self._tail) * _SPAN
            self._acked = max(self._acked, behind)
            self._at = max(self._at, behind)
            self._sent = [entry for entry in self._sent if entry[2] >= behind]
            yield

    def _dropping(self, segment: int):
        """Count what is lost with the oldest segment, and write down that it is: it counts, whenever power fails."""
        offset = max(self._acked - segment * _SPAN, 0)
        count, lasts = 0, {}
        while True:
            payload, offset, _ = self._files.read(segment, offset)
            if payload is None:
                break
            boot, number = ids(payload)
            is_settled = number <= self._losses.high(boot, number >= BACKLOG)
            if not is_settled and (boot != self._boot or number >= BACKLOG):
                lasts[boot, number >= BACKLOG] = number
                count += 1
            yield
        self._losses.drop(segment, count, lasts)
