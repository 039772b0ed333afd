"""The command matrix.py and its page: what they say of cells that fail, and that nothing is left. Uses the Python program only."""

import os
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import List, Optional, Tuple

import pytest

from cells.bench import LIMIT, SHM
from cells.catalogue import GROUPS, all_cells
from cells.programs import ROOT
from cells.runner import Outcome
from page import render

COMMAND = ["env", "--default-signal=INT", sys.executable, str(Path(__file__).parent / "matrix.py")]
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed where it must be, and every link leads somewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: List[str] = []
        self.anchors: List[str] = []
        self.ids: List[str] = []
        self.used: List[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []
        assert {anchor for anchor in self.anchors if not anchor.startswith("#")} == set(), "a page that needs another file"
        assert {anchor[1:] for anchor in self.anchors} <= set(self.ids)
        assert len(set(self.ids)) == len(self.ids)

    def handle_starttag(self, tag: str, attributes: List[Tuple[str, Optional[str]]]) -> None:
        self.used.append(tag)
        for name, value in attributes:
            if name in ("href", "src"):
                self.anchors.append(value or "")
            elif name == "id":
                self.ids.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.text += data


def matrix(page: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*COMMAND, "--output", str(page), *arguments], capture_output=True, text=True, timeout=2 * LIMIT,
                          env=os.environ | environment)  # fmt: skip


def test_a_cell_that_passes_is_in_the_table_and_on_the_page(tmp_path: Path) -> None:
    done = matrix(tmp_path / "page.html", "--only", "stream-python-python", "--only", "no_space-python")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed, 0 failed" in done.stdout and done.stdout.count("✓") == 2
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert page.text.count("✓") == 2 and "✗" not in page.text and "2,000 frames of noise" in page.text


def test_a_program_that_is_missing_fails_its_cells(tmp_path: Path) -> None:
    done = matrix(tmp_path / "page.html", "--only", "stream-*-python", ZEROBUFFER_RELAY_CPP="/no/such/program")
    assert done.returncode == 1
    assert "stream-cpp-python: the C++ program is missing: /no/such/program" in done.stderr
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "stream-cpp-python" in page.ids and "details" in page.used


@pytest.mark.parametrize(
    ("lie", "scenario", "noticed"),
    [
        ("arguments += ['--seed', '4'] if arguments[0] == 'write' else []", "stream", "ended with"),
        ("arguments = [word for word in arguments if word != '--tag=sequence']", "types_and_tags", "ended with"),
        ("arguments += ['--tag', '7'] if arguments[0] == 'write' else []", "metadata", "frame 1 of the writer (C++)"),
        ("arguments += ['--metadata', 'x'] if arguments[0] == 'write' and '--input' in arguments else []", "metadata_only", "ended with"),
        ("code = 0", "other_than_expected", "ended with 0, not 13"),
        ("out = out.replace(b'\"lost\": 0', b'\"lost\": 1')", "stream", "lost frames"),
        ("out = out.replace(b'\"last_sequence\": 100', b'\"last_sequence\": 99')", "stream_plain", "last_sequence"),
        ("arguments += ['--transform', 'none'] if arguments[0] == 'serve' else []", "call_sizes", "has byte 0 as"),
        ("arguments = ['201' if word == '200' and 'serve' in arguments else word for word in arguments]", "refused", "errors are counted"),
        ("out = out.replace(b'\"same_address\": 60', b'\"same_address\": 59')", "same_address", "at the address"),
        ("out = out.replace(b'\"copied_bytes\": 0', b'\"copied_bytes\": 1')", "same_address", "copied"),
    ],
)
def test_a_program_that_does_something_else_fails_its_cells(lie: str, scenario: str, noticed: str, tmp_path: Path) -> None:
    """The Python program in the place of the C++ one, with one change; it also calls itself C++ where the lie is elsewhere."""
    before, after = ("", lie) if lie.startswith(("code", "out")) else (lie, "")
    program = tmp_path / "liar"
    program.write_text(
        f"#!{sys.executable}\nimport subprocess, sys\narguments = sys.argv[1:]\n{before}\n"
        f"done = subprocess.run([sys.executable, {str(ROOT / 'relay/python/main.py')!r}, *arguments], stdout=subprocess.PIPE)\n"
        f"out, code = done.stdout.replace(b'\"language\": \"python\"', b'\"language\": \"cpp\"'), done.returncode\n{after}\n"
        "sys.stdout.buffer.write(out)\nsys.exit(code)\n"
    )
    program.chmod(0o755)
    done = matrix(tmp_path / "page.html", "--only", f"{scenario}-cpp-cpp", ZEROBUFFER_RELAY_CPP=str(program))
    assert done.returncode == 1, done.stdout
    assert noticed in done.stderr, done.stderr


def test_what_a_failure_says_is_shown_as_text() -> None:
    cells = all_cells()[:3]
    outcomes = [Outcome(cells[0], 0.1, "", ""), Outcome(cells[1], 0.2, "<b>bad</b> & worse", "$ it </pre></details>")]
    text = render(GROUPS, outcomes, 1.0)
    page = Page(text)
    assert "<b>bad</b> & worse" in page.text and "$ it </pre></details>" in page.text
    assert page.ids.count(str(cells[1])) == 1 and str(cells[0]) not in page.ids
    assert "prefers-color-scheme: dark" in text and "http" not in text


def test_a_run_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    running = subprocess.Popen([*COMMAND, "--output", str(tmp_path / "page.html"), "--only", "stopped-python-python"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    prefix = f"zb-interop-{running.pid}-"
    deadline = time.monotonic() + LIMIT
    while not list(SHM.glob(f"{prefix}*")):
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    assert running.wait(LIMIT) == 130
    assert list(SHM.glob(f"{prefix}*")) == []
    commands = [entry.read_bytes() for entry in Path("/proc").glob("[0-9]*/cmdline") if entry.parent.exists()]
    assert not any(prefix.encode() in command for command in commands)


def test_a_pattern_that_fits_nothing_is_a_mistake(tmp_path: Path) -> None:
    done = matrix(tmp_path / "page.html", "--only", "no_such_scenario")
    assert (done.returncode, "no cell fits" in done.stderr) == (2, True)


def test_the_list_names_every_cell_and_the_short_one_fewer(tmp_path: Path) -> None:
    full = matrix(tmp_path / "page.html", "--list").stdout.splitlines()
    short = matrix(tmp_path / "page.html", "--list", "--short").stdout.splitlines()
    assert [line.split()[0] for line in full] == [str(cell) for cell in all_cells()]
    assert 50 < len(short) < len(full) / 2
    assert not (tmp_path / "page.html").exists()
