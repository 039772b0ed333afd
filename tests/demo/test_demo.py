"""The demo's pipeline: what it proves, what it leaves behind, and that it fails where it should."""

import dataclasses
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ZEROBUFFER_BIN_DIR", ROOT / "build/release/bin")).parent
VIEWER = Path(os.environ.get("ZEROBUFFER_DOTNET_BIN_DIR", ROOT / "build/dotnet/bin")) / "VideoViewer/release/VideoViewer.dll"
TIMEOUT = 250
sys.path.insert(0, str(ROOT / "demo"))
import play  # noqa: E402

PROGRAMS = play.Programs(BUILD / "examples/video_feeder", VIEWER, BUILD / "lib/libzerobuffer.so.2")


def command(*arguments, sheet):
    return [
        *(sys.executable, str(ROOT / "demo/play.py"), "--build", str(BUILD), "--viewer", str(VIEWER)),
        *("--output", str(sheet), *(str(argument) for argument in arguments)),
    ]


def rings_of(pid):
    return [file for file in os.listdir("/dev/shm") if file.startswith(f"demo-{pid}-")]


def processes_of(pid):
    """The command lines that name a ring of this demo."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes()
        except OSError:
            continue
        if f"demo-{pid}-".encode() in words:
            found.append(words)
    return found


@pytest.fixture(scope="module")
def small_video(tmp_path_factory):
    """Odd sizes, ten frames, a rotation by a quarter in its metadata, and sound."""
    folder = tmp_path_factory.mktemp("video")
    plain, rotated = folder / "plain.mp4", folder / "rotated.mp4"
    make = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=162x90:rate=10:duration=1"]
    make += ["-f", "lavfi", "-i", "sine=duration=1", "-c:v", "mpeg4", str(plain)]
    subprocess.run(make, check=True)
    turn = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(plain), "-c", "copy", "-metadata:s:v:0", "rotate=90"]
    subprocess.run([*turn, str(rotated)], check=True)
    return rotated


def test_every_frame_reaches_python_exactly_and_nothing_is_left(small_video, tmp_path):
    sheet = tmp_path / "out" / "sheet.png"
    demo = subprocess.Popen(
        command("--loop", 3, "--input", small_video, sheet=sheet), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    output, _ = demo.communicate(timeout=TIMEOUT)
    assert demo.returncode == 0, output
    assert "10 frames of 90 × 162" in output  # upright
    assert "10 of 10 frames identical in Python" in output
    assert "10 of 10 frames identical in C#" in output
    assert "frames      30 (10 × 3), none lost" in output
    for word in ("frames/s", "GB/s", "p50", "p99", "ring A", "ring B", "whole way", "includes scheduling"):
        assert word in output
    with Image.open(sheet) as image:
        assert image.format == "PNG"
        assert len(image.getcolors(1 << 24)) > 100
    assert rings_of(demo.pid) == [] and processes_of(demo.pid) == []


def test_the_recording_of_a_phone_plays(tmp_path):
    done = subprocess.run(
        command("--loop", 1, sheet=tmp_path / "sheet.png"), capture_output=True, text=True, timeout=TIMEOUT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "41 of 41 frames identical in Python" in done.stdout
    assert "41 of 41 frames identical in C#" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_interrupted_leaves_nothing(number, small_video, tmp_path):
    demo = subprocess.Popen(
        command("--loop", 100_000, "--input", small_video, sheet=tmp_path / "sheet.png"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + TIMEOUT
        while not (tmp_path / "sheet.png").exists() or len(rings_of(demo.pid)) < 2:  # in the middle of the timed pass
            assert demo.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        demo.send_signal(number)
        assert demo.wait(TIMEOUT) == 128 + number
    finally:
        demo.kill()
        demo.wait()
    assert rings_of(demo.pid) == [] and processes_of(demo.pid) == []


@pytest.mark.parametrize("part", ["worker", "feeder", "viewer", "decoder"])
def test_a_part_that_is_killed_fails_the_demo_and_leaves_nothing(part, small_video, tmp_path, monkeypatch):
    video = play.probe(small_video)
    name = f"demo-{os.getpid()}-{part}"
    waited = play.Pipeline.wait

    def kill_one_then_wait(pipeline):
        pipeline.processes[part].kill()
        waited(pipeline)

    monkeypatch.setattr(play.Pipeline, "wait", kill_one_then_wait)
    pipeline = play.Pipeline(PROGRAMS, name, tmp_path)
    try:
        with pytest.raises(play.DemoError):
            pipeline.run(video, 100_000, False)
    finally:
        pipeline.end()
    assert all(process.poll() is not None for process in pipeline.processes.values())
    assert rings_of(os.getpid()) == []


@pytest.mark.parametrize("part", ["worker", "feeder", "viewer", "decoder"])
def test_a_part_that_says_it_failed_fails_the_demo(part, small_video, tmp_path, monkeypatch):
    start = play.Pipeline.start

    def start_one_that_fails(pipeline, name, command, **options):
        return start(pipeline, name, ["false"] if name == part else command, **options)

    monkeypatch.setattr(play.Pipeline, "start", start_one_that_fails)
    with pytest.raises(play.DemoError, match=f"the {part} failed \\(exit code 1\\)"):
        with play.pipeline(PROGRAMS, f"demo-{os.getpid()}-{part}", tmp_path) as pipeline:
            pipeline.run(play.probe(small_video), 100_000, False)
    assert rings_of(os.getpid()) == []


def test_a_frame_that_changes_between_python_and_csharp_is_found(small_video, tmp_path, monkeypatch):
    def change_one(pipeline, *arguments):
        reports = run(pipeline, *arguments)
        drawn = (tmp_path / "drawn").read_text().split()
        drawn[6] = "0" * 64
        (tmp_path / "drawn").write_text("\n".join(drawn))
        return reports

    run = play.Pipeline.run
    monkeypatch.setattr(play.Pipeline, "run", change_one)
    with pytest.raises(play.DemoError, match="frames 7 are not the same in C#"):
        play.play(PROGRAMS, small_video, 1, tmp_path / "sheet.png", tmp_path)
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize("missing", ["feeder", "viewer", "library"])
def test_what_was_not_built_is_named(missing, small_video, tmp_path):
    programs = dataclasses.replace(PROGRAMS, **{missing: tmp_path / "nothing"})
    with pytest.raises(play.DemoError, match="nothing; ./demo.sh builds it"):
        play.play(programs, small_video, 1, tmp_path / "sheet.png", tmp_path)


def test_a_viewer_that_is_told_to_stop_ends_and_leaves_nothing():
    ring = f"demo-{os.getpid()}-alone"
    viewer = subprocess.Popen(
        ["dotnet", str(VIEWER), ring, "8", "4", "1"], env={**os.environ, "ZEROBUFFER_LIBRARY": str(PROGRAMS.library)}
    )
    try:
        deadline = time.monotonic() + TIMEOUT
        while not rings_of(os.getpid()):
            assert viewer.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.5)  # by now it waits for a frame
        viewer.terminate()
        assert viewer.wait(TIMEOUT) == 128 + signal.SIGTERM
    finally:
        viewer.kill()
        viewer.wait()
    assert rings_of(os.getpid()) == []


def test_what_is_no_video_fails_with_the_reason(tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    for file, reason in ((text, "ffmpeg cannot decode"), (tmp_path / "nothing", "there is no file")):
        done = subprocess.run(
            command("--input", file, sheet=tmp_path / "sheet.png"), capture_output=True, text=True, timeout=TIMEOUT
        )
        assert done.returncode == 1
        assert reason in done.stderr
    assert not (tmp_path / "sheet.png").exists()


def test_a_frame_that_differs_is_missing_or_too_many_is_found():
    sums = [hashlib.md5(bytes([number])).hexdigest() for number in range(5)]
    assert play.differences(sums, sums) == []
    assert play.differences(sums, sums[:4]) == [5]
    assert play.differences(sums[:4], sums) == [5]
    assert play.differences(sums, [*sums[:2], sums[3], *sums[3:]]) == [3]


def test_the_contact_sheet_shows_the_first_and_the_last_frame():
    assert play.spread_over(41) == [1, 9, 17, 25, 33, 41]
    assert play.spread_over(1) == [1]
    assert play.spread_over(3) == [1, 2, 3]
