"""An event loop on virtual time, and the processes that run on it.

Nothing here waits: when there is nothing to do, the time is the next timer's. What a process does is marked with it, by
a context variable that tasks and callbacks inherit, so that a process can be paused (what it would do is set aside, while
time goes on) or crash (what it would do never happens, not even the rest of a `finally`).
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any

PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)

FOREVER = 10_000_000  # callbacks in one run: far more than any takes that comes to its end


class Process:
    """One process of the simulation, from its start to its crash. Its monotonic clock begins where it likes."""

    def __init__(self, loop: VirtualLoop, name: str, *, monotonic: float = 0.0, wall_ms: float = 0.0) -> None:
        self.loop, self.name = loop, name
        self.monotonic, self.wall_ms = monotonic, wall_ms  # how far its clocks are from the simulation's
        self.dead = self.paused = False
        self._aside: list[asyncio.Handle] = []
        self._context = copy_context()
        self._context.run(PROCESS.set, self)
        loop.processes.append(self)

    def __repr__(self) -> str:
        return self.name

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Runs a coroutine as a part of this process."""
        return self.loop.create_task(work, context=self._context.copy())

    def call(self, what: Callable[..., object], *args: Any) -> None:
        """Has something done as a part of this process, as soon as it can."""
        self.loop.call_soon(what, *args, context=self._context)

    def pause(self) -> None:
        """As SIGSTOP does."""
        self.paused = True

    def resume(self) -> None:
        self.paused = False
        aside, self._aside = self._aside, []
        self.loop.ready.extend(aside)

    def crash(self) -> None:
        """As kill -9 does: from here on nothing of it happens."""
        self.dead = True
        self._aside.clear()

    def takes(self, handle: asyncio.Handle) -> bool:
        """Whether a callback of this process happens now."""
        if self.dead:
            return False
        if self.paused:
            self._aside.append(handle)
            return False
        return True


class _Handle(asyncio.Handle):
    """A callback that happens if its process is there."""

    __slots__ = ()

    def _run(self) -> None:
        process: Process | None = self._context.get(PROCESS)  # type: ignore[attr-defined]  # of asyncio's own
        if process is None or process.takes(self):
            super()._run()  # type: ignore[misc]  # of asyncio's own


class _Timer(asyncio.TimerHandle):
    __slots__ = ()

    def _run(self) -> None:
        process: Process | None = self._context.get(PROCESS)  # type: ignore[attr-defined]  # of asyncio's own
        if process is None or process.takes(self):
            super()._run()  # type: ignore[misc]  # of asyncio's own


class VirtualLoop(asyncio.AbstractEventLoop):
    """Only what asyncio's tasks, futures, locks and timeouts need; there is no file, socket or thread."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ready: deque[asyncio.Handle] = deque()
        self.processes: list[Process] = []
        self.faults: list[str] = []
        """What nobody caught."""
        self.disk_seconds: Callable[[], float] = lambda: 0.0
        """How long a thread's work takes."""
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._order = 0
        self._tasks: list[asyncio.Task[Any]] = []  # kept, so that none is collected half-way

    # ------------------------------------------------------------ running
    def run(self, main: Coroutine[Any, Any, Any]) -> Any:
        """Runs until `main` has ended; its result. Whatever else is under way is then dropped."""
        asyncio.events._set_running_loop(self)
        try:
            task = self.create_task(main)
            for _ in range(FOREVER):
                if task.done():
                    return task.result()
                self._one()
            raise RuntimeError("this run does not come to an end")
        finally:
            self._drop_everything()
            asyncio.events._set_running_loop(None)

    def _one(self) -> None:
        while not self.ready:
            if not self._timers:
                raise RuntimeError(f"at {self.now:.3f} everybody waits, and nothing will ever come")
            when, _, timer = heapq.heappop(self._timers)
            if not timer._cancelled:  # type: ignore[attr-defined]  # of asyncio's own
                self.now = max(self.now, when)
                self.ready.append(timer)
        handle = self.ready.popleft()
        if not handle._cancelled:  # type: ignore[attr-defined]  # of asyncio's own
            handle._run()  # type: ignore[attr-defined]  # of asyncio's own

    def _drop_everything(self) -> None:
        for process in self.processes:
            process.crash()
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is we who drop it
                with contextlib.suppress(BaseException):  # a `finally` that waits, of a process that is no more
                    task.get_coro().close()  # type: ignore[union-attr]
        self._tasks.clear()
        self.ready.clear()
        self._timers.clear()

    # ------------------------------------------------------------ what asyncio asks for
    def time(self) -> float:
        return self.now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name or "task", context=context)
        self._tasks.append(task)
        return task

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override]
        handle = _Handle(callback, args, self, context)
        self.ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]  # there is one thread

    def call_later(
        self, delay: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:  # type: ignore[override]
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> asyncio.TimerHandle:  # type: ignore[override]
        timer = _Timer(when, callback, args, self, context)
        self._order += 1
        heapq.heappush(self._timers, (when, self._order, timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is passed over when its time comes."""

    def run_in_executor(self, _: Any, func: Any, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """A thread's work, done at one moment; it takes its time before and after it."""
        future = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as e:
                self.call_later(self.disk_seconds(), _settle, future, None, e)
            else:
                self.call_later(self.disk_seconds(), _settle, future, result, None)

        self.call_later(self.disk_seconds(), work)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.faults.append(f"{self.now:.3f} {PROCESS.get()} {context.get('message')}: {error!r}")

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.call_exception_handler(context)


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
