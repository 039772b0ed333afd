"""The report page holds all that a result holds, needs nothing else, and docs/performance.md is what its result gives."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import invented
import pytest

ROOT = Path(__file__).resolve().parents[2]
PERFORMANCE = ROOT / "docs/performance.md"
REFERENCE = ROOT / "benchmarks/results/reference.jsonl"


def report(*arguments):
    return subprocess.run([sys.executable, str(ROOT / "benchmarks/report.py"), *map(str, arguments)], capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    path = tmp_path_factory.mktemp("result") / "result.jsonl"
    path.write_text(invented.text())
    return path


@pytest.fixture(scope="module")
def page(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "new" / "folder"
    done = report(result, "--out", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(folder / "index.html") and [file.name for file in folder.iterdir()] == ["index.html"]
    return (folder / "index.html").read_text(encoding="utf-8")


def charts(page):
    return [ElementTree.fromstring(text) for text in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def test_the_page_needs_nothing_but_itself(page):
    for wanted in ("<script", "http:", "https:", "url(", "@import", "src=", "<link"):
        assert wanted not in page


def test_light_and_dark_follow_the_system(page):
    assert "prefers-color-scheme: dark" in page and "color-scheme: light dark" in page


def test_every_row_and_every_ratio_stands_in_a_table(page):
    for line in invented.lines():
        for name in [line["workload"]] if "workload" in line else line.get("ratios", {}):
            assert f'<th scope="row">{name}' in page, name


def test_the_machine_the_command_and_the_date_are_named(page):
    for word in ("An invented processor", "L3 32 MiB", "benchmarks/run.py", "2026-11-21 21:00 UTC", "0123abc", "1.30 %"):
        assert word in page


@pytest.mark.parametrize(
    "title",
    ["Round trip, 64 B, polling", "Round trip, 64 B, sleeping", "Round trip, 64 B, both on one CPU", "Round trip, 64 B from Python",
     "Messages one way", "Frames, read in place", "Frames, copied out",
     "Many readers: 6.2 MB", "Calls: 64 B", "Video: latency", "Video: CPU time", "Single costs", "Frames, against other systems"],
)
def test_every_kind_of_chart_is_drawn(title, page):
    assert f"<h3>{title}</h3>" in page


def test_nothing_is_drawn_outside_of_its_chart(page):
    drawn = charts(page)
    assert drawn
    for chart in drawn:
        width, height = map(float, chart.get("viewBox").split()[2:])
        for element in chart.iter():
            for key, most in (("x", width), ("cx", width), ("y", height), ("cy", height)):
                if element.get(key) is not None:
                    assert 0 <= float(element.get(key)) <= most, (chart.get("aria-label"), ElementTree.tostring(element))
            if element.tag == "text":
                x, style, width_of_text = float(element.get("x")), element.get("class"), 6.2 * len(element.text or "")
                left = x - width_of_text if "end" in style or style == "value" else x - width_of_text / 2 if "middle" in style else x
                assert left >= 0 and left + width_of_text <= width, (chart.get("aria-label"), element.text)
            for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", element.get("d", "")):
                assert 0 <= float(x) <= width and 0 <= float(y) <= height, chart.get("aria-label")


def test_labels_of_lines_do_not_cover_each_other(page):
    for chart in charts(page):
        places = sorted(float(element.get("y")) for element in chart.iter() if element.get("class") == "name")
        assert all(below - above > 9 for above, below in zip(places, places[1:])), chart.get("aria-label")


def test_a_system_has_one_colour_on_the_whole_page(page):
    colours = {}
    for chart in charts(page):
        for group in chart.iter("g"):
            for text in group.iter("text"):
                if text.get("class") == "name" and text.text in ("iceoryx", "ZeroMQ", "nng", "pipe", "ZeroBuffer"):
                    colours.setdefault(text.text, set()).add(group.get("class").split()[0])
    assert set(colours) == {"iceoryx", "ZeroMQ", "nng", "pipe", "ZeroBuffer"}
    assert all(len(used) == 1 for used in colours.values()) and len(set(map(str, colours.values()))) == len(colours)


def test_a_missed_target_is_marked_and_one_that_is_reached_is_not(page):
    marked = set(re.findall(r'<g class="missed"><title>([a-z0-9_]+):', page))
    missed = {name for name, reached in invented.lines()[-1]["reached"].items() if reached is False}
    assert marked == missed != set()


def test_a_run_that_is_short_or_incomplete_is_marked_so(tmp_path):
    first, *rows, closing = invented.lines()
    first["run"]["failed"] = ["peers"]
    path = tmp_path / "result.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in (first, *rows, {**closing, "short": True})))
    assert report(path, "--out", tmp_path).returncode == 0
    text = (tmp_path / "index.html").read_text()
    assert "A short run" in text and "peers failed" in text and "create_huge" in text


def test_one_row_is_enough_for_a_page(tmp_path):
    path = tmp_path / "result.jsonl"
    path.write_text(json.dumps(next(line for line in invented.lines() if line.get("workload") == "rtt64")) + "\n")
    done = report(path, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "<h3>Round trip, 64 B</h3>" in (tmp_path / "index.html").read_text()


def test_only_generated_parts_of_a_page_are_renewed(result, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Before.\n<!-- generated: calls -->\nold\n<!-- end -->\nAfter.\n")
    assert report(result, "--performance", page).returncode == 0
    text = page.read_text()
    assert text.startswith("Before.\n<!-- generated: calls -->\n") and text.endswith("<!-- end -->\nAfter.\n")
    assert "old" not in text and "| call64 | zerobuffer |" in text
    assert report(result, "--performance", page, "--check").returncode == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [("<!-- generated: nonsense -->\n<!-- end -->\n", "nothing is generated as nonsense"), ("<!-- generated: calls -->\n", "has no end")],
)
def test_a_page_with_wrong_markers_is_refused(text, reason, result, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(text)
    done = report(result, "--performance", page)
    assert done.returncode == 1 and reason in done.stderr and page.read_text() == text


def test_a_page_that_does_not_fit_its_result_is_found(result, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- generated: calls -->\nsomething else\n<!-- end -->\n")
    done = report(result, "--performance", page, "--check")
    assert done.returncode == 1 and "is not what" in done.stderr and "something else" in page.read_text()


def test_the_small_copy_gives_the_same_tables(result, tmp_path):
    small = tmp_path / "small.jsonl"
    page = tmp_path / "page.md"
    names = ("machine", "ratios", "round-trips", "frames", "video", "costs")
    page.write_text("".join(f"<!-- generated: {name} -->\n<!-- end -->\n" for name in names))
    assert report(result, "--performance", page).returncode == 0
    assert report(result, "--small", small).returncode == 0
    assert report(small, "--performance", page, "--check").returncode == 0
    assert small.stat().st_size < result.stat().st_size / 2


def test_the_performance_page_is_what_its_result_gives():
    done = report(REFERENCE, "--performance", PERFORMANCE, "--check")
    assert done.returncode == 0, done.stderr


def test_the_reference_is_small_and_complete():
    first, *lines = [json.loads(line) for line in REFERENCE.read_text(encoding="utf-8").splitlines()]
    assert REFERENCE.stat().st_size < 400_000
    assert first["run"]["failed"] == [] and not first["run"].get("short") and first["run"]["machine"]["processor"]
    assert {"rtt64", "stream64", "frame6m_read"} <= {line.get("workload") for line in lines}
