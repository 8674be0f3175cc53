"""What root keys may change. It is seldom asked: what does it, `rooting`, is loaded for one message."""


class Trust:
    """`name`: (site, node). `nvs`: an `esp32.NVS`. `clock`: an `uptime.Uptime`. `restart()` does not return.

    `keyset` and `verifier` where there is a point of class 3: the ones that `authority` stands on. `gc`: collect() and
    mem_free(); what does not fit is not begun, because it would take the heap from everything else.
    """

    def __init__(self, name: tuple, nvs, clock, restart, keyset=None, verifier=None, gc=None) -> None:
        self.name = name
        self.nvs = nvs
        self.clock = clock
        self.restart = restart
        self.keyset = keyset
        self.verifier = verifier
        self.gc = gc
        self.is_taking = False

    @property
    def version(self) -> int:
        """Of the key set held; 0 for none."""
        return 0 if self.keyset is None else self.keyset.version

    async def take(self, message: list, answer) -> None:
        """Check a ROOTED message, and act on it; `answer(payload)` says what is held then. A new epoch is a restart."""
        from .rooting import take

        await take(self, message, answer)
