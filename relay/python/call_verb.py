"""The verb `call`: requests from a pattern, whose answers are compared with what the server is expected to do."""

from __future__ import annotations

import argparse
import threading
import time
from collections import deque
from contextlib import AbstractContextManager, suppress
from typing import Any, NamedTuple, Optional

import numpy as np

import stop
import transform
import zerobuffer
from latency_histogram import LatencyHistogram
from outcome import ExitCode, Outcome
from pattern import Bytes, Pattern
from session import Session, errors_of, seconds, timed_out

_ERROR_TYPE = 127


class _Sent(NamedTuple):
    """One request that is on its way."""

    number: int
    built_at: Optional[int]  # where in the channel
    at: int  # nanoseconds


class Call:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._session = Session("call", options)
        self._timeout = seconds(options.timeout_ms)
        self._client: Optional[zerobuffer.DuplexClient] = None
        self._lock = threading.Lock()  # totals, and how it ended
        self._next = 1
        self._over = False
        self._ended: Optional[Outcome] = None
        self._latency = LatencyHistogram()
        self._same_address = 0
        self._stats: Optional[zerobuffer.DuplexStats] = None
        self._in_place = False

    def run(self) -> int:
        return self._session.run(self._call_all, self._finish, self._report)

    def _call_all(self) -> None:
        options = self._options
        client = self._client = self._session.attach_client(options.name)
        if options.answer_callbacks:
            client.start(lambda request: bytes(request.data)[::-1])
        if options.in_flight > 1:
            with self._errors():
                self._call_pipelined(client)
            return
        threads = [threading.Thread(target=self._call_one_by_one, args=(client,)) for _ in range(options.threads - 1)]
        for thread in threads:
            thread.start()
        self._call_one_by_one(client)
        for thread in threads:
            thread.join()
        if self._ended is not None:
            raise self._ended

    def _call_one_by_one(self, client: zerobuffer.DuplexClient) -> None:
        """Each thread: until one of them has found an end, or all calls are made."""
        pattern = Pattern(self._options.pattern, self._options.seed)
        try:
            while not self._over and not stop.requested():
                with self._lock:
                    number = self._next
                    self._next += 1
                if number > self._options.frames:
                    return
                with self._errors():
                    self._call_one(client, pattern, number)
        except Outcome as early:
            with self._lock:
                self._ended = self._ended or early
                self._over = True
            client.interrupt()  # a wait that another thread has begun since the signal

    def _call_one(self, client: zerobuffer.DuplexClient, pattern: Pattern, number: int) -> None:
        request = self._request(pattern, number)
        sent = _Sent(number, None, time.monotonic_ns())
        try:
            if self._options.claim:
                claim = client.claim_request(request.size, timeout=self._timeout)
                sent = sent._replace(built_at=self._fill(claim, request))
                response = claim.call(timeout=self._timeout, type=self._options.type, tag=number)
            else:
                response = client.call(request, timeout=self._timeout, type=self._options.type, tag=number)
        except (zerobuffer.RemoteError, zerobuffer.PeerDeadError) as error:
            self._note_error(sent, error)
            return
        self._look_at(sent, response, request)

    def _call_pipelined(self, client: zerobuffer.DuplexClient) -> None:
        options = self._options
        pattern = Pattern(options.pattern, options.seed)
        on_the_way: deque[_Sent] = deque()
        number = 1
        while (number <= options.frames or on_the_way) and not stop.requested():
            if number <= options.frames and len(on_the_way) < options.in_flight:
                on_the_way.append(self._send(client, self._request(pattern, number), number))
                number += 1
                continue
            sent = on_the_way.popleft()
            try:
                response = client.receive(self._timeout)
            except zerobuffer.RemoteError as error:
                self._note_error(sent, error)
                continue
            if response is None:
                raise timed_out(options.name)
            self._look_at(sent, response, self._request(pattern, sent.number))
            del response

    def _send(self, client: zerobuffer.DuplexClient, request: Bytes, number: int) -> _Sent:
        sent = _Sent(number, None, time.monotonic_ns())
        if self._options.claim:
            claim = client.claim_send(request.size, timeout=self._timeout)
            sent = sent._replace(built_at=self._fill(claim, request))
            claim.send(type=self._options.type, tag=number)
        else:
            client.send(request, timeout=self._timeout, type=self._options.type, tag=number)
        return sent

    def _request(self, pattern: Pattern, number: int) -> Bytes:
        request = np.empty(self._options.size[(number - 1) % len(self._options.size)], np.uint8)
        pattern.fill(request, number)
        return request

    @staticmethod
    def _fill(claim: zerobuffer.RequestClaim, request: Bytes) -> int:
        """Builds the request in the channel; where that is."""
        room = np.frombuffer(claim.data, np.uint8)
        room[:] = request
        return _address(room)

    def _note_error(self, sent: _Sent, error: zerobuffer.RemoteError | zerobuffer.PeerDeadError) -> None:
        if not self._options.allow_errors and isinstance(error, zerobuffer.RemoteError):
            raise Outcome(ExitCode.REMOTE_ERROR, str(error))
        if not self._options.allow_errors:
            raise error
        self._count(sent, _ERROR_TYPE, 0)

    def _look_at(self, sent: _Sent, response: zerobuffer.Response, request: Bytes) -> None:
        now = time.monotonic_ns()
        with response:
            answer = np.frombuffer(response.data, np.uint8)
            self._compare(sent.number, response.type, answer, request)
            if self._options.delay_us:
                stop.sleep_us(self._options.delay_us)
            same = answer.size != 0 and _address(answer) == sent.built_at
            type_, size = response.type, answer.size
            del answer
        self._count(sent, type_, size, now, same)

    def _count(self, sent: _Sent, type_: int, size: int, now: Optional[int] = None, same_address: bool = False) -> None:
        now = time.monotonic_ns() if now is None else now
        with self._lock:
            self._latency.add(now - sent.at)
            self._same_address += same_address
            self._session.count(sent.number, size, now)
            self._session.note_frame(sent.number, type_, sent.number, size)

    def _compare(self, number: int, type_: int, answer: Bytes, request: Bytes) -> None:
        options = self._options
        what = ""
        if type_ != options.type:
            what = f"has type {type_}, expected {options.type}"
        elif answer.size != request.size:
            what = f"has {answer.size} bytes, expected {request.size}"
        else:
            expected = np.empty_like(request)
            transform.apply(options.transform, options.xor_key, request, expected)
            wrong = np.flatnonzero(answer != expected)
            if wrong.size:
                at = int(wrong[0])
                what = f"has byte {at} as {answer[at]}, expected {expected[at]}"
        if what:
            raise Outcome(ExitCode.VERIFICATION_FAILED, f"{options.name}: the answer to call {number} {what}")

    def _errors(self) -> AbstractContextManager[None]:
        return errors_of(self._options.name, closed=ExitCode.CLOSED_EARLY)

    def _finish(self) -> None:
        if self._client is None:
            return
        with suppress(zerobuffer.ZeroBufferError):  # what ended a thread of it has ended the calls too
            self._client.stop()
        self._stats = self._client.stats()
        self._in_place = self._client.info.in_place
        self._client.close()

    def _report(self) -> dict[str, Any]:
        stats = self._stats
        fields: dict[str, Any] = {
            "in_place": self._in_place,
            "copied_bytes": stats.copied_bytes if stats else 0,
            "errors": stats.errors if stats else 0,
            "callbacks": stats.callbacks if stats else 0,
        }
        if self._options.claim:
            fields["same_address"] = self._same_address
        fields["call_latency_us"] = self._latency.to_json()
        return fields


def _address(array: Bytes) -> int:
    return int(array.__array_interface__["data"][0])
