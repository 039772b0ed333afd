#!/usr/bin/env python3
"""Makes a result file readable: an HTML page with plots, the generated tables of docs/performance.md, a small copy to keep.
Owns the command line; reporting/ makes the pages. Measures nothing."""

import argparse
import sys
from pathlib import Path
from typing import Any

from reporting.page import page
from reporting.reference import small_copy
from reporting.results import ResultError, read
from reporting.sections import SectionError, renew


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes the report page of a result file of run.py (or of one driver with --json).")
    parser.add_argument("result", type=Path, metavar="RESULT", help="a file of JSON lines")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write DIR/index.html, one file that needs nothing else")
    parser.add_argument("--performance", type=Path, metavar="FILE", help="renew the generated tables in this Markdown page")
    parser.add_argument("--small", type=Path, metavar="FILE", help="write a small copy of the result, as it is kept in benchmarks/results")
    parser.add_argument("--check", action="store_true", help="with --performance: write nothing, fail where it would change")
    arguments: Any = parser.parse_args()
    if arguments.out is None and arguments.performance is None and arguments.small is None:
        parser.error("nothing to do: --out DIR, --performance FILE or --small FILE")
    try:
        result = read(arguments.result)
        if arguments.out is not None:
            arguments.out.mkdir(parents=True, exist_ok=True)
            target = arguments.out / "index.html"
            target.write_text(page(result), encoding="utf-8")
            print(target)
        if arguments.small is not None:
            lines = small_copy(arguments.result.read_text(encoding="utf-8").splitlines())
            arguments.small.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        if arguments.performance is not None:
            before = arguments.performance.read_text(encoding="utf-8")
            after = renew(before, result)
            if arguments.check and after != before:
                print(f"report: {arguments.performance} is not what {arguments.result} gives", file=sys.stderr)
                return 1
            if after != before:
                arguments.performance.write_text(after, encoding="utf-8")
    except (ResultError, SectionError, OSError) as error:
        print(f"report: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
