#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures plumbd in a lab of namespaces and prints one table. scripts/bench cluster runs it."""
import argparse
import dataclasses
import json
import os
import platform
import sys
import time

import attach
import bgp
import restart
import scale
import throughput
from figures import table
from lab import world

PARTS = {"scale": ("5000 nodes, from a static file", scale), "restart": ("plumbd dies, traffic lives", restart),
         "throughput": ("Throughput between pods", throughput), "bgp": ("BGP with BIRD", bgp), "attach": ("Price of an ADD", attach)}


def head():
    load = os.getloadavg()[0]
    busy = f"; BUSY: load {load:.1f} when it began, times mean little" if load > 1 else ""
    return f"Linux {platform.release()}, {os.cpu_count()} processors, {time.strftime('%Y-%m-%d')}{busy}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--markdown")
    options = parser.parse_args()
    sections, begun, title = [], time.monotonic(), head()
    for name in options.part or PARTS:
        text, part = PARTS[name]
        print(f"bench: {text} [{time.monotonic() - begun:.0f} s]", file=sys.stderr, flush=True)
        sections.append((text, list(part.measure())))
    text = f"{title}\n\n{table(sections)}"
    print(text)
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as file:
            file.write(text)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"machine": title, "figures": [{"section": section, **dataclasses.asdict(figure), "passed": figure.passed}
                                                     for section, figures in sections for figure in figures]}, file, indent=1)
    missed = [figure.what for _, figures in sections for figure in figures if not figure.passed]
    for what in missed:
        print(f"bench: missed: {what}", file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    world.enter()
    sys.exit(main())
