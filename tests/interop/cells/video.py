"""A real video as ffmpeg decodes it: the raw pictures, and ffmpeg's own MD5 of each. Owns the decoding and nothing else."""

import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List

from .bench import LIMIT
from .programs import Failure

SAMPLES = "forensics-samples-files"  # a Debian package with, among others, a recording of a phone
WIDTH, HEIGHT = 241, 427  # upright, as it was recorded; odd on purpose: no row and no picture fills whole cache lines

_lock = threading.Lock()
_decoded: Dict[Path, "Video"] = {}


@dataclass(frozen=True)
class Video:
    """Pictures in rgb24, one after the other in a file, and their MD5 sums by `ffmpeg -f framemd5`."""

    raw: Path
    md5: List[str]

    picture_bytes = WIDTH * HEIGHT * 3
    metadata = (
        f'{{"zerobuffer_schema":1,"kind":"video","pixel_format":"rgb24","width":{WIDTH},"height":{HEIGHT},'
        '"strides":null,"frame_rate":[90000,2999]}'
    )

    def pictures(self) -> List[bytes]:
        data = self.raw.read_bytes()
        return [data[at : at + self.picture_bytes] for at in range(0, len(data), self.picture_bytes)]


def recording() -> Path:
    """The recording of a phone in Debian's package of sample files."""
    listed = subprocess.run(["dpkg", "-L", SAMPLES], capture_output=True, text=True)
    for line in listed.stdout.splitlines():
        if Path(line).name.startswith("VID_") and line.endswith(".mp4"):
            return Path(line)
    raise Failure(f"Debian's package {SAMPLES}, which has the video, is not installed")


def decode(source: Path, *sink: str) -> str:
    command = [
        *("ffmpeg", "-nostdin", "-v", "error", "-i", str(source), "-map", "0:v:0", "-fps_mode", "passthrough"),
        *("-sws_flags", "bitexact+accurate_rnd", "-vf", f"scale={WIDTH}:{HEIGHT}", "-pix_fmt", "rgb24", "-c:v", "rawvideo", *sink),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    if done.returncode != 0:
        raise Failure(f"ffmpeg cannot decode {source}: {done.stderr.strip()}")
    return done.stdout


def decoded(folder: Path) -> Video:
    """The video, decoded once per folder."""
    with _lock:
        if folder not in _decoded:
            source, raw = recording(), folder / "video.rgb24"
            lines = decode(source, "-f", "framemd5", "-").splitlines()
            sums = [line.split(",")[5].strip() for line in lines if line and not line.startswith("#")]
            decode(source, "-f", "rawvideo", str(raw))
            video = Video(raw, sums)
            if raw.stat().st_size != len(sums) * video.picture_bytes or len(sums) < 30:
                raise Failure(f"ffmpeg gave {len(sums)} sums and {raw.stat().st_size} bytes")
            _decoded[folder] = video
        return _decoded[folder]
