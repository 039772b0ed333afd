"""How a task waits for a reader or a writer: the one file that knows asyncio.

The library's own thread writes to a descriptor when another look is worth it; the event loop watches that descriptor as
long as the task waits, and no longer. Nothing here knows frames.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from typing import Callable, Deque, Optional, Protocol, Tuple, TypeVar

from .errors import InvalidArgumentError

_T = TypeVar("_T")

LONGEST_RUN = 64  # calls of one end that find what they want without waiting, before other tasks get a turn


class Awaitable(Protocol):
    def _end_wait(self) -> None: ...


class Wait:
    """One of several things that an end can be waited for."""

    def __init__(self, end_wait: Callable[[], None]) -> None:
        self._end_wait = end_wait


class Turns:
    """Lets the other tasks of the loop run now and then, though every call finds at once what it wants."""

    def __init__(self) -> None:
        self._calls = 0

    async def take(self) -> None:
        if self._calls >= LONGEST_RUN:
            self._calls = 0
            await asyncio.sleep(0)
        self._calls += 1


class Deadline:
    """When a timeout in seconds, or None for never, runs out."""

    def __init__(self, timeout: Optional[float]) -> None:
        if timeout is not None and not timeout >= 0:
            raise InvalidArgumentError(f"a timeout is a number of seconds from 0 on, or None for ever; this is {timeout!r}")
        self._at = None if timeout is None else time.monotonic() + timeout

    def left(self) -> Optional[float]:
        return None if self._at is None else max(0.0, self._at - time.monotonic())


async def another_look(end: Awaitable, ask: Callable[[], int], deadline: Deadline) -> bool:
    """Waits until another look is worth it.

    Args:
        end: the reader or writer; nobody else may use it meanwhile.
        ask: hands the wish to the library; returns the descriptor.
        deadline: of the whole call.

    Returns:
        False where the time ran out.
    """
    left = deadline.left()
    if left == 0:
        return False
    loop = asyncio.get_running_loop()
    process = os.getpid()
    answer: asyncio.Future[bool] = loop.create_future()
    descriptor = ask()
    try:
        loop.add_reader(descriptor, _give, answer, True)
        timer = None if left is None else loop.call_later(left, _give, answer, False)
        try:
            return await answer
        finally:
            if timer is not None:
                timer.cancel()
            # A loop is closed where a task that never ended is destroyed. A forked child shares what its parent's loop
            # watches, and would take the descriptor out of it.
            if not loop.is_closed() and os.getpid() == process:
                loop.remove_reader(descriptor)
    finally:
        end._end_wait()


def _give(answer: asyncio.Future[bool], value: bool) -> None:
    if not answer.done():
        answer.set_result(value)


class Line:
    """Tasks, of any loop, that want the same thing and get it in the order in which they came."""

    LOOK_AGAIN = 0.01  # seconds: it may also come free without a wake()

    def __init__(self) -> None:
        self._places: Deque[Tuple[asyncio.AbstractEventLoop, asyncio.Event]] = deque()

    async def first(self, take: Callable[[], Optional[_T]], deadline: Deadline) -> Optional[_T]:
        """What `take` gives, asked while this task is the first of the line; None where the time ran out."""
        if not self._places:
            taken = take()
            if taken is not None or deadline.left() == 0:
                return taken
        place = (asyncio.get_running_loop(), asyncio.Event())
        self._places.append(place)
        try:
            while True:
                place[1].clear()
                first = self._places[0] is place
                if first:
                    taken = take()
                    if taken is not None:
                        return taken
                left = deadline.left()
                if left == 0:
                    return None
                if first:
                    left = self.LOOK_AGAIN if left is None else min(left, self.LOOK_AGAIN)
                try:
                    await asyncio.wait_for(place[1].wait(), left)
                except asyncio.TimeoutError:
                    pass
        finally:
            self._places.remove(place)
            self.wake()

    def wake(self) -> None:
        """It may have come free."""
        if self._places:
            loop, event = self._places[0]
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)
