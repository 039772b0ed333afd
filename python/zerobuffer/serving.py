"""How handlers are run: in the caller's thread, in threads of their own, or as tasks of an event loop.

Common to servers and to clients that their servers call. What a handler's answer is stands in handlers.py.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import inspect
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Awaitable, Callable, List, Mapping, Optional, Protocol, Set, TypeVar, Union, cast

from ._core import StopSign
from .errors import HandleClosedError, InterruptedWaitError, InvalidArgumentError, PeerClosedError, TooManyHeldError
from .handlers import Answer, AsyncHandler, Handler, Handlers, error_text, fail, give, handle

if TYPE_CHECKING:
    from .exchange import Request

# Seconds, where `max_held` requests of a lane are being handled, until one of them is likely to be answered.
_ONE_IS_ANSWERED = 0.001

_AnyHandler = TypeVar("_AnyHandler", bound=AsyncHandler)


class Taker(Protocol):
    """Where requests come from."""

    def take(self, timeout: Optional[float] = None, stop: Optional[StopSign] = None) -> Optional[Request]: ...
    async def take_async(self, timeout: Optional[float] = None) -> Optional[Request]: ...
    @property
    def closed(self) -> bool: ...
    def _hurry(self) -> None: ...


class Workers:
    """Threads that run a loop until they are stopped. A thread that ended otherwise is never counted as running."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: List[threading.Thread] = []
        self._stop = StopSign()
        self._running = 0
        self._failure: Optional[BaseException] = None

    @property
    def running(self) -> int:
        with self._lock:
            return min(self._running, sum(thread.is_alive() for thread in self._threads))

    def start(self, threads: int, loop: Callable[[StopSign], None]) -> None:
        if threads < 1:
            raise InvalidArgumentError(f"{threads} threads cannot serve")
        with self._lock:
            if self._threads:
                raise InvalidArgumentError("it is started already; stop() it first")
            self._stop = StopSign()
            for number in range(threads):
                thread = threading.Thread(
                    target=self._run, args=(loop, self._stop), name=f"zerobuffer-serve-{number}", daemon=True
                )
                try:
                    thread.start()
                except BaseException:
                    self._stop.set()  # those that run end, and are joined by stop()
                    raise
                self._threads.append(thread)
                self._running += 1
        _started.add(self)

    def _run(self, loop: Callable[[StopSign], None], stop: StopSign) -> None:
        failure: Optional[BaseException] = None
        try:
            loop(stop)
        except BaseException as error:
            failure = error
        with self._lock:
            self._running -= 1
            self._failure = self._failure or failure

    def refuse_own_threads(self) -> None:
        """Raises where one of the threads calls: it would wait for itself."""
        if threading.current_thread() in self._threads:
            raise InvalidArgumentError("a handler in a thread of start() cannot stop or close what serves it")

    def stop(self, hurry: Callable[[], None]) -> None:
        """Ends and joins the threads; raises what ended one of them before.

        Args:
            hurry: makes those that wait notice it at once; they notice it anyway.
        """
        self.refuse_own_threads()
        self._stop.set()
        for thread in list(self._threads):
            while thread.is_alive():
                hurry()
                thread.join(0.005)
        with self._lock:
            self._threads = []
            failure, self._failure = self._failure, None
        _started.discard(self)
        if failure is not None:
            raise failure


# Interpreter exit: handlers that run then are not cut off in the middle. Registered after the compiled module's own
# function, hence called before it closes everything.
_started: weakref.WeakSet[Workers] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    for workers in list(_started):
        try:
            workers.stop(lambda: None)
        except BaseException:
            pass  # nobody is left who could be told


class Service:
    """The handlers of one end, and whoever runs them."""

    def __init__(self) -> None:
        self.handlers = Handlers()
        self.workers = Workers()

    def on(self, type: int) -> Callable[[_AnyHandler], _AnyHandler]:
        return self.handlers.on(type)

    def serve(
        self,
        taker: Taker,
        handler: Union[None, Handler, Mapping[int, Handler]],
        timeout: Optional[float],
        verbose: bool,
        stop: Optional[StopSign] = None,
    ) -> None:
        chosen = _plain(self.handlers.chosen(handler))
        _check_open(taker)
        while True:
            try:
                request = taker.take(timeout, stop)
            except InterruptedWaitError:
                if stop is not None:
                    continue  # that was for others
                return
            except HandleClosedError:
                return
            except TooManyHeldError:
                time.sleep(_ONE_IS_ANSWERED)
                continue
            if request is None:
                if stop is None or stop.is_set:
                    return
                continue
            handle(request, chosen, verbose)
            del request

    def start(
        self, taker: Taker, handler: Union[None, Handler, Mapping[int, Handler]], threads: int, verbose: bool
    ) -> None:
        chosen = _plain(self.handlers.chosen(handler))
        _check_open(taker)
        self.workers.start(threads, functools.partial(self._work, taker, chosen, verbose))

    def _work(self, taker: Taker, handler: Handler, verbose: bool, stop: StopSign) -> None:
        self.serve(taker, handler, None, verbose, stop)

    async def serve_async(
        self,
        taker: Taker,
        handler: Union[None, AsyncHandler, Mapping[int, AsyncHandler]],
        timeout: Optional[float],
        limit: int,
        verbose: bool,
    ) -> None:
        if limit < 1:
            raise InvalidArgumentError(f"a limit of {limit} requests serves none")
        chosen = self.handlers.chosen(handler)
        _check_open(taker)
        room = asyncio.Semaphore(limit)
        tasks: Set[asyncio.Task[None]] = set()
        # An answer of an immutable server may wait for earlier ones of its lane, or for a client that does not read: as
        # many threads as there may be requests, so that no answer waits for a thread.
        with ThreadPoolExecutor(limit, "zerobuffer-answer") as threads:
            try:
                while True:
                    await room.acquire()
                    try:
                        request = await taker.take_async(timeout)
                    except (InterruptedWaitError, HandleClosedError):
                        break
                    except TooManyHeldError:
                        await asyncio.sleep(_ONE_IS_ANSWERED)
                        room.release()
                        continue
                    if request is None:
                        break
                    task = asyncio.ensure_future(_handle_async(request, chosen, verbose, threads))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                    task.add_done_callback(lambda _: room.release())
                    del request, task
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


def _check_open(taker: Taker) -> None:
    if taker.closed:
        raise HandleClosedError("it was closed before it could serve")


def _plain(handler: AsyncHandler) -> Handler:
    if inspect.iscoroutinefunction(handler):
        raise InvalidArgumentError("an async handler needs an event loop: await serve_async(…)")
    return cast(Handler, handler)


async def _handle_async(request: Request, handler: AsyncHandler, verbose: bool, threads: ThreadPoolExecutor) -> None:
    loop = asyncio.get_running_loop()

    async def run(function: Callable[..., None], *arguments: Any) -> None:
        if request.in_place:
            function(request, *arguments)  # never waits
        elif not request.answered:
            await asyncio.shield(loop.run_in_executor(threads, function, request, *arguments))

    try:
        answer = handler(request)
        if inspect.isawaitable(answer):
            answer = await cast("Awaitable[Answer]", answer)
        await run(give, answer)
    except PeerClosedError:
        pass  # the client has gone: nobody reads the answer
    except Exception as error:
        await run(fail, error, verbose)
    except asyncio.CancelledError:
        await run(fail, RuntimeError("the server stopped before it had answered"), False)
        raise
    except BaseException as error:
        await run(fail, error, verbose)
        raise
