"""Where a gateway keeps its things: the data folder, its settings file, its control socket.

Free of pydantic, so that a command which only wants the socket starts fast.
"""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import cast

FILE_NAME = "gateway.toml"
SYSTEM_FILE = Path("/etc/paifang") / FILE_NAME
DATA_VARIABLE = "PAIFANG_DATA"
STORE_FILE = "paifang.db"
AUDIT_FOLDER = "audit"


def default_data() -> Path:
    """The data folder when nobody names one: $XDG_STATE_HOME/paifang, else ~/.local/state/paifang."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return base / "paifang"


def default_socket(data: Path) -> Path:
    """The control socket of a data folder: in a folder of its own, whose mode guards it."""
    return data / "control" / "gateway.sock"


@dataclass(frozen=True, slots=True)
class Place:
    """What the caller said: `--config FILE` and `--data DIR` (or PAIFANG_DATA), each or None."""

    config: Path | None = None
    data: Path | None = None

    @property
    def home(self) -> Path:
        """The data folder, as far as it is known without reading a file."""
        return self.data or default_data()

    def file(self) -> Path | None:
        """The settings file to read: FILE, else DATA/gateway.toml, else the system's; None = defaults.

        A data folder that was named stands for itself: the system's file is then not looked at.
        """
        if self.config is not None:
            return self.config
        own = self.home / FILE_NAME
        candidates = [own] if self.data is not None else [own, SYSTEM_FILE]
        return next((path for path in candidates if path.is_file()), None)

    def socket(self) -> Path:
        """The control socket, from the settings file as far as it can be read, else the default.

        A file with a syntax error says nothing about the socket: OSError and TOMLDecodeError go up.
        """
        file = self.file()
        found = {} if file is None else tomllib.loads(file.read_text("utf-8"))
        base = Path() if file is None else file.parent
        socket = _text(found.get("control"), "socket")
        if socket is not None:
            return resolve(socket, base)
        data = _text(found, "data")
        return default_socket(self.data or (default_data() if data is None else resolve(data, base)))


def resolve(text: str, base: Path) -> Path:
    """A path as written in a settings file: `~` is the home, a relative one starts at the file's folder."""
    return (base / Path(text).expanduser()).absolute()


def _text(table: object, key: str) -> str | None:
    """The text at a key of what may be a table; None for anything else (the daemon explains it)."""
    value = cast("dict[str, object]", table).get(key) if isinstance(table, dict) else None
    return value if isinstance(value, str) else None
