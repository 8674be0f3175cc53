"""Peacefair PZEM-004T v3 single-phase meter: Modbus RTU on a UART (9600 8N1; user manual V1.0, clause 2).

Its 32-bit values come low word first, unlike nearly everything else on Modbus.
"""

import struct

from micropython import const

from paifang_wire.messages import ABSENT, GOOD, IMPLAUSIBLE, MUTE

from .faults import SensorFault
from .modbus_rtu import answer_complete, read_answer, read_request
from .uart_exchange import Line

_READ_INPUT_REGISTERS = const(4)
_COUNT = const(10)
_ANSWER_BYTES = const(25)
_ANSWER_TIMEOUT_MS = const(600)
_ALARM_OFF = const(0x0000)
_ALARM_ON = const(0xFFFF)


def parse(registers: bytes) -> tuple:
    """(voltage 0.1 V, current mA, power 0.1 W, energy Wh, frequency 0.1 Hz, power factor 0.01, alarm 0/1) of 20 bytes.

    Raises SensorFault IMPLAUSIBLE for an alarm word that is neither on nor off.
    """
    volts, i_low, i_high, p_low, p_high, e_low, e_high, hertz, factor, alarm = struct.unpack(">10H", registers)
    if alarm not in (_ALARM_OFF, _ALARM_ON):
        raise SensorFault(IMPLAUSIBLE, "alarm word 0x%04x" % alarm)
    return volts, i_high << 16 | i_low, p_high << 16 | p_low, e_high << 16 | e_low, hertz, factor, alarm & 1


class Pzem004t:
    """`uart`: read(n) and write(data), non-blocking; `clock`: now_ms() and sleep_ms(n); `unit`: 1 .. 247, factory 1."""

    def __init__(self, uart, clock, unit: int = 1) -> None:
        self._line = Line(uart, clock)
        self._unit = unit
        self._request = read_request(unit, _READ_INPUT_REGISTERS, 0, _COUNT)
        self._complete = answer_complete(_COUNT)
        self._answered = False

    async def read(self) -> tuple:
        """(values as of `parse`, GOOD), or SensorFault ABSENT, MUTE, GARBLED, FAULT or IMPLAUSIBLE."""
        answer = await self._line.ask(self._request, self._complete, _ANSWER_BYTES, _ANSWER_TIMEOUT_MS)
        if not answer:
            raise SensorFault(MUTE if self._answered else ABSENT, "no answer on the UART")
        registers = read_answer(answer, self._unit, _READ_INPUT_REGISTERS, _COUNT)
        self._answered = True
        return parse(registers), GOOD
