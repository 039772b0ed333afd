"""The .NET package: what `dotnet pack` puts into it, and a new program elsewhere that has nothing but it.

Packs with the native library of the build. NuGet keeps every version that it has met, so each installation here has a
package folder of its own. Knows how users install, not what the package does.
"""

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = (ROOT / "VERSION").read_text().strip()
PROJECT = ROOT / "csharp/ZeroBuffer/ZeroBuffer.csproj"
LIBRARY = Path(os.environ.get("ZEROBUFFER_LIBRARY", ROOT / "build/release/lib/libzerobuffer.so"))
DOTNET = shutil.which("dotnet") or "dotnet"
QUIET = ["-nodeReuse:false", "-p:UseSharedCompilation=false", "-nologo", "-v:quiet"]
# What a user's shell has: no library named from outside, and no telemetry.
ENVIRONMENT = {
    **{key: value for key, value in os.environ.items() if key not in {"ZEROBUFFER_LIBRARY", "LD_LIBRARY_PATH"}},
    "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
    "DOTNET_NOLOGO": "1",
}
PROGRAM = """
// Sends itself frames through the package that it was built with, waiting and awaiting.
using System;
using System.Threading.Tasks;
using ZeroBuffer;

string name = $"packaging-{Environment.ProcessId}-{Random.Shared.Next():x8}";
using var reader = Reader.Create(name, new BufferOptions { PayloadSize = 4096 });
Task writing = Task.Run(() =>
{
    using var writer = Writer.Open(name, TimeSpan.FromSeconds(10));
    for (int i = 0; i < 1000; ++i)
    {
        writer.Write(BitConverter.GetBytes(i), tag: (ulong)i);
    }
});
int count = 0;
await foreach (Frame frame in reader)
{
    using (frame)
    {
        if (BitConverter.ToInt32(frame.Span) != count++ || frame.Tag != frame.Sequence - 1)
        {
            throw new InvalidOperationException($"{frame} is not what was sent");
        }
    }
}
await writing;
Console.WriteLine($"{count} frames, {ZeroBufferLibrary.Version}, {typeof(Reader).Assembly.GetName().Version!.ToString(3)}");
"""


def run(command: Sequence[object], cwd: Path, check: bool = True, **variables: str) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, env={**ENVIRONMENT, **variables}, text=True, timeout=280,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (done.returncode == 0) == check, done.stdout
    return done.stdout


def pack(folder: Path, artifacts: Path, *arguments: str, check: bool = True) -> str:
    return run([DOTNET, "pack", PROJECT, "-c", "Release", "-o", folder, "--artifacts-path", artifacts, *QUIET, *arguments], ROOT, check)


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the compiler makes, once for all packings."""
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory, artifacts: Path) -> Path:
    """A folder with the package in it, and nothing else."""
    folder = tmp_path_factory.mktemp("feed")
    pack(folder, artifacts, f"-p:ZeroBufferNativeLibrary={LIBRARY}")
    return folder


@pytest.fixture(scope="module")
def package(feed: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(feed / f"ZeroBuffer.{VERSION}.nupkg")


def test_the_package_holds_both_frameworks_their_documentation_and_the_native_library(package: zipfile.ZipFile) -> None:
    names = set(package.namelist())
    for framework in ("net8.0", "net10.0"):
        assert {f"lib/{framework}/ZeroBuffer.dll", f"lib/{framework}/ZeroBuffer.xml"} <= names
    assert package.read("runtimes/linux-x64/native/libzerobuffer.so") == LIBRARY.resolve().read_bytes()
    kinds = {name.split("/")[0] for name in names}
    assert kinds <= {"lib", "runtimes", "README.md", "ZeroBuffer.nuspec", "[Content_Types].xml", "_rels", "package"}, kinds


def test_the_package_says_what_it_is(package: zipfile.ZipFile) -> None:
    described = ElementTree.fromstring(package.read("ZeroBuffer.nuspec"))
    said = {element.tag.split("}")[1]: (element.text or "").strip() for element in described.iter()}
    assert (said["id"], said["version"], said["license"], said["readme"]) == ("ZeroBuffer", VERSION, "MIT", "README.md")
    assert said["description"] and said["tags"]
    assert "dependency" not in said, "the package needs nothing but .NET"
    assert "```csharp" in package.read("README.md").decode()


def test_the_documentation_says_something_of_every_public_member(package: zipfile.ZipFile) -> None:
    for framework in ("net8.0", "net10.0"):
        members = ElementTree.fromstring(package.read(f"lib/{framework}/ZeroBuffer.xml")).find("members")
        assert members is not None and len(members) > 100
        public = {str(member.get("name")): member for member in members}
        for name in ("M:ZeroBuffer.Reader.Read", "T:ZeroBuffer.Frame", "T:ZeroBuffer.Writer"):
            assert public[name].find("summary") is not None


def test_a_library_for_arm64_has_its_place(artifacts: Path, tmp_path: Path) -> None:
    other = tmp_path / "arm64/libzerobuffer.so"
    other.parent.mkdir()
    other.write_bytes(b"not really one")
    pack(tmp_path / "feed", artifacts, f"-p:ZeroBufferNativeLibrary={LIBRARY}", f"-p:ZeroBufferNativeLibraryArm64={other}")
    package = zipfile.ZipFile(tmp_path / f"feed/ZeroBuffer.{VERSION}.nupkg")
    assert package.read("runtimes/linux-arm64/native/libzerobuffer.so") == b"not really one"
    assert package.read("runtimes/linux-x64/native/libzerobuffer.so") == LIBRARY.resolve().read_bytes()


@pytest.mark.parametrize("arguments", [(), ("-p:ZeroBufferNativeLibrary=/no/such/libzerobuffer.so",)])
def test_packing_without_the_native_library_fails_and_says_how_to_build_it(
    artifacts: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    said = pack(tmp_path / "feed", artifacts, *arguments, check=False)
    assert "build the CMake target zerobuffer_c and give its file with -p:ZeroBufferNativeLibrary=" in said, said
    assert not list(tmp_path.glob("**/*.nupkg"))


class Program:
    """A console project that takes the package from the feed, and nothing from anywhere else."""

    def __init__(self, folder: Path, feed: Path):
        self.folder = folder
        self.packages = folder / "packages"
        self.source = folder / "program"
        self.source.mkdir(parents=True)
        (self.source / "nuget.config").write_text(
            f'<configuration><packageSources><clear /><add key="local" value="{feed}" /></packageSources></configuration>'
        )
        (self.source / "program.csproj").write_text(
            '<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework>'
            "<Nullable>enable</Nullable><TreatWarningsAsErrors>true</TreatWarningsAsErrors></PropertyGroup>"
            f'<ItemGroup><PackageReference Include="ZeroBuffer" Version="{VERSION}" /></ItemGroup></Project>'
        )
        (self.source / "Program.cs").write_text(PROGRAM)

    def dotnet(self, verb: str, *arguments: object) -> str:
        return run([DOTNET, verb, *QUIET, *arguments], self.source, NUGET_PACKAGES=str(self.packages))

    def start(self, folder: Path, **variables: str) -> str:
        return run([folder / "program"], self.folder, **variables)


ANSWER = f"1000 frames, {VERSION}, {VERSION}\n"


@pytest.fixture(scope="module")
def program(feed: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    made = Program(tmp_path_factory.mktemp("consumer"), feed)
    made.dotnet("build", "-c", "Release", "-o", made.folder / "built")
    return made


def test_a_new_program_with_the_package_alone_finds_the_native_library(program: Program) -> None:
    assert program.start(program.folder / "built") == ANSWER
    assert (program.packages / "zerobuffer" / VERSION).is_dir(), "the package that was just made was used"


def test_a_published_program_works_where_it_is_copied_to(program: Program, tmp_path: Path) -> None:
    program.dotnet("publish", "-c", "Release", "-o", program.folder / "published", "--no-self-contained", "-r", "linux-x64")
    shutil.rmtree(program.packages / "zerobuffer")  # a machine that never had it
    try:
        shutil.copytree(program.folder / "published", tmp_path / "elsewhere")
        assert program.start(tmp_path / "elsewhere") == ANSWER
    finally:
        program.dotnet("restore")


def test_a_native_library_that_is_not_there_is_missed_with_advice(program: Program, tmp_path: Path) -> None:
    shutil.copytree(program.folder / "built", tmp_path / "cut")
    shutil.rmtree(tmp_path / "cut/runtimes")
    said = run([tmp_path / "cut/program"], tmp_path, check=False)
    assert re.search(r"libzerobuffer\.so was not found: .*ZEROBUFFER_LIBRARY", said), said
    said = run([tmp_path / "cut/program"], tmp_path, check=False, ZEROBUFFER_LIBRARY="/no/such/file.so")
    assert "ZEROBUFFER_LIBRARY names '/no/such/file.so', and there is no such file" in said
    assert run([tmp_path / "cut/program"], tmp_path, ZEROBUFFER_LIBRARY=str(LIBRARY)) == ANSWER
