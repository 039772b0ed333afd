"""The C examples and the program of docs/c.md run and do what they say, also together with the examples of C++."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ZEROBUFFER_BIN_DIR", ROOT / "build/release/bin")).parent
PROGRAMS = BUILD / "examples"
TIMEOUT = 120
PICTURES = [f"frame {number + 1}: 307200 bytes, tag {1000 + number}, mean {10 * number}" for number in range(10)]


@pytest.fixture
def name():
    made = f"example-{os.getpid()}-{os.urandom(4).hex()}"
    yield made
    assert not Path("/dev/shm", made).exists()


def run(program, *arguments):
    return subprocess.run([str(PROGRAMS / program), *arguments], capture_output=True, text=True, timeout=TIMEOUT)


@pytest.fixture
def start():
    """Starts programs that the test need not end itself."""
    started = []

    def start_one(program, *arguments):
        process = subprocess.Popen([str(PROGRAMS / program), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True)
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_the_writer_reaches_the_reader(name, start):
    reader = start("c_reader", name)
    written = run("c_writer", name)
    output, _ = reader.communicate(timeout=TIMEOUT)
    assert (written.returncode, written.stdout) == (0, "10 pictures sent, 0 unread\n")
    assert reader.returncode == 0
    assert output.splitlines() == [
        "waiting for a writer", 'metadata: {"width": 640, "height": 480}', *PICTURES, "the writer has closed"]


@pytest.mark.parametrize(("writer", "reader"), [("c_writer", "reader"), ("writer", "c_reader")])
def test_the_pairs_of_c_and_cpp_understand_each_other(name, start, writer, reader):
    reading = start(reader, name)
    assert run(writer, name).returncode == 0
    output, _ = reading.communicate(timeout=TIMEOUT)
    assert (reading.returncode, output.splitlines()[1:-1]) == (0, PICTURES)


def test_a_buffer_that_cannot_be_is_refused_with_the_reason():
    for program in ("c_reader", "c_writer", "c_event_loop", "c_invert_server", "c_invert_client"):
        done = run(program, "no/name")
        assert done.returncode == 1
        assert done.stderr.startswith(program.removeprefix("c_") + ": ")
        assert "invalid buffer name" in done.stderr


def test_a_writer_that_dies_is_a_failure_of_the_reader(name, start):
    reader = start("c_reader", name)
    assert reader.stdout.readline() == "waiting for a writer\n"
    writer = start("../bin/zerobuffer", "write", name, "--pattern", "zeros", "--frame-size", "1000", "--rate", "100")
    assert reader.stdout.readline() == "frame 1: 1000 bytes, tag 0, mean 0\n"
    writer.kill()
    output, _ = reader.communicate(timeout=TIMEOUT)
    assert reader.returncode == 1
    assert "the writer has closed" not in output


def test_one_thread_serves_a_buffer_and_a_terminal(name, start):
    loop = start("c_event_loop", name)
    assert loop.stdout.readline() == "waiting for frames and for lines\n"
    loop.stdin.write("hello\n")
    loop.stdin.flush()
    assert loop.stdout.readline() == "line: hello\n"
    assert run("c_writer", name).returncode == 0
    assert [loop.stdout.readline() for _ in range(10)] == [f"frame {number}: 307200 bytes\n" for number in range(1, 11)]
    assert loop.stdout.readline() == "the writer has closed\n"
    assert loop.wait(TIMEOUT) == 0


def test_pictures_are_inverted_in_place_and_an_error_arrives_with_its_text(name, start):
    server = start("c_invert_server", name)
    assert server.stdout.readline() == "serving until the input ends\n"
    client = run("c_invert_client", name)
    output, _ = server.communicate(timeout=TIMEOUT)
    assert (client.returncode, client.stderr) == (0, "")
    assert client.stdout.splitlines() == [
        *(f"picture {number}: 307200 pixels of {255 - 10 * number}, in place" for number in range(10)),
        "remote_error: this server inverts pictures, type 128"]
    assert (server.returncode, output) == (0, "11 requests, 1 errors, 0 bytes copied\n")


def test_the_end_of_the_input_ends_the_event_loop(name, start):
    loop = start("c_event_loop", name)
    output, _ = loop.communicate(timeout=TIMEOUT)
    assert (loop.returncode, output) == (0, "waiting for frames and for lines\n")


@pytest.mark.parametrize(
    ("program", "printed"),
    [("camera", "".join(f"frame {number}: 1000 bytes of {number}\n" for number in range(1, 6))),
     ("forward", "".join(f"frame {number}: 1000 bytes of {number}, shared\n" for number in range(1, 4))),
     ("calls", "2 4 6, in place\nremote_error: this server doubles numbers\n")])
def test_the_programs_of_the_page_run(name, tmp_path, program, printed):
    page = (ROOT / "docs/c.md").read_text()
    sources = re.findall(r"^```c\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert [source.split()[1] for source in sources] == ["camera.c:", "forward.c:", "calls.c:"]
    (source,) = (source for source in sources if source.startswith(f"/* {program}.c:"))
    (tmp_path / f"{program}.c").write_text(source)
    library = BUILD / "lib"
    subprocess.run(
        ["gcc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror",
         f"-I{ROOT / 'cpp/include'}", str(tmp_path / f"{program}.c"), f"-L{library}", f"-Wl,-rpath,{library}", "-lzerobuffer",
         "-o", str(tmp_path / program)], check=True)
    done = subprocess.run([str(tmp_path / program), name], capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == printed


def test_every_function_and_status_that_the_page_names_is_in_the_header():
    page = (ROOT / "docs/c.md").read_text()
    header = (ROOT / "cpp/include/zerobuffer/zerobuffer.h").read_text()
    named = set(re.findall(r"\b(?:zb_[a-z_]+|ZB_[A-Z_]+)\b", page))
    assert {word for word in named if not re.search(rf"\b{word}\b", header)} == set()
    assert len(named) > 40
