"""Two results are compared row by row and ratio by ratio, and what is only noise is called so."""

import json
import subprocess
import sys
from pathlib import Path

import invented

ROOT = Path(__file__).resolve().parents[2]


def row(name, values, unit="ns"):
    values = sorted(values)
    middle = len(values) // 2
    return {"system": "zerobuffer", "workload": name, "family": "rtt", "unit": unit, "repetitions": len(values), "median": values[middle],
            "spread": {"min": values[0], "q1": values[len(values) // 4], "q3": values[(3 * len(values)) // 4], "max": values[-1]}}


def around(value, width):
    return [value + width * step / 5 for step in range(-5, 6)]


def write(path, rows, closing=None, **run):
    lines = [{"run": {"machine": {"processor": "P", "cpus": 2}, **run}}, *rows, closing or {"ratios": {}, "placement": "near"}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def compare(*arguments):
    done = subprocess.run([sys.executable, str(ROOT / "benchmarks/compare.py"), *map(str, arguments)], capture_output=True, text=True, timeout=60)
    return done


def verdicts(tmp_path, before, after):
    done = compare(write(tmp_path / "a", before), write(tmp_path / "b", after), "--json")
    assert done.returncode == 0, done.stderr
    return {row["name"]: row["verdict"] for row in json.loads(done.stdout)["rows"]}


def test_a_change_within_the_middle_halves_is_noise(tmp_path):
    assert verdicts(tmp_path, [row("a", around(100, 20))], [row("a", around(108, 20))]) == {"a": "within noise"}


def test_a_change_beyond_every_repetition_is_better_or_worse_by_the_unit(tmp_path):
    before = [row("less", around(100, 2)), row("more", around(100, 2), "M/s"), row("frames", around(10, 1), "GB/s")]
    after = [row("less", around(80, 2)), row("more", around(80, 2), "M/s"), row("frames", around(20, 1), "GB/s")]
    assert verdicts(tmp_path, before, after) == {"less": "better", "more": "worse", "frames": "better"}


def test_a_change_of_which_only_the_extremes_overlap_is_one_perhaps(tmp_path):
    assert verdicts(tmp_path, [row("a", around(100, 10))], [row("a", around(114, 10))]) == {"a": "worse, perhaps"}


def test_few_repetitions_say_nothing(tmp_path):
    assert verdicts(tmp_path, [row("a", [1, 2, 3])], [row("a", [7, 8, 9])]) == {"a": "too few repetitions"}


def test_what_stands_in_one_file_only_is_named(tmp_path):
    both, old, new = row("both", around(1, 0.1)), row("old", around(1, 0.1)), row("new", around(1, 0.1))
    done = compare(write(tmp_path / "a", [both, old]), write(tmp_path / "b", [both, new]))
    assert done.returncode == 0, done.stderr
    assert "only before: old" in done.stdout and "only after: new" in done.stdout


def closing(median, reached, placement="near"):
    return {"ratios": {"a_over_b": median}, "targets": {"a_over_b": {"at_most": 1.1}}, "reached": {"a_over_b": reached}, "placement": placement,
            "spread": {"a_over_b": {"min": median * 0.99, "q1": median * 0.995, "q3": median * 1.005, "max": median * 1.01}}}


def test_a_ratio_shows_its_target_and_whether_it_is_reached_now(tmp_path):
    rows = [row("a", around(100, 10))]
    done = compare(write(tmp_path / "a", rows, closing(1.3, False)), write(tmp_path / "b", rows, closing(1.05, True)))
    line = next(line for line in done.stdout.splitlines() if line.startswith("a_over_b"))
    assert "≤ 1.1" in line and "missed → reached" in line and "better" in line and "-19.2 %" in line


def test_what_makes_figures_incomparable_is_said_first(tmp_path):
    rows = [row("a", around(100, 10))]
    first = write(tmp_path / "a", rows, closing(1.3, None, "far"), failed=["peers"])
    second = write(tmp_path / "b", rows, {**closing(1.0, None), "short": True}, machine={"processor": "Q", "cpus": 64})
    said = json.loads(compare(first, second, "--json").stdout)["cautions"]
    assert any("different machines" in text for text in said) and any("far from each other" in text for text in said)
    assert any("short run" in text for text in said) and any("peers failed" in text for text in said)


def test_a_result_beside_itself_is_the_same(tmp_path):
    path = tmp_path / "a"
    path.write_text(invented.text())
    found = json.loads(compare(path, path, "--json").stdout)
    assert found["rows"] and {row["verdict"] for row in found["rows"]} == {"same"} and found["cautions"] == []


def test_files_that_are_no_results_are_errors(tmp_path):
    (tmp_path / "text").write_text("no result\n")
    (tmp_path / "empty").write_text("")
    good = write(tmp_path / "good", [row("a", around(1, 0.1))])
    for bad, reason in (("text", "line 1"), ("empty", "holds no row"), ("missing", "cannot be read")):
        done = compare(good, tmp_path / bad)
        assert (done.returncode, done.stdout) == (1, "") and reason in done.stderr
