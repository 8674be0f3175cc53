"""Keeps the tasks of a node running: restarts, safe state, and a watchdog that is fed only when every task is alive."""

import asyncio

from micropython import const

from paifang_wire.messages import EV_SAFE_STATE, EV_TASK_RESTARTED

WATCHDOG_MS = const(90_000)
_FEED_MS = const(10_000)
_NAP_MS = const(10_000)
_BACKOFF_MS = const(1_000)
_BACKOFF_LIMIT_MS = const(60_000)
_FAILURES = const(3)
_FAILURE_SPAN_MS = const(600_000)


class Supervisor:
    """`wdt.feed()`; `records.event(...)`; `to_safe_state()` is called when a task fails three times in ten minutes.
    `part()` is called when there is nothing more to be done but to reset.

    The safe state lasts until the next reset; every task is still restarted, so the node stays reachable.
    """

    def __init__(self, uptime, wdt, records, to_safe_state, part=lambda: None) -> None:
        self._uptime = uptime
        self._wdt = wdt
        self._records = records
        self._to_safe_state = to_safe_state
        self._part = part
        self._alive = []
        self._kept = []

    async def run(self, tasks: tuple) -> None:
        """Run `tasks`, pairs of (name, function of one argument `alive` that gives a coroutine), for ever.

        A task calls `alive()` at least every WATCHDOG_MS / 2; `alive.nap(ms)` sleeps and does so.
        """
        for name, make in tasks:
            alive = Alive(self._uptime)
            self._alive.append(alive)
            self._kept.append(asyncio.create_task(self._keep(name, make, alive)))
        try:
            while True:
                await self._uptime.sleep_ms(_FEED_MS)
                self._feed()
        finally:
            self._part()

    def _feed(self) -> None:
        for alive in self._alive:
            if not alive.is_set:
                return
        for alive in self._alive:
            alive.is_set = False
        self._wdt.feed()

    async def _keep(self, name: str, make, alive) -> None:
        failures = []
        backoff_ms = _BACKOFF_MS
        while True:
            started_ms = self._uptime.now_ms()
            try:
                await make(alive)
                reason = "ended"
            except Exception as error:
                reason = repr(error)
            now_ms = self._uptime.now_ms()
            if now_ms - started_ms > _FAILURE_SPAN_MS:
                backoff_ms = _BACKOFF_MS
            failures = [at_ms for at_ms in failures if now_ms - at_ms < _FAILURE_SPAN_MS] + [now_ms]
            self._report(name, reason, len(failures))
            await alive.nap(backoff_ms)
            backoff_ms = min(2 * backoff_ms, _BACKOFF_LIMIT_MS)

    def _report(self, name: str, reason: str, failures: int) -> None:
        print("task", name, "failed:", reason)
        self._records.event(EV_TASK_RESTARTED, None, name + ": " + reason)
        if failures == _FAILURES:
            self._to_safe_state()
            self._records.event(EV_SAFE_STATE, None, name + " failed 3 times in 10 minutes")


class Alive:
    """A task's sign of life."""

    def __init__(self, uptime) -> None:
        self._uptime = uptime
        self.is_set = True

    def __call__(self) -> None:
        self.is_set = True

    async def nap(self, duration_ms: int) -> None:
        """Sleep for `duration_ms`, giving the sign of life on the way."""
        end_ms = self._uptime.now_ms() + duration_ms
        left_ms = duration_ms
        while left_ms > 0:
            self.is_set = True
            await self._uptime.sleep_ms(min(left_ms, _NAP_MS))
            left_ms = end_ms - self._uptime.now_ms()
        self.is_set = True
