"""The reference of channels for calls: what it makes it reads again, in each state that a request can be in."""

import json
from pathlib import Path

import pytest
from zbref import layout
from zbref.duplex import ERROR, Channel
from zbref.errors import Corrupt, Incompatible, RingFull, SegmentError
from zbref.layout import Header


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


@pytest.mark.parametrize("in_place", [False, True])
def test_a_lane_whose_end_has_no_room_begins_anew_where_all_was_let_go(in_place):
    made = channel(in_place)
    made.take_lane(0)
    ring = made.requests(0)
    large = bytes(600)
    made.send(0, large)
    with pytest.raises(RingFull):
        made.send(0, large)
    made.begin(0, made.waiting(0)[0])
    made.answer(0, made.waiting(0)[0], large)
    if in_place:
        with pytest.raises(RingFull):
            made.send(0, large)  # its answer is not let go
    made.let_go(0)
    assert made.send(0, large) == 2
    assert ring.get("origin_pos") == ring.get("reclaim_pos") == 640 < ring.get("write_pos")
    made.begin(0, made.waiting(0)[0])
    made.answer(0, made.waiting(0)[0], b"a lap anew" * 50)
    assert [each.payload for each in made.answers(0)] == [b"a lap anew" * 50]
    assert made.responses(0).get("origin_pos") == 640


def test_a_successor_knows_what_was_answered_and_not_let_go():
    made = channel(in_place=False)
    made.take_lane(0)
    for _ in range(3):
        made.send(0, bytes(600 if made.requests(0).counts() == 0 else 10))
    assert made.last_answered(0) == 0
    for sequence in (1, 2):
        request = made.waiting(0)[0]
        made.begin(0, request)
        made.answer(0, request, bytes(300))
        assert made.last_answered(0) == sequence
    made.let_go(0)
    ring = made.responses(0)
    assert ring.begin_anew()
    assert made.last_answered(0) == 0, "where the last answer lay nobody knows any more: its request was let go before"
    ring.set_header(ring.get("write_pos"), Header(10, 3, 3, 1, 0, 0))
    ring.set("last_record_pos", ring.get("write_pos"))
    assert made.last_answered(0) == 2, "the third was going to be answered"


def test_an_answerer_that_is_still_behind_a_new_owner_has_answered_nothing_of_its():
    made = channel(in_place=True)
    made.take_lane(0)
    made.send(0, b"of a dead client")
    made.set_slot(made.requests(0), 1, "read_pos", made.requests(0).get("write_pos"))
    assert made.answers(0) == []


@pytest.mark.parametrize("origin", [192, 1 << 40, 32])
def test_an_origin_that_cannot_be_is_corrupt_for_both_sides(origin):
    made = channel(in_place=True)
    made.take_lane(0)
    made.send(0, b"")
    made.requests(0).set("origin_pos", origin)
    with pytest.raises(Corrupt):
        made.waiting(0)
    with pytest.raises(Corrupt):
        made.send(0, b"")


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
        assert made.client(lane) == wanted["client"]
        if wanted.get("problem"):
            with pytest.raises(Corrupt):
                made.waiting(lane)
            continue
        waiting = made.waiting(lane)
        assert made.requests(lane).counts() == wanted["sent"]
        assert len(waiting) == wanted["waiting"] == wanted["sent"] - wanted["answered"]
        assert sum(each.begun for each in waiting) == wanted["begun"]
        assert len(made.answers(lane)) == wanted["answers"]
        assert all(each.payload == b"anew" for each in waiting if each.position >= made.requests(lane).get("origin_pos") > 0)
