"""The verb `relay`: frames of one buffer into another, transformed in the one pass that copies them, or shared."""

from __future__ import annotations

import argparse
import time
from typing import Any, Optional

import numpy as np

import stop
import transform
import zerobuffer
from ending import Ending
from latency_histogram import LatencyHistogram
from outcome import ExitCode, Outcome
from session import Session, describe, errors_of, metadata_fields, seconds, timed_out

_METADATA_SLICE = 0.02  # seconds between looks at the metadata before the first frame


class Relay:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._session = Session("relay", options)
        self._reader: Optional[zerobuffer.Reader] = None
        self._writer: Optional[zerobuffer.Writer] = None
        self._shared: Optional[zerobuffer.SharedWriter] = None
        self._shared_stats: Optional[zerobuffer.SharedWriterStats] = None
        self._metadata: Optional[bytes] = None
        self._latency = LatencyHistogram()
        self._since_send = LatencyHistogram()
        self._ending = Ending()

    def run(self) -> int:
        return self._session.run(self._pass_on, self._finish, self._report)

    def _pass_on(self) -> None:
        options, session = self._options, self._session
        timeout = seconds(options.timeout_ms)
        writer = self._writer = session.attach(zerobuffer.Writer, options.output, options.create_output, "output")
        reader = self._reader = session.attach(zerobuffer.Reader, options.input, False, "input")
        if options.wait_readers:
            with errors_of(options.output, "output"):
                if not writer.wait_for_readers(options.wait_readers, timeout=timeout):
                    raise timed_out(options.output, "output")
        if options.share:
            with errors_of(options.output, "output"):
                self._shared = zerobuffer.SharedWriter(writer, reader)
        while not session.reached() and not stop.requested():
            try:
                with errors_of(options.input, "input"):
                    frame = self._next(reader, writer, timeout)
            except zerobuffer.FrameLostError:
                session.pass_over()
                continue
            except EOFError:
                if options.frames:
                    raise Outcome(ExitCode.CLOSED_EARLY, f"{options.input}: the source closed early", "input") from None
                return
            with frame:
                self._pass(frame, writer, timeout)

    def _next(self, reader: zerobuffer.Reader, writer: zerobuffer.Writer, timeout: Optional[float]) -> zerobuffer.Frame:
        """The next frame; EOFError where the source has closed. Until the first one has come, the metadata is looked for between
        short waits."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            before_first = self._session.frames == 0 and self._metadata is None
            left = None if end is None else max(end - time.monotonic(), 0.0)
            if before_first:
                wait: Optional[float] = _METADATA_SLICE if left is None else min(left, _METADATA_SLICE)
            else:
                wait = left
            closed = False
            frame = None
            try:
                frame = reader.read(wait)
            except zerobuffer.PeerClosedError:
                closed = True
            if before_first:
                self._pass_metadata(reader, writer)
            if closed:
                raise EOFError
            if frame is not None:
                return frame
            if left is not None and (wait is None or left <= wait):
                raise timed_out(self._options.input, "input")

    def _pass_metadata(self, reader: zerobuffer.Reader, writer: zerobuffer.Writer) -> None:
        metadata = reader.peek_metadata()
        if metadata is None:
            return
        self._metadata = metadata
        with errors_of(self._options.output, "output"):
            writer.write_metadata(metadata)

    def _pass(self, frame: zerobuffer.Frame, writer: zerobuffer.Writer, timeout: Optional[float]) -> None:
        options, session = self._options, self._session
        received = time.monotonic_ns()
        sequence, type_, tag, size = frame.info
        session.check_order(sequence)
        content, descriptor = describe(frame)
        if descriptor is not None and descriptor.send_time_ns is not None:
            self._since_send.add(max(received - descriptor.send_time_ns, 0))
        length = len(content)
        content.release()
        with errors_of(options.output, "output"):
            if self._shared is not None:
                self._shared.forward(frame, timeout=timeout)
            else:
                slot = writer.claim(size, timeout=timeout, type=type_, tag=tag)
                source = np.frombuffer(frame.data, np.uint8)
                target = np.frombuffer(slot.data, np.uint8)
                transform.apply(options.transform, options.xor_key, source[:length], target[:length])
                target[length:] = source[length:]
                slot.commit()
        published = time.monotonic_ns()
        self._latency.add(published - received)
        session.count(sequence, size, published)
        session.note_frame(sequence, type_, tag, size)

    def _finish(self) -> None:
        reader = self._reader
        if reader is not None:
            self._session.lost += reader.stats().lost  # what only the reader knows
            if self._shared is None:
                reader.close()  # shared frames stay in the source until the output's readers have passed them
        if self._writer is not None:
            self._ending.close(self._writer, self._options.output, self._options.linger_ms, "output", self._stop_sharing)

    def _stop_sharing(self) -> None:
        shared = self._shared
        if shared is None or self._reader is None:
            return
        stats = self._shared_stats = shared.stats()
        if stats.copied_frames:
            why = shared.why_not or "they lie in buffers that cannot be shared"
            self._session.remark = f"{stats.copied_frames} frames were copied: {why}"
        shared.close()
        self._reader.close()

    def _report(self) -> dict[str, Any]:
        stats = self._shared_stats
        counted = {"shared": stats.shared_frames if stats else 0, "copied": stats.copied_frames if stats else 0}
        return {
            "output_last_sequence": self._ending.last_sequence,
            "lost": self._session.lost,
            **metadata_fields(self._metadata),
            "relay_latency_us": self._latency.to_json(),
            "since_send_us": self._since_send.to_json(),
            **self._ending.fields(),
            **(counted if self._options.share else {}),
        }
