"""Local authority: who a process on this machine is to the gateway, and which operation takes which role."""

from __future__ import annotations

import grp
import logging
import os
import pwd
import socket
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from paifang.errors import EXIT_UNREACHABLE, PaifangError
from paifang.settings import ControlSettings, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from paifang.settings import UserSettings

ALL_ROLES = frozenset[str](get_args(Role))
ANY = tuple(get_args(Role))
"""Looking is for everybody who is let in at all."""

# A signed order, approval or delegation carries its own authority: whoever may look may hand it in, and what counts
# is who signed it. Taking power away is for more than granting it.
PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "status": ANY,
    "metrics": ANY,
    "check": ANY,
    "authority.show": ANY,
    "nodes.list": ANY,
    "nodes.show": ANY,
    "nodes.add": ("engineer",),
    "nodes.remove": ("engineer",),
    "nodes.reset-boot": ("engineer",),
    "nodes.rekey": ("engineer",),
    "read": ANY,
    "events": ANY,
    "air.index": ANY,
    "watch": ANY,
    "send": ("operator",),
    "safe": ("safety",),
    "commands.target": ANY,
    "commands.submit": ANY,
    "commands.approve": ANY,
    "commands.pending": ANY,
    "commands.show": ANY,
    "commands.list": ANY,
    "keyset.show": ANY,
    "keyset.load": ("engineer",),
    "signals.show": ANY,
    "signals.site": ("engineer",),
    "signals.stage": ("operator", "engineer"),
    "delegations.list": ANY,
    "delegations.add": ("operator", "engineer"),
    "delegations.revoke": ("operator", "safety", "engineer"),
    "audit.list": ANY,
    "audit.show": ANY,
    "audit.prove": ANY,
    "audit.checkpoint": ANY,
    "policy.explain": ANY,
    "policy.reload": ("engineer",),
    "bridges.list": ANY,
    "bridges.lock": ("safety", "engineer"),
    "bridges.trace": ("engineer",),
    "sinks.list": ANY,
    "sinks.pause": ("engineer",),
    "sinks.replay": ("engineer",),
    "signals.congestion": ANY,
    "signals.wave": ANY,
    "reload": ("engineer",),
    "stop": ("engineer",),
}
"""Any one of these roles will do. An operation that is not here is for nobody."""

_PEERCRED = struct.Struct("3i")  # pid, uid, gid: struct ucred, unix(7)
_SO_PEERGROUPS = 59  # asm-generic/socket.h: the other process's supplementary groups, since Linux 4.13
_GROUPS_BYTES = 1024  # as much as getsockopt of Python takes: 256 groups

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a caller is: the user's `name` on this machine, the `person` of the policy, and their roles."""

    name: str
    person: str
    roles: frozenset[str]
    uid: int


NOBODY = Principal("nobody", "nobody", frozenset(), -1)
"""May do nothing at all."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The process at the other end, as the kernel knows it, and who that is here."""

    pid: int
    uid: int
    gid: int
    groups: frozenset[int] = frozenset()
    principal: Principal = NOBODY


def peer(connected: socket.socket) -> Caller:
    """Who connected, from the kernel: neither ids nor groups can be made up (SO_PEERCRED, SO_PEERGROUPS)."""
    pid, uid, gid = _PEERCRED.unpack(connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEERCRED.size))
    try:
        data = connected.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES)
        groups = [number for (number,) in struct.iter_unpack("I", data)]
    except OSError:  # an old kernel, or more groups than fit
        groups = _listed_groups(uid, gid)
    return Caller(pid, uid, gid, frozenset({gid, *groups}))


@dataclass(frozen=True, slots=True)
class Denied:
    """What was refused for want of one of `roles`."""

    caller: Caller
    op: str
    roles: tuple[str, ...]

    def error(self) -> PaifangError:
        who = self.caller.principal
        if not self.roles:
            return PaifangError(f"{self.op} is for nobody on this socket", code="denied")
        needed = " or ".join(filter(None, [", ".join(self.roles[:-1]), self.roles[-1]]))
        has = ", ".join(sorted(who.roles)) or "none"
        entry = f'uid = {who.uid}, roles = ["{self.roles[0]}"]'
        hint = f"to grant it, add [[control.users]] with {entry} to gateway.toml and run `paifang reload` as root"
        message = f"{who.name} may not {self.op}: it takes the role {needed} (has: {has})"
        return PaifangError(message, hint, code="denied")


class Authority:
    """Who is let in and what each may do: frozen, other settings are another one.

    `roles_of` tells the roles of a person (those of people.toml). The gateway's own user and root have all
    roles, unless an entry with their name or id says otherwise.
    """

    def __init__(
        self,
        settings: ControlSettings | None = None,
        roles_of: Callable[[str], frozenset[str]] = lambda _person: frozenset(),
        permissions: Mapping[str, tuple[str, ...]] = PERMISSIONS,
        own_uid: int | None = None,
    ) -> None:
        self._settings = settings or ControlSettings()
        self._roles_of = roles_of
        self._permissions = permissions
        self._masters = {0, os.getuid() if own_uid is None else own_uid}
        self._entries = [entry for entry in map(_resolved, self._settings.users) if entry is not None]
        for missing in unknown_users(self._settings):
            _log.warning("control: this machine has no %s: its [[control.users]] lets nobody in", missing)

    @property
    def has_others(self) -> bool:
        """Somebody beside the gateway's own user and root may come."""
        others = {*self._settings.uids, *(entry.uid for entry in self._entries if entry.uid is not None)}
        return bool(others - self._masters) or any(entry.gid is not None for entry in self._entries)

    def known(self, caller: Caller) -> Caller:
        """The caller with their principal. PaifangError for whom the settings do not let in."""
        entries = [entry for entry in self._entries if entry.fits(caller)]
        own = [entry for entry in entries if entry.uid is not None]
        roles = frozenset[str]().union(*(self._roles(entry) for entry in entries))
        if caller.uid in self._masters and not own:
            roles = ALL_ROLES
        elif caller.uid in self._settings.uids or roles:
            roles |= {"viewer"}
        if not roles:
            raise _stranger(caller.uid)
        name = user_name(caller.uid)
        person = next((entry.person for entry in own if entry.person), name)
        return replace(caller, principal=Principal(name, person, roles, caller.uid))

    def denied(self, caller: Caller, op: str) -> Denied | None:
        """None if the caller may do the operation."""
        roles = self._permissions.get(op, ())
        return None if caller.principal.roles.intersection(roles) else Denied(caller, op, roles)

    def _roles(self, entry: _Entry) -> frozenset[str]:
        return entry.roles if entry.person is None else entry.roles | self._roles_of(entry.person)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A [[control.users]] as the kernel knows users."""

    uid: int | None
    gid: int | None
    roles: frozenset[str]
    person: str | None

    def fits(self, caller: Caller) -> bool:
        return caller.uid == self.uid if self.gid is None else self.gid in caller.groups


def without_roles(caller: Caller) -> Caller:
    """The same caller, who may do nothing any more."""
    return replace(caller, principal=replace(caller.principal, roles=frozenset()))


def unknown_users(settings: ControlSettings) -> Iterator[str]:
    """What entries name and this machine does not know: 'user "alcie"'."""
    for entry in settings.users:
        if _resolved(entry) is None:
            yield f'user "{entry.user}"' if entry.user is not None else f'group "{entry.group}"'


def user_name(uid: int) -> str:
    """The user's name on this machine, "uid 1000" for one without."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"uid {uid}"


def _resolved(entry: UserSettings) -> _Entry | None:
    uid, gid = entry.uid, None
    try:
        if entry.user is not None:
            uid = pwd.getpwnam(entry.user).pw_uid
        if entry.group is not None:
            gid = grp.getgrnam(entry.group).gr_gid
    except (KeyError, ValueError):
        return None
    return _Entry(uid, gid, frozenset(entry.roles), entry.person)


def _listed_groups(uid: int, gid: int) -> list[int]:
    try:
        return os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        return []


def _stranger(uid: int) -> PaifangError:
    hint = f"run it as the gateway's user or root, or add {uid} to uids in [control] of gateway.toml"
    return PaifangError(f"user id {uid} may not control this gateway", hint, code="denied", exit_code=EXIT_UNREACHABLE)
