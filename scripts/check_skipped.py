#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails for a test that the machine's kernel skipped and Debian's kernel (tests/vm) did not run either.

  scripts/check_skipped.py RESULTS   RESULTS: what ctest --output-junit wrote

The guest prints "conformance: PLUGIN" for each plugin whose rows it ran: a sample of them by default, every row in
scripts/test --all. No other test may be skipped.
"""
import re
import sys
import xml.etree.ElementTree as xml


def read_results(path):
    """The names of the skipped tests, and the plugins whose conformance passed in the guest."""
    skipped, plugins = [], set()
    for case in xml.parse(path).getroot().iter("testcase"):
        name = case.get("name")
        if case.find("skipped") is not None:
            skipped.append(name)
        elif name.startswith("vm.") and case.get("status") == "run":
            plugins.update(re.findall(r"^conformance: (\S+)", case.findtext("system-out") or "", re.M))
    return skipped, plugins


def complaints(skipped, plugins):
    for name in skipped:
        found = re.fullmatch(r"conformance\.(.+)\.A\d+", name)
        if not found:
            yield f"{name} did not run: make this machine able to run it, or run it in tests/vm"
        elif found[1] not in plugins:
            yield f"{name} did not run, and no passed test of tests/vm ran the rows of {found[1]}"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    skipped, plugins = read_results(sys.argv[1])
    bad = list(complaints(skipped, plugins))
    for line in bad:
        print(f"skipped: {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
