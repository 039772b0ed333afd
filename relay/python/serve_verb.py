"""The verb `serve`: requests are transformed where they lie, or into an answer built in the channel."""

from __future__ import annotations

import argparse
import threading
import time
from typing import Any, Optional

import numpy as np

import stop
import transform
import zerobuffer
from outcome import ExitCode, Outcome
from session import Session, errors_of, seconds, timed_out

_SLICE = 0.1  # seconds after which a thread looks whether another has found the end


class Serve:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._session = Session("serve", options)
        self._server: Optional[zerobuffer.DuplexServer] = None
        self._lock = threading.Lock()  # totals, and how it ended
        self._over = False
        self._ended: Optional[Outcome] = None
        self._stats: Optional[zerobuffer.DuplexStats] = None

    def run(self) -> int:
        return self._session.run(self._serve, self._finish, self._report)

    def _serve(self) -> None:
        options, session = self._options, self._session
        kind = zerobuffer.MutableDuplexServer if options.in_place else zerobuffer.ImmutableDuplexServer
        sizes = {"request_size": options.request_size}
        if not options.in_place:
            sizes["response_size"] = options.response_size
        with errors_of(options.name):
            server = self._server = kind(options.name, lanes=options.lanes, exist_ok=options.exist_ok, **sizes)
        session.watch(server, options.name, made=True)
        threads = [threading.Thread(target=self._answer_all, args=(server,)) for _ in range(options.threads - 1)]
        for thread in threads:
            thread.start()
        self._answer_all(server)
        for thread in threads:
            thread.join()
        if self._ended is not None:
            raise self._ended

    def _answer_all(self, server: zerobuffer.DuplexServer) -> None:
        """Each thread: until one of them has found an end."""
        try:
            while not self._over and not stop.requested():
                with errors_of(self._options.name):
                    request = self._next(server)
                if request is None:
                    return
                with request:
                    self._answer(server, request)
                del request
        except Outcome as early:
            with self._lock:
                self._ended = self._ended or early
                self._over = True

    def _next(self, server: zerobuffer.DuplexServer) -> Optional[zerobuffer.Request]:
        """None where another thread has found the end, or a signal came."""
        timeout = seconds(self._options.timeout_ms)
        end = None if timeout is None else time.monotonic() + timeout
        while not self._over and not stop.requested():
            left = _SLICE if end is None else max(end - time.monotonic(), 0.0)
            request = server.take(min(left, _SLICE))
            if request is not None:
                return request
            if end is not None and left <= _SLICE:
                raise timed_out(self._options.name)
        return None

    def _answer(self, server: zerobuffer.DuplexServer, request: zerobuffer.Request) -> None:
        options, session = self._options, self._session
        sequence, type_, tag, size = request.sequence, request.type, request.tag, request.size
        with self._lock:
            session.note_frame(sequence, type_, tag, size)
        if options.delay_us:
            stop.sleep_us(options.delay_us)
        with errors_of(options.name):
            if options.call_back:
                self._call_back(server, request)
            if type_ in options.fail_type:
                request.fail(f"type {type_} is refused")
            elif not self._transform(request):
                return
        with self._lock:
            session.count(sequence, size, time.monotonic_ns())
            self._over = self._over or session.reached()

    def _transform(self, request: zerobuffer.Request) -> bool:
        """False where the client is gone: nobody will read the answer."""
        options = self._options
        try:
            room = np.frombuffer(request.claim(request.size, type=request.type), np.uint8)
        except zerobuffer.PeerClosedError:
            return False
        if request.in_place:
            transform.apply_in_place(options.transform, options.xor_key, room)
        else:
            transform.apply(options.transform, options.xor_key, np.frombuffer(request.data, np.uint8), room)
        request.respond()
        return True

    def _call_back(self, server: zerobuffer.DuplexServer, request: zerobuffer.Request) -> None:
        digits = str(request.tag).encode()
        try:
            with server.call_client(request.client, digits, timeout=seconds(self._options.timeout_ms)) as answer:
                right = bytes(answer.data) == digits[::-1]
        except (zerobuffer.BufferNotFoundError, zerobuffer.PeerClosedError, zerobuffer.PeerDeadError):
            return  # the client is gone
        if not right:
            what = f"the client answered the call for tag {request.tag} wrongly"
            raise Outcome(ExitCode.VERIFICATION_FAILED, f"{self._options.name}: {what}")

    def _finish(self) -> None:
        if self._server is not None:
            self._stats = self._server.stats()
            self._server.close()

    def _report(self) -> dict[str, Any]:
        stats = self._stats
        return {
            "in_place": self._options.in_place,
            "copied_bytes": stats.copied_bytes if stats else 0,
            "errors": stats.errors if stats else 0,
            "callbacks": stats.callbacks if stats else 0,
        }
