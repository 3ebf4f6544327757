#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a C++ test starts ip, bridge or tc to read the kernel's state: docs/testing.md, tests/support/host/oracle.h."""
import pathlib
import re
import sys

TOPS = ("libcni", "ipam", "plugins", "agent", "tools", "tests")
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')
OPTIONS = r"(?: -\w+)*"
READS = re.compile(
    rf"\bip{OPTIONS} (?:l|link|a|addr|address|r|route|n|neigh|rule)(?: (?:show|list|ls|get)\b|(?: *[;|&]|\"$))"
    rf"|\bbridge{OPTIONS} (?:fdb|vlan|link|mdb)(?: (?:show|list|ls)\b|(?: *[;|&]|\"$))"
    r"|\btc(?: -j| -p)* qdisc (?:show|list|ls)\b")  # the oracle knows no filters, statistics or details


def complaints(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for literal in STRING.findall(line):
            found = READS.search(literal)
            if found:
                command = found[0].strip(' ;|&"')
                yield f"{path}:{number}: \"{command}\" reads the kernel's state; use tests/support/host/oracle.h"


def sources(root):
    for top in TOPS:
        for path in sorted((root / top).rglob("*")):
            is_test = path.name.endswith("_test.cpp") or top == "tests" and path.suffix in (".cpp", ".h")
            if is_test and path.is_file():
                yield path


def check(root):
    return [complaint for path in sources(root) for complaint in complaints(path)]


def main():
    bad = check(pathlib.Path())
    print("\n".join(bad) if bad else f"tests: {len(list(sources(pathlib.Path())))} files ok")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
