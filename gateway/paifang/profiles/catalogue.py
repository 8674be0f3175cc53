"""Where profiles are found: those that paifang comes with, and a gateway's own, which go before."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from paifang.config.explain import nearest
from paifang.errors import not_found
from paifang.profiles.load import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paifang.profiles.model import AnyProfile

SUFFIX = ".toml"
OWN_FOLDER = "profiles"
"""Inside a gateway's data folder."""


def built_in() -> Path:
    """The folder of the profiles that paifang comes with."""
    return Path(str(files("paifang.profiles") / "data"))


class Catalogue:
    """Profiles by name, of several folders, of which an earlier one goes before a later one."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.files: dict[str, Path] = {}
        for folder in folders:
            for file in sorted(folder.glob(f"*{SUFFIX}")):
                self.files.setdefault(file.stem, file)

    @classmethod
    def of(cls, data: Path) -> Catalogue:
        """Those of a gateway with this data folder."""
        return cls((data / OWN_FOLDER, built_in()))

    def file(self, name: str) -> Path:
        """The file of a profile. Raises PaifangError naming the nearest one there is."""
        found = self.files.get(name)
        if found is None:
            near = nearest(name, list(self.files))
            hint = f'did you mean "{near}"?' if near else "`paifang profile list` shows those there are"
            raise not_found(f"no profile {name!r}", hint)
        return found

    def load(self, name: str) -> AnyProfile:
        """A profile. Raises PaifangError, ProfileError with every mistake in its file."""
        return load(self.file(name))
