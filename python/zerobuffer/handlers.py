"""From a handler to an answer: which handler serves a request, what its return value means, what its error becomes.

Knows nothing of threads, event loops and channels.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, Mapping, Optional, TypeVar, Union

import numpy as np

from .errors import HandleClosedError, InvalidArgumentError, PeerClosedError
from .exchange import Request, Response
from .frame import Frame

if TYPE_CHECKING:
    import numpy.typing as npt

    from ._core import ReadableBuffer

#: What a handler may return: nothing (it has answered, or in place the request as it lies is the answer), bytes, an array.
Answer = Optional[Union["ReadableBuffer", "npt.NDArray[Any]"]]
Handler = Callable[[Request], Answer]
AsyncHandler = Callable[[Request], Union[Answer, Awaitable[Answer]]]

_HandlerT = TypeVar("_HandlerT", bound=AsyncHandler)


class Handlers:
    """Handlers by type of request."""

    def __init__(self) -> None:
        self._by_type: Dict[int, AsyncHandler] = {}

    def on(self, type: int) -> Callable[[_HandlerT], _HandlerT]:
        """A decorator that names the handler of a type."""

        def name(handler: _HandlerT) -> _HandlerT:
            if not callable(handler):
                raise InvalidArgumentError(f"a handler is a function, not {handler!r}")
            self._by_type[type] = handler
            return handler

        return name

    def chosen(self, given: Union[None, AsyncHandler, Mapping[int, AsyncHandler]]) -> AsyncHandler:
        """The handler for every request: the one given, or one that asks the given (or else the named) ones by type.

        Raises:
            InvalidArgumentError: there is none.
        """
        if callable(given):
            return given
        by_type = self._by_type if given is None else dict(given)
        if not by_type or not all(callable(handler) for handler in by_type.values()):
            raise InvalidArgumentError("give a handler, a dict of handlers by type, or name some with the decorator first")

        def dispatch(request: Request) -> Union[Answer, Awaitable[Answer]]:
            handler = by_type.get(request.type)
            if handler is not None:
                return handler(request)
            request._fail_unknown_type()
            return None

        return dispatch


def give(request: Request, answer: Answer) -> None:
    """Answers with what a handler returned. What it returns after it has answered is ignored.

    Raises:
        TypeError: the value is no answer. As Request.write() otherwise.
    """
    if request.answered:
        return
    if answer is None:
        request.finish()
    elif isinstance(answer, (Response, Frame)):
        request.write(answer, type=answer.type)
    elif isinstance(answer, np.ndarray):
        if request.lies_in(answer):
            request.finish()
        else:
            request.write_array(answer)
    else:
        try:
            view = memoryview(answer)  # type: ignore[arg-type]
        except TypeError:
            raise TypeError(f"a handler answers with bytes, an array or nothing, not with {type(answer).__name__}") from None
        with view:
            request.write(view)


def error_text(error: BaseException, verbose: bool = False) -> str:
    """What the client is told: the type and the message; with `verbose` the whole traceback."""
    if verbose:
        return "".join(traceback.format_exception(type(error), error, error.__traceback__))
    message = str(error)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def fail(request: Request, error: BaseException, verbose: bool) -> None:
    """Answers with an error, unless it was answered before or nobody is there any more."""
    if not request.answered:
        try:
            request.fail(error_text(error, verbose))
        except HandleClosedError:
            pass  # the channel was closed meanwhile: its clients know


def handle(request: Request, handler: Handler, verbose: bool) -> None:
    """Runs a handler on a request and answers. Raises only what is no Exception (KeyboardInterrupt, SystemExit)."""
    try:
        give(request, handler(request))
    except PeerClosedError:
        pass  # the client has gone: nobody reads the answer
    except Exception as error:
        fail(request, error, verbose)
    except BaseException as error:
        fail(request, error, verbose)
        raise
