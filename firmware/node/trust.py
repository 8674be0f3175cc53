"""Records that come by the link. They are few: what takes them, `rooting`, is loaded for one message."""


class Trust:
    """`name`: (site, node). `nvs`: an `esp32.NVS`. `clock`: an `uptime.Uptime`. `restart()` does not return.

    `holdings` of a role that goes by records: `stage(what, payload)`, awaited, gives (held, refusal); `records`, the
    `slots.Slots` of its site record; `retire()` before a restart.
    `keyset` and `verifier` where there is a point of class 3: the ones that `authority` stands on. `gc`: collect() and
    mem_free(); what does not fit is not begun, because it would take the heap from everything else.
    """

    def __init__(self, name: tuple, nvs, clock, restart, keyset=None, verifier=None, gc=None, holdings=None) -> None:
        self.name = name
        self.nvs = nvs
        self.clock = clock
        self.restart = restart
        self.keyset = keyset
        self.verifier = verifier
        self.gc = gc
        self.holdings = holdings
        self.is_taking = False

    @property
    def version(self) -> int:
        """Of the key set held; 0 for none."""
        return 0 if self.keyset is None else self.keyset.version

    async def take(self, message: list, answer) -> None:
        """Check a ROOTED or STAGE message, and act on it; `answer(payload)` says what is held then.

        A new epoch and a new site record are a restart.
        """
        from .rooting import take

        await take(self, message, answer)
