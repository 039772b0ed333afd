"""Writer and reader of a segment that lies still (SPEC.md chapters 7 to 9, 12, 14), with the checks of 16.4 to 16.6.

Owns: claiming, committing, padding, reading, holding, letting go, joining. Knows nothing of locks: who is alive is told
by the caller, and by default nobody is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Collection, Dict, List, Mapping, Optional

from zbref import layout
from zbref.errors import (
    Corrupt,
    FrameLost,
    FrameTooLarge,
    MetadataExists,
    MetadataInUse,
    MetadataTooLarge,
    NothingToResume,
    RingFull,
    TooManyReaders,
)
from zbref.layout import ACTIVE, ATTACHED, CLOSED, FREE, JOINING, UNIT, Header, Place
from zbref.segment import Segment

MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Frame:
    """A frame as a reader sees it, in place."""

    position: int
    length: int
    sequence: int
    type: int
    tag: int
    payload: memoryview


def _entry_in_force(segment: Segment, write_pos: int) -> int:
    first, second = segment.get_counts()
    if first[0] == write_pos:
        return 0
    if second[0] == write_pos:
        return 1
    raise Corrupt(f"no entry of counts is for write_pos {write_pos}")


def read_metadata(segment: Segment) -> Optional[bytes]:
    """A copy of the metadata; None if there is none yet."""
    version = segment.get("metadata_version")
    if version == 0 or version % 2:
        return None
    used = segment.get("metadata_used")
    if used > segment.geometry.metadata_size:
        raise Corrupt(f"metadata_used {used} of {segment.geometry.metadata_size}")
    at = segment.geometry.metadata_offset
    return bytes(segment.buffer[at : at + used])


class Writer:
    """The writing end. One claim at a time; everything is published at its commit unless a batch is open."""

    def __init__(self, segment: Segment) -> None:
        """Takes the writer's place, as the first or as a successor.

        Raises:
            Corrupt: the positions are impossible.
        """
        self.segment = segment
        self.capacity = segment.geometry.capacity
        self.position = segment.get("write_pos")
        self.base = segment.get("reclaim_pos")
        possible = self.position < layout.MAX_POSITION and self.position % UNIT == self.base % UNIT == 0
        if not possible or (self.position - self.base) & MASK > self.capacity:
            raise Corrupt(f"write_pos {self.position}, reclaim_pos {self.base}")
        self.count = segment.get_counts()[_entry_in_force(segment, self.position)][1]
        if self.count > self.position // UNIT:
            raise Corrupt(f"{self.count} frames in {self.position} bytes")
        last = segment.get("last_record_pos")
        self.last_record = last if last < self.position else 0
        segment.set_writer_place(Place(ATTACHED, segment.writer_place().epoch + 1))
        self.claimed: Optional[int] = None
        self.pads = 0
        self.batch_open = False
        self.began = False

    def write(self, data: bytes, type: int = 0, tag: int = 0, restart: bool = False) -> int:
        """Sends a copy of `data`; returns the sequence. `restart` pads to the end of the lap first.

        Raises:
            FrameTooLarge, RingFull: nothing was sent (padding may have been published).
        """
        self.claim(len(data), restart)[:] = data
        return self.commit(len(data), type, tag)

    def claim(self, size: int, restart: bool = False) -> memoryview:
        """Room for a frame of up to `size` bytes, in place."""
        if self.claimed is not None:
            raise RuntimeError("a claim is open")
        if size > self.segment.geometry.max_frame_size:
            raise FrameTooLarge(f"{size} bytes, the ring takes {self.segment.geometry.max_frame_size}")
        needed = layout.record_length(size)
        left = self.capacity - self.position % self.capacity
        self.pads = 0
        if needed > left or (restart and left < self.capacity):
            if not self._has_room(left + needed):
                if restart and needed <= left:
                    raise RingFull("an early restart must not wait")
                self._demand_room(left)
                self._pad(left)
                self.position += left
                self.publish()
                self._demand_room(needed)
            else:
                self.pads = left
        else:
            self._demand_room(needed)
        self.claimed = size
        return self.segment.payload(self.position + self.pads, size)

    def write_descriptor(self, index: int, position: int, size: int, sequence: int, type: int = 0, tag: int = 0) -> int:
        """Sends a frame that lies in the segment of this entry of the source table (23.2)."""
        version = self.segment.get_source(index, "version")
        self.claim(layout.DESCRIPTOR.size)[:] = layout.DESCRIPTOR.pack(index, version, position, size, sequence)
        at = self.position + self.pads
        own = self.commit(layout.DESCRIPTOR.size, type, tag)
        self.segment.set_header(at, replace(self.segment.header(at), flags=layout.FLAG_SHARED))
        self.segment.set_source(index, "last_pos", self.position)
        return own

    def commit(self, size: int, type: int = 0, tag: int = 0) -> int:
        """Publishes the first `size` bytes of the claim; returns the sequence."""
        if self.claimed is None or size > self.claimed:
            raise RuntimeError(f"commit of {size} bytes, claimed {self.claimed}")
        if self.pads:
            self._pad(self.pads)
            self.position += self.pads
        length = layout.record_length(size)
        self.count += 1
        self.segment.set_header(self.position, Header(size, self.count, tag, length // UNIT, type, 0))
        self.last_record = self.position
        self.position += length
        self.claimed = None
        self.began = True
        if not self.batch_open:
            self.publish()
        return self.count

    def discard(self) -> None:
        """Gives the claim up: nobody can see that it was there."""
        self.claimed = None

    def publish(self) -> None:
        """Makes visible what was committed (7.5)."""
        segment, now = self.segment, self.segment.get("write_pos")
        if now == self.position:
            return
        segment.set("last_record_pos", self.last_record)
        entries = segment.get_counts()
        entries[1 - _entry_in_force(segment, now)] = (self.position, self.count)
        segment.set_counts(entries)
        segment.set("wraps", (segment.get("wraps") + self.position // self.capacity - now // self.capacity) & MASK)
        segment.set("write_pos", self.position)

    def drop(self) -> None:
        """Counts a frame that was not sent because the ring was full."""
        self.segment.set("dropped", (self.segment.get("dropped") + 1) & MASK)

    def write_metadata(self, data: bytes) -> None:
        """Writes the metadata, once, before the first frame."""
        segment = self.segment
        if len(data) > segment.geometry.metadata_size:
            raise MetadataTooLarge(f"{len(data)} bytes, the block has {segment.geometry.metadata_size}")
        if self.began:
            raise MetadataExists("metadata are written once, before the first frame")
        self.began = True
        if read_metadata(segment) == data:
            return
        self._renew(write_off=any(segment.place(slot).epoch for slot in range(segment.geometry.max_readers)))
        if self.base != self.position:
            self.began = False
            raise MetadataInUse("frames of the old stream can still be read")
        version = segment.get("metadata_version") | 1
        segment.set("metadata_version", version)
        segment.set("metadata_used", len(data))
        at = segment.geometry.metadata_offset
        segment.buffer[at : at + len(data)] = data
        segment.set("metadata_version", (version + 1) & MASK)

    def close(self) -> None:
        """Leaves: an open claim is discarded, a batch is published."""
        self.claimed = None
        self.publish()
        self.segment.set_writer_place(Place(CLOSED, self.segment.writer_place().epoch))

    # room (chapter 9)

    def _has_room(self, length: int) -> bool:
        if self.position + length - self.base <= self.capacity:
            return True
        self._renew()
        return self.position + length - self.base <= self.capacity

    def _demand_room(self, length: int) -> None:
        if not self._has_room(length):
            self.publish()
            raise RingFull(f"{length} bytes needed, {self.capacity - (self.position - self.base)} free")

    def _renew(self, write_off: bool = False) -> None:
        """`write_off`: where nobody is attached, gives up what nobody has read."""
        positions = self._pinned()
        if positions is None:
            return
        nobody = self.position if write_off else self.segment.get("reclaim_pos")
        self.base = min(positions, default=nobody)
        self.segment.set("reclaim_pos", max(self.segment.get("reclaim_pos"), self.base))

    def _pinned(self) -> Optional[List[int]]:
        """The positions that readers still need; None if one of them is impossible."""
        segment = self.segment
        positions = []
        for slot in range(segment.geometry.slots):
            if segment.place(slot).state == FREE:
                continue
            position = segment.get_slot(slot, "read_pos")
            if position == layout.PARKED:
                continue
            behind = (segment.get("write_pos") - position) & MASK
            if position % UNIT or behind > self.capacity:
                return None
            positions.append(position)
        return positions

    def _pad(self, length: int) -> None:
        self.segment.set_header(self.position, Header(0, 0, 0, length // UNIT, 0, layout.FLAG_PADDING))


class Reader:
    """The reading end. Frames are let go in any order; they are given back in the order of the ring."""

    def __init__(self, segment: Segment, join: str = "automatic", alive: Collection[int] = (),
                 sources: Optional[Mapping[bytes, Segment]] = None) -> None:
        """Takes a slot.

        Args:
            join: "automatic", "now", "oldest" or "resume" (chapter 12).
            alive: slots whose owner is known to live.
            sources: the segments that descriptors may name (chapter 23), by their id.

        Raises:
            TooManyReaders, NothingToResume, Corrupt
        """
        self.segment = segment
        self.held: Dict[int, Frame] = {}
        self.lost = 0
        self.sources = sources or {}
        self.expected: Optional[int] = None
        self._resumed_count: Optional[int] = None
        first_ever = all(segment.place(slot).epoch == 0 for slot in range(segment.geometry.max_readers))
        if join == "resume":
            self.slot = self._resume(alive)
        else:
            self.slot = self._free_slot(alive)
            oldest = join == "oldest" or (join == "automatic" and first_ever)
            self._join(segment.get("reclaim_pos") if oldest else segment.get("write_pos"))
            self._know_the_count()
        self.next = segment.get_slot(self.slot, "read_pos")
        self.write_pos = self._load_write_pos()

    def read(self) -> Optional[Frame]:
        """The next frame, None if there is none. Steps over padding.

        Raises:
            FrameLost: it lay in another segment and is gone; it was stepped over.
        """
        while True:
            if self.next == self.write_pos:
                self.write_pos = self._load_write_pos()
                if self.next == self.write_pos:
                    self._give_back()
                    return None
            header = self._checked_header(self.next)
            if header.padding:
                self.next += header.length
                continue
            if header.shared:
                return self._take_shared(header)
            return self._take(header)

    def read_newest(self) -> Optional[Frame]:
        """The newest frame that was not handed out yet; those in between are passed over and counted."""
        self.write_pos = self._load_write_pos()
        last = self.segment.get("last_record_pos")
        if self.next < last < self.write_pos and last % UNIT == 0:
            header = self._checked_header(last, exact=False)
            if not header.padding:
                if self.expected is not None:
                    skipped = self.segment.get_slot(self.slot, "skipped") + header.sequence - self.expected
                    self.segment.set_slot(self.slot, "skipped", skipped & MASK)
                self.next = last
                return self._take(header)
        return self.read()

    def release(self, frame: Frame) -> None:
        """Lets a frame go. Again is harmless."""
        if self.held.pop(frame.position, None) is not None:
            self._give_back()

    def close(self) -> None:
        """Leaves: held frames are let go."""
        self.held.clear()
        self._give_back()
        self.segment.set_place(self.slot, Place(FREE, self.segment.place(self.slot).epoch))

    # 16.4, 16.5

    def _load_write_pos(self) -> int:
        write_pos = self.segment.get("write_pos")
        ahead = (write_pos - self.next) & MASK
        if write_pos % UNIT or self.next % UNIT or ahead > self.segment.geometry.capacity:
            raise Corrupt(f"write_pos {write_pos}, this reader is at {self.next}")
        return write_pos

    def _checked_header(self, position: int, exact: bool = True) -> Header:
        header = self.segment.header(position)
        capacity = self.segment.geometry.capacity
        end = position % capacity + header.length
        known = layout.FLAG_PADDING | (layout.FLAG_SHARED if self.segment.geometry.share_slots else 0)
        if header.flags & ~known or header.flags == layout.FLAG_PADDING | layout.FLAG_SHARED:
            raise Corrupt(f"flags {header.flags} at {position}")
        if header.extent == 0 or header.length > self.write_pos - position or end > capacity:
            raise Corrupt(f"extent {header.extent} at {position}")
        if header.padding:
            if end != capacity or position % capacity == 0:
                raise Corrupt(f"padding at {position} ends at offset {end}")
        elif header.shared and (header.size != layout.DESCRIPTOR.size or header.length != UNIT):
            raise Corrupt(f"a descriptor of {header.size} bytes at {position}")
        elif header.size > header.length - layout.HEADER_SIZE:
            raise Corrupt(f"size {header.size} at {position}, extent {header.extent}")
        elif header.sequence == 0 or (self.expected is not None and (
                header.sequence != self.expected if exact else header.sequence < self.expected)):
            raise Corrupt(f"sequence {header.sequence} at {position}, expected {self.expected}")
        return header

    def _take(self, header: Header) -> Frame:
        if self.expected is None:
            if self._resumed_count is not None:
                self.lost = max(0, header.sequence - 1 - self._resumed_count)
                self.segment.set_slot(self.slot, "lost", self.lost)
            self.segment.set_slot(self.slot, "read_count", header.sequence - 1)
        payload = self.segment.payload(self.next, header.size).toreadonly()
        frame = Frame(self.next, header.length, header.sequence, header.type, header.tag, payload)
        self.held[frame.position] = frame
        self.next += header.length
        self.expected = header.sequence + 1
        return frame

    def _take_shared(self, header: Header) -> Frame:
        """A frame of another segment (23.3)."""
        index, version, position, size, sequence = layout.DESCRIPTOR.unpack(
            self.segment.payload(self.next, header.size))
        if index >= layout.MAX_SOURCES or version == 0 or version % 2:
            raise Corrupt(f"source {index}, version {version} at {self.next}")
        source = None
        if self.segment.get_source(index, "version") == version:
            source = self.sources.get(bytes(self.segment.get_source(index, "segment_id")))
        payload = self._find(source, position, size, sequence) if source else None
        own = self._take(header)
        if payload is None:
            self.release(own)
            raise FrameLost(f"frame {header.sequence} was frame {sequence} of another segment")
        return replace(own, payload=payload)

    @staticmethod
    def _find(source: Segment, position: int, size: int, sequence: int) -> Optional[memoryview]:
        capacity = source.geometry.capacity
        length = layout.record_length(size)
        if size > capacity - layout.HEADER_SIZE or position % UNIT or position % capacity + length > capacity:
            raise Corrupt(f"position {position}, size {size} in a ring of {capacity}")
        if not source.get("reclaim_pos") <= position <= source.get("write_pos") - length:
            return None
        header = source.header(position)
        if (header.sequence, header.size, header.flags) != (sequence, size, 0):
            return None
        return source.payload(position, size).toreadonly()

    def _give_back(self) -> None:
        position, following = self.next, self.expected
        if self.held:
            position = min(self.held)
            following = self.held[position].sequence
        if following is not None:
            self.segment.set_slot(self.slot, "read_count", following - 1)
        self.segment.set_slot(self.slot, "read_pos", position)

    # chapter 12

    def _free_slot(self, alive: Collection[int]) -> int:
        places: List[Place] = [self.segment.place(slot) for slot in range(self.segment.geometry.max_readers)]
        for slot, place in enumerate(places):
            if place.state == FREE and slot not in alive:
                return slot
        for slot, place in enumerate(places):
            if slot not in alive:
                free_dead_slot(self.segment, slot)
                return slot
        raise TooManyReaders(f"all {len(places)} slots are taken")

    def _join(self, position: int) -> None:
        epoch = self.segment.place(self.slot).epoch + 1
        self.segment.set_slot(self.slot, "lost", 0)
        self.segment.set_slot(self.slot, "skipped", 0)
        self.segment.set_slot(self.slot, "read_pos", self.segment.get("write_pos"))
        self.segment.set_place(self.slot, Place(JOINING, epoch))
        self.segment.set_slot(self.slot, "read_pos", position)
        self.segment.set_place(self.slot, Place(ACTIVE, epoch))
        self.next = position

    def _know_the_count(self) -> None:
        """`read_count`, where `counts` has the entry for the position."""
        for position, count in self.segment.get_counts():
            if position == self.next:
                self.segment.set_slot(self.slot, "read_count", count)
                return

    def _resume(self, alive: Collection[int]) -> int:
        segment = self.segment
        candidates = [slot for slot in range(segment.geometry.max_readers) if slot not in alive]
        for slot in candidates:
            place = segment.place(slot)
            if place.state == ACTIVE:
                segment.set_place(slot, Place(ACTIVE, place.epoch + 1))
                self.next = segment.get_slot(slot, "read_pos")
                return slot
        for slot in candidates:
            place = segment.place(slot)
            if place.state == FREE and place.epoch and segment.get_slot(slot, "evicted_epoch") == place.epoch:
                self.slot = slot
                stopped_at = segment.get_slot(slot, "read_pos")
                if segment.get("reclaim_pos") < stopped_at <= segment.get("write_pos"):
                    self._join(stopped_at)  # somebody slower kept the room
                else:
                    self._resumed_count = segment.get_slot(slot, "read_count")
                    self._join(segment.get("reclaim_pos"))
                return slot
        raise NothingToResume("no reader left a position behind")


def free_dead_slot(segment: Segment, slot: int) -> None:
    """Frees the slot of a reader that died (13.3)."""
    place = segment.place(slot)
    if place.state == ACTIVE:
        segment.set_slot(slot, "evicted_epoch", place.epoch)
        segment.set("readers_lost", (segment.get("readers_lost") + 1) & MASK)
    segment.set_place(slot, Place(FREE, place.epoch))
