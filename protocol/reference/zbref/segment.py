"""One segment as bytes: making an empty one, checking a foreign one (SPEC.md chapter 16), reading and storing fields.

Knows nothing of records or of who may store what; that is writer.py and reader.py.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass
from typing import Any, Union

from zbref import layout
from zbref.errors import Corrupt, Incompatible, NotReady, Retired
from zbref.layout import Place

Buffer = Union[bytearray, mmap.mmap, memoryview]


@dataclass(frozen=True)
class Geometry:
    """What is fixed when a segment is made. Copied once, checked, and never read again."""

    segment_size: int
    capacity: int
    max_readers: int
    share_slots: int
    metadata_offset: int
    metadata_size: int
    payload_offset: int
    payload_size: int
    reader_table_offset: int
    reader_table_size: int
    source_table_offset: int = 0
    source_table_size: int = 0

    @property
    def max_frame_size(self) -> int:
        return self.capacity - layout.HEADER_SIZE

    @property
    def slots(self) -> int:
        return self.max_readers + self.share_slots

    @classmethod
    def plan(cls, payload_size: int, metadata_size: int = 64, max_readers: int = 1, alignment: int = layout.PAGE_SIZE,
             share_slots: int = 0) -> "Geometry":
        """The geometry that a creator chooses for frames of `payload_size` bytes."""
        capacity = layout.round_up(payload_size + layout.HEADER_SIZE, layout.UNIT)
        if payload_size < 1 or capacity > layout.MAX_CAPACITY:
            raise ValueError(f"payload_size {payload_size}: not 1 byte to 128 GiB")
        if not 0 <= metadata_size <= layout.MAX_METADATA_SIZE:
            raise ValueError(f"metadata_size {metadata_size}: not 0 bytes to 1 GiB")
        if not 1 <= max_readers <= layout.MAX_READERS:
            raise ValueError(f"max_readers {max_readers}: not 1 to 64")
        if not 0 <= share_slots <= layout.MAX_SHARE_SLOTS:
            raise ValueError(f"share_slots {share_slots}: not 0 to 64")
        table_size = (max_readers + share_slots) * layout.SLOT_SIZE
        metadata_offset = layout.OIEB_SIZE + table_size
        end = metadata_offset + metadata_size
        source_offset = layout.round_up(end, layout.UNIT) if share_slots else 0
        source_size = layout.MAX_SOURCES * layout.SOURCE_SIZE if share_slots else 0
        payload_offset = layout.round_up(max(end, source_offset + source_size), alignment)
        block_size = layout.round_up(capacity + layout.PAYLOAD_LEAD, layout.PAGE_SIZE)
        return cls(
            segment_size=payload_offset + block_size,
            capacity=capacity,
            max_readers=max_readers,
            share_slots=share_slots,
            metadata_offset=metadata_offset,
            metadata_size=metadata_size,
            payload_offset=payload_offset,
            payload_size=block_size,
            reader_table_offset=layout.OIEB_SIZE,
            reader_table_size=table_size,
            source_table_offset=source_offset,
            source_table_size=source_size,
        )


class Segment:
    """A segment in a writable buffer. Attaching checks everything that chapter 16.1 to 16.3 demands."""

    def __init__(self, buffer: Buffer) -> None:
        """Attaches to what lies in `buffer`.

        Raises:
            NotReady, Retired, Incompatible, Corrupt
        """
        self.buffer = buffer
        self.geometry = self._check()

    @classmethod
    def create(cls, payload_size: int, metadata_size: int = 64, max_readers: int = 1, segment_id: bytes = bytes(16),
               alignment: int = layout.PAGE_SIZE, share_slots: int = 0) -> "Segment":
        """A new empty segment in a bytearray, ready."""
        plan = Geometry.plan(payload_size, metadata_size, max_readers, alignment, share_slots)
        segment = cls.__new__(cls)
        segment.buffer = bytearray(plan.segment_size)
        segment.set("oieb_size", layout.OIEB_SIZE)
        segment.set("version", bytes([layout.VERSION_MAJOR, layout.VERSION_MINOR, 0, 0]))
        segment.set("magic", layout.MAGIC)
        segment.set("ring_count", 1)
        segment.set("feature_flags", layout.FEATURE_SHARING if share_slots else 0)
        segment.set_counts([(0, 0), (layout.PARKED, 0)])
        segment.set("segment_id", segment_id)
        for field, value in vars(plan).items():
            segment.set(field, value)
        segment.set("state", layout.READY)
        segment.geometry = segment._check()
        return segment

    @classmethod
    def open(cls, path: Union[str, "os.PathLike[str]"]) -> "Segment":
        """Attaches to a file, mapped shared and writable."""
        with open(path, "r+b") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise Incompatible("the file is empty")
            return cls(mmap.mmap(file.fileno(), 0))

    # fields

    def get(self, field: str) -> int:
        """A field of the OIEB that is one number."""
        offset, form = layout.OIEB[field]
        value: int = struct.unpack_from(form, self.buffer, offset)[0]
        return value

    def set(self, field: str, *values: Union[int, bytes]) -> None:
        offset, form = layout.OIEB[field]
        struct.pack_into(form, self.buffer, offset, *values)

    def get_bytes(self, field: str) -> bytes:
        offset, form = layout.OIEB[field]
        value: bytes = struct.unpack_from(form, self.buffer, offset)[0]
        return value

    def get_counts(self) -> list[tuple[int, int]]:
        """The two entries {position, count}."""
        offset, form = layout.OIEB["counts"]
        a, b, c, d = struct.unpack_from(form, self.buffer, offset)
        return [(a, b), (c, d)]

    def set_counts(self, entries: list[tuple[int, int]]) -> None:
        self.set("counts", *entries[0], *entries[1])

    def get_slot(self, slot: int, field: str) -> int:
        offset, form = layout.SLOT[field]
        value: int = struct.unpack_from(form, self.buffer, self._slot_offset(slot) + offset)[0]
        return value

    def set_slot(self, slot: int, field: str, value: int) -> None:
        offset, form = layout.SLOT[field]
        struct.pack_into(form, self.buffer, self._slot_offset(slot) + offset, value)

    def place(self, slot: int) -> Place:
        return Place.unpack(self.get_slot(slot, "place"))

    def set_place(self, slot: int, place: Place) -> None:
        self.set_slot(slot, "place", place.pack())

    def writer_place(self) -> Place:
        return Place.unpack(self.get("writer_place"))

    def set_writer_place(self, place: Place) -> None:
        self.set("writer_place", place.pack())

    def _slot_offset(self, slot: int) -> int:
        if not 0 <= slot < self.geometry.slots:
            raise IndexError(f"slot {slot} of {self.geometry.slots}")
        return self.geometry.reader_table_offset + slot * layout.SLOT_SIZE

    # the source table (chapter 23)

    def get_source(self, index: int, field: str) -> Any:
        offset, form = layout.SOURCE[field]
        return struct.unpack_from(form, self.buffer, self._source_offset(index) + offset)[0]

    def set_source(self, index: int, field: str, value: Union[int, bytes]) -> None:
        offset, form = layout.SOURCE[field]
        struct.pack_into(form, self.buffer, self._source_offset(index) + offset, value)

    def _source_offset(self, index: int) -> int:
        if not 0 <= index < layout.MAX_SOURCES or not self.geometry.source_table_size:
            raise IndexError(f"source {index}")
        return self.geometry.source_table_offset + index * layout.SOURCE_SIZE

    def name_source(self, index: int, segment_id: bytes, name: str) -> None:
        """Writes an entry of the source table."""
        self.set_source(index, "segment_id", segment_id)
        self.set_source(index, "name", name.encode())
        self.set_source(index, "name_size", len(name))
        self.set_source(index, "version", (self.get_source(index, "version") | 1) + 1)
        self.set("source_count", max(self.get("source_count"), index + 1))

    # the ring's bytes, by offset: a position is counted from an origin that its user knows

    def address(self, offset: int) -> int:
        """Where in the segment the byte at `offset` of the ring lies."""
        if not 0 <= offset < self.geometry.capacity:
            raise IndexError(f"offset {offset} of {self.geometry.capacity}")
        return self.geometry.payload_offset + layout.PAYLOAD_LEAD + offset

    def header(self, offset: int) -> layout.Header:
        at = self.address(offset)
        return layout.Header.unpack(bytes(self.buffer[at : at + layout.HEADER_SIZE]))

    def set_header(self, offset: int, header: layout.Header) -> None:
        at = self.address(offset)
        self.buffer[at : at + layout.HEADER_SIZE] = header.pack()

    def payload(self, offset: int, size: int) -> memoryview:
        """The payload of the record at `offset`, in place and writable."""
        at = self.address(offset) + layout.HEADER_SIZE
        return memoryview(self.buffer)[at : at + size]

    # chapter 16

    def _check(self) -> Geometry:
        file_size = len(self.buffer)
        if file_size < layout.OIEB_SIZE:
            raise Incompatible(f"{file_size} bytes are less than an OIEB")
        state = self.get("state")
        if (self.get("oieb_size") != layout.OIEB_SIZE or self.get_bytes("version")[0] != layout.VERSION_MAJOR
                or self.get("magic") != layout.MAGIC):
            raise Incompatible(f"not a segment of protocol {layout.VERSION_MAJOR}")
        if state == layout.INITIALISING:
            raise NotReady("the segment is being made")
        if state == layout.RETIRED:
            raise Retired("nobody may attach any more")
        if state != layout.READY:
            raise Corrupt(f"state {state}")
        if self.get("feature_flags") & ~layout.KNOWN_FEATURES:
            raise Incompatible(f"unknown features {self.get('feature_flags'):#x}")
        geometry = Geometry(*(self.get(field) for field in Geometry.__dataclass_fields__))
        self._check_numbers(geometry, file_size)
        self._check_blocks(geometry)
        return geometry

    def _check_numbers(self, geometry: Geometry, file_size: int) -> None:
        def demand(fits: bool, what: str) -> None:
            if not fits:
                raise Corrupt(what)

        demand(layout.OIEB_SIZE <= geometry.segment_size <= file_size,
               f"segment_size {geometry.segment_size}, file {file_size}")
        demand(self.get("ring_count") == 1, f"ring_count {self.get('ring_count')}")
        demand(self.get("ring_index") == 0, f"ring_index {self.get('ring_index')}")
        demand(1 <= geometry.max_readers <= layout.MAX_READERS, f"max_readers {geometry.max_readers}")
        if self.get("feature_flags") & layout.FEATURE_SHARING:
            demand(1 <= geometry.share_slots <= layout.MAX_SHARE_SLOTS, f"share_slots {geometry.share_slots}")
            demand(geometry.source_table_size >= layout.MAX_SOURCES * layout.SOURCE_SIZE,
                   f"source_table_size {geometry.source_table_size}")
            demand(geometry.source_table_offset % layout.UNIT == 0,
                   f"source_table_offset {geometry.source_table_offset}")
        else:
            demand(geometry.share_slots == 0, f"share_slots {geometry.share_slots}")
        demand(layout.UNIT <= geometry.capacity <= layout.MAX_CAPACITY and geometry.capacity % layout.UNIT == 0,
               f"capacity {geometry.capacity}")
        demand(geometry.metadata_size <= layout.MAX_METADATA_SIZE, f"metadata_size {geometry.metadata_size}")
        demand(geometry.reader_table_size >= layout.SLOT_SIZE * geometry.slots,
               f"reader_table_size {geometry.reader_table_size}")
        demand(geometry.payload_size >= geometry.capacity + layout.PAYLOAD_LEAD,
               f"payload_size {geometry.payload_size}")
        demand(geometry.reader_table_offset % layout.UNIT == 0, f"reader_table_offset {geometry.reader_table_offset}")
        demand(geometry.metadata_offset % layout.UNIT == 0, f"metadata_offset {geometry.metadata_offset}")
        demand(geometry.payload_offset % layout.PAGE_SIZE == 0, f"payload_offset {geometry.payload_offset}")

    @staticmethod
    def _check_blocks(geometry: Geometry) -> None:
        sources = [(geometry.source_table_offset, geometry.source_table_size, "source table")]
        blocks = sorted((sources if geometry.share_slots else []) + [
            (geometry.reader_table_offset, geometry.reader_table_size, "reader table"),
            (geometry.metadata_offset, geometry.metadata_size, "metadata block"),
            (geometry.payload_offset, geometry.payload_size, "payload block"),
        ])
        for offset, size, name in blocks:
            if offset < layout.OIEB_SIZE or offset > geometry.segment_size or size > geometry.segment_size - offset:
                raise Corrupt(f"the {name} at {offset}, {size} bytes, does not fit the segment")
        for (offset, size, name), (next_offset, _, next_name) in zip(blocks, blocks[1:]):
            if offset + size > next_offset:
                raise Corrupt(f"the {name} overlaps the {next_name}")
        if blocks[-1][2] != "payload block":
            raise Corrupt("the payload block is not the last one")
