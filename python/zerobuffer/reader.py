"""The Reader: how one is made, what a `with` block does, and arrays. Its calls are those of the compiled base."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional, Type

from . import _core
from .arrays import ArrayFormat
from .formats import StreamFormat, parse_metadata
from .errors import PeerClosedError
from .frame import Frame as Frame  # the type that the compiled reader hands out
from .options import DEFAULT_METADATA_SIZE, JoinAt, WaitPolicy, make_config
from .waiting import Deadline, Turns, another_look

if TYPE_CHECKING:
    import numpy.typing as npt


class Reader(_core.Reader):
    """Reads every frame of a buffer, in place.

    `Reader(name, …)` makes the buffer and is its first reader; `Reader.open(name)` attaches to one that exists, or waits
    until it does. Iterating gives frame after frame, ends when the writer has closed, and raises PeerDeadError once if it
    died; a new `for` then goes on with its successor. A frame that the loop's variable still names is held while the next
    one is waited for: a ring with room for three frames or more never notices.

    `async for frame in reader` does the same in an event loop, without a thread that waits; read_async() and
    metadata_async() belong to it.

    One thread or task at a time calls the methods of one Reader (another one gets ConcurrentUseError); interrupt(),
    stats(), close() and the release of frames are free. Waits release the GIL, and Ctrl-C ends them at once. A forked child gets
    ForkedError; the parent is unharmed. Interpreter exit closes what is open.

    Args:
        name: letters, digits and `._-`, at most 200, not beginning with a dot. The file is /dev/shm/NAME, mode 0600.
        payload_size: bytes; one frame of this size fits. 64 MiB by default.
        frame_size, in_flight: instead of payload_size: a ring in which `in_flight` frames of `frame_size` bytes can
            always be written while no reader moves.
        metadata_size: bytes for the metadata.
        max_readers: 1 … 64; each of them sees every frame.
        share_slots: 0: frames of this buffer are not shared with others; else how many readers of other buffers can look at
            frames of this one at the same time without copying them, 1 … 64 (see SharedWriter).
        huge_pages: ask for 2 MiB pages; `info.huge_bytes` says what became huge.
        exist_ok: open a living buffer of the same geometry instead of failing.
        wait: "spin" (never sleeps), "spin_then_block", or "block" (sleeps; looks first only where it has just woken the
            other side).
        spin_pauses: pauses before sleeping.
        acknowledge_frames, acknowledge_interval: tell the writer of freed room after so many frames (and, where not 0,
            at the first call after so many seconds); what is not told yet is told when the reader waits.
        max_held: frames held at the same time, 1 … 65536.
        join: where to begin: "oldest" frame in the ring, "now", "resume" a dead reader's position, or "automatic" (the
            first reader ever: oldest; later ones: now).
        pre_touch: map all pages now, so that the first lap is as fast as later ones.
        lock_in_memory: mlock() the ring.

    Raises:
        BufferExistsError, InvalidArgumentError, SharedMemoryFullError, PermissionDeniedError, SystemCallError; with
        exist_ok also what open() raises.

    Example:
        >>> with zerobuffer.Reader("cam0", payload_size=64 << 20) as reader:
        ...     for frame in reader:
        ...         image = frame.as_array()
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
        wait: WaitPolicy = "spin_then_block",
        spin_pauses: int = 2000,
        acknowledge_frames: int = 1,
        acknowledge_interval: float = 0.0,
        max_held: int = 256,
        join: JoinAt = "automatic",
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
            wait=wait,
            spin_pauses=spin_pauses,
            acknowledge_frames=acknowledge_frames,
            acknowledge_interval=acknowledge_interval,
            max_held=max_held,
            join=join,
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
        wait: WaitPolicy = "spin_then_block",
        spin_pauses: int = 2000,
        acknowledge_frames: int = 1,
        acknowledge_interval: float = 0.0,
        max_held: int = 256,
        join: JoinAt = "automatic",
        pre_touch: bool = True,
        lock_in_memory: bool = False,
    ) -> Reader:
        """Attaches a further reader to a buffer, and waits for the buffer to appear.

        Args:
            name: of the buffer.
            timeout: seconds; 0 looks once, None waits for ever.
            wait, spin_pauses, acknowledge_frames, …: see the class.

        Raises:
            BufferNotFoundError: it did not appear in time.
            TooManyReadersError, NothingToResumeError, IncompatibleError, CorruptError, PermissionDeniedError,
            InvalidArgumentError, SystemCallError.

        The GIL is released while waiting; Ctrl-C ends the wait.
        """
        config = make_config(
            wait=wait,
            spin_pauses=spin_pauses,
            acknowledge_frames=acknowledge_frames,
            acknowledge_interval=acknowledge_interval,
            max_held=max_held,
            join=join,
            pre_touch=pre_touch,
            lock_in_memory=lock_in_memory,
        )
        reader = cls.__new__(cls)
        reader._attach(create=False, name=name, fd=None, timeout=timeout, config=config)
        return reader

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
        wait: WaitPolicy = "spin_then_block",
        spin_pauses: int = 2000,
        max_held: int = 256,
        join: JoinAt = "automatic",
        pre_touch: bool = True,
    ) -> Reader:
        """Makes a buffer without a name: a sealed memfd, passed on through fileno(). Arguments: see the class."""
        config = make_config(
            payload_size=payload_size,
            frame_size=frame_size,
            in_flight=in_flight,
            metadata_size=metadata_size,
            max_readers=max_readers,
            share_slots=share_slots,
            huge_pages=huge_pages,
            wait=wait,
            spin_pauses=spin_pauses,
            max_held=max_held,
            join=join,
            pre_touch=pre_touch,
        )
        reader = cls.__new__(cls)
        reader._attach(create=True, name=None, fd=None, timeout=0, config=config)
        return reader

    @classmethod
    def from_fd(
        cls,
        fd: int,
        *,
        wait: WaitPolicy = "spin_then_block",
        spin_pauses: int = 2000,
        max_held: int = 256,
        join: JoinAt = "automatic",
        pre_touch: bool = True,
    ) -> Reader:
        """Attaches to an anonymous buffer by its descriptor, which is duplicated. Other arguments: see the class."""
        config = make_config(wait=wait, spin_pauses=spin_pauses, max_held=max_held, join=join, pre_touch=pre_touch)
        reader = cls.__new__(cls)
        reader._attach(create=False, name=None, fd=fd, timeout=0, config=config)
        return reader

    def _attach(
        self, *, create: bool, name: Optional[str], fd: Optional[int], timeout: Optional[float], config: _core.BufferConfig
    ) -> None:
        _core.Reader.__init__(self, create=create, name=name, fd=fd, timeout=timeout, config=config)
        self._parsed: tuple[Optional[bytes], Optional[StreamFormat]] = (None, None)
        self._turns = Turns()

    def known_format(self) -> Optional[StreamFormat]:
        """What the metadata says of the frames held now: ArrayFormat, VideoFormat, or None. Any thread; never waits.

        Raises:
            CorruptError, IncompatibleError: the metadata breaks the schema of docs/arrays.md, or is of a later version.
        """
        metadata = self.peek_metadata()
        known, stream_format = self._parsed
        if metadata is not known:
            stream_format = None if metadata is None else parse_metadata(metadata)
            self._parsed = (metadata, stream_format)
            self._know(metadata, stream_format.layout if isinstance(stream_format, ArrayFormat) else None)
        return stream_format

    def read_array(self, timeout: Optional[float] = None) -> Optional[npt.NDArray[Any]]:
        """The next frame as an array: read() and Frame.as_array() in one.

        Args:
            timeout: seconds; None waits for ever.

        Returns:
            A read-only view in shared memory that holds the frame as long as it or a slice of it lives; None where the
            time ran out.

        Raises:
            As read() and Frame.as_array(). The GIL is released while waiting.
        """
        frame = self.read(timeout)
        if frame is None:
            return None
        try:
            return frame.as_array()  # which holds it
        except BaseException:
            frame.release()
            raise

    async def read_async(self, timeout: Optional[float] = None) -> Optional[Frame]:
        """Waits for the next frame without holding up the event loop.

        A frame that is there already costs no turn of the loop, but after every 64 calls the other tasks get one.
        Cancelling the task acts at once and loses no frame. Several loops in several threads may wait at the same time,
        each with readers of its own; no thread is parked for any of them.

        Args:
            timeout: seconds; 0 looks once, None waits for ever.

        Returns:
            The frame, read-only bytes in shared memory, held until it is given back; or None where the time ran out.

        Raises:
            HandleClosedError: the reader was closed, also during the wait.
            ConcurrentUseError: another task or thread is using the reader.
            As read() otherwise.

        Example:
            >>> with await reader.read_async(timeout=1) as frame:
            ...     total = sum(frame.data)
        """
        await self._turns.take()
        frame = self.try_read()
        if frame is None:
            deadline = Deadline(timeout)
            while frame is None and await another_look(self, self._ask_for_frame, deadline):
                frame = self.try_read()
        return frame

    async def metadata_async(self, timeout: Optional[float] = None) -> Optional[bytes]:
        """Waits until the writer has written the metadata, without holding up the event loop.

        Args:
            timeout: seconds; 0 looks once, None waits for ever.

        Returns:
            A copy of it as bytes (empty where it is empty); None where the time ran out.

        Raises:
            As metadata() and read_async().

        Example:
            >>> stream_format = zerobuffer.parse_metadata(await reader.metadata_async())
        """
        await self._turns.take()
        metadata = self.metadata(timeout=0)
        if metadata is None:
            deadline = Deadline(timeout)
            while metadata is None and await another_look(self, self._ask_for_metadata, deadline):
                metadata = self.metadata(timeout=0)
        return metadata

    def _ask_for_frame(self) -> int:
        return self._ask(for_metadata=False)

    def _ask_for_metadata(self) -> int:
        return self._ask(for_metadata=True)

    def __aiter__(self) -> Reader:
        return self

    async def __anext__(self) -> Frame:
        try:
            frame = await self.read_async()
        except PeerClosedError:
            raise StopAsyncIteration from None
        assert frame is not None  # it waits for ever
        return frame

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        error_type: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
