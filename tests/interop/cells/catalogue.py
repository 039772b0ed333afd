"""All tables, in the order in which they are shown and run."""

from typing import List

from .arrays import arrays
from .calls import call_endings, calls, services
from .cell import Cell, Group
from .chains import broken_chains, chains
from .crowds import crowds
from .endings import endings
from .mistakes import own_mistakes, shared_mistakes
from .pairs import pairs
from .sharing import sharing

GROUPS: List[Group] = [
    pairs, arrays, endings, shared_mistakes, calls, call_endings, services, chains, broken_chains, sharing, crowds, own_mistakes
]


def all_cells(short: bool = False) -> List[Cell]:
    return [cell for group in GROUPS for cell in group.cells if cell.scenario.short or not short]
