"""The command line program as its users see it: bytes in, bytes out, exit codes, JSON, signals, and nothing left behind.

Drives the built program only (ZEROBUFFER_CLI, or ZEROBUFFER_BIN_DIR, or the release build of this tree) and knows nothing
of the library. No test says how fast something must be.
"""

import contextlib
import hashlib
import json
import os
import pty
import re
import select
import signal
import statistics
import subprocess
import time
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN_DIR = Path(os.environ.get("ZEROBUFFER_BIN_DIR", ROOT / "build" / "release" / "bin"))
PROGRAM = os.environ.get("ZEROBUFFER_CLI", str(BIN_DIR / "zerobuffer"))
SHM = Path("/dev/shm")
VECTORS = ROOT / "protocol" / "vectors"
LIMIT = 60  # seconds that no step here comes near unless it hangs

OK, FAILED, USAGE, NOT_FOUND, IN_USE, TIMEOUT, PEER_DEAD, REFUSED, SHORT_FRAME, UNREAD, NO_ROOM = range(11)
INTERRUPTED, TERMINATED = 130, 143


def run(*arguments, stdin=b"", timeout=LIMIT, **keywords):
    return subprocess.run([PROGRAM, *map(str, arguments)], input=stdin, capture_output=True, timeout=timeout, **keywords)


def summary(result):
    """The JSON line that a command printed last on standard output."""
    return json.loads(result.stdout.splitlines()[-1])


@pytest.fixture
def name():
    """A buffer name of this test's own; the test fails if anything of that name is left."""
    chosen = f"zb-cli-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    yield chosen
    left = [path.name for path in SHM.glob(f"{chosen}*")]
    for path in left:
        (SHM / path).unlink()
    assert left == []


@pytest.fixture
def start():
    """Starts the program beside the test; what still runs at the end is asked to end, which it does properly."""
    running = []

    def starter(*arguments, **keywords):
        keywords = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | keywords
        process = subprocess.Popen([PROGRAM, *map(str, arguments)], **keywords)
        running.append(process)
        return process

    yield starter
    for process in running:
        if process.poll() is None:
            process.terminate()
        try:
            process.communicate(timeout=LIMIT)
        finally:
            process.kill()


def finish(process):
    """Waits for the end; exit code, standard output and standard error."""
    out, err = process.communicate(timeout=LIMIT)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def state_of(name):
    return json.loads(run("dump", name, "--json").stdout)


def wait_until(condition):
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.01)


def wait_for_buffer(name, **expected):
    """Until the buffer is there and what `dump` says of it agrees, e.g. frames=3."""

    def there():
        result = run("dump", name, "--json")
        if result.returncode != OK:
            return False
        state = json.loads(result.stdout)
        return all(state[key] == value for key, value in expected.items())

    wait_until(there)


def random_bytes(n):
    return hashlib.shake_128(b"the bytes of these tests").digest(n)


# --- help and mistakes -----------------------------------------------------------------------------------------------------


def test_every_command_explains_itself_and_its_exit_codes():
    top = run("--help")
    assert top.returncode == OK
    for command in ("write", "read", "list", "dump", "clean", "bench"):
        assert command.encode() in top.stdout
        result = run(command, "--help")
        assert result.returncode == OK
        assert b"--json" in result.stdout
        assert b"Exit codes:" in result.stdout


def test_the_exit_codes_of_help_stand_in_the_documentation():
    codes = re.findall(r"^  (\d+) +(\S.*)$", run("--help").stdout.decode().split("Exit codes:")[1], re.MULTILINE)
    assert len(codes) == 13
    documented = dict(re.findall(r"^\| (\d+) \| (.*) \|$", (ROOT / "docs" / "cli.md").read_text(), re.MULTILINE))
    assert documented == dict(codes)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-command"],
        ["write"],
        ["read", "x", "--no-such-option"],
        ["write", "x", "--frame-size", "10", "--block-size", "10"],
        ["write", "x", "--pattern", "noise"],
        ["read", "x", "--timeout", "-1"],
        ["clean"],
        ["bench", "--only", "no-such-workload"],
        ["bench", "--group", "no-such-family"],
        ["bench", "--limit-s", "-1"],
        ["read", "bad/name", "--connect-timeout", "0"],
        ["read", "x" * 300, "--connect-timeout", "0"],
    ],
)
def test_a_mistake_in_the_arguments_is_a_usage_error_with_a_reason(arguments):
    result = run(*arguments)
    assert result.returncode == USAGE
    assert result.stderr.strip() + result.stdout.strip() != b""


def test_the_version_names_library_and_protocol():
    result = run("--version")
    assert result.returncode == OK
    assert (ROOT / "VERSION").read_text().strip() in result.stdout.decode()
    assert "protocol" in result.stdout.decode()


# --- write and read --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["read", "write"])
def test_a_buffer_that_does_not_appear_in_time_is_not_found(name, command):
    result = run(command, name, "--connect-timeout", "0.1", "--json")
    assert result.returncode == NOT_FOUND
    assert summary(result)["status"] == "not_found"
    assert name.encode() in result.stderr


def test_bytes_go_through_a_pipe_on_both_sides_unchanged(name, start, tmp_path):
    data = random_bytes(3_000_001)
    source = tmp_path / "source"
    source.write_bytes(data)
    reader = start("read", name, "--create", "--payload-size", "256KiB", "--output", "-")
    with subprocess.Popen(["cat", source], stdout=subprocess.PIPE) as feeder:
        writer = start("write", name, "--block-size", "64KiB", "--json", stdin=feeder.stdout)
        received = finish(reader)
        written = finish(writer)
    assert (written.returncode, received.returncode) == (OK, OK)
    assert received.stdout == data
    told = summary(written)
    assert told["bytes"] == len(data)
    assert told["frames"] == told["last_sequence"] == -(-len(data) // 65536)  # the short last block is a frame of its own


def test_frames_go_from_file_to_file_unchanged(name, start, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(random_bytes(100 * 1000))
    reader = start("read", name, "--create", "--payload-size", "4096", "--output", target, "--json")
    written = run("write", name, "--input", source, "--frame-size", "1000", "--json")
    received = finish(reader)
    assert (written.returncode, received.returncode) == (OK, OK)
    assert target.read_bytes() == source.read_bytes()
    told = summary(received)
    assert (told["frames"], told["first_sequence"], told["last_sequence"]) == (100, 1, 100)
    assert (told["lost"], told["skipped"], told["dropped"], told["status"]) == (0, 0, 0, "closed")


def test_the_writer_may_create_the_buffer_and_waits_until_everything_was_read(name, start):
    data = random_bytes(50_000)
    writer = start("write", name, "--create", "--payload-size", "1MiB", "--block-size", "1000", "--json", stdin=subprocess.PIPE)
    writer.stdin.write(data)
    writer.stdin.close()
    writer.stdin = None
    wait_for_buffer(name, frames=50)
    assert writer.poll() is None
    received = run("read", name, "--output", "-")
    assert (received.returncode, received.stdout) == (OK, data)
    assert finish(writer).returncode == OK


def test_frames_that_nobody_will_read_are_counted_and_have_an_exit_code(name):
    result = run("write", name, "--create", "--pattern", "zeros", "--frame-size", "100", "--frames", "7", "--linger", "0", "--json")
    assert result.returncode == UNREAD, result.stderr
    assert summary(result)["unread"] == 7


def test_a_short_last_frame_is_not_sent_and_the_byte_counts_are_told(name, start):
    reader = start("read", name, "--create", "--payload-size", "64KiB", "--output", "-")
    result = run("write", name, "--frame-size", "1000", "--json", stdin=b"x" * 2345)
    assert result.returncode == SHORT_FRAME
    told = summary(result)
    assert (told["frames"], told["bytes"], told["discarded_bytes"], told["status"]) == (2, 2000, 345, "short_frame")
    for number in (b"345", b"1000", b"2000"):
        assert number in result.stderr
    received = finish(reader)
    assert (received.returncode, received.stdout) == (OK, b"x" * 2000)


def test_a_frame_that_comes_in_pieces_is_put_together(name, start):
    reader = start("read", name, "--create", "--payload-size", "64KiB", "--output", "-", "--json")
    writer = start("write", name, "--frame-size", "10", stdin=subprocess.PIPE)
    for piece in (b"abc", b"defghij", b"0123", b"45", b"6789"):
        writer.stdin.write(piece)
        writer.stdin.flush()
        time.sleep(0.02)
    writer.stdin.close()
    writer.stdin = None
    assert finish(writer).returncode == OK
    received = finish(reader)
    assert received.stdout == b"abcdefghij0123456789"
    assert json.loads(received.stderr.splitlines()[-1])["frames"] == 2


def test_an_empty_input_is_a_stream_without_frames(name, start):
    reader = start("read", name, "--create", "--payload-size", "4096", "--json")
    assert run("write", name).returncode == OK
    received = finish(reader)
    assert (received.returncode, summary(received)["frames"]) == (OK, 0)


@pytest.mark.parametrize("pattern", ["zeros", "sequential", "random"])
def test_a_pattern_is_the_same_whatever_the_frames_are_cut_into(name, start, pattern):
    received = []
    for index, size in enumerate((24, 1000)):
        reader = start("read", f"{name}-{index}", "--create", "--payload-size", "64KiB", "--output", "-")
        sent = run("write", f"{name}-{index}", "--pattern", pattern, "--seed", "5", "--frame-size", size, "--frames", 6000 // size)
        assert sent.returncode == OK
        received.append(finish(reader).stdout)
    assert received[0] == received[1]
    assert len(received[0]) == 6000
    assert (received[0] == bytes(6000)) == (pattern == "zeros")
    if pattern == "sequential":
        assert received[0][:24] == (0).to_bytes(8, "little") + (1).to_bytes(8, "little") + (2).to_bytes(8, "little")


def test_metadata_from_a_text_or_a_file_reaches_the_reader(name, start, tmp_path):
    blob = tmp_path / "metadata"
    blob.write_bytes(bytes(range(256)))
    for option, value, expected in (("--metadata-text", "{}", b"{}"), ("--metadata", blob, bytes(range(256)))):
        copy = tmp_path / "copy"
        reader = start("read", name, "--create", "--payload-size", "4096", "--metadata", copy, "--json")
        assert run("write", name, option, value, stdin=b"frame").returncode == OK
        received = finish(reader)
        assert (received.returncode, copy.read_bytes()) == (OK, expected)
        assert summary(received)["metadata_bytes"] == len(expected)


def test_metadata_larger_than_its_room_is_refused(name):
    result = run("write", name, "--create", "--payload-size", "4096", "--metadata-size", "8", "--metadata-text", "x" * 9, stdin=b"frame")
    assert result.returncode == NO_ROOM


def test_a_frame_that_cannot_fit_is_refused_at_once(name, start):
    start("read", name, "--create", "--payload-size", "1000")
    wait_for_buffer(name)
    result = run("write", name, "--frame-size", "5000", "--json", stdin=b"x" * 5000)
    assert result.returncode == NO_ROOM
    assert summary(result)["status"] == "frame_too_large"


def test_a_buffer_larger_than_shared_memory_is_refused_with_the_numbers(name):
    result = run("read", name, "--create", "--payload-size", "100GiB")
    assert result.returncode == NO_ROOM
    assert re.search(rb"\d{9,}", result.stderr)


def test_a_missing_input_file_is_an_error_that_names_it(name):
    result = run("write", name, "--create", "--input", "/no/such/file")
    assert result.returncode == FAILED
    assert b"/no/such/file" in result.stderr


def test_type_and_tag_travel_with_the_frames(name, start):
    writer = start("write", name, "--create", "--payload-size", "4096", "--pattern", "zeros", "--frame-size", "8", "--frames", "2",
                   "--type", "200", "--tag", "77")  # fmt: skip
    wait_for_buffer(name, frames=2)
    assert [(r["type"], r["tag"], r["size"]) for r in state_of(name)["records"]] == [(200, 77, 8)] * 2
    assert run("read", name).returncode == OK
    assert finish(writer).returncode == OK


def test_a_reader_stops_after_the_frames_it_was_asked_for(name, start):
    writer = start("write", name, "--create", "--payload-size", "64KiB", "--pattern", "sequential", "--frame-size", "8", "--frames", "5",
                   "--json")  # fmt: skip
    wait_for_buffer(name, frames=5)
    received = run("read", name, "--frames", "2", "--json")
    assert received.returncode == OK
    told = summary(received)
    assert (told["frames"], told["last_sequence"], told["status"]) == (2, 2, "ok")
    left = finish(writer)
    assert left.returncode == UNREAD
    assert summary(left)["unread"] == 3


def test_reading_only_the_newest_counts_what_was_passed_over(name, start):
    writer = start("write", name, "--create", "--payload-size", "64KiB", "--pattern", "zeros", "--frame-size", "8", "--frames", "10")
    wait_for_buffer(name, frames=10)
    told = summary(run("read", name, "--newest", "--json"))
    assert (told["frames"], told["first_sequence"], told["skipped"]) == (1, 10, 9)
    assert finish(writer).returncode == OK


def test_dropped_frames_are_counted_on_both_sides(name, start):
    # A ring of 4 KiB has room for 63 frames of 8 bytes; the rest of 100 is dropped, the input consumed all the same.
    data = random_bytes(800)
    writer = start("write", name, "--create", "--payload-size", "4000", "--drop", "--frame-size", "8", "--json", stdin=subprocess.PIPE)
    writer.stdin.write(data)
    writer.stdin.close()
    writer.stdin = None
    wait_until(lambda: state_of(name).get("frames", 0) + state_of(name).get("dropped", 0) == 100)
    received = run("read", name, "--output", "-", "--json")
    told = summary(finish(writer))
    assert told["dropped"] > 0
    assert told["frames"] + told["dropped"] == 100
    assert received.stdout == data[: 8 * told["frames"]]
    assert json.loads(received.stderr.splitlines()[-1])["dropped"] == told["dropped"]


def test_the_latency_of_stamped_frames_is_told(name, start):
    reader = start("read", name, "--create", "--payload-size", "64KiB", "--latency", "--json")
    assert run("write", name, "--pattern", "zeros", "--frame-size", "8", "--frames", "20", "--rate", "500", "--stamp").returncode == OK
    latency = summary(finish(reader))["latency_us"]
    assert latency["frames"] == 20
    assert 0 < latency["p50"] <= latency["p99"] <= latency["p999"] <= latency["max"]


def test_a_reader_that_waits_too_long_times_out(name, start):
    start("write", name, "--create", "--payload-size", "4096", stdin=subprocess.PIPE)
    wait_for_buffer(name)
    result = run("read", name, "--timeout", "0.1", "--json")
    assert result.returncode == TIMEOUT
    assert summary(result)["status"] == "timeout"


def test_a_writer_that_waits_too_long_for_room_times_out(name):
    result = run("write", name, "--create", "--payload-size", "1000", "--pattern", "zeros", "--frame-size", "500", "--timeout", "0.1")
    assert result.returncode == TIMEOUT


def test_a_second_writer_is_told_that_the_place_is_taken(name, start):
    start("write", name, "--create", "--payload-size", "4096", stdin=subprocess.PIPE)
    wait_for_buffer(name)
    assert run("write", name, stdin=b"x").returncode == IN_USE
    assert run("write", name, "--create", stdin=b"x").returncode == IN_USE


def test_every_reader_of_several_sees_every_frame(name, start):
    readers = [start("read", name, "--create", "--exist-ok", "--max-readers", "3", "--payload-size", "4096", "--output", "-") for _ in range(3)]
    data = random_bytes(20_000)
    assert run("write", name, "--readers", "3", "--block-size", "100", stdin=data).returncode == OK
    assert [finish(reader).stdout == data for reader in readers] == [True] * 3


# --- death and signals -----------------------------------------------------------------------------------------------------


def test_a_reader_gets_all_that_a_killed_writer_sent_and_then_peer_dead(name, start):
    reader = start("read", name, "--create", "--payload-size", "64KiB", "--output", "-", "--json")
    writer = start("write", name, "--block-size", "5", stdin=subprocess.PIPE)
    writer.stdin.write(b"abcdefghij")
    writer.stdin.flush()
    wait_for_buffer(name, frames=2)
    writer.kill()
    received = finish(reader)
    assert (received.returncode, received.stdout) == (PEER_DEAD, b"abcdefghij")
    assert json.loads(received.stderr.splitlines()[-1])["status"] == "peer_dead"


def test_a_writer_learns_that_its_reader_was_killed(name, start):
    reader = start("read", name, "--create", "--payload-size", "4096", "--output", "-", stdout=subprocess.PIPE)
    writer = start("write", name, "--pattern", "zeros", "--frame-size", "1000", "--json")
    # The reader's pipe is not emptied, so both soon wait.
    wait_until(lambda: state_of(name).get("writer", {}).get("waiting", False))
    reader.kill()
    result = finish(writer)
    assert result.returncode == PEER_DEAD
    assert summary(result)["status"] == "peer_dead"


@pytest.mark.parametrize(("signal_number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)])
def test_a_signal_ends_a_waiting_reader_which_leaves_nothing(name, start, signal_number, code):
    reader = start("read", name, "--create", "--payload-size", "4096", "--json")
    wait_for_buffer(name)
    reader.send_signal(signal_number)
    result = finish(reader)
    assert (result.returncode, summary(result)["status"]) == (code, "interrupted")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--pattern", "zeros", "--frame-size", "500"],  # waits for room
        ["--pattern", "zeros", "--frame-size", "10", "--frames", "3"],  # waits for a reader to come
        ["--pattern", "zeros", "--frame-size", "10", "--rate", "0.01"],  # waits until a frame is due
        ["--frame-size", "10"],  # waits for input
        ["--readers", "1", "--pattern", "zeros"],  # waits for a reader before the first frame
    ],
)
def test_a_signal_ends_a_waiting_writer_which_leaves_nothing(name, start, arguments):
    writer = start("write", name, "--create", "--payload-size", "1000", "--json", *arguments, stdin=subprocess.PIPE)
    wait_for_buffer(name)
    time.sleep(0.1)
    writer.send_signal(signal.SIGINT)
    result = finish(writer)
    assert result.returncode == INTERRUPTED
    assert summary(result)["exit_code"] == INTERRUPTED


@pytest.mark.parametrize("command", ["read", "write"])
def test_a_signal_ends_the_wait_for_a_buffer(name, start, command):
    waiting = start(command, name, "--connect-timeout", "1000")
    time.sleep(0.3)
    waiting.send_signal(signal.SIGINT)
    assert finish(waiting).returncode == INTERRUPTED


def test_output_that_nobody_takes_any_more_is_an_error(name, start):
    reader = start("read", name, "--create", "--payload-size", "64KiB", "--output", "-")
    reader.stdout.close()
    reader.stdout = None
    run("write", name, "--pattern", "zeros", "--frame-size", "1000", "--frames", "10")
    result = finish(reader)
    assert result.returncode == FAILED
    assert b"standard output" in result.stderr


# --- progress --------------------------------------------------------------------------------------------------------------


def test_the_progress_line_appears_on_a_terminal_and_only_there(name, start):
    controller, terminal = pty.openpty()
    try:
        reader = start("read", name, "--create", "--payload-size", "64KiB", stderr=terminal)
        written = run("write", name, "--pattern", "zeros", "--frame-size", "1000", "--frames", "100", "--rate", "100")
        assert finish(reader).returncode == OK
        shown = b""
        while select.select([controller], [], [], 0.5)[0]:
            shown += os.read(controller, 65536)
    finally:
        os.close(controller)
        os.close(terminal)
    assert re.search(rb"\rread .*: \d+ frames  [\d.]+ frames/s  [\d.]+ \w+/s  ring \d+ % used", shown)
    assert b"\r" not in written.stderr


# --- list, dump, clean -----------------------------------------------------------------------------------------------------


def test_list_and_dump_look_without_taking_a_place(name, start):
    writer = start("write", name, "--create", "--payload-size", "64KiB", "--pattern", "zeros", "--frame-size", "1000", "--frames", "5",
                   "--metadata-text", "hello")  # fmt: skip
    wait_for_buffer(name, frames=5)
    for _ in range(3):
        listed = {b["name"]: b for b in json.loads(run("list", "--json").stdout)["buffers"]}
        state = state_of(name)
        for seen in (listed[name], state):
            assert (seen["state"], seen["problem"], seen["stale"], seen["frames"]) == ("ready", None, False, 5)
            assert (seen["writer"]["presence"], seen["writer"]["pid"]) == ("attached", writer.pid)
            assert [reader["presence"] for reader in seen["readers"]] == ["never attached"]
            assert 0 < seen["utilisation"] < 1
            assert seen["metadata_used"] == 5
        assert [record["sequence"] for record in state["records"]] == [1, 2, 3, 4, 5]
    table = run("list").stdout.decode()
    assert re.search(rf"^{name} +ready +attached {writer.pid} +0/1 +5 ", table, re.MULTILINE)
    drawing = run("dump", name).stdout.decode()
    assert re.search(r"^\[#+\.+\]", drawing, re.MULTILINE)
    assert "frame 5, 1000 bytes" in drawing
    assert run("read", name).returncode == OK
    assert finish(writer).returncode == OK


def test_dump_shows_readers_padding_and_wraps(name, start):
    reader = start("read", name, "--create", "--payload-size", "4000", "--output", "-")
    writer = start("write", name, "--pattern", "zeros", "--frame-size", "1100", "--json")
    wait_until(lambda: state_of(name).get("writer", {}).get("waiting", False))
    state = state_of(name)
    assert state["readers"][0]["presence"] == "attached"
    assert state["readers"][0]["pid"] == reader.pid
    assert state["wraps"] > 0
    assert state["write_pos"] > state["capacity"]
    text = run("dump", name).stdout.decode()
    assert re.search(r" W .*writer at offset \d+", text)
    assert re.search(r" R .*reader 0 at offset \d+", text)
    assert "waits for room" in text
    writer.send_signal(signal.SIGINT)
    finish(writer)
    assert finish(reader).returncode == OK


def test_dump_of_a_buffer_that_is_not_there_says_so(name):
    result = run("dump", name, "--json")
    assert (result.returncode, summary(result)["status"]) == (NOT_FOUND, "not_found")


CORRUPT = sorted(path.name for path in VECTORS.glob("bad_*.zb"))


def test_there_are_corrupt_segments_to_look_at():
    assert len(CORRUPT) >= 30


@pytest.mark.parametrize("vector", CORRUPT)
def test_a_corrupt_segment_is_shown_with_its_problem_and_refused(name, vector):
    path = SHM / name
    path.write_bytes((VECTORS / vector).read_bytes())
    path.chmod(0o600)
    try:
        for arguments in (["dump", name], ["dump", name, "--json"], ["list"], ["list", "--json"]):
            result = run(*arguments)
            assert result.returncode in ((OK, REFUSED, NOT_FOUND) if arguments[0] == "dump" else (OK,)), result.stderr
        # A damaged record is found by whoever reads it, a damaged header by whoever attaches; nobody crashes or waits on.
        read = run("read", name, "--connect-timeout", "0", "--timeout", "0.2", "--join", "oldest")
        assert read.returncode in (OK, NOT_FOUND, TIMEOUT, PEER_DEAD, REFUSED), read.stderr
    finally:
        path.unlink(missing_ok=True)


def test_a_foreign_file_is_neither_listed_nor_removed(name):
    path = SHM / name
    path.write_bytes(b"somebody else's file\n" * 100)
    path.chmod(0o600)
    try:
        assert name not in [b["name"] for b in json.loads(run("list", "--json").stdout)["buffers"]]
        assert run("dump", name).returncode == REFUSED
        assert run("clean", name).returncode == REFUSED
        assert path.exists()
    finally:
        path.unlink()


def kill_both_ends(name, start):
    """Leaves a stale buffer."""
    reader = start("read", name, "--create", "--payload-size", "4096")
    writer = start("write", name, "--frame-size", "10", stdin=subprocess.PIPE)
    wait_until(lambda: state_of(name).get("writer", {}).get("presence") == "attached")
    for process in (writer, reader):
        process.kill()
        process.communicate()


def test_clean_removes_what_is_proved_dead(name, start):
    kill_both_ends(name, start)
    assert state_of(name)["stale"] is True
    result = run("clean", name, "--json")
    assert (result.returncode, summary(result)["removed"]) == (OK, [name])
    assert not (SHM / name).exists()


def test_clean_leaves_the_living_and_says_why(name, start):
    reader = start("read", name, "--create", "--payload-size", "4096")
    wait_for_buffer(name)
    result = run("clean", name, "--json")
    assert result.returncode == IN_USE
    assert [left["name"] for left in summary(result)["left"]] == [name]
    assert summary(result)["left"][0]["message"] != ""
    assert (SHM / name).exists()
    reader.send_signal(signal.SIGSTOP)  # stopped is not dead
    assert run("clean", name).returncode == IN_USE
    reader.send_signal(signal.SIGCONT)
    writer = run("write", name, stdin=b"still works")
    assert (writer.returncode, finish(reader).returncode) == (OK, OK)


def test_clean_all_removes_the_dead_and_leaves_the_living(name, start):
    living, dead = f"{name}-living", f"{name}-dead"
    reader = start("read", living, "--create", "--payload-size", "4096")
    kill_both_ends(dead, start)
    wait_for_buffer(living)
    result = run("clean", "--all", "--json")
    assert dead in summary(result)["removed"]
    assert living in [left["name"] for left in summary(result)["left"]]
    assert (SHM / living).exists()
    reader.send_signal(signal.SIGINT)
    assert finish(reader).returncode == INTERRUPTED


def test_clean_of_a_buffer_that_is_not_there_says_so(name):
    assert run("clean", name).returncode == NOT_FOUND


# --- bench -----------------------------------------------------------------------------------------------------------------

RATIOS = {
    "rtt64_over_pingpong",
    "stream64_over_spsc",
    "stream64_over_spsc_back_off",
    "stream64_batch16_over_spsc",
    "frame6m_read_over_cold_memcpy",
    "rtt64_one_cpu_over_futex",
    "first_lap_over_later",
    "call64_over_pingpong",
    "call64_spin_over_pingpong",
    "call64_over_records",
    "call64_spin_over_records",
    "call64_over_rtt64",
    "call64_in_place_over_two_rings",
    "call64_in_place_spin_over_two_rings",
    "invert6m_in_place_over_two_rings",
    "invert6m_in_place_over_copying",
    "chain6m_shared_over_copied",
    "calls64_2_threads_over_1",
    "calls64_4_threads_over_1",
}


def bench(*arguments, timeout=LIMIT):
    """The lines of a run, and the closing one. It has left neither buffers nor control groups."""
    with subprocess.Popen([PROGRAM, "bench", "--json", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        finally:
            process.terminate()
    assert process.returncode == OK, err
    assert list(SHM.glob(f"zerobuffer-bench-{process.pid}-*")) == []
    groups = Path("/sys/fs/cgroup")
    assert [*groups.glob(f"zerobuffer-bench-{process.pid}"), *groups.glob(f"*/zerobuffer-bench-{process.pid}")] == []
    *lines, closing = map(json.loads, out.splitlines())
    return lines, closing


def test_bench_measures_every_floor_and_figure_and_closes_with_the_ratios():
    lines, closing = bench("--short")
    workloads = {line["workload"]: line for line in lines}
    floors = {
        "pingpong_one_line", "pingpong_two_lines", "pingpong_records", "spsc_rtt64", "spsc_stream64", "spsc_stream64_back_off",
        "memcpy_cold", "memcpy_warm", "futex_two_cpus", "futex_one_cpu",
    }  # fmt: skip
    ours = {
        "rtt64", "stream64", "stream64_batch16", "frame6m_read", "rtt64_one_cpu", "first_lap", "call64", "call64_spin", "call64_in_place",
        "call64_in_place_spin", "invert6m_in_place", "invert6m_two_rings", "invert6m_copying", "calls64_1_thread", "calls64_2_threads",
        "calls64_4_threads", "chain6m_shared", "chain6m_copied",
    }  # fmt: skip
    assert floors | ours <= set(workloads)
    for line in lines:
        assert set(line) >= {"system", "workload", "family", "unit", "parameters", "repetitions", "median", "spread", "values", "machine"}
        assert line["system"] == ("zerobuffer" if line["workload"] in ours else "floor")
        assert len(line["values"]) == line["repetitions"]
        assert statistics.median(line["values"]) == pytest.approx(line["median"])
        assert 0 < line["spread"]["min"] <= line["median"] <= line["spread"]["max"]
        assert line["repetitions"] >= 2
        assert line["machine"]["cpus"] >= 2
    assert set(closing["ratios"]) == set(closing["spread"]) == RATIOS
    assert closing["not_run"] == {}
    for ratio in RATIOS:
        assert statistics.median(closing["ratio_values"][ratio]) == pytest.approx(closing["ratios"][ratio])
        assert 0 < closing["spread"][ratio]["min"] <= closing["ratios"][ratio] <= closing["spread"][ratio]["max"]
    assert set(closing["medians"]) == set(workloads)
    assert closing["placement"] in ("near", "far")
    if closing["placement"] == "far":
        assert set(closing["reached"].values()) == {None}


def test_bench_of_one_workload_measures_it_and_its_floor_only():
    lines, closing = bench("--short", "--only", "rtt64_one_cpu")
    assert {line["workload"] for line in lines} == {"rtt64_one_cpu", "futex_one_cpu"}
    assert {name for name, ratio in closing["ratios"].items() if ratio is not None} == {"rtt64_one_cpu_over_futex"}


def test_bench_measures_each_workload_of_each_family_or_says_why_not():
    lines, closing = bench("--short", "--all", timeout=240)
    names = [line["workload"] for line in lines]
    assert len(set(names)) == len(names)
    assert {"floor", "rtt", "one_way", "frames", "video", "calls", "chain", "readers", "life", "cost"} == {line["family"] for line in lines}
    assert {"rtt8", "rtt1m", "rtt64_block", "rtt64_one_cpu_spin", "rtt64_busy", "one_way4k_batch16", "stream32", "wrap"} <= set(names)
    assert all(reason for reason in closing["not_run"].values())
    assert not set(closing["not_run"]) & set(names)
    for line in lines:
        curve = line.get("latency", {}).get("curve", [])
        assert curve == sorted(curve), line["workload"]
    assert RATIOS <= set(closing["ratios"]) == set(closing["targets"]) == set(closing["ratio_values"])
    assert {name for name, verdict in closing["reached"].items() if verdict is not None} == set()  # a short run judges nothing


def test_bench_measures_the_families_and_workloads_that_are_named_and_their_floors_only():
    lines, closing = bench("--short", "--group", "one_way", "--only", "fence")
    families = {line["workload"]: line["family"] for line in lines}
    assert {name for name, family in families.items() if family == "cost"} == {"fence"}
    assert {name for name, family in families.items() if family == "floor"} == {
        "spsc_stream64", "spsc_stream64_back_off", "spsc_stream32", "spsc_stream32_back_off",
    }  # fmt: skip
    assert set(families.values()) == {"one_way", "cost", "floor"}
    assert None not in closing["ratios"].values()


def test_bench_tells_round_trips_with_a_curve_of_what_single_ones_took():
    lines, _ = bench("--short", "--only", "rtt64k")
    latency = lines[0]["latency"]
    shares = [share for share, _ in latency["curve"]]
    assert shares == [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 1.0]
    points = dict(latency["curve"])
    assert (points[0.5], points[0.99], points[0.999]) == (latency["p50"], latency["p99"], latency["p999"])
    assert 0 < latency["mean"] <= points[1.0]


def test_bench_begins_no_repetition_after_its_time_and_still_measures_everything_once():
    lines, closing = bench("--only", "fence", "--only", "clock_read", "--repetitions", "1000", "--limit-s", "1", timeout=120)
    assert {line["workload"] for line in lines} == {"fence", "clock_read"}
    assert all(1 <= line["repetitions"] < 1000 for line in lines)
    assert closing["seconds"] > 1


def test_bench_says_what_single_calls_of_several_threads_took_beside_their_rate():
    lines, _ = bench("--short", "--only", "calls64_2_threads")
    assert {line["workload"]: line["parameters"]["threads"] for line in lines} == {"calls64_1_thread": 1, "calls64_2_threads": 2}
    for line in lines:
        assert line["unit"] == "M/s"
        assert 0 < line["latency"]["p50"] <= line["latency"]["p99"] <= line["latency"]["p999"]


def test_an_interrupted_bench_leaves_neither_processes_nor_buffers(start):
    bench = start("bench", "--short", "--group", "frames", preexec_fn=os.setpgrp)
    prefix = f"zerobuffer-bench-{bench.pid}-"
    wait_until(lambda: any(SHM.glob(f"{prefix}*")))
    bench.send_signal(signal.SIGINT)
    assert finish(bench).returncode == INTERRUPTED
    assert list(SHM.glob(f"{prefix}*")) == []
    with contextlib.suppress(ProcessLookupError):
        os.killpg(bench.pid, 0)
        pytest.fail("a process of the bench is left")
