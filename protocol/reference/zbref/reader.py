"""Reader of a segment that lies still (SPEC.md chapters 8, 12, 23.3), with the checks of 16.4 and 16.5.

Owns: joining, reading, holding, letting go. Knows nothing of locks: who is alive is told by the caller, and by default
nobody is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Collection, Dict, List, Mapping, Optional

from zbref import layout
from zbref.errors import Corrupt, FrameLost, NothingToResume, TooManyReaders
from zbref.layout import ACTIVE, FREE, JOINING, MASK, UNIT, Header, Place
from zbref.segment import Segment


@dataclass(frozen=True)
class Frame:
    """A frame as a reader sees it, in place."""

    position: int
    offset: int
    length: int
    sequence: int
    type: int
    tag: int
    payload: memoryview


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
        self.origin = segment.get("origin_pos")
        if self.origin % UNIT or self.origin > self.next:
            raise Corrupt(f"origin_pos {self.origin}, this reader joins at {self.next}")
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
        origin = self.segment.get("origin_pos") if ahead else self.origin
        if origin not in (self.origin, self.next):
            raise Corrupt(f"origin_pos {origin}, this reader knows {self.origin} and is at {self.next}")
        self.origin = origin
        return write_pos

    def _offset(self, position: int) -> int:
        return (position - self.origin) % self.segment.geometry.capacity

    def _checked_header(self, position: int, exact: bool = True) -> Header:
        offset, capacity = self._offset(position), self.segment.geometry.capacity
        header = self.segment.header(offset)
        end = offset + header.length
        known = layout.FLAG_PADDING | (layout.FLAG_SHARED if self.segment.geometry.share_slots else 0)
        if header.flags & ~known or header.flags == layout.FLAG_PADDING | layout.FLAG_SHARED:
            raise Corrupt(f"flags {header.flags} at {position}")
        if header.extent == 0 or header.length > self.write_pos - position or end > capacity:
            raise Corrupt(f"extent {header.extent} at {position}")
        if header.padding:
            if end != capacity or offset == 0:
                raise Corrupt(f"padding at {position} ends at offset {end}")
        elif header.shared and header.size != layout.DESCRIPTOR.size:
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
        offset = self._offset(self.next)
        payload = self.segment.payload(offset, header.size).toreadonly()
        frame = Frame(self.next, offset, header.length, header.sequence, header.type, header.tag, payload)
        self.held[frame.position] = frame
        self.next += header.length
        self.expected = header.sequence + 1
        return frame

    def _take_shared(self, header: Header) -> Frame:
        """A frame of another segment (23.3)."""
        index, version, position, size, sequence = layout.DESCRIPTOR.unpack(
            self.segment.payload(self._offset(self.next), header.size))
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
        capacity, origin = source.geometry.capacity, source.get("origin_pos")
        length = layout.record_length(size)
        if size > capacity - layout.HEADER_SIZE or position % UNIT or position >= layout.MAX_POSITION:
            raise Corrupt(f"position {position}, size {size} in a ring of {capacity}")
        if origin % UNIT:
            raise Corrupt(f"origin_pos {origin} of another segment")
        if origin > position:
            return None
        offset = (position - origin) % capacity
        if offset + length > capacity:
            raise Corrupt(f"position {position}, size {size} in a ring of {capacity} with its origin at {origin}")
        if not source.get("reclaim_pos") <= position <= source.get("write_pos") - length:
            return None
        header = source.header(offset)
        if (header.sequence, header.size, header.flags) != (sequence, size, 0):
            return None
        return source.payload(offset, size).toreadonly()

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
