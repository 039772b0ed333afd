"""The DuplexClient: how one is made, calls of event loops, calls with arrays, and the calls that its server makes.

Its other calls are those of the compiled base.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Tuple, Type, TypeVar, Union

import numpy as np

from . import _core
from .arrays import ARRAY_FRAME_TYPE, ArrayDescriptor, ArrayFormat, Order
from .errors import CallTimeoutError, ClaimTimeoutError, InvalidArgumentError, LanesBusyError
from .exchange import Request, Response, array_request
from .handlers import AsyncHandler, Handler
from .options import WaitPolicy, make_duplex_config
from .serving import Service
from .waiting import Deadline, Line, Turns, Wait, another_look

if TYPE_CHECKING:
    import numpy.typing as npt

    from ._core import PendingCall, ReadableBuffer, StopSign

_HandlerT = TypeVar("_HandlerT", bound=AsyncHandler)


class ArrayRequestClaim:
    """`with client.claim_array(…) as claim:`. Made by DuplexClient.claim_array(), which says what it does."""

    def __init__(self, claim: _core.RequestClaim, array_format: ArrayFormat, timestamp_ns: Optional[int]) -> None:
        self._claim = claim
        self._array = array_format.view(claim.data)
        end = ArrayDescriptor(array_format, timestamp_ns).to_bytes()
        with claim.data as view:
            view[-len(end) :] = end

    @property
    def array(self) -> npt.NDArray[Any]:
        """A writable array in the channel; read-only once it was sent."""
        return self._array

    def call(self, *, timeout: Optional[float] = None, tag: int = 0) -> Response:
        """Sends the array and waits for the answer; see DuplexClient.call()."""
        self._array.flags.writeable = False
        return self._claim.call(timeout=timeout, type=ARRAY_FRAME_TYPE, tag=tag)

    def begin(self, *, tag: int = 0) -> PendingCall:
        """Sends the array; the answer comes from the PendingCall."""
        self._array.flags.writeable = False
        return self._claim.begin(type=ARRAY_FRAME_TYPE, tag=tag)

    def discard(self) -> None:
        """Gives the room back; nothing is sent. Again is harmless."""
        self._array.flags.writeable = False
        self._claim.discard()

    def __enter__(self) -> ArrayRequestClaim:
        return self

    def __exit__(
        self,
        error_type: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.discard()


class DuplexClient(_core.DuplexClient):
    """Calls a server through shared memory.

    `DuplexClient.open(name)` attaches to a server's channel, or waits until there is one. call() sends a request and waits
    for its answer; begin() does the first half; send() and receive() keep many requests on their way; `await call_async()`
    waits in an event loop. The server may call its client too: take(), serve_calls() and start() answer.

    Any number of threads and tasks may use one client at once: each call has a lane of its own as long as there are some.
    Waits release the GIL, and Ctrl-C ends them at once. A forked child gets ForkedError; the parent is unharmed. Interpreter
    exit closes what is open.

    Example:
        >>> with zerobuffer.DuplexClient.open("calc", timeout=10) as client:
        ...     with client.call(b"2 + 2", timeout=1) as response:
        ...         print(bytes(response))
    """

    def __init__(self) -> None:
        raise InvalidArgumentError("a client attaches to a channel that a server makes: DuplexClient.open(name)")

    @classmethod
    def open(
        cls,
        name: str,
        *,
        timeout: Optional[float] = None,
        client_lanes: int = 0,
        wait: WaitPolicy = "spin_then_block",
        spin_pauses: int = 2000,
        max_held: int = 256,
        pre_touch: bool = True,
        lock_in_memory: bool = False,
    ) -> DuplexClient:
        """Attaches to a server's channel, and waits for it to appear.

        Args:
            name: of the channel.
            timeout: seconds; 0 looks once, None waits for ever.
            client_lanes: most lanes that this client takes, which is how many of its calls can run at the same time; 0: as
                many as there are.
            wait: "spin" (never sleeps), "spin_then_block", or "block" (sleeps; looks first only where it has just woken the
                other side).
            spin_pauses: pauses before sleeping.
            max_held: answers held at the same time, per lane.
            pre_touch: map all pages of its lanes when they are taken.
            lock_in_memory: mlock() them.

        Raises:
            BufferNotFoundError: it did not appear in time. LanesBusyError: every lane is another living client's.
            IncompatibleError, CorruptError, PermissionDeniedError, InvalidArgumentError, SystemCallError.

        The GIL is released while waiting; Ctrl-C ends the wait.
        """
        config = make_duplex_config(
            client_lanes=client_lanes,
            wait=wait,
            spin_pauses=spin_pauses,
            max_held=max_held,
            pre_touch=pre_touch,
            lock_in_memory=lock_in_memory,
        )
        client = cls.__new__(cls)
        _core.DuplexClient.__init__(client, name=name, timeout=timeout, config=config)
        client._turns = Turns()
        client._line = Line()
        client._service = Service()
        return client

    _turns: Turns
    _line: Line
    _service: Service

    # --- arrays

    def call_array(
        self,
        array: npt.ArrayLike,
        *,
        timeout: Optional[float] = None,
        tag: int = 0,
        timestamp_ns: Optional[int] = None,
        response_capacity: int = 0,
    ) -> npt.NDArray[Any]:
        """Sends a copy of an array and waits for the array that answers it.

        The request has type 2 and says its dtype, shape and order (docs/arrays.md); a Python server gets it by
        Request.as_array().

        Args:
            array: anything numpy takes for booleans, integers, floats or complex numbers, with any strides.
            timeout: seconds for all of it; None waits for ever.
            tag: a number of the application's.
            timestamp_ns: when it was captured, by whatever clock the application uses.
            response_capacity: in place: bytes to reserve for a longer answer (its array and 128 bytes).

        Returns:
            A read-only array in shared memory that holds the answer as long as it or a slice of it lives; uint8 in one
            dimension where the answer is plain bytes.

        Raises:
            As call(), and CorruptError where the answer's descriptor contradicts it.

        Example:
            >>> inverted = client.call_array(image, timeout=1)
        """
        deadline = Deadline(timeout)
        with self._array_claim(array, timestamp_ns, response_capacity, timeout) as claim:
            with claim.call(timeout=deadline.left(), type=ARRAY_FRAME_TYPE, tag=tag) as response:
                return response.as_array()

    def claim_array(
        self,
        shape: Tuple[int, ...],
        dtype: npt.DTypeLike = "uint8",
        *,
        order: Order = "C",
        response_capacity: int = 0,
        timeout: Optional[float] = None,
        timestamp_ns: Optional[int] = None,
    ) -> ArrayRequestClaim:
        """Room for a request that is an array, to be filled in place, in a lane of its own.

        Args:
            shape, dtype, order: see Writer.claim_array().
            response_capacity: see call_array().
            timeout: seconds to wait for a lane and for room; None waits for ever.
            timestamp_ns: when it was captured, by whatever clock the application uses.

        Returns:
            A context manager with `array`, call() and begin(); leaving the block without having sent it gives the room back.

        Raises:
            As claim_request(). The GIL is released while waiting.

        Example:
            >>> with client.claim_array((1080, 1920, 3)) as claim:
            ...     claim.array[:] = 7
            ...     inverted = claim.call(timeout=1).as_array()
        """
        array_format = ArrayFormat.of(shape, dtype, order)
        size = ArrayDescriptor.frame_size(array_format)
        claim = self.claim_request(size, response_capacity=response_capacity, timeout=timeout)
        return ArrayRequestClaim(claim, array_format, timestamp_ns)

    def _array_claim(
        self, array: npt.ArrayLike, timestamp_ns: Optional[int], response_capacity: int, timeout: Optional[float]
    ) -> _core.RequestClaim:
        """A claim that holds a copy of the array and its descriptor."""
        source, descriptor = array_request(array, timestamp_ns)
        try:
            claim = self.claim_request(
                ArrayDescriptor.frame_size(descriptor.format), response_capacity=response_capacity, timeout=timeout
            )
        except ClaimTimeoutError as error:
            raise CallTimeoutError(str(error)) from None
        end = descriptor.to_bytes()
        with claim.data as view:
            view[-len(end) :] = end
        np.copyto(descriptor.format.view(claim.data), source)
        return claim

    # --- event loops

    async def call_async(
        self,
        data: ReadableBuffer,
        *,
        timeout: Optional[float] = None,
        type: int = 0,
        tag: int = 0,
        response_capacity: int = 0,
    ) -> Response:
        """Sends a copy of `data` and waits for its answer without holding up the event loop.

        Each call has a lane of its own; where all lanes are busy, tasks get them in the order in which they called.
        Cancelling the task acts at once and abandons the call: a late answer is discarded, never given to another call. No
        thread is parked for any of them, and several loops in several threads may call at the same time.

        Args:
            data, type, tag, response_capacity: see call().
            timeout: seconds for all of it; None waits for ever.

        Raises:
            As call(); HandleClosedError also where the client was closed during the wait.

        Example:
            >>> answers = await asyncio.gather(*(client.call_async(data) for data in many))
        """
        deadline = Deadline(timeout)
        await self._turns.take()
        busy: Exception = CallTimeoutError("no lane came free in the time given")

        def begin() -> Optional[PendingCall]:
            nonlocal busy
            try:
                return self.begin(data, timeout=0, type=type, tag=tag, response_capacity=response_capacity)
            except (LanesBusyError, CallTimeoutError) as error:
                busy = error.with_traceback(None)
                return None

        call = await self._line.first(begin, deadline)
        if call is None:
            raise busy
        return await self._answer(call, deadline)

    async def call_array_async(
        self,
        array: npt.ArrayLike,
        *,
        timeout: Optional[float] = None,
        tag: int = 0,
        timestamp_ns: Optional[int] = None,
        response_capacity: int = 0,
    ) -> npt.NDArray[Any]:
        """Sends a copy of an array and waits for the array that answers it, without holding up the event loop.

        Args:
            array, tag, timestamp_ns, response_capacity: see call_array().
            timeout: seconds for all of it; None waits for ever.

        Raises:
            As call_array() and call_async().
        """
        deadline = Deadline(timeout)
        await self._turns.take()
        busy: Exception = CallTimeoutError("no lane came free in the time given")

        def begin() -> Optional[PendingCall]:
            nonlocal busy
            try:
                with self._array_claim(array, timestamp_ns, response_capacity, timeout=0) as claim:
                    return claim.begin(type=ARRAY_FRAME_TYPE, tag=tag)
            except (LanesBusyError, CallTimeoutError) as error:
                busy = error.with_traceback(None)
                return None

        call = await self._line.first(begin, deadline)
        if call is None:
            raise busy
        with await self._answer(call, deadline) as response:
            return response.as_array()

    async def _answer(self, call: PendingCall, deadline: Deadline) -> Response:
        try:
            response = call.try_receive()
            while response is None:
                if not await another_look(call, call._ask, deadline):
                    raise CallTimeoutError("no answer came in the time given; a late one is discarded")
                response = call.try_receive()
            return response
        finally:
            call.abandon()
            self._line.wake()

    async def receive_async(self, timeout: Optional[float] = None) -> Optional[Response]:
        """Waits for the next answer to what was sent with send(), without holding up the event loop.

        Args:
            timeout: seconds; 0 looks once, None waits for ever.

        Returns:
            The Response; or None where the time ran out. Cancelling loses no answer.

        Raises:
            ConcurrentUseError: another task waits for answers of this client. As receive() otherwise.
        """
        await self._turns.take()
        response = self.receive(0)
        if response is None:
            deadline = Deadline(timeout)
            wait = Wait(self._end_answer_wait)
            while response is None and await another_look(wait, self._ask_answer, deadline):
                response = self.receive(0)
        return response

    # --- iteration: answers to what was sent with send()

    def __iter__(self) -> DuplexClient:
        """The answers to what was sent with send(), in order; ends when nothing is on its way any more."""
        return self

    def __next__(self) -> Response:
        if self.on_its_way == 0:
            raise StopIteration
        response = self.receive()
        assert response is not None  # it waits for ever
        return response

    def __aiter__(self) -> DuplexClient:
        return self

    async def __anext__(self) -> Response:
        if self.on_its_way == 0:
            raise StopAsyncIteration
        response = await self.receive_async()
        assert response is not None
        return response

    # --- calls of the server

    async def take_async(self, timeout: Optional[float] = None) -> Optional[Request]:
        """Waits for the next call or notice of the server, without holding up the event loop.

        Args:
            timeout: seconds; 0 looks once, None waits for ever.

        Returns:
            The Request, or None where the time ran out. Cancelling loses none.

        Raises:
            ConcurrentUseError: another task waits for calls of this client. As take() otherwise.
        """
        await self._turns.take()
        request = self.take(0)
        if request is None:
            deadline = Deadline(timeout)
            wait = Wait(self._end_call_wait)
            while request is None and await another_look(wait, self._ask_call, deadline):
                request = self.take(0)
        return request

    def on_call(self, type: int) -> Callable[[_HandlerT], _HandlerT]:
        """A decorator that names the handler for the server's calls and notices of a type.

        Example:
            >>> @client.on_call(130)
            ... def progress(request):
            ...     print(request.data[0], "%")
        """
        return self._service.on(type)

    def serve_calls(
        self,
        handler: Union[None, Handler, Mapping[int, Handler]] = None,
        *,
        timeout: Optional[float] = None,
        verbose: bool = False,
    ) -> None:
        """Runs a handler on every call of the server, in this thread. As DuplexServer.serve().

        Raises:
            PeerClosedError, PeerDeadError: the server has closed, or died. As take() otherwise.
        """
        self._service.serve(self, handler, timeout, verbose)

    async def serve_calls_async(
        self,
        handler: Union[None, AsyncHandler, Mapping[int, AsyncHandler]] = None,
        *,
        timeout: Optional[float] = None,
        limit: int = 64,
        verbose: bool = False,
    ) -> None:
        """Runs a handler on every call of the server, as tasks of this event loop. As DuplexServer.serve_async()."""
        await self._service.serve_async(self, handler, timeout, limit, verbose)

    def start(
        self,
        handler: Union[None, Handler, Mapping[int, Handler]] = None,
        *,
        threads: int = 1,
        verbose: bool = False,
    ) -> None:
        """Runs a handler on every call of the server, in threads in the background. As DuplexServer.start()."""
        self._service.start(self, handler, threads, verbose)

    def stop(self) -> None:
        """Ends start() and joins its threads; what they have taken is answered.

        Raises:
            What ended one of them before: PeerClosedError, PeerDeadError, CorruptError, …
        """
        self._service.workers.stop(self._hurry)

    @property
    def running(self) -> int:
        """Threads of start() that are still serving."""
        return self._service.workers.running

    # --- the end

    def close(self) -> None:
        """Detaches. Responses and views that live stay valid; their room comes back when they end.

        Waits of other threads and tasks are ended (HandleClosedError there), threads of start() too. Again is harmless.

        Raises:
            What ended a thread of start() before, if stop() has not told it; the client is closed all the same.
            InvalidArgumentError: called by a handler in such a thread; nothing was closed.
        """
        self._service.workers.refuse_own_threads()
        try:
            self.stop()
        finally:
            super().close()

    def __enter__(self) -> DuplexClient:
        return self

    def __exit__(
        self,
        error_type: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
