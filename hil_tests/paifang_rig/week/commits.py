"""The store's writer without its thread: a commit takes its time on the loop's clock, and a refused one comes again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from paifang.store.writer import RETRY_FIRST_S, RETRY_LONGEST_S, Writer

if TYPE_CHECKING:
    from paifang.store.writer import Batch

COMMIT_S = 0.015
"""About what a sync takes on a small machine's card."""


class SteppedWriter(Writer):
    """The thread is never started. The store gives it one batch at a time."""

    _batch: Batch | None = None
    _timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._clock = asyncio.get_running_loop()

    def submit(self, batch: Batch) -> None:
        self._batch = batch
        self._timer = self._clock.call_later(COMMIT_S, self._try, batch, RETRY_FIRST_S)

    def close(self) -> None:
        """A batch that is not stored gets a last try."""
        if self._timer is not None:
            self._timer.cancel()
        if self._batch is not None:
            self.attempt(self._batch)
        self._disconnect()

    def join(self, timeout: float | None = None) -> None:
        pass

    def _try(self, batch: Batch, delay_s: float) -> None:
        if self.attempt(batch):
            self._batch = None
        else:
            longer_s = min(2 * delay_s, RETRY_LONGEST_S)
            self._timer = self._clock.call_later(delay_s, self._try, batch, longer_s)
