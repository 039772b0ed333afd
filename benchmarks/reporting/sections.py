"""Renews the generated parts of a Markdown page: what stands between `<!-- generated: NAME -->` and `<!-- end -->`. Owns the
markers and which tables each name means; the words around them belong to whoever writes the page."""

import re
from typing import Callable, Dict, List

from reporting import tables
from reporting.names import family_title
from reporting.results import Result, Row, size_of
from reporting.tables import Table, machine_text

SECTION = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

LEFT = ("", "system", "target", "parameters")  # columns of words


class SectionError(Exception):
    """What is wrong with the page, for people."""


def of(result: Result, *families: str) -> List[Row]:
    titles = {family_title(family) for family in families}
    return [row for row in result.rows if family_title(row.family) in titles]


def machine(result: Result) -> List[Table]:
    run = result.run
    lines = [["machine", machine_text(run)], ["command", f"`{run.get('command', '')}`"], ["date", str(run.get("date", ""))], ["commit", str(run.get("commit", ""))],
             ["placement of the CPUs", "near" if result.placement == "near" else f"{result.placement}, at least for a part: no verdicts there"]]
    return [Table("", ["", ""], lines)]


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def round_trips(result: Result) -> List[Table]:
    rows = of(result, "rtt")
    found: List[Table] = []
    for name, mine in tables.variants(rows).items():
        where = name or "two CPUs"
        if len({size_of(row) for row in mine}) > 1:
            found.append(tables.by_size_table(f"Medians by size, {where}", mine))
        small = [row for row in mine if size_of(row) == 64 and row.latency]
        if small:
            found.append(tables.latency_table(f"64 bytes, {where}", small))
    return found


def sized(*families: str) -> Callable[[Result], List[Table]]:
    def make(result: Result) -> List[Table]:
        rows = [row for row in of(result, *families) if size_of(row)]
        return [tables.by_size_table(capital(name), mine) for name, mine in tables.variants(rows).items()]

    return make


def plain(*families: str) -> Callable[[Result], List[Table]]:
    def make(result: Result) -> List[Table]:
        rows = of(result, *families)
        return [tables.plain_table("", rows)] if rows else []

    return make


GENERATED: Dict[str, Callable[[Result], List[Table]]] = {
    "machine": machine, "ratios": tables.ratios, "round-trips": round_trips, "messages": sized("one_way"), "frames": sized("frames"),
    "video": plain("video"), "calls": plain("calls"), "readers": plain("readers"), "chains": plain("chain"), "costs": plain("cost", "life"),
    "floors": plain("floor"), "instructions": plain("instructions"), "others": plain("other", "languages"),
}


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def markdown(table: Table) -> str:
    head = f"**{table.title}**\n\n" if table.title else ""
    rule = "|".join(["---", *("---" if column in LEFT else "---:" for column in table.columns[1:])])
    lines = ["| " + " | ".join(map(cell, line)) + " |" for line in table.lines]
    return head + "\n".join(["| " + " | ".join(map(cell, table.columns)) + " |", f"|{rule}|", *lines]) + "\n"


def renew(text: str, result: Result) -> str:
    """The page with every generated part made anew from the result."""
    if text.count("<!-- generated: ") != len(SECTION.findall(text)):
        raise SectionError("a generated part has no end, or its name is not made of a-z and -")

    def content(match: "re.Match[str]") -> str:
        make = GENERATED.get(match[2])
        if make is None:
            raise SectionError(f"nothing is generated as {match[2]}; there are: {', '.join(GENERATED)}")
        made = [table for table in make(result) if table.lines]
        inner = "\n".join(map(markdown, made)) if made else "The reference run holds no such rows.\n"
        return f"{match[1]}\n{inner}\n{match[3]}"

    return SECTION.sub(content, text)
