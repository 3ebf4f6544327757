#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares docs/threat-model.md with the tests. Fails when
  * a row of a table with the column "test" names no test, or a test that does not exist,
  * a file of tests/attacks is in no row.
A test is named as ctest does: `attacks.tunnel` is tests/attacks/tunnel_test.py, `Suite.Name` a GoogleTest, `Class.test_name` a method; `*` stands for any text.
"""
import fnmatch
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = "docs/threat-model.md"
GTEST = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)")
METHOD = re.compile(r"^class (\w+)|^    def (test_\w+)", re.M)


def gtests():
    for path in ROOT.rglob("*_test.cpp"):
        if "build" not in path.relative_to(ROOT).parts:
            for suite, name in GTEST.findall(path.read_text(encoding="utf-8")):
                yield f"{suite}.{name}"


def methods(path):
    current = ""
    for name, method in METHOD.findall(path.read_text(encoding="utf-8")):
        current = name or current
        if method:
            yield f"{current}.{method}"


def all_tests():
    tests = set(gtests())
    for path in (ROOT / "tests").rglob("*_test.py"):
        lane, name = path.parent.name, path.stem
        tests |= {f"{lane}.{name}", f"{lane}.{name.removesuffix('_test')}", *methods(path)}
    return tests


def rows(text):
    """(line, the last cell) of the tables whose last column is "test"."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")] if line.startswith("|") else []
        if not cells:
            inside = False
        elif cells[-1] == "test":
            inside = True
        elif inside and not set(line) <= set("|- "):
            yield number, cells[-1]


def main():
    tests, named, problems = all_tests(), set(), []
    for number, cell in rows((ROOT / PAGE).read_text(encoding="utf-8")):
        names = re.findall(r"`([^`]+)`", cell)
        if not names:
            problems.append(f"{PAGE}:{number}: the row names no test")
        problems += [f'{PAGE}:{number}: test "{name}" does not exist' for name in names if not fnmatch.filter(tests, name)]
        named |= set(names)
    for path in sorted((ROOT / "tests/attacks").glob("*_test.py")):
        if (name := f"attacks.{path.stem.removesuffix('_test')}") not in named:
            problems.append(f'{PAGE}: no row names "{name}"')
    print("\n".join(problems) or f"threats: {len(named)} tests ok")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
