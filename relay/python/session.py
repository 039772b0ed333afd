"""What the verbs share while they run: attaching, looking at frames, counting, progress, and the report at the end.
Must not know what a verb does with a frame."""

from __future__ import annotations

import argparse
import json
import sys
import time
import zlib
from contextlib import contextmanager
from typing import Any, Callable, Iterator, Optional, Protocol, TypeVar

import stop
import zerobuffer
from digests import to_hex
from outcome import ExitCode, Outcome

End = TypeVar("End", zerobuffer.Reader, zerobuffer.Writer)
Opened = TypeVar("Opened", zerobuffer.Reader, zerobuffer.Writer, zerobuffer.DuplexClient)
ARRAY_FRAME_TYPE = 2


def seconds(milliseconds: int) -> Optional[float]:
    """A timeout as the package takes it: None is for ever."""
    return None if milliseconds < 0 else milliseconds / 1000


@contextmanager
def errors_of(buffer: str, side: Optional[str] = None, closed: ExitCode = ExitCode.UNREAD) -> Iterator[None]:
    """Turns the package's errors into Outcomes that name the buffer. `closed` is what the other side's closing means."""
    try:
        yield
    except zerobuffer.PeerClosedError as error:
        raise Outcome(closed, f"{buffer}: {error}", side) from None
    except zerobuffer.FrameLostError:
        raise  # the only one after which reading goes on
    except zerobuffer.ZeroBufferError as error:
        raise Outcome.of(error, buffer, side) from None


def timed_out(buffer: str, side: Optional[str] = None) -> Outcome:
    return Outcome(ExitCode.TIMEOUT, f"{buffer}: nothing came in time", side)


def describe(frame: zerobuffer.Frame) -> tuple[memoryview, Optional[zerobuffer.ArrayDescriptor]]:
    """A frame's content, and its descriptor where it has one. Raises Outcome (corrupt) for a wrong one."""
    if frame.type != ARRAY_FRAME_TYPE:
        return frame.data, None
    try:
        descriptor = zerobuffer.ArrayDescriptor.from_frame(frame.data)
    except zerobuffer.CorruptError as error:
        raise Outcome(ExitCode.CORRUPT, f"frame {frame.sequence}: {error}") from None
    return frame.data[: descriptor.format.nbytes], descriptor


def metadata_fields(metadata: Optional[bytes]) -> dict[str, Any]:
    """Length and CRC of the metadata that passed, for the report."""
    return {
        "metadata_size": None if metadata is None else len(metadata),
        "metadata_crc": None if metadata is None else to_hex(zlib.crc32(metadata)),
    }


class Interruptible(Protocol):
    def interrupt(self) -> None: ...


class Session:
    def __init__(self, program: str, options: argparse.Namespace) -> None:
        self._program = program
        self._options = options
        self.frames = self.bytes = self.lost = 0
        self.remark = ""  # the message of a good end
        self._passed_over = 0  # since the last frame
        self._first = self._last = (0, 0, 0)  # sequence, bytes, nanoseconds
        self._logged = (time.monotonic_ns(), 0, 0)

    def attach(self, kind: type[End], name: str, create: bool, side: Optional[str] = None, **config: Any) -> End:
        """Makes the buffer, or opens it as soon as it appears."""
        options = self._options
        with errors_of(name, side):
            if create:
                end = kind(
                    name,
                    payload_size=options.buffer_size,
                    metadata_size=options.metadata_size,
                    max_readers=options.max_readers,
                    share_slots=options.share_slots,
                    **config,
                )
            else:
                end = self._open(kind, name, **config)
        self.watch(end, name, made=create)
        return end

    def attach_client(self, name: str) -> zerobuffer.DuplexClient:
        """Opens the channel as soon as it appears."""
        with errors_of(name):
            client = self._open(zerobuffer.DuplexClient, name)
        self.watch(client, name, made=False)
        return client

    def watch(self, end: Interruptible, name: str, *, made: bool) -> None:
        """Signals end the waits of this reader, writer, client or server from now on."""
        stop.interrupt_with(end.interrupt)
        if self._options.verbose:
            self._say(f"{'made' if made else 'opened'} {name}")

    def _open(self, kind: type[Opened], name: str, **config: Any) -> Opened:
        whole = seconds(self._options.timeout_ms)
        end = None if whole is None else time.monotonic() + whole
        while True:
            left = 0.1 if end is None else max(end - time.monotonic(), 0)
            try:
                return kind.open(name, timeout=min(left, 0.1), **config)
            except zerobuffer.BufferNotFoundError:
                if stop.requested():
                    raise Outcome(ExitCode(stop.exit_code())) from None
                if end is not None and left <= 0.1:
                    raise

    def reached(self) -> bool:
        """Whether as many frames have passed as were asked for."""
        return bool(self._options.frames) and self.frames >= int(self._options.frames)

    def check_order(self, sequence: int) -> None:
        """Counts the frames missing before this one. Raises Outcome (corrupt) where the sequence does not rise."""
        last = self._last[0] + self._passed_over
        if self.frames == 0 or sequence == last + 1:
            return
        if sequence <= last:
            raise Outcome(ExitCode.CORRUPT, f"frame {sequence} came after frame {last}")
        self.lost += sequence - last - 1

    def pass_over(self) -> None:
        """The next frame was lost and is counted by the reader."""
        self._passed_over += 1

    def count(self, sequence: int, size: int, now_ns: int) -> None:
        self._passed_over = 0
        self._last = (sequence, size, now_ns)
        if self.frames == 0:
            self._first = self._last
        self.frames += 1
        self.bytes += size

    def note_frame(self, sequence: int, type: int, tag: int, size: int) -> None:
        """A line of progress where one is due; with --verbose also the frame."""
        if self._options.verbose:
            self._say(f"frame {sequence} type {type} tag {tag} size {size}")
        if self._options.log_interval:
            self.log()

    def log(self) -> None:
        now = time.monotonic_ns()
        before, frames, bytes_ = self._logged
        if now - before < self._options.log_interval * 1_000_000:
            return
        passed = (now - before) * 1e-9
        rate, throughput = (self.frames - frames) / passed, (self.bytes - bytes_) / passed * 1e-6
        self._say(f"{self.frames} frames, {rate:.1f} frames/s, {throughput:.1f} MB/s")
        self._logged = (now, self.frames, self.bytes)

    def run(
        self,
        work: Callable[[], None],
        finish: Callable[[], None],
        report: Callable[[], dict[str, Any]],
        *,
        json_to_standard_error: bool = False,
    ) -> int:
        """Runs `work`, which raises Outcome where it ends early; closes with `finish`; prints the report; the exit code."""
        ended = self._guarded(work)
        if ended is None and stop.requested():
            ended = Outcome(ExitCode(stop.exit_code()))
        failed_to_finish = self._guarded(finish)
        ended = ended or failed_to_finish
        if ended is None and stop.requested():  # while it lingered
            ended = Outcome(ExitCode(stop.exit_code()))
        if ended is None and self.lost:
            ended = Outcome(ExitCode.LOST_FRAMES, f"{self.lost} frames were lost")
        ended = ended or Outcome(ExitCode.OK, self.remark)
        self._print(ended, report(), json_to_standard_error)
        return int(ended.code)

    def _guarded(self, step: Callable[[], None]) -> Optional[Outcome]:
        try:
            step()
        except Outcome as early:
            return early
        except zerobuffer.ZeroBufferError as error:  # of no buffer in particular
            return Outcome.of(error, self._program)
        return None

    def _print(self, ended: Outcome, report: dict[str, Any], json_to_standard_error: bool) -> None:
        passed = (self._last[2] - self._first[2]) * 1e-9
        timed = self.frames > 1 and passed > 0
        if ended.message:
            self._say(ended.message)
        if not self._options.json:
            self._say(f"{ended.code.name.lower()}, {self.frames} frames, {self.bytes} bytes in {passed:.3f} s")
            return
        fields = {
            "program": self._program,
            "language": "python",
            "status": ended.code.name.lower(),
            "exit_code": int(ended.code),
            "message": ended.message,
            **({"side": ended.side} if self._program == "relay" else {}),
            "frames": self.frames,
            "bytes": self.bytes,
            "seconds": passed,
            "frames_per_second": (self.frames - 1) / passed if timed else 0.0,
            "bytes_per_second": (self.bytes - self._first[1]) / passed if timed else 0.0,
            "first_sequence": self._first[0],
            "last_sequence": self._last[0],
            **report,
        }
        print(json.dumps(fields), file=sys.stderr if json_to_standard_error else sys.stdout, flush=True)

    def _say(self, text: str) -> None:
        print(f"{self._program}: {text}", file=sys.stderr, flush=True)
