"""A simulated board: the real interpreter on a real file system, its power and its wires in the bench's hand."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import json
import os
import struct
import time
import tty
from typing import TYPE_CHECKING, Any

from paifang_rig import control
from paifang_rig.console import Console
from paifang_rig.control import Op, ResetCause
from paifang_rig.errors import RigError
from paifang_rig.process import BoardProcess
from paifang_rig.serial_line import SerialLine
from paifang_rig.simulated.models.sensor import Emission, I2cSensor, PinSensor, Sensor, SpiSensor, UartSensor
from paifang_rig.storage import NvsFile, NvsSession, PowerFault, PowerLost, StorageLog
from paifang_rig.watchdog import Watchdog
from paifang_rig.wifi import Wifi
from paifang_tools import build
from paifang_tools import nvs as nvs_format

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from paifang_rig.bench import Bench

TICKS_PERIOD = 1 << 30
RESTART_MS = 50  # node time between a reset and the next boot
SERIAL_UART = 1


class SimBoard:
    """`image` is the flash (whole blocks), `config` replaces its /config.json, `nvs` is the NVS partition.

    The flash and NVS files outlive every power cycle. `boot` counts the boots since the board was made, from 1; a boot
    ends in `ended[boot]`: "cut", "reset", "watchdog" or "exit". `speed` (a whole number) makes node time run faster.
    With `repl` the console is at `repl_path` instead of in `console`; without, `heard` is given each line.

    Of the 192 KB of `heap`, 22 KB are gone before the node's own program starts: the stand-ins lie in it, whose like a
    chip has in flash. A smart meter in its session then has 63 KB free with a relay of class 1, 46 KB with one of
    class 3, and takes up to 23 KB of these for a moment to check what root keys have signed.
    """

    def __init__(
        self,
        bench: Bench,
        name: str,
        image: bytes,
        config: Mapping[str, Any] | None = None,
        nvs: bytes | None = None,
        sensors: Iterable[Sensor] = (),
        *,
        speed: int = 1,
        heap: str = "192k",
        wrap_in_ms: int = 20_000,
        serial: bool = False,
        nvs_eager: bool = False,
        wifi: Wifi | None = None,
        repl: bool = False,
        heard: Callable[[str], None] | None = None,
    ) -> None:
        self.bench, self.name, self.speed, self.heap = bench, name, speed, heap
        self.wifi = wifi or Wifi()
        self.storage = StorageLog()
        self.adc: dict[int, int] = {}
        self.pins: dict[int, int] = {}
        self.boot = 0
        self.ended: dict[int, str] = {}
        self.exit_code: int | None = None
        self.unique_id = b"\x02" + hashlib.sha256(name.encode()).digest()[:5]  # a locally administered MAC
        self._loop = asyncio.get_running_loop()
        self._first_tick = TICKS_PERIOD - wrap_in_ms
        self._nvs_eager = nvs_eager
        self._process: BoardProcess | None = None
        self._power = 0
        self._watchdog = Watchdog(self._loop, speed, lambda: self._restart("watchdog", ResetCause.WATCHDOG))
        self._console = Console(name, heard)
        self._ends: list[asyncio.Future[str]] = []
        self._bauds: dict[int, int] = {}
        self._answers = self._answer_table()
        self._serial = SerialLine(self._loop, self._serial_to_board) if serial else None
        self._repl = os.openpty() if repl else None
        if self._repl:
            tty.setraw(self._repl[1])
        self._wire(list(sensors))
        self._lay_down(image, config, nvs)

    # Power

    @property
    def powered(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int:
        """Of the interpreter that is this boot, 0 without power."""
        return self._process.pid if self._process else 0

    @property
    def console(self) -> Sequence[str]:
        """The lines of all boots, oldest first."""
        return self._console.lines

    @property
    def serial_path(self) -> str:
        """The host's device that is wired to UART 1."""
        return self.serial.path

    @property
    def repl_path(self) -> str:
        """With repl=True: the device where `mpremote connect PATH resume` finds a prompt once main.py has ended."""
        if not self._repl:
            raise RigError(f"{self.name}: the board was made without repl=True")
        return os.ttyname(self._repl[1])

    @property
    def serial(self) -> SerialLine:
        """The line that is wired to UART 1, for counts and faults on it."""
        if not self._serial:
            raise RigError(f"{self.name}: the board was made without serial=True")
        return self._serial

    def power_on(self) -> None:
        """Power to board and sensors, on the flash as it is."""
        if self._process:
            raise RigError(f"{self.name}: has power already")
        self._power += 1
        self.storage.fault = None
        for sensor in self.sensors:
            sensor.power(on=True)
        self._start(ResetCause.POWER_ON)

    def power_cut(self) -> None:
        """Power fails now: the process is killed, sensors are dark, flash and NVS stay as they are."""
        if self._process:
            self._end("cut", self._process.kill())
        self._sensors_dark()

    def cut_after(self, operations: int, *, torn: bool = False, kinds: tuple[str, ...] = ()) -> PowerFault:
        """Power will fail at the n-th storage operation from now, before it or, `torn`, half-way through it.

        `kinds` (flash-program, flash-erase, nvs-set, nvs-commit, nvs-program, nvs-erase) narrows what is counted.
        The fault says whether it `fired`, and `where`.
        """
        if operations < 1:
            raise RigError("power fails at the first operation at the earliest: cut_after(1)")
        self.storage.fault = PowerFault(operations, torn, kinds)
        return self.storage.fault

    async def wait_exit(self, deadline_s: float = 20.0) -> str:
        """Wait for the end of this boot: "cut", "reset", "watchdog" or "exit" (then `exit_code` tells)."""
        if not self._process:
            return self.ended.get(self.boot, "cut")
        future: asyncio.Future[str] = self._loop.create_future()
        self._ends.append(future)
        return await asyncio.wait_for(future, deadline_s)

    async def wait_line(self, text: str, deadline_s: float = 20.0) -> str:
        """The first console line, of this boot or an earlier one, that contains `text`; RigError after the deadline."""
        return await self._console.wait_line(text, deadline_s)

    def borrow_uart(self, number: int) -> socket.socket:
        """The far end of a UART of this boot, blocking, for one who speaks on it from another thread."""
        if not self._process:
            raise RigError(f"{self.name}: no power, and so nobody at the other end of UART {number}")
        wire = self._process.uarts[number]
        self._loop.remove_reader(wire)
        wire.setblocking(True)
        return wire

    def close(self) -> None:
        self.power_cut()
        if self._serial:
            self._serial.close()
            self._serial = None
        for descriptor in self._repl or ():
            os.close(descriptor)
        self._repl = None

    # The sensors' side (simulated.models.sensor.Port)

    def after(self, delay_ms: float, action: Callable[[], None]) -> None:
        """Do `action` after `delay_ms` of node time, unless power goes first."""
        power = self._power

        def act() -> None:
            if power == self._power and self._process:
                action()

        self._loop.call_later(delay_ms / 1000 / self.speed, act)

    def transmit(self, uart: int, data: bytes) -> None:
        """Bytes from a sensor to the board's UART; at another rate than the board listens to they arrive as noise."""
        rate = self._bauds.get(uart)
        sensor_rate = self._uarts[uart].baud if uart in self._uarts else rate
        if rate != sensor_rate:
            data = bytes(byte ^ 0xA5 for byte in data)
        if self.bench.pace_uart and self.speed == 1 and rate:
            self._loop.call_later(len(data) * 10 / rate, self._deliver, uart, data)
        else:
            self._deliver(uart, data)

    def emit(self, sensor: Sensor, identity: int | str, values: Mapping[int, int], *, valid: bool, asked: bool) -> None:
        now_ms = time.monotonic_ns() // 1_000_000
        key = sensor.key_of(values) or (sensor.kind, identity)
        cycle = self.boot
        self.bench.emission(Emission(self.name, cycle, sensor.kind, identity, key, values, now_ms, valid, asked))

    def node_ms(self) -> float:
        """Node time as the bench sees it: the host's monotonic clock, faster by `speed`."""
        return self._loop.time() * 1000 * self.speed

    def is_over(self, due_ms: float) -> bool:
        """Whether a node that waited until `due_ms` may be here; its waits are whole milliseconds of the host."""
        return self.node_ms() + self.speed - 1 >= due_ms

    # Making

    def _lay_down(self, image: bytes, config: Mapping[str, Any] | None, nvs: bytes | None) -> None:
        folder = self.bench.folder / self.name
        folder.mkdir(parents=True, exist_ok=True)
        self.flash_path, self.nvs_path = folder / "flash.bin", folder / "nvs.bin"
        if config is not None:
            image = build.add_files(image, {"config.json": json.dumps(config).encode()})
        self.flash_path.write_bytes(image)
        self.nvs_path.write_bytes(nvs_format.blank() if nvs is None else nvs)

    def _wire(self, sensors: list[Sensor]) -> None:
        self.sensors = sensors
        self._uarts = {sensor.uart: sensor for sensor in sensors if isinstance(sensor, UartSensor)}
        self._i2c = {(sensor.bus, sensor.address): sensor for sensor in sensors if isinstance(sensor, I2cSensor)}
        self._spis = {sensor.bus: sensor for sensor in sensors if isinstance(sensor, SpiSensor)}
        on_pins = [sensor for sensor in sensors if isinstance(sensor, PinSensor)]
        self._driven = {pin: sensor for sensor in on_pins for pin in sensor.outputs()}
        self._read = {pin: sensor for sensor in on_pins for pin in sensor.inputs()}
        for sensor in sensors:
            sensor.attach(self)

    # One boot

    def _start(self, cause: ResetCause) -> None:
        self.boot += 1
        self.exit_code = None
        self.pins.clear()
        self._bauds.clear()
        self.wifi.reset()
        self._cause = cause
        self._splitter = control.MessageSplitter()
        self._console.begin()
        try:
            self._nvs = NvsSession(NvsFile(self.nvs_path, self.storage), self.storage, eager=self._nvs_eager)
        except PowerLost:  # NVS tidies up when it is opened, and power may fail in that, too
            self.ended[self.boot] = "cut"
            self._sensors_dark()
            return
        uarts = [*self._uarts, *([SERIAL_UART] if self._serial else [])]
        process = BoardProcess(self.flash_path, self.bench.floating_fd, uarts, self.heap, self._repl and self._repl[0])
        self._process = process
        self._loop.add_reader(process.control, self._on_control)
        self._loop.add_reader(process.console, self._on_console)
        for number, wire in process.uarts.items():
            self._loop.add_reader(wire, self._on_uart, number, wire)

    def _end(self, how: str, exit_code: int) -> None:
        process, self._process = self._process, None
        if not process:
            return
        self._drain_console(process)
        for wire in (process.control, process.console, *process.uarts.values()):
            self._loop.remove_reader(wire)
        process.close()
        self._watchdog.stop()
        self.ended[self.boot] = how
        self.exit_code = exit_code
        for pin, sensor in self._driven.items():
            sensor.driven(pin, 0)  # a pin without a processor floats, and the pull-down on the coil's driver wins
        for future in self._ends:
            if not future.done():
                future.set_result(how)
        self._ends.clear()

    def _sensors_dark(self) -> None:
        self._power += 1
        for sensor in self.sensors:
            sensor.power(on=False)

    def _restart(self, how: str, cause: ResetCause, delay_ms: float = RESTART_MS) -> None:
        """A reset as on silicon: RAM is gone, sensors keep their power, and the board boots again by itself."""
        if not self._process:
            return
        self._end(how, self._process.kill())
        power = self._power

        def boot_again() -> None:
            if power == self._power and not self._process:
                self._start(cause)

        self._loop.call_later(delay_ms / 1000 / self.speed, boot_again)

    # Messages

    def _on_control(self) -> None:
        process = self._process
        if not process:
            return
        try:
            data = process.control.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._end("exit", process.finish())
            return
        for op, payload in self._splitter.feed(data):
            if self._process is not process:
                return
            try:
                reply = self._answers[op](payload)
            except PowerLost:
                self.power_cut()
                return
            if reply is not None:
                with contextlib.suppress(ConnectionError):
                    process.control.send(reply)

    def _answer_table(self) -> dict[int, Callable[[bytes], bytes | None]]:
        return {
            Op.HELLO: self._hello,
            Op.PIN_MODE: lambda _: None,
            Op.PIN_WRITE: self._pin_write,
            Op.PIN_READ: self._pin_read,
            Op.I2C: self._i2c_transfer,
            Op.SPI: self._spi_transfer,
            Op.ADC: self._adc_read,
            Op.WDT: self._watchdog.message,
            Op.WLAN: lambda payload: control.answer(self.wifi.handle(payload, self.node_ms)),
            Op.NVS: lambda payload: control.answer(*self._nvs.handle(payload)),
            Op.STORAGE: self._storage_operation,
            Op.UART: self._uart_settings,
            Op.POWER_LOST: lambda _: self.power_cut(),
            Op.SOCKET: self._socket,
            Op.RESET: lambda payload: self._restart("reset", ResetCause(payload[0])),
            Op.SLEEP: self._sleep,
        }

    def _hello(self, _: bytes) -> bytes:
        blocks = self.flash_path.stat().st_size // build.BLOCK_SIZE
        return control.answer(control.HELLO.pack(self.speed, self._first_tick, self._cause, blocks, self.unique_id))

    def _pin_write(self, payload: bytes) -> None:
        pin, level = payload
        self.pins[pin] = level
        if sensor := self._driven.get(pin):
            sensor.driven(pin, level)

    def _pin_read(self, payload: bytes) -> bytes:
        pin = payload[0]
        sensor = self._read.get(pin)
        return control.answer(bytes((sensor.level(pin) if sensor else self.pins.get(pin, 0),)))

    def _i2c_transfer(self, payload: bytes) -> bytes:
        bus, address, count = struct.unpack_from("<BBH", payload)
        sensor = self._i2c.get((bus, address))
        if not sensor:
            return control.answer(errno=errno.ENODEV)
        try:
            return control.answer(sensor.transfer(payload[4:], count))
        except OSError as error:
            return control.answer(errno=error.errno or errno.EIO)

    def _spi_transfer(self, payload: bytes) -> bytes:
        sensor = self._spis.get(payload[0])
        return control.answer(sensor.exchange(payload[1:]) if sensor else b"\xff" * (len(payload) - 1))

    def _adc_read(self, payload: bytes) -> bytes:
        microvolts = self.adc.get(payload[0], 0)
        return control.answer(struct.pack("<HI", min(0xFFFF, microvolts * 0xFFFF // 3_300_000), microvolts))

    def _storage_operation(self, payload: bytes) -> bytes:
        kind, block, offset, length = struct.unpack("<BHHH", payload)
        fault = self.storage.note(control.FLASH_KINDS[kind], f"block {block} offset {offset}, {length} bytes")
        if fault and not fault.torn:
            raise PowerLost
        return control.answer(bytes((control.TORN if fault else control.GO,)))

    def _uart_settings(self, payload: bytes) -> None:
        number, rate = struct.unpack("<BI", payload)
        self._bauds[number] = rate

    def _socket(self, _: bytes) -> bytes:
        return control.answer(errno=0 if self.wifi.carries(self.node_ms()) else errno.EHOSTUNREACH)

    def _sleep(self, payload: bytes) -> None:
        self._restart("reset", ResetCause.DEEP_SLEEP, struct.unpack("<I", payload)[0])

    # UARTs and console

    def _on_uart(self, number: int, wire: Any) -> None:
        try:
            data = wire.recv(4096)
        except (BlockingIOError, ConnectionError):
            return
        if not data:
            self._loop.remove_reader(wire)
        elif sensor := self._uarts.get(number):
            rate = self._bauds.get(number)
            sensor.received(data if rate == sensor.baud else bytes(byte ^ 0xA5 for byte in data))
        elif self._serial and number == SERIAL_UART:
            self._serial.from_board(data)

    def _deliver(self, uart: int, data: bytes) -> None:
        wire = self._process.uarts.get(uart) if self._process else None
        if wire:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                wire.send(data)

    def _serial_to_board(self, data: bytes) -> None:
        self._deliver(SERIAL_UART, data)

    def _on_console(self) -> None:
        if self._process:
            self._drain_console(self._process)

    def _drain_console(self, process: BoardProcess) -> None:
        try:
            while data := os.read(process.console, 65536):
                self._console.feed(data)
            self._loop.remove_reader(process.console)
        except BlockingIOError:
            pass
