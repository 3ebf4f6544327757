#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A runtime that is killed or finds its cache damaged: its next DEL still cleans up (S-092, S-261)."""
import json
import os
import pathlib
import unittest

from faults import BRIDGE, BRIDGE_ITSELF, TABLES, Node, Tracer, leftovers, require_success, snapshot, was_killed, world

CONFIGURATION = pathlib.Path("/etc/cni/net.d/faults.conflist")
RESULTS = pathlib.Path("/var/lib/cni/results")


class Runtime:
    """cnitool with one network and one pod; has the members of an attachment that snapshot() uses."""

    def __init__(self, node):
        self.node, self.pod = node, node.add_pod("pod-victim")
        self.bin = world.plugin_folder()
        CONFIGURATION.parent.mkdir(exist_ok=True)
        CONFIGURATION.write_text(json.dumps({"cniVersion": "1.0.0", "name": "faults", "plugins": [BRIDGE]}))

    def call(self, verb, wrapper=()):
        env = {"PATH": os.environ["PATH"], "CNI_PATH": self.bin, "NETCONFPATH": str(CONFIGURATION.parent)}
        return self.node.host.run(*wrapper, f"{self.bin}/cnitool", verb, "faults", self.pod.path, env=env, check=False)


def plugin_runs():
    """A plugin outlives the runtime that started it. Only this program waits for it, as init of its namespace."""
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, state = status.read_text().partition("(")[2].rpartition(") ")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if name == "bridge" and not state.startswith("Z"):
            return True
    return False


class RuntimeTest(unittest.TestCase):
    def setUp(self):
        world.run("sh", "-c", "rm -rf /var/lib/cni/*")
        self.node = Node()
        self.addCleanup(self.node.close)
        self.runtime = Runtime(self.node)
        require_success(self.runtime.call("add"))
        require_success(self.runtime.call("del"))
        self.before = snapshot(self.runtime)

    def assert_clean(self):
        world.wait_until(lambda: not plugin_runs(), "the plugin ends")
        require_success(self.runtime.call("del"))
        self.assertEqual(leftovers(self.before, snapshot(self.runtime), TABLES, BRIDGE_ITSELF), [])

    def steps(self, verb):
        require_success(self.runtime.call(verb, ("strace", "-s", "64", "-o", Tracer.LOG)))
        return [call for call in Tracer.calls() if call.changes()]

    def kill(self, verb, step):
        done = self.runtime.call(verb, ("strace", "-o", Tracer.LOG, "-e", f"inject={step.name}:signal=KILL:when={step.number}"))
        if not was_killed(done):
            require_success(done)
        return was_killed(done)

    def test_killed(self):
        adding, deleting = self.steps("add"), self.steps("del")
        killed = 0
        for step in adding:
            with self.subTest(ADD=str(step)):
                killed += self.kill("add", step)
                self.assert_clean()
        for step in deleting:
            with self.subTest(DEL=str(step)):
                require_success(self.runtime.call("add"))
                killed += self.kill("del", step)
                self.assert_clean()
        self.assertGreater(killed, len(adding + deleting) * 0.9)
        print(f"killed cnitool at {len(adding)} steps of add, {len(deleting)} of del", flush=True)

    def test_damaged_cache(self):
        require_success(self.runtime.call("add"))
        [file] = RESULTS.iterdir()
        whole = file.read_bytes()
        require_success(self.runtime.call("del"))
        for content in (b"", b"\0" * len(whole), b"garbage", whole[:len(whole) // 2], b"{}", b"[]", b'{"kind":"cniCacheV1"}',
                        whole.replace(b'"kind"', b'"kinds"')):
            with self.subTest(content=content[:30]):
                require_success(self.runtime.call("add"))
                file.write_bytes(content)
                require_success(self.runtime.call("del"))
                self.assertEqual(leftovers(self.before, snapshot(self.runtime)), [])


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
