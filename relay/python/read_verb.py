"""The verb `read`: frames are compared, digested, written to a file, held for a while, and given back."""

from __future__ import annotations

import argparse
import time
import zlib
from collections import deque
from typing import Any, Optional

import numpy as np

import stop
import zerobuffer
from digests import Digests
from files import File
from latency_histogram import LatencyHistogram
from outcome import ExitCode, Outcome
from pattern import Pattern
from session import Session, describe, errors_of, metadata_fields, seconds, timed_out

_LONGEST_HOLD = 0.5  # seconds without a frame after which nothing is held any more
_Kind = tuple[str, tuple[int, ...], str]  # dtype, shape, order


class Read:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._session = Session("read", options)
        self._pattern = None if options.verify is None else Pattern(options.verify, options.seed)
        self._output: Optional[File] = None
        self._digests: Optional[Digests] = None
        self._reader: Optional[zerobuffer.Reader] = None
        self._held: deque[tuple[zerobuffer.Frame, int]] = deque()
        self._metadata: Optional[bytes] = None
        self._since_send = LatencyHistogram()
        self._arrays: dict[_Kind, int] = {}

    def run(self) -> int:
        to_standard_error = self._options.output == "-"
        return self._session.run(self._read_all, self._finish, self._report, json_to_standard_error=to_standard_error)

    def _read_all(self) -> None:
        options, session = self._options, self._session
        if options.output is not None:
            self._output = File(options.output, write=True)
        self._digests = Digests(options.digests, options.checksum)
        timeout = seconds(options.timeout_ms)
        max_held = max(256, options.hold + 1)
        reader = self._reader = session.attach(
            zerobuffer.Reader, options.name, options.create, join=options.join, max_held=max_held
        )
        while not session.reached() and not stop.requested():
            closed = False
            frame: Optional[zerobuffer.Frame] = None
            with errors_of(options.name):
                try:
                    frame = self._next(reader, timeout)
                except zerobuffer.PeerClosedError:
                    closed = True
                except zerobuffer.FrameLostError:
                    session.pass_over()
                    continue
                now = time.monotonic_ns()
                if session.frames == 0 and (closed or frame is not None):
                    self._check_metadata(reader)
            if closed:
                if options.frames == 0:
                    break
                raise Outcome(ExitCode.CLOSED_EARLY, f"{options.name}: the source closed early")
            if frame is None:
                raise timed_out(options.name)
            self._look_at(frame, now)
            del frame  # what is held, the list holds
        while self._held:
            self._give_back()

    def _next(self, reader: zerobuffer.Reader, timeout: Optional[float]) -> Optional[zerobuffer.Frame]:
        """The next frame. While nothing comes, a writer may be waiting for what is held: it is given back."""
        if not self._held or (timeout is not None and timeout <= _LONGEST_HOLD):
            return reader.read(timeout)
        frame = reader.read(_LONGEST_HOLD)
        if frame is not None:
            return frame
        while self._held:
            self._give_back()
        return reader.read(None if timeout is None else timeout - _LONGEST_HOLD)

    def _check_metadata(self, reader: zerobuffer.Reader) -> None:
        self._metadata = reader.peek_metadata()
        expected = self._options.expect_metadata
        if expected is None or self._metadata == expected.encode("utf-8", "surrogateescape"):
            return
        if self._metadata is None:
            what = "that is expected is not there"
        else:
            what = f"({len(self._metadata)} bytes) is not the expected one"
        raise Outcome(ExitCode.VERIFICATION_FAILED, f"{self._options.name}: the metadata {what}")

    def _look_at(self, frame: zerobuffer.Frame, now: int) -> None:
        options, session = self._options, self._session
        sequence, type_, tag, size = frame.info
        session.check_order(sequence)
        content, descriptor = describe(frame)
        session.count(sequence, size, now)
        if descriptor is not None and descriptor.send_time_ns is not None:
            self._since_send.add(max(now - descriptor.send_time_ns, 0))
        if self._pattern is not None:
            self._verify(self._pattern, frame, content, descriptor is not None)
        assert self._digests is not None
        self._digests.add(sequence, type_, tag, content)
        if self._output is not None:
            self._output.write(content)
        if options.array:
            self._count_array(frame, descriptor)
        content.release()
        self._held.append((frame, zlib.crc32(frame.data) if options.hold else 0))
        session.note_frame(sequence, type_, tag, size)
        del frame
        while len(self._held) > options.hold:
            self._give_back()

    def _verify(self, pattern: Pattern, frame: zerobuffer.Frame, content: memoryview, described: bool) -> None:
        options = self._options
        s = frame.tag if options.verify_by == "tag" else frame.sequence
        if options.size is not None and not described:
            expected_size = options.size[(s - 1) % len(options.size)]
            if len(content) != expected_size:
                raise self._failed(frame, f"has {len(content)} bytes, expected {expected_size}")
        wrong = pattern.compare(np.frombuffer(content, np.uint8), s)
        if wrong is not None:
            offset, expected, found = wrong
            raise self._failed(frame, f"byte {offset} is {found}, expected {expected}")

    def _give_back(self) -> None:
        if self._options.delay_us:
            stop.sleep_us(self._options.delay_us)
        frame, crc = self._held.popleft()
        with frame:
            if self._options.hold and zlib.crc32(frame.data) != crc:
                raise self._failed(frame, "changed while it was held")

    def _failed(self, frame: zerobuffer.Frame, what: str) -> Outcome:
        return Outcome(ExitCode.VERIFICATION_FAILED, f"{self._options.name}: frame {frame.sequence} {what}")

    def _count_array(self, frame: zerobuffer.Frame, descriptor: Optional[zerobuffer.ArrayDescriptor]) -> None:
        """What the package sees in the frame; its order where dimensions of one leave numpy no trace of it."""
        assert self._reader is not None
        with errors_of(self._options.name):
            known = self._reader.known_format() if frame.type == 0 else None
            array_format = descriptor.format if descriptor is not None else known
            if isinstance(array_format, zerobuffer.ArrayFormat):
                array = frame.as_array()
                kind: _Kind = (array.dtype.str, array.shape, array_format.order)
            else:
                kind = ("|u1", (frame.size,), "C")
        self._arrays[kind] = self._arrays.get(kind, 0) + 1

    def _finish(self) -> None:
        self._held.clear()
        if self._reader is not None:
            self._session.lost += self._reader.stats().lost  # what only the reader knows
            self._reader.close()
        if self._digests is not None:
            self._digests.close()

    def _report(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "lost": self._session.lost,
            **metadata_fields(self._metadata),
            "since_send_us": self._since_send.to_json(),
        }
        if self._options.checksum and self._digests is not None:
            fields["checksum"] = self._digests.checksum()
        if self._options.array:
            fields["arrays"] = [
                {"dtype": dtype, "shape": list(shape), "order": order, "frames": frames}
                for (dtype, shape, order), frames in self._arrays.items()
            ]
        return fields
