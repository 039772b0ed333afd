"""Chains that pass frames on without a copy: relays of three languages with --share, one that cannot, and one that is killed."""

from typing import List, Sequence

import zerobuffer

from .bench import Bench, Running, agree, require
from .cell import ORDERS, Combination, Group
from .exchange import expect_metadata
from .patterns import Digest, compare_digests, content, read_digests
from .programs import PEER_DEAD, Language

sharing = Group("sharing", "Shared payloads: three relays, fed by the last language and read by the first", ORDERS)

SLOTS = ("--share-slots", 4)
SIZES = [50_000, 1, 4096, 0, 777]
NOISE = ("--seed", 7, "--size", ",".join(map(str, SIZES)))


def share(bench: Bench, order: Combination, slots: Sequence[int], frames: int) -> "tuple[List[Running], Running]":
    """Writer, three relays with --share, reader; the four buffers have so many share slots. Returns the relays and the reader."""
    rings = [bench.name() for _ in range(4)]
    ring = ("--buffer-size", "256k")
    first, _, last = order
    writer = bench.start(last, "write", rings[0], "--create", *ring, "--share-slots", slots[0], "--wait-readers", 1, "--frames", frames,
                         "--pattern", "random", "--type", 150, "--tag", "sequence", "--metadata", "shared", *NOISE)  # fmt: skip
    relays = [
        bench.start(order[at], "relay", "--input", rings[at], "--output", rings[at + 1], "--share", "--create-output", *ring,
                    "--share-slots", slots[at + 1], "--wait-readers", 1)  # fmt: skip
        for at in range(3)
    ]
    reader = bench.start(first, "read", rings[3], "--verify", "random", "--hold", 3, "--digests", bench.file("seen"), *NOISE)
    written, got = writer.end(), reader.end()
    agree("frames", expected=frames, writer=written["frames"], reader=got["frames"])
    agree("bytes", writer=written["bytes"], reader=got["bytes"])
    agree("lost and unread", expected=(0, 0), seen=(got["lost"], written["unread"]))
    expect_metadata(got, b"shared")
    expected = [Digest.of(content("random", at, SIZES[(at - 1) % len(SIZES)], 7), at, 150, at) for at in range(1, frames + 1)]
    compare_digests("the reader", read_digests(bench.file("seen")), expected)
    return relays, reader


@sharing.scenario("every frame goes through as a descriptor, while the reader holds the last three", "7.2", "7.5", "9.1", short=True)
def shared(bench: Bench, *order: Language) -> None:
    relays, _ = share(bench, order, [4, 4, 4, 4], 60)
    for relay in relays:
        report = relay.end()
        agree("frames shared and copied", expected=(60, 0, ""), relay=(report["shared"], report["copied"], report["message"]))
        agree("frames", expected=60, relay=report["frames"], output=report["output_last_sequence"], measured=report["relay_latency_us"]["count"])


@sharing.scenario("the second buffer cannot share: frames are copied in and out of it, and both relays say so", "7.4", "9.1")
def copied_where_it_must_be(bench: Bench, *order: Language) -> None:
    relays, _ = share(bench, order, [4, 0, 4, 4], 40)
    for relay, copied in zip(relays, (40, 40, 0)):
        report = relay.end()
        agree("frames shared and copied", expected=(40 - copied, copied), relay=(report["shared"], report["copied"]))
        said = report["message"]
        require(("40 frames were copied: " in said and "share_slots" in said) == bool(copied), f"{relay.label} says {said!r}")


@sharing.scenario("SIGKILL of the relay (writer → relay → reader): whole frames or lost ones, and the writer's room comes back", "7.3", "9.3", short=True)
def sharing_relay_killed(bench: Bench, *order: Language) -> None:
    source, output = bench.name(), bench.name()
    noise = ("--seed", 7)
    reader = bench.start(order[2], "read", output, "--create", "--buffer-size", "64k", *SLOTS, "--verify", "random", *noise,
                         "--digests", bench.file("seen"), code=PEER_DEAD)  # fmt: skip
    relay = bench.start(order[1], "relay", "--input", source, "--output", output, "--share")
    keeper = bench.start(order[2], "read", source, "--verify", "random", *noise)
    writer = bench.start(order[0], "write", source, "--create", "--buffer-size", "64k", "--max-readers", 2, *SLOTS, "--wait-readers", 2,
                         "--pattern", "random", *noise, "--frames", 1000, "--delay-us", 200)  # fmt: skip
    bench.until_frames(output, 40)
    reader.stop()
    bench.until_state(output, lambda state: state.frames >= state.readers[0].read_count + 5, "five frames wait for the reader")
    relay.stop()
    published = bench.frames_of(output)
    relay.kill()
    # many times round the ring that the dead relay held frames of, unless the reader was stopped while it looked at one
    looks: List[int] = []

    def gone_on_or_held_back(state: zerobuffer.BufferState) -> bool:
        looks.append(state.frames)
        return state.frames >= 900 or (state.writer_waiting and looks[-40:].count(state.frames) == 40)

    bench.until_state(source, gone_on_or_held_back, "the writer has gone on, or waits for the reader")
    reader.go_on()
    got = reader.end()
    agree("frames read and lost", published=published, reader=got["frames"] + got["lost"])
    for digest in read_digests(bench.file("seen")):
        agree("a frame", expected=Digest.of(content("random", digest.sequence, 1024, 7), digest.sequence), reader=digest)
    agree("frames", expected=1000, writer=writer.end()["frames"], other_reader=keeper.end()["frames"])
