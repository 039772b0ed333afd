"""Says what a run is made on: processor, caches, governor, hypervisor, what the hypervisor takes, the state of the checkout and
the tools. Only reads files and versions; whatever cannot be read here is left out. Must not know what is measured."""

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

CPU = Path("/sys/devices/system/cpu")


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def said_by(command: Sequence[str], cwd: Optional[Path] = None) -> str:
    """The first line of what a program prints; nothing where there is no such program."""
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60)
    return done.stdout.splitlines()[0].strip() if done.returncode == 0 and done.stdout else ""


def processor_flags() -> Tuple[str, List[str]]:
    name = ""
    flags: List[str] = []
    for line in text_of(Path("/proc/cpuinfo")).splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name" and not name:
            name = value.strip()
        elif key.strip() == "flags" and not flags:
            flags = value.split()
    return name or platform.machine(), flags


def caches() -> Dict[str, str]:
    """Of the first CPU, data and unified ones."""
    found: Dict[str, str] = {}
    for index in sorted((CPU / "cpu0/cache").glob("index*")):
        level, kind, size = (text_of(index / name) for name in ("level", "type", "size"))
        match = re.fullmatch(r"(\d+)K", size)
        if kind == "Instruction" or match is None:
            continue
        kib = int(match[1])
        found[f"L{level}"] = f"{kib >> 10} MiB" if kib >= 1024 and kib % 1024 == 0 else f"{kib} KiB"
    return found


def memory_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def describe() -> Dict[str, Any]:
    processor, flags = processor_flags()
    found = {
        "processor": processor, "cpus": os.cpu_count(), "architecture": platform.machine(), "kernel": platform.release(),
        "caches": caches(), "memory_bytes": memory_bytes(), "hypervisor": ("yes" if "hypervisor" in flags else ""),
        "governor": text_of(CPU / "cpu0/cpufreq/scaling_governor"),
        "huge_pages": text_of(Path("/sys/kernel/mm/transparent_hugepage/shmem_enabled")),
        "compiler": said_by(["c++", "--version"]), "dotnet": said_by(["dotnet", "--version"]), "python": platform.python_version(),
    }
    return {key: value for key, value in found.items() if value}


def commit(root: Path) -> str:
    """The commit of the checkout, and whether tracked files differ from it."""
    name = said_by(["git", "rev-parse", "--short=10", "HEAD"], root)
    changed = name and said_by(["git", "status", "--porcelain", "--untracked-files=no"], root)
    return f"{name} with changes" if changed else name


@dataclass(frozen=True)
class CpuTime:
    """Of all CPUs together since the start of the machine, in ticks."""

    total: int
    steal: int

    @classmethod
    def now(cls) -> Optional["CpuTime"]:
        fields = text_of(Path("/proc/stat")).partition("\n")[0].split()
        if len(fields) < 9 or fields[0] != "cpu":
            return None
        ticks = [int(field) for field in fields[1:9]]
        return cls(sum(ticks), ticks[7])

    def steal_since(self, before: "CpuTime") -> float:
        """The share of the time that the hypervisor gave to others."""
        return (self.steal - before.steal) / max(self.total - before.total, 1)
