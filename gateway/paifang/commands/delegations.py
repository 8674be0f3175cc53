"""Delegations in force: what operators have signed over to services, until it expires or is revoked."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paifang.commands.givers import check_reach
from paifang.commands.rates import Rates
from paifang.commands.refusals import refused
from paifang.errors import PaifangError, not_found
from paifang.keys.delegations import Delegation as Terms
from paifang.keys.delegations import open_delegation
from paifang.keys.requests import Signed
from paifang.store import delegations

if TYPE_CHECKING:
    from collections.abc import Callable

    from paifang.commands.journal import Journal
    from paifang.commands.keysets import KeySets
    from paifang.keys.keyset import Entry
    from paifang.store import Store
    from paifang.store.points import Point

ID_LENGTH = 8
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """A registered delegation, by its `id`."""

    id: bytes
    terms: Terms
    kept: delegations.Delegation


class Delegations:
    """Registered, used and revoked here; each use is checked against its signer's key as that is now."""

    def __init__(
        self,
        site: str,
        store: Store,
        journal: Journal,
        keysets: KeySets,
        utc_ms: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self._site = site
        self._store = store
        self._journal = journal
        self._keysets = keysets
        self._utc_ms = utc_ms
        self._monotonic = monotonic
        self._grants: dict[bytes, Grant] = {}
        self._rates = Rates(0)
        self._used: dict[bytes, int] = {}

    async def open(self) -> None:
        """Read those of the store; what can no longer be read has no effect."""
        for kept in await self._store.read(delegations.every):
            try:
                self._grants[kept.id] = Grant(kept.id, Terms.decode(_payload(kept.signed)), kept)
            except PaifangError as error:
                _log.error("the delegation %s counts for nothing: %s", kept.id.hex(), error)

    async def add(self, signed: bytes, actor: str) -> dict[str, Any]:
        """Register what an operator has signed. Raises PaifangError; the same one again changes nothing."""
        entry, terms = open_delegation(signed, self._site, self._keysets.held())
        if terms.expires_ms <= self._utc_ms():
            raise refused("expired", f"the delegation for {terms.service} has expired", "have a new one signed")
        identifier = hashlib.sha256(_payload(signed)).digest()[:ID_LENGTH]
        if identifier in self._grants:
            return self._shown(self._grants[identifier])
        kept = delegations.Delegation(identifier, signed, self._utc_ms())
        detail = {"id": identifier, "change": "add", "signer": entry.person, "signed": signed}
        await self._journal.record("delegation", terms.service, actor, **detail)
        await self._store.written(lambda connection: delegations.put(connection, kept))
        grant = self._grants[identifier] = Grant(identifier, terms, kept)
        return self._shown(grant)

    async def revoke(self, identifier: bytes, actor: str) -> dict[str, Any]:
        """Have it count no more, from this moment on. Raises PaifangError when there is no such delegation."""
        grant = self._grants.get(identifier)
        if grant is None:
            raise not_found(f"no delegation {identifier.hex()}", "`paifang delegations` lists them")
        if grant.kept.revoked_ms is None:
            kept = dataclasses.replace(grant.kept, revoked_ms=self._utc_ms())
            # In memory first: it must not count though neither log nor disk may take it.
            grant = self._grants[identifier] = Grant(identifier, grant.terms, kept)
            self._journal.note("delegation", grant.terms.service, actor, id=identifier, change="revoke")
            await self._store.written(lambda connection: delegations.put(connection, kept))
        return self._shown(grant)

    def list(self) -> list[dict[str, Any]]:
        return [self._shown(grant) for grant in self._grants.values()]

    def shown(self, kid: bytes) -> dict[str, Any] | None:
        """What `list` has of the newest one in force for this service's key, or of the newest at all."""
        grant = self.find(kid, None)
        return None if grant is None else self._shown(grant)

    def find(self, kid: bytes, identifier: bytes | None) -> Grant | None:
        """The one with this id, or the newest one in force, if it is for this service's key."""
        grants = [grant for grant in self._grants.values() if grant.terms.kid == kid]
        if identifier is not None:
            return next((grant for grant in grants if grant.id == identifier), None)
        in_force = [grant for grant in grants if self._state(grant) == "active"]
        return next(iter([*in_force[::-1], *grants[::-1]]), None)

    def check(self, grant: Grant, point: Point, op: int, node: str) -> Entry:
        """The delegator's key, once the delegation and that key allow this command, now and this often.

        Raises PaifangError.
        """
        terms, state = grant.terms, self._state(grant)
        if state != "active":
            code = "expired" if state == "expired" else "no-authority"
            raise refused(code, f"the delegation {grant.id.hex()} for {terms.service} is {state}")
        entry, _ = open_delegation(grant.kept.signed, self._site, self._keysets.held())
        if not terms.permits(op, node, point.name, point.point_class):
            message = f"{node} {point.name} (class {point.point_class}) is not delegated to {terms.service}"
            raise refused("no-authority", message, terms.words())
        check_reach(entry, point, op, node)
        if not self._rates.take(grant.id, self._monotonic(), terms.rate):
            raise refused("rate", f"{terms.service} may send {terms.rate} commands a minute", "slow down")
        self._used[grant.id] = self._used.get(grant.id, 0) + 1
        return entry

    def _state(self, grant: Grant) -> str:
        if grant.kept.revoked_ms is not None:
            return "revoked"
        return "expired" if grant.terms.expires_ms <= self._utc_ms() else "active"

    def _shown(self, grant: Grant) -> dict[str, Any]:
        terms = grant.terms
        return {
            "id": grant.id.hex(),
            "service": terms.service,
            "kid": terms.kid.hex(),
            "words": terms.words(),
            "class": terms.greatest_class,
            "rate": terms.rate,
            "expires_ms": terms.expires_ms,
            "added_ms": grant.kept.added_ms,
            "revoked_ms": grant.kept.revoked_ms,
            "state": self._state(grant),
            "used": self._used.get(grant.id, 0),
        }


def _payload(signed: bytes) -> bytes:
    return Signed.split(signed, "delegation").payload
