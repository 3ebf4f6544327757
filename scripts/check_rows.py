#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Says which rows of the requirement list a test names, and fails when one is named by none.

tests/conformance/rows.txt has a row per line: `<ID> <level> <text>`. A test names a row as S-039, S039 or S_039, in its
name or in a comment. tests/conformance/rows-deferred.txt lists the rows that wait, with the reason: `<ID> <reason>`.
  scripts/check_rows.py [--list]   --list: every row and the files that name it
"""
import collections
import pathlib
import re
import sys

ROWS = pathlib.Path("tests/conformance/rows.txt")
DEFERRED = pathlib.Path("tests/conformance/rows-deferred.txt")
ROW_ID = re.compile(r"(?<![A-Za-z0-9])(?:([SR])[-_]?(\d{3})|(C)[-_]?(\d{2}))(?![0-9])")
TOPS = ("libcni", "ipam", "plugins", "agent", "tools", "tests")
SUITES = {"S": "plugin side", "R": "runtime side", "C": "cnitool"}


def is_test(path):
    if path.name.endswith(("_test.cpp", "_test.py")):
        return True
    if path.suffix not in (".cpp", ".h", ".py", ".sh"):
        return False
    return path.parts[0] == "tests" or path.parts[:3] == ("tools", "cnitool", "conformance")


def read_table(path):
    """ID -> the rest of the line."""
    table = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                row, _, rest = line.strip().partition(" ")
                table[row] = rest.strip()
    return table


def rows_named():
    """ID -> the test files that name it."""
    named = collections.defaultdict(set)
    for top in TOPS:
        for path in pathlib.Path(top).rglob("*"):
            if path.is_file() and is_test(path):
                for suite, number, other, short in ROW_ID.findall(path.read_text(encoding="utf-8", errors="replace")):
                    named[f"{suite or other}-{number or short}"].add(path.as_posix())
    return named


def main():
    rows, deferred, named = read_table(ROWS), read_table(DEFERRED), rows_named()
    if not rows:
        print(f"rows: {ROWS} is missing or empty")
        return 1
    if "--list" in sys.argv[1:]:
        for row, text in rows.items():
            print(f"{row}  {text}\n       {', '.join(sorted(named.get(row, ()))) or deferred.get(row, 'NOT COVERED')}")
    for suite, title in SUITES.items():
        of_suite = [row for row in rows if row.startswith(suite)]
        covered = sum(row in named for row in of_suite)
        waiting = sum(row in deferred and row not in named for row in of_suite)
        print(f"rows: {title}: {covered} of {len(of_suite)} covered" + (f", {waiting} deferred" if waiting else ""))
    for row, reason in deferred.items():
        if row in rows and row not in named:
            print(f"rows: deferred {row}: {reason}")
    bad = [f"no test names {row}: {text}" for row, text in rows.items() if row not in named and row not in deferred]
    bad += [f"{DEFERRED}: {row} is covered; remove the line" for row in deferred if row in named]
    bad += [f"{DEFERRED}: {row} is not a row of {ROWS}" for row in deferred if row not in rows]
    bad += [f"{', '.join(sorted(files))}: {row} is not a row of {ROWS}" for row, files in sorted(named.items()) if row not in rows]
    for line in bad:
        print(f"rows: {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
