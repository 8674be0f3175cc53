"""The words of the policy: roles, actions, and how a request came in."""

from typing import get_args

from paifang.settings import Role

ROLES: tuple[str, ...] = get_args(Role)
ALL_ROLES = frozenset(ROLES)

COMMANDS = ("direct", "select", "operate", "cancel")
ACTIONS = ("read", *COMMANDS, "safe", "approve", "admin", "enrol")
VIAS = ("local", "signed", "delegation", "modbus")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
