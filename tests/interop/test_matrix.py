"""Every cell of the matrix as a test. The docstrings carry the numbers of tests/scenarios.md; the cells stand in cells/."""

from concurrent.futures import Future
from typing import Dict, List

import pytest

from cells.arrays import arrays
from cells.calls import call_endings, calls, services
from cells.catalogue import GROUPS, all_cells
from cells.cell import Cell, Group
from cells.chains import broken_chains, chains
from cells.crowds import crowds
from cells.endings import endings
from cells.mistakes import own_mistakes, shared_mistakes
from cells.pairs import pairs
from cells.runner import Outcome
from cells.sharing import sharing

Outcomes = Dict[Cell, "Future[Outcome]"]
TESTED: List[Group] = []


def cells_of(group: Group) -> pytest.MarkDecorator:
    TESTED.append(group)
    return pytest.mark.parametrize("cell", [pytest.param(cell, id=str(cell)) for cell in group.cells])


def check(outcomes: Outcomes, cell: Cell) -> None:
    outcome = outcomes[cell].result()
    if not outcome.passed:
        pytest.fail(f"{outcome.problem}\n\n{outcome.transcript}", pytrace=False)


@cells_of(pairs)
def test_a_stream_arrives_as_it_was_sent(outcomes: Outcomes, cell: Cell) -> None:
    """Scenario 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.1, 2.3, 2.4, 2.5, 2.8, 3.1, 4.10, 9.1"""
    check(outcomes, cell)


@cells_of(arrays)
def test_an_array_keeps_its_elements_and_its_shape(outcomes: Outcomes, cell: Cell) -> None:
    """Scenario 9.1"""
    check(outcomes, cell)


@cells_of(endings)
def test_whoever_is_left_knows_how_the_stream_ended(outcomes: Outcomes, cell: Cell) -> None:
    """Scenario 4.1, 4.2, 4.3, 4.4, 4.6, 4.10, 4.15, 9.1, 9.3"""
    check(outcomes, cell)


@cells_of(shared_mistakes)
def test_a_mistake_beside_another_program_has_one_exit_code(outcomes: Outcomes, cell: Cell) -> None:
    """Scenario 1.7, 2.2, 2.4, 4.10, 9.1"""
    check(outcomes, cell)


@cells_of(calls)
def test_a_call_is_answered_with_what_the_server_makes_of_it(outcomes: Outcomes, cell: Cell) -> None:
    """Scenario 6.1, 6.2, 6.3, 6.7, 6.8, 6.9, 9.1"""
    check(outcomes, cell)


@cells_of(call_endings)
def test_whoever_calls_or_serves_knows_how_it_ended(outcomes: Outcomes, cell: Cell) -> None:
    """Scenario 6.4, 6.5, 6.6, 6.10, 9.1, 9.3"""
    check(outcomes, cell)


@cells_of(services)
def test_a_server_serves_clients_of_every_language_at_once(outcomes: Outcomes, cell: Cell) -> None:
    """Scenario 8.2, 9.1"""
    check(outcomes, cell)


@cells_of(chains)
def test_a_chain_of_three_languages_passes_everything_on(outcomes: Outcomes, cell: Cell) -> None:
    """Scenario 2.3, 2.8, 4.10, 9.1, 9.2"""
    check(outcomes, cell)


@cells_of(broken_chains)
def test_in_a_broken_chain_the_others_agree_on_what_they_saw(outcomes: Outcomes, cell: Cell) -> None:
    """Scenario 4.1, 4.2, 9.3"""
    check(outcomes, cell)


@cells_of(sharing)
def test_a_chain_of_three_languages_shares_payloads(outcomes: Outcomes, cell: Cell) -> None:
    """Scenario 7.2, 7.3, 7.4, 7.5, 9.1, 9.3"""
    check(outcomes, cell)


@cells_of(crowds)
def test_readers_of_all_languages_share_one_writer(outcomes: Outcomes, cell: Cell) -> None:
    """Scenario 8.1, 9.1, 9.3"""
    check(outcomes, cell)


@cells_of(own_mistakes)
def test_a_program_alone_obeys_the_common_command_line(outcomes: Outcomes, cell: Cell) -> None:
    """Scenario 1.7, 1.8, 2.2, 2.9, 4.10, 4.12, 5.1, 5.3, 5.4, 9.1"""
    check(outcomes, cell)


def test_every_cell_is_tested_and_every_number_of_a_row_stands_at_its_test() -> None:
    assert TESTED and sorted(group.key for group in TESTED) == sorted(group.key for group in GROUPS)
    names = [str(cell) for cell in all_cells()]
    assert len(set(names)) == len(names)
    documented = {function.pytestmark[0].args[1][0].values[0].scenario.group.key: function.__doc__ or "" for function in (
        value for name, value in globals().items() if name.startswith("test_") and getattr(value, "pytestmark", None)
    )}  # fmt: skip
    for group in GROUPS:
        stated = set(documented[group.key].replace("Scenario ", "").split(", "))
        assert stated == {number for scenario in group.scenarios for number in scenario.numbers}, group.key
