"""Who may do what, where and when: roles and rules in files, decided by Cedar."""

from paifang.policy.ask import Ask, Decision
from paifang.policy.engine import Policy
from paifang.policy.names import ACTIONS, ALL_ROLES, ROLES
from paifang.policy.problems import PolicyError

__all__ = ["ACTIONS", "ALL_ROLES", "ROLES", "Ask", "Decision", "Policy", "PolicyError"]
