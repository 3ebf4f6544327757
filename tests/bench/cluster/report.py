#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints main.py's figures as a table and compares them with their bars; exits with 1 when one is missed and --check is given."""
import argparse
import itertools
import json
import sys

from figures import Figure, table


def write(file, text):
    if file:
        with open(file, "w", encoding="utf-8") as output:
            output.write(text)


def by_section(measured):
    return [(section, [Figure(**{key: value for key, value in each.items() if key != "section"}) for each in figures])
            for section, figures in itertools.groupby(measured["figures"], lambda each: each["section"])]


def markdown(measured):
    """The head and the table, as docs/benchmarks.md and --markdown have them."""
    return f"{measured['machine']}\n\n{table(by_section(measured))}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--markdown")
    options = parser.parse_args()
    text = sys.stdin.read()
    if not text:
        return 2  # main.py has printed the reason
    measured = json.loads(text)
    print(markdown(measured))
    write(options.markdown, markdown(measured))
    write(options.json, text)
    missed = [figure.what for _, figures in by_section(measured) for figure in figures if not figure.passed]
    for what in missed:
        print(f"bench: missed: {what}", file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
