"""The folder of a person's keys: NAME.key and NAME.pub, on that person's own machine."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from paifang.errors import EXIT_USAGE, PaifangError, bad_argument, not_found, resource_error
from paifang.keys import files, keyfile
from paifang.keys.keyfile import KeyFile, PublicKey
from paifang.keys.knowledge import Knowledge

if TYPE_CHECKING:
    from paifang.keys.signing import SigningKey

FOLDER_VARIABLE = "PAIFANG_KEYS"
_DEFAULT = "default"
"""A file with the name of the key that is used when none is named."""


def default_folder() -> Path:
    """$PAIFANG_KEYS, else $XDG_CONFIG_HOME/paifang/keys, else ~/.config/paifang/keys."""
    named = os.environ.get(FOLDER_VARIABLE, "")
    if named:
        return Path(named).expanduser().absolute()
    config = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(config) if Path(config).is_absolute() else Path.home() / ".config"
    return base / "paifang" / "keys"


@dataclass(frozen=True, slots=True)
class Keyring:
    folder: Path

    @classmethod
    def own(cls) -> Keyring:
        return cls(default_folder())

    @property
    def knowledge(self) -> Knowledge:
        """What is known here of sites, beside the keys."""
        return Knowledge(self.folder)

    def held(self) -> list[PublicKey]:
        """The public halves of all keys here, by name. Raises PaifangError for a file that is none."""
        return [PublicKey.read(file) for file in self._files()]

    def default(self) -> str | None:
        """The name of the key that is used when none is named: the one chosen, else the only one."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            chosen = (self.folder / _DEFAULT).read_text("utf-8").strip()
            if chosen and self.file_of(chosen).is_file():
                return chosen
        found = self._files()
        return found[0].stem if len(found) == 1 else None

    def choose(self, name: str) -> None:
        """Make a key the default. Raises PaifangError when it is not here."""
        self.find(name)
        files.write(self.folder / _DEFAULT, name + "\n", replace=True)

    def file_of(self, name: str) -> Path:
        return self.folder / (name + keyfile.SUFFIX)

    def find(self, wanted: str | None = None) -> KeyFile:
        """A key by its name, kid or file; the default one for None. Raises PaifangError saying what is there."""
        wanted = self.default() if wanted is None else wanted
        if wanted is None:
            names = ", ".join(file.stem for file in self._files())
            hint = f"name one with --key: {names}" if names else "make one with: paifang keys new NAME --person PERSON"
            raise bad_argument(f"there is no default key in {self.folder}", hint)
        for file in (self.file_of(wanted), Path(wanted)):
            if file.is_file() and (file.parent != Path() or file.suffix == keyfile.SUFFIX):
                return KeyFile.read(file)
        for file in self._files():
            if PublicKey.read(file).kid.hex() == wanted.lower():
                return KeyFile.read(file)
        names = ", ".join(file.stem for file in self._files()) or "none"
        raise not_found(f"no key {wanted!r} in {self.folder}", f"there are: {names}")

    def check_free(self, name: str) -> None:
        """Raise PaifangError when there is a key of this name."""
        if self.file_of(name).exists():
            message = f"there is a key {name} in {self.folder} already"
            raise PaifangError(message, "choose another name", exit_code=EXIT_USAGE)

    def new(self, about: PublicKey, signer: SigningKey, passphrase: str) -> KeyFile:
        """Write NAME.key and NAME.pub; no key that is there is ever replaced. Raises PaifangError."""
        files.make_folder(self.folder)
        made = keyfile.seal(self.file_of(about.name), about, signer, passphrase)
        files.write(self.folder / (about.name + keyfile.PUBLIC_SUFFIX), about.text(), replace=True)
        return made

    def _files(self) -> list[Path]:
        try:
            return sorted(self.folder.glob("*" + keyfile.SUFFIX))
        except OSError as error:
            raise resource_error(f"cannot read {self.folder}: {error.strerror}", "is it yours?") from error


def check_kind(key: KeyFile, kinds: tuple[str, ...], what: str) -> None:
    """Raise PaifangError unless the key is of one of `kinds`; `what` is to be signed."""
    if key.about.kind not in kinds:
        message = f"{key.about.name} is a {key.about.kind} key, and {what} is signed with a {' or '.join(kinds)} key"
        raise PaifangError(message, "`paifang keys list` shows yours", code="wrong-key")
