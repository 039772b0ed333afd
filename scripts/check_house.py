#!/usr/bin/env python3
"""Checks the rules of the house on the real files: who includes whom, where platform code may stand, that the version
stands only in VERSION, that every source begins with a comment saying what it owns.

Reads files only; builds nothing and knows nothing of what the code does. Prints each offender as FILE:LINE: RULE and ends
with 1 where there is one.

    check_house.py [TREE]      TREE is a checkout, this one by default
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()

# protocol -> ring -> stream -> duplex and os -> buffer -> stream; buffer may use the ring's handshake with the reader slots.
MAY_INCLUDE = {
    "protocol": set(),
    "ring": {"protocol"},
    "os": set(),
    "buffer": {"protocol", "ring", "os"},
    "stream": {"protocol", "ring", "os", "buffer", "share"},  # a reader and a writer know the frames of others
    "share": {"protocol", "ring", "os", "buffer", "stream"},
    "duplex": {"protocol", "ring", "os", "buffer", "stream"},
    "c_api": set(),
}
LAYERS = set(MAY_INCLUDE)
# What the lowest layers may take from the standard library, or must not.
PROTOCOL_HEADERS = {"cstddef", "cstdint"}
RING_FORBIDDEN = {"chrono", "ctime", "thread", "mutex", "condition_variable", "iostream", "fstream", "cstdio", "filesystem"}
# Streams lock the locale of the program, and a forked child may find that lock taken for ever.
STREAMS = {"iostream", "fstream", "sstream", "iomanip", "locale"}
# Headers of the operating system: only src/os may see them.
OS_HEADER = re.compile(r"^(sys|linux|asm|arpa|netinet)/|^(unistd|fcntl|pthread|sched|signal|poll|dirent|spawn|dlfcn|ucontext)\.h$|^csignal$")
PLATFORM = re.compile(r"\b(__linux__|__linux|__gnu_linux__|_WIN32|_WIN64|__APPLE__|__unix__|__FreeBSD__|__ANDROID__|_MSC_VER|__CYGWIN__)\b")
# Calls from C# into the C library stand in one folder; everything else uses the package's public types.
NATIVE_CALL = re.compile(r"\b(DllImport|LibraryImport|UnmanagedCallersOnly|NativeLibrary\.|delegate\*\s*unmanaged)")
NATIVE_CALLS_MAY_STAND_IN = ("csharp/ZeroBuffer/Interop/",)
# Users of the public interface: they include "zerobuffer/…", their own files and third parties, never a layer of the core.
PUBLIC_USERS = ("cpp/cli/", "examples/", "benchmarks/", "relay/", "python/src/")
PUBLIC_HEADERS = "cpp/include/zerobuffer/"
NOT_IN_PUBLIC = re.compile(r"^(boost|nlohmann|CLI|spdlog|glog|pybind11|fmt)/")

INCLUDE = re.compile(r'^\s*#\s*include\s*(<([^>]+)>|"([^"]+)")')
CONDITION = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif)\b(.*)")
HEAD_COMMENT = {
    ".cpp": ("//", "/*"), ".hpp": ("//", "/*"), ".h": ("//", "/*"), ".c": ("//", "/*"), ".cs": ("//", "/*"), ".py": ('"""', 'r"""', "#"), ".pyi": ('"""', "#"), ".sh": ("#",),
    ".cmake": ("#",), ".txt": ("#",), ".pml": ("/*", "//"),
}
VERSION_MAY_STAND_IN = {"VERSION", "CHANGELOG.md"}

Offence = tuple[str, int, str]


def files_of_the_house() -> list[str]:
    """What git knows or would take: build results and virtual environments are no part of the house."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout
    return sorted({name for name in listed.split("\0") if name and (ROOT / name).is_file()})


def layer_of(name: str) -> str | None:
    parts = name.split("/")
    return parts[2] if name.startswith("cpp/src/") and len(parts) > 3 else None


def check_include(name: str, header: str, quoted: bool) -> str | None:
    """The rule that this include breaks, if any."""
    layer = layer_of(name)
    target = header.split("/")[0] if quoted and "/" in header else None
    if ".." in Path(header).parts:
        return f'"{header}": no include goes through ".."'
    if layer is not None:
        if quoted and target not in LAYERS | {"zerobuffer"}:
            return f'"{header}": includes in src name their folder ("ring/…", "os/…", "zerobuffer/…")'
        if layer not in LAYERS:
            return f"the folder src/{layer} has no place among the layers"
        if target in LAYERS and target != layer and target not in MAY_INCLUDE[layer]:
            return f"{layer} must not include {target} ({header})"
        if layer == "protocol" and not (header in PROTOCOL_HEADERS or target == "protocol"):
            return f"protocol includes only <cstdint> and <cstddef>, not {header}"
        if layer == "ring" and (header in RING_FORBIDDEN or OS_HEADER.match(header) or header.startswith("boost/")):
            return f"ring knows no operating system, clock, lock or log ({header})"
        if header in STREAMS:
            return f"the core uses no stream, which a forked child could find locked ({header})"
        if layer != "os" and OS_HEADER.match(header):
            return f"headers of the operating system belong to src/os ({header})"
        if layer not in {"os", "buffer"} and header.startswith("boost/"):
            return f"Boost belongs to src/os and src/buffer ({header})"
    if name.startswith(PUBLIC_HEADERS):
        if quoted and target != "zerobuffer":
            return f"a public header includes only public headers ({header})"
        if NOT_IN_PUBLIC.match(header) or OS_HEADER.match(header) or target in LAYERS:
            return f"a public header shows neither Boost, logger, JSON nor the operating system ({header})"
    if name.startswith(PUBLIC_USERS) and (target in LAYERS or "cpp/src" in header):
        return f"uses the public interface only, not {header}"
    return None


def check_source(name: str, lines: list[str]) -> list[Offence]:
    found: list[Offence] = []
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if include:
            broken = check_include(name, include[2] or include[3], include[3] is not None)
            if broken:
                found.append((name, number, broken))
        condition = CONDITION.match(line)
        if condition and PLATFORM.search(condition[2]) and not name.startswith("cpp/src/os/"):
            found.append((name, number, "platform conditions live in src/os only"))
    return found


def check_csharp(name: str, lines: list[str]) -> list[Offence]:
    if name.startswith(NATIVE_CALLS_MAY_STAND_IN):
        return []
    return [(name, number, f"calls of the C library live in {NATIVE_CALLS_MAY_STAND_IN[0]} only")
            for number, line in enumerate(lines, 1) if NATIVE_CALL.search(line.split("//")[0])]


def check_head(name: str, lines: list[str]) -> list[Offence]:
    marks = HEAD_COMMENT.get(Path(name).suffix)
    if marks is None or (Path(name).suffix == ".txt" and Path(name).name != "CMakeLists.txt"):
        return []
    rest = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#!")]
    if not rest:
        return [(name, 1, "is empty")]
    if not rest[0][1].lstrip().startswith(marks):
        return [(name, rest[0][0], "does not begin with a comment that says what it owns")]
    return []


def check_version(name: str, lines: list[str], version: str) -> list[Offence]:
    if name in VERSION_MAY_STAND_IN:
        return []
    pattern = re.compile(rf"(?<![\d.]){re.escape(version)}(?!\.?\d)")
    return [(name, number, "the version number stands only in VERSION") for number, line in enumerate(lines, 1) if pattern.search(line)]


def main() -> int:
    version = (ROOT / "VERSION").read_text().strip()
    names = files_of_the_house()
    found: list[Offence] = []
    checked = 0
    for name in names:
        try:
            lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # golden segments and pictures
        checked += 1
        found += check_head(name, lines) + check_version(name, lines, version)
        if Path(name).suffix in {".cpp", ".hpp", ".h", ".c"}:
            found += check_source(name, lines)
        elif Path(name).suffix == ".cs":
            found += check_csharp(name, lines)
    for name, number, rule in found:
        print(f"{name}:{number}: {rule}")
    print(f"check_house: {checked} files, {len(found)} offences")
    return 1 if found or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
