#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each system call of each verb of each plugin gets each possible fault: nothing is left behind, nothing succeeds falsely, nothing
hangs (S-091, S-092, S-152, S-261). A sample of them, another one in each run; PLUMB_FAULTS_SEED repeats one. With PLUMB_FAULTS_SHARD=
<number>/<of> the whole of that share.
"""
import collections
import os
import random
import subprocess
import time
import unittest

from every_call import SCENES, VERBS, Stage, faults_of
from faults import world

SAMPLE = 500
SEED = int(os.environ.get("PLUMB_FAULTS_SEED", time.time_ns() // 1000 % 1_000_000))
SHARD = os.environ.get("PLUMB_FAULTS_SHARD")


def share(cases):
    """This run's part: by number, so that every shard has some of each call's faults."""
    if SHARD:
        number, count = map(int, SHARD.split("/"))
        return cases[number::count]
    return sorted(random.Random(f"{SEED} {len(cases)}").sample(cases, min(len(cases), SAMPLE // len(SCENES))), key=cases.index)


class EveryCallTest(unittest.TestCase):
    def check(self, scene):
        stage = Stage(scene)
        self.addCleanup(stage.close)
        cases = [(verb, call, fault) for verb in VERBS for call in stage.calls(verb) for fault in faults_of(verb, call)]
        ends = collections.Counter()
        chosen = share(cases)
        for verb, call, fault in chosen:
            with self.subTest(scene.name, verb=verb, call=str(call), fault=fault):
                try:
                    ends[stage.attempt(verb, call, fault)] += 1
                except (AssertionError, subprocess.TimeoutExpired):
                    stage.recover()
                    raise
        print(f"{scene.name}: {len(chosen)} of {len(cases)} faults, {dict(ends)}", flush=True)


for index, each in enumerate(SCENES):
    setattr(EveryCallTest, f"test_{index:02}_{each.name.replace(' ', '_').replace('-', '_')}", lambda self, scene=each: self.check(scene))

if __name__ == "__main__":
    world.enter()
    print(f"the whole of share {SHARD}" if SHARD else f"a sample: repeat it with PLUMB_FAULTS_SEED={SEED}", flush=True)
    unittest.main(verbosity=2)
