"""What a signal holds over a loss of power: its site record, its plans and day plans, a latch, and how it stopped.

Everything that takes heap only for a moment (checks, packing) is loaded for that moment.
"""

from micropython import const

from node.modules import forget_since, loaded
from node.slots import Slots
from paifang_wire import messages
from paifang_wire.messages import BUSY, INCONSISTENT, LIMIT, NOT_SELECTED

from .shelf import SLOTS, Shelf

_POWER_ON = const(1)
"""machine.reset_cause() of an ESP32 whose power has come, or has been too low."""


class Holdings:
    """`nvs`: an `esp32.NVS`. `records`: the `slots.Slots` of the site record. `retire()`: before a restart.

    `site`: the `tables.Site` in force, None without one; `problem`: what is wrong with the one that is held.
    `selected`: 0 for the day plans, or a slot. `days`: their record, None without.
    """

    def __init__(self, nvs, folder: str = "/") -> None:
        self._nvs = nvs
        self.records = Slots(nvs, "site", folder.rstrip("/"))
        self.shelf = Shelf(folder)
        self.site = self.days = None
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

        self.site, self.problem = open_site(name, self._nvs, self.records)
        del open_site
        if self.site is not None:
            from . import staging

            staging.check_again(self.shelf, self.site, print)
            del staging
        self._read_days()
        forget_since(before)

    def attach(self, say) -> None:
        """`say(text)`: an event of the node."""
        self._say = say

    # Plans

    async def stage(self, what: int, payload: bytes) -> tuple:
        """(id, refusal) of a STAGE message; the reason of a refusal is said."""
        if self.site is None:
            return 0, INCONSISTENT
        from .staging import stage

        identifier, refusal, reason = await stage(self.shelf, self.site, what, payload, self._pause)
        if refusal:
            self._say("%s refused: %s" % ("plan" if what == messages.STAGED_PLAN else "day plans", reason))
        return identifier, refusal

    def take_plan(self, identifier: int) -> tuple:
        """(refusal, slot): the staged plan of this id takes the place of the one of its name, or a free one."""
        shelf = self.shelf
        if not identifier or shelf.id_at(shelf.STAGED) != identifier:
            return NOT_SELECTED, 0
        if self.site is None or shelf.site_at(shelf.STAGED) != self.site.crc:
            return INCONSISTENT, 0
        before = loaded()
        from .packing import name_of
        from .staging import names

        packed = shelf.packed(shelf.STAGED)
        taken = names(shelf)
        slot = taken.get(name_of(packed), 0) if packed else 0
        free = [number for number in range(1, SLOTS + 1) if number not in taken.values()]
        del name_of, names
        forget_since(before)
        slot = slot or (free[0] if packed and free else 0)
        return (self._move(slot), slot) if slot else (LIMIT, 0)

    def take_days(self, identifier: int) -> int:
        """The staged day plans of this id are those in force from now on; or why not."""
        shelf = self.shelf
        if not identifier or shelf.id_at(shelf.STAGED) != identifier:
            return NOT_SELECTED
        refusal = self._move(shelf.DAYS)
        self._read_days()
        return refusal

    def plan_at(self, slot: int):
        """The `phases.Plan` of a slot; None for none that this site can go by."""
        packed = self.shelf.packed(slot) if slot else None
        if not packed or self.site is None or self.shelf.site_at(slot) != self.site.crc:
            return None
        before = loaded()
        from .packing import unpack

        plan = unpack(packed)
        del unpack
        forget_since(before)
        return plan

    def slot_of(self, name: str) -> int:
        """The slot of the plan of that name, 0 for none."""
        before = loaded()
        from .staging import names

        slot = names(self.shelf).get(name, 0)
        del names
        forget_since(before)
        return slot

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

    # Latch

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

    def _move(self, place) -> int:
        try:
            self.shelf.move(place)
        except OSError:
            return BUSY
        return 0

    def _read_days(self) -> None:
        payload = self.shelf.payload(self.shelf.DAYS)
        if payload:
            from paifang_wire import cbor

            self.days = cbor.decode(payload)

    def _number(self, key: str) -> int:
        try:
            return self._nvs.get_i32(key)
        except OSError:
            return 0

    def _keep(self, key: str, number: int) -> None:
        self._nvs.set_i32(key, number)
        self._nvs.commit()
