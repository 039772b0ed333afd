"""The reference of channels for calls: what it makes it reads again, in each state that a request can be in."""

import json
from pathlib import Path

import pytest
from zbref import layout
from zbref.duplex import ERROR, Channel
from zbref.errors import Corrupt, Incompatible, SegmentError


def channel(in_place):
    made = Channel.create(in_place, request=1000, response=1000, callback=100, lanes=2)
    made.set_server(layout.ATTACHED, 1)
    return made


@pytest.mark.parametrize("in_place", [False, True])
def test_a_request_waits_is_begun_and_is_answered(in_place):
    made = channel(in_place)
    assert made.take_lane(0) == 2048 + 1
    assert made.lanes_used == 1 and made.lane(0).state == layout.ACTIVE
    assert made.send(0, b"first", tag=7) == 1 and made.send(0, b"second") == 2
    again = Channel(made.buffer)
    assert [(each.payload, each.begun) for each in again.waiting(0)] == [(b"first", False), (b"second", False)]
    again.begin(0, again.waiting(0)[0])
    assert [each.begun for each in again.waiting(0)] == [True, False]
    assert again.answers(0) == []
    again.answer(0, again.waiting(0)[0], b"yes")
    assert [each.payload for each in again.waiting(0)] == [b"second"]
    (answer,) = again.answers(0)
    assert answer.payload == b"yes"
    assert (answer.header.sequence if in_place else answer.header.tag) == 1
    again.answer(0, again.waiting(0)[0], b"no", ERROR)
    assert [each.header.type for each in again.answers(0)] == [0, ERROR]


@pytest.mark.parametrize("in_place", [False, True])
def test_a_shape_that_does_not_fit_is_corrupt(in_place):
    for field, value in {"max_readers": 0, "ring_count": 2, "segment_size": 4096, "payload_offset": 4096}.items():
        made = channel(in_place)
        made.set(0, field, value)
        with pytest.raises(Corrupt):
            Channel(made.buffer)


def test_a_stream_is_no_channel():
    from zbref import Segment

    with pytest.raises(Incompatible):
        Channel(Segment.create(500).buffer)


def test_a_channel_is_no_stream():
    from zbref import Segment

    with pytest.raises(SegmentError):
        Segment(channel(True).buffer)


VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "duplex"


@pytest.mark.parametrize("name", sorted(path.stem for path in VECTORS.glob("*.zb")))
def test_a_golden_channel_gives_what_is_written_down(name):
    expected = json.loads((VECTORS / "expected.json").read_text(encoding="utf-8"))[name]
    made = Channel(bytearray((VECTORS / f"{name}.zb").read_bytes()))
    assert made.shape.in_place == (expected["kind"] == "mutable duplex")
    assert made.shape.segment_size == expected["segment_size"]
    assert made.server().state == {"dead": layout.ATTACHED, "closed": layout.CLOSED}[expected["server"]]
    assert made.lanes_used == len(expected["lanes"])
    for lane, wanted in enumerate(expected["lanes"]):
        waiting = made.waiting(lane)
        assert made.client(lane) == wanted["client"]
        assert made.requests(lane).counts() == wanted["sent"]
        assert len(waiting) == wanted["waiting"] == wanted["sent"] - wanted["answered"]
        assert sum(each.begun for each in waiting) == wanted["begun"]
        assert len(made.answers(lane)) == wanted["answered"]
