"""All tables, in the order in which they are shown and run."""

from typing import List

from .arrays import arrays
from .cell import Cell, Group
from .chains import broken_chains, chains
from .crowds import crowds
from .endings import endings
from .mistakes import own_mistakes, shared_mistakes
from .pairs import pairs

GROUPS: List[Group] = [pairs, arrays, endings, shared_mistakes, chains, broken_chains, crowds, own_mistakes]


def all_cells(short: bool = False) -> List[Cell]:
    return [cell for group in GROUPS for cell in group.cells if cell.scenario.short or not short]
