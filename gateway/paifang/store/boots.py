"""What is settled of each boot of each node, in memory: the place where a record is found to be new or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang_wire.marks import RecordMarks
from paifang_wire.messages import BACKLOG, WELCOME_BOOTS

if TYPE_CHECKING:
    from paifang.store.sql import Connection

COLUMNS = (
    "node,boot,high,bitmap,stored,lost,description,firmware,reset_cause,offset_ms,uptime_ms,seen_ms,"
    "backlog_high,backlog_bitmap"
)

UPSERT = "ON CONFLICT(node,boot) DO UPDATE SET " + ",".join(
    f"{column}=excluded.{column}" for column in COLUMNS.split(",")[2:]
)

_SIGN = 1 << 63
_SPAN = 1 << 64


class Boot:
    """One boot of one node: `marks` says which numbers of its live lane are settled, `stored` and `lost` how.

    `backlog` are the marks of its backlog lane. All numbers up to `synced_high` and `synced_backlog` are settled
    in the file too. It is `queued` for the next commit, or `in_flight` with the one under way; `backlog_queued`: with
    news of that lane.
    """

    __slots__ = (
        "backlog",
        "backlog_queued",
        "boot",
        "description",
        "firmware",
        "in_flight",
        "lost",
        "marks",
        "node",
        "offset_ms",
        "queued",
        "reset_cause",
        "seen_ms",
        "stored",
        "synced_backlog",
        "synced_high",
        "uptime_ms",
    )

    def __init__(self, node: str, boot: int) -> None:
        self.node = node
        self.boot = boot
        self.marks = RecordMarks()
        self.backlog = RecordMarks(BACKLOG)
        self.synced_high = 0
        self.synced_backlog = BACKLOG
        self.backlog_queued = False
        self.stored = 0
        self.lost = 0
        self.description: bytes | None = None
        self.firmware: str | None = None
        self.reset_cause: int | None = None
        self.offset_ms: int | None = None
        self.uptime_ms = 0
        self.seen_ms = 0
        self.queued = False
        self.in_flight = False

    def lane(self, number: int) -> RecordMarks:
        """The marks of the lane that a record's number is of."""
        return self.backlog if number >= BACKLOG else self.marks

    def acks(self) -> list[tuple[str, int, int, int]]:
        """What may be said once it is synced, an ack a lane that has news: (node, boot, high, bitmap)."""
        lanes = (self.marks, self.backlog) if self.backlog_queued else (self.marks,)
        return [(self.node, self.boot, lane.high, lane.bitmap) for lane in lanes]

    def synced(self) -> list[list[int]]:
        """[boot, high] of each lane, as it is in the file; of the backlog lane only if there is any."""
        backlog = [[self.boot, self.synced_backlog]] if self.synced_backlog > BACKLOG else []
        return [[self.boot, self.synced_high], *backlog]

    def row(self) -> tuple[Any, ...]:
        """The values of COLUMNS; bitmaps as SQLite's signed 64 bits, the backlog lane's numbers from 1."""
        return (
            self.node,
            self.boot,
            self.marks.high,
            _signed(self.marks.bitmap),
            self.stored,
            self.lost,
            self.description,
            self.firmware,
            self.reset_cause,
            self.offset_ms,
            self.uptime_ms,
            self.seen_ms,
            self.backlog.high - BACKLOG,
            _signed(self.backlog.bitmap),
        )

    @classmethod
    def of_row(cls, row: tuple[Any, ...]) -> Boot:
        boot = cls(row[0], row[1])
        boot.marks = RecordMarks(row[2], row[3] % _SPAN)
        boot.synced_high = row[2]
        boot.stored, boot.lost = row[4:6]
        boot.description, boot.firmware, boot.reset_cause, boot.offset_ms, boot.uptime_ms, boot.seen_ms = row[6:12]
        boot.backlog = RecordMarks(BACKLOG + row[12], row[13] % _SPAN)
        boot.synced_backlog = boot.backlog.high
        return boot


class Boots:
    """The newest boots of each node, read from the file when first asked for, forgotten when too many.

    A boot with changes that are not in the file yet is never forgotten.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._nodes: dict[str, dict[int, Boot]] = {}

    def of(self, node: str) -> dict[int, Boot]:
        """The newest boots of `node` by their number."""
        boots = self._nodes.get(node)
        if boots is None:
            query = f"SELECT {COLUMNS} FROM boots WHERE node = ? AND boot > 0 ORDER BY boot DESC LIMIT ?"  # noqa: S608
            rows = self._connection.execute(query, (node, WELCOME_BOOTS)).fetchall()
            boots = self._nodes[node] = {row[1]: Boot.of_row(row) for row in rows}
        return boots

    def get(self, node: str, number: int) -> Boot:
        """Boot `number` of `node`, a blank one when nothing is known of it."""
        boots = self.of(node)
        boot = boots.get(number)
        if boot is None:
            boot = boots[number] = self._read(node, number)
            count = len(boots)
            # Not each time: as long as many are busy, looking through all of them would take ever longer.
            if count > WELCOME_BOOTS and count & count - 1 == 0:
                _trim(boots, boot)
        return boot

    def forget(self, node: str) -> None:
        self._nodes.pop(node, None)

    def _read(self, node: str, number: int) -> Boot:
        query = f"SELECT {COLUMNS} FROM boots WHERE node = ? AND boot = ?"  # noqa: S608
        row = self._connection.execute(query, (node, number)).fetchone()
        return Boot.of_row(row) if row else Boot(node, number)


def _signed(bitmap: int) -> int:
    return bitmap - _SPAN if bitmap & _SIGN else bitmap


def _trim(boots: dict[int, Boot], keep: Boot) -> None:
    """Forget the oldest ones, but `keep` and the newest: a link may hold on to that."""
    kept = {max(boots), keep.boot}
    idle = [number for number, boot in boots.items() if number not in kept and not (boot.queued or boot.in_flight)]
    for number in sorted(idle)[: len(boots) - WELCOME_BOOTS]:
        del boots[number]
