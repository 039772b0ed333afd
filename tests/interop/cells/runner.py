"""Runs cells, a few at once, each on a bench of its own. Owns the outcome of a cell and the folder that all scratch lies in.

Must not know how outcomes are shown.
"""

import tempfile
import threading
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import List, Optional, Type

from .bench import Bench
from .cell import Cell
from .programs import Failure

JOBS = 2


@dataclass(frozen=True)
class Outcome:
    """What became of a cell. `problem` is empty where all was well; `transcript` is what its programs said."""

    cell: Cell
    seconds: float
    problem: str
    transcript: str

    @property
    def passed(self) -> bool:
        return not self.problem


def run_cell(cell: Cell, folder: Path, give_up: threading.Event) -> Outcome:
    """Runs one cell. Whatever goes wrong is part of the outcome, never raised."""
    began = time.monotonic()
    problem, bench = "", None
    shared = folder / "shared"
    shared.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f"{cell}-") as scratch:
        try:
            bench = Bench(Path(scratch), shared, give_up)
            with bench:
                cell.run(bench)
        except Failure as failure:
            problem = str(failure) or "failed"
        except Exception:
            problem = traceback.format_exc()
        transcript = bench.transcript() if bench is not None and problem else ""
    return Outcome(cell, time.monotonic() - began, problem, transcript)


class Runner:
    """Cells that were submitted run in their order. Leaving the block gives up what still runs."""

    def __init__(self, jobs: int = JOBS) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="zerobuffer-interop-")
        self._give_up = threading.Event()
        self._pool = ThreadPoolExecutor(jobs)

    def submit(self, cells: List[Cell]) -> "List[Future[Outcome]]":
        return [self._pool.submit(run_cell, cell, Path(self._folder.name), self._give_up) for cell in cells]

    def close(self) -> None:
        self._give_up.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._folder.cleanup()

    def __enter__(self) -> "Runner":
        return self

    def __exit__(
        self, error_type: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        self.close()
