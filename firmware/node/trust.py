"""What root keys may change. It is seldom asked: what checks it is loaded for one message and forgotten after it."""

import sys

from micropython import const

from paifang_wire import messages

_RESTART_MS = const(3_000)  # for what is still to be said
# Free heap that the check takes where pointers have 8 bytes, half of it where they have 4: with the parts that only a
# node of class 3 has loaded already, and without.
_NEEDED_LOADED, _NEEDED = const(14_000), const(26_000)
_FORGOTTEN = ("node.", "paifang_wire.")


class Trust:
    """`name`: (site, node). `nvs`: an `esp32.NVS`. `clock`: an `uptime.Uptime`. `restart()` does not return.

    `keyset` and `verifier` where there is a point of class 3: the ones that `authority` stands on. `gc`: collect() and
    mem_free(); what does not fit is not begun, because it would take the heap from everything else.
    """

    def __init__(self, name: tuple, nvs, clock, restart, keyset=None, verifier=None, gc=None) -> None:
        self._name = name
        self._nvs = nvs
        self._clock = clock
        self._restart = restart
        self._keyset = keyset
        self._verifier = verifier
        self._gc = gc
        self._is_taking = False

    @property
    def version(self) -> int:
        """Of the key set held; 0 for none."""
        return 0 if self._keyset is None else self._keyset.version

    async def take(self, message: list, answer) -> None:
        """Check a ROOTED message, and act on it; `answer(payload)` says what is held then. A new epoch is a restart."""
        what = message[1]
        held, refusal = self.version, messages.BUSY
        if what != messages.ROOTED_EPOCH and self._keyset is None:
            refusal = messages.NO_SUCH_OP
        elif not self._has_room():
            print("no heap to check what root keys have signed")
        elif not self._is_taking:
            self._is_taking = True
            before = list(sys.modules)
            try:
                held, refusal = await self._rooted().take(message)
            except MemoryError:
                print("no heap left for what root keys have signed")
            finally:
                self._is_taking = False
                _forget(before)
        answer(messages.encode((messages.HELD, what, held, refusal)))
        if what == messages.ROOTED_EPOCH and not refusal:
            await self._clock.sleep_ms(_RESTART_MS)
            self._restart()

    def _has_room(self) -> bool:
        if self._gc is None:
            return True
        self._gc.collect()
        needed = _NEEDED if self._verifier is None else _NEEDED_LOADED
        return self._gc.mem_free() >= (needed if sys.maxsize >> 32 else needed // 2)

    def _rooted(self):
        from .rooted import Rooted

        verifier = self._verifier
        if verifier is None:
            from .verifier import Verifier, sliced

            verifier = Verifier(self._clock.now_ms, sliced(self._clock.sleep_ms))
        return Rooted(self._name, self._nvs, self._keyset, verifier)


def _forget(before: list) -> None:
    """Give back the heap of the modules that have been loaded since."""
    for name in list(sys.modules):
        if name not in before and name.startswith(_FORGOTTEN):
            module = sys.modules.pop(name)
            package, _, part = name.rpartition(".")
            if getattr(sys.modules[package], part, None) is module:
                delattr(sys.modules[package], part)
