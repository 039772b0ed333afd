"""The bench of one cell: its buffer names, its scratch folder, the processes that it started, and what they said.

Owns watchdogs and cleaning up: when a bench ends, no process of it runs and no buffer of it is left, also where the cell failed.
Must not know what a cell is about.
"""

import json
import os
import shlex
import signal
import subprocess
import threading
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, Dict, List, Optional, Sequence, Type

import zerobuffer

from .programs import INTERRUPTED, OK, STATUS, TERMINATED, Failure, Language, command_of, environment

Report = Dict[str, Any]

LIMIT = 60.0  # seconds that no process and no step here comes near unless it hangs
PATIENCE_MS = 20_000  # --timeout-ms and --linger-ms of the programs: less than LIMIT, so that they speak first
STEP = 0.005
SHM = Path("/dev/shm")
LINES_KEPT = 60


class Running:
    """A program that was started. It must end with the exit code that it was started with, unless it is killed."""

    def __init__(self, bench: "Bench", language: Language, arguments: Sequence[str], code: int, feed: bool, number: int) -> None:
        self.bench = bench
        self.language = language
        self.verb = arguments[0] if arguments else ""
        self.label = f"{language.title} {self.verb} (process {number})"
        self.code = code
        self.out = bench.scratch / f"{number}-{language.value}.out"
        self.err = bench.scratch / f"{number}-{language.value}.err"
        self.command = [*command_of(language), *arguments]
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                # a shell's background job ignores Ctrl-C, and so would what it starts
                ["env", "--default-signal=INT,QUIT", *self.command],
                stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment(),
                start_new_session=True,
            )

    @property
    def failed(self) -> bool:
        """Whether it has ended otherwise than it must."""
        code = self.process.poll()
        return code is not None and code != self.code

    def feed(self, data: bytes) -> None:
        """Writes to its standard input and leaves it open."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def end_of_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def stop(self) -> None:
        """SIGSTOP, and until it has taken effect."""
        self.process.send_signal(signal.SIGSTOP)

        def stopped() -> bool:
            state = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
            return state in "TZX"

        self.bench.until(stopped, f"{self.label} is stopped")

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and until it is dead."""
        if self.process.poll() is not None:
            raise Failure(f"{self.label} should have been killed but had ended with {self.process.returncode}\n{self.said()}")
        self.code = -signal.SIGKILL
        self.process.kill()
        self.process.wait(LIMIT)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> None:
        """Until it has ended, with the exit code that it must have."""
        self.bench.until(lambda: self.process.poll() is not None, f"{self.label} has ended")
        self.bench.check_codes()

    def end(self) -> Report:
        """Waits for the end and returns the report, whose general fields are checked here."""
        self.wait()
        lines = self.out.read_text(errors="replace").splitlines()
        try:
            report: Report = json.loads(lines[-1])
        except (IndexError, ValueError):
            raise Failure(f"{self.label} printed no report on standard output\n{self.said()}") from None
        expected = {"program": self.verb, "language": self.language.value, "status": STATUS[self.code], "exit_code": self.code}
        for field, value in expected.items():
            if report.get(field) != value:
                raise Failure(f"the report of {self.label} has {field} {report.get(field)!r}, not {value!r}\n{self.said()}")
        silent = self.code in (OK, INTERRUPTED, TERMINATED) and not report.get("copied")  # what was copied is explained
        if (report.get("message") == "") != silent:
            raise Failure(f"the message of {self.label}, which ended with {self.code}, is {report.get('message')!r}")
        return report

    def until_said(self, text: str) -> None:
        """Until it has written this on standard error."""
        self.bench.until(lambda: text in self.err.read_text(errors="replace"), f"{self.label} says {text!r}")

    def said(self) -> str:
        """Its command line, its end and its last words."""
        code = self.process.poll()
        parts = [f"$ {shlex.join(self.command)}", f"  {'still running' if code is None else f'ended with {code}, expected {self.code}'}"]
        for path in (self.out, self.err):
            lines = path.read_text(errors="replace").splitlines()
            if len(lines) > LINES_KEPT:
                lines = [f"({len(lines) - LINES_KEPT} lines before)", *lines[-LINES_KEPT:]]
            parts += [f"  {line}" for line in lines]
        return "\n".join(parts)


class Bench:
    """Everything that a cell works with. `shared` is a folder of all cells of a run, for what they need to make only once."""

    def __init__(self, scratch: Path, shared: Path, give_up: threading.Event) -> None:
        self.scratch = scratch
        self.shared = shared
        self.processes: List[Running] = []
        self.names: List[str] = []
        self._give_up = give_up

    def __enter__(self) -> "Bench":
        return self

    def __exit__(
        self, error_type: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        for process in self.processes:
            if process.process.poll() is None:
                os.killpg(process.process.pid, signal.SIGKILL)  # what a program itself started, too
        for process in self.processes:
            process.process.wait()
            if process.process.stdin is not None:
                process.process.stdin.close()
        left = self.take_away()
        if left and error is None:
            raise Failure(f"left in shared memory: {', '.join(left)}")

    def take_away(self) -> List[str]:
        """Removes every buffer of this bench and returns the names of those that were there."""
        left = [name for name in self.names if (SHM / name).exists()]
        for name in left:
            try:
                # whoever makes a buffer takes the place of one whose users are all dead; closed, it is gone
                zerobuffer.Reader(name, payload_size=4096).close()
            except zerobuffer.ZeroBufferError:
                (SHM / name).unlink(missing_ok=True)  # a file that is no buffer
        return left

    def name(self) -> str:
        """A buffer name that nobody else has."""
        made = f"zb-interop-{os.getpid()}-{uuid.uuid4().hex[:10]}"
        self.names.append(made)
        return made

    def file(self, name: str) -> Path:
        return self.scratch / name

    def start(self, language: Language, *arguments: object, code: int = 0, feed: bool = False) -> Running:
        """Starts a program with a JSON report and patient waits. It must end with `code`."""
        words = [str(argument) for argument in arguments]
        if words and words[0] in ("relay", "write", "read", "serve", "call"):
            words += ["--json"]
            for option in ("--timeout-ms", "--linger-ms") if words[0] in ("relay", "write") else ("--timeout-ms",):
                if option not in words:
                    words += [option, str(PATIENCE_MS)]
        running = Running(self, language, words, code, feed, len(self.processes) + 1)
        self.processes.append(running)
        return running

    def check_codes(self) -> None:
        """Fails as soon as any process has ended otherwise than it must: the others would wait for it in vain."""
        failed = [process for process in self.processes if process.failed]
        if failed:
            # the first that fails often makes others fail after it, so all of them are shown
            raise Failure("\n".join(f"{process.label} ended with {process.process.returncode}, not {process.code}" for process in failed))

    def pause(self, seconds: float) -> None:
        """For what has no end to wait for. No cell may depend on its length."""
        self._give_up.wait(seconds)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Waits until the condition holds; the text says what is waited for."""
        deadline = time.monotonic() + LIMIT
        while not condition():
            self.check_codes()
            if self._give_up.is_set():
                raise Failure("given up: the run was interrupted")
            if all(process.process.poll() is not None for process in self.processes) and not condition():
                raise Failure(f"all programs have ended, but not: {what}")
            if time.monotonic() > deadline:
                raise Failure(f"waited {LIMIT:.0f} s in vain until {what}")
            time.sleep(STEP)

    def state(self, name: str) -> Optional[zerobuffer.BufferState]:
        """The buffer as an observer sees it, or None while there is none."""
        try:
            return zerobuffer.dump_state(name)
        except zerobuffer.ZeroBufferError:
            return None

    def until_state(self, name: str, condition: Callable[[zerobuffer.BufferState], bool], what: str) -> zerobuffer.BufferState:
        """Waits until the buffer is there and in a state for which the condition holds; returns that state."""
        seen: List[zerobuffer.BufferState] = []

        def holds() -> bool:
            state = self.state(name)
            if state is None or not condition(state):
                return False
            seen.append(state)
            return True

        self.until(holds, what)
        return seen[-1]

    def until_frames(self, name: str, frames: int) -> zerobuffer.BufferState:
        return self.until_state(name, lambda state: state.frames >= frames, f"{frames} frames are published in {name}")

    def frames_of(self, name: str) -> int:
        """How many frames have been published. Meant for a writer that is stopped."""
        state = self.state(name)
        if state is None:
            raise Failure(f"the buffer {name} is gone")
        return state.frames

    def transcript(self) -> str:
        return "\n\n".join(process.said() for process in self.processes)


def agree(what: str, **values: Any) -> None:
    """All of these must be equal; the names say where each comes from."""
    first = next(iter(values.values()))
    if any(value != first for value in values.values()):
        raise Failure(f"{what}: they do not agree: " + ", ".join(f"{name.replace('_', ' ')} {value!r}" for name, value in values.items()))


def require(condition: bool, text: str) -> None:
    if not condition:
        raise Failure(text)
