"""Bytes that nobody should trust, as far as Python itself reads them, and files that are no buffers. Scenarios 5.1 to 5.7."""

import contextlib
import errno
import json
import os
import random
import resource
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peer import LIMIT

import zerobuffer
from zerobuffer import ArrayDescriptor, ArrayFormat, Reader, VideoFormat, Writer, parse_metadata

FILE = Path("/dev/shm")
GOOD = ArrayDescriptor(ArrayFormat("<f4", (2, 3)), timestamp_ns=-5, send_time_ns=7)
GOOD_FRAME = np.arange(6, dtype="<f4").tobytes() + GOOD.to_bytes()


def test_every_field_of_a_descriptor_set_to_hostile_values_is_refused_or_harmless():
    """Scenario 5.1"""
    length = len(GOOD.to_bytes())
    hostile = {1: [0, 1, 2, 33, 127, 255], 2: [0, 1, 2, 0xFFFF], 4: [0, 1, 2**31, 2**32 - 1]}
    hostile[8] = [0, 1, 2, 47, 48, 63, 64, 65, 2**31, 2**32, 2**61, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
    fields = [(0, 4), (4, 2), *((offset, 1) for offset in range(6, 12)), (12, 4), (16, 8), (40, 8), (48, 8), (56, 8)]
    refused = 0
    for offset, size in fields:
        for value in hostile[size]:
            frame = bytearray(GOOD_FRAME)
            frame[len(frame) - length + offset : len(frame) - length + offset + size] = value.to_bytes(size, "little")
            try:
                descriptor = ArrayDescriptor.from_frame(memoryview(frame))
            except zerobuffer.CorruptError:
                refused += 1
            else:
                array = descriptor.format.view(memoryview(frame))
                assert array.nbytes == 24
    assert refused > 60


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_bytes_at_the_end_of_an_array_frame_give_an_array_inside_it_or_an_error(data):
    """Scenario 5.1"""
    frame = bytearray(data.draw(st.one_of(st.just(GOOD_FRAME), st.binary(max_size=400))))
    for position, value in data.draw(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=4)):
        if position < len(frame):
            frame[-1 - position] = value
    try:
        descriptor = ArrayDescriptor.from_frame(memoryview(frame))
    except zerobuffer.CorruptError:
        return
    assert descriptor.format.view(memoryview(frame)).nbytes <= len(frame)
    assert bytes(frame).endswith(descriptor.to_bytes()), "what is accepted is exactly what would be written"


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    ),
    st.sampled_from(["kind", "dtype", "shape", "order", "names", "width", "height", "strides", "frame_rate", "pixel_format"]),
    st.sampled_from([ArrayFormat("<f4", (2, 3)), VideoFormat("nv12", 4, 2, (30, 1))]),
)
def test_any_value_in_any_field_of_the_metadata_gives_a_format_or_an_error(value, field, stream_format):
    """Scenario 5.1"""
    fields = json.loads(stream_format.to_metadata())
    fields[field] = value
    try:
        parsed = parse_metadata(json.dumps(fields, separators=(",", ":")).encode())
    except (zerobuffer.CorruptError, zerobuffer.IncompatibleError):
        return
    assert parsed.nbytes >= 0


@pytest.mark.parametrize(
    "metadata",
    [
        b'{"zerobuffer_schema":',
        b'{"zerobuffer_schema":1}',
        b'{"zerobuffer_schema":"1","kind":"array"}',
        b'{"zerobuffer_schema":true,"kind":"array"}',
        b'{"zerobuffer_schema":2,"kind":"array"}',
        b'{"zerobuffer_schema":1,"kind":"sound"}',
        b'{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[1e400],"order":"C"}',
        b'{"zerobuffer_schema":1,"kind":"array","dtype":"|O8","shape":[1],"order":"C"}',
        b'{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[4611686018427387904,8],"order":"C"}',
        b'{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[0,9223372036854775807],"order":"C"}',
        b'{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[-1],"order":"C"}',
        b'{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[true],"order":"C"}',
        b'{"zerobuffer_schema":' + b"[" * 3000,
        b'{"zerobuffer_schema":' + b"9" * 4000 + b"}",
        b'{"zerobuffer_schema":1,"kind":"\xff\xfe"}',
        b'{"zerobuffer_schema":1,"kind":"video","pixel_format":"rgb24","width":4,"height":0}',
        b'{"zerobuffer_schema":1,"kind":"video","pixel_format":"rgb24","width":4,"height":4,"strides":[11]}',
        b'{"zerobuffer_schema":1,"kind":"video","pixel_format":"rgb24","width":4,"height":4,"frame_rate":[1,0]}',
    ],
    ids=range(18),
)
def test_metadata_that_breaks_the_schema_is_refused_wherever_it_is_used(name, metadata):
    """Scenario 5.1"""
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
        zerobuffer._core.Writer.write_metadata(writer, metadata)
        writer.write(b"12345678")
        frame = reader.read(timeout=LIMIT)
        with pytest.raises((zerobuffer.CorruptError, zerobuffer.IncompatibleError)):
            frame.as_array()
        assert bytes(frame) == b"12345678"


def test_a_frame_that_contradicts_its_streams_metadata_is_corrupt(name):
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
        writer.write_metadata(ArrayFormat("<f4", (2, 2)))
        writer.write(b"17 bytes of other")
        writer.write(b"tiny", type=2)
        writer.write(b"the application's", type=128)
        odd, described, own = reader.read_many(3, timeout=LIMIT)
        for frame in (odd, described):
            with pytest.raises(zerobuffer.CorruptError):
                frame.as_array()
        with pytest.raises(zerobuffer.CorruptError):
            _ = described.timestamp_ns
        assert own.as_array().tobytes() == b"the application's"
        assert odd.timestamp_ns is None and odd.send_time_ns is None


def test_a_descriptor_that_changes_while_it_is_read_is_read_once(name):
    """Scenario 5.2"""
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
        slot = writer.claim(len(GOOD_FRAME), type=2)
        view = slot.data
        view[:] = GOOD_FRAME
        slot.commit()
        frame = reader.read(timeout=LIMIT)
        stop = threading.Event()

        def garble():
            chance = random.Random(3)
            while not stop.is_set():
                position = chance.randrange(24, len(view))
                view[position] = chance.randrange(256)
                view[:] = GOOD_FRAME

        garbling = threading.Thread(target=garble)
        garbling.start()
        try:
            for _ in range(3000):
                try:
                    assert frame.as_array().nbytes <= len(GOOD_FRAME)
                except zerobuffer.CorruptError:
                    pass
        finally:
            stop.set()
            garbling.join()


def test_bytes_of_a_segment_changed_at_random_give_errors_and_no_crash(name):
    """Scenario 5.1, 5.2"""
    chance = random.Random(11)
    for round_ in range(60):
        reader = Reader(name, payload_size=1000)
        writer = Writer.open(name, timeout=0)
        writer.write_metadata(b"m")
        for number in range(3):
            writer.write(bytes([number]) * 50)
        with open(FILE / name, "r+b") as file:
            for _ in range(4):
                offset = chance.choice([chance.randrange(0x80, 0x400), chance.randrange(0x400, 0x2000)])
                file.seek(min(offset, os.path.getsize(FILE / name) - 8))
                file.write(struct.pack("<Q", chance.choice([0, 1, 2**32, 2**63, 2**64 - 1, chance.randrange(2**64)])))
        for call in (
            lambda: reader.read_many(5, timeout=0.01),
            lambda: writer.try_write(bytes(500)),
            lambda: reader.metadata(timeout=0),
            lambda: reader.try_read(),
            lambda: zerobuffer.dump_state(name),
            lambda: writer.stats(),
            lambda: reader.stats(),
            lambda: Reader.open(name, timeout=0).close(),
        ):
            try:
                call()
            except zerobuffer.ZeroBufferError:
                pass
        writer.close()
        reader.close()
        del reader, writer
        (FILE / name).unlink(missing_ok=True)


def refuses(name, error):
    for attach in (Reader.open, Writer.open):
        with pytest.raises(error) as caught:
            attach(name, timeout=0)
        assert len(str(caught.value)) > 10
    with contextlib.suppress(zerobuffer.IncompatibleError, zerobuffer.BufferNotFoundError, zerobuffer.SystemCallError,
                             zerobuffer.PermissionDeniedError):
        assert zerobuffer.dump_state(name).problem, "a file that is no buffer looks like one"


@pytest.mark.parametrize("content", [b"", b"x", b"hello" * 1000, struct.pack("<I4B", 128, 1, 0, 0, 0) + bytes(5000)],
    ids=["empty", "one byte", "text", "version 1"])
def test_files_that_are_no_buffers_are_refused_and_left_alone(name, content):
    """Scenario 5.3"""
    file = FILE / name
    file.write_bytes(content)
    try:
        refuses(name, (zerobuffer.IncompatibleError, zerobuffer.CorruptError, zerobuffer.BufferNotFoundError))
        with pytest.raises(zerobuffer.ZeroBufferError):
            Reader(name, payload_size=1000)
        assert file.read_bytes() == content
    finally:
        file.unlink()


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: os.symlink("/etc/hostname", path)],
    ids=["directory", "pipe", "link"])
def test_what_is_no_regular_file_is_refused(name, make):
    """Scenario 5.3"""
    file = FILE / name
    make(file)
    try:
        refuses(name, zerobuffer.ZeroBufferError)
        with pytest.raises(zerobuffer.ZeroBufferError):
            Reader(name, payload_size=1000)
        assert os.path.lexists(file)
    finally:
        file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink()


def test_a_truncated_buffer_is_refused(name):
    """Scenario 5.3"""
    with Reader(name, payload_size=100_000):
        copy = (FILE / name).read_bytes()[:5000]
        (FILE / f"{name}-cut").write_bytes(copy)
    try:
        refuses(f"{name}-cut", (zerobuffer.CorruptError, zerobuffer.IncompatibleError))
    finally:
        (FILE / f"{name}-cut").unlink()


def test_more_memory_than_there_is_is_refused_with_the_numbers(name):
    """Scenario 5.4"""
    with pytest.raises(zerobuffer.SharedMemoryFullError) as caught:
        Reader(name, payload_size=100 << 30)
    assert any(character.isdigit() for character in str(caught.value))


def test_only_the_owner_may_open_a_buffer_whatever_the_umask(name):
    """Scenario 5.5"""
    before = os.umask(0)
    try:
        with Reader(name, payload_size=1000):
            assert (FILE / name).stat().st_mode & 0o777 == 0o600
            assert os.umask(0) == 0, "the umask is the process's, not ours to change"
    finally:
        os.umask(before)


def test_a_full_table_of_descriptors_is_an_error_that_leaks_nothing(name):
    """Scenario 5.7"""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = len(os.listdir("/proc/self/fd"))
    taken = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        for attach in (lambda: Reader(name, payload_size=1000), lambda: Reader.anonymous(payload_size=1000)):
            with pytest.raises(zerobuffer.ZeroBufferError) as caught:
                attach()
            assert caught.value.os_error == errno.EMFILE
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in taken:
            os.close(descriptor)
    assert len(os.listdir("/proc/self/fd")) == before
