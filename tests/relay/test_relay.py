"""The relay's three programs, each alone, against relay/README.md: command line, defaults, bytes, reports, exit codes, signals.

The other end is the Python package in this process, or the same program; pairs of languages are tests/interop's. Expected bytes come
from relay_expected.py.
"""

import contextlib
import json
import os
import re
import signal
import time
import zlib

import numpy as np
import pytest
import zerobuffer
from relay_expected import content, table
from relay_programs import LIMIT, report

SMALL = ["--buffer-size", "1m"]
CODES = {row[1].strip("`"): int(row[0]) for row in table("Exit codes") if "," not in row[0]}
TERMINATED = 143
SIZES = [0, 1, 7, 8, 9, 255, 4096, 70001]
SIZE_LIST = "0,1,7..9,255,4k,70001"


def reader_for(name, **options):
    """Makes a buffer in this process."""
    return zerobuffer.Reader(name, payload_size=1 << 20, **options)


def ended(result, status):
    """The report of a program that must have ended like this."""
    assert result.returncode == CODES[status], result.stderr.decode()
    fields = report(result)
    assert (fields["status"], fields["exit_code"]) == (status, CODES[status])
    assert bool(fields["message"]) == (status != "ok")
    return fields


def options_of(verb):
    """The options that the README gives to a verb."""
    rows = [cells[0] for cells in table("Options of all verbs")]
    geometry, common = rows[:4], rows[4:]
    cells = common + [cells[0] for cells in table(verb)] + (geometry if verb in ("relay", "write", "read") else [])
    return {option for cell in cells for option in re.findall(r"--[a-z][a-z-]*", cell)}


def hear_ctrl_c():
    """In a process about to be started: a shell's background job ignores Ctrl-C, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_for(condition):
    """Until the condition holds; a program needs its time to start."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


# --- the command line ---------------------------------------------------------------------------------------------


def test_the_defaults_are_those_of_the_table(program):
    result = program.run("--defaults")
    assert result.returncode == 0
    wanted = {row[0].strip("`"): json.loads(row[1].replace("`", '"')) for row in table("Defaults")}
    assert json.loads(result.stdout) == wanted and list(json.loads(result.stdout)) == list(wanted)


@pytest.mark.parametrize("verb", ["relay", "write", "read", "serve", "call"])
def test_the_help_of_a_verb_names_every_option_of_the_readme_and_no_other(program, verb):
    result = program.run(verb, "--help")
    assert result.returncode == 0
    named = set(re.findall(r"--[a-z][a-z-]*", result.stdout.decode())) - {"--help"}
    assert named == options_of(verb)


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "send x",
        "read",
        "read x y",
        "read x --nothing",
        "read x --frames",
        "read x --frames some",
        "read x --frames -1",
        "read x --timeout-ms -2",
        "read x --verify noise",
        "read x --size 5",
        "read x --hold 65536",
        "read x --join late",
        "write x --size 5..3",
        "write x --size 1,,2",
        "write x --size 1q",
        "write x --type 65536",
        "write x --tag next",
        "write x --batch 0",
        "write x --metadata a --metadata-file b",
        "write x --pattern zeros --input f",
        "write x --array <f4:2 --size 7",
        "write x --array <f4:2 --type 128",
        "write x --array <q4:2",
        "write x --array f4:2",
        "write x --array <f4:2:G",
        "write x --array <f4",
        "write x --timestamp 5",
        "relay --input x",
        "relay --input x --output x",
        "relay --input x --output y --transform rotate",
        "relay --input x --output y --xor-key 256",
        "relay --input x --output y --share --transform xor",
        "serve",
        "serve x --threads 0",
        "serve x --fail-type 65536",
        "serve x --buffer-size 1m",
        "serve x --transform rotate",
        "call x",
        "call x --frames 0",
        "call x --frames 1 --in-flight 0",
        "call x --frames 1 --in-flight 2 --threads 2",
        "call x --frames 1 --type 65536",
        "call x --frames 1 --max-readers 2",
        "read a/b --timeout-ms 0",
        "write .hidden --create",
    ],
)
def test_a_wrong_command_line_is_a_usage_error(program, arguments):
    result = program.run(*arguments.split())
    assert result.returncode == CODES["usage"] and result.stderr


# --- write --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["zeros", "ones", "sequential", "random"])
def test_every_pattern_is_what_the_readme_says_to_the_byte(program, name, pattern):
    seed = 2**63 + 12345
    with reader_for(name) as reader:
        writer = program.start(
            "write", name, "--pattern", pattern, "--seed", seed, "--size", SIZE_LIST, "--frames", 20, "--json"
        )
        for sequence in range(1, 21):
            with reader.read(LIMIT) as frame:
                size = SIZES[(sequence - 1) % len(SIZES)]
                assert (frame.sequence, frame.type, frame.tag, frame.size) == (sequence, 0, 0, size)
                assert bytes(frame.data) == content(pattern, seed, sequence, size)
        ended(program.finish(writer), "ok")


def test_a_successor_goes_on_with_sequence_and_pattern(program, name):
    with reader_for(name) as reader:
        for last in (3, 6):
            result = program.start("write", name, "--frames", 3, "--size", 100, "--tag", "sequence", "--type", 200, "--json")
            wait_for(lambda last=last: zerobuffer.dump_state(name).frames == last)
            for sequence in range(last - 2, last + 1):
                with reader.read(LIMIT) as frame:
                    assert (frame.sequence, frame.tag, frame.type) == (sequence, sequence, 200)
                    assert bytes(frame.data) == content("sequential", 1, sequence, 100)
            fields = ended(program.finish(result), "ok")
            assert (fields["first_sequence"], fields["last_sequence"]) == (last - 2, last)
            with pytest.raises(zerobuffer.PeerClosedError):
                reader.read(0)


def test_metadata_and_batches_arrive(program, name):
    text = 'ünï ✓ "quoted"'
    with reader_for(name) as reader:
        writer = program.start("write", name, "--metadata", text, "--batch", 4, "--delay-us", 1000, "--frames", 10, "--json")
        assert reader.metadata(LIMIT) == text.encode()
        sequences = []
        for frame in reader:
            with frame:
                sequences.append(frame.sequence)
        assert sequences == list(range(1, 11))
        fields = ended(program.finish(writer), "ok")
        assert fields["metadata_size"] == len(text.encode())
        assert fields["metadata_crc"] == f"{zlib.crc32(text.encode()):08x}"


def test_metadata_comes_from_a_file_too(program, name, tmp_path):
    (tmp_path / "metadata").write_bytes(bytes(range(256)))
    with reader_for(name) as reader:
        writer = program.start("write", name, "--metadata-file", tmp_path / "metadata", "--frames", 1, "--json")
        assert reader.metadata(LIMIT) == bytes(range(256))
        reader.read(LIMIT).release()
        ended(program.finish(writer), "ok")


@pytest.mark.parametrize("source", ["file", "pipe"])
def test_the_input_is_cut_into_frames(program, name, tmp_path, source):
    data = bytes(range(250)) * 800
    (tmp_path / "input").write_bytes(data)
    with reader_for(name) as reader:
        path = tmp_path / "input" if source == "file" else "-"
        writer = program.start("write", name, "--input", path, "--size", 50000, "--json", stdin=-1)
        if source == "pipe":
            writer.stdin.write(data)
        writer.stdin.close()
        writer.stdin = None
        parts = []
        for frame in reader:
            with frame:
                parts.append(bytes(frame.data))
        assert [len(part) for part in parts] == [50000] * 4 and b"".join(parts) == data
        ended(program.finish(writer), "ok")


def test_input_that_ends_inside_a_frame_is_short(program, name):
    with reader_for(name) as reader:
        result = program.start("write", name, "--input", "-", "--size", 1000, "--json", stdin=-1)
        result.stdin.write(bytes(2500))
        result.stdin.close()
        result.stdin = None
        frames = 0
        for frame in reader:
            frame.release()
            frames += 1
        fields = ended(program.finish(result), "short_frame")
        assert frames == fields["frames"] == 2


SPECS = ["<f4:2x3", ">i2:3x4:F", "|u1:5", "<c16:", "|b1:2x0x3"]


def test_arrays_are_described_as_the_package_reads_them(program, name):
    with reader_for(name) as reader:
        arrays = [argument for spec in SPECS for argument in ("--array", spec)]
        writer = program.start("write", name, *arrays, "--frames", 10, "--json")
        for sequence in range(1, 11):
            frame = reader.read(LIMIT)
            dtype, shape, *order = SPECS[(sequence - 1) % len(SPECS)].split(":")
            array = frame.as_array()
            assert array.dtype == np.dtype(dtype)
            assert array.shape == tuple(int(n) for n in shape.split("x") if n)
            assert array.size < 2 or (array.flags.f_contiguous if order else array.flags.c_contiguous)
            assert array.tobytes(order="A") == content("sequential", 1, sequence, array.nbytes)
            described = (sequence - 1) % len(SPECS) != 0  # the metadata describes the first one
            assert frame.type == (2 if described else 0)
            assert (frame.send_time_ns is not None) == described and frame.timestamp_ns is None
            del array
            frame.release()
        ended(program.finish(writer), "ok")
        assert reader.known_format().to_metadata() == zerobuffer.ArrayFormat("<f4", (2, 3)).to_metadata()


def test_a_timestamp_is_in_every_descriptor(program, name):
    with reader_for(name) as reader:
        writer = program.start("write", name, "--array", "<i8:3", "--timestamp", -77, "--frames", 2, "--json")
        for _ in range(2):
            with reader.read(LIMIT) as frame:
                assert frame.type == 2 and frame.timestamp_ns == -77 and frame.send_time_ns <= time.monotonic_ns()
        ended(program.finish(writer), "ok")


# --- read ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["zeros", "ones", "sequential", "random"])
def test_verification_accepts_the_pattern(program, name, pattern):
    reader = program.start(
        "read", name, "--create", *SMALL, "--verify", pattern, "--seed", 7, "--size", SIZE_LIST, "--checksum", "--json"
    )
    whole = b""
    with zerobuffer.Writer.open(name, timeout=LIMIT) as writer:
        for sequence in range(1, 18):
            data = content(pattern, 7, sequence, SIZES[(sequence - 1) % len(SIZES)])
            whole += data
            assert writer.write(data, timeout=LIMIT)
        writer.drain(LIMIT)
    fields = ended(program.finish(reader), "ok")
    assert (fields["frames"], fields["bytes"], fields["lost"]) == (17, len(whole), 0)
    assert fields["checksum"] == f"{zlib.crc32(whole):08x}"


@pytest.mark.parametrize("pattern", ["zeros", "ones", "sequential", "random"])
@pytest.mark.parametrize("offset", [0, 65535, 65536, 70000])
def test_verification_finds_a_single_wrong_byte(program, name, pattern, offset):
    reader = program.start("read", name, "--create", *SMALL, "--verify", pattern, "--json")
    with zerobuffer.Writer.open(name, timeout=LIMIT) as writer:
        data = bytearray(content(pattern, 1, 1, 70001))
        right = data[offset]
        data[offset] ^= 0x10
        writer.write(data, timeout=LIMIT)
        fields = ended(program.finish(reader), "verification_failed")
    assert f"frame 1 byte {offset} is {right ^ 0x10}, expected {right}" in fields["message"]


def test_verification_finds_a_wrong_size(program, name):
    reader = program.start("read", name, "--create", *SMALL, "--verify", "zeros", "--size", "10,11", "--json")
    with zerobuffer.Writer.open(name, timeout=LIMIT) as writer:
        writer.write(bytes(10))
        writer.write(bytes(10))
        fields = ended(program.finish(reader), "verification_failed")
    assert "frame 2 has 10 bytes, expected 11" in fields["message"]


def test_verification_may_go_by_tag(program, name):
    reader = program.start("read", name, "--create", *SMALL, "--verify", "random", "--verify-by", "tag", "--json")
    with zerobuffer.Writer.open(name, timeout=LIMIT) as writer:
        for tag in (5, 900, 2**64 - 1):
            writer.write(content("random", 1, tag, 99), tag=tag)
        writer.drain(LIMIT)
    assert ended(program.finish(reader), "ok")["frames"] == 3


@pytest.mark.parametrize(("metadata", "status"), [(b"right", "ok"), (b"wrong", "verification_failed"), (None, "verification_failed")])
def test_metadata_is_compared(program, name, metadata, status):
    reader = program.start("read", name, "--create", *SMALL, "--expect-metadata", "right", "--json")
    with zerobuffer.Writer.open(name, timeout=LIMIT) as writer:
        if metadata is not None:
            writer.write_metadata(metadata)
        writer.write(b"frame")
        if status == "ok":
            writer.drain(LIMIT)
            writer.close()
        fields = ended(program.finish(reader), status)
    assert fields["metadata_size"] == (None if metadata is None else 5)


def test_digests_and_output_are_of_the_content(program, name, tmp_path):
    reader = program.start(
        "read", name, "--create", *SMALL, "--digests", tmp_path / "digests", "--output", tmp_path / "output", "--json"
    )
    with zerobuffer.Writer.open(name, timeout=LIMIT) as writer:
        contents = [b"plain", np.arange(7, dtype="<i2").tobytes(), b""]
        writer.write(contents[0], type=130, tag=9)
        with writer.claim_array((7,), "<i2", tag=3, timestamp_ns=1) as array:
            array[:] = np.arange(7)
        writer.write(contents[2], tag=2**64 - 1)
        writer.drain(LIMIT)
    ended(program.finish(reader), "ok")
    assert (tmp_path / "output").read_bytes() == b"".join(contents)
    wanted = [
        f"{sequence} {type_} {tag} {len(data)} {zlib.crc32(data):08x}"
        for sequence, type_, tag, data in zip((1, 2, 3), (130, 2, 0), (9, 3, 2**64 - 1), contents)
    ]
    assert (tmp_path / "digests").read_text().splitlines() == wanted


def test_written_and_read_digests_are_the_same(program, name, tmp_path):
    options = ["--digests", tmp_path / "read", "--checksum", "--json"]
    reader = program.start("read", name, "--create", *SMALL, *options)
    options[1] = tmp_path / "written"
    written = ended(program.run("write", name, "--pattern", "random", "--size", SIZE_LIST, "--frames", 50, *options), "ok")
    read = ended(program.finish(reader), "ok")
    assert read["checksum"] == written["checksum"]
    assert (tmp_path / "read").read_text() == (tmp_path / "written").read_text() != ""


def test_standard_output_carries_frames_alone(program, name):
    reader = program.start("read", name, "--create", *SMALL, "--output", "-", "--json")
    data = content("random", 3, 1, 300_000)
    with zerobuffer.Writer.open(name, timeout=LIMIT) as writer:
        writer.write(data)
        writer.write(data[::-1])
        out, err = b"", b""
        while len(out) < 2 * len(data):
            part = reader.stdout.read1(1 << 16)
            assert part, reader.stderr.read().decode()
            out += part
    result = program.finish(reader)
    err = result.stderr
    assert out + result.stdout == data + data[::-1]
    assert result.returncode == 0 and json.loads(err.splitlines()[-1])["frames"] == 2


def test_the_kinds_of_arrays_are_listed_as_first_seen(program, name):
    reader = program.start("read", name, "--create", *SMALL, "--array", "--json")
    with zerobuffer.Writer.open(name, timeout=LIMIT) as writer:
        for _ in range(2):
            writer.write_array(np.zeros((2, 3), "<f4"))  # the metadata's
            writer.write_array(np.zeros((4, 5), ">i2", order="F"))
            writer.write_array(np.complex128(0))
        writer.write(b"bytes", type=128)
        writer.drain(LIMIT)
    kinds = [("<f4", [2, 3], "C", 2), (">i2", [4, 5], "F", 2), ("<c16", [], "C", 2), ("|u1", [5], "C", 1)]
    fields = ended(program.finish(reader), "ok")
    assert [(kind["dtype"], kind["shape"], kind["order"], kind["frames"]) for kind in fields["arrays"]] == kinds
    assert fields["since_send_us"]["count"] == 4 and fields["since_send_us"]["max"] >= fields["since_send_us"]["p50"] > 0


def test_held_frames_stay_what_they_are_and_hold_up_no_one_for_good(program, name):
    reader = program.start("read", name, "--create", "--buffer-size", "20k", "--hold", 3, "--verify", "random", "--json")
    written = ended(program.run("write", name, "--pattern", "random", "--size", "1000,3000", "--frames", 60, "--json"), "ok")
    assert ended(program.finish(reader), "ok")["frames"] == written["frames"] == 60


def test_a_held_frame_that_changes_fails_verification(program, name):
    reader = program.start("read", name, "--create", *SMALL, "--hold", 1, "--verbose", "--json")
    with zerobuffer.Writer.open(name, timeout=LIMIT) as writer:
        with writer.claim(100) as slot:
            kept = np.frombuffer(slot.data, np.uint8)  # stays writable, though the frame is published
            kept[:] = 1
        while b"frame 1 " not in reader.stderr.readline():
            assert reader.poll() is None
        kept[:] = 2
        writer.write(b"next")
        fields = ended(program.finish(reader), "verification_failed")
    assert "frame 1 changed while it was held" in fields["message"]


# --- relay --------------------------------------------------------------------------------------------------------

TRANSFORMS = {
    "none": ([], lambda data: data),
    "reverse": ([], lambda data: data[::-1]),
    "xor": ([], lambda data: bytes(byte ^ 255 for byte in data)),
    "xor with a key": (["--xor-key", "0x5a"], lambda data: bytes(byte ^ 0x5A for byte in data)),
}


class Relayed:
    """A relay between a writer and a reader of this process."""

    def __init__(self, program, name, *arguments, **reader_options):
        self.writer = zerobuffer.Writer(f"{name}-in", payload_size=1 << 20)
        self.reader = reader_for(f"{name}-out", **reader_options)
        self.relay = program.start("relay", "--input", f"{name}-in", "--output", f"{name}-out", "--json", *arguments)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.writer.close()
        self.reader.close()


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_transforms_change_the_content_and_nothing_else(program, name, transform):
    options, oracle = TRANSFORMS[transform]
    with Relayed(program, name, "--transform", transform.split()[0], *options) as relayed:
        relayed.writer.write_metadata(b"of the application")
        for sequence, size in enumerate(SIZES, 1):
            relayed.writer.write(content("random", 5, sequence, size), type=130 + sequence, tag=2**64 - sequence)
        array = np.arange(21, dtype=">i4").reshape(3, 7)
        relayed.writer.write_array(array, timestamp_ns=123, tag=1)
        for sequence, size in enumerate(SIZES, 1):
            with relayed.reader.read(LIMIT) as frame:
                assert (frame.sequence, frame.type, frame.tag) == (sequence, 130 + sequence, 2**64 - sequence)
                assert bytes(frame.data) == oracle(content("random", 5, sequence, size))
        assert relayed.reader.metadata(0) == b"of the application"
        with relayed.reader.read(LIMIT) as frame:
            assert (frame.type, frame.tag, frame.timestamp_ns) == (2, 1, 123)
            described = frame.as_array()
            assert (described.dtype, described.shape) == (array.dtype, array.shape)
            assert described.tobytes() == oracle(array.tobytes())
            del described
        relayed.writer.close()
        fields = ended(program.finish(relayed.relay), "ok")
    assert fields["frames"] == fields["relay_latency_us"]["count"] == fields["output_last_sequence"] == len(SIZES) + 1
    assert fields["since_send_us"]["count"] == 1 and fields["lost"] == 0
    assert fields["metadata_crc"] == f"{zlib.crc32(b'of the application'):08x}"


def test_metadata_goes_on_before_the_first_frame(program, name):
    with Relayed(program, name) as relayed:
        relayed.writer.write_metadata(b"early")
        assert relayed.reader.metadata(LIMIT) == b"early"
        relayed.writer.close()
        assert ended(program.finish(relayed.relay), "ok")["frames"] == 0


def test_a_stream_without_metadata_stays_without(program, name):
    with Relayed(program, name) as relayed:
        relayed.writer.write(b"frame")
        relayed.reader.read(LIMIT).release()
        relayed.writer.close()
        assert ended(program.finish(relayed.relay), "ok")["metadata_size"] is None
        assert relayed.reader.peek_metadata() is None


def test_the_relay_makes_its_output_and_waits_for_readers(program, name):
    with zerobuffer.Writer(f"{name}-in", payload_size=1 << 20) as writer:
        relay = program.start(
            "relay", "--input", f"{name}-in", "--output", f"{name}-out", "--create-output", *SMALL, "--metadata-size", 100,
            "--max-readers", 3, "--wait-readers", 2, "--frames", 2, "--json",
        )  # fmt: skip
        writer.write(b"one")
        writer.write(b"two")
        readers = [zerobuffer.Reader.open(f"{name}-out", timeout=LIMIT)]
        assert readers[0].read(0.3) is None, "it did not wait for the second reader"
        readers.append(zerobuffer.Reader.open(f"{name}-out", timeout=LIMIT))
        info = readers[0].info
        assert (info.metadata_size, info.max_readers) == (100, 3) and info.max_frame_size >= 1 << 20
        for reader in readers:
            for data in (b"one", b"two"):
                with reader.read(LIMIT) as frame:
                    assert bytes(frame.data) == data
        ended(program.finish(relay), "ok")
        for reader in readers:
            reader.close()


def test_a_wrong_descriptor_is_never_passed_on(program, name):
    with Relayed(program, name) as relayed:
        relayed.writer.write(bytes(100), type=2)
        fields = ended(program.finish(relayed.relay), "corrupt")
        assert fields["frames"] == 0
        with pytest.raises(zerobuffer.PeerClosedError):
            relayed.reader.read(LIMIT)


@pytest.mark.parametrize("missing", ["input", "output"])
def test_the_report_says_which_side_failed(program, name, missing):
    there = "in" if missing == "output" else "out"
    make = zerobuffer.Writer if there == "in" else zerobuffer.Reader
    with make(f"{name}-{there}", payload_size=1000):
        result = program.run("relay", "--input", f"{name}-in", "--output", f"{name}-out", "--timeout-ms", 0, "--json")
        assert ended(result, "not_found")["side"] == missing


# --- relay --share ------------------------------------------------------------------------------------------------------------


def share(program, name, *, source_slots, output_slots, frames):
    """Sends frames through a relay that shares where it can; returns its report and what the reader's process had to copy."""
    with zerobuffer.Writer(f"{name}-in", payload_size=1 << 20, share_slots=source_slots) as writer:
        with reader_for(f"{name}-out", share_slots=output_slots) as reader:
            relay = program.start("relay", "--input", f"{name}-in", "--output", f"{name}-out", "--share", "--json")
            assert writer.wait_for_readers(1, timeout=LIMIT)
            for sequence in range(1, frames + 1):
                writer.write(content("random", 5, sequence, 10_000), type=130, tag=sequence)
            for sequence in range(1, frames + 1):
                with reader.read(LIMIT) as frame:
                    assert (frame.sequence, frame.type, frame.tag) == (sequence, 130, sequence)
                    assert bytes(frame.data) == content("random", 5, sequence, 10_000)
            writer.close()
            return ended_well(program.finish(relay))


def ended_well(result):
    assert result.returncode == 0, result.stderr.decode()
    fields = report(result)
    assert fields["status"] == "ok"
    return fields


def test_shared_frames_go_on_without_a_copy(program, name):
    """Scenario 7.1"""
    fields = share(program, name, source_slots=2, output_slots=2, frames=20)
    assert (fields["frames"], fields["shared"], fields["copied"], fields["message"]) == (20, 20, 0, "")


@pytest.mark.parametrize(("source_slots", "output_slots"), [(0, 2), (2, 0)])
def test_what_cannot_be_shared_is_copied_and_the_report_says_why(program, name, source_slots, output_slots):
    """Scenario 7.4"""
    fields = share(program, name, source_slots=source_slots, output_slots=output_slots, frames=20)
    assert (fields["frames"], fields["shared"], fields["copied"]) == (20, 0, 20)
    assert fields["message"].startswith("20 frames were copied: ") and "share_slots" in fields["message"]


# --- serve and call -----------------------------------------------------------------------------------------------------------

MUTABLE = {False: zerobuffer.ImmutableDuplexServer, True: zerobuffer.MutableDuplexServer}


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_server_transforms_the_bytes_and_keeps_the_type(program, name, transform, in_place):
    options, oracle = TRANSFORMS[transform]
    place = ["--in-place"] if in_place else []
    server = program.start("serve", name, *place, "--transform", transform.split()[0], *options, "--frames", len(SIZES), "--json")
    with zerobuffer.DuplexClient.open(name, timeout=LIMIT) as client:
        assert client.info.in_place == in_place
        for number, size in enumerate(SIZES, 1):
            request = content("random", 5, number, size)
            with client.call(request, timeout=LIMIT, type=200, tag=number) as response:
                assert (bytes(response.data), response.type) == (oracle(request), 200)
        fields = ended(program.finish(server), "ok")
    assert (fields["frames"], fields["bytes"], fields["in_place"]) == (len(SIZES), sum(SIZES), in_place)
    assert (fields["errors"], fields["callbacks"], fields["copied_bytes"]) == (0, 0, 0)


def test_a_server_refuses_the_types_that_it_was_told(program, name):
    server = program.start("serve", name, "--fail-type", 128, "--fail-type", 300, "--frames", 3, "--json")
    with zerobuffer.DuplexClient.open(name, timeout=LIMIT) as client:
        for type_ in (128, 300):
            with pytest.raises(zerobuffer.RemoteError, match=f"^type {type_} is refused$"):
                client.call(b"x", timeout=LIMIT, type=type_)
        with client.call(b"x", timeout=LIMIT, type=129) as response:
            assert bytes(response.data) == b"x"
        fields = ended(program.finish(server), "ok")
    assert (fields["frames"], fields["errors"]) == (3, 2)


def stop_answering(client):
    """Ends the thread that answers the server's calls, which the end of the server may have ended."""
    with contextlib.suppress(zerobuffer.PeerClosedError):
        client.stop()


def test_a_server_calls_its_client_with_the_tag(program, name):
    server = program.start("serve", name, "--call-back", "--frames", 1, "--json")
    with zerobuffer.DuplexClient.open(name, timeout=LIMIT) as client:
        called = []

        def answer(request):
            called.append(bytes(request.data))
            return called[-1][::-1]

        client.start(answer)
        client.call(b"x", timeout=LIMIT, tag=1230).release()
        stop_answering(client)
        assert called == [b"1230"]
    assert ended(program.finish(server), "ok")["callbacks"] == 1


def test_a_client_that_answers_a_callback_wrongly_is_told_on(program, name):
    server = program.start("serve", name, "--call-back", "--json")
    with zerobuffer.DuplexClient.open(name, timeout=LIMIT) as client:
        client.start(lambda request: bytes(request.data))
        with contextlib.suppress(zerobuffer.ZeroBufferError):
            client.call(b"x", timeout=LIMIT, tag=12).release()
        stop_answering(client)
        assert "wrongly" in ended(program.finish(server), "verification_failed")["message"]


@pytest.mark.parametrize("options", ["", "--claim", "--in-flight 4", "--in-flight 4 --claim", "--threads 3", "--threads 3 --claim"])
@pytest.mark.parametrize("in_place", [False, True])
def test_calls_carry_the_pattern_the_type_and_their_number(program, name, in_place, options):
    seen = {}

    def answer(request):
        seen[request.tag] = (request.type, bytes(request.data))
        request.write(seen[request.tag][1][::-1], type=request.type)

    with MUTABLE[in_place](name, request_size=1 << 20) as server:
        server.start(answer)
        result = program.run(
            "call", name, "--frames", 20, "--size", SIZE_LIST, "--pattern", "random", "--seed", 5, "--type", 300, "--transform", "reverse",
            *options.split(), "--json",
        )  # fmt: skip
    fields = ended(result, "ok")
    expected = {number: (300, content("random", 5, number, SIZES[(number - 1) % len(SIZES)])) for number in range(1, 21)}
    assert seen == expected
    size = sum(len(data) for _, data in expected.values())
    assert (fields["frames"], fields["bytes"], fields["in_place"]) == (20, size, in_place)
    assert fields["copied_bytes"] == (0 if "--claim" in options else size)
    if "--claim" in options:
        assert fields["same_address"] == (sum(len(data) != 0 for _, data in expected.values()) if in_place else 0)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (lambda request: request.write(bytes(request.data)[:-1] + b"?", type=7), "has byte 99 as 63, expected 100"),
        (lambda request: request.write(bytes(request.data) + b"?", type=7), "has 101 bytes, expected 100"),
        (lambda request: request.write(bytes(request.data), type=8), "has type 8, expected 7"),
    ],
)
def test_a_wrong_answer_fails_verification(program, name, wrong, what):
    with zerobuffer.ImmutableDuplexServer(name) as server:
        server.start(wrong)
        fields = ended(program.run("call", name, "--frames", 1, "--size", 100, "--type", 7, "--json"), "verification_failed")
    assert fields["message"] == f"{name}: the answer to call 1 {what}"


@pytest.mark.parametrize("options", ["", "--claim", "--in-flight 3"])
def test_an_error_answer_ends_the_caller_with_its_text_unless_errors_are_allowed(program, name, options):
    """Scenario 6.4"""

    def answer(request):
        if request.tag == 2:
            raise ValueError("two is no number for me")
        request.write(bytes(request.data))

    calling = ["call", name, "--frames", 3, "--json", *options.split()]
    with zerobuffer.ImmutableDuplexServer(name) as server:
        server.start(answer)
        fields = ended(program.run(*calling), "remote_error")
        assert "two is no number for me" in fields["message"] and fields["frames"] == 1
        fields = ended(program.run(*calling, "--allow-errors"), "ok")
    assert (fields["frames"], fields["errors"], fields["bytes"]) == (3, 1, 2048)


def test_how_a_server_ends_is_how_its_callers_end(program, name):
    with zerobuffer.ImmutableDuplexServer(name) as server:
        calling = program.start("call", name, "--frames", 1, "--timeout-ms", -1, "--json")
        with server.take(LIMIT):
            server.close()
        assert ended(program.finish(calling), "closed_early")["frames"] == 0
    serving = program.start("serve", name, "--delay-us", 20_000, "--verbose")
    calling = program.start("call", name, "--frames", 10_000, "--timeout-ms", -1, "--json")
    while b"frame 3 " not in serving.stderr.readline():
        assert serving.poll() is None
    serving.kill()
    assert ended(program.finish(calling), "peer_dead")["frames"] >= 2  # the third was taken


def test_a_successor_answers_what_the_dead_server_had_begun_with_an_error(program, name):
    """Scenario 6.5"""
    server = program.start("serve", name, "--delay-us", 60_000_000, "--verbose")
    with zerobuffer.DuplexClient.open(name, timeout=LIMIT) as client:
        begun = client.begin(b"begun")
        while b"frame 1 " not in server.stderr.readline():
            assert server.poll() is None
        server.kill()
        server.wait(LIMIT)
        successor = program.start("serve", name, "--exist-ok", "--frames", 1, "--json")
        wait_for(lambda: zerobuffer.dump_state(name).writer.presence == "attached")
        with contextlib.suppress(zerobuffer.PeerDeadError):  # only where this process looked before the successor was there
            with pytest.raises(zerobuffer.RemoteError, match="the server died while it worked on this request"):
                begun.receive(LIMIT)
        with client.call(b"next", timeout=LIMIT) as response:
            assert bytes(response.data) == b"next"
        ended(program.finish(successor), "ok")


def test_a_caller_that_allows_errors_goes_on_with_the_successor(program, name):
    """Scenario 6.5"""
    server = program.start("serve", name, "--delay-us", 10_000, "--verbose")
    caller = program.start("call", name, "--frames", 100, "--allow-errors", "--timeout-ms", LIMIT * 1000, "--json")
    while b"frame 5 " not in server.stderr.readline():
        assert server.poll() is None
    server.kill()
    server.wait(LIMIT)
    successor = program.start("serve", name, "--exist-ok", "--json")
    fields = ended(program.finish(caller), "ok")
    assert fields["frames"] == 100 and 94 <= fields["bytes"] / 1024 <= 99, fields
    successor.send_signal(signal.SIGTERM)
    assert program.finish(successor).returncode == TERMINATED


# --- how they end -------------------------------------------------------------------------------------------------


def test_there_is_an_exit_code_for_each_status():
    assert sorted(CODES.values()) == list(range(16)) and len(CODES) == 16


def test_a_buffer_that_is_not_there_is_not_found(program, name):
    for verb in ("read", "write"):
        ended(program.run(verb, name, "--timeout-ms", 0, "--json"), "not_found")
    ended(program.run("call", name, "--frames", 1, "--timeout-ms", 0, "--json"), "not_found")


def test_a_name_that_somebody_uses_is_in_use(program, name):
    with reader_for(name), zerobuffer.Writer.open(name):
        ended(program.run("read", name, "--create", "--json"), "in_use")
        ended(program.run("read", name, "--json"), "in_use")
        ended(program.run("write", name, "--json"), "in_use")
        ended(program.run("serve", name, "--json"), "in_use")


def test_waiting_in_vain_times_out(program, name):
    ended(program.run("read", name, "--create", *SMALL, "--timeout-ms", 50, "--json"), "timeout")
    result = program.run("write", name, "--create", *SMALL, "--wait-readers", 1, "--timeout-ms", 50, "--json")
    ended(result, "timeout")
    with reader_for(name):
        ended(program.run("write", name, "--timeout-ms", 50, "--linger-ms", 0, "--size", "100k", "--json"), "timeout")
    ended(program.run("serve", name, "--timeout-ms", 50, "--json"), "timeout")
    with zerobuffer.MutableDuplexServer(name):
        for options in ([], ["--claim"], ["--in-flight", 2], ["--threads", 2]):
            ended(program.run("call", name, "--frames", 2, "--timeout-ms", 50, *options, "--json"), "timeout")


def test_a_killed_writer_is_a_dead_peer(program, name):
    writer = program.start("write", name, "--create", *SMALL, "--delay-us", 1000, "--wait-readers", 1, "--timeout-ms", -1)
    reader = program.start("read", name, "--verify", "sequential", "--timeout-ms", -1, "--json")
    wait_for(lambda: name in zerobuffer.list_buffers() and zerobuffer.dump_state(name).frames >= 3)
    writer.kill()
    fields = ended(program.finish(reader), "peer_dead")
    assert fields["frames"] >= 3 and fields["lost"] == 0


def test_a_killed_reader_is_a_dead_peer(program, name):
    reader = program.start("read", name, "--create", *SMALL, "--timeout-ms", -1)
    writer = program.start("write", name, "--delay-us", 1000, "--timeout-ms", -1, "--linger-ms", -1, "--json")
    wait_for(lambda: name in zerobuffer.list_buffers() and zerobuffer.dump_state(name).frames >= 3)
    reader.kill()
    ended(program.finish(writer), "peer_dead")


def test_what_is_no_buffer_is_refused(program, name):
    path = f"/dev/shm/{name}"
    with open(path, "wb") as file:
        file.write(b"something else" * 1000)
    try:
        ended(program.run("read", name, "--json"), "refused")
    finally:
        os.unlink(path)


def test_frames_that_nobody_reads_are_unread(program, name):
    result = program.run("write", name, "--create", *SMALL, "--frames", 3, "--linger-ms", 0, "--json")
    assert ended(result, "unread")["unread"] == 3


def test_what_does_not_fit_has_no_space(program, name):
    options = ["write", name, "--create", "--buffer-size", 1000, "--linger-ms", 0, "--frames", 1, "--json"]
    ended(program.run(*options, "--size", 5000), "no_space")
    ended(program.run(*options, "--size", 10, "--metadata", "long", "--metadata-size", 3), "no_space")


def test_a_source_that_closes_before_the_last_frame_closed_early(program, name):
    reader = program.start("read", name, "--create", *SMALL, "--frames", 5, "--json")
    ended(program.run("write", name, "--frames", 3, "--json"), "ok")
    assert ended(program.finish(reader), "closed_early")["frames"] == 3
    with Relayed(program, name, "--frames", "5") as relayed:
        relayed.writer.write(b"only one")
        relayed.reader.read(LIMIT).release()
        relayed.writer.close()
        assert ended(program.finish(relayed.relay), "closed_early")["side"] == "input"


def test_a_resume_that_comes_too_late_lost_frames(program, name):
    with zerobuffer.Writer(name, payload_size=10_000, max_readers=2) as writer, zerobuffer.Reader.open(name) as other:
        victim = program.start("read", name, "--join", "now", "--timeout-ms", -1)
        assert writer.wait_for_readers(2, timeout=LIMIT)
        writer.write(bytes(1000))
        wait_for(lambda: min(state.read_count for state in zerobuffer.dump_state(name).readers) == 1 or other.try_read())
        victim.kill()
        victim.wait(LIMIT)
        for _ in range(50):  # several times round the ring, past where the dead one stopped
            assert writer.write(bytes(1000), timeout=LIMIT)
            while frame := other.try_read():
                frame.release()
        late = program.start("read", name, "--join", "resume", "--json")
        assert writer.wait_for_readers(2, timeout=LIMIT)
        writer.write(b"last")
        while frame := other.try_read():
            frame.release()
        writer.drain(LIMIT)
        writer.close()
        assert ended(program.finish(late), "lost_frames")["lost"] > 0


@pytest.mark.parametrize(("number", "status", "code"), [(signal.SIGINT, "interrupted", 130), (signal.SIGTERM, "terminated", 143)])
@pytest.mark.parametrize("verb", ["relay", "write", "read"])
def test_a_signal_ends_a_wait_cleanly_with_a_report(program, name, verb, number, status, code):
    arguments = {
        "read": ["read", f"{name}-in"],
        "write": ["write", f"{name}-out", "--size", "1000"],
        "relay": ["relay", "--input", f"{name}-in", "--output", f"{name}-out"],
    }[verb]
    with zerobuffer.Writer(f"{name}-in", payload_size=1 << 20) as writer, reader_for(f"{name}-out") as reader:
        process = program.start(*arguments, "--timeout-ms", -1, "--linger-ms" if verb != "read" else "--hold", 0, "--json",
                                preexec_fn=hear_ctrl_c)  # fmt: skip
        if verb != "write":
            assert writer.wait_for_readers(1, timeout=LIMIT)
            writer.write(b"frame")
            assert writer.drain(LIMIT)
        else:
            assert reader.read(LIMIT) is not None
        process.send_signal(number)
        result = program.finish(process)
        assert result.returncode == code, result.stderr.decode()
        fields = report(result)
        assert fields["status"] == status and fields["frames"] >= 1


@pytest.mark.parametrize("options", ["", "--threads 3"])
@pytest.mark.parametrize(("number", "status", "code"), [(signal.SIGINT, "interrupted", 130), (signal.SIGTERM, "terminated", 143)])
def test_a_signal_ends_a_server_and_its_callers_are_told(program, name, options, number, status, code):
    """Scenario 6.10"""
    process = program.start("serve", name, *options.split(), "--timeout-ms", -1, "--json", preexec_fn=hear_ctrl_c)
    with zerobuffer.DuplexClient.open(name, timeout=LIMIT) as client:
        client.call(b"frame", timeout=LIMIT).release()
        process.send_signal(number)
        result = program.finish(process)
        assert result.returncode == code, result.stderr.decode()
        assert (report(result)["status"], report(result)["frames"]) == (status, 1)
        with pytest.raises(zerobuffer.PeerClosedError):
            client.call(b"frame", timeout=LIMIT)
        zerobuffer.ImmutableDuplexServer(name).close()


@pytest.mark.parametrize("options", ["", "--claim", "--in-flight 2", "--threads 3"])
@pytest.mark.parametrize(("number", "status", "code"), [(signal.SIGINT, "interrupted", 130), (signal.SIGTERM, "terminated", 143)])
def test_a_signal_ends_a_call(program, name, options, number, status, code):
    with zerobuffer.MutableDuplexServer(name) as server:
        process = program.start("call", name, "--frames", 9, *options.split(), "--timeout-ms", -1, "--json", preexec_fn=hear_ctrl_c)
        taken = server.take(LIMIT)
        process.send_signal(number)
        result = program.finish(process)
        assert result.returncode == code, result.stderr.decode()
        assert (report(result)["status"], report(result)["frames"]) == (status, 0)
        taken.finish()


def test_a_signal_ends_a_wait_for_input(program, name):
    with reader_for(name):
        process = program.start("write", name, "--input", "-", "--json", stdin=-1)
        wait_for(lambda: zerobuffer.dump_state(name).writer.presence == "attached")
        process.send_signal(signal.SIGTERM)
        process.wait(LIMIT)
        assert process.returncode == TERMINATED
        assert json.loads(process.stdout.read())["frames"] == 0


# --- reports ------------------------------------------------------------------------------------------------------


def fields_of(verb):
    """The fields of a verb's report that the README names, in any order."""
    names = set()
    for cells in table("Reports"):
        if cells[1] == "all" or verb in cells[1].split(", "):
            names.update(name.strip("` ") for name in cells[0].split(",") if verb != "relay" or not cells[2].startswith("with `--share`"))
    return names


def test_reports_have_exactly_the_fields_of_the_readme(program, name):
    options = ["--checksum", "--json"]
    reader = program.start("read", f"{name}-out", *options, "--array")
    relay = program.start("relay", "--input", f"{name}-in", "--output", f"{name}-out", "--create-output", *SMALL, "--json")
    written = program.run("write", f"{name}-in", "--create", *SMALL, "--array", "<f4:5", "--timestamp", 1, "--frames", 9, *options)
    for verb, result in (("write", written), ("relay", program.finish(relay)), ("read", program.finish(reader))):
        fields = ended(result, "ok")
        assert set(fields) == fields_of(verb)
        assert (fields["program"], fields["language"], fields["frames"]) == (verb, program.language, 9)
        assert fields["bytes"] == 9 * (24 + 56) and fields["first_sequence"] == 1 and fields["last_sequence"] == 9
        assert fields["seconds"] > 0 and fields["frames_per_second"] > 0 and fields["bytes_per_second"] > 0


def test_the_reports_of_calls_and_sharing_have_exactly_the_fields_of_the_readme(program, name):
    server = program.start("serve", name, "--in-place", "--frames", 9, "--json")
    called = ended(program.run("call", name, "--frames", 9, "--size", 100, "--claim", "--json"), "ok")
    served = ended(program.finish(server), "ok")
    for verb, fields in (("call", called), ("serve", served)):
        assert set(fields) == fields_of(verb)
        assert (fields["program"], fields["language"]) == (verb, program.language)
        assert (fields["frames"], fields["bytes"], fields["first_sequence"], fields["last_sequence"]) == (9, 900, 1, 9)
    assert called["call_latency_us"]["count"] == called["same_address"] == 9
    assert set(share(program, name, source_slots=1, output_slots=1, frames=2)) == fields_of("relay") | {"shared", "copied"}


def test_people_get_a_sentence_and_lines_on_standard_error(program, name):
    reader = program.start("read", name, "--create", *SMALL, "--verbose", "--log-interval", 1)
    assert program.run("write", name, "--frames", 3, "--delay-us", 20000).returncode == 0
    result = program.finish(reader)
    assert result.returncode == 0 and result.stdout == b""
    lines = result.stderr.decode().splitlines()
    assert f"read: made {name}" in lines
    assert "read: frame 3 type 0 tag 0 size 1024" in lines
    assert any("frames/s" in line for line in lines)
    assert lines[-1].startswith("read: ok, 3 frames, 3072 bytes in ")
