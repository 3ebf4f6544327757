#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 before each step of ADD and of DEL: a later DEL cleans up all of it (S-092, S-261)."""
import itertools
import unittest

from faults import BRIDGE_ITSELF, SCENES, TABLES, Tracer, leftovers, require_success, snapshot, was_killed, world

KILL = "signal=KILL"


class KillTest(unittest.TestCase):
    def steps(self, attachment, verb):
        require_success(getattr(attachment, verb)(Tracer.recording()))
        steps = [call for call in Tracer.calls() if call.changes()]
        self.assertTrue(steps)
        return steps

    def kill(self, attachment, verb, step):
        """Returns whether the run reached the step; a run without a step is not killed."""
        done = getattr(attachment, verb)(Tracer.injecting(step, KILL) if step else ())
        if was_killed(done):
            return True
        require_success(done)
        return step is None

    def check_every_step(self, scene):
        attachment = scene.open()
        self.addCleanup(attachment.node.close)
        # A recorded run can be an exception, such as one that rebuilds the index of reservations. Then the other runs do not
        # reach most of its steps, and a second recording shows a usual run.
        self.assertTrue(self.kills_at_every_step(scene, attachment) or self.kills_at_every_step(scene, attachment),
                        "the runs went other ways than the recorded one, twice")

    def kills_at_every_step(self, scene, attachment):
        """Returns whether nearly all recorded steps were reached in the runs to be killed at them."""
        scene.reset(attachment)
        adding, deleting = self.steps(attachment, "add"), self.steps(attachment, "delete")
        missed = 0
        for add_step, delete_step in itertools.zip_longest(adding, deleting):
            with self.subTest(scene.name, ADD=str(add_step), DEL=str(delete_step)):
                scene.reset(attachment)
                before = snapshot(attachment)
                missed += not self.kill(attachment, "add", add_step)
                require_success(attachment.delete())
                self.assertEqual(leftovers(before, snapshot(attachment), TABLES, BRIDGE_ITSELF, scene.by_design), [])
                require_success(attachment.add())
                missed += not self.kill(attachment, "delete", delete_step)
                require_success(attachment.delete())
                self.assertEqual(leftovers(before, snapshot(attachment), TABLES, BRIDGE_ITSELF, scene.by_design), [])
        print(f"{scene.name}: killed ADD at {len(adding)} steps, DEL at {len(deleting)}, {missed} missed", flush=True)
        return missed < 1 + len(adding + deleting) / 10


for number, each in enumerate(SCENES):
    setattr(KillTest, f"test_{number}", lambda self, scene=each: self.check_every_step(scene))

if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
