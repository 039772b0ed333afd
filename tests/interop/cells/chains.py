"""Chains through three languages: relays with every transform, of a real video and of arrays, and what a death in one does.

A chain of relays is fed and read by further languages, so that each of its four rings has two different ones at its ends.
"""

import hashlib
from pathlib import Path
from typing import List, Sequence, Tuple

import numpy as np

from .bench import Bench, Report, Running, agree, require
from .cell import ORDERS, Combination, Group
from .exchange import expect_metadata
from .patterns import Array, Digest, compare_digests, content, crc_text, read_digests
from .programs import PEER_DEAD, UNREAD, Language
from .video import decoded

chains = Group("chains", "Chains of three relays, fed by the last language and read by the first", ORDERS)
broken_chains = Group("broken_chains", "Chains of writer → relay → reader, one of them killed", ORDERS)

Transform = Tuple[str, int]  # name and key

NONE: Sequence[Transform] = [("none", 0)] * 3
REVERSE: Sequence[Transform] = [("reverse", 0)] * 3
XOR: Sequence[Transform] = [("xor", 0x5A), ("xor", 255), ("xor", 0x0F)]
MIXED: Sequence[Transform] = [("reverse", 0), ("xor", 0x33), ("none", 0)]


def apply(transforms: Sequence[Transform], data: bytes) -> bytes:
    """What the relays make of a frame's content, all together."""
    for name, key in transforms:
        if name == "reverse":
            data = data[::-1]
        elif name == "xor":
            data = (np.frombuffer(data, np.uint8) ^ np.uint8(key)).tobytes()
    return data


def options_of(transform: Transform) -> List[str]:
    name, key = transform
    return ["--transform", name, *(["--xor-key", hex(key)] if name == "xor" else [])]


class Chain:
    """Writer, three relays, reader: started from the end, so that nobody misses a frame."""

    def __init__(self, bench: Bench, order: Combination, transforms: Sequence[Transform], writing: Sequence[object], reading: Sequence[object],
                 ring: object) -> None:
        rings = [bench.name() for _ in range(4)]
        first, _, last = order
        self.reader = bench.start(first, "read", rings[3], "--create", "--buffer-size", ring, *reading)
        self.relays: List[Running] = []
        for at in (2, 1, 0):
            # the rings between relays are made by the one that writes, the others by the ends
            making = [] if at == 2 else ["--create-output", "--buffer-size", ring, "--wait-readers", 1]
            words = ["relay", "--input", rings[at], "--output", rings[at + 1], *options_of(transforms[at]), *making]
            self.relays.insert(0, bench.start(order[at], *words))
        self.writer = bench.start(last, "write", rings[0], "--create", "--buffer-size", ring, "--wait-readers", 1, *writing)

    def end(self, frames: int) -> Tuple[Report, List[Report], Report]:
        """Waits for all and compares what they say of the same stream."""
        written, passed, got = self.writer.end(), [relay.end() for relay in self.relays], self.reader.end()
        for relay in passed:
            agree("frames", expected=frames, writer=written["frames"], relay=relay["frames"], reader=got["frames"])
            agree("last sequence", relay=relay["last_sequence"], relays_output=relay["output_last_sequence"], reader=got["last_sequence"])
            agree("bytes", writer=written["bytes"], relay=relay["bytes"], reader=got["bytes"])
            agree("metadata", writer=written["metadata_crc"], relay=relay["metadata_crc"], reader=got["metadata_crc"])
            agree("lost and unread frames", expected=(0, 0), relay=(relay["lost"], relay["unread"]))
            agree("side", expected=None, relay=relay["side"])
            latency = relay["relay_latency_us"]
            agree("measured frames", expected=frames, relay=latency["count"])
            require(0 <= latency["p50"] <= latency["p90"] <= latency["p99"], f"latencies are out of order: {latency}")
        return written, passed, got


def play(bench: Bench, order: Combination, transforms: Sequence[Transform]) -> None:
    """A real video through the chain, every picture compared with ffmpeg's."""
    video = decoded(bench.shared)
    frames = len(video.md5)
    output, digests = bench.file("output"), bench.file("digests")
    chain = Chain(
        bench, order, transforms, ring="4m",
        writing=["--input", video.raw, "--size", video.picture_bytes, "--metadata", video.metadata, "--tag", "sequence"],
        reading=["--output", output, "--digests", digests, "--expect-metadata", video.metadata, "--frames", frames],
    )  # fmt: skip
    _, _, got = chain.end(frames)
    expect_metadata(got, video.metadata.encode())

    if all(name == "none" for name, _ in transforms):
        compare_sums(output, video.picture_bytes, video.md5)
    expected = [apply(transforms, picture) for picture in video.pictures()]
    agree("SHA-256 of the whole", expected=hashlib.sha256(b"".join(expected)).hexdigest(), reader=hashlib.sha256(output.read_bytes()).hexdigest())
    compare_digests("the reader", read_digests(digests), [Digest.of(data, at + 1, 0, at + 1) for at, data in enumerate(expected)])


def compare_sums(output: Path, picture_bytes: int, sums: List[str]) -> None:
    data = output.read_bytes()
    seen = [hashlib.md5(data[at : at + picture_bytes]).hexdigest() for at in range(0, len(data), picture_bytes)]
    agree("pictures whose MD5 is that of ffmpeg", expected=len(sums), output=sum(one == other for one, other in zip(seen, sums)), pictures=len(seen))


@chains.scenario("real video, untouched: the MD5 of each picture is that of ffmpeg -f framemd5", "9.2", short=True)
def video_none(bench: Bench, *order: Language) -> None:
    play(bench, order, NONE)


@chains.scenario("real video, reversed three times", "9.2")
def video_reverse(bench: Bench, *order: Language) -> None:
    play(bench, order, REVERSE)


@chains.scenario("real video, XOR with three keys", "9.2")
def video_xor(bench: Bench, *order: Language) -> None:
    play(bench, order, XOR)


@chains.scenario("real video, reversed, then XOR, then untouched", "9.2", short=True)
def video_mixed(bench: Bench, *order: Language) -> None:
    play(bench, order, MIXED)


@chains.scenario("arrays: the content is transformed, descriptor, type and tag are not", "9.2", "9.1", short=True)
def arrays_mixed(bench: Bench, *order: Language) -> None:
    kinds = [Array("<f4", (3, 7), "F"), Array("|u1", (5,)), Array("<i8", ()), Array(">c16", (2, 0, 3)), Array("<u2", (1, 3, 3))]
    frames = 40
    digests = bench.file("digests")
    specs: List[str] = []
    for kind in kinds:
        specs += ["--array", kind.spec]
    chain = Chain(
        bench, order, MIXED, ring="16k",
        writing=["--frames", frames, "--pattern", "random", "--tag", "sequence", "--timestamp", 123456789, *specs],
        reading=["--array", "--digests", digests],
    )  # fmt: skip
    _, passed, got = chain.end(frames)
    sent = [kinds[at % len(kinds)] for at in range(frames)]
    expected = [Digest.of(apply(MIXED, content("random", at + 1, kind.size)), at + 1, 2, at + 1) for at, kind in enumerate(sent)]
    compare_digests("the reader", read_digests(digests), expected)
    seen = [(one["dtype"], tuple(one["shape"]), one["order"], one["frames"]) for one in got["arrays"]]
    agree("arrays", expected=[(kind.dtype, kind.shape, kind.order, sent.count(kind)) for kind in kinds], reader=seen)
    agree("payload bytes", expected=sum(kind.payload_with_descriptor for kind in sent), reader=got["bytes"])
    expect_metadata(got, kinds[0].metadata)
    agree("frames with a send time", expected=frames, reader=got["since_send_us"]["count"], relay=passed[0]["since_send_us"]["count"])


@chains.scenario("messages of every size, types and tags through small rings", "9.2", "2.3")
def messages(bench: Bench, *order: Language) -> None:
    digests = bench.file("digests")
    sizes = [0, 1, 31, 32, 33, 63, 64, 65, 4095, 4096, 4097, 16_384]
    chain = Chain(
        bench, order, REVERSE, ring="16k",
        writing=["--frames", 240, "--size", ",".join(str(size) for size in sizes), "--type", 40_000, "--tag", "sequence", "--metadata", "kept"],
        reading=["--digests", digests],
    )  # fmt: skip
    _, _, got = chain.end(240)
    expected = [Digest.of(content("sequential", at, sizes[(at - 1) % len(sizes)])[::-1], at, 40_000, at) for at in range(1, 241)]
    compare_digests("the reader", read_digests(digests), expected)
    agree("CRC of the metadata", expected=crc_text(b"kept"), reader=got["metadata_crc"])


@chains.scenario("metadata and no frame", "2.8", "4.10", "9.2")
def metadata_alone(bench: Bench, *order: Language) -> None:
    empty = bench.file("empty")
    empty.write_bytes(b"")
    chain = Chain(bench, order, NONE, ring="16k", writing=["--input", empty, "--metadata", "alone"], reading=["--expect-metadata", "alone"])
    written, passed, got = chain.writer.end(), [relay.end() for relay in chain.relays], chain.reader.end()
    agree("frames", expected=0, writer=written["frames"], relays=sum(relay["frames"] for relay in passed), reader=got["frames"])
    for report in (*passed, got):
        expect_metadata(report, b"alone")
    agree("latency of no frame", expected=None, relay=passed[0]["relay_latency_us"])


# --- one of three is killed ---------------------------------------------------------------------------------------------------


class Trio:
    """Writer, relay and reader, each in its own language, with their expected exit codes."""

    def __init__(self, bench: Bench, order: Combination, ring: object, writing: Sequence[object], codes: Tuple[int, int, int]) -> None:
        self.input, self.output = bench.name(), bench.name()
        noise = ["--seed", 6]
        self.reader = bench.start(order[2], "read", self.output, "--create", "--buffer-size", ring, "--verify", "random", *noise, code=codes[2])
        self.relay = bench.start(order[1], "relay", "--input", self.input, "--output", self.output, code=codes[1])
        self.writer = bench.start(order[0], "write", self.input, "--create", "--buffer-size", ring, "--wait-readers", 1,
                                  "--pattern", "random", *noise, *writing, code=codes[0])
        bench.until_frames(self.output, 40)


@broken_chains.scenario("SIGKILL of the writer: the relay passes on all that was committed", "9.3", "4.1", short=True)
def writer_killed(bench: Bench, *order: Language) -> None:
    trio = Trio(bench, order, "64k", ["--delay-us", 500], (0, PEER_DEAD, 0))
    trio.relay.stop()
    trio.writer.stop()
    committed = bench.frames_of(trio.input)
    trio.writer.kill()
    trio.relay.go_on()
    passed, got = trio.relay.end(), trio.reader.end()
    agree("side", expected="input", relay=passed["side"])
    agree("frames", committed=committed, relay=passed["frames"], relays_output=passed["output_last_sequence"], reader=got["frames"])


@broken_chains.scenario("SIGKILL of the relay: both ends learn it", "9.3", "4.1", "4.2")
def relay_killed(bench: Bench, *order: Language) -> None:
    trio = Trio(bench, order, "32k", [], (PEER_DEAD, 0, PEER_DEAD))
    trio.reader.stop()
    trio.relay.stop()
    committed = bench.frames_of(trio.output)
    taken = bench.state(trio.input)
    assert taken is not None
    given_back = taken.readers[0].read_count
    trio.relay.kill()
    trio.reader.go_on()
    got, written = trio.reader.end(), trio.writer.end()
    agree("frames", committed=committed, reader=got["frames"])
    agree("frames that nobody read", given_back=written["frames"] - given_back, writer=written["unread"])
    require(given_back <= committed <= written["frames"], f"{committed} frames came out of {given_back} … {written['frames']}")


@broken_chains.scenario("SIGKILL of the reader: the relay closes, and the writer learns it", "9.3", "4.2")
def reader_killed(bench: Bench, *order: Language) -> None:
    trio = Trio(bench, order, "32k", [], (UNREAD, PEER_DEAD, 0))
    trio.reader.kill()
    passed, written = trio.relay.end(), trio.writer.end()
    agree("side", expected="output", relay=passed["side"])
    agree("frames passed on", relay=passed["frames"], relays_output=passed["output_last_sequence"])
    agree("last sequence", relay=passed["last_sequence"], frames=passed["frames"])
    require(0 < passed["unread"] <= passed["frames"], f"the relay says that {passed['unread']} of its frames are unread")
    seen = written["frames"] - written["unread"]
    require(passed["frames"] <= seen <= passed["frames"] + 1, f"the writer says that {seen} frames were read, the relay passed {passed['frames']} on")
