"""The tamper-evident log: entries, a Merkle tree over them, signed checkpoints, proofs, the witness."""
