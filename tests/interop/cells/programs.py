"""Where the three programs are and what they promise by their exit codes. Owns the environment variables that say so."""

import enum
import os
import sys
from pathlib import Path
from typing import Dict, List

ROOT = Path(__file__).resolve().parents[3]


class Failure(AssertionError):
    """What a cell saw is not what it must be. The text is for people."""


class Language(enum.Enum):
    CPP = "cpp"
    PYTHON = "python"
    CSHARP = "csharp"

    @property
    def title(self) -> str:
        return {"cpp": "C++", "python": "Python", "csharp": "C#"}[self.value]


CPP, PYTHON, CSHARP = Language.CPP, Language.PYTHON, Language.CSHARP
LANGUAGES = (CPP, PYTHON, CSHARP)


def other_than(*taken: Language) -> Language:
    """A language that is none of these, where there is one; else one that is not the last of them."""
    free = [language for language in LANGUAGES if language not in taken]
    return free[0] if free else LANGUAGES[(LANGUAGES.index(taken[-1]) + 1) % len(LANGUAGES)]


def program_of(language: Language) -> Path:
    if language is CPP:
        return Path(os.environ.get("ZEROBUFFER_RELAY_CPP", ROOT / "build/release/relay/zerobuffer_relay"))
    if language is CSHARP:
        builds = Path(os.environ.get("ZEROBUFFER_DOTNET_BIN_DIR", ROOT / "build/dotnet/bin"))
        return Path(os.environ.get("ZEROBUFFER_RELAY_CSHARP", builds / "ZeroBuffer.Relay/release/ZeroBuffer.Relay.dll"))
    return ROOT / "relay/python/main.py"


def command_of(language: Language) -> List[str]:
    """How the program of a language is started. A program that is missing fails the cell that needs it."""
    program = program_of(language)
    if not program.is_file():
        raise Failure(f"the {language.title} program is missing: {program}")
    if language is CPP:
        return [str(program)]
    return [sys.executable if language is PYTHON else "dotnet", str(program)]


def environment() -> Dict[str, str]:
    """That of the programs. The C# package loads the native library that ZEROBUFFER_LIBRARY names: this tree's, if unset."""
    return {"ZEROBUFFER_LIBRARY": str(ROOT / "build/release/lib/libzerobuffer.so")} | os.environ


OK, FAILED, USAGE, NOT_FOUND, IN_USE, TIMEOUT, PEER_DEAD, REFUSED = range(8)
SHORT_FRAME, UNREAD, NO_SPACE, CLOSED_EARLY, LOST_FRAMES, VERIFICATION_FAILED, CORRUPT, REMOTE_ERROR = range(8, 16)
INTERRUPTED, TERMINATED = 130, 143

STATUS: Dict[int, str] = {
    OK: "ok",
    FAILED: "failed",
    USAGE: "usage",
    NOT_FOUND: "not_found",
    IN_USE: "in_use",
    TIMEOUT: "timeout",
    PEER_DEAD: "peer_dead",
    REFUSED: "refused",
    SHORT_FRAME: "short_frame",
    UNREAD: "unread",
    NO_SPACE: "no_space",
    CLOSED_EARLY: "closed_early",
    LOST_FRAMES: "lost_frames",
    VERIFICATION_FAILED: "verification_failed",
    CORRUPT: "corrupt",
    REMOTE_ERROR: "remote_error",
    INTERRUPTED: "interrupted",
    TERMINATED: "terminated",
}
