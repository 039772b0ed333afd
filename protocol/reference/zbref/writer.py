"""Writer of a segment that lies still (SPEC.md chapters 7, 9, 14), with the checks of 16.4 and 16.6.

Owns: claiming, committing, padding, beginning anew, room, metadata. Knows nothing of locks: who is alive is told by the
caller, and by default nobody is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import List, Optional, Tuple

from zbref import layout
from zbref.errors import Corrupt, FrameTooLarge, MetadataExists, MetadataInUse, MetadataTooLarge, RingFull
from zbref.layout import ATTACHED, CLOSED, FREE, MASK, UNIT, Header, Place
from zbref.segment import Segment


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
        reclaimed = segment.get("reclaim_pos")
        self.origin = segment.get("origin_pos")
        three = (self.position, reclaimed, self.origin)
        if any(each % UNIT or each >= layout.MAX_POSITION for each in three):
            raise Corrupt(f"write_pos {self.position}, reclaim_pos {reclaimed}, origin_pos {self.origin}")
        if (self.position - reclaimed) & MASK > self.capacity or self.origin > reclaimed:
            raise Corrupt(f"write_pos {self.position}, reclaim_pos {reclaimed}, origin_pos {self.origin}")
        # no room before the first look: a predecessor may have announced reclaim_pos and died before its second one
        self.base = self.position - self.capacity
        self.count = segment.get_counts()[_entry_in_force(segment, self.position)][1]
        if self.count > self.position // UNIT:
            raise Corrupt(f"{self.count} frames in {self.position} bytes")
        last = segment.get("last_record_pos")
        self.last_record = last if last < self.position else 0
        segment.set_writer_place(Place(ATTACHED, segment.writer_place().epoch + 1))
        self.claimed: Optional[int] = None
        self.pads = 0
        self.spare = 0
        self.spares = False
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
        self.spare = UNIT if self.spares and needed + UNIT <= self.capacity else 0
        needed += self.spare
        left = self.capacity - self._offset(self.position)
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
        return self.segment.payload(self._offset(self.position + self.pads), size)

    def begin_anew(self, spares: bool = False) -> bool:
        """Goes on at offset 0 without padding if nobody needs anything of the ring (7.10); returns whether it does so.

        `spares`: the records from then on get one unit more than they need, where the ring has it. A reader takes such
        records (chapter 5), and so must be tried with them; a writer has no need of it.
        """
        segment = self.segment
        if self.claimed is not None or self.position != segment.get("write_pos"):
            return False
        for announces in (True, False):
            positions = self._pinned()
            if positions is None or not positions[0] or any(at != self.position for at in sum(positions, [])):
                return False
            if announces:
                segment.set("reclaim_pos", self.position)
        if self._offset(self.position):
            segment.set("wraps", (segment.get("wraps") + 1) & MASK)
        self.base = self.origin = self.position
        self.spares = spares
        segment.set("origin_pos", self.origin)
        return True

    def write_descriptor(self, index: int, position: int, size: int, sequence: int, type: int = 0, tag: int = 0) -> int:
        """Sends a frame that lies in the segment of this entry of the source table (23.2)."""
        version = self.segment.get_source(index, "version")
        self.claim(layout.DESCRIPTOR.size)[:] = layout.DESCRIPTOR.pack(index, version, position, size, sequence)
        at = self._offset(self.position + self.pads)
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
        length = layout.record_length(size) + self.spare
        self.count += 1
        self.segment.set_header(self._offset(self.position), Header(size, self.count, tag, length // UNIT, type, 0))
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
        laps = (self.position - self.origin) // self.capacity - (now - self.origin) // self.capacity
        segment.set("wraps", (segment.get("wraps") + laps) & MASK)
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
        readers, pins = positions
        nobody = self.position if write_off else self.segment.get("reclaim_pos")
        self.base = min([min(readers, default=nobody), *pins])
        self.segment.set("reclaim_pos", max(self.segment.get("reclaim_pos"), self.base))

    def _pinned(self) -> Optional[Tuple[List[int], List[int]]]:
        """The positions that readers and that pins (23.4) still need; None if one of them is impossible."""
        segment = self.segment
        positions: Tuple[List[int], List[int]] = [], []
        for slot in range(segment.geometry.slots):
            if segment.place(slot).state == FREE:
                continue
            position = segment.get_slot(slot, "read_pos")
            if position == layout.PARKED:
                continue
            behind = (segment.get("write_pos") - position) & MASK
            if position % UNIT or behind > self.capacity:
                return None
            positions[slot >= segment.geometry.max_readers].append(position)
        return positions

    def _pad(self, length: int) -> None:
        padding = Header(0, 0, 0, length // UNIT, 0, layout.FLAG_PADDING)
        self.segment.set_header(self._offset(self.position), padding)

    def _offset(self, position: int) -> int:
        return (position - self.origin) % self.capacity
