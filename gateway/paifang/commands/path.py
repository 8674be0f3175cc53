"""The path of every command: envelope, giver, policy, rules, rates, log, dispatch, receipt, log, answer.

What is refused on the way is logged with its reason, and nothing is sent. The safe state takes the same path without
the gates that could hold it up: no second person, no rates, and a log that is broken is written later.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paifang.commands import answers, entries
from paifang.commands.dispatch import SAFE_LOG_S
from paifang.commands.gates import Gates, Step
from paifang.commands.givers import Envelope, Giver, Givers
from paifang.commands.refusals import offline, refused
from paifang.commands.selections import Selections
from paifang.config.units import format_ms
from paifang.errors import PaifangError, bad_argument
from paifang.store.commands import Command
from paifang_wire import messages, rules

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from paifang.commands.dispatch import Dispatcher
    from paifang.commands.journal import Journal
    from paifang.commands.pending import Pendings
    from paifang.commands.target import Target
    from paifang.settings import AuthoritySettings
    from paifang.store import Store
    from paifang.store.points import Point

ID_LENGTH = 8
WITHIN_LEAST_MS = 100
WITHIN_MOST_MS = 300_000
EXPIRES_MOST_MS = 86_400_000
"""How far ahead an order may expire: signing far ahead is a way to keep commands for later."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a user of this machine asks for, in the words of people: values in the point's unit, or on and off."""

    node: str
    point: object
    value: object
    within_ms: int
    expect: object = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A signed order as it was handed in. `note` is what the log says besides, such as where it was signed."""

    data: bytes
    within_ms: int
    uid: int | None = None
    delegation: bytes | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the path works with. `target(node)` is the live session of a node, None when there is none.

    `check(node)` raises PaifangError when there is no such node, or it takes no commands.
    """

    store: Store
    journal: Journal
    dispatcher: Dispatcher
    pendings: Pendings
    givers: Givers
    gates: Gates
    target: Callable[[str], Target | None]
    check: Callable[[str], object]
    settings: Callable[[], AuthoritySettings]
    utc_ms: Callable[[], int]
    monotonic: Callable[[], float]
    random: Callable[[int], bytes]


class CommandPath:
    """Takes commands of users of this machine and signed ones. Every method raises PaifangError when nothing was sent.

    A command that has begun is brought to its end, though its caller may have gone.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._selections = Selections(tools.utc_ms, tools.monotonic)
        self._under_way: set[bytes] = set()

    async def send(self, request: Request, giver: Giver) -> dict[str, Any]:
        """A direct command by local authority. Returns what `answers.answer` tells."""
        check_within(request.within_ms)
        return await self._tools.dispatcher.outlive(self._send(request, giver))

    async def submit(self, submitted: Submitted) -> dict[str, Any]:
        """A signed order. Returns what `answers.answer` tells; one that came before gets the answer it got then."""
        check_within(submitted.within_ms)
        envelope = Envelope.open(submitted.data)
        return await self._tools.dispatcher.outlive(self._submit(submitted, envelope))

    async def safe(self, node: str, point: object, within_ms: int, giver: Giver) -> list[dict[str, Any]]:
        """Bring one point, or all that can be commanded, into the fail-safe position; an answer each."""
        check_within(within_ms, rules.SAFE_WITHIN_MS)
        return await self._tools.dispatcher.outlive(self._safe(node, point, within_ms, giver))

    def located(self, node: str, point: object) -> tuple[Target, Point]:
        """A connected node that has described itself, and a point of it by name or number."""
        self._tools.check(node)
        target = self._tools.target(node)
        if target is None:
            raise offline(node)
        if target.table is None:
            raise refused("offline", f"node {node} has not described itself yet", "try again in a moment")
        return target, target.table.find(point)

    def forget(self, node: str, point: int) -> None:
        """The node has used what it had selected."""
        self._selections.forget(node, point)

    # By local authority

    async def _send(self, request: Request, giver: Giver) -> dict[str, Any]:
        about = {"point": str(request.point), "value": str(request.value), "op": "direct"}
        with self._tools.gates.attempt(request.node, giver.actor, **about):
            target, point = self.located(request.node, request.point)
            step = self._local_step(request, point)
            self._tools.gates.check_log()
            passed = self._tools.gates.check(giver, step, target)
            command = self._command(self._tools.random(ID_LENGTH), giver, step, target)
            deadline_ms = target.uptime_ms() + request.within_ms
            detail = entries.detail(command, giver, point, step.expect, rules=list(passed), reason=request.reason)
            await self._tools.dispatcher.send(command, step.expect, deadline_ms, detail)
        return answers.answer(command, target.table)

    def _local_step(self, request: Request, point: Point) -> Step:
        """A direct command as on the wire, if the class of the point lets a user of this machine give it unsigned."""
        where, local_class = f"{request.node} {point.name}", self._tools.settings().local_class
        if point.point_class > local_class:
            key = "sign it with your key" + (", and have another person approve it" if point.point_class > 2 else "")
            hint = f"{key}: `paifang send` does where your keys are"
            raise refused("no-authority", f"{where} is of class {point.point_class}", hint)
        if point.point_class == 0:
            raise refused("read-only", f"{where} can only be read", "`paifang nodes show` lists what can be set")
        expect = None if request.expect is None else point.wire(request.expect)
        return Step(request.node, point, messages.OP_DIRECT, point.wire(request.value), expect)

    async def _safe(self, node: str, point: object, within_ms: int, giver: Giver) -> list[dict[str, Any]]:
        with self._tools.gates.attempt(node, giver.actor, point=str(point or "all"), op="safe"):
            target, points = self._safe_points(node, point)
            steps = [Step(node, each, messages.OP_SAFE, None) for each in points]
            passed = [self._tools.gates.check(giver, step, target) for step in steps]
            made = [self._command(self._tools.random(ID_LENGTH), giver, step, target) for step in steps]
            deadline_ms = target.uptime_ms() + within_ms
            sending = [
                self._send_safe(command, giver, step, deadline_ms, rules=list(decided))
                for command, step, decided in zip(made, steps, passed, strict=True)
            ]
            results = await asyncio.gather(*sending, return_exceptions=True)
            failed = [each for each in results if isinstance(each, BaseException)]
            if len(failed) == len(results):
                raise failed[0]
        return [answers.answer(command, target.table) for command in made]

    def _safe_points(self, node: str, point: object) -> tuple[Target, list[Point]]:
        target, found = self.located(node, point) if point is not None else (self.located_node(node), None)
        assert target.table is not None
        points = [found] if found else [each for each in target.table.points if each.point_class > 0]
        if not points:
            raise refused("read-only", f"{node} has nothing to be commanded", "`paifang nodes show` lists its points")
        return target, points

    def located_node(self, node: str) -> Target:
        """As `located`, for a node."""
        self._tools.check(node)
        target = self._tools.target(node)
        if target is None or target.table is None:
            raise offline(node)
        return target

    async def _send_safe(self, command: Command, giver: Giver, step: Step, deadline_ms: int, **more: Any) -> None:
        detail = entries.detail(command, giver, step.point, None, **more)
        try:
            await self._tools.dispatcher.send(command, None, deadline_ms, detail)
        finally:
            self.forget(step.node, step.point.number)
            self._tools.dispatcher.spawn(self._tools.pendings.supersede(step.node, step.point.number, "made safe"))

    # Signed

    async def _submit(self, submitted: Submitted, envelope: Envelope) -> dict[str, Any]:
        order = envelope.order
        with self._once(order.identifier):
            known = await self._known(order.identifier, order.op)
            if known is not None:
                return self._repeated(known, submitted.data)
            about = {"id": order.identifier, "point": order.point, "order": submitted.data}
            actor = f"key {envelope.signed.kid.hex()}"
            with self._tools.gates.attempt(order.node, actor, **about) as attempt:
                target, point = self._check_envelope(envelope)
                giver = self._tools.givers.of_order(envelope, point, submitted.uid, submitted.delegation)
                attempt.actor = giver.actor
                step = Step(order.node, point, order.op, order.value, order.expect)
                if order.op != messages.OP_SAFE:
                    self._tools.gates.check_log()
                passed = self._tools.gates.check(giver, step, target)
                more = {"rules": list(passed), "reason": order.reason, "note": submitted.note or None}
                return await self._act(submitted, envelope, giver, step, target, more)

    def _check_envelope(self, envelope: Envelope) -> tuple[Target, Point]:
        """The order is for a node that is there and describes itself as the signer saw it, and still good."""
        order, now_ms = envelope.order, self._tools.utc_ms()
        target, point = self.located(order.node, order.point)
        if order.description != target.description:
            hint = "its points may have other meanings or limits now: look again, and sign anew"
            raise refused("inconsistent", f"{order.node} describes itself otherwise than the order says", hint)
        if order.expires_ms <= now_ms:
            raise refused("expired", f"the order for {order.node} {point.name} has expired", "sign it anew")
        if order.expires_ms > now_ms + EXPIRES_MOST_MS:
            raise refused("expired", f"the order for {order.node} {point.name} would be good for more than a day")
        return target, point

    async def _act(
        self,
        submitted: Submitted,
        envelope: Envelope,
        giver: Giver,
        step: Step,
        target: Target,
        more: Mapping[str, Any],
    ) -> dict[str, Any]:
        command = self._command(envelope.order.identifier, giver, step, target, envelope)
        deadline_ms = target.uptime_ms() + submitted.within_ms
        if step.op == messages.OP_SAFE:
            await self._send_safe(command, giver, step, deadline_ms, **more)
            return answers.answer(command, target.table)
        if step.op == messages.OP_OPERATE and target.two_persons(step.point):
            return await self._wait_for_approval(command, giver, step, target, more)
        if step.op == messages.OP_OPERATE:
            await self._select_first(command, giver, step, target, deadline_ms)
        detail = entries.detail(command, giver, step.point, step.expect, **more)
        await self._tools.dispatcher.send(command, step.expect, deadline_ms, detail)
        answer = answers.answer(command, target.table)
        if command.verdict == messages.EXECUTED:
            expires_ms = await self._note_selection(command, step, target)
            answer |= {"expires_ms": expires_ms} if answer["token"] else {}
        return answer

    async def _select_first(self, command: Command, giver: Giver, step: Step, target: Target, deadline_ms: int) -> None:
        """Select for the operate that follows, unless that was done. Raises PaifangError: nothing is operated then."""
        known = self._selections.of(target, step.point.number)
        self.forget(step.node, step.point.number)
        if known is not None and known.value == step.value:
            return
        select = Step(step.node, step.point, messages.OP_SELECT, step.value, step.expect)
        made = self._command(self._tools.random(ID_LENGTH), giver, select, target)
        detail = entries.detail(made, giver, step.point, step.expect, selects_for=command.id)
        await self._tools.dispatcher.send(made, step.expect, deadline_ms, detail)
        where = f"{step.node} {step.point.name}"
        if made.verdict is None:
            raise refused("no-answer", f"{where} was not operated: the node did not answer the select", "try again")
        if made.verdict != messages.EXECUTED:
            told = answers.answer(made, target.table)
            reason = told["reason"] or told["verdict"]
            raise refused(reason, f"{where} was not operated: the node refused to select it ({reason})")

    async def _note_selection(self, command: Command, step: Step, target: Target) -> int | None:
        """What the node has selected after a select, or has not any more; returns until when (UTC ms)."""
        place = (step.node, step.point.number)
        if step.op != messages.OP_SELECT:
            self.forget(*place)
            if step.op == messages.OP_CANCEL:
                await self._tools.pendings.supersede(*place, "cancelled")
            return None
        selected = self._selections.note(target, step.point.number, command.value, answers.token(command))
        await self._tools.pendings.supersede(*place, "a newer select")
        return selected.expires_ms

    async def _wait_for_approval(
        self, command: Command, giver: Giver, step: Step, target: Target, more: Mapping[str, Any]
    ) -> dict[str, Any]:
        assert command.expires_ms is not None
        assert command.signed is not None
        known = self._selections.of(target, step.point.number)
        token = Envelope.open(command.signed).order.token
        where = f"{step.node} {step.point.name}"
        if known is None or token is None or known.token != token:
            raise refused("wrong-token", f"{where} has not given out this token, or too long ago", "select it again")
        if known.value != step.value:
            raise refused("not-selected", f"{where} is selected for another value", "select it again")
        command.expires_ms = min(command.expires_ms, known.expires_ms)
        await self._tools.pendings.supersede(step.node, step.point.number, "a newer order")
        detail = entries.detail(command, giver, step.point, step.expect, **more)
        command.entry = await self._tools.dispatcher.log_pending(command, detail)
        self._tools.pendings.add(command)
        return answers.answer(command, target.table)

    # Small things

    def _command(
        self, identifier: bytes, giver: Giver, step: Step, target: Target, envelope: Envelope | None = None
    ) -> Command:
        return Command(
            id=identifier,
            node=step.node,
            uid=giver.uid,
            person=giver.person,
            via=giver.via,
            point=step.point.number,
            op=step.op,
            value=step.value,
            description=target.description,
            signed=envelope.data if envelope else None,
            approval=None,
            approver=None,
            asked_ms=self._tools.utc_ms(),
            expires_ms=envelope.order.expires_ms if envelope else None,
        )

    @contextlib.contextmanager
    def _once(self, identifier: bytes) -> Generator[None]:
        if identifier in self._under_way:
            raise refused("busy", f"the order {identifier.hex()} is being carried out", "wait for its answer")
        self._under_way.add(identifier)
        try:
            yield
        finally:
            self._under_way.discard(identifier)

    async def _known(self, identifier: bytes, op: int) -> Command | None:
        if op != messages.OP_SAFE:
            return await self._tools.dispatcher.find(identifier)
        with contextlib.suppress(PaifangError, TimeoutError):  # a store that is broken does not hold up the safe state
            async with asyncio.timeout(SAFE_LOG_S):
                return await self._tools.dispatcher.find(identifier)
        return None

    def _repeated(self, known: Command, data: bytes) -> dict[str, Any]:
        """At most once: what came before is told again, and nothing is sent."""
        if known.signed != data:
            raise refused("inconsistent", f"the id {known.id.hex()} belongs to another order", "draw a new id")
        target = self._tools.target(known.node)
        table = target.table if target is not None and target.description == known.description else None
        return answers.answer(known, table)


def check_within(within_ms: int, most_ms: int = WITHIN_MOST_MS) -> None:
    if not WITHIN_LEAST_MS <= within_ms <= most_ms:
        raise bad_argument(f"within is {WITHIN_LEAST_MS} ms to {most_ms // 1000} s, not {format_ms(within_ms)}")
