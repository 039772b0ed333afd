"""The README is run: its programs are taken out of it and started as a newcomer would, in every pairing of languages."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ZEROBUFFER_BIN_DIR", ROOT / "build/release/bin")).parent
TIMEOUT = 120
FRAMES = 10


def blocks(language):
    """The programs of one language, by the file name in their first line."""
    text = (ROOT / "README.md").read_text()
    found = {}
    for block in re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        name = re.match(r"(?:#|//) (\S+)\n", block)
        assert name, f"a {language} block of the README does not say in its first line which file it is"
        found[name.group(1)] = block
    return found


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Command of each program. They all use one name, which is replaced by one that nobody else has."""
    folder = tmp_path_factory.mktemp("readme")
    name = f"readme-{os.getpid()}-{os.urandom(4).hex()}"
    commands = {}
    for file, source in {**blocks("python"), **blocks("cpp")}.items():
        assert '"cam0"' in source
        path = folder / file
        path.write_text(source.replace('"cam0"', f'"{name}"'))
        if file.endswith(".cpp"):
            program = path.with_suffix("")
            library = BUILD / "cpp" / "libzerobuffer.a"
            assert library.is_file(), f"{library} is not built"
            command = ["g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-I", str(ROOT / "cpp/include")]
            subprocess.run([*command, str(path), str(library), "-pthread", "-lrt", "-o", str(program)], check=True)
            commands[file] = [str(program)]
        else:
            commands[file] = [sys.executable, str(path)]
    assert set(commands) == {"reader.py", "writer.py", "reader.cpp", "writer.cpp"}
    return name, commands


@pytest.mark.parametrize("reader", ["reader.py", "reader.cpp"])
@pytest.mark.parametrize("writer", ["writer.py", "writer.cpp"])
def test_each_writer_of_the_readme_reaches_each_reader(programs, writer, reader):
    name, commands = programs
    received = subprocess.Popen(commands[reader], stdout=subprocess.PIPE, text=True)
    try:
        subprocess.run(commands[writer], check=True, timeout=TIMEOUT)
        output, _ = received.communicate(timeout=TIMEOUT)
    finally:
        received.kill()
        received.wait()
    assert received.returncode == 0
    lines = output.splitlines()
    assert len(lines) == (FRAMES + 1 if writer == "writer.py" else FRAMES)
    assert [int(line.split()[0]) for line in lines] == list(range(1, len(lines) + 1))
    if writer == "writer.py" and reader == "reader.py":
        assert lines[3] == "4 (1080, 1920, 3) uint8 3.0"
        assert lines[10] == "11 (480, 640) float32 1.0"
    else:
        assert str(1080 * 1920 * 3) in lines[3]
    assert not Path("/dev/shm", name).exists()


def test_the_programs_of_the_readme_are_about_ten_lines_long():
    for file, source in {**blocks("python"), **blocks("cpp")}.items():
        assert len(source.splitlines()) <= 13, file


def test_every_file_that_the_readme_points_to_exists():
    text = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert (ROOT / target).exists(), target
    for target in re.findall(r"^\./(\S+)", text, re.MULTILINE):
        assert os.access(ROOT / target, os.X_OK), target


def test_the_table_names_every_command_of_the_program():
    program = BUILD / "bin" / "zerobuffer"
    shown = subprocess.run([str(program), "--help"], capture_output=True, text=True, check=True, timeout=TIMEOUT).stdout
    named = set(re.findall(r"^\| `zerobuffer (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert named == set(re.findall(r"^  (write|read|list|dump|clean|bench)\b", shown, re.MULTILINE))
    assert len(named) == 6
