"""The golden segments are what make.py makes, and reading them gives what expected.json says."""

import hashlib
import importlib.util
import json
from pathlib import Path

import pytest
from zbref import Corrupt, FrameLost, Reader, RingFull, Segment, SegmentError, Writer, layout, read_metadata
from zbref.reader import free_dead_slot

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
EXPECTED = json.loads((VECTORS / "expected.json").read_text(encoding="utf-8"))


def load(name):
    return bytearray((VECTORS / f"{name}.zb").read_bytes())


def test_the_committed_vectors_are_what_the_generator_makes():
    spec = importlib.util.spec_from_file_location("make", VECTORS / "make.py")
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    vectors = make.make()
    assert vectors.expected == EXPECTED
    assert sorted(path.stem for path in VECTORS.glob("*.zb")) == sorted(EXPECTED)
    for name, data in vectors.files.items():
        assert load(name) == data, name
        assert len(data) <= 16384, name


@pytest.mark.parametrize("name", [name for name, entry in EXPECTED.items() if "error" in entry])
def test_a_bad_segment_is_refused_with_its_class(name):
    """Scenario 5.3"""
    with pytest.raises(SegmentError) as caught:
        Segment(load(name))
    assert caught.value.status == EXPECTED[name]["error"]


@pytest.mark.parametrize("name", [name for name, entry in EXPECTED.items() if "readings" in entry])
def test_a_writer_is_refused_where_it_is_written_down_and_goes_on_elsewhere(name):
    """Scenario 4.3, 5.1"""
    segment = Segment(load(name))
    if "writer_error" in EXPECTED[name]:
        with pytest.raises(SegmentError) as caught:
            Writer(segment)
        assert caught.value.status == EXPECTED[name]["writer_error"]
    else:
        if "corrupt" in (reading["end"] for reading in EXPECTED[name]["readings"]):
            return
        writer, reader = Writer(segment), Reader(segment, "now")
        largest = bytes(range(256)) * (segment.geometry.max_frame_size // 256 + 1)
        largest = largest[: segment.geometry.max_frame_size]
        for slot in set(range(segment.geometry.max_readers)) - {reader.slot}:
            free_dead_slot(segment, slot)
        try:
            writer.write(largest)
        except RingFull:
            assert reader.read() is None, "only the padding was free"
            writer.write(largest)
        frame = reader.read()
        assert (bytes(frame.payload), frame.offset) == (largest, 0)


def end_of(segment):
    ends = {layout.NEVER: "nothing", layout.ATTACHED: "peer_dead", layout.CLOSED: "closed"}
    return ends[segment.writer_place().state]


@pytest.mark.parametrize("name", [name for name, entry in EXPECTED.items() if "readings" in entry])
def test_every_reading_of_a_segment_gives_its_frames_and_its_end(name):
    """Scenario 2.5, 4.15"""
    entry = EXPECTED[name]
    for expected in entry["readings"]:
        segment = Segment(load(name))
        for field, value in entry["geometry"].items():
            assert getattr(segment.geometry, field) == value, field
        if "metadata_error" in entry:
            with pytest.raises(Corrupt):
                read_metadata(segment)
        else:
            metadata = read_metadata(segment)
            assert (None if metadata is None else metadata.hex()) == entry["metadata"]
        frames, end, reader = [], None, None
        try:
            sources = [Segment(load(source)) for source in expected.get("sources", ())]
            reader = Reader(segment, expected["join"],
                            sources={source.get_bytes("segment_id"): source for source in sources})
            while True:
                try:
                    frame = reader.read()
                except FrameLost:
                    assert reader.expected is not None
                    frames.append(reader.expected - 1)
                    reader.lost += 1
                    continue
                if frame is None:
                    break
                data = bytes(frame.payload)
                frames.append((frame.sequence, frame.type, frame.tag, len(data), hashlib.sha256(data).hexdigest()))
                assert segment.address(frame.offset) % 64 == 32
                reader.release(frame)
            end = end_of(segment)
        except Corrupt:
            end = "corrupt"
        keys = ("sequence", "type", "tag", "size", "sha256")
        assert frames == [each["sequence"] if "lost" in each else tuple(each[key] for key in keys)
                          for each in expected["frames"]]
        assert end == expected["end"]
        assert (reader.lost if reader else 0) == expected["lost"]
