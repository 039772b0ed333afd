"""A channel for calls that lies still (SPEC.md chapter 22): its shape, its places, its rings, and both parts of a call.

Owns: where a lane's rings lie, what of a request ring is answered, begun or waiting, and the stores of a client and of a
server in their order. Knows nothing of locks and waiting: nobody else may use the segment meanwhile.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import List, Optional

from zbref import layout
from zbref.errors import Corrupt, Incompatible, RingFull
from zbref.layout import HEADER_SIZE, MASK, OIEB_SIZE, PAYLOAD_LEAD, SLOT_SIZE, UNIT, Header, Place, round_up
from zbref.segment import Buffer

IMMUTABLE, IN_PLACE = 1, 2
FLAG_IN_PLACE = 4
ERROR = 127
BROKEN = 4
MAX_LANES = 1024
LEAST_ROOM = 256
LANES_USED = (0x0C0, "<I")
CLIENT = (0x48, "<Q")


@dataclass(frozen=True)
class Shape:
    """What all offsets follow from."""

    lanes: int
    in_place: bool
    request: int  # capacities; 0: no such ring
    response: int
    callback: int
    page: int = layout.PAGE_SIZE

    @property
    def capacities(self) -> List[int]:
        return [capacity for capacity in (self.request, self.response, self.callback) if capacity]

    @property
    def ring_count(self) -> int:
        return 1 + self.lanes * len(self.capacities)

    @property
    def lane_table(self) -> int:
        return self.ring_count * OIEB_SIZE

    @property
    def slots(self) -> int:
        return self.lane_table + self.lanes * SLOT_SIZE

    @property
    def records(self) -> int:
        return round_up(self.slots + (self.ring_count - 1) * 2 * SLOT_SIZE, self.page)

    def block(self, capacity: int) -> int:
        return round_up(capacity + PAYLOAD_LEAD, self.page)

    @property
    def segment_size(self) -> int:
        return self.records + self.lanes * sum(self.block(capacity) for capacity in self.capacities)


@dataclass(frozen=True)
class Request:
    """A request that is not answered, or an answer."""

    position: int
    header: Header
    payload: bytes
    begun: bool = False


class Ring:
    """One ring of a lane."""

    def __init__(self, channel: "Channel", lane: int, which: int) -> None:
        shape = channel.shape
        self.channel = channel
        self.buffer = channel.buffer
        self.index = 1 + lane * len(shape.capacities) + which
        self.capacity = shape.capacities[which]
        blocks = [shape.block(capacity) for capacity in shape.capacities]
        self.base = shape.records + lane * sum(blocks) + sum(blocks[:which]) + PAYLOAD_LEAD

    def get(self, field: str) -> int:
        offset, form = layout.OIEB[field]
        value: int = struct.unpack_from(form, self.buffer, self.index * OIEB_SIZE + offset)[0]
        return value

    def set(self, field: str, value: int) -> None:
        offset, form = layout.OIEB[field]
        struct.pack_into(form, self.buffer, self.index * OIEB_SIZE + offset, value)

    def offset(self, position: int) -> int:
        return (position - self.get("origin_pos")) % self.capacity

    def header(self, position: int) -> Header:
        at = self.base + self.offset(position)
        return Header.unpack(bytes(self.buffer[at : at + HEADER_SIZE]))

    def set_header(self, position: int, header: Header) -> None:
        at = self.base + self.offset(position)
        self.buffer[at : at + HEADER_SIZE] = header.pack()

    def payload(self, position: int, size: int) -> bytes:
        at = self.base + self.offset(position) + HEADER_SIZE
        return bytes(self.buffer[at : at + size])

    def fill(self, position: int, data: bytes) -> None:
        at = self.base + self.offset(position) + HEADER_SIZE
        self.buffer[at : at + len(data)] = data

    def counts(self) -> int:
        """Records published so far (7.5)."""
        a, first, b, second = struct.unpack_from("<4Q", self.buffer, self.index * OIEB_SIZE + layout.OIEB["counts"][0])
        if a == self.get("write_pos"):
            return int(first)
        if b == self.get("write_pos"):
            return int(second)
        raise Corrupt("no entry of counts is in force")

    def begin_anew(self) -> bool:
        """Goes on at offset 0 if nobody needs anything of the ring (7.10); returns whether it does so."""
        position = self.get("write_pos")
        slots = range(self.get("max_readers"))
        if any(self.channel.get_slot(self, slot, "read_pos") != position for slot in slots):
            return False
        self.set("reclaim_pos", position)
        self.set("origin_pos", position)
        return True

    def append(self, data: bytes, room: int, type: int = 0, tag: int = 0) -> int:
        """Publishes a record. Where it does not fit before the end of the ring, the ring begins anew first."""
        position, count = self.get("write_pos"), self.counts() + 1
        length = layout.record_length(room)
        self._check_as_its_writer(position, count - 1)
        if self.offset(position) + length > self.capacity and not self.begin_anew():
            raise RingFull(f"{length} bytes needed, and this reference writes no padding here")
        base = min(self.channel.get_slot(self, slot, "read_pos") for slot in range(self.get("max_readers")))
        self.set("reclaim_pos", max(self.get("reclaim_pos"), base))
        if position + length - base > self.capacity:
            raise RingFull(f"{length} bytes needed, {self.capacity - (position - base)} free")
        self.fill(position, data)
        self.set_header(position, Header(len(data), count, tag, length // UNIT, type, 0))
        self.set("last_record_pos", position)
        at = self.index * OIEB_SIZE + layout.OIEB["counts"][0]
        a = struct.unpack_from("<Q", self.buffer, at)[0]
        struct.pack_into("<2Q", self.buffer, at + (16 if a == position else 0), position + length, count)
        self.set("write_pos", position + length)
        return count

    def walk(self, position: int, end: int, flags: int) -> List[Request]:
        """The frames from `position` to `end`, checked by 16.5; `flags` are allowed besides padding."""
        found: List[Request] = []
        origin = self.get("origin_pos")
        if (end - position) & MASK > self.capacity or (position | end | origin) % UNIT or origin > position:
            raise Corrupt(f"positions {position} and {end} of ring {self.index}, its origin at {origin}")
        while position != end:
            header, left = self.header(position), self.capacity - self.offset(position)
            if not 0 < header.length <= min(end - position, left):
                raise Corrupt(f"extent {header.extent} at {position}")
            if header.padding:
                if header.flags != 1 or header.length != left or left == self.capacity:
                    raise Corrupt(f"padding at {position}")
            elif header.flags & ~flags or header.size > header.length - HEADER_SIZE or not header.sequence:
                raise Corrupt(f"header at {position}")
            else:
                found.append(Request(position, header, self.payload(position, header.size)))
            position += header.length
        return found

    def _check_as_its_writer(self, position: int, count: int) -> None:
        """16.4, 22.11"""
        reclaimed, origin = self.get("reclaim_pos"), self.get("origin_pos")
        if any(each % UNIT or each >= layout.MAX_POSITION for each in (position, reclaimed, origin)):
            raise Corrupt(f"write_pos {position}, reclaim_pos {reclaimed}, origin_pos {origin}")
        if (position - reclaimed) & MASK > self.capacity or origin > reclaimed or count > position // UNIT:
            raise Corrupt(f"write_pos {position}, reclaim_pos {reclaimed}, origin_pos {origin}, {count} records")


class Channel:
    """A duplex segment in a writable buffer, checked by 22.11."""

    def __init__(self, buffer: Buffer) -> None:
        self.buffer = buffer
        self.shape = self._check()

    @classmethod
    def create(cls, in_place: bool, request: int, response: int = LEAST_ROOM, callback: int = 0, lanes: int = 1,
               segment_id: bytes = bytes(16)) -> "Channel":
        def capacity(size: int) -> int:
            return layout.record_length(size)

        shape = Shape(lanes, in_place, capacity(max(request, LEAST_ROOM) if in_place else request),
                      0 if in_place else capacity(max(response, LEAST_ROOM)),
                      capacity(max(callback, LEAST_ROOM)) if callback else 0)
        channel = cls.__new__(cls)
        channel.buffer, channel.shape = bytearray(shape.segment_size), shape
        door = {"oieb_size": OIEB_SIZE, "magic": layout.MAGIC, "segment_size": shape.segment_size,
                "ring_count": shape.ring_count, "feature_flags": IN_PLACE if in_place else IMMUTABLE,
                "metadata_offset": shape.slots, "payload_offset": shape.records, "max_readers": lanes,
                "capacity": UNIT, "payload_size": shape.segment_size - shape.records,
                "reader_table_offset": shape.lane_table, "reader_table_size": lanes * SLOT_SIZE, "state": layout.READY}
        for field, value in door.items():
            channel.set(0, field, value)
        struct.pack_into("<16s", channel.buffer, layout.OIEB["segment_id"][0], segment_id)
        for index in range(shape.ring_count):
            at = index * OIEB_SIZE
            struct.pack_into("<2B", channel.buffer, at + layout.OIEB["version"][0], layout.VERSION_MAJOR, 0)
            struct.pack_into("<Q", channel.buffer, at + layout.OIEB["counts"][0] + 16, layout.PARKED)
        for lane in range(lanes):
            for which, each in enumerate(shape.capacities):
                ring = Ring(channel, lane, which)
                answered = in_place or (shape.callback != 0 and which == len(shape.capacities) - 1)
                slots = 2 if answered else 1
                table = shape.slots + (ring.index - 1) * 2 * SLOT_SIZE
                for field, value in {"oieb_size": OIEB_SIZE, "magic": layout.MAGIC, "ring_index": ring.index,
                                     "segment_size": shape.segment_size, "ring_count": shape.ring_count,
                                     "capacity": each, "payload_offset": ring.base - PAYLOAD_LEAD,
                                     "payload_size": shape.block(each), "max_readers": slots,
                                     "reader_table_offset": table, "reader_table_size": slots * SLOT_SIZE}.items():
                    ring.set(field, value)
                for slot in range(slots):
                    channel.set_slot(ring, slot, "place", Place(layout.ACTIVE, 1).pack())
        return channel

    # words

    def get(self, field: str) -> int:
        offset, form = layout.OIEB[field]
        value: int = struct.unpack_from(form, self.buffer, offset)[0]
        return value

    def set(self, index: int, field: str, value: int) -> None:
        offset, form = layout.OIEB[field]
        struct.pack_into(form, self.buffer, index * OIEB_SIZE + offset, value)

    @property
    def lanes_used(self) -> int:
        return min(int(struct.unpack_from(LANES_USED[1], self.buffer, LANES_USED[0])[0]), self.shape.lanes)

    def _slot(self, ring: Ring, slot: int) -> int:
        return self.shape.slots + (ring.index - 1) * 2 * SLOT_SIZE + slot * SLOT_SIZE

    def get_slot(self, ring: Ring, slot: int, field: str) -> int:
        offset, form = layout.SLOT[field]
        value: int = struct.unpack_from(form, self.buffer, self._slot(ring, slot) + offset)[0]
        return value

    def set_slot(self, ring: Ring, slot: int, field: str, value: int) -> None:
        offset, form = layout.SLOT[field]
        struct.pack_into(form, self.buffer, self._slot(ring, slot) + offset, value)

    def server(self) -> Place:
        return Place.unpack(self.get("writer_place"))

    def set_server(self, state: int, epoch: int) -> None:
        self.set(0, "writer_place", Place(state, epoch).pack())

    def lane(self, lane: int) -> Place:
        at = self.shape.lane_table + lane * SLOT_SIZE + layout.SLOT["place"][0]
        return Place.unpack(struct.unpack_from("<Q", self.buffer, at)[0])

    def client(self, lane: int) -> int:
        value: int = struct.unpack_from(CLIENT[1], self.buffer, self.shape.lane_table + lane * SLOT_SIZE + CLIENT[0])[0]
        return value

    # parts

    def take_lane(self, lane: int) -> int:
        """Joins as a client's first lane; returns its id (22.2)."""
        epoch = self.lane(lane).epoch + 1
        at = self.shape.lane_table + lane * SLOT_SIZE
        struct.pack_into("<Q", self.buffer, at + layout.SLOT["place"][0], Place(layout.ACTIVE, epoch).pack())
        struct.pack_into(CLIENT[1], self.buffer, at + CLIENT[0], epoch * 2 * MAX_LANES + lane + 1)
        struct.pack_into(LANES_USED[1], self.buffer, LANES_USED[0], max(self.lanes_used, lane + 1))
        return self.client(lane)

    def requests(self, lane: int) -> Ring:
        return Ring(self, lane, 0)

    def responses(self, lane: int) -> Ring:
        return Ring(self, lane, 0 if self.shape.in_place else 1)

    def send(self, lane: int, data: bytes, type: int = 0, tag: int = 0) -> int:
        room = max(len(data), LEAST_ROOM) if self.shape.in_place else len(data)
        return self.requests(lane).append(data, room, type, tag)

    def waiting(self, lane: int) -> List[Request]:
        """What is not answered, and whether a server had begun it (22.8)."""
        ring = self.requests(lane)
        mark = self.get_slot(ring, 0, "read_count")
        found = ring.walk(self.get_slot(ring, 0, "read_pos"), ring.get("write_pos"),
                          FLAG_IN_PLACE if self.shape.in_place else 0)
        return [Request(each.position, each.header, each.payload,
                        bool(each.header.flags & FLAG_IN_PLACE) if self.shape.in_place
                        else each.header.sequence <= mark) for each in found]

    def step_over_padding(self, lane: int) -> None:
        """What the server does with padding, whether or not anything follows (8.2)."""
        ring = self.requests(lane)
        position, end = self.get_slot(ring, 0, "read_pos"), ring.get("write_pos")
        if position != end and not ring.walk(position, end, FLAG_IN_PLACE if self.shape.in_place else 0):
            self.set_slot(ring, 0, "read_pos", end)

    def begin(self, lane: int, request: Request) -> None:
        ring, header = self.requests(lane), request.header
        if self.shape.in_place:
            ring.set_header(request.position, Header(header.size, header.sequence, header.tag, header.extent, header.type,
                                                     FLAG_IN_PLACE))
        else:
            self.set_slot(ring, 0, "read_count", header.sequence)

    def answer(self, lane: int, request: Request, data: bytes, type: int = 0) -> None:
        """Answers the oldest request, which was begun."""
        ring, header = self.requests(lane), request.header
        if self.shape.in_place:
            ring.fill(request.position, data)
            ring.set_header(request.position, Header(len(data), header.sequence, header.tag, header.extent, type,
                                                     FLAG_IN_PLACE))
        else:
            self.responses(lane).append(data, len(data), type, header.sequence)
        self.set_slot(ring, 0, "read_pos", request.position + header.length)

    def answers(self, lane: int) -> List[Request]:
        """What the client has not let go."""
        ring = self.responses(lane)
        if self.shape.in_place:
            start, end = self.get_slot(ring, 1, "read_pos"), self.get_slot(ring, 0, "read_pos")
            if (start - end) & MASK < 1 << 63:  # the answerer may still be behind this lane's new owner (22.6)
                return []
            return ring.walk(start, end, FLAG_IN_PLACE)
        return ring.walk(self.get_slot(ring, 0, "read_pos"), ring.get("write_pos"), 0)

    def let_go(self, lane: int) -> None:
        """The client lets go of all answers."""
        ring = self.responses(lane)
        if self.shape.in_place:
            self.set_slot(ring, 1, "read_pos", self.get_slot(ring, 0, "read_pos"))
        else:
            self.set_slot(ring, 0, "read_pos", ring.get("write_pos"))

    def last_answered(self, lane: int) -> int:
        """Sequence of the last request that a server is known to have answered, for its successor (22.8); immutable."""
        ring = self.responses(lane)
        last, end, count = ring.get("last_record_pos"), ring.get("write_pos"), ring.counts()
        if last % UNIT or last < ring.get("origin_pos") or (last - end) & MASK > ring.capacity < (end - last) & MASK:
            return 0
        header = ring.header(last)
        if last >= end:
            return max(header.tag - 1, 0)
        return header.tag if (header.sequence, header.flags, last + header.length) == (count, 0, end) else 0

    # 22.11

    def _check(self) -> Shape:
        size = len(self.buffer)
        if size < OIEB_SIZE or self.get("oieb_size") != OIEB_SIZE or self.get("magic") != layout.MAGIC:
            raise Incompatible("no segment")
        features = self.get("feature_flags")
        if features not in (IMMUTABLE, IN_PLACE):
            raise Incompatible(f"no duplex segment: features {features:#x}")
        in_place, lanes, rings = features == IN_PLACE, self.get("max_readers"), self.get("ring_count")
        fixed = 1 if in_place else 2
        if not 1 <= lanes <= MAX_LANES or (rings - 1) % lanes or not fixed <= (rings - 1) // lanes <= fixed + 1:
            raise Corrupt(f"{lanes} lanes, {rings} rings")
        offset = layout.OIEB["capacity"][0]
        capacities = [int(struct.unpack_from("<Q", self.buffer, (1 + i) * OIEB_SIZE + offset)[0])
                      for i in range((rings - 1) // lanes)]
        if any(each % UNIT or not UNIT <= each <= layout.MAX_CAPACITY for each in capacities):
            raise Corrupt(f"capacities {capacities}")
        callback: Optional[int] = capacities[fixed] if len(capacities) > fixed else 0
        for page in (layout.PAGE_SIZE, 2 << 20):
            shape = Shape(lanes, in_place, capacities[0], 0 if in_place else capacities[1], callback or 0, page)
            if (shape.segment_size, shape.records, shape.lane_table) == (
                    self.get("segment_size"), self.get("payload_offset"), self.get("reader_table_offset")):
                if shape.segment_size > size:
                    raise Corrupt(f"segment_size {shape.segment_size}, file {size}")
                return shape
        raise Corrupt("size and offsets are not those of the shape")
