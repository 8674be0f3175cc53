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

    `driver.read()`, awaited: (values in the order of `rows`, GOOD or SETTLING), None when the chip has nothing new yet,
    or SensorFault. `rows` are the points' rows of the description, and values after the last of them are not reported;
    a value outside their limits is not one the chip can measure.
    """

    def __init__(self, name: str, driver, rows: tuple, records) -> None:
        self.name = name
        self._driver = driver
        self._rows = rows
        self._records = records
        self._state = messages.GOOD

    async def poll(self):
        """Read once and report it, if there is something new. Returns the values, None without any to be believed."""
        try:
            answer = await self._driver.read()
            if answer is None:
                return None
            values, quality = answer
            self._check(values)
        except SensorFault as fault:
            self._report(None, fault.quality)
            self._note(fault.quality, fault.detail)
            return None
        self._report(values, quality)
        self._note(messages.GOOD, "")
        return values

    def _check(self, values: tuple) -> None:
        """One value that the chip cannot measure discredits the whole answer."""
        for row, value in zip(self._rows, values):
            if not row[_MINIMUM] <= value <= row[_MAXIMUM]:
                limits = (row[_NAME], value, row[_MINIMUM], row[_MAXIMUM])
                raise SensorFault(messages.IMPLAUSIBLE, "%s %d is outside %d to %d" % limits)

    def _report(self, values, quality: int) -> None:
        numbers = [row[_NUMBER] for row in self._rows]
        flags = {} if quality == messages.GOOD else dict.fromkeys(numbers, quality)
        self._records.report(dict.fromkeys(numbers) if values is None else dict(zip(numbers, values)), flags)

    def _note(self, state: int, detail: str) -> None:
        if state == self._state:
            return
        self._state = state
        code = _EVENTS.get(state, messages.EV_RECOVERED)
        self._records.event(code, self._rows[0][_NUMBER], self.name + ": " + detail if detail else self.name)
