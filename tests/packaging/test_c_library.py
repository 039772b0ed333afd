"""libzerobuffer.so and zerobuffer.h as a user of C meets them: the symbols, what is linked, what the header needs.

Looks at the library that the release build made (ZEROBUFFER_BIN_DIR/../lib) with nm and readelf; what the functions do is
tested in cpp/tests/c.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ZEROBUFFER_BIN_DIR", ROOT / "build/release/bin")).parent
LIBRARY = BUILD / "lib/libzerobuffer.so"
HEADER = ROOT / "cpp/include/zerobuffer/zerobuffer.h"
MAP = ROOT / "cpp/src/c_api/zerobuffer.map"
VERSION = (ROOT / "VERSION").read_text().strip()
NODE = "ZEROBUFFER_" + ".".join(VERSION.split(".")[:2])
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]


def output(*command: object) -> str:
    return subprocess.run([str(part) for part in command], check=True, text=True, stdout=subprocess.PIPE, timeout=120).stdout


def declared() -> set[str]:
    """The functions of the header: a name and a parenthesis after ZB_API, with no ; between."""
    code = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)
    return set(re.findall(r"^ZB_API [^;(]*?\b(zb_\w+)\(", code, flags=re.MULTILINE))


def test_the_library_exports_what_the_header_declares_and_nothing_else() -> None:
    symbols = [line.split()[-2:] for line in output("nm", "-D", "--defined-only", LIBRARY).splitlines()]
    functions = {name for kind, name in symbols if kind == "T"}
    assert functions == {f"{name}@@{NODE}" for name in declared()}
    assert [[kind, name] for kind, name in symbols if kind != "T"] == [["A", NODE]], "a version, and no data"
    assert len(functions) > 50


def test_the_version_script_names_what_the_header_declares_and_nothing_else() -> None:
    listed = re.findall(r"^ +(\w+);$", MAP.read_text(), flags=re.MULTILINE)
    assert listed == sorted(declared())


def test_every_group_of_functions_is_described_in_the_header() -> None:
    """A comment stands above each function, or above the group without a blank line in which it stands."""
    groups = [group for group in HEADER.read_text().split("\n\n") if re.search(r"^ZB_API", group, flags=re.MULTILINE)]
    assert len(groups) > 30
    for group in groups:
        assert "/*" in group[: group.index("ZB_API")], group


def test_every_function_of_the_header_is_called_by_the_tests_in_c() -> None:
    called = "".join(path.read_text() for path in (ROOT / "cpp/tests/c").glob("test_*.c"))
    assert {name for name in declared() if not re.search(rf"\b{name}\(", called)} == set()


def test_the_name_of_the_library_changes_with_the_major_version() -> None:
    dynamic = output("readelf", "-d", LIBRARY)
    major = VERSION.split(".")[0]
    assert re.findall(r"\(SONAME\).*\[(.*)\]", dynamic) == [f"libzerobuffer.so.{major}"]
    assert LIBRARY.resolve().name == f"libzerobuffer.so.{VERSION}"
    assert (LIBRARY.parent / f"libzerobuffer.so.{major}").resolve() == LIBRARY.resolve()


def test_whoever_loads_it_needs_no_cpp_runtime() -> None:
    libraries = set(re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", LIBRARY)))
    assert "libc.so.6" in libraries
    assert libraries <= {"libc.so.6", "libm.so.6", "libpthread.so.0", "librt.so.1"} | {
        name for name in libraries if name.startswith("ld-linux")
    }


def test_it_stays_where_it_is_when_it_is_unloaded_because_its_thread_does() -> None:
    assert "NODELETE" in output("readelf", "-d", LIBRARY)
    program = """
import ctypes, _ctypes, sys, time
library = ctypes.CDLL(sys.argv[1])
reader = ctypes.c_void_p()
assert library.zb_reader_create_anonymous(None, ctypes.byref(reader)) == 0
called = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda context: None)
assert library.zb_reader_when_ready(reader, called, None) == 0
library.zb_reader_cancel_when.restype = ctypes.c_bool
library.zb_reader_cancel_when(reader)
library.zb_reader_close(reader)
_ctypes.dlclose(library._handle)
time.sleep(0.3)
assert "libzerobuffer.so" in open("/proc/self/maps").read()
print("alive")
"""
    assert output(sys.executable, "-c", program, LIBRARY) == "alive\n"


@pytest.mark.parametrize(
    "command",
    [
        ["gcc", "-std=c11", "-Wstrict-prototypes", "-x", "c"],
        ["gcc", "-std=c17", "-Wstrict-prototypes", "-x", "c"],
        ["clang", "-std=c11", "-Wstrict-prototypes", "-x", "c"],
        ["g++", "-std=c++20", "-x", "c++"],
        ["clang++", "-std=c++20", "-x", "c++"],
        ["g++", "-std=c++11", "-x", "c++"],
    ],
    ids=" ".join,
)
def test_the_header_stands_alone_and_needs_nothing_but_the_standard_library(tmp_path: Path, command: list[str]) -> None:
    assert shutil.which(command[0]), f"{command[0]} is missing (scripts/setup.sh installs it)"
    source = tmp_path / "alone"
    source.write_text(f'#include "{HEADER}"\n#include "{HEADER}"\nint main(void) {{ return zb_version() == 0; }}\n')
    subprocess.run([*command, *WARNINGS, "-fsyntax-only", str(source)], check=True, timeout=120)
    own = [line for line in HEADER.read_text().splitlines() if line.startswith("#include")]
    assert own == ["#include <stdbool.h>", "#include <stddef.h>", "#include <stdint.h>"]


def test_the_library_needs_no_newer_c_library_than_the_documents_say() -> None:
    needed = re.findall(r"GLIBC_(\d+)\.(\d+)", output("objdump", "-T", LIBRARY))
    newest = max((int(major), int(minor)) for major, minor in needed)
    stated = re.search(r"built on Debian 12 needs glibc (\d+)\.(\d+)", (ROOT / "docs/containers.md").read_text())
    assert stated and newest <= (int(stated[1]), int(stated[2])), newest
