"""What a signal holds over a loss of power: its site record, its plans and day plans, a latch, and how it stopped.

Everything that takes heap only for a moment (checks, files, packing) is loaded for that moment.
"""

from micropython import const

from node.modules import forget_since, loaded
from node.slots import Slots
from paifang_wire import messages

_POWER_ON = const(1)
"""machine.reset_cause() of an ESP32 whose power has come, or has been too low."""


class Holdings:
    """`nvs`: an `esp32.NVS`. `records`: the `slots.Slots` of the site record. `retire()`: before a restart.

    `site`: the `tables.Site` in force, None without one; `problem`: what is wrong with the one that is held.
    `selected`: 0 for the day plans, or a slot.
    """

    def __init__(self, nvs, folder: str = "/") -> None:
        self._nvs = nvs
        self._folder = folder
        self.records = Slots(nvs, "site", folder.rstrip("/"))
        self.site = None
        self.problem = ""
        self.retire = lambda: None
        self._say = print
        self._pause = None
        self.selected = self._number("plan")

    def open(self, name: tuple, pause) -> None:
        """Read the site record, and check again what stands on the shelf if that is another one than before."""
        before = loaded()
        self._pause = pause
        from .opening import open_site

        opening = loaded()
        self.site, self.problem = open_site(name, self._nvs, self.records, lambda: forget_since(opening))
        del open_site
        forget_since(before)
        if self.site is not None:
            from .staging import check_again

            check_again(self._folder, self.site, print)
            del check_again
            forget_since(before)

    def attach(self, say) -> None:
        """`say(text)`: an event of the node."""
        self._say = say

    def ask(self, question):
        """What `question(library.Library)` answers."""
        before = loaded()
        from .library import Library

        try:
            return question(Library(self._folder, -1 if self.site is None else self.site.crc))
        finally:
            del Library
            forget_since(before)

    async def stage(self, what: int, payload: bytes) -> tuple:
        """(id, refusal) of a STAGE message; the reason of a refusal is said. Whoever asks forgets what this loads."""
        if self.site is None:
            return 0, messages.INCONSISTENT
        from .staging import stage

        identifier, refusal, reason = await stage(self._folder, self.site, what, payload, self._pause)
        if refusal:
            self._say("%s refused: %s" % ("plan" if what == messages.STAGED_PLAN else "day plans", reason))
        return identifier, refusal

    def select(self, slot: int) -> None:
        """Go by this slot, 0: by the day plans; over a loss of power too. Raises OSError."""
        self._keep("plan", slot)
        self.selected = slot

    def last(self) -> int:
        """The slot that was in force last."""
        return self._number("slot")

    def note(self, slot: int) -> None:
        """Keep the slot that is in force. Raises OSError."""
        if slot != self.last():
            self._keep("slot", slot)

    def latched(self, reset_cause: int, unclean: int) -> int:
        """The reason of a latch that was kept, or `unclean` after a reset that nobody has asked for; 0 for none."""
        if not self.kept and self._number("armed") and reset_cause != _POWER_ON:
            return unclean
        return self.kept

    @property
    def kept(self) -> int:
        """The reason of a latch that was written down; 0 for none."""
        return self._number("latch")

    def latch(self, reason: int) -> None:
        """Keep this latch, 0 for none any more. Raises OSError."""
        self._keep("latch", reason)

    def arm(self, armed: int) -> None:
        """1 while the signal runs: whoever finds it at a start knows that nobody has stopped it. Raises OSError."""
        self._keep("armed", armed)

    def _number(self, key: str) -> int:
        try:
            return self._nvs.get_i32(key)
        except OSError:
            return 0

    def _keep(self, key: str, number: int) -> None:
        self._nvs.set_i32(key, number)
        self._nvs.commit()
