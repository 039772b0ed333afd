"""The Python package builds without an index from what Debian has: `pip install .`, a wheel, an sdist that installs.

Works on a copy of the sources, so that the checkout stays clean. Knows how users install, not what the package does.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = (ROOT / "VERSION").read_text().strip()
# Sends one frame to itself with the installed package, away from the checkout.
SCRIPT = """
import os, uuid, zerobuffer
name = f"packaging-{os.getpid()}-{uuid.uuid4().hex[:8]}"
with zerobuffer.Reader(name, payload_size=4096) as reader, zerobuffer.Writer.open(name, timeout=5) as writer:
    writer.write(b"hello", timeout=5)
    with reader.read(timeout=5) as frame:
        print(bytes(frame).decode(), zerobuffer.__version__, zerobuffer.__file__)
"""


# The same sources are built in several temporary folders: let ccache, where there is one, see that they are the same.
ENVIRONMENT = {**os.environ, "CCACHE_BASEDIR": tempfile.gettempdir()}


def run(command: Sequence[object], cwd: Path, env: dict[str, str] | None = None, check: bool = True) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=env or ENVIRONMENT, text=True, timeout=900, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert (done.returncode == 0) == check, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture
def fresh_python(tmp_path: Path) -> Path:
    run(["/usr/bin/python3", "-m", "venv", "--system-site-packages", tmp_path / "venv"], tmp_path)
    return tmp_path / "venv/bin/python"


def install(python: Path, what: Path, cwd: Path) -> None:
    run([python, "-m", "pip", "install", "--no-index", "--no-build-isolation", what], cwd)


def assert_works(python: Path, cwd: Path) -> None:
    answer = run([python, "-c", SCRIPT], cwd).split()
    assert answer[:2] == ["hello", VERSION]
    assert Path(answer[2]).is_relative_to(python.parents[1]), "the package that was just installed answers"


def build(sources: Path, what: str, into: Path) -> Path:
    run([sys.executable, "-c", f"import sys, setuptools.build_meta as backend; backend.build_{what}(sys.argv[1])", into], sources)
    (made,) = into.iterdir()
    return made


def test_pip_install_works_from_the_sources(sources: Path, fresh_python: Path, tmp_path: Path) -> None:
    install(fresh_python, sources, tmp_path)
    assert_works(fresh_python, tmp_path)


def test_the_sdist_carries_all_that_it_needs_to_install(sources: Path, fresh_python: Path, tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    sdist = build(sources, "sdist", tmp_path / "dist")
    assert sdist.name == f"zerobuffer-{VERSION}.tar.gz"
    names = tarfile.open(sdist).getnames()
    assert not [name for name in names if "csharp" in name or "/relay/" in name], "the Python package needs neither C# nor the relay"
    install(fresh_python, sdist, tmp_path)
    assert_works(fresh_python, tmp_path)


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(sources, "wheel", tmp_path_factory.mktemp("dist"))


def test_the_wheel_holds_the_module_its_types_and_the_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "zerobuffer/py.typed" in names
    assert "zerobuffer/_core.pyi" in names
    assert [name for name in names if name.startswith("zerobuffer/_core.") and name.endswith(".so")]
    assert f"zerobuffer-{VERSION}.dist-info/LICENSE" in names
    assert not [name for name in names if not name.startswith(("zerobuffer/", "zerobuffer-"))]


def test_the_wheel_installs_into_a_fresh_environment(wheel: Path, fresh_python: Path, tmp_path: Path) -> None:
    install(fresh_python, wheel, tmp_path)
    assert_works(fresh_python, tmp_path)


def test_the_module_shows_the_linker_nothing_of_the_core(wheel: Path, tmp_path: Path) -> None:
    (module,) = (name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".so"))
    zipfile.ZipFile(wheel).extract(module, tmp_path)
    symbols = run(["nm", "--dynamic", "--defined-only", "--demangle", tmp_path / module], tmp_path)
    assert "PyInit__core" in symbols
    assert "zerobuffer::" not in symbols


def test_a_missing_cmake_is_named_with_its_package(sources: Path, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    env = {**os.environ, "PATH": str(empty)}
    answer = run([sys.executable, "setup.py", "build_ext", "--build-temp", tmp_path / "temp", "--build-lib", tmp_path / "lib"], sources, env,
                 check=False)
    assert "apt-get install cmake" in answer
