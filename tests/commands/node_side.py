"""A simulated board around the shipped node code: storage that outlives it, a role, tasks in slices, and its oracle.

The board does what the node's link does with messages; everything between a message and the role is the shipped code.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import cbor2
from cast import ROOTS, SITE
from oracle import CANCEL, EXECUTED, NOT_KEPT, OPERATE, SAFE, SELECT, Moment, Oracle, want
from points import CLASSES, TABLE
from role import WILLING, Role
from storage import Flash, Nvs, Power, PowerCutError
from tasks import Task, Tasks, pause

import node.authority
import node.rooted  # noqa: F401 - what is loaded before it is needed is not forgotten after it
from node import slots as slots_module
from node import verifier as verifier_module
from node.commands import Commands
from node.identity import open_identity
from node.keyset import KeySet
from node.ledger import Ledger
from node.selecting import Selecting
from node.signing import Signing
from node.trust import Trust
from node.uptime import Uptime
from node.verifier import Verifier
from node.wall import WallClock
from paifang_wire import cbor, keys, messages, p256
from paifang_wire.errors import WireError
from paifang_wire.session import NodeSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from world import World

TICKS_PERIOD = 1 << 30
FIRST_TICKS = TICKS_PERIOD - 5_000
SLICES = 4

_flashes: dict[str, Flash] = {}


def _open(path: str, mode: str) -> Any:
    board, name = path.split("/", 1)
    return _flashes[board].open(name, mode)


slots_module.open = _open  # type: ignore[attr-defined]


class ResetError(BaseException):
    """The node resets itself."""


def _reset() -> None:
    raise ResetError


class Board:
    """One node. `values` is what its points really are; `made` every receipt that it has ever made."""

    def __init__(self, world: World, name: str, master: bytes) -> None:
        self.world = world
        self.name = name
        self.master = master
        self.power = Power()
        self.nvs = Nvs(self.power, world.chance)
        self.flash = _flashes[name] = Flash(self.power)
        self.values: dict[int, int | None] = {row[0]: 2_300 if row[1] == "voltage" else 0 for row in TABLE}
        self.description = hashlib.sha256(cbor.encode(TABLE)).digest()[:8]
        self.oracle = Oracle(name, self.description, keys.receipt_key(master))
        self.made: set[bytes] = set()
        self.heard: list[list[Any]] = []
        self.counts: Counter[str] = Counter()
        self.mood = WILLING
        self.is_off = True
        self._rooted_heard: list[list[Any]] = []
        self._pointer = b""
        self._provision()

    def power_on(self, cut_after: int | None = None) -> None:
        """Start, or start again; the RAM is empty. A cut at an operation of the start leaves the board off."""
        self.tasks = Tasks(self.uptime_ms, self.world.pass_time, self._end)
        self._answers: list[bytes] = []
        self._session: NodeSession | None = None
        self._handshakes = 0
        self.power.restore()
        self.power.cut_after(cut_after)
        self.nvs.after_reset()
        self._boot_ms = self.world.now_ms
        self.counts["boots"] += 1
        self.is_off = False
        self._unless_cut(self._assemble)

    def connect(self) -> list[bytes]:
        """A new connection; the hello."""
        if self.is_off:
            return []
        self._session = NodeSession(SITE, self.name, self._boot, self._key, self._random, handshake=self._handshakes)
        self._handshakes += 1
        self._asked_ms = self.uptime_ms()
        self._greeted = False
        return [self._session.hello("1", self.description, self._asked_ms, 1, self.keyset.version, 0)]

    def receive(self, frame: bytes) -> None:
        """What the line brings: refused, or a message that is dealt with."""
        if self.is_off or self._session is None:
            return
        was_established = self._session.established
        try:
            message = self._session.receive(frame)
        except WireError as error:
            self.counts["refused by the session: " + error.reason] += 1
            return
        self._unless_cut(self._take if was_established else self._welcome, message)

    def work(self, slices: int = SLICES) -> bool:
        """Let every task that is not waiting run for some slices. Tells whether there was one."""
        return self._unless_cut(self.tasks.work, slices)

    def drain(self) -> bool:
        """Let tasks run until they are done, time passing as they ask for. Tells whether there was one."""
        return self._unless_cut(self.tasks.drain)

    def outgoing(self) -> list[bytes]:
        """Frames that the node sends now."""
        if self.is_off or self._session is None or not self._session.established:
            return []
        payloads, self._answers = self._answers, []
        if not self._greeted:
            self._greeted = True
            payloads.insert(0, messages.encode([messages.CLOCK, self.uptime_ms()]))
        return [self._session.send_payload(payload) for payload in payloads]

    def uptime_ms(self) -> int:
        return self.world.now_ms - self._boot_ms

    def read(self, point: int) -> int | None:
        return self.values.get(point)

    def tally(self) -> Counter[str]:
        self.counts["power cuts"] = self.power.cuts
        return self.counts

    def check_end(self) -> None:
        """Nothing of class 2 or 3 was done without a word about it, but for the way to the safe state."""
        receipts = [cbor2.loads(payload) for payload in self.made]
        spoken = {receipt[1] for receipt in receipts if receipt[4] != NOT_KEPT}
        for identifier, _, op in self.oracle.writes:
            want(op != OPERATE or identifier in spoken, "nothing that was done is silently lost")

    async def verify(self, public: bytes, digest: bytes, signature: bytes) -> bool:
        """The shipped verification, watched."""
        self.oracle.on_verification(self.tasks.current.message, public, self.uptime_ms())
        return await self._verify(public, digest, signature)

    def on_write(self, point: int, value: int) -> None:
        """The role is about to act."""
        task = self.tasks.current
        want(task.message[2] == point, "the point that is written is the one commanded")
        read, nvs = dict(self.values), self.nvs.kept
        now = Moment(self.uptime_ms(), task.arrived_ms, self._wall.utc_ms(self.uptime_ms()), read, nvs)
        self.oracle.on_write(task.message, value, now)
        self.counts[f"executed in class {CLASSES[point]}"] += task.message[3] != SAFE

    def _provision(self) -> None:
        self.nvs.set_blob("master", self.master)
        self.nvs.set_i32("epoch", 1)
        self.nvs.set_blob("roots", b"".join(root.public for root in ROOTS))
        self.nvs.commit()

    def _assemble(self) -> None:
        """As the node's own start does."""
        uptime = Uptime(self._ticks_ms, _ticks_diff, pause)
        self._boot, self._key, receipt_key = open_identity(self.nvs, SITE)
        p256.Verification = self.world.verification  # type: ignore[misc]
        self._verify = verifier_module.sliced(pause)
        self._wall = WallClock()
        self.keyset = KeySet(self.nvs, self.name)
        self.oracle.on_boot()
        self._observe_keyset()
        name = SITE, self.name
        verifier = Verifier(uptime.now_ms, self.verify)
        authority = Signing(name, self.description, self.keyset, verifier, uptime, self._wall.utc_ms)
        self._trust = Trust(name, self.nvs, uptime, _reset, self.keyset, verifier)
        selecting = Selecting(self._random, authority)
        role = Role(self, pause)
        self._commands = Commands(TABLE, role, uptime.now_ms, self._boot, receipt_key, selecting, Ledger(self.nvs))
        payload = self._commands.earlier()
        while payload is not None:
            self._say(payload, None)
            payload = self._commands.earlier()

    def _welcome(self, message: list[Any]) -> None:
        self._wall.learn(self._asked_ms, message[3], self.uptime_ms())

    def _take(self, message: list[Any]) -> None:
        kind = message[0]
        self.heard.append(message)
        if kind == messages.COMMAND:
            self.tasks.begin(self._commands.execute(message), message)
        elif kind == messages.ROOTED:
            self._rooted_heard.append(message)
            self.tasks.begin(self._take_rooted(message), message)
        elif kind == messages.RECALL:
            payload = self._commands.recall(message[1])
            if payload is not None:
                self._say(payload, None)
        elif kind == messages.TIME:
            self._wall.learn(message[1], message[2], self.uptime_ms())

    def _end(self, task: Task, result: Any) -> None:
        if task.message[0] == messages.COMMAND and result is not None:
            self.oracle.on_ended(task.message, was_rooted=False)
            self._say(result, task.message)
            self.oracle.on_answered(task.message, cbor2.loads(result), task.arrived_ms)

    async def _take_rooted(self, message: list[Any]) -> None:
        """A ROOTED message, to the HELD that answers it."""
        await self._trust.take(message, self._hold)

    def _hold(self, payload: bytes) -> None:
        message = self.tasks.current.message
        held, refusal = cbor2.loads(payload)[2:]
        self.oracle.on_ended(message, was_rooted=refusal == 0 or self.power.is_full)
        if message[1] == messages.ROOTED_EPOCH and not refusal:
            self.oracle.on_epoch(message[2], message[3:])
            self._answers.append(payload)
            return
        self._observe_keyset()
        self.counts[f"rooted refusal {refusal}"] += 1
        want(refusal or held == self.oracle.keyset[0], "the node says which key set it holds")
        self._answers.append(payload)

    def _say(self, payload: bytes, command: list[Any] | None) -> None:
        """A receipt goes out; a new one is looked at."""
        self._answers.append(payload)
        if payload in self.made:
            return
        self.made.add(payload)
        self.oracle.on_receipt(payload, command)
        receipt = cbor2.loads(payload)
        self.counts[f"verdict {receipt[3]} {receipt[4]}"] += 1
        if command is not None and receipt[3] == EXECUTED:
            if command[3] == SELECT:
                self.oracle.on_selected(command, receipt)
            elif command[3] == CANCEL:
                self.oracle.on_cancelled(command)

    def _observe_keyset(self) -> None:
        """See by the storage which key set counts, and by what was heard whether it may."""
        pointer = self.nvs.kept.get("keyset", b"")
        if pointer == self._pointer:
            return
        self._pointer = pointer
        for message in self._rooted_heard:
            if hashlib.sha256(message[2]).digest() in pointer:
                self.oracle.on_keyset(message[2], message[3:])
                return
        want(False, "a key set comes from somewhere")

    def _unless_cut(self, act: Callable[..., bool | None], *args: Any) -> bool:
        """Do something on a board that is on; it may be off afterwards."""
        if self.is_off:
            return False
        try:
            return bool(act(*args))
        except (PowerCutError, ResetError):
            self.is_off = True
            self.tasks.stop()
            return True

    def _random(self, count: int) -> bytes:
        return bytes(count)  # a node must not depend on it

    def _ticks_ms(self) -> int:
        return (FIRST_TICKS + self.uptime_ms()) % TICKS_PERIOD


def _ticks_diff(end: int, start: int) -> int:
    return (end - start + TICKS_PERIOD // 2) % TICKS_PERIOD - TICKS_PERIOD // 2
