"""Threads and processes around calls: many callers, pools, workers that die, Ctrl-C, killed servers and clients, fork, exit.
Scenarios 6.2 to 6.7, 6.10, and those of 4 that concern calls."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from peer import LIMIT
from test_duplex import KINDS, channel, echo, make
from test_threads import Call, wait_until

import zerobuffer
from zerobuffer import DuplexClient


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    return request.param


# --- threads


def test_threads_share_one_client_and_each_gets_its_own_answers(name, kind):
    """Scenario 6.2"""

    def ask(client, number):
        for step in range(300):
            data = number.to_bytes(2, "little") + step.to_bytes(2, "little")
            with client.call(data, timeout=LIMIT) as response:
                assert bytes(response) == data

    with channel(name, kind, echo, threads=3, lanes=4) as (server, client):
        for call in [Call(ask, client, number) for number in range(8)]:
            call.result()
        assert server.stats().requests == 2400 and client.stats().lanes <= 4


def test_the_gil_is_free_while_a_call_waits(name, kind):
    with channel(name, kind) as (server, client):
        call = Call(client.call, b"x", timeout=LIMIT)
        taken = server.take(timeout=LIMIT)
        spins = 0
        for _ in range(100_000):
            spins += 1
        taken.write(b"y")
        assert bytes(call.result()) == b"y"


def test_one_pending_call_is_waited_for_by_one_thread(name, kind):
    with channel(name, kind) as (server, client):
        pending = client.begin(b"x")
        waiting = Call(pending.receive, timeout=LIMIT)

        def refused():
            try:
                pending.try_receive()
            except zerobuffer.ConcurrentUseError:
                return True
            return False

        wait_until(refused)
        with pytest.raises(zerobuffer.ConcurrentUseError):
            pending.abandon()
        server.take(timeout=LIMIT).write(b"y")
        assert bytes(waiting.result()) == b"y"


def test_interrupt_ends_waits_in_other_threads(name, kind):
    with channel(name, kind) as (server, client):
        for wait, end in ((server.take, server), (client.take, client), (client.receive, client)):
            waiting = Call(wait)
            deadline = time.monotonic() + LIMIT
            while waiting.is_alive() and time.monotonic() < deadline:
                end.interrupt()
                time.sleep(0.01)
            with pytest.raises(zerobuffer.InterruptedWaitError):
                waiting.result()
        calling = Call(client.call, b"x")
        request = server.take(timeout=LIMIT)
        client.interrupt()
        with pytest.raises(zerobuffer.InterruptedWaitError):
            calling.result()
        request.write(b"late")


def test_interrupt_ends_serving(name, kind):
    with make(kind, name) as server:
        serving = Call(server.serve, echo)
        while serving.is_alive():
            server.interrupt()
            time.sleep(0.01)
        assert serving.result() is None
        assert server.serve(echo, timeout=0.01) is None


def test_a_stop_sign_ends_the_waits_of_those_who_were_given_it_and_of_nobody_else(name, kind):
    with make(kind, name) as server, DuplexClient.open(name, timeout=LIMIT) as client:
        stop = zerobuffer.StopSign()
        told = [Call(server.take, None, stop), Call(client.take, None, stop)]
        other = Call(server.take)
        time.sleep(0.05)
        stop.set()
        assert [call.result() for call in told] == [None, None] and stop.is_set
        assert server.take(None, stop) is None, "and every later one at once"
        time.sleep(0.05)
        assert other.is_alive()
        pending = client.begin(b"x")
        other.result().write(b"y")
        assert bytes(pending.receive(timeout=LIMIT)) == b"y"


def test_closing_while_other_threads_wait_ends_their_waits(name, kind):
    server = make(kind, name)
    client = DuplexClient.open(name, timeout=LIMIT)
    waits = [Call(client.call, b"x"), Call(client.receive), Call(client.take), Call(client.begin(b"y").receive)]
    wait_until(lambda: client.stats().requests == 2)
    time.sleep(0.05)
    client.close()
    for wait in waits:
        with pytest.raises(zerobuffer.HandleClosedError):
            wait.result()
    for use in (lambda: client.call(b""), lambda: client.send(b""), lambda: client.take(), lambda: client.receive()):
        with pytest.raises(zerobuffer.HandleClosedError):
            use()
    client.close()
    client.interrupt()
    while server.try_take() is not None:
        pass
    takes = [Call(server.take) for _ in range(3)]
    time.sleep(0.05)
    server.close()
    for take in takes:
        with pytest.raises(zerobuffer.HandleClosedError):
            take.result()


@pytest.mark.parametrize("threads", [1, 4])
def test_start_and_stop_many_times_under_load(name, kind, threads):
    with channel(name, kind) as (server, client):
        done = threading.Event()

        def ask():
            count = 0
            while not done.is_set():
                with client.call(b"x", timeout=LIMIT) as response:
                    assert bytes(response) == b"x"
                count += 1
            return count

        asking = [Call(ask) for _ in range(3)]
        for _ in range(20):
            server.start(echo, threads=threads)
            assert server.running == threads
            time.sleep(0.01)
            server.stop()
            assert server.running == 0
        server.start(echo)
        done.set()
        assert sum(call.result() for call in asking) > 0
        assert server.stats().errors == 0


def test_a_worker_that_died_is_not_running_and_stop_says_why(name, kind):
    def deadly(request):
        if request.size == 0:
            raise SystemExit("enough")
        return b"." if not request.in_place else None

    with channel(name, kind, deadly, threads=2) as (server, client):
        client.call(b"x", timeout=LIMIT).release()
        with pytest.raises(zerobuffer.RemoteError, match="SystemExit: enough"):
            client.call(b"", timeout=LIMIT)
        wait_until(lambda: server.running == 1)
        client.call(b"x", timeout=LIMIT).release()
        with pytest.raises(SystemExit):
            server.stop()
        assert server.running == 0
        server.stop()
        server.start(deadly)
        with pytest.raises(zerobuffer.RemoteError):
            client.call(b"", timeout=LIMIT)
        wait_until(lambda: server.running == 0)
        with pytest.raises(SystemExit):
            server.close()
        assert server.closed, "closed all the same"


def test_a_handler_can_neither_stop_nor_close_the_thread_that_runs_it(name, kind):
    with make(kind, name) as server, DuplexClient.open(name, timeout=LIMIT) as client:
        server.start({128: lambda request: server.stop(), 129: lambda request: server.close()})
        for type in (128, 129, 128):
            with pytest.raises(zerobuffer.RemoteError, match="InvalidArgumentError"):
                client.call(b"x", type=type, timeout=LIMIT)
        assert server.running == 1 and not server.closed


def test_a_handler_may_close_the_server_that_it_is_served_by_in_this_thread(name, kind):
    with make(kind, name) as server:
        serving = Call(server.serve, lambda request: server.close())
        with DuplexClient.open(name, timeout=LIMIT) as client:
            with pytest.raises(zerobuffer.PeerClosedError):
                client.call(b"end", timeout=LIMIT)
        assert serving.result() is None


# --- calls of the server


def test_the_server_calls_and_notifies_its_client(name, kind):
    with channel(name, kind) as (server, client):
        notices = []
        heard = threading.Event()

        @client.on_call(140)
        def add(request):
            return bytes([sum(request.data)])

        @client.on_call(141)
        def note(request):
            notices.append((bytes(request), request.tag))
            heard.set()

        @client.on_call(142)
        def breaks(request):
            raise ValueError("not for me")

        client.start(threads=2)
        assert client.running == 2 and server.clients() == [client.id]
        assert bytes(server.call_client(client.id, b"\1\2\3", type=140, timeout=LIMIT)) == b"\6"
        server.notify(client.id, b"look", type=141, tag=7, timeout=LIMIT)
        assert heard.wait(LIMIT) and notices == [(b"look", 7)]
        with pytest.raises(zerobuffer.RemoteError, match="ValueError: not for me"):
            server.call_client(client.id, b"", type=142, timeout=LIMIT)
        with pytest.raises(zerobuffer.RemoteError, match="143"):
            server.call_client(client.id, b"", type=143, timeout=LIMIT)
        client.stop()
        with pytest.raises(zerobuffer.CallTimeoutError):
            server.call_client(client.id, b"\1", type=140, timeout=0.05)
        with pytest.raises(zerobuffer.BufferNotFoundError):
            server.call_client(client.id + 1000, b"", timeout=LIMIT)
        with pytest.raises(zerobuffer.FrameTooLargeError):
            server.call_client(client.id, bytes(1 << 20), timeout=LIMIT)
        assert server.stats().callbacks >= 2


def test_a_handler_calls_the_client_whose_request_it_serves(name, kind):
    with make(kind, name) as server, DuplexClient.open(name, timeout=LIMIT) as client:

        def handler(request):
            with server.call_client(request.client, b"sure?", type=140, timeout=LIMIT) as answer:
                return bytes(answer)

        server.start(handler)
        client.start({140: lambda request: b"yes"})
        assert bytes(client.call(b"do it", timeout=LIMIT)) == b"yes"


def test_a_channel_without_calls_of_the_server_says_so(name, kind):
    with channel(name, kind, callback_size=0) as (server, client):
        assert server.info.max_callback_size == 0
        with pytest.raises(zerobuffer.InvalidArgumentError):
            server.call_client(client.id, b"", timeout=LIMIT)
        with pytest.raises(zerobuffer.InvalidArgumentError):
            client.take(timeout=0)
        client.start(echo)
        wait_until(lambda: client.running == 0)
        with pytest.raises(zerobuffer.InvalidArgumentError):
            client.stop()


def test_a_client_learns_that_its_server_has_closed_while_it_serves_calls(name, kind):
    with make(kind, name) as server, DuplexClient.open(name, timeout=LIMIT) as client:
        serving = Call(client.serve_calls, echo)
        client.start(echo)
        server.close()
        with pytest.raises(zerobuffer.PeerClosedError):
            serving.result()
        wait_until(lambda: client.running == 0)
        with pytest.raises(zerobuffer.PeerClosedError):
            client.stop()


# --- other processes


def serves_and_hangs(channel, name, kind, exist_ok=False):
    server = make(kind, name, size=4096, exist_ok=exist_ok)
    channel.say("ready")
    for request in iter(lambda: server.take(timeout=LIMIT), None):
        if request.type == 200:
            if request.in_place:
                request.bytes[:2] = b"??"
            channel.say("in the handler")
            channel.hear()
        request.write(b"answer")


def test_a_killed_server_is_told_once_and_its_successor_goes_on(name, start, kind):
    """Scenario 6.5"""
    first = start(serves_and_hangs, name, kind)
    assert first.hear() == "ready"
    with DuplexClient.open(name, timeout=LIMIT) as client:
        assert bytes(client.call(b"x", timeout=LIMIT)) == b"answer"
        half_done = client.begin(b"half done", type=200)
        assert first.hear() == "in the handler"
        first.kill()
        with pytest.raises(zerobuffer.PeerDeadError):
            half_done.receive(timeout=LIMIT)
        second = start(serves_and_hangs, name, kind, True)
        assert second.hear() == "ready"
        for _ in range(10):
            assert bytes(client.call(b"y", timeout=LIMIT)) == b"answer"
        second.kill()


def test_a_successor_answers_what_was_half_done_with_an_error(name, start, kind):
    """Scenario 6.5"""
    first = start(serves_and_hangs, name, kind)
    assert first.hear() == "ready"
    with DuplexClient.open(name, timeout=LIMIT) as client:
        sequences = [client.send(b"half done", type=200), client.send(b"never taken")]
        assert first.hear() == "in the handler"
        first.kill()
        with pytest.raises(zerobuffer.PeerDeadError):
            client.receive(timeout=LIMIT)
        second = start(serves_and_hangs, name, kind, True)
        assert second.hear() == "ready"
        with pytest.raises(zerobuffer.RemoteError, match="died") as told:
            client.receive(timeout=LIMIT)
        assert told.value.sequence == sequences[0]
        with client.receive(timeout=LIMIT) as response:
            assert (response.sequence, bytes(response)) == (sequences[1], b"answer")
        second.kill()


def calls_and_hangs(channel, name):
    client = DuplexClient.open(name, timeout=LIMIT)
    with client.call(b"x", timeout=LIMIT):
        pending = client.begin(b"y")
        claim = client.claim_request(100)
        channel.say("there")
        channel.hear()
        del pending, claim


def test_a_killed_clients_lanes_are_the_next_ones(name, start, kind):
    """Scenario 6.6"""
    with make(kind, name, lanes=3) as server:
        server.start(echo)
        for _ in range(3):
            victim = start(calls_and_hangs, name)
            assert victim.hear() == "there"
            victim.kill()
            with DuplexClient.open(name, timeout=LIMIT) as client:
                calls = [client.begin(bytes([number]), timeout=LIMIT) for number in range(3)]
                for number, call in enumerate(calls):
                    with call.receive(timeout=LIMIT) as response:
                        assert bytes(response) == bytes([number])
        assert server.running == 1


def in_the_child(name, server, client, pending, request, report):
    said = []
    for call in (
        lambda: client.call(b"x", timeout=0),
        lambda: client.begin(b"x", timeout=0),
        lambda: client.send(b"x", timeout=0),
        lambda: client.claim_request(5, timeout=0),
        lambda: client.receive(timeout=0),
        lambda: pending.receive(timeout=0),
        lambda: server.take(timeout=0),
        lambda: server.try_take(),
        lambda: server.call_client(1, b"", timeout=0),
    ):
        try:
            call()
            said.append("worked")
        except zerobuffer.ForkedError:
            said.append("refused")
    del pending, request
    client.interrupt()
    client.close()
    server.close()
    report.put(said)


def test_a_forked_child_is_refused_and_the_parent_unharmed(name, kind):
    """Scenario 4.11"""
    fork = multiprocessing.get_context("fork")
    with channel(name, kind) as (server, client):
        pending, second = client.begin(b"before"), client.begin(b"second")
        request = server.take(timeout=LIMIT)
        report = fork.Queue()
        child = fork.Process(target=in_the_child, args=(name, server, client, pending, request, report))
        child.start()
        assert report.get(timeout=LIMIT) == ["refused"] * 9
        child.join(LIMIT)
        assert child.exitcode == 0
        request.write(b"answer")
        assert bytes((pending if request.sequence == pending.sequence else second).receive(timeout=LIMIT)) == b"answer"
        server.start(echo)
        assert bytes(client.call(b"after", timeout=LIMIT)) == b"after"


INTERRUPTED = """
import sys, threading, time
import zerobuffer
name, what = sys.argv[1:]
server = zerobuffer.ImmutableDuplexServer(name, lanes=2, request_size=1000, response_size=1000)
client = zerobuffer.DuplexClient.open(name)
def fill():
    first = client.begin(b"1"); second = client.begin(b"2")
    return client.call(b"3")
def answer_without_room():
    client.send(b"1"); client.send(b"2")
    server.take().write(bytes(1000))
    server.take().write(bytes(1000))
calls = {
    "call": lambda: client.call(b"x"),
    "call_into": lambda: client.call(b"x", into=bytearray(9)),
    "busy": fill,
    "receive": lambda: client.receive(),
    "pending": lambda: client.begin(b"x").receive(),
    "take_call": lambda: client.take(),
    "take": lambda: server.take(),
    "serve": lambda: server.serve(lambda request: b""),
    "iterate": lambda: [0 for _ in server],
    "call_client": lambda: server.call_client(client.id, b"x"),
    "answer": answer_without_room,
    "open": lambda: zerobuffer.DuplexClient.open(name + "c"),
}
try:
    print("waiting", flush=True)
    calls[what]()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize(
    "what",
    "call call_into busy receive pending take_call take serve iterate call_client answer open".split(),
)
def test_ctrl_c_ends_every_wait(name, what):
    """Scenario 4.12"""
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, name, what], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.15)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
        process.wait()
    assert said == "interrupted\n"
    assert process.returncode == 0


def test_a_signal_that_raises_nothing_is_no_timeout(name, kind):
    """Scenario 4.12"""
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    try:
        with channel(name, kind) as (server, client):

            def disturb():
                request = server.take(timeout=LIMIT)
                for _ in range(5):
                    time.sleep(0.03)
                    os.kill(os.getpid(), signal.SIGUSR1)
                request.write(b"at last")

            disturbing = Call(disturb)
            assert bytes(client.call(b"x", timeout=LIMIT)) == b"at last"
            disturbing.result()
            assert seen
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("what", ["serve", "take", "call"])
def test_a_signal_handler_may_close_the_end_that_this_thread_waits_in(name, what):
    """Scenario 4.12"""
    with make("in_place", name) as server, DuplexClient.open(name, timeout=LIMIT) as client:
        end = client if what == "call" else server
        before = signal.signal(signal.SIGALRM, lambda number, frame: end.close())
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            if what == "serve":
                assert server.serve(echo) is None
            else:
                with pytest.raises(zerobuffer.HandleClosedError):
                    client.call(b"x") if what == "call" else server.take()
            assert end.closed
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


EXITS = """
import sys, threading, time
import zerobuffer
name, how = sys.argv[1:]
server = zerobuffer.MutableDuplexServer(name)
ended = []
def slow(request):
    print("taken", flush=True)
    time.sleep(0.3)
    request.bytes[:] = bytes(request).upper()
if how == "start":
    server.start(slow, threads=2)
elif how == "thread":
    threading.Thread(target=server.serve, args=[slow], daemon=True).start()
elif how == "held":
    request = None
print("ready", flush=True)
sys.stdin.readline()
if how == "held":
    request = server.take()
"""


@pytest.mark.parametrize("how", ["start", "thread", "held"])
def test_a_server_that_exits_without_closing_is_no_dead_peer(name, how):
    """Scenario 4.10, 6.10"""
    process = subprocess.Popen(
        [sys.executable, "-c", EXITS, name, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "ready\n"
        with DuplexClient.open(name, timeout=LIMIT) as client:
            pending = client.begin(b"abc")
            if how != "held":
                assert process.stdout.readline() == "taken\n"
            _, said = process.communicate("\n", timeout=LIMIT)
            if how == "start":
                assert bytes(pending.receive(timeout=LIMIT)) == b"ABC"
            else:
                with pytest.raises((zerobuffer.PeerClosedError, zerobuffer.RemoteError)):
                    pending.receive(timeout=LIMIT).release()
                    client.call(b"more", timeout=LIMIT)
            with pytest.raises(zerobuffer.PeerClosedError):
                client.call(b"more", timeout=LIMIT)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, said) == (0, "")
