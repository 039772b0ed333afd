"""The duplex servers: how one is made, who runs their handlers. Their other calls are those of the compiled base."""

from __future__ import annotations

from types import TracebackType
from typing import Callable, Mapping, Optional, Type, TypeVar, Union

from . import _core
from .errors import InvalidArgumentError
from .exchange import Request
from .handlers import AsyncHandler, Handler
from .options import DEFAULT_CALLBACK_SIZE, DEFAULT_REQUEST_SIZE, WaitPolicy, make_duplex_config
from .serving import Service
from .waiting import Deadline, Turns, another_look

_HandlerT = TypeVar("_HandlerT", bound=AsyncHandler)


class DuplexServer(_core.DuplexServer):
    """What ImmutableDuplexServer and MutableDuplexServer have in common.

    Requests are taken one by one (take(), `for request in server`, `async for request in server`), or served by a handler: in
    the caller's thread (serve()), in threads (start()), or as tasks of an event loop (serve_async()).

    **Handlers.** A handler is called with a Request. What it returns is the answer: a bytes-like object or a numpy array
    (both copied into the channel), or None where it has answered itself (respond(), write(), write_array(), fail()) or, in
    place, has changed the request where it lies. Instead of one handler there may be a dict of handlers by type, or those
    named with on(); a request of any other type is answered with an error. What a handler raises is answered as an error:
    the client gets RemoteError with the type and the message (with `verbose` the traceback, which tells it your source), and
    the next request is served. A handler of an immutable server that gives no answer is an error at the client too.

    Requests of one lane are answered in the order in which they were sent, however many threads or tasks serve them. Any
    thread may call any method; waits release the GIL, and Ctrl-C ends them at once. A forked child gets ForkedError; the
    parent is unharmed. Interpreter exit stops start() and closes what is open.
    """

    _turns: Turns
    _service: Service

    def __init__(self) -> None:
        raise InvalidArgumentError("a server is an ImmutableDuplexServer or a MutableDuplexServer")

    def _create(self, name: str, in_place: bool, config: _core.DuplexConfig) -> None:
        _core.DuplexServer.__init__(self, name=name, in_place=in_place, config=config)
        self._turns = Turns()
        self._service = Service()
        self._last: Optional[Request] = None

    # --- requests one by one

    async def take_async(self, timeout: Optional[float] = None) -> Optional[Request]:
        """Waits for the next request without holding up the event loop.

        Args:
            timeout: seconds; 0 looks once, None waits for ever.

        Returns:
            The Request, or None where the time ran out. Cancelling loses none.

        Raises:
            ConcurrentUseError: another task waits for requests of this server. As take() otherwise.
        """
        await self._turns.take()
        request = self.try_take()
        if request is None:
            deadline = Deadline(timeout)
            while request is None and await another_look(self, self._ask, deadline):
                request = self.try_take()
        return request

    def _finish_last(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            last.finish()

    def __iter__(self) -> DuplexServer:
        """Request after request; each is answered at the latest (see Request.finish()) when the next one is asked for.

        To hand requests to other threads or tasks, use take().
        """
        return self

    def __next__(self) -> Request:
        self._finish_last()
        request = self.take()
        assert request is not None  # it waits for ever
        self._last = request
        return request

    def __aiter__(self) -> DuplexServer:
        """As `for request in server`, without holding up the event loop."""
        return self

    async def __anext__(self) -> Request:
        self._finish_last()
        request = await self.take_async()
        assert request is not None
        self._last = request
        return request

    # --- handlers

    def on(self, type: int) -> Callable[[_HandlerT], _HandlerT]:
        """A decorator that names the handler for requests of a type.

        Example:
            >>> @server.on(128)
            ... def add(request):
            ...     return sum(request.data).to_bytes(8, "little")
            >>> server.serve()
        """
        return self._service.on(type)

    def serve(
        self,
        handler: Union[None, Handler, Mapping[int, Handler]] = None,
        *,
        timeout: Optional[float] = None,
        verbose: bool = False,
    ) -> None:
        """Runs a handler on every request, in this thread.

        Returns when a timeout passes without a request, after interrupt(), and when the server was closed.

        Args:
            handler: for every request; or a dict of handlers by type; None: those named with on().
            timeout: seconds to wait for a request; None waits for ever.
            verbose: clients get the traceback of what a handler raised.

        Raises:
            KeyboardInterrupt, SystemExit: the handler raised it (its request was answered with an error), or a signal came.
            InvalidArgumentError: there is no handler. HandleClosedError, ForkedError.

        Example:
            >>> with zerobuffer.ImmutableDuplexServer("upper") as server:
            ...     server.serve(lambda request: bytes(request).upper())
        """
        self._service.serve(self, handler, timeout, verbose)

    async def serve_async(
        self,
        handler: Union[None, AsyncHandler, Mapping[int, AsyncHandler]] = None,
        *,
        timeout: Optional[float] = None,
        limit: int = 64,
        verbose: bool = False,
    ) -> None:
        """Runs a handler on every request, as tasks of this event loop: many at once where it is `async def`.

        Answers of one lane are given in order, whichever is ready first. An immutable server gives them from threads of its
        own, since an answer may have to wait. Cancelling cancels the handlers; what they had taken is answered with an error.

        Args:
            handler: plain or `async def`; otherwise as in serve().
            timeout: seconds to wait for a request; None waits for ever.
            limit: requests that are handled at the same time.
            verbose: see serve().

        Raises:
            As serve(). ConcurrentUseError: another task waits for requests of this server.

        Example:
            >>> async def query(request):
            ...     return await database.fetch(bytes(request))
            >>> await server.serve_async(query)
        """
        await self._service.serve_async(self, handler, timeout, limit, verbose)

    def start(
        self,
        handler: Union[None, Handler, Mapping[int, Handler]] = None,
        *,
        threads: int = 1,
        verbose: bool = False,
    ) -> None:
        """Runs a handler on every request, in threads in the background (all of them call it at once), until stop().

        Args:
            handler, verbose: see serve().
            threads: how many.

        Raises:
            InvalidArgumentError: it runs already, or there is no handler. HandleClosedError.
        """
        self._service.start(self, handler, threads, verbose)

    def stop(self) -> None:
        """Ends start() and joins its threads, as soon as their handlers have returned.

        What they have taken is answered; what waits stays in the channel, for the next start() or take(). Again is harmless.

        Raises:
            What ended a thread before: what its handler raised that is no Exception, ForkedError, …
            InvalidArgumentError: called by a handler in such a thread.
        """
        self._service.workers.stop(self._hurry)

    @property
    def running(self) -> int:
        """Threads of start() that are still serving; one that ended for any reason is not counted."""
        return self._service.workers.running

    # --- the end

    def close(self) -> None:
        """Ends start(), then the channel: clients that wait get PeerClosedError, and the name can be used again at once.

        Requests that were taken and not answered are not answered any more. Waits of other threads and tasks are ended
        (HandleClosedError there). Again is harmless.

        Raises:
            What ended a thread of start() before, if stop() has not told it; the server is closed all the same.
            InvalidArgumentError: called by a handler in such a thread; nothing was closed.
        """
        self._service.workers.refuse_own_threads()
        try:
            self.stop()
        finally:
            super().close()

    def __enter__(self: _ServerT) -> _ServerT:
        return self

    def __exit__(
        self,
        error_type: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()


_ServerT = TypeVar("_ServerT", bound=DuplexServer)


class ImmutableDuplexServer(DuplexServer):
    """A server that answers with new data: two rings per lane; a request is read-only.

    See DuplexServer for handlers, threads and errors.

    Args:
        name: letters, digits and `._-`, at most 200, not beginning with a dot. The file is /dev/shm/NAME, mode 0600.
        request_size: bytes per lane; one request of this size fits.
        response_size: bytes per lane; one answer of this size fits.
        callback_size: bytes per lane for calls of the server to its client; 0: none.
        lanes: 1 … 1024, calls that can run at the same time, of all clients together. Each takes memory of its own.
        huge_pages: ask for 2 MiB pages.
        exist_ok: succeed a server that died while clients were attached, if the geometry is the same. What it had begun and
            not answered is answered with an error.
        wait: "spin" (never sleeps), "spin_then_block", or "block" (sleeps; looks first only where it has just woken the
            other side).
        spin_pauses: pauses before sleeping.
        max_held: requests taken and not answered, per lane.
        pre_touch: map all pages now, so that the first lap is as fast as later ones.
        lock_in_memory: mlock() them.

    Raises:
        BufferExistsError: somebody alive uses this name. WriterExistsError: it has a living server.
        IncompatibleError: of other geometry. InvalidArgumentError, SharedMemoryFullError, PermissionDeniedError,
        SystemCallError.

    Example:
        >>> with zerobuffer.ImmutableDuplexServer("upper") as server:
        ...     server.serve(lambda request: bytes(request).upper())
    """

    def __init__(
        self,
        name: str,
        *,
        request_size: int = DEFAULT_REQUEST_SIZE,
        response_size: int = DEFAULT_REQUEST_SIZE,
        callback_size: int = DEFAULT_CALLBACK_SIZE,
        lanes: int = 8,
        huge_pages: bool = False,
        exist_ok: bool = False,
        wait: WaitPolicy = "spin_then_block",
        spin_pauses: int = 2000,
        max_held: int = 256,
        pre_touch: bool = True,
        lock_in_memory: bool = False,
    ) -> None:
        config = make_duplex_config(
            request_size=request_size,
            response_size=response_size,
            callback_size=callback_size,
            lanes=lanes,
            huge_pages=huge_pages,
            exist_ok=exist_ok,
            wait=wait,
            spin_pauses=spin_pauses,
            max_held=max_held,
            pre_touch=pre_touch,
            lock_in_memory=lock_in_memory,
        )
        self._create(name, False, config)


class MutableDuplexServer(DuplexServer):
    """A server that answers by changing the request where it lies: one ring per lane, half the memory, no copy.

    See DuplexServer for handlers, threads and errors, and Request for how long its bytes may be written.

    Args:
        name: see ImmutableDuplexServer.
        request_size: bytes per lane; one request of this size fits, and its answer.
        callback_size, lanes, huge_pages, exist_ok, wait, spin_pauses, max_held, pre_touch, lock_in_memory: see
            ImmutableDuplexServer.

    Raises:
        As ImmutableDuplexServer.

    Example:
        >>> def invert(request):
        ...     image = request.as_array()
        ...     np.invert(image, out=image)
        >>> with zerobuffer.MutableDuplexServer("invert", request_size=1920 * 1080 * 3) as server:
        ...     server.serve(invert)
    """

    def __init__(
        self,
        name: str,
        *,
        request_size: int = DEFAULT_REQUEST_SIZE,
        callback_size: int = DEFAULT_CALLBACK_SIZE,
        lanes: int = 8,
        huge_pages: bool = False,
        exist_ok: bool = False,
        wait: WaitPolicy = "spin_then_block",
        spin_pauses: int = 2000,
        max_held: int = 256,
        pre_touch: bool = True,
        lock_in_memory: bool = False,
    ) -> None:
        config = make_duplex_config(
            request_size=request_size,
            callback_size=callback_size,
            lanes=lanes,
            huge_pages=huge_pages,
            exist_ok=exist_ok,
            wait=wait,
            spin_pauses=spin_pauses,
            max_held=max_held,
            pre_touch=pre_touch,
            lock_in_memory=lock_in_memory,
        )
        self._create(name, True, config)
