"""What is settled of each boot of each node, in memory: the place where a record is found to be new or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang_wire.marks import RecordMarks
from paifang_wire.messages import WELCOME_BOOTS

if TYPE_CHECKING:
    from paifang.store.sql import Connection

COLUMNS = "node,boot,high,bitmap,stored,lost,description,firmware,reset_cause,offset_ms,uptime_ms,seen_ms"

UPSERT = "ON CONFLICT(node,boot) DO UPDATE SET " + ",".join(
    f"{column}=excluded.{column}" for column in COLUMNS.split(",")[2:]
)

_SIGN = 1 << 63
_SPAN = 1 << 64


class Boot:
    """One boot of one node: `marks` says which numbers are settled, `stored` and `lost` how.

    All numbers up to `synced_high` are settled in the file too. It is `queued` for the next commit, or `in_flight` with
    the one under way.
    """

    __slots__ = (
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
        "synced_high",
        "uptime_ms",
    )

    def __init__(self, node: str, boot: int) -> None:
        self.node = node
        self.boot = boot
        self.marks = RecordMarks()
        self.synced_high = 0
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

    def row(self) -> tuple[Any, ...]:
        """The values of COLUMNS; the bitmap as SQLite's signed 64 bits."""
        bitmap = self.marks.bitmap
        return (
            self.node,
            self.boot,
            self.marks.high,
            bitmap - _SPAN if bitmap & _SIGN else bitmap,
            self.stored,
            self.lost,
            self.description,
            self.firmware,
            self.reset_cause,
            self.offset_ms,
            self.uptime_ms,
            self.seen_ms,
        )

    @classmethod
    def of_row(cls, row: tuple[Any, ...]) -> Boot:
        boot = cls(row[0], row[1])
        boot.marks = RecordMarks(row[2], row[3] % _SPAN)
        boot.synced_high = row[2]
        boot.stored, boot.lost = row[4:6]
        boot.description, boot.firmware, boot.reset_cause, boot.offset_ms, boot.uptime_ms, boot.seen_ms = row[6:]
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


def _trim(boots: dict[int, Boot], keep: Boot) -> None:
    """Forget the oldest ones, but `keep` and the newest: a link may hold on to that."""
    kept = {max(boots), keep.boot}
    idle = [number for number, boot in boots.items() if number not in kept and not (boot.queued or boot.in_flight)]
    for number in sorted(idle)[: len(boots) - WELCOME_BOOTS]:
        del boots[number]
