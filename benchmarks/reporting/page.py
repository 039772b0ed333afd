"""A result as one HTML file that needs nothing else: no script, no font, no picture from elsewhere, light or dark as the
reader's system is. Owns the looks; must not know what a workload does."""

from typing import List, Sequence, Tuple

from reporting import charts, tables
from reporting.charts import Figure
from reporting.names import digits, figure
from reporting.results import Result
from reporting.svg import escape
from reporting.tables import Table, machine_text

# Colours after Okabe and Ito, which people with any kind of colour vision tell apart; ours is the only strong blue.
STYLE = """
:root { color-scheme: light dark; --ink: #17212b; --soft: #5b6875; --paper: #f5f6f8; --card: #fff; --line: #e1e6eb; --grid: #e9edf1; --base: #aab4be;
  --ours: #0068b5; --floor: #7d8996; --amber: #c27c00; --green: #00805c; --red: #cc4e00; --pink: #b3548c; --olive: #857600; --grey: #59636e; --slate: #8a94a0;
  --missed: #cc4e00; --good: #00805c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5eaf0; --soft: #98a5b3; --paper: #0f141a; --card: #161d25; --line: #27313c; --grid: #212a34; --base: #55616e;
  --ours: #58b0ff; --floor: #8693a1; --amber: #f0b23f; --green: #33c79b; --red: #ff8a4a; --pink: #e796c3; --olive: #d9cb4a; --grey: #b9c3cd; --slate: #7f8b98;
  --missed: #ff8a4a; --good: #33c79b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.6rem 1.5rem 4rem; max-width: 90rem; background: var(--paper); color: var(--ink); font: 15px/1.55 system-ui, "Segoe UI", sans-serif; }
h1 { margin: 0; font-size: 1.8rem; letter-spacing: -.02em; } h2 { margin: 3.2rem 0 .3rem; font-size: 1.3rem; letter-spacing: -.01em; }
h3 { margin: 0 0 .1rem; font-size: 1rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); } .warn { color: var(--missed); font-weight: 600; }
nav { margin: 1.2rem 0 0; display: flex; gap: .4rem 1.2rem; flex-wrap: wrap; } a { color: var(--ours); text-decoration: none; } a:hover { text-decoration: underline; }
code { font: .88em ui-monospace, Consolas, monospace; overflow-wrap: anywhere; }
.cards { display: flex; gap: .8rem; flex-wrap: wrap; margin: 1.4rem 0 0; }
.fact { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: .7rem 1.1rem; min-width: 11rem; }
.fact b { display: block; font-size: 1.6rem; line-height: 1.3; letter-spacing: -.02em; font-variant-numeric: tabular-nums; } .fact span { color: var(--soft); font-size: .84rem; display: block; max-width: 17rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 38rem), 1fr)); gap: 1.1rem; margin-top: .9rem; align-items: start; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: 1rem 1.1rem .7rem; min-width: 0; }
figcaption { color: var(--soft); font-size: .84rem; } figcaption h3 { color: var(--ink); }
svg { display: block; width: 100%; height: auto; margin-top: .4rem; font: 12px system-ui, "Segoe UI", sans-serif; overflow: visible; }
svg .grid { stroke: var(--grid); fill: none; } svg .base { stroke: var(--base); fill: none; }
svg .tick { fill: var(--soft); font-size: 11.5px; font-variant-numeric: tabular-nums; } svg .axis { fill: var(--soft); font-size: 11.5px; }
svg .end { text-anchor: end; } svg .middle { text-anchor: middle; }
svg .line { fill: none; stroke: var(--c); stroke-width: 1.7; stroke-linejoin: round; stroke-linecap: round; } svg .bold .line { stroke-width: 3; }
svg .dashed .line { stroke-dasharray: 6 4; } svg .dotted .line { stroke-dasharray: .1 5; } svg .fine .line { stroke-width: 1.7; } svg .faint .line { stroke-width: 1.2; opacity: .75; }
svg .floor .line { stroke-width: 1.4; stroke-dasharray: 3 4; }
svg .dot { fill: var(--c); stroke: var(--card); stroke-width: 1; } svg .ghost { fill: transparent; } svg .faint .dot { opacity: 0; }
svg .leader { stroke: var(--c); stroke-width: .7; opacity: .55; fill: none; }
svg .name { fill: var(--c); font-size: 12px; } svg .bold .name { font-weight: 650; }
svg .range { stroke: var(--c); stroke-width: 1.2; } svg .box { stroke: var(--c); stroke-width: 5; stroke-linecap: round; opacity: .45; } svg .range, svg .box { fill: none; }
svg .target { stroke: var(--ink); stroke-width: 1.4; fill: none; }
svg .row { fill: var(--ink); font-size: 12px; } svg .value { fill: var(--ink); text-anchor: end; font-weight: 600; font-variant-numeric: tabular-nums; }
svg .note { fill: var(--soft); } svg .missed .note { fill: var(--missed); font-weight: 600; } svg .missed .dot { fill: var(--card); stroke: var(--c); stroke-width: 2.4; }
.ours { --c: var(--ours); } .floor { --c: var(--floor); } .amber { --c: var(--amber); } .green { --c: var(--green); } .red { --c: var(--red); } .pink { --c: var(--pink); }
.olive { --c: var(--olive); } .grey { --c: var(--grey); } .slate { --c: var(--slate); } .missed { --c: var(--missed); }
details { margin-top: .8rem; background: var(--card); border: 1px solid var(--line); border-radius: .7rem; } summary { cursor: pointer; padding: .65rem 1rem; font-weight: 600; }
summary small { color: var(--soft); font-weight: 400; }
.more { background: none; } .more .figures { margin: 0; padding: 0 1rem 1rem; }
.frame { overflow-x: auto; border-top: 1px solid var(--line); } table { border-collapse: collapse; width: 100%; font-size: .84rem; }
th, td { padding: .32rem .8rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
tr:last-child > * { border-bottom: 0; } thead th { color: var(--soft); font-weight: 600; } tbody th { font-weight: 500; }
th:first-child, td.text { text-align: left; } td { color: var(--soft); } td.main { color: var(--ink); font-weight: 600; } td.bad { color: var(--missed); font-weight: 600; } td.good { color: var(--good); }
footer { margin-top: 3rem; color: var(--soft); font-size: .84rem; }
"""
SECTIONS: Tuple[Tuple[str, str, str], ...] = (
    ("latency", "How long a single operation takes", "From the fastest to the slowest of all that were timed. Every line is one system, both sides in two processes."),
    ("ratios", "Ratios, their spread and their targets", "Each is the median of quotients of two figures that were measured directly one after the other. Thick: quartiles. Thin: all repetitions. "
     "The bracket is the target, open towards its good side; a hollow dot misses it. 1 is the system it is compared with."),
    ("size", "By size", "Medians of all repetitions."),
    ("scaling", "More readers, more threads", "On a machine with few CPUs these share what there is."),
    ("video", "Video at fixed rates", "1080p pictures, one side writes at a fixed rate, the other reads each as it comes."),
    ("costs", "Single steps", ""),
)
HEADLINES: Tuple[Tuple[str, str], ...] = (
    ("rtt64", "64 bytes there and back, default policy"), ("rtt64_one_cpu", "the same with both processes on one CPU"),
    ("stream64", "64-byte messages, each published alone"), ("frame6m_read", "6.2 MB frames, copied in, read in place"), ("call64", "a 64-byte call and its answer"),
)


def facts(result: Result) -> str:
    parts: List[str] = []
    judged = [ratio for ratio in result.ratios if ratio.reached is not None]
    if judged:
        parts.append(f'<div class="fact"><b>{sum(bool(ratio.reached) for ratio in judged)} of {len(judged)}</b><span>targets reached</span></div>')
    for name, text in HEADLINES:
        row = result.row(name)
        if row is not None:
            parts.append(f'<div class="fact"><b>{escape(figure(row.median, row.unit))}</b><span>{escape(text)}</span></div>')
    return f'<div class="cards">{"".join(parts)}</div>'


def figures_html(figures: Sequence[Figure]) -> str:
    def caption(one: Figure) -> str:
        return f"<figcaption><h3>{escape(one.title)}</h3>{escape(one.note)}</figcaption>"

    return '<div class="figures">' + "\n".join(f"<figure>{caption(one)}{one.svg}</figure>" for one in figures) + "</div>"


def more_html(title: str, figures: Sequence[Figure]) -> str:
    """Folded away."""
    if not figures:
        return ""
    return f'<details class="more"><summary>{escape(title)} <small>{len(figures)}</small></summary>{figures_html(figures)}</details>'


def table_html(table: Table, opened: bool = False) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    lines: List[str] = []
    for line in table.lines:
        cells = [f'<th scope="row">{escape(line[0])}</th>']
        for column, cell in zip(table.columns[1:], line[1:]):
            style = {"median": "main", "system": "text", "parameters": "text"}.get(column) or {"missed": "bad", "reached": "good"}.get(cell, "")
            cells.append(f'<td class="{style}">{escape(cell)}</td>' if style else f"<td>{escape(cell)}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return (f'<details{" open" if opened else ""}><summary>{escape(table.title)} <small>{len(table.lines)}</small></summary><div class="frame"><table>'
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div></details>")


def warnings(result: Result) -> List[str]:
    found: List[str] = []
    if result.short:
        found.append("A short run: it shows that everything works; its figures are worth nothing.")
    elif result.placement == "far":
        found.append("The CPUs were far from each other, at least for a part: no verdicts there, and figures are not those of near CPUs.")
    failed = result.run.get("failed") or []
    if failed:
        found.append(f"Incomplete: {', '.join(map(str, failed))} failed.")
    return found


def page(result: Result) -> str:
    run = result.run
    figures = {"latency": charts.latency_curves(result), "ratios": charts.ratio_plots(result), "size": charts.by_size(result),
               "scaling": charts.scaling(result), "video": charts.video(result), "costs": charts.costs(result)}
    sections = [(key, title, note) for key, title, note in SECTIONS if figures[key]]
    about = [f"<p>{escape(machine_text(run))}</p>"]
    if run.get("command"):
        commit = f", commit {escape(str(run['commit']))}" if run.get("commit") else ""
        about.append(f'<p class="soft"><code>{escape(str(run["command"]))}</code>, {escape(str(run.get("date", "")))}{commit}</p>')
    steal = (run.get("machine") or {}).get("steal_share")
    if steal is not None:
        about.append(f'<p class="soft">The hypervisor took {digits(100 * float(steal))} % of the time of the CPUs while this ran.</p>')
    for reason in dict.fromkeys(result.not_run.values()):
        names = ", ".join(name for name, why in result.not_run.items() if why == reason)
        about.append(f'<p class="soft">Not run, {escape(reason)}: {escape(names)}</p>')
    about += [f'<p class="warn">{escape(text)}</p>' for text in warnings(result)]
    links = "".join(f'<a href="#{key}">{escape(title)}</a>' for key, title, _ in sections)
    more = {"latency": more_html("Of other sizes", charts.latency_curves(result, small=False))}
    body = "\n".join(f'<section id="{key}"><h2>{escape(title)}</h2><p class="soft">{escape(note)}</p>{figures_html(figures[key])}{more.get(key, "")}</section>'
                     for key, title, note in sections)
    all_ratios, all_rows = tables.ratios(result), tables.everything(result)
    rows = "".join(map(table_html, all_rows))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>ZeroBuffer: measured</title><style>{STYLE}</style></head><body>
<header><h1>ZeroBuffer: measured</h1>{"".join(about)}{facts(result)}
<nav>{links}<a href="#tables">All figures</a></nav></header>
{body}
<section id="tables"><h2>All figures</h2><p class="soft">Medians of all repetitions with quartiles and range. Ratios first.</p>
{"".join(table_html(Table(f"Ratios: {table.title}", table.columns, table.lines)) for table in all_ratios)}{rows}</section>
<footer>How figures come about: docs/benchmarks.md. Absolute figures of a virtual machine drift within minutes; ratios hold.</footer>
</body></html>
"""
