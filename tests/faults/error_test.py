#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each system call of ADD fails once: it succeeds all the same, or prints one error object and leaves nothing (S-091, S-152)."""
import unittest

from faults import BRIDGE_ITSELF, SCENES, TABLES, Tracer, error_of, leftovers, require_success, snapshot, world

# The kernel's errors for lack of memory, space or rights; EIO stands for the disk.
ERRORS = {"socket": "EMFILE", "bind": "ENOMEM", "sendto": "ENOBUFS", "sendmsg": "ENOBUFS", "recvmsg": "ENOBUFS",
          "recvfrom": "ENOBUFS", "setns": "EPERM", "write": "ENOSPC", "pwrite64": "ENOSPC", "mkdir": "ENOSPC",
          "renameat2": "ENOSPC", "utimensat": "EPERM", "flock": "ENOLCK", "getrandom": "ENOSYS", "fcntl": "EMFILE",
          "poll": "ENOMEM", "membarrier": "ENOSYS", "setsockopt": "ENOPROTOOPT"}
OPEN_ERRORS = {False: "EMFILE", True: "ENOSPC"}


def error_for(call):
    if call.name == "openat":
        return OPEN_ERRORS[call.changes()]
    return ERRORS.get(call.name, "EIO")


class ErrorTest(unittest.TestCase):
    def check_every_call(self, scene):
        attachment = scene.open()
        self.addCleanup(attachment.node.close)
        scene.reset(attachment)
        before = snapshot(attachment)
        require_success(attachment.add(Tracer.recording()))
        calls = Tracer.calls()
        require_success(attachment.delete())
        failed = 0
        for call in calls:
            with self.subTest(scene.name, call=str(call), error=error_for(call)):
                failed += self.fail_one(scene, attachment, call, before)
        print(f"{scene.name}: {len(calls)} calls failed, ADD with {failed} of them", flush=True)

    def fail_one(self, scene, attachment, call, before):
        """Returns whether ADD failed, too."""
        scene.reset(attachment)
        done = attachment.add(Tracer.injecting(call, f"error={error_for(call)}"))
        if done.returncode == 0:
            require_success(attachment.delete())
        left = leftovers(before, snapshot(attachment), TABLES, scene.by_design)
        if left and done.returncode != 0:
            attachment.delete()  # the next call starts afresh
        if done.returncode == 0 or "cniVersion" in call.text:
            left = [line for line in left if not BRIDGE_ITSELF.match(line[1:])]  # DEL leaves it to the next pods
        else:
            error_of(done)
        self.assertEqual(left, [], done.stdout)
        return done.returncode != 0


for number, each in enumerate(SCENES):
    setattr(ErrorTest, f"test_{number}", lambda self, scene=each: self.check_every_call(scene))

if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
