#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The default path starts no process: a bridge ADD and DEL with masquerade, dual-stack, counted by strace."""
import json
import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab import world  # noqa: E402
from lab.runtime import REFERENCE, Node, Suite  # noqa: E402

CONFIG = {"cniVersion": "1.0.0", "name": "processes", "type": "bridge", "isDefaultGateway": True, "ipMasq": True,
          "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.61.0.0/16"}], [{"subnet": "fd00:61::/64"}]]}}


class ProcessesTest(unittest.TestCase):
    def setUp(self):
        self.node = Node()
        self.addCleanup(self.node.close)
        self.pod = self.node.add_pod("pod-one")

    def programs_of(self, verb, suite):
        """The programs executed by one call, the plugin itself first."""
        env = {"PATH": os.environ["PATH"], "CNI_COMMAND": verb, "CNI_CONTAINERID": "pod-one", "CNI_NETNS": self.pod.path,
               "CNI_IFNAME": "eth0", "CNI_PATH": suite.path}
        trace = "/run/processes.trace"
        self.node.host.run("strace", "-f", "-qq", "-e", "trace=execve,fork,vfork,clone,clone3", "-o", trace,
                           f"{suite.path}/bridge", text=json.dumps(CONFIG), env=env)
        lines = pathlib.Path(trace).read_text().splitlines()
        plugin = lines[0].split()[0]
        started = [line for line in lines if line.startswith(f"{plugin} ") and re.search(r" (v?fork|clone3?)\(", line)]
        executed = [line.split('"')[1] for line in lines if "execve(" in line]
        self.assertEqual(len(started), len(executed) - 1, lines)
        return executed

    def test_ipam_of_the_same_build_runs_in_process(self):
        suite = Suite("ours", world.plugin_folder())
        for verb in ("ADD", "DEL"):
            self.assertEqual(self.programs_of(verb, suite), [f"{suite.path}/bridge"])

    def test_a_foreign_ipam_is_the_only_program_executed(self):
        suite = Suite("ours with their IPAM", world.plugin_folder(), REFERENCE)
        for verb in ("ADD", "DEL"):
            self.assertEqual(self.programs_of(verb, suite)[1:], [f"{suite.path}/host-local"])


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
