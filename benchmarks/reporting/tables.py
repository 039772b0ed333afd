"""Tables of a result: every row for the page, and those of docs/performance.md. Owns which columns there are; must not know
how rows came about."""

from dataclasses import dataclass
from typing import Dict, List, Sequence

from reporting.charts import VARIANTS, grouped_ratios
from reporting.names import LANGUAGES, bytes_text, digits, family_title, figure, label_of, ns_text, place_of, rank
from reporting.results import Json, Ratio, Result, Row, grouped, size_of

SIZES = ("message_bytes", "frame_bytes", "payload_bytes")
SHARES = (("p50", "p50"), ("p99", "p99"), ("p999", "p99.9"), ("mean", "mean"))


@dataclass(frozen=True)
class Table:
    """Text in cells; the first cell of a line names it."""

    title: str
    columns: List[str]
    lines: List[List[str]]


def machine_text(run: Json) -> str:
    """The machine in one line."""
    machine = run.get("machine") or {}
    words = [str(machine.get("processor", "unknown processor"))]
    if machine.get("cpus"):
        words.append(f"{machine['cpus']} CPUs")
    caches = machine.get("caches") or {}
    words += [f"{name} {size}" for name, size in caches.items()]
    if machine.get("hypervisor"):
        words.append("virtual")
    words += [str(machine[key]) for key in ("compiler",) if machine.get(key)]
    if machine.get("kernel"):
        words.append(f"Linux {machine['kernel']}")
    return ", ".join(words)


def parameters_text(row: Row) -> str:
    words: List[str] = []
    for key, value in row.parameters.items():
        if key.endswith("_bytes") and isinstance(value, (int, float)):
            words.append(f"{key[:-6].replace('_', ' ')} {bytes_text(value)}")
        elif value is True:
            words.append(key.replace("_", " "))
        elif value is not False and value is not None:
            words.append(f"{key.replace('_', ' ')} {value}")
    return ", ".join(words)


def latency_text(row: Row, key: str) -> str:
    return ns_text(float(row.latency[key])) if key in row.latency else ""


def cpu_text(row: Row) -> str:
    return " + ".join(f"{100 * float(row.cpu[side]):.1f} %" for side in ("first", "second") if side in row.cpu)


def everything(result: Result) -> List[Table]:
    """All rows, a table for each family."""
    tables: List[Table] = []
    for family, rows in grouped(result.rows, lambda row: family_title(row.family)).items():
        timed, paid = any(row.latency for row in rows), any(row.cpu for row in rows)
        columns = ["workload", "system", "median", "quartiles", "range", "n"]
        columns += [title for _, title in SHARES] * timed + ["CPU of both sides"] * paid + ["parameters"]
        lines: List[List[str]] = []
        for row in rows:
            spread = row.spread
            line = [row.name, language_title(row), figure(row.median, row.unit), f"{digits(spread.q1)} … {digits(spread.q3)}",
                    f"{digits(spread.min)} … {digits(spread.max)}", str(row.repetitions)]
            line += [latency_text(row, key) for key, _ in SHARES] * timed + [cpu_text(row)] * paid + [parameters_text(row)]
            lines.append(line)
        tables.append(Table(family, columns, lines))
    return tables


def language_title(row: Row) -> str:
    return row.system + ("" if row.language in ("cpp", "") else f" ({LANGUAGES.get(row.language, row.language)})")


def ratio_line(ratio: Ratio) -> List[str]:
    sign = {"at_most": "≤", "at_least": "≥"}.get(ratio.kind or "", "")
    spread = ratio.spread
    return [ratio.name, f"{digits(ratio.median)} {ratio.difference}".strip(), f"{digits(spread.q1)} … {digits(spread.q3)}", f"{digits(spread.min)} … {digits(spread.max)}",
            f"{sign} {ratio.limit:g} {ratio.difference}".strip() if sign else "", {True: "reached", False: "missed", None: ""}[ratio.reached]]


RATIO_COLUMNS = ["ratio", "median", "quartiles", "range", "target", ""]


def ratios(result: Result) -> List[Table]:
    return [Table(title, RATIO_COLUMNS, [ratio_line(ratio) for ratio in group])
            for title, group in grouped_ratios(result).items()]


def pivot(title: str, rows: Sequence[Row], columns: Dict[str, str], column_of: Dict[str, str]) -> Table:
    """Systems downward, workloads across."""
    lines: List[List[str]] = []
    for (name, *_), mine in grouped(sorted(rows, key=rank), lambda row: (label_of(row), row.language, row.system)).items():
        cells = {column_of[row.name]: figure(row.median, row.unit) for row in mine}
        language = mine[0].language
        suffix = f" ({LANGUAGES.get(language, language)})" if language not in ("cpp", "") and mine[0].system != "zerobuffer" else ""
        lines.append([f"{name}{suffix}", *(cells.get(key, "") for key in columns)])
    return Table(title, ["", *columns.values()], lines)


def by_size_table(title: str, rows: Sequence[Row]) -> Table:
    sizes = sorted({size for size in map(size_of, rows) if size})
    columns = {f"{size:g}": bytes_text(size) for size in sizes}
    return pivot(title, rows, columns, {row.name: f"{size_of(row) or 0:g}" for row in rows})


def latency_table(title: str, rows: Sequence[Row]) -> Table:
    lines = [[label_of(row), figure(row.p50, "ns") if row.p50 else "", *(latency_text(row, key) for key, _ in SHARES[1:])]
             for row in sorted(rows, key=rank)]
    return Table(title, ["", *(share for _, share in SHARES)], lines)


def plain_table(title: str, rows: Sequence[Row]) -> Table:
    lines = [[row.name, language_title(row), figure(row.median, row.unit), f"{digits(row.spread.q1)} … {digits(row.spread.q3)}", cpu_text(row)]
             for row in rows]
    columns = ["workload", "system", "median", "quartiles", "CPU of both sides"]
    if not any(line[-1] for line in lines):
        columns, lines = columns[:-1], [line[:-1] for line in lines]
    return Table(title, columns, lines)


def variants(rows: Sequence[Row]) -> Dict[str, List[Row]]:
    """Rows that differ in size and system alone, by what they have in common."""
    groups: Dict[str, List[Row]] = {}
    for row in rows:
        place = place_of(row)
        groups.setdefault(VARIANTS.get(place.variant, place.variant.replace("_", " ")), []).append(row)
    return groups
