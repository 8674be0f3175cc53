"""A node's loop in slices: each task is a coroutine that deals with one message, and gives way by awaiting `pause`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

DRAINING_SLICES = 4_096


class Pause:
    """Awaited, it gives the loop a duration to wait."""

    def __init__(self, duration_ms: int) -> None:
        self._duration_ms = duration_ms

    def __await__(self) -> Any:
        yield self._duration_ms


async def pause(duration_ms: int) -> None:
    await Pause(duration_ms)


class Task:
    """A coroutine, the message that it deals with and when that came."""

    def __init__(self, run: Coroutine[Any, Any, Any], message: list[Any], arrived_ms: int) -> None:
        self.run = run
        self.message = message
        self.arrived_ms = arrived_ms
        self.wake_ms = arrived_ms


class Tasks:
    """Of one boot. `end(task, result)` is called when one is done; what a task raises comes through."""

    def __init__(
        self, now_ms: Callable[[], int], pass_time: Callable[[int], None], end: Callable[[Task, Any], None]
    ) -> None:
        self._now_ms = now_ms
        self._pass_time = pass_time
        self._end = end
        self._tasks: list[Task] = []
        self._current: Task | None = None
        self.slice_ms = 0
        """How long each slice takes."""

    @property
    def current(self) -> Task:
        """The one that runs, or has run last."""
        assert self._current is not None
        return self._current

    def begin(self, run: Coroutine[Any, Any, Any], message: list[Any]) -> None:
        """Begin a task; its first slice runs at once."""
        task = Task(run, message, self._now_ms())
        self._tasks.append(task)
        self._step(task)

    def work(self, slices: int) -> bool:
        """Let every task that is not waiting run for some slices. Tells whether there was one."""
        due = [task for task in self._tasks if task.wake_ms <= self._now_ms()]
        for task in due:
            for _ in range(slices):
                if task not in self._tasks or task.wake_ms > self._now_ms():
                    break
                self._step(task)
        return bool(due)

    def drain(self) -> bool:
        """Let tasks run, time passing as they ask for. Tells whether there was one."""
        if not self._tasks:
            return False
        if not self.work(DRAINING_SLICES):
            self._pass_time(min(task.wake_ms for task in self._tasks) - self._now_ms())
        return True

    def stop(self) -> None:
        """All of them are gone, wherever they are."""
        for task in self._tasks:
            task.run.close()
        self._tasks = []

    def _step(self, task: Task) -> None:
        self._current = task
        self._pass_time(self.slice_ms)
        try:
            waits_ms = task.run.send(None)
        except StopIteration as done:
            self._tasks.remove(task)
            self._end(task, done.value)
        else:
            task.wake_ms = self._now_ms() + waits_ms
