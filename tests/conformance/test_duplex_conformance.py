"""The core and the reference as the two ends of a lane, whose rings begin anew again and again (SPEC.md 7.10, chapter 22)."""

import fcntl
import mmap
import os
import struct
from pathlib import Path

import pytest
import zerobuffer
from shared_segment import F_OFD_SETLK
from zbref import layout
from zbref.duplex import ERROR, Channel

SIZE = 992  # of requests and answers: a ring of 16 units


def content(size, seed):
    return bytes((seed * 37 + i * 11 + i // 251) & 0xFF for i in range(size))


def sizes():
    """Small ones, so that rings are walked, and large ones, which fit nowhere but at offset 0."""
    return [(i * 61 % 130, i * 47 % 110) if i % 9 else (SIZE - i, SIZE - 2 * i) for i in range(200)]


def the_place_of(kind, name):
    """A server of the core that goes on in a channel whose client lives."""
    if kind == "in_place":
        return zerobuffer.MutableDuplexServer(name, request_size=SIZE, callback_size=0, lanes=1, exist_ok=True)
    return zerobuffer.ImmutableDuplexServer(name, request_size=SIZE, response_size=SIZE, callback_size=0, lanes=1, exist_ok=True)


class NamedChannel:
    """A channel of the reference under a name, mapped, and the lock of the place that the reference has."""

    def __init__(self, made, byte):
        self.path = Path("/dev/shm") / f"zbconformance-{os.getpid()}-{os.urandom(4).hex()}"
        self.path.touch(mode=0o600)
        self.path.write_bytes(made.buffer)
        self.own = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        self.channel = Channel(mmap.mmap(self.own, 0))
        lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, layout.LOCK_BASE + byte, 1, 0)
        fcntl.fcntl(self.own, F_OFD_SETLK, lock)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        os.close(self.own)
        self.path.unlink(missing_ok=True)

    def origins(self):
        return self.channel.requests(0).get("origin_pos"), self.channel.responses(0).get("origin_pos")


def served_anew(kind):
    """A channel where two calls were answered and let go, and the third one was begun where its server died."""
    made = Channel.create(kind == "in_place", request=SIZE, response=SIZE)
    made.set_server(layout.ATTACHED, 1)
    made.take_lane(0)
    for size in (400, SIZE):
        made.send(0, content(size, size))
        made.begin(0, made.waiting(0)[0])
        made.answer(0, made.waiting(0)[0], content(size, size + 1))
        made.let_go(0)
    made.requests(0).begin_anew()
    for i in range(3):
        made.send(0, content(100 + i, i))
    made.begin(0, made.waiting(0)[0])
    return made


@pytest.mark.parametrize("kind", ["in_place", "immutable"])
def test_a_successor_of_the_reference_serves_what_it_had_not_begun_in_rings_that_began_anew(kind):
    with NamedChannel(served_anew(kind), layout.LOCK_STRIDE) as there:
        with the_place_of(kind, there.path.name) as server:
            for i in (1, 2):
                with server.take(timeout=20) as request:
                    assert bytes(request.data) == content(100 + i, i)
                    request.write(content(50, i))
            assert server.try_take() is None
            answers = there.channel.answers(0)
            assert [each.header.type for each in answers] == [ERROR, 0, 0]
            assert [each.payload for each in answers[1:]] == [content(50, 1), content(50, 2)]


@pytest.mark.parametrize("anew", [False, True])
def test_a_successor_lets_go_of_what_was_answered_and_begins_anew_itself(anew):
    """The reference published an answer and died before it let go of the request; once its answer before was let go."""
    made = served_anew("immutable")
    if anew:
        made.responses(0).begin_anew()
    third = made.waiting(0)[0]
    made.responses(0).append(b"published", 9, 0, third.header.sequence)
    with NamedChannel(made, layout.LOCK_STRIDE) as there:
        with the_place_of("immutable", there.path.name) as server:
            with server.take(timeout=20) as request:
                assert bytes(request.data) == content(101, 1)
                request.write(b"the next one")
            assert [each.payload for each in there.channel.answers(0)] == [b"published", b"the next one"]


def test_a_successor_finds_no_answer_in_a_ring_that_began_anew_and_had_none_since():
    made = served_anew("immutable")
    made.responses(0).begin_anew()
    # what lies where the last record would be if it were counted from the new origin: the answer to a request to come
    last = made.responses(0).get("last_record_pos")
    made.responses(0).set_header(last, layout.Header(0, 2, 5, 16, 0, 0))
    with NamedChannel(made, layout.LOCK_STRIDE) as there:
        with the_place_of("immutable", there.path.name) as server:
            for i in (1, 2):
                with server.take(timeout=20) as request:
                    assert bytes(request.data) == content(100 + i, i)
                    request.write(b"answered")
            assert [each.header.type for each in there.channel.answers(0)] == [ERROR, 0, 0]


@pytest.mark.parametrize("kind", ["in_place", "immutable"])
def test_a_server_of_the_core_answers_a_client_of_the_reference(kind):
    made = Channel.create(kind == "in_place", request=SIZE, response=SIZE)
    made.set_server(layout.ATTACHED, 1)
    made.take_lane(0)
    with NamedChannel(made, layout.LOCK_STRIDE) as there:
        with the_place_of(kind, there.path.name) as server:
            origins = set()
            for i, (request_size, answer_size) in enumerate(sizes()):
                room = content(request_size, i)
                assert there.channel.send(0, room, 128, i) == i + 1
                with server.take(timeout=20) as request:
                    assert (bytes(request.data), request.type, request.tag) == (room, 128, i)
                    request.write(content(min(answer_size, max(request_size, 256)), i + 1), type=129)
                (answer,) = there.channel.answers(0)
                assert answer.payload == content(min(answer_size, max(request_size, 256)), i + 1)
                assert (answer.header.type, there.channel.waiting(0)) == (129, [])
                there.channel.let_go(0)
                origins.add(there.origins())
            assert len({request for request, _ in origins}) > 10
            assert len({response for _, response in origins}) > 10


@pytest.mark.parametrize("kind", ["in_place", "immutable"])
def test_a_client_of_the_core_is_answered_by_a_server_of_the_reference(kind):
    made = Channel.create(kind == "in_place", request=SIZE, response=SIZE)
    made.set_server(layout.ATTACHED, 1)
    with NamedChannel(made, 0) as there:
        with zerobuffer.DuplexClient.open(there.path.name, timeout=20, wait="block") as client:
            origins = set()
            for i, (request_size, answer_size) in enumerate(sizes()):
                how = {"type": 128, "tag": i, "response_capacity": answer_size}
                try:
                    call = client.begin(content(request_size, i), timeout=0, **how)
                except zerobuffer.CallTimeoutError:  # only padding to the end of the lap was free
                    there.channel.step_over_padding(0)
                    call = client.begin(content(request_size, i), timeout=20, **how)
                (request,) = there.channel.waiting(0)
                assert (request.payload, request.begun) == (content(request_size, i), False)
                assert (request.header.sequence, request.header.type, request.header.tag) == (i + 1, 128, i)
                there.channel.begin(0, request)
                there.channel.answer(0, there.channel.waiting(0)[0], content(answer_size, i + 1), 129)
                with call.receive(timeout=20) as response:
                    assert (bytes(response), response.type) == (content(answer_size, i + 1), 129)
                    if kind == "in_place":  # the answer lies where the request lay, and so does the room for both
                        assert request.header.length >= layout.record_length(max(request_size, answer_size))
                origins.add(there.origins())
            assert len({request for request, _ in origins}) > 2
            assert len({response for _, response in origins}) > 2
