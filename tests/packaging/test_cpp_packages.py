"""The libraries for C++ and for C reach a user's project in each promised way: find_package, pkg-config, add_subdirectory.

Every way builds tests/packaging/consumer (C++) or consumer_c (C) from nothing and runs it. Knows how users build, not what
the library does.
"""

import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONSUMERS = {"c++": ROOT / "tests/packaging/consumer", "c": ROOT / "tests/packaging/consumer_c"}
VERSION = (ROOT / "VERSION").read_text().strip()
# Compiled as the installed library was, so that ccache, where there is one, need not do it again.
SPEED = ["-DCMAKE_BUILD_TYPE=Release", *(["-DCMAKE_CXX_COMPILER_SPEED=ccache"] if shutil.which("ccache") else [])]


def run(command: Sequence[object], env: Mapping[str, str] | None = None, check: bool = True) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run([str(part) for part in command], env={**os.environ, **(env or {})}, text=True, timeout=600,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert not check or done.returncode == 0, done.stdout
    return done


def build_consumer(language: str, folder: Path, *arguments: object, env: Mapping[str, str] | None = None) -> Path:
    run(["cmake", "-S", CONSUMERS[language], "-B", folder, "-G", "Ninja", *arguments], env)
    run(["cmake", "--build", folder, "--parallel", "2"], env)
    return folder / "consumer"


def assert_works(program: Path, env: Mapping[str, str] | None = None) -> None:
    name = f"packaging-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    assert run([program, name], env).stdout == f"hello {VERSION}\n"


def needed(program: Path) -> list[str]:
    """The shared libraries that a program or library asks for."""
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run(["readelf", "-d", program]).stdout)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    run(["cmake", "-S", ROOT, "-B", folder / "build", "-G", "Ninja", "-DZEROBUFFER_BUILD_TESTS=OFF", "-DZEROBUFFER_BUILD_CLI=OFF"])
    run(["cmake", "--build", folder / "build", "--parallel", "2"])
    run(["cmake", "--install", folder / "build", "--prefix", folder / "prefix"])    # chosen last, as the README does
    return folder / "prefix"


@pytest.mark.parametrize("language", CONSUMERS)
def test_find_package_finds_the_installed_library(installed: Path, tmp_path: Path, language: str) -> None:
    program = build_consumer(language, tmp_path, *SPEED, f"-DCMAKE_PREFIX_PATH={installed}", f"-DZEROBUFFER_WANTED={VERSION}")
    assert_works(program)


@pytest.mark.parametrize("language", CONSUMERS)
def test_find_package_refuses_another_major_version(installed: Path, tmp_path: Path, language: str) -> None:
    other = f"{int(VERSION.split('.')[0]) + 1}.0"
    done = run(["cmake", "-S", CONSUMERS[language], "-B", tmp_path, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={installed}",
                f"-DZEROBUFFER_WANTED={other}"], check=False)
    assert done.returncode != 0 and f"version: {VERSION}" in done.stdout, done.stdout


def test_the_core_makes_nothing_under_a_lock_at_its_first_use(installed: Path) -> None:
    """The compiler's guard of a function's static: a child forked meanwhile would wait at it for ever."""
    (archive,) = installed.glob("lib*/**/libzerobuffer*.a")
    symbols = run(["nm", "-C", archive]).stdout
    assert "zerobuffer::os::fork_generation()" in symbols
    assert [line for line in symbols.splitlines() if "guard variable for zerobuffer::" in line] == []


def test_a_program_in_c_needs_neither_a_cpp_compiler_nor_a_cpp_runtime(installed: Path, tmp_path: Path) -> None:
    env = {"CXX": "/nowhere/c++"}
    program = build_consumer("c", tmp_path, f"-DCMAKE_PREFIX_PATH={installed}", env=env)
    assert_works(program)
    cache = (tmp_path / "CMakeCache.txt").read_text()
    assert "CMAKE_C_COMPILER:" in cache and "CMAKE_CXX_COMPILER:" not in cache
    assert needed(program) == [f"libzerobuffer.so.{VERSION.split('.')[0]}", "libc.so.6"]


def pkg_config(installed: Path, package: str, *what: str) -> list[str]:
    found = list(installed.glob(f"lib*/**/{package}.pc"))
    assert len(found) == 1, found
    return run(["pkg-config", *what, package], {"PKG_CONFIG_PATH": str(found[0].parent)}).stdout.split()


def test_pkg_config_tells_all_that_a_cpp_compiler_needs(installed: Path, tmp_path: Path) -> None:
    assert pkg_config(installed, "zerobuffer-cpp", "--modversion") == [VERSION]
    flags = pkg_config(installed, "zerobuffer-cpp", "--cflags", "--libs")
    run(["c++", "-std=c++20", CONSUMERS["c++"] / "main.cpp", "-o", tmp_path / "consumer", *flags])
    assert_works(tmp_path / "consumer")


def test_pkg_config_tells_all_that_a_c_compiler_needs(installed: Path, tmp_path: Path) -> None:
    assert pkg_config(installed, "zerobuffer", "--modversion") == [VERSION]
    flags = pkg_config(installed, "zerobuffer", "--cflags", "--libs")
    run(["cc", "-std=c11", CONSUMERS["c"] / "main.c", "-o", tmp_path / "consumer", *flags])
    folder = pkg_config(installed, "zerobuffer", "--variable=libdir")[0]
    assert_works(tmp_path / "consumer", {"LD_LIBRARY_PATH": folder})


@pytest.mark.parametrize("shared", ["OFF", "ON"])
@pytest.mark.parametrize("language", CONSUMERS)
def test_add_subdirectory_builds_the_library_within_the_users_project(tmp_path: Path, shared: str, language: str) -> None:
    program = build_consumer(language, tmp_path, *SPEED, f"-DZEROBUFFER_SOURCE={ROOT}", f"-DBUILD_SHARED_LIBS={shared}")
    assert_works(program)
    assert not list(tmp_path.glob("**/zerobuffer_tests*")), "a user's project builds no tests of ours"
    # C++ has no stable binary interface: its library is static whatever the user says, that for C is shared
    assert list(tmp_path.glob("**/libzerobuffer_cpp.a")) and not list(tmp_path.glob("**/libzerobuffer_cpp.so*"))
    assert bool(list(tmp_path.glob("**/libzerobuffer.so"))) == (language == "c")


def test_installed_headers_need_nothing_but_the_standard_library(installed: Path, tmp_path: Path) -> None:
    for header in sorted((installed / "include/zerobuffer").glob("*.hpp")):
        source = tmp_path / f"{header.stem}.cpp"
        source.write_text(f"#include <zerobuffer/{header.name}>\nint main() {{}}\n")
        run(["c++", "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", f"-I{installed / 'include'}", source])
        used = run(["c++", "-std=c++20", "-M", f"-I{installed / 'include'}", source]).stdout
        assert "/boost/" not in used and "nlohmann" not in used, header.name


@pytest.mark.parametrize(
    ("arguments", "env", "package"),
    [
        (["-DCMAKE_DISABLE_FIND_PACKAGE_Boost=ON"], {}, "libboost-dev"),
        ([], {"CXX": "no-such-c++"}, "g++"),
        ([], {"CXX": "no-such-clang++"}, "clang"),
        (["-DZEROBUFFER_BUILD_TESTS=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_GTest=ON"], {}, "libgtest-dev"),
        (["-DZEROBUFFER_BUILD_CLI=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_CLI11=ON"], {}, "libcli11-dev"),
        (["-DZEROBUFFER_BUILD_PYTHON=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_pybind11=ON"], {}, "pybind11-dev"),
    ],
)
def test_what_is_missing_is_named_with_its_package_first(
    tmp_path: Path, arguments: list[str], env: dict[str, str], package: str
) -> None:
    done = run(["cmake", "-S", ROOT, "-B", tmp_path, "-G", "Ninja", "-DZEROBUFFER_BUILD_TESTS=OFF", "-DZEROBUFFER_BUILD_CLI=OFF", *arguments],
               env, check=False)
    assert done.returncode != 0
    errors = done.stdout[done.stdout.index("CMake Error"):]
    assert f"apt-get install {package}" in " ".join(errors.split("CMake Error")[1].split()), done.stdout
