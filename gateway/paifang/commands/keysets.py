"""The key set that this gateway goes by, and hands on to its nodes: signed by two roots, and only ever a newer one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from paifang.commands.journal import GATEWAY
from paifang.commands.refusals import refused
from paifang.errors import PaifangError
from paifang.keys import files
from paifang.keys.keyset import KeySet
from paifang.keys.roots import Roots
from paifang_wire import messages, orders
from paifang_wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from paifang.commands.journal import Journal

KEYSET_FILE = "keyset.keyset"
_HINT = "`paifang keys` makes keys and key sets; `paifang keys set load FILE` brings one here"

_log = logging.getLogger(__name__)


class Session(Protocol):
    """A node's session; `keyset` is the version that the node holds, `keyset_refused` the one that it did not take."""

    keyset: int
    keyset_refused: int

    def send(self, message: list[Any]) -> None: ...


class KeySets:
    """Reads `folder`/keyset.keyset, checked by the roots in `roots_file`; `sessions()` are the live ones.

    `problem` says why there is none in force, None while all is well or no roots were ever given.
    """

    def __init__(
        self,
        site: str,
        folder: Path,
        roots_file: Callable[[], Path],
        journal: Journal,
        sessions: Callable[[], Iterable[Session]],
    ) -> None:
        self.current: KeySet | None = None
        self.problem: PaifangError | None = None
        self._site = site
        self._file = folder / KEYSET_FILE
        self._roots_file = roots_file
        self._journal = journal
        self._sessions = sessions

    @property
    def version(self) -> int:
        """0 without one."""
        return self.current.version if self.current else 0

    def open(self) -> None:
        """Take the key set of the file. What is wrong with it is a `problem`: no signature counts then."""
        self.problem = None
        try:
            if self._file.exists():
                keyset = KeySet.read(self._file)
                keyset.verify(self._roots())
                self.current = keyset
        except (PaifangError, OSError) as error:
            self.problem = error if isinstance(error, PaifangError) else PaifangError(f"{self._file}: {error}")
            _log.error("no key set is in force: %s", self.problem)

    def held(self) -> KeySet:
        """The key set in force. Raises PaifangError without one."""
        if self.current is None:
            why = f": {self.problem.message}" if self.problem else ""
            raise refused("no-keyset", f"this gateway has no key set, so no signature counts{why}", _HINT)
        return self.current

    def check_least(self, least: int) -> None:
        """Raise PaifangError when a signer knew a newer key set than this gateway has."""
        if orders.keyset_refusal(least, self.version):
            message = f"it was signed by somebody who knows key set {least}; this gateway has {self.version}"
            raise refused("old-keyset", message, "load that one: `paifang keys set load FILE`")

    async def load(self, data: bytes, actor: str) -> dict[str, Any]:
        """Go by a newer key set from now on, and hand it on. Raises PaifangError and changes nothing."""
        keyset = KeySet.decode(data)
        signers = keyset.verify(self._roots())
        if keyset.version <= self.version:
            message = f"key set {keyset.version} is not newer than {self.version}, which is in force"
            hint = "an older one could bring revoked keys back: build it with a higher version"
            raise refused("old-keyset", message, hint)
        detail = {"version": keyset.version, "payload": keyset.rooted.payload, "signers": signers}
        await self._journal.record("keyset", GATEWAY, actor, **detail)
        files.write(self._file, keyset.encode(), replace=True)
        self.current, self.problem = keyset, None
        pushed = sum(self.push(session) for session in self._sessions())
        return {"version": keyset.version, "keys": len(keyset.entries), "signers": signers, "pushed": pushed}

    def push(self, session: Session) -> bool:
        """Hand the key set on to a node that holds an older one, and has not refused this one in its session."""
        if self.current is None or max(session.keyset, session.keyset_refused) >= self.current.version:
            return False
        payload, signatures = self.current.rooted.payload, self.current.rooted.detached
        try:
            session.send([messages.ROOTED, messages.ROOTED_KEYSET, payload, *signatures])
        except WireError:
            return False
        return True

    def show(self) -> dict[str, Any]:
        """The key set for people: {version, keys, problem}."""
        entries = self.current.entries if self.current else ()
        keys = [
            {
                "kid": entry.kid.hex(),
                "person": entry.person,
                "class": entry.key_class,
                "state": entry.state_name,
                "ops": entry.op_names,
                "scope": [list(pair) for pair in entry.scope],
            }
            for entry in entries
        ]
        data = self.current.encode().hex() if self.current else None
        problem = self.problem.message if self.problem else None
        return {"version": self.version, "keys": keys, "problem": problem, "keyset": data}

    def _roots(self) -> Roots:
        roots = Roots.read(self._roots_file())
        if roots.site != self._site:
            raise PaifangError(f"{self._roots_file()} has the roots of {roots.site}, this gateway is {self._site}")
        return roots
