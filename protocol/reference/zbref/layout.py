"""Offsets, constants and words of SPEC.md chapters 4 to 6, and nothing that acts on them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Dict, Tuple

OIEB_SIZE = 1024
VERSION_MAJOR, VERSION_MINOR = 2, 0
MAGIC = int.from_bytes(b"EBUFFR2\0", "little")
UNIT = 64
HEADER_SIZE = 32
PAYLOAD_LEAD = 32
PAGE_SIZE = 4096
SLOT_SIZE = 128
MAX_READERS = 64
MAX_SHARE_SLOTS = 64
MAX_SOURCES = 16
SOURCE_SIZE = 256
MAX_CAPACITY = 1 << 37
MAX_METADATA_SIZE = 1 << 30
MAX_POSITION = 1 << 62
MASK = (1 << 64) - 1
PARKED = MASK
LOCK_BASE = 1 << 62
LOCK_STRIDE = 256

INITIALISING, READY, RETIRED = 0, 1, 2
NEVER, ATTACHED, CLOSED = 0, 1, 2
FREE, JOINING, ACTIVE, CLOSING = 0, 1, 2, 3

FLAG_PADDING, FLAG_SHARED = 1, 2
FEATURE_SHARING = 4
KNOWN_FEATURES = FEATURE_SHARING

# name: (offset, struct format)
OIEB: Dict[str, Tuple[int, str]] = {
    "oieb_size": (0x000, "<I"),
    "version": (0x004, "<4s"),
    "magic": (0x008, "<Q"),
    "segment_size": (0x010, "<Q"),
    "ring_count": (0x018, "<I"),
    "ring_index": (0x01C, "<I"),
    "feature_flags": (0x020, "<Q"),
    "metadata_offset": (0x028, "<Q"),
    "metadata_size": (0x030, "<Q"),
    "payload_offset": (0x038, "<Q"),
    "state": (0x040, "<I"),
    "max_readers": (0x044, "<I"),
    "capacity": (0x048, "<Q"),
    "payload_size": (0x050, "<Q"),
    "reader_table_offset": (0x058, "<Q"),
    "reader_table_size": (0x060, "<Q"),
    "share_slots": (0x068, "<I"),
    "segment_id": (0x070, "<16s"),
    "write_pos": (0x080, "<Q"),
    "counts": (0x088, "<4Q"),
    "last_record_pos": (0x0A8, "<Q"),
    "origin_pos": (0x0B0, "<Q"),
    "reclaim_pos": (0x0B8, "<Q"),
    "lanes_used": (0x0C0, "<I"),
    "readers_waiting": (0x100, "<Q"),
    "data_futex": (0x108, "<I"),
    "readers_fence_required": (0x110, "<Q"),
    "writer_waiting": (0x180, "<I"),
    "space_futex": (0x184, "<I"),
    "wanted_pos": (0x188, "<Q"),
    "writer_fence_required": (0x190, "<I"),
    "writer_last_cpu": (0x194, "<i"),
    "wraps": (0x200, "<Q"),
    "blocked_count": (0x208, "<Q"),
    "blocked_ns": (0x210, "<Q"),
    "readers_lost": (0x218, "<Q"),
    "last_commit_ns": (0x220, "<Q"),
    "dropped": (0x228, "<Q"),
    "writer_place": (0x240, "<Q"),
    "writer_pid": (0x248, "<Q"),
    "writer_start_time": (0x250, "<Q"),
    "metadata_used": (0x280, "<Q"),
    "metadata_version": (0x288, "<Q"),
    "source_count": (0x300, "<I"),
    "source_table_offset": (0x308, "<Q"),
    "source_table_size": (0x310, "<Q"),
}

SLOT: Dict[str, Tuple[int, str]] = {
    "read_pos": (0x00, "<Q"),
    "read_count": (0x08, "<Q"),
    "place": (0x10, "<Q"),
    "pid": (0x18, "<Q"),
    "start_time": (0x20, "<Q"),
    "last_cpu": (0x28, "<i"),
    "lost": (0x30, "<Q"),
    "skipped": (0x38, "<Q"),
    "evicted_epoch": (0x40, "<Q"),
    "client": (0x48, "<Q"),
    "pinned_for": (0x50, "<16s"),
}

SOURCE: Dict[str, Tuple[int, str]] = {
    "version": (0x00, "<I"),
    "name_size": (0x04, "<I"),
    "segment_id": (0x08, "<16s"),
    "last_pos": (0x18, "<Q"),
    "name": (0x20, "<200s"),
}
# source, source_version, position, size, sequence
DESCRIPTOR = struct.Struct("<IIQQQ")

# size, sequence, tag, extent, type, flags
HEADER = struct.Struct("<QQQIHH")
assert HEADER.size == HEADER_SIZE


@dataclass(frozen=True)
class Header:
    """A record header, as it was fetched."""

    size: int
    sequence: int
    tag: int
    extent: int
    type: int
    flags: int

    @property
    def length(self) -> int:
        """Bytes of ring that the record takes: walkers use this, never the size."""
        return self.extent * UNIT

    @property
    def padding(self) -> bool:
        return bool(self.flags & FLAG_PADDING)

    @property
    def shared(self) -> bool:
        return self.flags == FLAG_SHARED

    def pack(self) -> bytes:
        return HEADER.pack(self.size, self.sequence, self.tag, self.extent, self.type, self.flags)

    @classmethod
    def unpack(cls, data: bytes) -> "Header":
        return cls(*HEADER.unpack(data))


@dataclass(frozen=True)
class Place:
    """A place word: who owns the writer's place or a slot."""

    state: int
    epoch: int
    kind: int = 0

    def pack(self) -> int:
        return (self.state | self.kind << 8 | self.epoch << 16) & 0xFFFF_FFFF_FFFF_FFFF

    @classmethod
    def unpack(cls, word: int) -> "Place":
        return cls(state=word & 0xFF, kind=word >> 8 & 0xFF, epoch=word >> 16)


def round_up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def record_length(size: int) -> int:
    """Bytes of ring that a frame of `size` bytes takes."""
    return round_up(HEADER_SIZE + size, UNIT)
