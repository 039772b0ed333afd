#!/usr/bin/env python3
"""Makes the golden segments beside it and expected.json, byte for byte the same each time.

Owns: which situations every implementation must read alike. Uses the reference to make what is right and pokes bytes to
make what is wrong; the expectations are written down here by hand, not computed by reading. Run it from anywhere.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "reference"))

from zbref import Reader, RingFull, Segment, Writer, layout  # noqa: E402
from zbref.layout import Header  # noqa: E402
from zbref.reader import free_dead_slot  # noqa: E402

Json = Dict[str, Any]


def content(size: int, seed: int) -> bytes:
    """Bytes of a frame: nothing repeats within 251 bytes, and every frame differs."""
    return bytes((seed * 37 + i * 11 + i // 251) & 0xFF for i in range(size))


def segment(payload: int = 480, metadata: int = 64, readers: int = 1) -> Segment:
    return Segment.create(payload, metadata, readers, segment_id=bytes(range(16)))


def frame(sequence: int, data: bytes, kind: int = 0, tag: int = 0) -> Json:
    short = {"hex": data.hex()} if len(data) <= 64 else {}
    return {"sequence": sequence, "type": kind, "tag": tag, "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(), **short}


def reading(join: str, frames: List[Json], end: str, lost: int = 0) -> Json:
    """What a reader that joins so gets, and then.

    end: "nothing" (no writer yet), "closed", "peer_dead" (the writer's place is taken, its lock is free), or "corrupt".
    """
    return {"join": join, "frames": frames, "end": end, "lost": lost}


class Vectors:
    """Collects files and expectations."""

    def __init__(self) -> None:
        self.files: Dict[str, bytes] = {}
        self.expected: Dict[str, Json] = {}

    def good(self, name: str, about: str, made: Segment, readings: List[Json],
             metadata: Optional[bytes] = None) -> None:
        self.files[name] = bytes(made.buffer)
        geometry = made.geometry
        self.expected[name] = {
            "about": about,
            "geometry": {
                "segment_size": geometry.segment_size,
                "capacity": geometry.capacity,
                "max_frame_size": geometry.max_frame_size,
                "metadata_size": geometry.metadata_size,
                "max_readers": geometry.max_readers,
            },
            "metadata": None if metadata is None else metadata.hex(),
            "readings": readings,
        }

    def refuses_a_writer(self, name: str) -> None:
        """Who attaches as writer is told that the segment is corrupt."""
        self.expected[name]["writer_error"] = "corrupt"

    def bad(self, name: str, about: str, data: bytes, error: str) -> None:
        self.files[name] = bytes(data)
        self.expected[name] = {"about": about, "error": error}


def good(vectors: Vectors) -> None:
    made = segment()
    vectors.good("empty", "nobody has written", made, [reading("oldest", [], "nothing")])

    made = segment()
    Writer(made).write_metadata(b'{"what": "metadata"}')
    vectors.good("metadata_only", "metadata, no frame, the writer died", made,
                 [reading("oldest", [], "peer_dead")], b'{"what": "metadata"}')

    made = segment(metadata=16)
    writer = Writer(made)
    writer.write_metadata(b"")
    writer.close()
    vectors.good("metadata_empty", "metadata of no bytes, which is not the same as none", made,
                 [reading("oldest", [], "closed")], b"")

    made = segment(metadata=16)
    writer = Writer(made)
    writer.write_metadata(content(16, 9))
    writer.close()
    vectors.good("metadata_full", "metadata that fill their block", made,
                 [reading("oldest", [], "closed")], content(16, 9))

    made = segment(metadata=0)
    writer = Writer(made)
    writer.write(content(100, 1))
    writer.close()
    vectors.good("one_frame", "one frame, the writer closed, no metadata block", made,
                 [reading("oldest", [frame(1, content(100, 1))], "closed"), reading("now", [], "closed")])

    made = segment(payload=992)
    writer = Writer(made)
    sizes = [0, 1, 31, 32, 33, 63, 64, 65]
    for i, size in enumerate(sizes):
        writer.write(content(size, i))
    vectors.good("sizes", "frames around the unit, one of no bytes; the writer died", made,
                 [reading("oldest", [frame(i + 1, content(size, i)) for i, size in enumerate(sizes)], "peer_dead")])

    made = segment(payload=992)
    writer = Writer(made)
    kinds = [(0, 0), (2, 5), (127, 1), (128, (1 << 64) - 1), (65535, 1 << 63)]
    for i, (kind, tag) in enumerate(kinds):
        writer.write(content(20 + i, i), kind, tag)
    writer.close()
    typed = [frame(i + 1, content(20 + i, i), kind, tag) for i, (kind, tag) in enumerate(kinds)]
    vectors.good("types_and_tags", "the extremes of type and tag; type 2 is an array frame", made,
                 [reading("oldest", typed, "closed")])

    made = segment(payload=224)
    writer = Writer(made)
    for i in range(4):
        writer.write(content(30, i))
    writer.drop()
    vectors.good("full", "no byte is free, no reader has ever attached, a frame was dropped", made,
                 [reading("oldest", [frame(i + 1, content(30, i)) for i in range(4)], "peer_dead"),
                  reading("automatic", [frame(i + 1, content(30, i)) for i in range(4)], "peer_dead")])

    made = segment(payload=480)
    writer = Writer(made)
    writer.write(content(480, 3))
    writer.close()
    vectors.good("largest", "one frame of max_frame_size", made,
                 [reading("oldest", [frame(1, content(480, 3))], "closed")])

    made, writer, reader = with_reader(segment(payload=480))
    for i in range(5):
        writer.write(content(32, i))
        reader.release(reader.read())
    writer.write(content(60, 5))
    try:
        writer.write(content(300, 6))
    except RingFull:
        reader.close()
    vectors.good("padding_last", "padding to the end of the lap, and nothing behind it yet", made,
                 [reading("oldest", [frame(6, content(60, 5))], "peer_dead")])

    made, writer, reader = with_reader(segment(payload=480))
    for i in range(7):
        writer.write(content(32, i))
        reader.release(reader.read())
    writer.write(content(200, 7))
    writer.write(content(50, 8))
    reader.close()
    writer.close()
    vectors.good("wrapped", "padding, then a lap begun anew; the readers are gone", made,
                 [reading("oldest", [frame(8, content(200, 7)), frame(9, content(50, 8))], "closed")])

    made, writer, reader = with_reader(segment(payload=480, readers=2))
    for i in range(3):
        writer.write(content(10, i))
        reader.release(reader.read())
    writer.write(content(90, 3), restart=True)
    vectors.good("early_restart", "padding long before the end of the lap; a dead reader has its place still", made,
                 [reading("oldest", [frame(4, content(90, 3))], "peer_dead"),
                  reading("resume", [frame(4, content(90, 3))], "peer_dead")])

    made, writer, reader = with_reader(segment(payload=480))
    for i in range(4):
        writer.write(content(40, i))
    held = [reader.read() for _ in range(3)]
    reader.release(held[2])
    reader.release(held[0])
    vectors.good("held", "a dead reader held frame 2 and had let 1 and 3 go", made,
                 [reading("resume", [frame(i, content(40, i - 1)) for i in (2, 3, 4)], "peer_dead"),
                  reading("oldest", [frame(i, content(40, i - 1)) for i in (1, 2, 3, 4)], "peer_dead")])

    made, writer, reader = with_reader(segment(payload=224, readers=2))
    other = Reader(made, "oldest")
    for i in range(4):
        writer.write(content(5, i))
    reader.release(reader.read())
    while (taken := other.read()) is not None:
        other.release(taken)
    free_dead_slot(made, 0)
    writer.write(content(5, 4))
    writer.write(content(5, 5))
    other.release(other.read())
    other.close()
    vectors.good("freed_slot", "a dead reader's slot was freed after frame 1; who resumes is told what it lost", made,
                 [reading("resume", [frame(i, content(5, i - 1)) for i in (5, 6)], "peer_dead", lost=3)])

    made = segment(payload=480)
    writer = Writer(made)
    writer.write(content(40, 0))
    writer.claim(64)[:] = b"?" * 64
    vectors.good("killed_in_a_claim", "the writer died while it filled its second frame", made,
                 [reading("oldest", [frame(1, content(40, 0))], "peer_dead")])

    made = segment(payload=480)
    writer = Writer(made)
    writer.write(content(40, 0))
    made.set("metadata_version", 1)
    vectors.good("metadata_unfinished", "the writer's predecessor died while it wrote the metadata", made,
                 [reading("oldest", [frame(1, content(40, 0))], "peer_dead")])

    made = segment(payload=480)
    made.set("write_pos", 1 << 40)
    made.set("reclaim_pos", 1 << 40)
    made.set_counts([(1 << 40, 1 << 33), (0, 0)])
    made.set("last_record_pos", (1 << 40) - 64)
    writer = Writer(made)
    for i in range(3):
        writer.write(content(70, i))
    writer.close()
    vectors.good("far_positions", "positions far beyond 32 bits", made,
                 [reading("oldest", [frame((1 << 33) + 1 + i, content(70, i)) for i in range(3)], "closed")])


def anew(vectors: Vectors) -> None:
    """Rings that have begun anew (7.10): offsets are counted from their origin."""
    made, _, _ = walked_anew()
    left = [frame(5, content(90, 5)), frame(6, content(90, 6))]
    vectors.good("begun_anew", "a ring that began anew and went on, with padding to the end of the lap from its origin", made,
                 [reading("oldest", left, "peer_dead"), reading("resume", left, "peer_dead"),
                  reading("now", [], "peer_dead")])

    made, writer, reader = with_reader(segment(payload=480))
    for i in range(3):
        writer.write(content(40, i))
        reader.release(reader.read())
    assert writer.begin_anew()
    writer.claim(480)[:] = b"?" * 480
    vectors.good("begun_anew_empty", "the writer died in its first claim in a ring that it had begun anew", made,
                 [reading(join, [], "peer_dead") for join in ("oldest", "resume", "now")])

    made = segment(payload=416)
    made.set("write_pos", 1 << 40)
    made.set("reclaim_pos", 1 << 40)
    made.set("origin_pos", 6528)
    made.set_counts([(1 << 40, 1 << 33), (0, 0)])
    made.set("last_record_pos", (1 << 40) - 64)
    writer = Writer(made)
    for i, size in enumerate((20, 70, 33)):
        writer.write(content(size, i))
    writer.close()
    vectors.good("begun_anew_long_ago", "an origin that lies many laps behind, in a ring whose capacity is 7 units", made,
                 [reading("oldest", [frame((1 << 33) + 1 + i, content(size, i)) for i, size in enumerate((20, 70, 33))],
                          "closed")])

    made, writer, reader = with_reader(segment(payload=544))
    writer.write(content(8, 0))
    reader.release(reader.read())
    assert writer.begin_anew(spares=True)
    sizes = [0, 32, 33, 20]
    for i, size in enumerate(sizes):
        writer.write(content(size, 1 + i))
    assert writer.position == 64 + made.geometry.capacity
    for offset in (64, 192, 384, 512):  # a header for who goes by the size
        made.set_header(offset, Header(5, 3, 0, 1, 0, 0))
    reader.close()
    writer.close()
    spared = [frame(2 + i, content(size, 1 + i)) for i, size in enumerate(sizes)]
    vectors.good("spare_unit", "records with a unit more than they need, the last one up to the end of the lap", made,
                 [reading("oldest", spared, "closed")])


def walked_anew() -> tuple[Segment, Writer, Reader]:
    """A ring of 8 units with its origin at the third one, where two records and padding between them are left."""
    made, writer, reader = with_reader(segment(payload=480))
    for i in range(1, 4):
        writer.write(content(10, i))
        reader.release(reader.read())
    assert writer.begin_anew()
    for i, size in ((4, 288), (5, 90), (6, 90)):
        writer.write(content(size, i))
        if i == 4:
            reader.release(reader.read())
    return made, writer, reader


def sharing(vectors: Vectors) -> None:
    """Two segments: descriptors in the second name frames of the first, which its readers find as /dev/shm/NAME."""
    source = Segment.create(480, 0, 1, segment_id=bytes(range(16, 32)), share_slots=2)
    writer = Writer(source)
    writer.write(content(100, 1), 200, 7)
    writer.write(content(33, 2))
    own = [frame(1, content(100, 1), 200, 7), frame(2, content(33, 2))]
    vectors.good("sharing_source", "pins' slots and a source table, two frames", source,
                 [reading("oldest", own, "peer_dead")])

    made = Segment.create(480, 0, 1, segment_id=bytes(range(32, 48)), share_slots=1)
    made.name_source(0, bytes(range(16, 32)), "sharing_source")
    writer = Writer(made)
    writer.write(content(20, 3))
    writer.write_descriptor(0, 0, 100, 1, 200, 7)
    writer.write(content(21, 4))
    writer.write_descriptor(0, 192, 33, 2)
    writer.write_descriptor(0, 192, 33, 3)
    writer.close()
    gone = [frame(1, content(20, 3)), lost(2), frame(3, content(21, 4)), lost(4), lost(5)]
    there = [frame(1, content(20, 3)), frame(2, content(100, 1), 200, 7), frame(3, content(21, 4)),
             frame(4, content(33, 2)), lost(5)]
    vectors.good("sharing_output", "descriptors of frames of sharing_source, the last of one that is none", made,
                 [reading("oldest", gone, "closed", lost=3),
                  {**reading("oldest", there, "closed", lost=1), "sources": ["sharing_source"]}])

    source = anew_source()
    there = [frame(4, content(100, 4), 200, 7), frame(5, content(33, 5))]
    vectors.good("sharing_source_anew", "a source that has begun anew behind its third frame, with records of a unit more",
                 source, [reading("oldest", there, "peer_dead")])

    made = Segment.create(480, 0, 1, segment_id=bytes(range(32, 48)), share_slots=1)
    made.name_source(0, bytes(range(16, 32)), "sharing_source_anew")
    made, writer, reader = with_reader(made)
    writer.write(content(20, 3))
    reader.release(reader.read())
    assert writer.begin_anew(spares=True)
    writer.write_descriptor(0, 0, 100, 1, 200, 7)
    writer.write_descriptor(0, 640, 100, 4, 200, 7)
    writer.write_descriptor(0, 896, 33, 5)
    reader.close()
    writer.close()
    vectors.good("sharing_output_anew", "descriptors of a unit more, the first one of a frame before the source's origin",
                 made, [reading("oldest", [lost(i) for i in (2, 3, 4)], "closed", lost=3),
                        {**reading("oldest", [lost(2), frame(3, content(100, 4), 200, 7), frame(4, content(33, 5))],
                                   "closed", lost=1), "sources": ["sharing_source_anew"]}])


def anew_source() -> Segment:
    source = Segment.create(480, 0, 1, segment_id=bytes(range(16, 32)), share_slots=2)
    source, writer, reader = with_reader(source)
    for i, size in ((1, 100), (2, 288), (3, 90)):
        writer.write(content(size, i), 200, 7)
        reader.release(reader.read())
    assert writer.begin_anew(spares=True)
    writer.write(content(100, 4), 200, 7)
    writer.write(content(33, 5))
    reader.close()
    return source


def lost(sequence: int) -> Json:
    return {"sequence": sequence, "lost": True}


def with_reader(made: Segment) -> tuple[Segment, Writer, Reader]:
    return made, Writer(made), Reader(made, "oldest")


def filled() -> Segment:
    made = segment(readers=2)
    writer = Writer(made)
    writer.write_metadata(b"meta")
    for i in range(3):
        writer.write(content(50, i))
    writer.close()
    return made


def bad_geometry(vectors: Vectors) -> None:
    def changed(name: str, about: str, error: str, **fields: Any) -> None:
        made = filled()
        for field, value in fields.items():
            made.set(field, value)
        vectors.bad(name, about, made.buffer, error)

    def shares(name: str, about: str, **fields: Any) -> None:
        made = Segment.create(480, 64, 1, segment_id=bytes(range(16)), share_slots=2)
        for field, value in fields.items():
            made.set(field, value)
        vectors.bad(name, about, made.buffer, "corrupt")

    shares("bad_sharing_slots_65", "more pins than there may be", share_slots=65, reader_table_size=1 << 14)
    shares("bad_sharing_table_small", "no slots for the pins", reader_table_size=128)
    shares("bad_sharing_sources_small", "the source table is too short", source_table_size=4095)
    shares("bad_sharing_sources_overlap", "the source table lies in the reader table", source_table_offset=1024)
    shares("bad_sharing_sources_outside", "the source table lies beyond the end", source_table_offset=1 << 20)

    vectors.bad("bad_empty_file", "a file of no bytes", b"", "incompatible")
    vectors.bad("bad_all_zero", "a file of zeros", bytes(8192), "incompatible")
    vectors.bad("bad_short_file", "shorter than an OIEB", bytes(filled().buffer[:1000]), "incompatible")
    vectors.bad("bad_text_file", "a foreign file", (b"This is no segment. " * 100)[:2000], "incompatible")
    old = bytearray(8192)
    struct.pack_into("<I4B4Q", old, 0, 128, 1, 1, 0, 0, 64, 64, 0, 0)
    vectors.bad("bad_version_1", "the first fields of ZeroBuffer 1.x", bytes(old), "incompatible")
    changed("bad_magic", "one letter differs", "incompatible", magic=layout.MAGIC ^ 0x20)
    changed("bad_major", "a major version to come", "incompatible", version=bytes([3, 0, 0, 0]))
    changed("bad_feature", "a feature that this version does not know", "incompatible", feature_flags=1 << 63)
    changed("bad_sharing_no_slots", "payload sharing without a slot for a pin", "corrupt", feature_flags=4)
    changed("bad_initialising", "not ready though all fields are there", "not_ready", state=0)
    changed("bad_retired", "nobody may attach any more", "retired", state=2)
    changed("bad_state", "no such state", "corrupt", state=7)
    vectors.bad("bad_truncated", "the file is shorter than it says", bytes(filled().buffer[:8000]), "corrupt")
    changed("bad_ring_count_0", "no ring", "corrupt", ring_count=0)
    changed("bad_ring_count_2", "two rings in a stream", "corrupt", ring_count=2)
    changed("bad_ring_index", "the second ring", "corrupt", ring_index=1)
    changed("bad_max_readers_0", "no reader", "corrupt", max_readers=0)
    changed("bad_max_readers_65", "more readers than bits", "corrupt", max_readers=65, reader_table_size=1 << 20)
    changed("bad_share_slots", "slots for pins without the feature", "corrupt", share_slots=1)
    changed("bad_capacity_0", "no ring", "corrupt", capacity=0)
    changed("bad_capacity_odd", "not a whole number of units", "corrupt", capacity=500)
    changed("bad_capacity_huge", "larger than any ring", "corrupt", capacity=1 << 63)
    changed("bad_capacity_large", "larger than its block", "corrupt", capacity=4096)
    changed("bad_table_small", "the table has fewer slots than readers", "corrupt", reader_table_size=128)
    changed("bad_table_offset", "the table would lie in the OIEB", "corrupt", reader_table_offset=512)
    changed("bad_metadata_overlap", "metadata block in the reader table", "corrupt", metadata_offset=1152)
    changed("bad_metadata_outside", "metadata block beyond the end", "corrupt", metadata_offset=8192)
    changed("bad_metadata_overflow", "offset and size overflow", "corrupt", metadata_offset=(1 << 64) - 64)
    changed("bad_metadata_huge", "larger than any", "corrupt", metadata_size=1 << 40)
    changed("bad_payload_overlap", "payload block over the OIEB", "corrupt", payload_offset=0, payload_size=8192)
    changed("bad_payload_odd", "payload block not on a page", "corrupt", payload_offset=4096 - 64)
    changed("bad_payload_outside", "payload block beyond the end", "corrupt", payload_offset=8192)


def bad_ring(vectors: Vectors) -> None:
    def reads(name: str, about: str, change: Callable[[Segment], None], frames: int) -> None:
        made = filled()
        change(made)
        good_ones = [frame(i + 1, content(50, i)) for i in range(frames)]
        vectors.good(name, about, made, [reading("oldest", good_ones, "corrupt")], b"meta")

    def header(position: int, **fields: int) -> Callable[[Segment], None]:
        def change(made: Segment) -> None:
            made.set_header(position, Header(**{**vars(made.header(position)), **fields}))
        return change

    reads("bad_size", "the payload is longer than its record", header(128, size=97), 1)
    reads("bad_size_huge", "size + 32 overflows", header(128, size=(1 << 64) - 16), 1)
    reads("bad_extent_0", "a record of no length", header(128, extent=0), 1)
    reads("bad_extent_end", "a record beyond the end of the ring", header(128, extent=7), 1)
    reads("bad_extent_unpublished", "a record beyond write_pos", header(256, extent=3), 2)
    reads("bad_extent_huge", "the greatest extent", header(0, extent=(1 << 32) - 1), 0)
    reads("bad_sequence", "a sequence is left out", header(256, sequence=4), 2)
    reads("bad_sequence_0", "frames begin at 1", header(0, sequence=0), 0)
    reads("bad_flag", "a flag that this version does not know", header(128, flags=8), 1)
    reads("bad_flag_in_place", "a reserved flag", header(128, flags=4), 1)
    reads("bad_flag_shared", "a descriptor without the feature", header(128, flags=2, size=32), 1)
    reads("bad_padding_middle", "padding that ends before the ring does", header(128, flags=1, size=0, sequence=0), 1)
    reads("bad_padding_start", "padding at offset 0", header(0, flags=1, size=0, sequence=0), 0)

    def descriptor(name: str, about: str, *fields: int, size: int = 32, source: str = "sharing_source") -> None:
        made = Segment.create(480, 0, 1, segment_id=bytes(range(32, 48)), share_slots=1)
        made.name_source(0, bytes(range(16, 32)), source)
        writer = Writer(made)
        writer.write_descriptor(0, 0, 100, 1)
        made.payload(0, 32)[:] = layout.DESCRIPTOR.pack(*fields)
        made.set_header(0, Header(**{**vars(made.header(0)), "size": size}))
        vectors.good(name, about, made, [{**reading("oldest", [], "corrupt"), "sources": [source]}])

    descriptor("bad_descriptor_size", "a descriptor of 31 bytes", 0, 2, 0, 100, 1, size=31)
    descriptor("bad_descriptor_source", "beyond the source table", 16, 2, 0, 100, 1)
    descriptor("bad_descriptor_version", "a version that no entry has when it is there", 0, 3, 0, 100, 1)
    descriptor("bad_descriptor_position", "not on a unit of the source", 0, 2, 32, 100, 1)
    descriptor("bad_descriptor_end", "over the end of the source's ring", 0, 2, 448, 100, 1)
    descriptor("bad_descriptor_huge", "larger than any frame of the source", 0, 2, 0, (1 << 64) - 8, 1)
    descriptor("bad_descriptor_end_anew", "over the end of the source's ring, counted from its origin", 0, 2, 1088, 100, 6,
               source="sharing_source_anew")

    def at_attach(name: str, about: str, **fields: int) -> None:
        made = filled()
        for field, value in fields.items():
            made.set(field, value)
        vectors.good(name, about, made, [reading("oldest", [], "corrupt")], b"meta")
        vectors.refuses_a_writer(name)

    at_attach("bad_write_pos", "further ahead than the ring is long", write_pos=1 << 40)
    at_attach("bad_write_pos_odd", "write_pos is no whole unit", write_pos=100)
    at_attach("bad_reclaim_pos", "reclaim_pos is ahead of write_pos", reclaim_pos=1024)
    bad_origin(vectors)

    made = filled()
    made.set("metadata_used", 65)
    vectors.good("bad_metadata_used", "more metadata than the block has", made,
                 [reading("oldest", [frame(i + 1, content(50, i)) for i in range(3)], "closed")])
    vectors.expected["bad_metadata_used"]["metadata_error"] = "corrupt"


def bad_origin(vectors: Vectors) -> None:
    made = filled()
    made.set("origin_pos", 1024)
    vectors.good("bad_origin_ahead", "the origin is ahead of write_pos, by whole laps", made,
                 [reading("oldest", [], "corrupt"), reading("now", [], "corrupt")], b"meta")
    vectors.refuses_a_writer("bad_origin_ahead")

    made = filled()
    made.set("origin_pos", 128)
    made.set_header(384, Header(5, 9, 0, 2, 0, 0))  # for who counts from it
    vectors.good("bad_origin_early", "the origin is ahead of reclaim_pos, and so of who joins at the oldest position", made,
                 [reading("oldest", [], "corrupt"), reading("now", [], "closed")], b"meta")
    vectors.refuses_a_writer("bad_origin_early")

    source = Segment.create(480, 0, 1, segment_id=bytes(range(16, 32)), share_slots=1)
    writer = Writer(source)
    writer.write(content(200, 1))
    writer.write(content(33, 2))
    source.set("origin_pos", 32)
    source.set_header(224, source.header(256))
    vectors.good("bad_origin_source", "a source whose origin is no whole unit, and where it leads lies what looks like a "
                 "header", source, [reading("oldest", [], "corrupt")])
    vectors.refuses_a_writer("bad_origin_source")
    made = Segment.create(480, 0, 1, segment_id=bytes(range(32, 48)), share_slots=1)
    made.name_source(0, bytes(range(16, 32)), "bad_origin_source")
    Writer(made).write_descriptor(0, 256, 33, 2)
    vectors.good("bad_descriptor_origin", "a descriptor of a frame of bad_origin_source", made,
                 [{**reading("oldest", [], "corrupt"), "sources": ["bad_origin_source"]}])

    made, writer, reader = with_reader(segment(payload=480))
    for i in range(4):
        writer.write(Header(20, 5, 0, 2, 0, 0).pack())
        reader.release(reader.read())
    writer.write(content(90, 5))
    made.set("reclaim_pos", 256)
    made.set("origin_pos", 32)
    vectors.good("bad_origin_odd", "the origin is no whole unit, and where it leads lies what looks like a header", made,
                 [reading("oldest", [], "corrupt"), reading("resume", [], "corrupt")])
    vectors.refuses_a_writer("bad_origin_odd")

    made, writer, dead = with_reader(segment(payload=480, readers=2))
    other = Reader(made, "oldest", alive=(0,))
    for i in range(3):
        writer.write(content(10, i))
        dead.release(dead.read())
        other.release(other.read())
    assert writer.begin_anew()
    writer.write(content(100, 3))
    made.set_slot(0, "read_pos", 128)
    made.set_header(448, Header(5, 3, 0, 1, 0, 0))
    vectors.good("bad_origin_resume", "the origin is ahead of a dead reader, and where that leads lies what looks like a "
                 "header", made, [reading("resume", [], "corrupt"), reading("oldest", [frame(4, content(100, 3))],
                                                                            "peer_dead")])

    made, writer, reader = walked_anew()
    made.set_header(320, replace(made.header(320), extent=4))
    vectors.good("bad_anew_extent_end", "a record beyond the end of the lap that began with the origin", made,
                 [reading("oldest", [], "corrupt")])

    made, writer, reader = with_reader(segment(payload=480))
    for i in range(3):
        writer.write(content(10, i))
        reader.release(reader.read())
    assert writer.begin_anew()
    for i, size in ((3, 130), (4, 90), (5, 10)):
        writer.write(content(size, i))
    made.set_header(192, Header(0, 0, 0, 2, 0, layout.FLAG_PADDING))
    vectors.good("bad_anew_padding", "padding up to a multiple of the capacity instead of the end of the lap", made,
                 [reading("oldest", [frame(4, content(130, 3))], "corrupt")])


def make() -> Vectors:
    vectors = Vectors()
    good(vectors)
    anew(vectors)
    sharing(vectors)
    bad_geometry(vectors)
    bad_ring(vectors)
    return vectors


def main() -> None:
    vectors = make()
    for name, data in vectors.files.items():
        (HERE / f"{name}.zb").write_bytes(data)
    text = json.dumps(vectors.expected, indent=1, ensure_ascii=False)
    (HERE / "expected.json").write_text(text + "\n", encoding="utf-8")
    print(f"{len(vectors.files)} vectors, {sum(map(len, vectors.files.values()))} bytes")


if __name__ == "__main__":
    main()
