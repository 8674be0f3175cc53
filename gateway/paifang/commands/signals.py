"""What signal nodes are given: site records that two roots have signed, plans and day plans that wait for a command.

Nothing is kept for later: the node is here and answers, or the caller learns that it did not. What nodes have taken is
kept in a folder, for people who want names with the numbers that nodes report; nothing depends on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paifang.commands.refusals import refused, unlogged
from paifang.errors import EXIT_NO_ANSWER, PaifangError
from paifang.keys import files, sites
from paifang.keys.roots import Rooted, Roots
from paifang_wire import cbor, messages, names, sign1
from paifang_wire.errors import TOO_LONG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from paifang.commands.journal import Journal
    from paifang.commands.target import Target

PLAN, DAYS = names.HELD[messages.STAGED_PLAN], names.HELD[messages.STAGED_DAYS]
STAGED = {PLAN: messages.STAGED_PLAN, DAYS: messages.STAGED_DAYS}
"""What may be staged, by its name."""
ID_LENGTH = 6
MESSAGE_LIMIT = cbor.LIMIT - 24
"""Bytes of a message that fits one frame, which has a header, a tag and their lengths beside."""
KEPT = 256
"""Files of what nodes have taken; older ones go."""
FOLDER = "signals"

_TOLD = {
    messages.WRONG_TYPE: ("cannot read this {what}", "is its firmware of this release?"),
    messages.LIMIT: (
        "has checked this {what} and refused it",
        "`paifang signal log {node}` has the first reason, `paifang signal {noun} check FILE` all of them",
    ),
    messages.EXPIRED: (
        "holds edition {held}, and only takes a later one",
        "count `edition` up in site.toml, and have it signed again",
    ),
    messages.INCONSISTENT: ("is another one than this {what} is for", "`node` in site.toml must be the node's id"),
    messages.NO_SUCH_OP: ("is no signal node", "its role must be traffic_signal: `paifang nodes show {node}`"),
    messages.BUSY: ("has no room for this {what} now", "try again in a minute"),
    messages.TOO_SOON: ("has no time for this {what} now", "try again in a minute"),
    messages.NO_AUTHORITY: (
        "knows no two of the roots that signed this {what}",
        "it was provisioned with other root keys: see `--roots` of paifang_tools.provision",
    ),
    messages.BAD_SIGNATURE: (
        "finds a signature on this {what} that is not good",
        "it was provisioned for another site, or something changed on the way: have it signed anew",
    ),
}
"""By a node's refusal: what the node does, and what to do."""
_WITHOUT_SITE = (
    "goes by no site record, so it cannot judge this {what}",
    "`paifang signal site load FILE` first; it then takes some seconds until it has started with it",
)
"""The same of what is staged, where INCONSISTENT says this."""
_NOUNS = {messages.ROOTED_SITE: "site", messages.STAGED_PLAN: "plan", messages.STAGED_DAYS: "days"}


class Signals:
    """`target(node)` is its live session; `find(node)` raises PaifangError for a node that is not enrolled."""

    def __init__(
        self,
        data: Path,
        roots_file: Callable[[], Path],
        journal: Journal,
        target: Callable[[str], Target | None],
        find: Callable[[str], object],
    ) -> None:
        self._folder = data / FOLDER
        self._roots_file = roots_file
        self._journal = journal
        self._target = target
        self._find = find
        self._waiting: dict[tuple[str, int], asyncio.Future[tuple[int, int]]] = {}

    async def load_site(self, node: str, data: bytes, actor: str, within_s: float) -> dict[str, Any]:
        """Give a node its site record, and wait until it says that it holds it. Raises PaifangError."""
        rooted = Rooted.decode(data, "the site record")
        signers = [root.name for root in Roots.read(self._roots_file()).check(sign1.SITE_RECORD, rooted)]
        named, edition, _ = sites.read(rooted)
        if named != node:
            raise refused("inconsistent", f"this is the site record of {named}, not of {node}", "name that node")
        given = _Given(node, [messages.ROOTED, messages.ROOTED_SITE, rooted.payload, *rooted.detached], edition)
        await self._hand_over(given, actor, within_s, edition=edition, payload=rooted.payload, signers=signers)
        self._keep(_site_file(node, edition), data)
        return {"node": node, "edition": edition, "signers": signers}

    async def stage(self, node: str, what: str, payload: bytes, actor: str, within_s: float) -> dict[str, Any]:
        """Have a node check a plan or day plans, and keep it ready under its id. Raises PaifangError."""
        identifier = staged_id(payload)
        given = _Given(node, [messages.STAGE, STAGED[what], payload], identifier)
        await self._hand_over(given, actor, within_s, id=identifier, payload=payload)
        self._keep(_staged_file(what, identifier), payload)
        return {"node": node, "what": what, "id": identifier}

    def held(self, node: str, message: Sequence[Any]) -> None:
        """What a node says of something that it was given."""
        _, what, held, refusal = message
        waiting = self._waiting.get((node, what))
        if waiting is not None and not waiting.done():
            waiting.set_result((held, refusal))

    def lost(self, node: str) -> None:
        """A session of a node is over: what it has not answered in it, it will not."""
        for (each, _), waiting in self._waiting.items():
            if each == node and not waiting.done():
                waiting.set_exception(ConnectionError())

    def show(self, node: str, edition: int, plan: int, days: int) -> dict[str, str | None]:
        """{site, plan, days}: what the node took under these numbers, as hexadecimal text, None of what is not kept."""
        found = {"site": self._kept(_site_file(node, edition))}
        for name, what, identifier in (("plan", PLAN, plan), ("days", DAYS, days)):
            kept = self._kept(_staged_file(what, identifier))
            found[name] = kept if kept is not None and staged_id(kept) == identifier else None
        return {name: None if kept is None else kept.hex() for name, kept in found.items()}

    async def _hand_over(self, given: _Given, actor: str, within_s: float, **about: Any) -> None:
        self._find(given.node)
        _check_length(given)
        if given.key in self._waiting:
            raise refused("busy", f"{given.node} is being given another {given.name}", "try again when that is done")
        if self._target(given.node) is None:
            raise _offline(given.node)
        answered = self._waiting[given.key] = asyncio.get_running_loop().create_future()
        try:
            await self._log(given, actor, about)
            target = self._target(given.node)
            if target is None:
                raise _offline(given.node)
            target.send(given.message)
            async with asyncio.timeout(within_s):
                held, refusal = await answered
        except TimeoutError as error:
            raise _silent(given, f"did not answer within {within_s:g} s") from error
        except ConnectionError as error:
            raise _silent(given, "was gone before it answered") from error
        finally:
            del self._waiting[given.key]
        _check_answer(given, held, refusal)

    async def _log(self, given: _Given, actor: str, about: dict[str, Any]) -> None:
        try:
            await self._journal.record(given.name, given.node, actor, **about)
        except PaifangError as error:
            raise unlogged(error) from error

    def _keep(self, name: str, content: bytes) -> None:
        """A disk that does not take it costs names, no more."""
        with contextlib.suppress(PaifangError, OSError):
            files.make_folder(self._folder)
            files.write(self._folder / name, content, replace=True)
            oldest_last = sorted(self._folder.iterdir(), key=lambda file: file.stat().st_mtime_ns, reverse=True)
            for file in oldest_last[KEPT:]:
                file.unlink()

    def _kept(self, name: str) -> bytes | None:
        try:
            return files.read_bytes(self._folder / name)
        except PaifangError:
            return None


@dataclass(frozen=True, slots=True)
class _Given:
    """A message to a node, and the `number` that the node answers when it holds what is in it."""

    node: str
    message: list[Any]
    number: int

    @property
    def key(self) -> tuple[str, int]:
        return self.node, self.message[1]

    @property
    def name(self) -> str:
        return names.HELD[self.key[1]]


def staged_id(payload: bytes) -> int:
    """By which a command names what was staged: the first bytes of its SHA-256, as a number."""
    return int.from_bytes(hashlib.sha256(payload).digest()[:ID_LENGTH], "big")


def _check_length(given: _Given) -> None:
    """Raise PaifangError for what no frame could carry."""
    size = len(messages.encode(given.message))
    if size > MESSAGE_LIMIT:
        message = (
            f"this {given.name} is too long to be sent: {size} bytes with its signatures, a node takes {MESSAGE_LIMIT}"
        )
        raise refused(TOO_LONG, message, "give the groups shorter names, or leave out what is not needed")


def _check_answer(given: _Given, held: int, refusal: int) -> None:
    """Raise PaifangError unless the node holds what it was given."""
    if not refusal and held == given.number:
        return
    code = names.REFUSALS[refusal] if refusal < len(names.REFUSALS) else str(refusal)
    if not refusal:
        message, hint = f"says that it holds {held}, and was given {given.number}", "try again"
        code = "inconsistent"
    else:
        is_without_site = refusal == messages.INCONSISTENT and given.name in STAGED
        unknown = (f"refused this {given.name}: {code}", "`paifang signal log {node}`")
        message, hint = _WITHOUT_SITE if is_without_site else _TOLD.get(refusal, unknown)
    about = {"what": given.name, "node": given.node, "held": held, "noun": _NOUNS[given.message[1]]}
    raise refused(code, f"{given.node} {message.format(**about)}", hint.format(**about))


def _offline(node: str) -> PaifangError:
    hint = "nothing is kept for later: try again when `paifang nodes` shows it connected"
    return refused("offline", f"node {node} is not connected", hint)


def _silent(given: _Given, why: str) -> PaifangError:
    hint = f"whether it holds the {given.name} is not known: `paifang signal status {given.node}` tells, or try again"
    return PaifangError(f"{given.node} {why}", hint, code="no-answer", exit_code=EXIT_NO_ANSWER)


def _site_file(node: str, edition: int) -> str:
    return hashlib.sha256(cbor.encode([node, edition])).hexdigest()[:16] + sites.SUFFIX


def _staged_file(what: str, identifier: int) -> str:
    return f"{identifier:012x}.{what}"
