"""How a caller of the control socket is called in the log, and what right they command by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paifang.commands.givers import LOCAL, Giver

if TYPE_CHECKING:
    from paifang.control.authority import Caller


def actor(caller: Caller) -> str:
    """Such as "alice (uid 1000)"; also the name on this machine where that is another one."""
    who = caller.principal
    name = "" if who.name in {who.person, f"uid {caller.uid}"} else f"{who.name}, "
    return f"{who.person} ({name}uid {caller.uid})"


def giver(caller: Caller) -> Giver:
    """The caller as one who commands by local authority."""
    return Giver(caller.principal.person, actor(caller), LOCAL, caller.principal.roles, caller.uid)
