"""A junction put together: what is sampled each 20 ms takes nothing from the heap, whatever the lamps show."""

from paifang_wire import cbor
from roles.traffic_signal import site
from roles.traffic_signal.interlock import LATCHED, RUN
from roles.traffic_signal.monitor import CONFLICT, RELAY_CLOSED, SUPPLY_OK
from roles.traffic_signal.unit import Unit

from .signal_interlock import START_TICKS, heap_lock, heap_unlock, record

MATRIX_OF_3 = [0b010, 0b101, 0b010]
VEHICLES = 0b011
SAMPLES_A_TICK = 5
SAMPLE_MS = 20
SOUND = SUPPLY_OK | RELAY_CLOSED


class Street:
    """A unit, and lamps that show what it says; `wrong` greens are lit besides."""

    def __init__(self):
        self.unit = Unit(site.decode(cbor.encode(record())), MATRIX_OF_3, VEHICLES)
        self.unit.asked = 0
        self.now_ms = self.wrong = 0

    def ticks(self, count):
        """So many ticks, the samples between them with the heap locked. A relay that is let go has fallen."""
        unit = self.unit
        for _ in range(count):
            for _ in range(SAMPLES_A_TICK):
                self.now_ms += SAMPLE_MS
                green = unit.green | self.wrong
                inputs = SOUND if unit.monitor.holds else SUPPLY_OK
                heap_lock()
                try:
                    unit.sample(unit.red, unit.amber, green, inputs, self.now_ms)
                finally:
                    heap_unlock()
            unit.tick(0, 0, 0, 0)
        return unit.interlock.mode


def test_samples_take_nothing_from_the_heap_from_the_start_to_a_trip():
    street = Street()
    assert street.ticks(START_TICKS + 10) == RUN
    assert street.unit.monitor.holds
    street.wrong = 0b111
    assert street.ticks(10) == LATCHED
    assert street.unit.monitor.reason == CONFLICT
    assert not street.unit.monitor.holds
