"""What a person's machine knows by itself of a site: its root keys, and the newest key set that it has seen signed.

Who signs says by this which key set a node must have at least: it is what bounds a revocation that somebody withholds,
so it never goes by what a gateway says.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paifang.errors import EXIT_USAGE, PaifangError
from paifang.keys import files
from paifang.keys.keyset import KeySet
from paifang.keys.roots import Roots
from paifang_wire import sign1

if TYPE_CHECKING:
    from pathlib import Path

    from paifang.keys.roots import Rooted

_ROOTS = ".roots.json"
_NEWEST = ".newest.keyset"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Lies in `folder`, beside the person's keys."""

    folder: Path

    def trust(self, roots: Roots, *, replace: bool = False) -> None:
        """Go by these root keys for their site from now on. Raises PaifangError when there are others already."""
        file = self._file(roots.site, _ROOTS)
        if file.exists() and not replace:
            if Roots.read(file) == roots:
                return
            message = f"other root keys are trusted for {roots.site}, in {file}"
            hint = "ask the owner; if they were replaced, say --replace"
            raise PaifangError(message, hint, code="other-roots", exit_code=EXIT_USAGE)
        files.make_folder(self.folder)
        files.write(file, roots.text(), replace=True)

    def roots(self, site: str) -> Roots | None:
        """The root keys that are trusted for a site. Raises PaifangError for a file that is damaged."""
        file = self._file(site, _ROOTS)
        return Roots.read(file) if file.exists() else None

    def roots_of(self, rooted: Rooted) -> Roots | None:
        """The trusted root keys of which one has signed this."""
        kids = {kid for kid, _ in rooted.signatures}
        trusted = (Roots.read(file) for file in sorted(self.folder.glob("*" + _ROOTS)))
        return next((roots for roots in trusted if kids & {sign1.key_id(root.public) for root in roots.roots}), None)

    def learn(self, keyset: KeySet, roots: Roots) -> bool:
        """Remember a key set that these roots have signed; True when it is the newest so far.

        Only for a site whose roots are trusted, and only by those roots. Raises PaifangError for a bad signature.
        """
        keyset.verify(roots)
        if self.roots(roots.site) != roots or keyset.version <= self.newest(roots.site):
            return False
        files.write(self._file(roots.site, _NEWEST), keyset.encode(), replace=True)
        return True

    def keyset(self, site: str) -> KeySet | None:
        """The newest key set that was learned for a site; one that its trusted roots have not signed is none."""
        roots, file = self.roots(site), self._file(site, _NEWEST)
        if roots is None or not file.exists():
            return None
        with contextlib.suppress(PaifangError):
            found = KeySet.read(file)
            found.verify(roots)
            return found
        return None

    def newest(self, site: str) -> int:
        """The version of `keyset`, 0 for none."""
        found = self.keyset(site)
        return found.version if found else 0

    def _file(self, site: str, suffix: str) -> Path:
        return self.folder / (site.replace("/", "_") + suffix)
