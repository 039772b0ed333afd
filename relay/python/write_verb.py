"""The verb `write`: frames from a pattern or a file, filled in place."""

from __future__ import annotations

import argparse
import time
from contextlib import nullcontext
from typing import Any, Optional, Union

import numpy as np
import numpy.typing as npt

import stop
import zerobuffer
from digests import Digests
from ending import Ending
from files import File
from outcome import ExitCode, Outcome
from pattern import Pattern
from session import ARRAY_FRAME_TYPE, Session, errors_of, metadata_fields, seconds, timed_out


class Write:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._session = Session("write", options)
        self._pattern = Pattern(options.pattern, options.seed)
        self._timeout = seconds(options.timeout_ms)
        self._input: Optional[File] = None
        self._digests: Optional[Digests] = None
        self._writer: Optional[zerobuffer.Writer] = None
        self._metadata: Optional[bytes] = None
        self._ending = Ending()

    def run(self) -> int:
        return self._session.run(self._write_all, self._finish, self._report)

    def _write_all(self) -> None:
        # What can be wrong with files is found before a place in the buffer is taken.
        options, session = self._options, self._session
        if options.input is not None:
            self._input = File(options.input, write=False)
        self._digests = Digests(options.digests, options.checksum)
        metadata = self._own_metadata()
        writer = self._writer = session.attach(zerobuffer.Writer, options.name, options.create)
        with errors_of(options.name):
            if metadata is not None:
                writer.write_metadata(metadata)
                self._metadata = metadata
            elif options.array:
                self._announce(writer, options.array[0])
            if options.wait_readers and not writer.wait_for_readers(options.wait_readers, timeout=self._timeout):
                raise timed_out(options.name)
            self._write_batches(writer)

    def _write_batches(self, writer: zerobuffer.Writer) -> None:
        options, session = self._options, self._session
        sequence = writer.stats().frames + 1
        more = True
        while more:
            batch: Union[zerobuffer.Batch, nullcontext[None]] = writer.batch() if options.batch > 1 else nullcontext()
            with batch:
                for _ in range(options.batch):
                    more = not session.reached() and self._write_one(writer, sequence)
                    if not more:
                        break
                    sequence += 1
            if more and options.delay_us:
                stop.sleep_us(options.delay_us)

    def _own_metadata(self) -> Optional[bytes]:
        options = self._options
        if options.metadata_file is None:
            return None if options.metadata is None else options.metadata.encode("utf-8", "surrogateescape")
        try:
            with open(options.metadata_file, "rb") as file:
                return file.read()
        except OSError as error:
            raise Outcome(ExitCode.FAILED, f"{options.metadata_file}: {error.strerror}") from None

    def _announce(self, writer: zerobuffer.Writer, array_format: zerobuffer.ArrayFormat) -> None:
        """Describes the stream's arrays in the metadata. Where that cannot be, every frame describes its own."""
        try:
            writer.write_metadata(array_format)
            self._metadata = array_format.to_metadata()
        except (zerobuffer.MetadataExistsError, zerobuffer.MetadataInUseError, zerobuffer.MetadataTooLargeError):
            pass

    def _write_one(self, writer: zerobuffer.Writer, sequence: int) -> bool:
        """False where there is nothing more to write."""
        if stop.requested() or (self._input is not None and not self._input.has_more()):
            return False
        options = self._options
        tag = sequence if options.tag is None else options.tag
        arrays = options.array
        if arrays:
            return self._write_array(writer, sequence, tag, arrays[(sequence - 1) % len(arrays)])
        return self._write_plain(writer, sequence, tag, options.size[(sequence - 1) % len(options.size)])

    def _write_plain(self, writer: zerobuffer.Writer, sequence: int, tag: int, size: int) -> bool:
        type_ = self._options.type
        slot = writer.claim(size, timeout=self._timeout, type=type_, tag=tag)
        if not self._fill(np.frombuffer(slot.data, np.uint8), sequence):
            slot.discard()
            return False
        self._digest(sequence, type_, tag, slot.data)
        slot.commit()
        self._count(sequence, type_, tag, size)
        return True

    def _write_array(
        self, writer: zerobuffer.Writer, sequence: int, tag: int, array_format: zerobuffer.ArrayFormat
    ) -> bool:
        claim = writer.claim_array(
            array_format.shape,
            array_format.dtype,
            order=array_format.order,
            timeout=self._timeout,
            timestamp_ns=self._options.timestamp,
            tag=tag,
        )
        try:
            with claim as array:
                flat = array.ravel(order="K").view(np.uint8)
                if not self._fill(flat, sequence):
                    raise EOFError
                described = self._is_described(array_format)
                type_ = ARRAY_FRAME_TYPE if described else 0
                self._digest(sequence, type_, tag, flat.data)
        except EOFError:
            return False
        size = zerobuffer.ArrayDescriptor.frame_size(array_format) if described else array_format.nbytes
        self._count(sequence, type_, tag, size)
        return True

    def _is_described(self, array_format: zerobuffer.ArrayFormat) -> bool:
        """Whether the package gave this array's frame a descriptor: the rule of docs/arrays.md."""
        return self._options.timestamp is not None or array_format.to_metadata() != self._metadata

    def _fill(self, room: npt.NDArray[np.uint8], sequence: int) -> bool:
        """Fills a frame's content. False where a signal ended that; Outcome where the input ended."""
        if self._input is None:
            self._pattern.fill(room, sequence)
            return True
        filled = self._input.read(room.data)
        if filled == room.size:
            return True
        if stop.requested():
            return False
        raise Outcome(
            ExitCode.SHORT_FRAME,
            f"{self._options.input}: ended after {filled} of the {room.size} bytes of a frame, which was not sent",
        )

    def _digest(self, sequence: int, type_: int, tag: int, content: memoryview) -> None:
        assert self._digests is not None
        self._digests.add(sequence, type_, tag, content)

    def _count(self, sequence: int, type_: int, tag: int, size: int) -> None:
        self._session.count(sequence, size, time.monotonic_ns())
        self._session.note_frame(sequence, type_, tag, size)

    def _finish(self) -> None:
        if self._digests is not None:
            self._digests.close()
        if self._writer is not None:
            self._ending.close(self._writer, self._options.name, self._options.linger_ms)

    def _report(self) -> dict[str, Any]:
        fields = {**metadata_fields(self._metadata), **self._ending.fields()}
        if self._options.checksum and self._digests is not None:
            fields["checksum"] = self._digests.checksum()
        return fields
