"""Every C# block of docs/csharp.md and of the package's own page compiles, without a warning, and runs.

The blocks become one program, each in a function of its own with a buffer name of its own; `Check` throws where a block's
claim does not hold. Knows the form of the pages, not what they say.
"""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs/csharp.md", ROOT / "csharp/ZeroBuffer/README.md"]
LIBRARY = os.environ.get("ZEROBUFFER_LIBRARY", str(ROOT / "build/release/lib/libzerobuffer.so.2"))
PROJECT = f"""<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <Nullable>enable</Nullable>
    <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
    <NuGetAudit>false</NuGetAudit>
  </PropertyGroup>
  <ItemGroup><ProjectReference Include="{ROOT}/csharp/ZeroBuffer/ZeroBuffer.csproj" /></ItemGroup>
</Project>
"""


def blocks_of(page: Path) -> list[str]:
    return re.findall(r"^```csharp\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def program_of(blocks: list[str]) -> str:
    """The using directives of all blocks, then a function for each."""
    usings = sorted({line for block in blocks for line in re.findall(r"^using [\w.]+;$", block, re.MULTILINE)})
    functions = []
    for number, block in enumerate(blocks):
        body = re.sub(r"^using [\w.]+;\n", "", block, flags=re.MULTILINE)
        functions.append(f"static async System.Threading.Tasks.Task Block{number}(string name)\n{{\n"
                         f"await System.Threading.Tasks.Task.CompletedTask;\n{body}}}\n")
    calls = "".join(f'await Block{number}($"{{args[0]}}-{number}");\n' for number in range(len(blocks)))
    check = ('static void Check(bool holds, [System.Runtime.CompilerServices.CallerArgumentExpression("holds")] string what = "")\n'
             "{\nif (!holds) throw new System.InvalidOperationException(what);\n}\n")
    return "\n".join(usings) + "\n\n" + calls + 'System.Console.WriteLine("done");\n' + check + "".join(functions)


def run(*command: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "ZEROBUFFER_LIBRARY": LIBRARY, "DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_NOLOGO": "1"}
    return subprocess.run([str(part) for part in command], cwd=cwd, env=env, text=True, timeout=280, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def test_the_code_of_the_pages_compiles_and_runs(tmp_path: Path) -> None:
    blocks = [block for page in PAGES for block in blocks_of(page)]
    assert all(len(blocks_of(page)) >= 2 for page in PAGES)
    (tmp_path / "pages.csproj").write_text(PROJECT)
    (tmp_path / "Program.cs").write_text(program_of(blocks))
    built = run("dotnet", "build", "--artifacts-path", tmp_path / "artifacts", "-nodeReuse:false", "-p:UseSharedCompilation=false",
                "-nologo", "-v:quiet", cwd=tmp_path)
    assert built.returncode == 0, built.stdout
    name = f"docs-{os.getpid()}-{os.urandom(4).hex()}"
    done = run("dotnet", tmp_path / "artifacts/bin/pages/debug/pages.dll", name, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.endswith("done\n"), done.stdout
    assert not list(Path("/dev/shm").glob(f"{name}*"))
