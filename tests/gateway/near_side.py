"""The settings of a gateway in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paifang.settings import NodesSettings, Settings, StoreSettings, TcpSettings

if TYPE_CHECKING:
    from pathlib import Path


def settings_in(folder: Path, **changes: Any) -> Settings:
    """Those of a gateway in `folder`, at any free port, that commits without delay."""
    nodes = NodesSettings(tcp=TcpSettings(listen="127.0.0.1:0"))
    return Settings(**{"data": folder, "nodes": nodes, "store": StoreSettings(commit_ms=1), **changes})
