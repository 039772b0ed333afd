"""The Writer: how one is made, what a `with` block does, and arrays. Its other calls are those of the compiled base."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, AsyncIterator, Optional, Tuple, Type, Union, cast

import numpy as np

from . import _core
from .arrays import ARRAY_FRAME_TYPE, ArrayDescriptor, ArrayFormat, Order
from .errors import (
    ClaimTimeoutError,
    CorruptError,
    FrameDroppedError,
    IncompatibleError,
    InvalidArgumentError,
    MetadataExistsError,
    MetadataInUseError,
    MetadataTooLargeError,
)
from .formats import StreamFormat, parse_metadata
from .options import DEFAULT_METADATA_SIZE, FullPolicy, WaitPolicy, make_config
from .video import VideoFormat
from .waiting import Deadline, Turns, another_look

if TYPE_CHECKING:
    import numpy.typing as npt

    from ._core import ReadableBuffer


class ArrayClaim:
    """`with writer.claim_array(…) as array:`. Made by Writer.claim_array(), which says what it does."""

    def __init__(
        self, slot: _core.Slot, array_format: ArrayFormat, described: bool, timestamp_ns: Optional[int]
    ) -> None:
        self._slot = slot
        self._format = array_format
        self._described = described
        self._timestamp_ns = timestamp_ns
        self._array = array_format.view(slot.data)

    def __enter__(self) -> npt.NDArray[Any]:
        return self._array

    def __exit__(
        self,
        error_type: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._array.flags.writeable = False
        if error_type is None:
            self.commit()
        else:
            self._slot.discard()

    def commit(self) -> None:
        """Publishes the array. Leaving the block does it."""
        if self._described:
            descriptor = ArrayDescriptor(self._format, self._timestamp_ns, time.monotonic_ns()).to_bytes()
            with self._slot.data as view:
                view[-len(descriptor) :] = descriptor
        self._slot.commit()


def _frame_of(array_format: ArrayFormat, described: bool) -> Tuple[int, int]:
    """Size and type of the frame of an array."""
    if described:
        return ArrayDescriptor.frame_size(array_format), ARRAY_FRAME_TYPE
    return array_format.nbytes, 0


class Writer(_core.Writer):
    """Writes frames into a buffer.

    `Writer.open(name, timeout=…)` attaches to a buffer that a reader made, or waits for it; `Writer(name, …)` makes the
    buffer. A writer that comes after a dead or closed one goes on with its sequence.

    In an event loop, write_async(), claim_async() and their twins for arrays wait for room without holding it up.

    One thread or task at a time calls the methods of one Writer (another one gets ConcurrentUseError); interrupt(),
    stats() and close() are free. Waits release the GIL, and Ctrl-C ends them at once. A forked child gets ForkedError; the parent is
    unharmed. Interpreter exit closes what is open, so that readers see the end of the stream and not a death.

    Args:
        name, payload_size, frame_size, in_flight, metadata_size, max_readers, share_slots, huge_pages, exist_ok, wait, spin_pauses,
            pre_touch, lock_in_memory: see Reader.
        full: what to do when the ring is full: "wait" for room up to the timeout of the call, or "drop" the new frame at
            once, counted where the readers see it.
        burst_size: bytes that can always be written while no reader that had caught up moves; beyond it the writer may
            begin the ring anew early, which keeps a large ring in the cache. 0: half the ring.

    Raises:
        BufferExistsError, InvalidArgumentError, SharedMemoryFullError, PermissionDeniedError, SystemCallError; with
        exist_ok also what open() raises.

    Example:
        >>> with zerobuffer.Writer.open("cam0", timeout=10) as writer:
        ...     with writer.claim_array((1080, 1920, 3), "uint8") as image:
        ...         image[:] = 0
        ...     writer.write(b"bytes, copied in")
    """

    def __init__(
        self,
        name: str,
        *,
        payload_size: Optional[int] = None,
        frame_size: Optional[int] = None,
        in_flight: int = 3,
        metadata_size: int = DEFAULT_METADATA_SIZE,
        max_readers: int = 1,
        share_slots: int = 0,
        huge_pages: bool = False,
        exist_ok: bool = False,
        full: FullPolicy = "wait",
        wait: WaitPolicy = "spin_then_block",
        spin_pauses: int = 2000,
        burst_size: int = 0,
        pre_touch: bool = True,
        lock_in_memory: bool = False,
    ) -> None:
        config = make_config(
            payload_size=payload_size,
            frame_size=frame_size,
            in_flight=in_flight,
            metadata_size=metadata_size,
            max_readers=max_readers,
            share_slots=share_slots,
            huge_pages=huge_pages,
            exist_ok=exist_ok,
            full=full,
            wait=wait,
            spin_pauses=spin_pauses,
            burst_size=burst_size,
            pre_touch=pre_touch,
            lock_in_memory=lock_in_memory,
        )
        self._attach(create=True, name=name, fd=None, timeout=0, config=config)

    @classmethod
    def open(
        cls,
        name: str,
        *,
        timeout: Optional[float] = None,
        full: FullPolicy = "wait",
        wait: WaitPolicy = "spin_then_block",
        spin_pauses: int = 2000,
        burst_size: int = 0,
        pre_touch: bool = True,
        lock_in_memory: bool = False,
    ) -> Writer:
        """Attaches as the writer of a buffer, and waits for the buffer to appear.

        Args:
            name: of the buffer.
            timeout: seconds; 0 looks once, None waits for ever.
            full, wait, …: see the class.

        Raises:
            BufferNotFoundError: it did not appear in time. WriterExistsError: it has a living writer.
            IncompatibleError, CorruptError, PermissionDeniedError, InvalidArgumentError, SystemCallError.

        The GIL is released while waiting; Ctrl-C ends the wait.
        """
        config = make_config(
            full=full,
            wait=wait,
            spin_pauses=spin_pauses,
            burst_size=burst_size,
            pre_touch=pre_touch,
            lock_in_memory=lock_in_memory,
        )
        writer = cls.__new__(cls)
        writer._attach(create=False, name=name, fd=None, timeout=timeout, config=config)
        return writer

    @classmethod
    def anonymous(
        cls,
        *,
        payload_size: Optional[int] = None,
        frame_size: Optional[int] = None,
        in_flight: int = 3,
        metadata_size: int = DEFAULT_METADATA_SIZE,
        max_readers: int = 1,
        share_slots: int = 0,
        huge_pages: bool = False,
        full: FullPolicy = "wait",
        wait: WaitPolicy = "spin_then_block",
        spin_pauses: int = 2000,
        burst_size: int = 0,
        pre_touch: bool = True,
    ) -> Writer:
        """Makes a buffer without a name: a sealed memfd, passed on through fileno(). Arguments: see the class."""
        config = make_config(
            payload_size=payload_size,
            frame_size=frame_size,
            in_flight=in_flight,
            metadata_size=metadata_size,
            max_readers=max_readers,
            share_slots=share_slots,
            huge_pages=huge_pages,
            full=full,
            wait=wait,
            spin_pauses=spin_pauses,
            burst_size=burst_size,
            pre_touch=pre_touch,
        )
        writer = cls.__new__(cls)
        writer._attach(create=True, name=None, fd=None, timeout=0, config=config)
        return writer

    @classmethod
    def from_fd(
        cls,
        fd: int,
        *,
        full: FullPolicy = "wait",
        wait: WaitPolicy = "spin_then_block",
        spin_pauses: int = 2000,
        burst_size: int = 0,
        pre_touch: bool = True,
    ) -> Writer:
        """Attaches to an anonymous buffer by its descriptor, which is duplicated. Other arguments: see the class."""
        config = make_config(
            full=full, wait=wait, spin_pauses=spin_pauses, burst_size=burst_size, pre_touch=pre_touch
        )
        writer = cls.__new__(cls)
        writer._attach(create=False, name=None, fd=fd, timeout=0, config=config)
        return writer

    def _attach(
        self, *, create: bool, name: Optional[str], fd: Optional[int], timeout: Optional[float], config: _core.BufferConfig
    ) -> None:
        _core.Writer.__init__(self, create=create, name=name, fd=fd, timeout=timeout, config=config)
        self._format: Optional[StreamFormat] = None  # what the metadata says, where this writer wrote it
        self._announced = False
        self._turns = Turns()

    def write_metadata(self, metadata: Union[ReadableBuffer, ArrayFormat, VideoFormat]) -> None:
        """Writes the metadata, once, before the first frame.

        Args:
            metadata: bytes of the application's own, at most info.metadata_size; or an ArrayFormat or VideoFormat, whose
                schema (docs/arrays.md) tells every reader what the frames hold.

        Raises:
            MetadataTooLargeError, MetadataExistsError (identical bytes from a successor are no change), MetadataInUseError,
            HandleClosedError, ForkedError.

        Example:
            >>> writer.write_metadata(zerobuffer.VideoFormat("rgb24", 1920, 1080, frame_rate=(30, 1)))
        """
        if isinstance(metadata, (ArrayFormat, VideoFormat)):
            super().write_metadata(metadata.to_metadata())
            self._format = metadata
        else:
            super().write_metadata(metadata)
            try:
                self._format = parse_metadata(bytes(cast(memoryview, metadata)))
            except (CorruptError, IncompatibleError):
                self._format = None  # a schema of another version, or broken: the reader's business; arrays say what they are
        self._announced = True
        self._know(self._format.layout if isinstance(self._format, ArrayFormat) else None)

    def claim_array(
        self,
        shape: Tuple[int, ...],
        dtype: npt.DTypeLike = "uint8",
        *,
        order: Order = "C",
        names: Optional[Tuple[str, ...]] = None,
        timeout: Optional[float] = None,
        timestamp_ns: Optional[int] = None,
        tag: int = 0,
    ) -> ArrayClaim:
        """Takes room for an array, to be filled in place.

        `with writer.claim_array(…) as array:` gives a writable numpy array in shared memory, 64-byte aligned, its content
        undefined. Leaving the block publishes it and makes that array read-only; leaving it on an exception discards it.
        A slice or view taken inside the block stays writable: what is written through it afterwards may reach a reader
        of this or of a later frame. Nothing faults, also after close().

        The first array of a stream whose metadata nobody wrote writes it (docs/arrays.md); arrays that differ from it,
        or that have a timestamp, carry a descriptor of their own.

        Args:
            shape: at most 32 dimensions.
            dtype: anything numpy takes for booleans, integers, floats or complex numbers.
            order: "C" or "F".
            names: of the dimensions, for the metadata.
            timeout: seconds to wait for room; None waits for ever.
            timestamp_ns: when it was captured, by whatever clock the application uses.
            tag: a number of the application's.

        Raises:
            ClaimTimeoutError, FrameDroppedError, and what else claim() raises. The GIL is released while waiting.
        """
        return self._claim_format(ArrayFormat.of(shape, dtype, order, names), timeout, timestamp_ns, tag)

    def write_array(
        self,
        array: npt.ArrayLike,
        *,
        names: Optional[Tuple[str, ...]] = None,
        timeout: Optional[float] = None,
        timestamp_ns: Optional[int] = None,
        tag: int = 0,
    ) -> bool:
        """Sends a copy of an array; see claim_array().

        Args:
            array: anything numpy takes for one, with any strides.
            names, timeout, timestamp_ns, tag: see claim_array().

        Returns:
            True when it was sent; False where the time ran out or the frame was dropped.

        Raises:
            As claim(), but for ClaimTimeoutError and FrameDroppedError. The GIL is released while waiting and copying.
        """
        if names is None and timestamp_ns is None:
            sent = self._write_known(array, timeout, tag)
            if sent is not None:
                return sent
        source = np.asarray(array)
        array_format = ArrayFormat.of(source.shape, source.dtype, self._order_for(source), names)
        described = self._needs_descriptor(array_format, timestamp_ns)
        in_order = source.flags.c_contiguous if array_format.order == "C" else source.flags.f_contiguous
        if in_order and not described:
            return self.write(source.ravel(order="K").view(np.uint8), timeout=timeout, tag=tag)
        try:
            claim = self._claim_format(array_format, timeout, timestamp_ns, tag)
        except (ClaimTimeoutError, FrameDroppedError):
            return False
        with claim as room:
            np.copyto(room, source)
        return True

    def _order_for(self, source: npt.NDArray[Any]) -> Order:
        """The announced order where the array fits it otherwise (so that it needs no descriptor), else its own."""
        known = self._format
        if isinstance(known, ArrayFormat) and (known.shape, known.dtype) == (source.shape, source.dtype.str):
            return known.order
        return "F" if source.flags.f_contiguous and not source.flags.c_contiguous else "C"

    def _needs_descriptor(self, array_format: ArrayFormat, timestamp_ns: Optional[int]) -> bool:
        """Whether this array must say itself what it is. Writes the metadata if nobody did."""
        if not self._announced and array_format.nbytes <= self.info.max_frame_size:  # else claiming it will fail
            try:
                self.write_metadata(array_format)
            except (MetadataExistsError, MetadataInUseError, MetadataTooLargeError):
                self._announced = True  # by somebody, or impossible: every array then says itself what it is
        known = self._format
        if isinstance(known, VideoFormat):
            if known.nbytes != array_format.nbytes:
                raise InvalidArgumentError(
                    f"an array of {array_format.nbytes} bytes in a video of {known.nbytes} per picture: {known}"
                )
            return True  # for the send time
        return (
            timestamp_ns is not None
            or known is None
            or (known.dtype, known.shape, known.order) != (array_format.dtype, array_format.shape, array_format.order)
        )

    def _claim_format(
        self, array_format: ArrayFormat, timeout: Optional[float], timestamp_ns: Optional[int], tag: int
    ) -> ArrayClaim:
        described = self._needs_descriptor(array_format, timestamp_ns)
        size, frame_type = _frame_of(array_format, described)
        slot = self.claim(size, timeout=timeout, type=frame_type, tag=tag)
        return ArrayClaim(slot, array_format, described, timestamp_ns)

    async def write_async(
        self, data: ReadableBuffer, *, timeout: Optional[float] = None, type: int = 0, tag: int = 0
    ) -> bool:
        """Sends a copy of `data`; waits for room without holding up the event loop.

        Room that is there costs no turn of the loop, but after every 64 calls the other tasks get one. A large copy
        holds the loop up as long as it takes. Cancelling the task acts at once; then nothing was sent.

        Args:
            data: a C-contiguous bytes-like object.
            timeout: seconds to wait for room; 0 looks once, None waits for ever.
            type, tag: see claim().

        Returns:
            True when it was sent; False where the time ran out or the frame was dropped.

        Raises:
            HandleClosedError: the writer was closed, also during the wait.
            ConcurrentUseError: another task or thread is using the writer.
            As write() otherwise.

        Example:
            >>> await writer.write_async(b"hello", timeout=1)
        """
        await self._turns.take()
        sent = self.try_write(data, type=type, tag=tag)
        if not sent and not self._drops:
            deadline = Deadline(timeout)
            with memoryview(cast(memoryview, data)) as view:
                size = view.nbytes
            while not sent and await another_look(self, lambda: self._ask(size), deadline):
                sent = self.try_write(data, type=type, tag=tag)
        return sent

    @asynccontextmanager
    async def claim_async(
        self, size: int, *, timeout: Optional[float] = None, type: int = 0, tag: int = 0
    ) -> AsyncIterator[_core.Slot]:
        """Takes room for a frame, to be filled in place; waits for it without holding up the event loop.

        Leaving the block publishes the frame; leaving it on an exception, cancellation too, discards it.

        Args:
            size, timeout, type, tag: see claim().

        Raises:
            As claim() and write_async().

        Example:
            >>> async with writer.claim_async(5) as slot:
            ...     slot.data[:] = b"hello"
        """
        with await self._slot_async(size, timeout, type, tag) as slot:
            yield slot

    async def write_array_async(
        self,
        array: npt.ArrayLike,
        *,
        names: Optional[Tuple[str, ...]] = None,
        timeout: Optional[float] = None,
        timestamp_ns: Optional[int] = None,
        tag: int = 0,
    ) -> bool:
        """Sends a copy of an array; waits for room without holding up the event loop.

        Args:
            array, names, timeout, timestamp_ns, tag: see write_array().

        Returns:
            True when it was sent; False where the time ran out or the frame was dropped.

        Raises:
            As write_array() and write_async().

        Example:
            >>> await writer.write_array_async(np.zeros((4, 6)))
        """
        source = np.asarray(array)
        array_format = ArrayFormat.of(source.shape, source.dtype, self._order_for(source), names)
        try:
            claim = await self._claim_format_async(array_format, timeout, timestamp_ns, tag)
        except (ClaimTimeoutError, FrameDroppedError):
            return False
        with claim as room:
            np.copyto(room, source)
        return True

    @asynccontextmanager
    async def claim_array_async(
        self,
        shape: Tuple[int, ...],
        dtype: npt.DTypeLike = "uint8",
        *,
        order: Order = "C",
        names: Optional[Tuple[str, ...]] = None,
        timeout: Optional[float] = None,
        timestamp_ns: Optional[int] = None,
        tag: int = 0,
    ) -> AsyncIterator[npt.NDArray[Any]]:
        """Takes room for an array, to be filled in place; waits for it without holding up the event loop.

        Args:
            shape, dtype, order, names, timeout, timestamp_ns, tag: see claim_array(), which says what the block gives.

        Raises:
            As claim_array() and write_async().

        Example:
            >>> async with writer.claim_array_async((1080, 1920, 3), "uint8") as image:
            ...     image[:] = 0
        """
        array_format = ArrayFormat.of(shape, dtype, order, names)
        with await self._claim_format_async(array_format, timeout, timestamp_ns, tag) as array:
            yield array

    async def _claim_format_async(
        self, array_format: ArrayFormat, timeout: Optional[float], timestamp_ns: Optional[int], tag: int
    ) -> ArrayClaim:
        described = self._needs_descriptor(array_format, timestamp_ns)
        size, frame_type = _frame_of(array_format, described)
        slot = await self._slot_async(size, timeout, frame_type, tag)
        return ArrayClaim(slot, array_format, described, timestamp_ns)

    async def _slot_async(self, size: int, timeout: Optional[float], frame_type: int, tag: int) -> _core.Slot:
        await self._turns.take()
        slot = self.try_claim(size, type=frame_type, tag=tag)
        if slot is None and self._drops:
            raise FrameDroppedError("the ring is full: the frame was dropped, and counted")
        if slot is None:
            deadline = Deadline(timeout)
            while slot is None and await another_look(self, lambda: self._ask(size), deadline):
                slot = self.try_claim(size, type=frame_type, tag=tag)
        if slot is None:
            raise ClaimTimeoutError(f"no room for {size} bytes came free in {timeout} s")
        return slot

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        error_type: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
