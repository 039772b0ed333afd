"""The scripts that guard the house find what they must find. Knows the rules by their offences, not how they are checked."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def check(tree: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, str(ROOT / "scripts/check_house.py"), str(tree)], capture_output=True, text=True, timeout=60)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, timeout=60)
    (tmp_path / "VERSION").write_text("7.8.9\n")
    return tmp_path


def put(house: Path, name: str, text: str) -> None:
    path = house / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("// Owns something.\n" + text)


def test_an_orderly_house_has_no_offence(house: Path) -> None:
    put(house, "cpp/src/stream/writer.cpp", '#include "zerobuffer/writer.hpp"\n#include "ring/writer.hpp"\n#include "os/futex.hpp"\n')
    put(house, "cpp/src/os/linux/futex.cpp", "#ifdef __linux__\n#include <sys/mman.h>\n#endif\n")
    done = check(house)
    assert (done.returncode, "0 offences" in done.stdout) == (0, True), done.stdout


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("cpp/src/ring/a.hpp", '#include "os/futex.hpp"\n', "ring must not include os"),
        ("cpp/src/ring/a.hpp", "#include <chrono>\n", "ring knows no operating system"),
        ("cpp/src/protocol/a.hpp", "#include <vector>\n", "protocol includes only"),
        ("cpp/src/os/a.hpp", '#include "buffer/segment.hpp"\n', "os must not include buffer"),
        ("cpp/src/buffer/a.hpp", '#include "stream/writer.hpp"\n', "buffer must not include stream"),
        ("cpp/src/stream/a.cpp", "#include <sys/mman.h>\n", "belong to src/os"),
        ("cpp/src/os/linux/a.cpp", "#include <fstream>\n", "the core uses no stream"),
        ("cpp/src/stream/a.cpp", "#if defined(_WIN32)\n#endif\n", "platform conditions"),
        ("cpp/src/stream/a.cpp", '#include "../ring/writer.hpp"\n', 'no include goes through ".."'),
        ("cpp/include/zerobuffer/a.hpp", "#include <boost/context/fiber.hpp>\n", "a public header shows neither"),
        ("cpp/include/zerobuffer/a.hpp", '#include "ring/writer.hpp"\n', "a public header includes only public headers"),
        ("cpp/cli/a.cpp", '#include "ring/writer.hpp"\n', "uses the public interface only"),
        ("python/src/a.cpp", '#include "stream/waiting.hpp"\n', "uses the public interface only"),
        ("cpp/src/c_api/a.cpp", '#include "stream/reader_core.hpp"\n', "c_api must not include stream"),
        ("csharp/ZeroBuffer/Reader.cs", '[DllImport("zerobuffer")]\n', "calls of the C library live in"),
        ("relay/csharp/Program.cs", '[LibraryImport("zerobuffer")]\n', "calls of the C library live in"),
        ("cpp/src/os/a.cpp", '// speaks version 7.8.9\n', "the version number stands only in VERSION"),
    ],
)
def test_each_offence_is_found_where_it_stands(house: Path, name: str, text: str, rule: str) -> None:
    put(house, name, text)
    done = check(house)
    assert done.returncode == 1, done.stdout
    assert f"{name}:2: " in done.stdout and rule in done.stdout, done.stdout


def test_a_source_without_a_head_comment_is_an_offence(house: Path) -> None:
    (house / "a.py").write_text("import os\n")
    done = check(house)
    assert (done.returncode, "a.py:1: does not begin with a comment" in done.stdout) == (1, True), done.stdout
