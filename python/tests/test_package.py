"""What is promised beside behaviour: stubs that say all, types that hold, documented names, examples that run."""

import ast
import inspect
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from peer import LIMIT

import zerobuffer
from zerobuffer import _core

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = Path(zerobuffer.__file__).parent
EXAMPLES = PROJECT / "examples" / "python"
BENCHMARKS = PROJECT / "benchmarks"


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, timeout=4 * LIMIT, check=False, **options
    )


def names_in_stub():
    """Each name of the stub, and those of each of its classes."""
    tree = ast.parse((PACKAGE / "_core.pyi").read_text())
    names, members = set(), {}
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign):
            names.add(node.target.id)
        if isinstance(node, ast.ClassDef):
            members[node.name] = {item.name for item in node.body if isinstance(item, ast.FunctionDef)} | {
                item.target.id for item in node.body if isinstance(item, ast.AnnAssign)
            }
    return names, members


def public(names):
    return {name for name in names if not name.startswith("_")}


def test_the_stub_has_every_name_of_the_compiled_module_and_no_other():
    names, members = names_in_stub()
    assert public(names) == public(vars(_core))
    for name in public(names):
        thing = getattr(_core, name)
        if inspect.isclass(thing) and not issubclass(thing, Exception):
            base = public(members[name])
            assert base == public(vars(thing)), name


def test_every_public_name_is_listed_and_documented():
    assert sorted(zerobuffer.__all__) == zerobuffer.__all__ or len(set(zerobuffer.__all__)) == len(zerobuffer.__all__)
    for name in zerobuffer.__all__:
        thing = getattr(zerobuffer, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert thing.__doc__, name
            for member, value in vars(thing).items():
                if not member.startswith("_") and (callable(value) or isinstance(value, property)):
                    assert inspect.getdoc(getattr(thing, member)), f"{name}.{member}"


def test_every_failure_has_an_error_of_its_own_below_the_common_base():
    from zerobuffer import errors

    classes = [getattr(errors, name) for name in errors.__all__]
    assert all(issubclass(each, zerobuffer.ZeroBufferError) and each.__name__.endswith("Error") for each in classes)
    assert set(errors.__all__) == {
        name for name, value in vars(_core).items() if inspect.isclass(value) and issubclass(value, Exception)
    }
    assert set(errors.__all__) <= set(zerobuffer.__all__)
    header = (PROJECT / "cpp/include/zerobuffer/status.hpp").read_text()
    enumeration = header[header.index("enum class Status") : header.index("};")]
    statuses = set(re.findall(r"^  (\w+),", enumeration, re.MULTILINE)) - {"ok", "would_block"}
    assert {each.status for each in classes} - {""} == statuses


def test_the_version_is_the_projects():
    assert zerobuffer.__version__ == (PROJECT / "VERSION").read_text().strip()
    assert (PACKAGE / "py.typed").exists()


def test_types_hold_in_package_examples_and_benchmarks(tmp_path):
    result = run(
        *("-m", "mypy", "--strict", "--cache-dir", tmp_path, PROJECT / "python/zerobuffer"),
        *sorted(EXAMPLES.glob("*.py")),
        *sorted(BENCHMARKS.glob("*.py")),
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_wrong_uses_are_found_by_the_type_checker(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import zerobuffer\n"
        "reader = zerobuffer.Reader('a', payload_size='large')\n"
        "reader.read().release()\n"
        "with zerobuffer.Writer.open('a', wait='never') as writer:\n"
        "    writer.write('text')\n"
        "    writer.claim(5, 1.0)\n"
    )
    result = run("-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", wrong, PROJECT / "python/zerobuffer")
    assert sorted(int(line) for line in re.findall(r"wrong\.py:(\d+): error", result.stdout)) == [2, 3, 4, 5, 6]


# They need another program: one of these, or (tensor_client.py) a C# one, with which tests/examples runs it.
IN_PAIRS = {"reader.py", "writer.py", "invert_server.py", "invert_client.py", "tensor_client.py"}


@pytest.mark.parametrize("example", sorted({path.name for path in EXAMPLES.glob("*.py")} - IN_PAIRS))
def test_every_example_runs(example):
    result = run(EXAMPLES / example)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout


def test_the_two_examples_that_belong_together_run_together(name):
    with subprocess.Popen(
        [sys.executable, EXAMPLES / "reader.py", name], stdout=subprocess.PIPE, text=True
    ) as reader:
        try:
            result = run(EXAMPLES / "writer.py", name)
            assert (result.returncode, result.stderr) == (0, "")
            said, _ = reader.communicate(timeout=LIMIT)
        finally:
            reader.kill()
    assert reader.returncode == 0
    assert "frame 10: shape (1080, 1920, 3), uint8, mean 90.0" in said


def test_the_invert_client_is_served_by_the_invert_server_in_place(name):
    """Scenario 6.9"""
    with subprocess.Popen(
        [sys.executable, EXAMPLES / "invert_server.py", name], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout.readline() == "serving\n"
            result = run(EXAMPLES / "invert_client.py", name)
            server.send_signal(signal.SIGINT)
            said, _ = server.communicate(timeout=LIMIT)
        finally:
            server.kill()
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        *(f"picture {number}: pixels of {255 - 10 * number}, in place" for number in range(10)),
        "remote_error: no handler for requests of type 200",
    ]
    assert (server.returncode, said) == (0, "11 requests, 1 errors, 0 bytes copied\n")


def test_the_code_of_the_documentation_runs(name):
    text = (PROJECT / "docs/python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    namespace = {"NAME": name}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), namespace)


def test_the_documented_metadata_and_prefix_are_those_that_are_written():
    text = (PROJECT / "docs/arrays.md").read_text()
    array, video = re.findall(r"^    (\{.*\})$", text, re.MULTILINE)
    assert zerobuffer.parse_metadata(array.encode()).to_metadata() == array.encode()
    assert zerobuffer.parse_metadata(video.encode()).to_metadata() == video.encode()
    assert all(f"`{pixel_format}`" in text for pixel_format in zerobuffer.PIXEL_FORMATS)
