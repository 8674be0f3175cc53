"""The store: one SQLite file in which a record is either synced and acknowledged, or neither."""

from paifang.store.boots import Boot
from paifang.store.registry import Node
from paifang.store.store import Store
from paifang.store.writer import Batch

__all__ = ["Batch", "Boot", "Node", "Store"]
