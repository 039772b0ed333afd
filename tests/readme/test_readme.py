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
LANGUAGES = {"python": "py", "cpp": "cpp", "csharp": "cs", "c": "c"}
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-I", str(ROOT / "cpp/include")]
PROJECT = f"""<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings>
  <TreatWarningsAsErrors>true</TreatWarningsAsErrors><EnableDefaultCompileItems>false</EnableDefaultCompileItems></PropertyGroup>
  <ItemGroup><Compile Include="NAME.cs" /><ProjectReference Include="{ROOT}/csharp/ZeroBuffer/ZeroBuffer.csproj" /></ItemGroup>
</Project>
"""


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
    for language, suffix in LANGUAGES.items():
        found = blocks(language)
        calls = set() if language == "c" else {f"server.{suffix}", f"client.{suffix}"}
        assert {file.lower() for file in found} == {f"reader.{suffix}", f"writer.{suffix}"} | calls
        for file, source in found.items():
            (used,) = set(re.findall(r'"(?:cam0|invert0)"', source))
            path = folder / file
            path.write_text(source.replace(used, f'"{name}"'))
            commands[file.lower()] = build(path)
    return name, commands


def build(path):
    """The command that runs a program, which is compiled where its language wants that."""
    program = path.parent / path.name.replace(".", "-")
    if path.suffix == ".cpp":
        library = BUILD / "cpp" / "libzerobuffer_cpp.a"
        run("g++", "-std=c++20", *WARNINGS, path, library, "-pthread", "-lrt", "-o", program)
    elif path.suffix == ".c":
        run("cc", "-std=c11", *WARNINGS, path, "-L", BUILD / "lib", "-lzerobuffer", f"-Wl,-rpath,{BUILD / 'lib'}", "-o", program)
    elif path.suffix == ".cs":
        project = path.with_suffix(".csproj")
        project.write_text(PROJECT.replace("NAME", path.stem))
        run("dotnet", "build", project, "--artifacts-path", program, "--output", program / "bin", "-nodeReuse:false")
        return ["dotnet", str(program / "bin" / f"{path.stem}.dll")]
    else:
        return [sys.executable, str(path)]
    return [str(program)]


def run(*command):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("reader", [f"reader.{suffix}" for suffix in LANGUAGES.values()])
@pytest.mark.parametrize("writer", [f"writer.{suffix}" for suffix in LANGUAGES.values()])
def test_each_writer_of_the_readme_reaches_each_reader(programs, writer, reader):
    name, commands = programs
    env = {**os.environ, "ZEROBUFFER_LIBRARY": str(BUILD / "lib/libzerobuffer.so.2")}
    received = subprocess.Popen(commands[reader], stdout=subprocess.PIPE, text=True, env=env)
    try:
        subprocess.run(commands[writer], check=True, timeout=TIMEOUT, env=env)
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


@pytest.mark.parametrize("server", ["server.cpp", "server.py", "server.cs"])
def test_each_server_of_the_readme_answers_each_client(programs, server):
    name, commands = programs
    env = {**os.environ, "ZEROBUFFER_LIBRARY": str(BUILD / "lib/libzerobuffer.so.2")}
    served = subprocess.Popen(commands[server], env=env)
    try:
        for client in ("client.cpp", "client.py", "client.cs"):
            done = subprocess.run(commands[client], stdout=subprocess.PIPE, text=True, timeout=TIMEOUT, env=env)
            assert (client, done.returncode, done.stdout) == (client, 0, "6220800 155\n")
        assert served.wait(TIMEOUT) == 0
    finally:
        served.kill()
        served.wait()
    assert not Path("/dev/shm", name).exists()


def test_the_programs_of_the_readme_are_about_ten_lines_long():
    for language in LANGUAGES:
        for file, source in blocks(language).items():
            assert len(source.splitlines()) <= 16, file


def test_every_file_that_the_readme_points_to_exists():
    text = (ROOT / "README.md").read_text()
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)", prose):
        assert (ROOT / target).exists(), target
    for target in re.findall(r"^\./(\S+)", text, re.MULTILINE):
        assert os.access(ROOT / target, os.X_OK), target


def test_the_table_names_every_command_of_the_program():
    program = BUILD / "bin" / "zerobuffer"
    shown = subprocess.run([str(program), "--help"], capture_output=True, text=True, check=True, timeout=TIMEOUT).stdout
    named = set(re.findall(r"^\| `zerobuffer (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert named == set(re.findall(r"^  (write|read|list|dump|clean|bench)\b", shown, re.MULTILINE))
    assert len(named) == 6
