"""Which plans a signal has, which of them runs when, and what takes its place among them. Loaded for each question."""

from paifang_wire import cbor
from paifang_wire.messages import BUSY, INCONSISTENT, LIMIT, NOT_SELECTED

from . import days, packing
from .shelf import SLOTS, Shelf

NEVER_MS = 1 << 62


class Library:
    """`folder`: where the files are. `crc`: of the site record in force, -1 without one."""

    def __init__(self, folder: str, crc: int) -> None:
        self._shelf = Shelf(folder)
        self._crc = crc

    def plan_at(self, slot: int) -> tuple:
        """(`phases.Plan`, its id) of a slot; (None, 0) for none that this site can go by."""
        packed = self._shelf.packed(slot) if slot and self._shelf.site_at(slot) == self._crc else None
        return (packing.unpack(packed), self._shelf.id_at(slot)) if packed else (None, 0)

    def slot_at(self, utc_ms: int) -> tuple:
        """(slot of the plan that the day plans have run at that time, 0 for none; when to ask again)."""
        payload = self._shelf.payload(self._shelf.DAYS)
        if not payload:
            return 0, NEVER_MS
        name, until_ms = days.span_at(cbor.decode(payload), utc_ms)
        return names(self._shelf).get(name, 0), until_ms

    def days_id(self) -> int:
        """The id of the day plans in force, 0 for none."""
        return self._shelf.id_at(self._shelf.DAYS)

    def take_plan(self, identifier: int) -> tuple:
        """(refusal, slot): the staged plan of this id takes the place of the one of its name, or a free one."""
        shelf = self._shelf
        if not identifier or shelf.id_at(shelf.STAGED) != identifier:
            return NOT_SELECTED, 0
        if shelf.site_at(shelf.STAGED) != self._crc:
            return INCONSISTENT, 0
        packed = shelf.packed(shelf.STAGED)
        taken = names(shelf)
        slot = taken.get(packing.name_of(packed), 0) if packed else 0
        free = [number for number in range(1, SLOTS + 1) if number not in taken.values()]
        slot = slot or (free[0] if packed and free else 0)
        return (self._move(slot), slot) if slot else (LIMIT, 0)

    def take_days(self, identifier: int) -> int:
        """The staged day plans of this id are those in force from now on; or why not."""
        shelf = self._shelf
        if not identifier or shelf.id_at(shelf.STAGED) != identifier:
            return NOT_SELECTED
        return self._move(shelf.DAYS)

    def _move(self, place) -> int:
        try:
            self._shelf.move(place)
        except OSError:
            return BUSY
        return 0


def names(shelf: Shelf) -> dict:
    """{name: slot} of the plans on the shelf."""
    found = {}
    for slot in range(1, SLOTS + 1):
        packed = shelf.packed(slot)
        if packed:
            found[packing.name_of(packed)] = slot
    return found
