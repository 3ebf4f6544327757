#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGTERM at each step of ADD: it succeeds all the same, or fails with code 11 and leaves nothing (S-092)."""
import collections
import unittest

from faults import BRIDGE_ITSELF, SCENES, TABLES, Tracer, error_of, leftovers, require_success, snapshot, world

BLOCKING = ("recvmsg", "recvfrom", "flock", "ppoll", "read", "wait4")
TRY_AGAIN_LATER = 11


class TermTest(unittest.TestCase):
    def check_every_step(self, scene):
        attachment = scene.open()
        self.addCleanup(attachment.node.close)
        # A recorded run can be an exception, whose steps a usual run does not reach: then there is a second recording.
        self.assertTrue(self.most_end(scene, attachment) or self.most_end(scene, attachment),
                        "SIGTERM was ignored, or the runs went other ways than the recorded one, twice")

    def most_end(self, scene, attachment):
        """Returns whether SIGTERM ended ADD at most of the recorded steps."""
        scene.reset(attachment)
        before = snapshot(attachment)
        require_success(attachment.add(Tracer.recording()))
        steps = [call for call in Tracer.calls() if call.changes() or call.name in BLOCKING]
        require_success(attachment.delete())
        ended = 0
        for step in steps:
            with self.subTest(scene.name, step=str(step)):
                ended += self.interrupt(scene, attachment, step, before)
        names = dict(collections.Counter(step.name for step in steps).most_common(4))
        print(f"{scene.name}: SIGTERM at {len(steps)} steps ended {ended} ADDs; most steps were {names}", flush=True)
        return ended > len(steps) / 2

    def interrupt(self, scene, attachment, step, before):
        """Returns whether SIGTERM ended ADD."""
        scene.reset(attachment)
        done = attachment.add(Tracer.injecting(step, "signal=TERM"))
        if done.returncode == 0:
            require_success(attachment.delete())
        left = leftovers(before, snapshot(attachment), TABLES, scene.by_design)
        if done.returncode != 0:
            attachment.delete()
            self.assertEqual(error_of(done)["code"], TRY_AGAIN_LATER, done.stdout)
        self.assertEqual([line for line in left if not BRIDGE_ITSELF.match(line[1:])], [], done.stdout)
        return done.returncode != 0


for number, each in enumerate(SCENES):
    setattr(TermTest, f"test_{number}", lambda self, scene=each: self.check_every_step(scene))

if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
