"""The tamper-evident log: entries, a Merkle tree over them, signed checkpoints, proofs, the witness."""

from paifang.audit.checkpoints import origin_of
from paifang.audit.entries import KINDS, Entry
from paifang.audit.log import AuditLog

__all__ = ["KINDS", "AuditLog", "Entry", "origin_of"]
