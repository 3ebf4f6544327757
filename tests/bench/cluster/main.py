#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures plumbd in a lab of namespaces, of its own, and prints the figures as JSON. scripts/bench cluster runs it."""
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
import scale_api
import throughput
from lab import world

PARTS = {"scale": ("5000 nodes, from a static file", scale), "api": ("5000 nodes, from the replayed Kubernetes API", scale_api),
         "restart": ("plumbd dies, traffic lives", restart),
         "throughput": ("Throughput between pods", throughput), "bgp": ("BGP with BIRD", bgp), "attach": ("Price of an ADD", attach)}


def machine():
    load = os.getloadavg()[0]
    busy = f"; BUSY: load {load:.1f} when it began, times mean little" if load > 1 else ""
    return f"Linux {platform.release()}, {os.cpu_count()} processors, {time.strftime('%Y-%m-%d')}{busy}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", action="append", choices=PARTS)
    parts = parser.parse_args().part or PARTS
    title, begun, figures = machine(), time.monotonic(), []
    for name in parts:
        section, part = PARTS[name]
        print(f"bench: {section} [{time.monotonic() - begun:.0f} s]", file=sys.stderr, flush=True)
        figures.extend({"section": section, **dataclasses.asdict(figure)} for figure in part.measure())
    json.dump({"machine": title, "figures": figures}, sys.stdout, indent=1)


if __name__ == "__main__":
    world.enter()
    os.nice(-20)  # other work of the machine changes the figures less
    main()
