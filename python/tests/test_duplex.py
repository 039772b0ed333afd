"""Calls and answers: sizes, order, buffers of the caller, in place, errors. Scenarios 6.1 to 6.11 as far as one client and
one server show them."""

import contextlib
import os
import pickle
import threading
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peer import LIMIT
from test_holding import address, lies_in_the_segment
from test_threads import Call, wait_until

import zerobuffer
from zerobuffer import DuplexClient, ImmutableDuplexServer, MutableDuplexServer

KINDS = {"immutable": ImmutableDuplexServer, "in_place": MutableDuplexServer}


def make(kind, name, size=1 << 20, **options):
    if kind == "immutable":
        options.setdefault("response_size", size)
    return KINDS[kind](name, request_size=size, **options)


def echo(request):
    return None if request.in_place else bytes(request)


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    return request.param


@contextlib.contextmanager
def channel(name, kind, handler=None, *, threads=1, size=1 << 20, **options):
    """A server that runs the handler in the background, and a client."""
    with make(kind, name, size, **options) as server:
        if handler is not None:
            server.start(handler, threads=threads)
        with DuplexClient.open(name, timeout=LIMIT) as client:
            yield server, client


def serves_echo(channel, name, kind, size):
    with make(kind, name, size) as server:
        channel.say("ready")
        served = Call(server.serve, echo)
        channel.hear()
        server.close()
        served.result()


@pytest.mark.parametrize("size", [1, 1 << 10, 100 << 10, 10 << 20])
def test_an_echo_of_every_size_comes_back_whole(name, start, where, kind, size):
    """Scenario 6.1"""
    server = start(serves_echo, name, kind, size, where=where)
    assert server.hear() == "ready"
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    with DuplexClient.open(name, timeout=LIMIT) as client:
        for _ in range(3):
            with client.call(data, timeout=LIMIT) as response:
                assert bytes(response) == data
        buffer = bytearray(size)
        assert client.call(data, timeout=LIMIT, into=buffer).size == size
        assert buffer == data
    server.say("end")
    server.finish()


def test_what_travels_with_a_request_and_an_answer_arrives(name, kind):
    with channel(name, kind) as (server, client):
        assert server.clients() == [client.id] and client.info.in_place == (kind == "in_place")
        call = client.begin(b"question", type=200, tag=2**64 - 1)
        with server.take(timeout=LIMIT) as request:
            assert (request.type, request.tag, request.size, len(request)) == (200, 2**64 - 1, 8, 8)
            assert bytes(request) == bytes(request.data) == b"question"
            assert request.client == client.id and request.sequence == call.sequence
            assert not request.answered and "type 200" in repr(request)
            request.write(b"answer", type=201)
            assert request.answered and "answered" in repr(request)
        response = call.receive(timeout=LIMIT)
        assert (response.type, response.sequence, bytes(response)) == (201, call.sequence, b"answer")
        assert not call.pending and "type 201" in repr(response)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000), st.booleans()), min_size=1, max_size=30))
def test_requests_and_answers_of_any_sizes_arrive_whole(name, kind, sizes):
    """Scenario 6.1, 6.8"""

    def answer(request):
        n = int.from_bytes(request.data[:8], "little")
        fill = request.data[8] if request.size > 8 else 0
        if request.tag:  # built in the room
            request.claim(n)[:] = bytes([fill ^ 0xFF]) * n
            request.respond()
        else:
            request.write(bytes([fill ^ 0xFF]) * n)

    with channel(name, kind, answer, size=8192) as (_, client):
        for number, (size, wanted, claimed) in enumerate(sizes):
            fill = number % 256
            data = wanted.to_bytes(8, "little") + bytes([fill]) * (size + 1)
            with client.call(data, timeout=LIMIT, tag=claimed, response_capacity=wanted) as response:
                assert bytes(response) == bytes([fill ^ 0xFF]) * wanted


def test_pipelined_requests_are_answered_in_order_and_correlated_by_sequence(name, kind):
    """Scenario 6.2"""
    count = 2000
    with channel(name, kind, echo, threads=3) as (_, client):
        sent = {}

        def send():
            for number in range(count):
                sequence = client.send(number.to_bytes(4, "little"), timeout=LIMIT)
                sent[sequence] = number

        sending = Call(send)
        got = []
        for _ in range(count):
            with client.receive(timeout=LIMIT) as response:
                got.append((response.sequence, int.from_bytes(response.data, "little")))
        sending.result()
        assert [number for _, number in got] == list(range(count))
        assert all(sent[sequence] == number for sequence, number in got)
        assert [sequence for sequence, _ in got] == sorted(sent)
        assert client.on_its_way == 0 and list(client) == []


def test_iterating_a_client_gives_the_answers_that_are_on_their_way(name, kind):
    """Scenario 6.2"""
    with channel(name, kind, echo) as (_, client):
        sequences = [client.send(bytes([number]), timeout=LIMIT) for number in range(10)]
        with client.claim_send(1, timeout=LIMIT) as claim:
            claim.data[0] = 10
            sequences.append(claim.send())
        assert client.on_its_way == 11
        got = []
        for response in client:
            with response:
                got.append((response.sequence, response.data[0]))
        assert got == list(zip(sequences, range(11)))


def test_a_slow_handler_keeps_the_order_of_its_lane(name, kind):
    """Scenario 6.3"""

    def slow_at_first(request):
        time.sleep(0.05 if request.data[0] % 4 == 0 else 0)
        return bytes(request)

    with channel(name, kind, slow_at_first, threads=4) as (_, client):
        for number in range(16):
            client.send(bytes([number]), timeout=LIMIT)
        assert [response.data[0] for response in client] == list(range(16))


def test_a_handler_that_raises_answers_with_its_text_and_the_next_request_works(name, kind):
    """Scenario 6.4"""

    def choosy(request):
        if request.size == 0:
            raise ValueError("nothing in it: größer, please")
        return None if request.in_place else bytes(request)

    with channel(name, kind, choosy) as (server, client):
        for _ in range(3):
            with pytest.raises(zerobuffer.RemoteError) as told:
                client.call(b"", timeout=LIMIT)
            assert str(told.value) == "ValueError: nothing in it: größer, please"
            assert told.value.status == "remote_error"
            assert bytes(client.call(b"x", timeout=LIMIT)) == b"x"
        sequences = [client.send(data, timeout=LIMIT) for data in (b"a", b"", b"b")]
        assert client.receive(timeout=LIMIT).sequence == sequences[0]
        with pytest.raises(zerobuffer.RemoteError) as told:
            client.receive(timeout=LIMIT)
        assert told.value.sequence == sequences[1]
        assert client.receive(timeout=LIMIT).sequence == sequences[2]
        assert server.stats().errors == client.stats().errors == 4
        assert server.running == 1


def test_a_traceback_leaves_the_server_only_where_it_is_asked_for(name, kind):
    """Scenario 6.4"""

    def lost(request):
        raise KeyError("a secret place")

    with make(kind, name) as server, DuplexClient.open(name, timeout=LIMIT) as client:
        server.start(lost)
        with pytest.raises(zerobuffer.RemoteError) as told:
            client.call(bytes(4000), timeout=LIMIT)
        assert str(told.value) == "KeyError: 'a secret place'"
        server.stop()
        server.start(lost, verbose=True)
        with pytest.raises(zerobuffer.RemoteError) as told:
            client.call(bytes(4000), timeout=LIMIT)
        assert "Traceback" in str(told.value) and "in lost" in str(told.value)


def test_an_immutable_handler_without_an_answer_is_an_error_and_never_an_empty_success(name):
    """Scenario 6.4"""
    with channel(name, "immutable", lambda request: None) as (_, client):
        with pytest.raises(zerobuffer.RemoteError, match="gave no answer"):
            client.call(b"x", timeout=LIMIT)


@pytest.mark.parametrize("value", ["text", 5, object(), [1, 2], {"a": 1}])
def test_a_return_value_that_is_no_answer_is_an_error(name, kind, value):
    """Scenario 6.4"""
    with channel(name, kind, lambda request: value) as (_, client):
        with pytest.raises(zerobuffer.RemoteError, match=f"TypeError: .*{type(value).__name__}"):
            client.call(b"x", timeout=LIMIT)


def test_a_type_that_nobody_handles_is_an_error(name, kind):
    """Scenario 6.4"""
    with make(kind, name) as server:

        @server.on(128)
        def double(request):
            return bytes(request) * 2

        @server.on(129)
        def triple(request):
            return bytes(request) * 3

        server.start()
        with DuplexClient.open(name, timeout=LIMIT) as client:
            assert bytes(client.call(b"ab", type=128, timeout=LIMIT)) == b"abab"
            assert bytes(client.call(b"ab", type=129, timeout=LIMIT)) == b"ababab"
            for unknown in (0, 130):
                with pytest.raises(zerobuffer.RemoteError, match=str(unknown)):
                    client.call(b"ab", type=unknown, timeout=LIMIT)
            server.stop()
            server.start({0: lambda request: b"from a dict"})
            assert bytes(client.call(b"ab", timeout=LIMIT)) == b"from a dict"
            with pytest.raises(zerobuffer.RemoteError, match="128"):
                client.call(b"ab", type=128, timeout=LIMIT)


def test_a_client_that_reads_no_answers_holds_the_server_back_and_then_it_goes_on(name):
    """Scenario 6.7"""
    with channel(name, "immutable", echo, size=1 << 16) as (server, client):
        for _ in range(3):
            client.send(bytes(20_000), timeout=LIMIT)
        late = Call(lambda: [client.send(bytes(20_000), timeout=LIMIT) for _ in range(5)])
        time.sleep(0.2)
        assert server.stats().answers <= 4, "there is no room for more"
        for _ in range(8):
            client.receive(timeout=LIMIT).release()
        late.result()
        wait_until(lambda: server.stats().answers == 8)


def test_an_answer_may_be_longer_than_the_request_up_to_what_was_reserved(name):
    """Scenario 6.8"""
    with channel(name, "in_place", size=4096) as (server, client):
        call = client.begin(b"tiny", response_capacity=2000)
        with server.take(timeout=LIMIT) as request:
            with pytest.raises(zerobuffer.FrameTooLargeError):
                request.write(bytes(3000))
            room = request.claim(2000)
            assert bytes(room[:4]) == b"tiny", "the room begins with the request"
            room[:] = b"y" * 2000
            request.respond(1999)
        assert bytes(call.receive(timeout=LIMIT)) == b"y" * 1999
    with channel(name, "in_place", lambda request: bytes(3000), size=4096) as (_, client):
        with pytest.raises(zerobuffer.RemoteError, match="FrameTooLargeError"):
            client.call(b"tiny", timeout=LIMIT)


def test_an_answer_may_be_empty_if_the_server_says_so(name, kind):
    """Scenario 6.8"""
    with channel(name, kind, lambda request: b"") as (_, client):
        with client.call(b"x", timeout=LIMIT) as response:
            assert (len(response), bytes(response), response.as_array().size) == (0, b"", 0)


def test_an_answer_larger_than_its_ring_is_an_error(name):
    """Scenario 6.8"""
    with channel(name, "immutable", lambda request: bytes(1 << 20), size=1 << 12) as (_, client):
        with pytest.raises(zerobuffer.RemoteError, match="FrameTooLargeError"):
            client.call(b"x", timeout=LIMIT)
    with channel(name, "immutable", size=1 << 12) as (_, client):
        with pytest.raises(zerobuffer.FrameTooLargeError):
            client.call(bytes(1 << 20), timeout=LIMIT)
        with pytest.raises(zerobuffer.FrameTooLargeError):
            client.claim_request(1 << 20)


def test_in_place_the_answer_lies_where_the_request_was_written(name):
    """Scenario 6.9"""
    size = 100_000

    def invert(request):
        image = request.as_array()
        np.invert(image, out=image)

    with channel(name, "in_place", invert, size=size) as (server, client):
        for round_ in range(5):
            with client.claim_request(size, timeout=LIMIT) as claim:
                written_to = address(claim)
                assert lies_in_the_segment(name, written_to, size) and written_to % 64 == 0
                np.asarray(claim)[:] = round_
                with claim.call(timeout=LIMIT) as response:
                    assert address(response) == written_to
                    assert set(response.as_array().tolist()) == {255 - round_}
        assert client.stats().copied_bytes == server.stats().copied_bytes == 0


def test_an_in_place_channel_needs_half_the_memory(name):
    """Scenario 6.9"""
    with make("in_place", name, 1 << 20, callback_size=0) as server:
        in_place = server.info.segment_size
    with make("immutable", name, 1 << 20, callback_size=0) as server:
        assert in_place < 0.55 * server.info.segment_size


def test_a_buffer_that_is_too_small_says_the_needed_size_and_nothing_is_lost(name, kind):
    """Scenario 6.11"""
    with channel(name, kind, echo) as (_, client):
        small, large = bytearray(10), bytearray(200)
        with pytest.raises(zerobuffer.BufferTooSmallError) as told:
            client.call(b"z" * 100, timeout=LIMIT, into=small)
        assert told.value.needed == 100 and bytes(told.value.response) == b"z" * 100
        assert small == bytearray(10), "nothing was written"
        told.value.response.release()

        with client.claim_request(50) as claim, pytest.raises(zerobuffer.BufferTooSmallError) as told:
            claim.data[:] = b"c" * 50
            claim.call(timeout=LIMIT, into=small)
        assert told.value.needed == 50 and bytes(told.value.response) == b"c" * 50

        pending = client.begin(b"p" * 100)
        with pytest.raises(zerobuffer.BufferTooSmallError) as told:
            pending.receive_into(small, timeout=LIMIT)
        assert told.value.needed == 100 and told.value.response is None and pending.pending
        assert pending.receive_into(large, timeout=LIMIT).size == 100
        assert large[:100] == b"p" * 100

        sequence = client.send(b"s" * 100)
        with pytest.raises(zerobuffer.BufferTooSmallError):
            client.receive_into(small, timeout=LIMIT)
        received = client.receive_into(large, timeout=LIMIT)
        assert (received.size, received.sequence, received.type) == (100, sequence, 0)
        assert large[:100] == b"s" * 100 and "size=100" in repr(received)
        assert client.receive_into(large, timeout=0) is None and client.receive(timeout=0) is None
        with pytest.raises((TypeError, BufferError)):
            client.call(b"x", into=b"read-only")


def test_timeouts_mean_what_they_mean_elsewhere(name, kind):
    with channel(name, kind) as (server, client):
        assert server.take(timeout=0) is None and server.try_take() is None and server.take(timeout=0.01) is None
        assert client.take(timeout=0) is None and client.take(timeout=0.01) is None
        with pytest.raises(zerobuffer.CallTimeoutError) as told:
            client.call(b"x", timeout=0.05)
        assert isinstance(told.value, TimeoutError) and told.value.status == "timeout"
        pending = client.begin(b"y")
        assert pending.receive(timeout=0) is None and pending.try_receive() is None
        assert pending.receive_into(bytearray(9), timeout=0.01) is None
        for timeout in (-1, float("nan")):
            with pytest.raises(zerobuffer.InvalidArgumentError):
                client.call(b"x", timeout=timeout)
            with pytest.raises(zerobuffer.InvalidArgumentError):
                server.take(timeout=timeout)


def test_a_late_answer_is_never_given_to_the_next_call(name, kind):
    with channel(name, kind, lanes=1) as (server, client):
        for _ in range(20):
            with pytest.raises(zerobuffer.CallTimeoutError):
                client.call(b"abandoned", timeout=0.01)
            late = server.take(timeout=LIMIT)
            next_one = Call(client.call, b"patient", timeout=LIMIT)
            time.sleep(0.01)
            late.write(b"late")
            with server.take(timeout=LIMIT) as request:
                assert bytes(request) == b"patient"
                request.write(b"in time")
            assert bytes(next_one.result()) == b"in time"
        assert client.stats().late == 20


def test_when_every_lane_is_taken_a_call_waits_for_one_and_then_says_so(name, kind):
    with channel(name, kind, lanes=2) as (server, client):
        first, second = client.begin(b"1"), client.begin(b"2")
        with pytest.raises(zerobuffer.LanesBusyError):
            client.call(b"3", timeout=0.05)
        with pytest.raises(zerobuffer.LanesBusyError):
            DuplexClient.open(name, timeout=0)
        third = Call(client.call, b"3", timeout=LIMIT)
        server.start(echo)
        assert bytes(first.receive(timeout=LIMIT)) == b"1"
        assert bytes(second.receive(timeout=LIMIT)) == b"2"
        assert bytes(third.result()) == b"3"


def test_a_client_keeps_to_the_lanes_that_it_may_take(name, kind):
    with make(kind, name, lanes=4), DuplexClient.open(name, timeout=0, client_lanes=1) as client:
        pending = client.begin(b"1")
        with pytest.raises(zerobuffer.LanesBusyError):
            client.begin(b"2", timeout=0.01)
        pending.abandon()
        assert not pending.pending
        with pytest.raises(zerobuffer.HandleClosedError):
            pending.receive(timeout=0)


def test_an_open_claim_that_is_dropped_sends_nothing(name, kind):
    with channel(name, kind, lanes=1) as (server, client):
        for end in ("leave", "discard", "drop", "raise"):
            claim = client.claim_request(10, timeout=LIMIT)
            assert claim.open and claim.size == len(claim) == 10
            with contextlib.suppress(ZeroDivisionError):
                if end == "discard":
                    claim.discard()
                elif end == "drop":
                    del claim
                else:
                    with claim:
                        if end == "raise":
                            raise ZeroDivisionError
            if end != "drop":
                assert not claim.open
                for use in (lambda claim: claim.data, lambda claim: claim.begin(), lambda claim: claim.call()):
                    with pytest.raises((zerobuffer.ReleasedError, zerobuffer.HandleClosedError)):
                        use(claim)
        assert server.take(timeout=0.05) is None
        with client.claim_request(10) as claim:
            with pytest.raises(zerobuffer.InvalidArgumentError):
                claim.begin(11)
            claim.data[:3] = b"now"
            pending = claim.begin(3, type=140, tag=9)
        with server.take(timeout=LIMIT) as request:
            assert (bytes(request), request.type, request.tag) == (b"now", 140, 9)
            request.write(b"yes")
        assert bytes(pending.receive(timeout=LIMIT)) == b"yes"


def test_a_request_is_answered_once(name, kind):
    with channel(name, kind) as (server, client):
        pending = client.begin(b"once")
        request = server.take(timeout=LIMIT)
        request.write(b"done")
        for use in (
            lambda: request.write(b"again"),
            lambda: request.respond(),
            lambda: request.claim(1),
            lambda: request.fail("again"),
            lambda: request.write_array([1]),
        ):
            with pytest.raises(zerobuffer.HandleClosedError):
                use()
        with pytest.raises(zerobuffer.ReleasedError):
            memoryview(request)
        request.finish()
        assert bytes(pending.receive(timeout=LIMIT)) == b"done"
        assert server.stats().answers == 1


def test_a_request_that_is_dropped_is_answered_all_the_same(name, kind):
    with channel(name, kind) as (server, client):
        pending = client.begin(b"dropped")
        request = server.take(timeout=LIMIT)
        del request
        if kind == "in_place":
            assert bytes(pending.receive(timeout=LIMIT)) == b"dropped"
        else:
            with pytest.raises(zerobuffer.RemoteError, match="no answer"):
                pending.receive(timeout=LIMIT)


def test_leaving_a_request_on_an_exception_answers_with_it(name, kind):
    with channel(name, kind) as (server, client):
        pending = client.begin(b"x")
        with pytest.raises(ZeroDivisionError), server.take(timeout=LIMIT):
            1 / 0
        with pytest.raises(zerobuffer.RemoteError, match="ZeroDivisionError: division by zero"):
            pending.receive(timeout=LIMIT)


def test_a_request_of_a_loop_is_answered_when_the_next_one_is_asked_for(name):
    with make("in_place", name) as server:

        def loop():
            with contextlib.suppress(zerobuffer.HandleClosedError):
                for request in server:
                    request.bytes[:] = bytes(request).upper()

        looping = Call(loop)
        with DuplexClient.open(name, timeout=LIMIT) as client:
            for _ in range(5):
                assert bytes(client.call(b"abc", timeout=LIMIT)) == b"ABC"
        server.close()
        looping.result()


def test_a_request_of_an_immutable_server_cannot_be_written(name):
    with channel(name, "immutable") as (server, client):
        client.begin(b"x" * 100)
        with server.take(timeout=LIMIT) as request:
            assert memoryview(request).readonly and not request.as_array().flags.writeable
            with pytest.raises(zerobuffer.InvalidArgumentError):
                request.bytes
            with pytest.raises(zerobuffer.InvalidArgumentError):
                request.respond()
            request.write(b"")


def test_what_a_request_lent_cannot_be_written_after_the_answer(name):
    with channel(name, "in_place") as (server, client):
        pending = client.begin(b"abc" * 100)
        request = server.take(timeout=LIMIT)
        view, array, whole = request.bytes, request.as_array(), request.as_array().reshape(3, 100)
        array[:3] = 7
        view[3] = 8
        request.respond()
        with pytest.raises(ValueError):
            array[0] = 1
        with pytest.raises(ValueError):
            view[0] = 1
        with pytest.raises(zerobuffer.HandleClosedError):
            request.bytes
        assert whole.flags.writeable, "what was made of them before cannot be found; documented so"
        assert bytes(pending.receive(timeout=LIMIT))[:5] == bytes([7, 7, 7, 8, ord("b")])


def test_views_outlive_the_response_the_client_and_close(name, kind):
    with make(kind, name) as server:
        server.start(echo)
        client = DuplexClient.open(name, timeout=LIMIT)
        array = client.call(b"\x05" * 1000, timeout=LIMIT).as_array()
        part = memoryview(client.call(b"kept", timeout=LIMIT))[1:]
        claim = client.claim_request(100)
        room = np.asarray(claim)
        held = client.call(b"held", timeout=LIMIT)
        client.close()
        del client
        assert array.tolist() == [5] * 1000 and bytes(part) == b"ept" and bytes(held) == b"held"
        assert not array.flags.writeable and part.readonly
        room[0] = 1  # to no good, but without a fault
        claim.discard()
    assert array.tolist() == [5] * 1000
    room[1] = 1
    held.release()
    assert held.released and held.sequence > 0
    with pytest.raises(zerobuffer.ReleasedError):
        memoryview(held)


def test_views_of_requests_never_fault_after_the_answer_and_the_servers_end(name, kind):
    server = make(kind, name)
    with DuplexClient.open(name, timeout=LIMIT) as client:
        client.begin(b"x" * 1000)
        request = server.take(timeout=LIMIT)
        view = memoryview(np.frombuffer(request.data, np.uint8))
        room = np.asarray(request.claim(500))
        request.respond()
        client.begin(b"never answered")
        second = server.take(timeout=LIMIT)
        server.close()
    assert len(bytes(view)) == 1000
    room[0] = 1
    with pytest.raises(zerobuffer.HandleClosedError):
        second.write(b"late")
    del server, request, second


def test_a_held_response_keeps_its_bytes_while_others_come_and_go(name, kind):
    with channel(name, kind, echo, size=4096, lanes=2) as (_, client):
        kept = client.call(b"\xaa" * 100, timeout=LIMIT)
        part = np.asarray(kept)[10:20]
        kept.release()
        for number in range(100):
            client.call(bytes([number]) * 100, timeout=LIMIT).release()
        assert part.tolist() == [0xAA] * 10


def test_no_end_and_nothing_of_it_can_be_sent_to_another_process(name, kind):
    with channel(name, kind) as (server, client):
        pending = client.begin(b"x")
        request = server.take(timeout=LIMIT)
        claim = client.claim_request(5)
        for each in (server, client, pending, request, claim):
            with pytest.raises(TypeError):
                pickle.dumps(each)
        request.write(b"y")
        response = pending.receive(timeout=LIMIT)
        with pytest.raises(TypeError):
            pickle.dumps(response)


def test_ends_and_what_they_hand_out_come_from_nowhere_else(name):
    for wrong in (
        DuplexClient,
        zerobuffer.DuplexServer,
        zerobuffer.Response,
        zerobuffer.Request,
        zerobuffer.PendingCall,
        zerobuffer.RequestClaim,
    ):
        with pytest.raises((TypeError, zerobuffer.InvalidArgumentError)):
            wrong()
    with pytest.raises(zerobuffer.BufferNotFoundError):
        DuplexClient.open(name, timeout=0)
    with pytest.raises(zerobuffer.InvalidArgumentError):
        ImmutableDuplexServer(name, lanes=0)
    with pytest.raises(zerobuffer.InvalidArgumentError):
        MutableDuplexServer(name, lanes=5000)
    with pytest.raises(zerobuffer.InvalidArgumentError):
        MutableDuplexServer("../wrong")
    with make("in_place", name), pytest.raises(zerobuffer.ZeroBufferError):
        zerobuffer.Reader.open(name, timeout=0)


def test_a_name_is_one_servers_and_free_again_at_once(name, kind):
    with make(kind, name):
        with pytest.raises((zerobuffer.BufferExistsError, zerobuffer.WriterExistsError)):
            make(kind, name)
    with make(kind, name) as server:
        assert server.info.created
    assert server.closed
    server.close()
    for use in (server.take, server.try_take, server.clients, lambda: server.serve(echo), lambda: server.start(echo)):
        with pytest.raises(zerobuffer.HandleClosedError):
            use()
    assert server.stats().requests == 0 and server.info.lanes == 8


def test_stop_with_requests_pending_tells_the_clients_and_frees_the_name(name, kind):
    """Scenario 6.10"""
    begun, go = threading.Event(), threading.Event()

    def slow(request):
        begun.set()
        go.wait(LIMIT)
        return b"done"

    server = make(kind, name)
    server.start(slow)
    with DuplexClient.open(name, timeout=LIMIT) as client:
        first = client.begin(b"in the handler")
        assert begun.wait(LIMIT)
        waiting = [Call(client.call, b"never taken", timeout=LIMIT) for _ in range(3)]
        wait_until(lambda: client.stats().requests == 4)
        closing = Call(server.close)
        time.sleep(0.05)
        assert closing.is_alive(), "what was taken is answered first"
        go.set()
        closing.result()
        assert bytes(first.receive(timeout=LIMIT)) == b"done"
        for call in waiting:
            with pytest.raises(zerobuffer.PeerClosedError):
                call.result()
        with make(kind, name) as successor:
            successor.start(echo)
            with DuplexClient.open(name, timeout=LIMIT) as other:
                assert bytes(other.call(b"new", timeout=LIMIT)) == b"new"
        with pytest.raises(zerobuffer.PeerClosedError):
            client.call(b"to the old one", timeout=LIMIT)


def test_what_waits_at_stop_is_served_by_the_next_start(name, kind):
    """Scenario 6.10"""
    with channel(name, kind, echo) as (server, client):
        assert server.running == 1
        client.call(b"x", timeout=LIMIT).release()
        server.stop()
        assert server.running == 0
        pending = client.begin(b"between")
        assert pending.receive(timeout=0.05) is None
        server.start(echo, threads=2)
        assert server.running == 2
        assert bytes(pending.receive(timeout=LIMIT)) == b"between"
        with pytest.raises(zerobuffer.InvalidArgumentError):
            server.start(echo)
        server.stop()
        server.stop()


def test_opening_and_closing_leaks_neither_descriptors_nor_mappings(name, kind):
    def used():
        with open("/proc/self/maps") as maps:
            return len(os.listdir("/proc/self/fd")), sum(name in line or "zerobuffer" in line for line in maps)

    def cycle():
        with channel(name, kind, echo, size=4096, lanes=3) as (server, client):
            array = client.call(b"x" * 100, timeout=LIMIT).as_array()
            pending = client.begin(b"never fetched")
            with client.claim_request(10):
                pass
            server.stop()
            pending.abandon()
            client.send(b"taken", timeout=LIMIT)
            request = server.take(timeout=LIMIT)
        del array, pending, request

    cycle()
    before = used()
    for _ in range(100):
        cycle()
    assert used() == before
