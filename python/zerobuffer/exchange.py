"""What is handed out of a duplex channel: the Response to a call, the Request that a server takes, as bytes and as arrays.

Owns how an array is found in them and how an answer becomes one. The bytes and their lifetime are the compiled bases'.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Optional, Tuple

import numpy as np

from . import _core
from .arrays import ARRAY_FRAME_TYPE, ArrayDescriptor, ArrayFormat, Order
from .errors import InvalidArgumentError
from .held import HeldBytes

if TYPE_CHECKING:
    import numpy.typing as npt


class Response(_core.Response, HeldBytes):
    """The answer to a call: read-only bytes in shared memory; in place, at the address where the request was written.

    It is a buffer: `response.data` (a memoryview), `numpy.asarray(response)` and `numpy.frombuffer(response, "<f4")` see the
    bytes without a copy. It is held (its room in the lane is not used again) until `release()`, the end of a `with` block or
    the end of the object, *and* the end of the last view. Views stay valid after the client was closed. Any thread may
    release.

    Responses come from a call; there is no other way to make one.

    Example:
        >>> with client.call(b"question") as response:
        ...     print(response.sequence, len(response), bytes(response.data[:4]))
    """

    __slots__ = ()

    def as_array(self) -> npt.NDArray[Any]:
        """The answer as a numpy array in shared memory: a view, never a copy.

        Returns:
            A read-only array: what the descriptor of an array answer (type 2) says, else uint8 in one dimension. It keeps
            the answer held as long as it or a slice of it lives.

        Raises:
            ReleasedError: the response was released. CorruptError: the descriptor contradicts the answer.
        """
        if self.type == ARRAY_FRAME_TYPE:
            return ArrayDescriptor.from_frame(self.data).format.view(self.data)
        return np.frombuffer(self.data, np.uint8)

    def __repr__(self) -> str:
        state = " released" if self.released else ""
        return f"<Response to {self.sequence}: {self.size} bytes, type {self.type}{state}>"


class Request(_core.Request):
    """A request that a server (or a client that its server calls) has taken, and the way to answer it.

    Exactly one answer is given: by respond(), write(), write_array() or fail(); or else, at the end of a `with` block or of
    the object, in place the bytes as they lie then, otherwise an error. As a buffer it is read-only; in place `bytes` and
    as_array() are writable until the answer.

    **Views that are kept.** With the answer, the memoryviews and arrays that this object handed out lose the right to write.
    What was made of them before (slices, reshaped arrays, `memoryview(array)`) cannot be found and keeps it: what is written
    there later changes what the client reads, and must not be. No view faults, also after the server was closed, but what
    it shows after the answer is the client's to change.

    One thread at a time uses one request; any thread may.

    Example:
        >>> for request in server:
        ...     request.write(bytes(request).upper())
    """

    __slots__ = ()

    def as_array(self) -> npt.NDArray[Any]:
        """The request as a numpy array in shared memory: a view, never a copy.

        Returns:
            What the descriptor of an array request (type 2) says, else uint8 in one dimension. In place it is writable
            until the answer, which is what lies there then; otherwise it is read-only.

        Raises:
            ReleasedError, HandleClosedError: it was answered. CorruptError: the descriptor contradicts the request.
        """
        view = self.bytes if self.in_place else self.data
        if self.type == ARRAY_FRAME_TYPE:
            array = ArrayDescriptor.from_frame(self.data).format.view(view)
        else:
            array = np.frombuffer(view, np.uint8)
        if self.in_place:
            self._lend(array)
        return array

    def claim_array(
        self,
        shape: Tuple[int, ...],
        dtype: npt.DTypeLike = "uint8",
        *,
        order: Order = "C",
        timestamp_ns: Optional[int] = None,
    ) -> npt.NDArray[Any]:
        """Room for an answer that is an array, to be filled in place; then respond().

        Args:
            shape, dtype, order: see Writer.claim_array().
            timestamp_ns: when it was captured, by whatever clock the application uses.

        Returns:
            A writable array until the answer, its content undefined (in place: it begins with the request's bytes).

        Raises:
            As write(), which waits likewise.
        """
        return self._claim_format(ArrayDescriptor(ArrayFormat.of(shape, dtype, order), timestamp_ns))

    def write_array(self, array: npt.ArrayLike, *, timestamp_ns: Optional[int] = None) -> None:
        """Answers with a copy of an array, which the client gets by Response.as_array().

        Args:
            array: anything numpy takes for one, with any strides; it may be a view of the request.
            timestamp_ns: see claim_array().

        Raises:
            As write(), which waits likewise.
        """
        source = np.asarray(array)
        if self.in_place and not self.answered and np.may_share_memory(source, np.frombuffer(self.data, np.uint8)):
            source = source.copy(order="K")
        order: Order = "F" if source.flags.f_contiguous and not source.flags.c_contiguous else "C"
        array_format = ArrayFormat.of(source.shape, source.dtype, order)
        np.copyto(self._claim_format(ArrayDescriptor(array_format, timestamp_ns, time.monotonic_ns())), source)
        self.respond()

    def _claim_format(self, descriptor: ArrayDescriptor) -> npt.NDArray[Any]:
        room = self.claim(ArrayDescriptor.frame_size(descriptor.format), type=ARRAY_FRAME_TYPE)
        end = descriptor.to_bytes()
        room[-len(end) :] = end
        array = descriptor.format.view(room)
        self._lend(array)
        return array

    def lies_in(self, array: npt.NDArray[Any]) -> bool:
        """Whether this array is the whole request where it lies, so that answering with it needs no copy."""
        if not self.in_place or self.answered or not (array.flags.c_contiguous or array.flags.f_contiguous):
            return False
        own = np.frombuffer(self.data, np.uint8)
        if array.__array_interface__["data"][0] != own.__array_interface__["data"][0]:
            return False
        if self.type != ARRAY_FRAME_TYPE:
            return array.nbytes == self.size
        said = ArrayDescriptor.from_frame(self.data).format
        return (array.shape, array.dtype.str) == (said.shape, said.dtype)

    def __repr__(self) -> str:
        state = " answered" if self.answered else ""
        return f"<Request {self.sequence}: {self.size} bytes, type {self.type}, tag {self.tag}{state}>"


def array_request(array: npt.ArrayLike, timestamp_ns: Optional[int]) -> Tuple[npt.NDArray[Any], ArrayDescriptor]:
    """The array to copy and the descriptor that goes with it.

    Raises:
        InvalidArgumentError: no request can carry its dtype.
    """
    source = np.asarray(array)
    if source.dtype.hasobject:
        raise InvalidArgumentError(f"an array of {source.dtype} cannot be sent")
    order: Order = "F" if source.flags.f_contiguous and not source.flags.c_contiguous else "C"
    return source, ArrayDescriptor(ArrayFormat.of(source.shape, source.dtype, order), timestamp_ns, time.monotonic_ns())


_core.use_response_type(Response)
_core.use_request_type(Request)
