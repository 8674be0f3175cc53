"""A street whose junction is advised, through a whole gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from avenue import Street, build

from paifang.keys import keyfile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def light_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sealing a key is slow on purpose, and not what is tried here."""
    monkeypatch.setattr(keyfile, "_SCRYPT", (1 << 10, 8, 1))


@pytest.fixture
async def street(start: Any, tmp_path: Path, light_scrypt: None) -> AsyncIterator[Street]:
    made = await build(start, tmp_path)
    yield made
    await made.node.stop()
