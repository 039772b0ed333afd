#!/usr/bin/env python3
"""Lists which test carries which number of tests/scenarios.md, and fails while a number has no test.

Owns the form of a mention: `Scenario 4.1` or `Scenario 2.3, 2.5`. It reads test files only and cannot know whether a test
is any good. A number that the list does not have is an error too.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEST_FILES = ("cpp/tests/**/test_*.cpp", "cpp/tests/c/test_*.c", "cpp/tests/explorer/*.cpp", "cpp/fuzz/fuzz_*.cpp",
              "python/tests/**/test_*.py", "csharp/ZeroBuffer.Tests/**/*Tests.cs", "tests/**/test_*.py", "protocol/reference/tests/**/test_*.py")
ROW = re.compile(r"^- (\d+\.\d+) (.+)$", re.MULTILINE)
MENTION = re.compile(r"\bScenarios? (\d+\.\d+(?:(?:, | and )\d+\.\d+)*)")


def main() -> int:
    rows = dict(ROW.findall((ROOT / "tests/scenarios.md").read_text(encoding="utf-8")))
    tested: dict[str, set[str]] = defaultdict(set)
    for pattern in TEST_FILES:
        for path in ROOT.glob(pattern):
            for mention in MENTION.findall(path.read_text(encoding="utf-8")):
                for number in re.findall(r"\d+\.\d+", mention):
                    tested[number].add(str(path.relative_to(ROOT)))

    for number, title in rows.items():
        files = ", ".join(sorted(tested[number])) if number in tested else "NO TEST: " + title
        print(f"{number:>5}  {files}")
    missing = [number for number in rows if number not in tested]
    unknown = sorted(set(tested) - set(rows))
    for number in unknown:
        print(f"{number:>5}  is not in tests/scenarios.md but in {', '.join(sorted(tested[number]))}")
    print(f"check_scenarios: {len(rows) - len(missing)} of {len(rows)} scenarios have a test"
          + (f"; missing: {' '.join(missing)}" if missing else ""))
    return 1 if missing or unknown or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
