"""From a driver to a record: one poll, one report; a fault is a flag and one event when it comes and when it goes."""

from micropython import const

from drivers.faults import SensorFault
from paifang_wire import messages

_NUMBER, _NAME, _MINIMUM, _MAXIMUM = const(0), const(1), const(5), const(6)

_EVENTS = {
    messages.ABSENT: messages.EV_SENSOR_ABSENT,
    messages.MUTE: messages.EV_SENSOR_MUTE,
    messages.GARBLED: messages.EV_SENSOR_GARBLED,
    messages.IMPLAUSIBLE: messages.EV_IMPLAUSIBLE,
    messages.FAULT: messages.EV_IMPLAUSIBLE,
}


class Sensor:
    """A driver and the points it gives.

    `driver.read()`, awaited: (values in the order of `rows`, GOOD or SETTLING), or SensorFault. `rows` are the points'
    rows of the description; a value outside their limits is not one the chip can measure.
    """

    def __init__(self, name: str, driver, rows: tuple, records) -> None:
        self.name = name
        self._driver = driver
        self._rows = rows
        self._records = records
        self._state = messages.GOOD

    async def poll(self):
        """Read once and make one report of it. Returns the values (None where there is none); None for no reading."""
        try:
            values, quality = await self._driver.read()
        except SensorFault as fault:
            self._report_nothing(fault.quality)
            self._note(fault.quality, None, fault.detail)
            return None
        return self._report(values, quality)

    def _report(self, values: tuple, quality: int) -> list:
        state, worst, detail = quality, None, ""
        kept = []
        flags = {}
        for row, value in zip(self._rows, values):
            number = row[_NUMBER]
            if quality != messages.GOOD:
                flags[number] = quality
            if row[_MINIMUM] <= value <= row[_MAXIMUM]:
                kept.append(value)
                continue
            kept.append(None)
            flags[number] = state = messages.IMPLAUSIBLE
            worst = number
            detail = "%s %d is outside %d to %d" % (row[_NAME], value, row[_MINIMUM], row[_MAXIMUM])
        self._records.report({row[_NUMBER]: value for row, value in zip(self._rows, kept)}, flags)
        self._note(messages.GOOD if state == messages.SETTLING else state, worst, detail)
        return kept

    def _report_nothing(self, quality: int) -> None:
        numbers = [row[_NUMBER] for row in self._rows]
        self._records.report(dict.fromkeys(numbers), dict.fromkeys(numbers, quality))

    def _note(self, state: int, point, detail: str) -> None:
        if state == self._state:
            return
        self._state = state
        code = _EVENTS.get(state, messages.EV_RECOVERED)
        number = self._rows[0][_NUMBER] if point is None else point
        self._records.event(code, number, self.name + ": " + detail if detail else self.name)
