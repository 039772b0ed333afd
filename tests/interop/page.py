"""The matrix as one HTML file that needs nothing else. Owns its looks; must not know how a cell runs."""

import html
import platform
import time
from typing import Dict, List, Sequence

from cells.cell import Cell, Group
from cells.runner import Outcome

STYLE = """
:root { color-scheme: light dark; --ink: #1b2733; --soft: #5d6b7a; --paper: #f6f7f9; --card: #fff; --line: #dfe4ea; --accent: #1f6feb;
  --good: #14804a; --good-back: #e4f5ec; --bad: #b42318; --bad-back: #fdeae8; --none: #eef0f3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ef; --soft: #93a1b0; --paper: #10151b; --card: #171e26; --line: #2a343f;
  --accent: #6ea8fe; --good: #5fd39a; --good-back: #12301f; --bad: #ff9a8f; --bad-back: #3b1714; --none: #1d252e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 86rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", sans-serif; }
h1 { margin: 0; font-size: 1.7rem; letter-spacing: -.02em; } h2 { margin: 2.6rem 0 .7rem; font-size: 1.1rem; }
.about { color: var(--soft); margin: .3rem 0 1.4rem; }
.totals { display: flex; gap: .8rem; flex-wrap: wrap; }
.total { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: .6rem 1.1rem; min-width: 7.5rem; }
.total b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; } .total span { color: var(--soft); font-size: .82rem; }
.total.good b { color: var(--good); } .total.bad b { color: var(--bad); }
.frame { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: .7rem; }
table { border-collapse: collapse; width: 100%; font-size: .86rem; }
th, td { padding: .38rem .55rem; border-bottom: 1px solid var(--line); text-align: center; white-space: nowrap; }
tr:last-child > * { border-bottom: 0; }
thead th { color: var(--soft); font-weight: 600; font-size: .78rem; }
tbody th { text-align: left; font-weight: 500; white-space: normal; min-width: 17rem; }
tbody th small { color: var(--soft); font-weight: 400; display: block; }
td { font-variant-numeric: tabular-nums; color: var(--soft); }
td span { display: inline-block; min-width: 4.4rem; border-radius: .4rem; padding: .12rem .4rem; }
.pass span { background: var(--good-back); } .pass b { color: var(--good); }
.fail span { background: var(--bad-back); } .fail b, .fail a { color: var(--bad); } .absent span { background: var(--none); }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
details { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--bad); border-radius: .5rem; margin: .6rem 0; }
summary { cursor: pointer; padding: .6rem .9rem; font-weight: 600; }
details p { margin: 0 .9rem .6rem; white-space: pre-wrap; }
pre { margin: 0; padding: .8rem .9rem; overflow-x: auto; border-top: 1px solid var(--line); font: 12.5px/1.45 ui-monospace, Consolas, monospace; }
footer { margin-top: 3rem; color: var(--soft); font-size: .82rem; }
"""
# A link to a failure opens it.
SCRIPT = """
const unfold = () => { const it = document.getElementById(location.hash.slice(1)); if (it && it.tagName === "DETAILS") it.open = true; };
addEventListener("hashchange", unfold); unfold();
"""


def escape(text: str) -> str:
    return html.escape(text, quote=True)


def cell_html(cell: Cell, outcomes: Dict[Cell, Outcome]) -> str:
    outcome = outcomes.get(cell)
    if outcome is None:
        return '<td class="absent" title="not part of this run"><span>·</span></td>'
    took = f"{outcome.seconds:.1f} s"
    if outcome.passed:
        return f'<td class="pass" title="{escape(str(cell))}"><span><b>✓</b> {took}</span></td>'
    return f'<td class="fail" title="{escape(str(cell))}"><span><a href="#{escape(str(cell))}"><b>✗</b> {took}</a></span></td>'


def group_html(group: Group, outcomes: Dict[Cell, Outcome]) -> str:
    rows: List[str] = []
    for scenario in group.scenarios:
        if any(cell in outcomes for cell in scenario.cells):
            cells = "".join(cell_html(cell, outcomes) for cell in scenario.cells)
            numbers = f"<small>{escape(scenario.key)} · scenario {escape(', '.join(scenario.numbers))}</small>"
            rows.append(f"<tr><th scope=\"row\">{escape(scenario.title)}{numbers}</th>{cells}</tr>")
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(group.column_title(languages))}</th>' for languages in group.columns)
    return (
        f'<section><h2>{escape(group.title)}</h2><div class="frame"><table><thead><tr><th></th>{head}</tr></thead>\n'
        f"<tbody>{chr(10).join(rows)}</tbody></table></div></section>"
    )


def failure_html(outcome: Outcome) -> str:
    cell = outcome.cell
    return (
        f'<details id="{escape(str(cell))}"><summary>{escape(cell.scenario.title)}: {escape(cell.column)}</summary>'
        f"<p>{escape(outcome.problem)}</p><pre>{escape(outcome.transcript or 'no program was started')}</pre></details>"
    )


def render(groups: Sequence[Group], outcomes: Sequence[Outcome], seconds: float) -> str:
    """The whole page."""
    by_cell = {outcome.cell: outcome for outcome in outcomes}
    failed = [outcome for outcome in outcomes if not outcome.passed]
    totals = [
        ("good", str(len(outcomes) - len(failed)), "cells passed"),
        ("bad" if failed else "good", str(len(failed)), "cells failed"),
        ("", str(len({outcome.cell.scenario.key for outcome in outcomes})), "scenarios"),
        ("", f"{seconds:.0f} s", "in all"),
    ]
    cards = "".join(f'<div class="total {kind}"><b>{value}</b><span>{text}</span></div>' for kind, value, text in totals)
    failures = "".join(failure_html(outcome) for outcome in failed)
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime())
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>ZeroBuffer across languages: {len(outcomes) - len(failed)} of {len(outcomes)} cells pass</title>
<style>{STYLE}</style></head>
<body><h1>ZeroBuffer across languages</h1>
<p class="about">C++, Python and C# in every combination, through shared memory. Each cell starts the real programs and compares
what they saw with each other and with an independent calculation. Its time is mostly that of starting programs.</p>
<div class="totals">{cards}</div>
{f'<section id="failures"><h2>Failures</h2>{failures}</section>' if failed else ""}
{"".join(group_html(group, by_cell) for group in groups)}
<footer>{when} · Linux {escape(platform.release())} · {escape(platform.machine())}</footer>
<script>{SCRIPT}</script></body></html>
"""
