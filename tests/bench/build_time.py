#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/bench build [PRESET [TARGET]...]: builds from nothing without a cache; prints the time, the steps and the slowest sources."""
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLOWEST = 10


def read_steps(log):
    """{output: milliseconds} of the last build of each output in ninja's log."""
    steps = {}
    for line in log.splitlines():
        fields = line.split("\t")
        if len(fields) >= 4:
            steps[fields[3]] = int(fields[1]) - int(fields[0])
    return steps


def report(steps, wall, processor):
    """The lines to print. `wall` and `processor` are seconds."""
    sources = {name: each for name, each in steps.items() if name.endswith(".o")}
    lines = [f"{wall:.0f} s, {processor:.0f} s of processor time, {len(steps)} steps, {len(sources)} sources", "slowest sources:"]
    for name, each in sorted(sources.items(), key=lambda item: -item[1])[:SLOWEST]:
        lines.append(f"  {each / 1000:6.1f} s  {name.removesuffix('.o').replace('CMakeFiles/', '')}")
    return lines


def main(preset="release", *targets):
    folder = ROOT / "build" / f"bench-{preset}"
    shutil.rmtree(folder, ignore_errors=True)
    environment = {**os.environ, "CCACHE_DISABLE": "1"}
    subprocess.run(["cmake", "--preset", preset, "-B", folder], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    begun = time.monotonic()
    done = subprocess.run(["cmake", "--build", folder, *(["--target", *targets] if targets else [])], cwd=ROOT, env=environment,
                          stdout=sys.stderr, check=False)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode == 0:
        print("\n".join(report(read_steps((folder / ".ninja_log").read_text()), time.monotonic() - begun, used.ru_utime + used.ru_stime)))
        shutil.rmtree(folder)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
