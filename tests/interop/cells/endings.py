"""How a stream ends in every pair: a clean close, SIGKILL and SIGSTOP, of either side, and what the other then says."""

from .bench import Bench, Running, agree, require
from .cell import PAIRS, Group
from .patterns import Digest, compare_digests, content, read_digests
from .programs import CLOSED_EARLY, PEER_DEAD, UNREAD, Language, other_than

endings = Group("endings", "Ends: writer → reader", PAIRS)

NOISE = ("--pattern", "random", "--seed", 3)
CHECKED = ("--verify", "random", "--seed", 3)


def start_pair(
    bench: Bench, writer: Language, reader: Language, name: str, *, ring: str, writing: tuple[object, ...],
    reading: tuple[object, ...] = (), writer_code: int = 0, reader_code: int = 0,
) -> tuple[Running, Running]:  # fmt: skip
    sink = bench.start(reader, "read", name, "--create", "--buffer-size", ring, *CHECKED, *reading, code=reader_code)
    source = bench.start(writer, "write", name, *NOISE, *writing, code=writer_code)
    return source, sink


@endings.scenario("the writer closes while the reader waits", "4.10", "9.1")
def writer_closes_early(bench: Bench, writer: Language, reader: Language) -> None:
    name = bench.name()
    source, sink = start_pair(
        bench, writer, reader, name, ring="64k", writing=("--frames", 10), reading=("--frames", 11), reader_code=CLOSED_EARLY
    )
    agree("frames", expected=10, writer=source.end()["frames"], reader=sink.end()["frames"])


@endings.scenario("the writer closes while the reader has everything before it", "4.10", short=True)
def writer_closes_ahead(bench: Bench, writer: Language, reader: Language) -> None:
    name = bench.name()
    sink = bench.start(reader, "read", name, "--create", "--buffer-size", "1m", *CHECKED)
    bench.until_state(name, lambda state: bool(state.readers), "the reader is there")
    sink.stop()
    source = bench.start(writer, "write", name, "--frames", 200, "--size", "0..700", *NOISE)
    bench.until_frames(name, 200)
    sink.go_on()
    agree("frames", expected=200, writer=source.end()["frames"], reader=sink.end()["frames"])


@endings.scenario("the reader closes while the writer waits for room", "9.1", "4.2")
def reader_closes(bench: Bench, writer: Language, reader: Language) -> None:
    name = bench.name()
    source, sink = start_pair(
        bench, writer, reader, name, ring="8k", writing=("--frames", 1000), reading=("--frames", 10), writer_code=UNREAD
    )
    got, written = sink.end(), source.end()
    agree("frames read", expected=10, reader=got["frames"])
    agree("frames written", frames=written["frames"], last_sequence=written["last_sequence"])
    agree("frames that nobody read", expected=written["frames"] - 10, writer=written["unread"])


def stop_and_count(bench: Bench, process: Running, name: str) -> int:
    """Stops the writer wherever it is and returns how many frames it has published."""
    process.stop()
    return bench.frames_of(name)


def expect_all_then_death(sink: Running, committed: int) -> None:
    got = sink.end()
    agree("committed frames", published=committed, reader=got["frames"], last_sequence=got["last_sequence"])
    agree("lost frames", expected=0, reader=got["lost"])


@endings.scenario("SIGKILL of the writer before its first frame", "9.3", "4.1")
def writer_killed_first(bench: Bench, writer: Language, reader: Language) -> None:
    name = bench.name()
    source, sink = start_pair(
        bench, writer, reader, name, ring="64k", writing=("--wait-readers", 2), reading=("--max-readers", 2), reader_code=PEER_DEAD
    )
    bench.until_state(name, lambda state: state.writer.presence == "attached", "the writer is there")
    source.kill()
    expect_all_then_death(sink, 0)


@endings.scenario("SIGKILL of the writer while the reader waits", "9.3", "4.1", short=True)
def writer_killed_idle(bench: Bench, writer: Language, reader: Language) -> None:
    name = bench.name()
    source, sink = start_pair(bench, writer, reader, name, ring="64k", writing=("--delay-us", 10_000), reader_code=PEER_DEAD)
    bench.until_frames(name, 10)
    committed = stop_and_count(bench, source, name)
    source.kill()
    expect_all_then_death(sink, committed)


@endings.scenario("SIGKILL of the writer anywhere in a fast stream", "9.3", "4.1")
def writer_killed_fast(bench: Bench, writer: Language, reader: Language) -> None:
    name = bench.name()
    source, sink = start_pair(bench, writer, reader, name, ring="2m", writing=("--size", "65537,1,4096"), reader_code=PEER_DEAD)
    bench.until_frames(name, 100)
    committed = stop_and_count(bench, source, name)
    source.kill()
    expect_all_then_death(sink, committed)


@endings.scenario("SIGKILL of the writer with unread frames in the ring", "9.3", "4.1")
def writer_killed_ahead(bench: Bench, writer: Language, reader: Language) -> None:
    name = bench.name()
    source, sink = start_pair(bench, writer, reader, name, ring="64k", writing=("--metadata", "last words"), reading=("--expect-metadata", "last words"),
                              reader_code=PEER_DEAD)
    bench.until_frames(name, 10)
    sink.stop()
    state = bench.until_state(name, lambda state: state.writer_waiting, "the writer waits for room")
    source.kill()
    sink.go_on()
    expect_all_then_death(sink, state.frames)


@endings.scenario("SIGKILL of the writer inside a frame", "9.3", "4.1")
def writer_killed_inside(bench: Bench, writer: Language, reader: Language) -> None:
    name = bench.name()
    seen = bench.file("seen")
    sink = bench.start(reader, "read", name, "--create", "--buffer-size", "64k", "--digests", seen, code=PEER_DEAD)
    source = bench.start(writer, "write", name, "--input", "-", "--size", 1000, feed=True)
    source.feed(b"x" * 3500)
    bench.until_frames(name, 3)
    bench.pause(0.05)
    source.kill()
    expect_all_then_death(sink, 3)
    compare_digests("the reader", read_digests(seen), [Digest.of(b"x" * 1000, at) for at in (1, 2, 3)])


@endings.scenario("SIGKILL of the reader while the writer waits for room", "9.3", "4.2", short=True)
def reader_killed_ahead(bench: Bench, writer: Language, reader: Language) -> None:
    name = bench.name()
    source, sink = start_pair(bench, writer, reader, name, ring="64k", writing=(), writer_code=PEER_DEAD)
    bench.until_frames(name, 20)
    sink.stop()
    state = bench.until_state(name, lambda state: state.writer_waiting, "the writer waits for room")
    sink.kill()
    written = source.end()
    agree("frames written", published=state.frames, writer=written["frames"], last_sequence=written["last_sequence"])
    agree("frames that nobody read", left=state.frames - state.readers[0].read_count, writer=written["unread"])


@endings.scenario("SIGKILL of the reader while it waits for frames", "9.3", "4.2")
def reader_killed_idle(bench: Bench, writer: Language, reader: Language) -> None:
    name = bench.name()
    source, sink = start_pair(bench, writer, reader, name, ring="8k", writing=("--delay-us", 10_000), writer_code=PEER_DEAD)
    bench.until_frames(name, 10)
    sink.kill()
    written = source.end()
    agree("frames written", frames=written["frames"], last_sequence=written["last_sequence"])
    require(0 < written["unread"] <= written["frames"], f"{written['unread']} frames are said to be unread")


@endings.scenario("a killed reader is resumed by another language", "9.3", "4.4", "4.15", short=True)
def reader_resumed(bench: Bench, writer: Language, reader: Language) -> None:
    name, seen = bench.name(), bench.file("seen")
    expected = [content("random", sequence, 1000, 3) for sequence in range(1, 151)]
    source = bench.start(writer, "write", name, "--create", "--buffer-size", "1m", "--input", "-", "--size", 1000, "--metadata", "for both", feed=True)
    sink = bench.start(reader, "read", name, *CHECKED)
    source.feed(b"".join(expected[:50]))
    bench.until_state(name, lambda state: state.frames == 50 and [one.read_count for one in state.readers] == [50], "50 frames are read")
    sink.stop()
    source.feed(b"".join(expected[50:100]))
    bench.until_frames(name, 100)
    sink.kill()
    successor = bench.start(other_than(reader, writer), "read", name, "--join", "resume", "--expect-metadata", "for both", "--digests", seen, *CHECKED)
    bench.until_state(name, lambda state: state.readers[0].read_count == 100, "the successor has read on")
    source.feed(b"".join(expected[100:]))
    source.end_of_input()
    written, got = source.end(), successor.end()
    agree("frames of the successor", expected=(51, 150, 100), reader=(got["first_sequence"], got["last_sequence"], got["frames"]))
    agree("lost and unread frames", expected=(0, 0), seen=(got["lost"], written["unread"]))
    compare_digests("the successor", read_digests(seen), [Digest.of(data, at) for at, data in enumerate(expected, 1) if at > 50])


@endings.scenario("a killed writer is followed by another language", "9.3", "4.3")
def writer_followed(bench: Bench, writer: Language, reader: Language) -> None:
    name = bench.name()
    successor = other_than(writer, reader)
    source, sink = start_pair(bench, writer, reader, name, ring="256k", writing=("--delay-us", 1000, "--size", "1..300"),
                              reading=("--digests", bench.file("seen")))
    bench.until_frames(name, 30)
    sink.stop()
    committed = stop_and_count(bench, source, name)
    source.kill()
    follower = bench.start(successor, "write", name, "--frames", 40, "--size", 512, *NOISE)
    bench.until_frames(name, committed + 40)
    sink.go_on()
    got, written = sink.end(), follower.end()
    agree("first frame of the successor", predecessor=committed + 1, successor=written["first_sequence"])
    agree("last frame", expected=committed + 40, successor=written["last_sequence"], reader=got["last_sequence"], frames=got["frames"])
    sizes = [min((sequence - 1) % 300 + 1, 300) if sequence <= committed else 512 for sequence in range(1, committed + 41)]
    expected = [Digest.of(content("random", at + 1, size, 3), at + 1) for at, size in enumerate(sizes)]
    compare_digests("the reader", read_digests(bench.file("seen")), expected)


@endings.scenario("SIGSTOP of either side for a second: nothing is lost", "4.6")
def stopped(bench: Bench, writer: Language, reader: Language) -> None:
    name = bench.name()
    source, sink = start_pair(bench, writer, reader, name, ring="16k", writing=("--frames", 400, "--delay-us", 2000), reading=("--frames", 400))
    bench.until_frames(name, 20)
    for side in (source, sink):
        side.stop()
        bench.pause(1.0)
        side.go_on()
        if side is source:
            bench.until_frames(name, 100)
    agree("frames", expected=400, writer=source.end()["frames"], reader=sink.end()["frames"])
