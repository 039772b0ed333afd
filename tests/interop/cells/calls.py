"""Calls from every language to every language, answered in place or with new data: each byte, order, lanes, errors, and what a death
of either side does. A client that says --claim builds its requests in the channel, so that nothing is copied."""

import signal
from typing import Callable, List, Sequence

import zerobuffer

from .bench import LIMIT, Bench, Report, agree, require
from .cell import EACH, PAIRS, Body, Group
from .programs import CLOSED_EARLY, LANGUAGES, PEER_DEAD, REMOTE_ERROR, TERMINATED, Language, other_than

calls = Group("calls", "Calls: client → server", PAIRS)
call_endings = Group("call_endings", "Ends of calls: client → server", PAIRS)
services = Group("services", "Six clients of three languages on one server", EACH)

NOISE = ("--pattern", "random", "--seed", 6)
FOR_A_MINUTE = ("--delay-us", 60_000_000)  # until a signal comes
Place = Sequence[object]


def on_both(group: Group, title: str, *numbers: str, short: bool = False) -> Callable[[Body], Body]:
    """Declares the function as two rows: its last argument makes a server that answers with new data, or in place."""

    def declare(body: Body) -> Body:
        for kind, words, place in (("", "new data", ()), ("_in_place", "in place", ("--in-place",))):

            def run(bench: Bench, *languages: Language, place: Place = place) -> None:
                body(bench, *languages, place)

            run.__name__ = body.__name__ + kind
            group.scenario(f"{title}; answered {'in place' if place else 'with new data'}", *numbers, short=short)(run)
        return body

    return declare


def expect_calls(served: Report, called: Report, frames: int, size: int, place: Place) -> None:
    """What both must say of the same calls."""
    agree("calls", expected=frames, server=served["frames"], client=called["frames"], measured=called["call_latency_us"]["count"])
    agree("bytes", expected=size, server=served["bytes"], client=called["bytes"])
    agree("in place", expected=bool(place), server=served["in_place"], client=called["in_place"])
    agree("errors", expected=0, server=served["errors"], client=called["errors"])


@on_both(calls, "requests of every size from nothing to 10 MB", "6.1", "6.8", "9.1", short=True)
def call_sizes(bench: Bench, client: Language, server: Language, place: Place) -> None:
    name = bench.name()
    wanted = [0, 1, *range(31, 66), 4 << 10, 100 << 10, 1 << 20, 10 << 20]
    room = ("--request-size", "10m", "--response-size", "10m", "--lanes", 1)
    serving = bench.start(server, "serve", name, *place, *room, "--transform", "reverse", "--frames", len(wanted))
    calling = bench.start(client, "call", name, "--size", ",".join(map(str, wanted)), "--frames", len(wanted), "--type", 40_000,
                          "--transform", "reverse", *NOISE)  # fmt: skip
    called, served = calling.end(), serving.end()
    expect_calls(served, called, len(wanted), sum(wanted), place)
    agree("bytes that the library copied", expected=(sum(wanted), 0), seen=(called["copied_bytes"], served["copied_bytes"]))


@calls.scenario("in place the answer lies where the request was built, and nobody copies a byte", "6.9", "9.1", short=True)
def same_address(bench: Bench, client: Language, server: Language) -> None:
    name = bench.name()
    serving = bench.start(server, "serve", name, "--in-place", "--transform", "xor", "--xor-key", 0x5A, "--frames", 60)
    calling = bench.start(client, "call", name, "--claim", "--size", "1,64,65,100k", "--frames", 60, "--transform", "xor", "--xor-key", 0x5A, *NOISE)
    called, served = calling.end(), serving.end()
    expect_calls(served, called, 60, 15 * (1 + 64 + 65 + 102_400), ("--in-place",))
    agree("answers at the address of their request", expected=60, client=called["same_address"])
    agree("bytes that the library copied", expected=(0, 0), seen=(called["copied_bytes"], served["copied_bytes"]))


@on_both(calls, "eight requests on their way: three slow threads answer, in order", "6.2", "6.3", "9.1")
def pipelined(bench: Bench, client: Language, server: Language, place: Place) -> None:
    name = bench.name()
    channel = ("--request-size", "64k", "--response-size", "64k", "--lanes", 2)
    claim = ["--claim"] if place else []
    serving = bench.start(server, "serve", name, *place, *channel, "--threads", 3, "--delay-us", 300, "--transform", "reverse", "--frames", 200)
    calling = bench.start(client, "call", name, *claim, "--in-flight", 8, "--frames", 200, "--size", "1..300", "--transform", "reverse", *NOISE)
    called, served = calling.end(), serving.end()
    expect_calls(served, called, 200, sum(range(1, 201)), place)
    agree("numbers of the calls", expected=(1, 200), client=(called["first_sequence"], called["last_sequence"]))


@on_both(calls, "four threads of a client in lanes of their own; the server calls back with each tag", "6.2", "9.1")
def lanes_and_callbacks(bench: Bench, client: Language, server: Language, place: Place) -> None:
    name = bench.name()
    serving = bench.start(server, "serve", name, *place, "--lanes", 4, "--threads", 3, "--call-back", "--frames", 120)
    calling = bench.start(client, "call", name, "--threads", 4, "--answer-callbacks", "--frames", 120, "--size", "0..99", "--type", 128, *NOISE)
    called, served = calling.end(), serving.end()
    expect_calls(served, called, 120, sum(at % 100 for at in range(120)), place)
    agree("calls of the server", expected=120, server=served["callbacks"], client=called["callbacks"])


@calls.scenario("a client that keeps its answers holds the server back, and then both go on", "6.7")
def kept_answers(bench: Bench, client: Language, server: Language) -> None:
    name = bench.name()
    serving = bench.start(server, "serve", name, "--request-size", "64k", "--response-size", "4k", "--frames", 40)
    calling = bench.start(client, "call", name, "--in-flight", 8, "--frames", 40, "--size", 1000, "--delay-us", 5000, *NOISE)
    called, served = calling.end(), serving.end()
    expect_calls(served, called, 40, 40_000, ())
    # at least 28 of the answers had to wait until one before them was given back
    require(served["seconds"] > 0.1, f"the server was not held back: it was through in {served['seconds']} s")


# --- how calls end ------------------------------------------------------------------------------------------------------------


@on_both(call_endings, "a refused type is an error with the server's text; other requests are answered", "6.4", "9.1", short=True)
def refused(bench: Bench, client: Language, server: Language, place: Place) -> None:
    name = bench.name()
    serving = bench.start(server, "serve", name, *place, "--fail-type", 128, "--fail-type", 200, "--frames", 11)
    ending = bench.start(client, "call", name, "--frames", 5, "--type", 128, code=REMOTE_ERROR)
    counting = bench.start(client, "call", name, "--frames", 5, "--type", 200, "--allow-errors")
    others = bench.start(client, "call", name, "--frames", 5, "--type", 129)
    report = ending.end()
    agree("what the client was told", expected="type 128 is refused", client=report["message"])
    agree("the first error ends it", expected=(0, 1), client=(report["frames"], report["errors"]))
    report = counting.end()
    agree("errors are counted", expected=(5, 5, 0), client=(report["frames"], report["errors"], report["bytes"]))
    agree("other types", expected=(5, 0), client=(others.end()["frames"], others.end()["errors"]))
    served = serving.end()
    agree("requests and errors", expected=(11, 6), server=(served["frames"], served["errors"]))


@on_both(call_endings, "SIGKILL of the server inside a request: callers learn it, a successor of another language goes on", "6.5", "9.3", short=True)
def server_killed(bench: Bench, client: Language, server: Language, place: Place) -> None:
    name = bench.name()
    lanes = ("--lanes", 3)  # one for each client: a lane whose call was given up is used again when the successor has passed it
    dying = bench.start(server, "serve", name, *place, *lanes, *FOR_A_MINUTE, "--verbose")
    inside = bench.start(client, "call", name, "--frames", 3, code=REMOTE_ERROR)
    dying.until_said("frame 1 ")
    ending = bench.start(client, "call", name, "--frames", 3, "--verbose", code=PEER_DEAD)
    staying = bench.start(client, "call", name, "--frames", 20, "--allow-errors", "--verbose", *NOISE)
    for caller in (ending, staying):
        caller.until_said(f"opened {name}")
    inside.stop()  # so that it does not see the death, but its successor's answer
    dying.kill()
    agree("calls answered before", expected=0, client=ending.end()["frames"])
    successor = bench.start(other_than(server, client), "serve", name, *place, *lanes, "--exist-ok", code=TERMINATED)
    bench.until_state(name, lambda state: state.writer.presence == "attached", "the successor is there")
    inside.go_on()
    told = inside.end()["message"]
    require("the server died while it worked on this request" in told, f"the caller of the half-done request was told {told!r}")
    report = staying.end()
    agree("calls of the client that stays", expected=20, client=report["frames"])
    # it is told of the death at most once in each of the three lanes
    require(17 * 1024 <= report["bytes"] <= 20 * 1024, f"the client that stays has {report['bytes']} bytes of answers")
    successor.signal(signal.SIGTERM)
    served = successor.end()["frames"]
    # the calls of the client that stays, and what the other two had sent that nobody had begun; given up or not
    require(17 <= served <= 21, f"the successor says that it answered {served} requests")


@on_both(call_endings, "SIGKILL of a client: the next takes its lane. SIGTERM of the server: callers are told, the name is free", "6.6", "6.10", "9.3")
def lane_and_name_are_free(bench: Bench, client: Language, server: Language, place: Place) -> None:
    name = bench.name()
    channel = ("--request-size", "64k", "--response-size", "16k", "--lanes", 1)
    serving = bench.start(server, "serve", name, *place, *channel, "--delay-us", 1000, "--verbose", code=TERMINATED)
    killed = bench.start(client, "call", name, "--in-flight", 8, "--frames", 100_000)
    serving.until_said("frame 20 ")
    killed.kill()
    agree("calls of the next client", expected=15, client=bench.start(client, "call", name, "--frames", 15, *NOISE).end()["frames"])
    pending = bench.start(client, "call", name, "--in-flight", 8, "--frames", 100_000, "--verbose", code=CLOSED_EARLY)
    pending.until_said("frame 20 ")
    serving.signal(signal.SIGTERM)
    served, called = serving.end(), pending.end()
    require(called["frames"] >= 20, f"the client has {called['frames']} answers")
    require(served["frames"] >= 20 + 15 + called["frames"] - 1, f"the server says that it answered {served['frames']} requests")
    zerobuffer.ImmutableDuplexServer(name, lanes=1).close()


# --- many clients -------------------------------------------------------------------------------------------------------------


@on_both(services, "two of each language, two threads each: all are served", "8.2", "9.1", short=True)
def all_served(bench: Bench, server: Language, place: Place) -> None:
    name = bench.name()
    serving = bench.start(server, "serve", name, *place, "--lanes", 12, "--threads", 2, "--request-size", "64k", "--transform", "xor",
                          "--call-back", "--frames", 6 * 50)  # fmt: skip
    clients = [
        bench.start(language, "call", name, "--threads", 2, "--frames", 50, "--size", "1..5000", "--transform", "xor", "--answer-callbacks",
                    "--pattern", "random", "--seed", seed)  # fmt: skip
        for language in LANGUAGES
        for seed in (1, 2)
    ]
    reports: List[Report] = [client.end() for client in clients]
    served = serving.end()
    agree("calls", expected=300, server=served["frames"], clients=sum(report["frames"] for report in reports), back=served["callbacks"])
    agree("calls of each", expected=[50] * 6, clients=[report["frames"] for report in reports])
    agree("bytes", server=served["bytes"], clients=sum(report["bytes"] for report in reports))
