"""What a cell is: one scenario with one combination of languages. Owns how scenarios are declared and found.

A scenario is a function `(bench, *languages)` that raises where something is not as it must be. Its group says which
combinations there are; every combination is a cell of the table.
"""

import itertools
from dataclasses import dataclass, field
from typing import Callable, List, Tuple

from .bench import Bench
from .programs import LANGUAGES, Language

Combination = Tuple[Language, ...]
Body = Callable[..., None]


@dataclass(frozen=True)
class Cell:
    scenario: "Scenario"
    languages: Combination

    @property
    def column(self) -> str:
        return self.scenario.group.column_title(self.languages)

    def __str__(self) -> str:
        return f"{self.scenario.key}-{'-'.join(language.value for language in self.languages)}"

    def run(self, bench: Bench) -> None:
        self.scenario.body(bench, *self.languages)


@dataclass(frozen=True)
class Scenario:
    """A row. `numbers` are those of tests/scenarios.md; `short` rows belong to the short matrix."""

    group: "Group" = field(repr=False)
    key: str
    title: str
    numbers: Tuple[str, ...]
    short: bool
    body: Body = field(repr=False)

    @property
    def cells(self) -> List[Cell]:
        return [Cell(self, languages) for languages in self.group.columns]


@dataclass(frozen=True)
class Group:
    """A table: its combinations of languages are the columns."""

    key: str
    title: str
    columns: Tuple[Combination, ...]
    scenarios: List[Scenario] = field(default_factory=list, repr=False, compare=False)

    def column_title(self, languages: Combination) -> str:
        return " → ".join(language.title for language in languages)

    def scenario(self, title: str, *numbers: str, short: bool = False) -> Callable[[Body], Body]:
        """Declares the function as a row of this table, under its own name."""

        def declare(body: Body) -> Body:
            self.scenarios.append(Scenario(self, body.__name__, title, numbers, short, body))
            return body

        return declare

    @property
    def cells(self) -> List[Cell]:
        return [cell for scenario in self.scenarios for cell in scenario.cells]


PAIRS = tuple(itertools.product(LANGUAGES, repeat=2))
ORDERS = tuple(itertools.permutations(LANGUAGES))
EACH = tuple((language,) for language in LANGUAGES)
