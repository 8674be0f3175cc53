"""Fakes of the wire and of time: bytes in, bytes out, and a clock that moves when something sleeps."""

import os

try:
    ROUNDS = int(os.getenv("PAIFANG_ROUNDS") or "1")
except (AttributeError, ValueError):
    ROUNDS = 1
_folders = [0]


def folder():
    """The path of a folder that is not there yet."""
    while True:
        _folders[0] += 1
        path = "%s/%d" % (os.getenv("PAIFANG_FOLDER"), _folders[0])
        try:
            os.stat(path)
        except OSError:
            return path


class Clock:
    """Virtual milliseconds; `sleep_ms` returns at once."""

    def __init__(self, start_ms=0):
        self.ms = start_ms

    def now_ms(self):
        return self.ms

    async def sleep_ms(self, duration_ms):
        self.ms += duration_ms


class Uart:
    """Answers each request that is in `answers` ({request: bytes}); `chunk` bytes come with each read."""

    def __init__(self, answers, chunk=9):
        self.answers = answers
        self.chunk = chunk
        self.written = []
        self.pending = b""

    def write(self, data):
        self.written.append(bytes(data))
        self.pending += self.answers.get(bytes(data), b"")

    def read(self, count):
        count = min(count, self.chunk)
        data, self.pending = self.pending[:count], self.pending[count:]
        return data or None


class Pin:
    """A pin, or with `contact` set the contact behind it."""

    def __init__(self):
        self.level = 0
        self.writes = []

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level
        self.writes.append(level)
        return None


class Nvs:
    """`esp32.NVS` without flash; what was set is lost unless committed."""

    def __init__(self, **stored):
        self.stored = stored
        self.staged = {}
        self.is_worn_out = False
        self.is_full = False
        self.is_stuck = False
        self.log = []

    def _get(self, key):
        value = self.staged[key] if key in self.staged else self.stored.get(key)
        if value is None:
            raise OSError(-0x1102)
        return value

    def get_i32(self, key):
        return self._get(key)

    def get_blob(self, key, buffer):
        value = self._get(key)
        if len(value) > len(buffer):
            raise OSError(-0x110C)
        buffer[: len(value)] = value
        return len(value)

    def set_i32(self, key, value):
        self.set_blob(key, value)

    def set_blob(self, key, value):
        if self.is_full:
            raise OSError(-0x1105)
        if not self.is_worn_out:
            self.staged[key] = value

    def erase_key(self, key):
        self._get(key)
        self.staged[key] = None

    def commit(self):
        if self.is_stuck:
            raise OSError(-0x1105)
        self.log += sorted(self.staged)
        self.stored.update(self.staged)
        self.staged.clear()


class Records:
    """Collects what a role or driver reports."""

    def __init__(self):
        self.reports = []
        self.bills = []
        self.events = []
        self.offset_ms = None
        self.clock = None

    def report(self, values, quality):
        self.reports.append((values, quality))

    def bill(self, values):
        self.bills.append(values)

    def utc_ms(self):
        return None if self.offset_ms is None else self.clock.ms + self.offset_ms

    def event(self, code, point, detail):
        self.events.append((code, point, detail))


class Random:
    """The same numbers on both interpreters (a 32-bit linear congruential generator)."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) % limit


def complete(coroutine):
    """Run a coroutine that never waits for anything but the virtual clock; its result."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("waits for something")


def raises(kind, function, *arguments):
    """The exception of `kind` that `function(*arguments)` raises."""
    try:
        function(*arguments)
    except kind as error:
        return error
    raise AssertionError("nothing raised")
