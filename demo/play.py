"""Plays a video through four processes: a decoder, a C++ feeder, a Python worker, a C# viewer, and two rings between them.

    ffmpeg ──pipe──▶ video_feeder ══ring A══▶ worker.py ══ring B══▶ VideoViewer

Owns the processes, the verifying pass, the timed pass, the report and the contact sheet. Must not know how a ring works:
it only gives the rings their names, and makes sure that nothing of them is left.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Dict, Iterator, List, Optional, Sequence

from PIL import Image, ImageDraw

import zerobuffer

HERE = Path(__file__).resolve().parent
SAMPLES = "forensics-samples-files"  # a Debian package with, among others, a recording of a phone
COLUMNS = 6  # pictures in a row of the contact sheet


class DemoError(Exception):
    """What went wrong, for people."""


@dataclass(frozen=True)
class Video:
    """A video as the decoder delivers it: rotated as its metadata wants, in rgb24."""

    path: Path
    width: int
    height: int
    md5: List[str]

    @property
    def picture_bytes(self) -> int:
        return self.width * self.height * 3


def decoder(path: Path, loops: int, sink: Sequence[str]) -> List[str]:
    """The one way in which this demo decodes: for the pipeline and for the reference sums alike.

    Every picture once, whatever its time (the rate may vary); only the first video stream; the rotation that the file asks
    for applied by ffmpeg itself; the same arithmetic on every machine.
    """
    return [
        *("ffmpeg", "-nostdin", "-v", "error"),
        *(("-stream_loop", str(loops - 1)) if loops > 1 else ()),
        *("-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough"),
        *("-sws_flags", "bitexact+accurate_rnd", "-pix_fmt", "rgb24", "-c:v", "rawvideo", *sink),
    ]


def probe(path: Path) -> Video:
    """Decodes the video once for its MD5 sums and, as they are those after rotation, its dimensions."""
    done = subprocess.run(decoder(path, 1, ("-f", "framemd5", "-")), capture_output=True, text=True)
    if done.returncode != 0:
        raise DemoError(f"ffmpeg cannot decode {path}: {done.stderr.strip()}")
    return parse_framemd5(path, done.stdout)


def parse_framemd5(path: Path, text: str) -> Video:
    """Reads what `ffmpeg -f framemd5` wrote."""
    width = height = 0
    sums: List[str] = []
    for line in text.splitlines():
        if line.startswith("#dimensions 0:"):
            width, height = (int(side) for side in line.split(":")[1].strip().split("x"))
        elif line and not line.startswith("#"):
            fields = [field.strip() for field in line.split(",")]
            if int(fields[4]) != width * height * 3:
                raise DemoError(f"picture {len(sums) + 1} of {path} has {fields[4]} bytes, not {width} × {height} × 3")
            sums.append(fields[5])
    if not sums:
        raise DemoError(f"{path} holds no picture")
    return Video(path, width, height, sums)


def default_video() -> Path:
    """The recording of a phone in Debian's package of sample files."""
    listed = subprocess.run(["dpkg", "-L", SAMPLES], capture_output=True, text=True)
    for line in listed.stdout.splitlines():
        if Path(line).name.startswith("VID_") and line.endswith(".mp4"):
            return Path(line)
    raise DemoError(f"Debian's package {SAMPLES} is not installed; install it, or name a video with --input")


def differences(expected: Sequence[str], seen: Sequence[str]) -> List[int]:
    """The numbers (from 1) of the pictures that differ, are missing or are too many."""
    longest = max(len(expected), len(seen))
    return [
        number + 1
        for number in range(longest)
        if number >= len(expected) or number >= len(seen) or expected[number] != seen[number]
    ]


@dataclass(frozen=True)
class Programs:
    """What was built for the demo."""

    feeder: Path
    viewer: Path
    library: Path  # the C library that the C# package loads

    def check(self) -> None:
        for file in (self.feeder, self.viewer, self.library):
            if not file.is_file():
                raise DemoError(f"there is no file {file}; ./demo.sh builds it")
        if shutil.which("dotnet") is None:
            raise DemoError("dotnet is not installed")


class Pipeline:
    """The four processes of one pass. Their sessions are their own: a Ctrl-C reaches them through this program only."""

    def __init__(self, programs: Programs, name: str, scratch: Path) -> None:
        self.programs = programs
        self.rings = (f"{name}-a", f"{name}-b")
        self.scratch = scratch
        self.processes: Dict[str, "subprocess.Popen[bytes]"] = {}

    def start(
        self, part: str, command: Sequence[str], stdin: Optional[Any] = None, stdout: Optional[Any] = None
    ) -> "subprocess.Popen[bytes]":
        own_output = None if stdout is not None else (self.scratch / f"{part}.json").open("wb")
        try:
            self.processes[part] = subprocess.Popen(
                command,
                stdin=stdin or subprocess.DEVNULL,
                stdout=stdout or own_output,
                env={**os.environ, "ZEROBUFFER_LIBRARY": str(self.programs.library)},
                start_new_session=True,
            )
        finally:
            if own_output is not None:
                own_output.close()
        return self.processes[part]

    def run(self, video: Video, loops: int, verify: bool, pictures: Sequence[int] = ()) -> Dict[str, Any]:
        """Plays the video and returns what feeder, worker and viewer reported."""
        ring_a, ring_b = self.rings
        size = [str(video.width), str(video.height)]
        numbers = [str(number) for number in pictures]
        expected = len(video.md5) * loops
        viewer = ["dotnet", str(self.programs.viewer), ring_b, *size, str(expected)]
        worker = [sys.executable, str(HERE / "worker.py"), ring_a, ring_b]
        if verify:
            viewer += [str(self.scratch), *numbers]
            worker += ["--md5", str(self.scratch / "md5"), "--sha256", str(self.scratch / "drawn")]
            worker += ["--save", str(self.scratch), *numbers]

        self.start("viewer", viewer)
        self.start("worker", worker)
        source = self.start("decoder", decoder(video.path, loops, ("-f", "rawvideo", "-")), stdout=subprocess.PIPE)
        assert source.stdout is not None
        self.start("feeder", [str(self.programs.feeder), ring_a, *size], stdin=source.stdout)
        source.stdout.close()
        self.wait()

        reports = {part: json.loads((self.scratch / f"{part}.json").read_text()) for part in ("feeder", "worker", "viewer")}
        for part, report in reports.items():
            if report["frames"] != expected:
                raise DemoError(f"the {part} saw {report['frames']} of {expected} frames")
        return reports

    def wait(self) -> None:
        """Until all have ended; the first that fails ends the others."""
        running = dict(self.processes)
        while running:
            for part, process in list(running.items()):
                code = process.poll()
                if code is None:
                    continue
                if code != 0:
                    raise DemoError(f"the {part} failed ({'signal' if code < 0 else 'exit code'} {abs(code)})")
                del running[part]
            time.sleep(0.02)

    def end(self) -> None:
        """Leaves nothing: no process, and no buffer even of one that had to be killed."""
        living = [process for process in self.processes.values() if process.poll() is None]
        for process in living:
            process.terminate()
        deadline = time.monotonic() + 5
        for process in living:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for ring in self.rings:
            if ring in zerobuffer.list_buffers():
                # Whoever makes a buffer takes the place of one whose users are all dead; closed, it is gone.
                zerobuffer.Reader(ring, payload_size=4096).close()


def contact_sheet(scratch: Path, pictures: Sequence[int], target: Path) -> None:
    """Input above, output below, for a person to look at."""
    thumbnails = [
        [Image.open(scratch / f"{kind}-{number}.ppm") for number in pictures] for kind in ("input", "output")
    ]
    width, height = thumbnails[0][0].size
    scale = min(320 / width, 320 / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    gap, title = 8, 18
    sheet = Image.new("RGB", (gap + (size[0] + gap) * len(pictures), 2 * (title + size[1] + gap)), "white")
    pen = ImageDraw.Draw(sheet)
    for row, (kind, images) in enumerate(zip(("in, as Python saw it", "out, as C# received it"), thumbnails)):
        top = row * (title + size[1] + gap)
        for column, (number, image) in enumerate(zip(pictures, images)):
            left = gap + column * (size[0] + gap)
            pen.text((left, top + 3), f"frame {number} {kind}", fill="black")
            sheet.paste(image.resize(size, Image.LANCZOS), (left, top + title))
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(target)


def spread_over(count: int) -> List[int]:
    """Up to COLUMNS numbers of 1 … count, evenly spread."""
    columns = min(COLUMNS, count)
    return [1 + position * (count - 1) // max(1, columns - 1) for position in range(columns)]


def report(video: Video, reports: Dict[str, Any], loops: int) -> None:
    frames, seconds = reports["viewer"]["frames"], reports["viewer"]["seconds"]
    intervals = max(1, frames - 1)  # from the first arrival to the last
    print(f"  frames      {frames} ({len(video.md5)} × {loops}), none lost")
    if seconds > 0:
        print(f"  rate        {intervals / seconds:.1f} frames/s")
        print(f"  throughput  {intervals * video.picture_bytes / seconds / 1e9:.2f} GB/s through each of the two rings")
    print("  latency                                  p50          p99")
    for text, part, key in (
        ("ring A, C++ feeder to Python", "worker", "hop_us"),
        ("ring B, Python to C# viewer", "viewer", "hop_us"),
        ("whole way, feeder to viewer", "viewer", "whole_way_us"),
    ):
        p50, p99 = reports[part][key]
        print(f"    {text:<30}{p50:>10,.0f} µs{p99:>10,.0f} µs")
    print(
        f"  Latency is from publishing a frame to having it, so it includes scheduling and waiting in the ring: four\n"
        f"  processes share {len(os.sched_getaffinity(0))} CPUs. "
        "For the library's own speed: zerobuffer bench."
    )


def compare(what: str, expected: Sequence[str], seen: Sequence[str]) -> None:
    """Prints how many digests are the same; fails where one is not."""
    wrong = differences(expected, seen)
    print(f"  {len(expected) - len(wrong)} of {len(expected)} frames identical {what}")
    if wrong:
        raise DemoError(f"frames {', '.join(str(number) for number in wrong[:10])} are not the same {what}")


@contextlib.contextmanager
def pipeline(programs: Programs, name: str, scratch: Path) -> Iterator[Pipeline]:
    made = Pipeline(programs, name, scratch)
    try:
        yield made
    finally:
        # A second Ctrl-C must not cut the cleaning short.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        made.end()
        watch_signals()


def stop(number: int, _frame: Optional[FrameType]) -> None:
    sys.exit(128 + number)


def watch_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def play(programs: Programs, path: Path, loops: int, sheet: Path, scratch: Path) -> None:
    programs.check()
    video = probe(path)
    frames = len(video.md5)
    name = f"demo-{os.getpid()}"
    print(f"Video: {path}\n  {frames} frames of {video.width} × {video.height}, {video.picture_bytes / 1e6:.1f} MB each as rgb24")

    print("Verifying pass: does Python see exactly the decoder's frames, and C# exactly Python's?", flush=True)
    pictures = spread_over(frames)
    with pipeline(programs, name, scratch) as checked:
        checked.run(video, 1, True, pictures)
    sums = {kind: (scratch / kind).read_text().split() for kind in ("md5", "drawn", "received")}
    compare("in Python (MD5 in place, against ffmpeg -f framemd5)", video.md5, sums["md5"])
    compare("in C# (SHA-256 in place, against Python's before sending)", sums["drawn"], sums["received"])
    contact_sheet(scratch, pictures, sheet)

    print(f"Timed pass: the video {loops} {'times' if loops > 1 else 'time'}", flush=True)
    with pipeline(programs, name, scratch) as timed:
        reports = timed.run(video, loops, False)
    report(video, reports, loops)
    print(f"Contact sheet: {sheet}")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="demo.sh",
        description="Plays a real video from ffmpeg through C++, Python and C#, in shared memory, and proves that it arrives.",
    )
    parser.add_argument("--input", type=Path, metavar="FILE", help=f"any video (default: a phone recording of {SAMPLES})")
    parser.add_argument("--loop", type=int, default=25, metavar="N", help="how often the timed pass plays it (default 25)")
    parser.add_argument("--build", type=Path, default=HERE.parent / "build/release", help=argparse.SUPPRESS)
    parser.add_argument("--viewer", type=Path, default=HERE.parent / "build/dotnet/bin/VideoViewer/release/VideoViewer.dll",
                        help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, default=HERE.parent / "out/contact_sheet.png", metavar="PNG",
                        help="the contact sheet (default out/contact_sheet.png)")
    arguments: Any = parser.parse_args()
    if arguments.loop < 1:
        parser.error("--loop must be at least 1")
    build = arguments.build
    programs = Programs(build / "examples/video_feeder", arguments.viewer, build / "lib/libzerobuffer.so.2")
    watch_signals()
    try:
        path = arguments.input or default_video()
        if not path.is_file():
            raise DemoError(f"there is no file {path}")
        if shutil.which("ffmpeg") is None:
            raise DemoError("ffmpeg is not installed")
        with tempfile.TemporaryDirectory(prefix="zerobuffer-demo-") as scratch:
            play(programs, path, arguments.loop, arguments.output, Path(scratch))
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
