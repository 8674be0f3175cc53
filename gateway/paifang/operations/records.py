"""Operations on what the gateway holds people to: the audit log, the policy, and who the caller is here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang.arguments import Arguments
from paifang.audit import queries
from paifang.errors import bad_argument
from paifang.policy import ACTIONS, Ask
from paifang.policy.names import VIAS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from paifang.audit.log import AuditLog
    from paifang.commands.journal import Journal
    from paifang.commands.keysets import KeySets
    from paifang.control.authority import Caller
    from paifang.control.connection import Handler
    from paifang.policy import Policy

INDEX_MOST = (1 << 63) - 1


class RecordOperations:
    """`policy()` is the one in force, `reload_policy(caller)` reads its files again."""

    def __init__(
        self,
        site: str,
        journal: Journal,
        keysets: KeySets,
        policy: Callable[[], Policy],
        reload_policy: Callable[[Caller], Awaitable[Any]],
        utc_ms: Callable[[], int],
    ) -> None:
        self._site = site
        self._journal = journal
        self._keysets = keysets
        self._policy = policy
        self._reload_policy = reload_policy
        self._utc_ms = utc_ms

    def handlers(self) -> dict[str, Handler]:
        return {
            "authority.show": self._authority,
            "audit.list": self._list,
            "audit.show": self._show,
            "audit.prove": self._prove,
            "audit.checkpoint": self._checkpoint,
            "policy.explain": self._explain,
            "policy.reload": self._reload,
        }

    async def _authority(self, args: dict[str, Any], caller: Caller) -> Any:
        Arguments("authority.show", args).done()
        who = caller.principal
        return {
            "site": self._site,
            "keyset": self._keysets.version,
            "policy": self._policy().hash.hex(),
            "you": {"name": who.name, "person": who.person, "roles": sorted(who.roles)},
        }

    async def _list(self, args: dict[str, Any], _caller: Caller) -> Any:
        given = Arguments("audit.list", args)
        limit = given.whole("limit", queries.LIMIT_DEFAULT, 1, queries.LIMIT_MOST)
        first = given.whole("first", -1, -1, INDEX_MOST)
        kind = given.optional_text("kind")
        given.done()
        return await queries.list_entries(self._log, None if first < 0 else first, limit, kind)

    async def _show(self, args: dict[str, Any], _caller: Caller) -> Any:
        return await queries.show(self._log, _index("audit.show", args))

    async def _prove(self, args: dict[str, Any], _caller: Caller) -> Any:
        return await queries.prove(self._log, _index("audit.prove", args))

    async def _checkpoint(self, args: dict[str, Any], _caller: Caller) -> Any:
        Arguments("audit.checkpoint", args).done()
        return queries.checkpoint(self._log)

    async def _explain(self, args: dict[str, Any], caller: Caller) -> Any:
        """Whether the policy would let the caller, or a person, do something."""
        given = Arguments("policy.explain", args)
        person = given.optional_text("person")
        ask = Ask(
            person or caller.principal.person,
            frozenset() if person else caller.principal.roles,
            given.text("action"),
            given.optional_text("node") or "",
            given.optional_text("point") or "",
            given.whole("class", 1, 0, 3),
            None,
            self._utc_ms(),
            given.optional_text("requester"),
            given.optional_text("via") or "local",
        )
        given.done()
        if ask.action not in ACTIONS or ask.via not in VIAS:
            raise bad_argument(f"policy.explain knows the actions {', '.join(ACTIONS)}, by {', '.join(VIAS)}")
        decision = self._policy().decide(ask)
        return {"allowed": decision.allowed, "rules": list(decision.rules), "reason": decision.reason}

    async def _reload(self, args: dict[str, Any], caller: Caller) -> Any:
        Arguments("policy.reload", args).done()
        return await self._reload_policy(caller)

    @property
    def _log(self) -> AuditLog:
        """Raises PaifangError when there is none to be read."""
        if self._journal.log is None:
            assert self._journal.broken is not None
            raise self._journal.broken
        return self._journal.log


def _index(op: str, args: dict[str, Any]) -> int:
    given = Arguments(op, args)
    index = given.whole("index", -1, 0, INDEX_MOST)
    given.done()
    return index
