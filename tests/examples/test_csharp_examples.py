"""The C# examples run, do what they say, and meet those of C++ and Python. Each is a single file, as `dotnet run FILE` takes it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples/csharp"
CPP = Path(os.environ.get("ZEROBUFFER_BIN_DIR", ROOT / "build/release/bin")).parent / "examples"
LIBRARY = os.environ.get("ZEROBUFFER_LIBRARY", str(ROOT / "build/release/lib/libzerobuffer.so.2"))
ENVIRONMENT = {**os.environ, "ZEROBUFFER_LIBRARY": LIBRARY, "DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_NOLOGO": "1"}
TIMEOUT = 120
MEANS = [f"mean {10 * number}.0" for number in range(10)]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every example, built; a warning is an error."""
    folder = tmp_path_factory.mktemp("artifacts")
    for source in sorted(EXAMPLES.glob("*.cs")):
        built = subprocess.run(["dotnet", "build", "--artifacts-path", folder, "--disable-build-servers", "-v", "quiet", source], env=ENVIRONMENT,
                               timeout=280, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert built.returncode == 0 and "warning" not in built.stdout, built.stdout
    return folder


@pytest.fixture
def name() -> Iterator[str]:
    made = f"example-{os.getpid()}-{os.urandom(4).hex()}"
    yield made
    left = Path("/dev/shm", made).exists()
    Path("/dev/shm", made).unlink(missing_ok=True)
    assert not left


class Program:
    """A started example; its lines are read as they come."""

    def __init__(self, *command: object):
        self.process = subprocess.Popen([str(part) for part in command], env=ENVIRONMENT, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self) -> "Program":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate(timeout=TIMEOUT)
        return line

    def rest(self, given: str | None = None) -> list[str]:
        """Its further lines, when it has ended well."""
        output, errors = self.process.communicate(given, timeout=TIMEOUT)
        assert (self.process.returncode, errors) == (0, "")
        return output.splitlines()


def csharp(artifacts: Path, example: str, *arguments: str) -> Program:
    return Program("dotnet", artifacts / f"bin/debug/{example}.dll", *arguments)


def python(example: str, *arguments: str) -> Program:
    return Program(sys.executable, ROOT / "examples/python" / example, *arguments)


def test_the_reader_is_started_as_its_comment_says_and_meets_the_writer(artifacts: Path, tmp_path: Path, name: str) -> None:
    with Program("dotnet", "run", "--artifacts-path", tmp_path, EXAMPLES / "reader.cs", name) as reader:
        assert reader.line() == f"waiting for a writer of '{name}'\n"
        with csharp(artifacts, "writer", name) as writer:
            assert writer.rest() == ["ten pictures sent"]
        lines = reader.rest()
    assert lines == [f"frame {number + 1}: shape (480, 640, 3), UInt8, {mean}" for number, mean in enumerate(MEANS)] + ["the writer has closed"]


def test_the_reader_sees_the_arrays_of_python(artifacts: Path, name: str) -> None:
    with csharp(artifacts, "reader", name) as reader, python("writer.py", name) as writer:
        assert writer.rest() == ["ten pictures sent"]
        lines = reader.rest()
    assert lines[1:-1] == [f"frame {number + 1}: shape (1080, 1920, 3), UInt8, {mean}" for number, mean in enumerate(MEANS)]


def test_python_sees_the_arrays_of_the_writer(artifacts: Path, name: str) -> None:
    with python("reader.py", name) as reader, csharp(artifacts, "writer", name) as writer:
        assert writer.rest() == ["ten pictures sent"]
        lines = reader.rest()
    assert lines[1:-1] == [f"frame {number + 1}: shape (480, 640, 3), uint8, {mean}" for number, mean in enumerate(MEANS)]


def test_the_reader_sees_the_pictures_of_cpp(artifacts: Path, name: str) -> None:
    with csharp(artifacts, "reader", name) as reader, Program(CPP / "writer", name) as writer:
        assert writer.rest() == ["10 pictures sent, 0 unread"]
        lines = reader.rest()
    assert lines[1:-1] == [f"frame {number + 1}: shape (307200), UInt8, {mean}" for number, mean in enumerate(MEANS)]


def test_cpp_sees_the_pictures_of_the_writer(artifacts: Path, name: str) -> None:
    with Program(CPP / "reader", name) as reader, csharp(artifacts, "writer", name) as writer:
        assert writer.rest() == ["ten pictures sent"]
        lines = reader.rest()
    assert lines[1:-1] == [f"frame {number + 1}: 921600 bytes, tag 0, mean {10 * number}" for number in range(10)]


def test_the_awaiting_reader_ends_with_the_writer(artifacts: Path, name: str) -> None:
    with csharp(artifacts, "async-reader", name) as reader, csharp(artifacts, "writer", name) as writer:
        assert writer.rest() == ["ten pictures sent"]
        assert reader.rest()[-1] == f"the writer has closed: 10 frames, {10 * 480 * 640 * 3} bytes"


def test_ctrl_c_ends_the_awaiting_reader_in_order(artifacts: Path, name: str) -> None:
    with csharp(artifacts, "async-reader", name) as reader:
        assert reader.line().startswith("waiting for a writer")
        reader.process.send_signal(signal.SIGINT)
        assert reader.rest() == ["stopped: 0 frames, 0 bytes"]


def test_a_video_crosses_with_its_format(artifacts: Path, name: str) -> None:
    with csharp(artifacts, "video-writer", name, "30") as writer, csharp(artifacts, "video-reader", name) as reader:
        lines = reader.rest()
        assert writer.rest()[-1] == "30 pictures sent, 0 unread"
    assert lines == ["rgb24 640 × 360 at 30/1 per second", "picture 1: from 0 to 103", "picture 2: from 1 to 104", "picture 3: from 2 to 105",
                     "30 pictures"]


def test_a_video_of_cpp_is_read(artifacts: Path, name: str) -> None:
    with Program(CPP / "video_feeder", name, "8", "4") as feeder, csharp(artifacts, "video-reader", name) as reader:
        assert feeder.rest("a" * 96 + "b" * 96) == ['{"frames": 2, "unread": 0}']
        lines = reader.rest()
    assert lines == ["rgb24 8 × 4", "picture 1: from 97 to 97", "picture 2: from 98 to 98", "2 pictures"]


def test_the_tensor_service_answers_python(artifacts: Path, name: str) -> None:
    with csharp(artifacts, "tensor-server", name) as server:
        assert server.line() == "serving\n"
        with python("tensor_client.py", name) as client:
            lines = client.rest()
        server.process.send_signal(signal.SIGINT)
        assert server.rest() == ["7 requests, 1 errors"]
    assert lines == [
        "(2, 4) float32: the largest share is 0.250; float64 sums [0.0, 0.0]",
        "(2, 4) float32: the largest share is 0.644; float64 sums [6.0, 22.0]",
        "(2, 4) float32: the largest share is 0.865; float64 sums [12.0, 44.0]",
        "refused: a tensor of two dimensions, please, not 1",
    ]


@pytest.mark.parametrize("server", ["python", "cpp"])
def test_servers_of_python_and_cpp_invert_pictures_in_place(artifacts: Path, name: str, server: str) -> None:
    """Scenario 6.9, 9.1"""
    serving = python("invert_server.py", name) if server == "python" else Program(CPP / "invert_server", name)
    with serving:
        assert serving.line() == "serving\n"
        with csharp(artifacts, "invert-client", name) as client:
            lines = client.rest()
        serving.process.send_signal(signal.SIGINT)
        serving.process.communicate(timeout=TIMEOUT)
        assert serving.process.returncode == 0
    assert lines[:-1] == [f"picture {number}: pixels of {255 - 10 * number}, in place" for number in range(10)]
    assert lines[-1].startswith("remote_error: "), "the server's refusal arrives with its text"
