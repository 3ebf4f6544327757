#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The cache is shared with the reference's library, in containerd: each reads the files of the other (R-102)."""
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from containerd_test import Pod, containerd_with_image  # noqa: E402
from lab import world  # noqa: E402

BIN = "/opt/cni/bin"
RESULTS = pathlib.Path("/var/lib/cni/results")
CNITOOL = f"{world.plugin_folder()}/cnitool"
# The recorder is a test program: it exists only in the build that runs the tests.
RECORDER = pathlib.Path(os.environ.get("PLUMB_BUILD_BIN", ""), "../tests/recorder").resolve()
NETWORK = {"cniVersion": "1.0.0", "name": "net1", "plugins": [{"type": "pa"}, {"type": "pb"}]}


def requests(plugin, verb):
    """The standard inputs of one plugin's calls, in order."""
    calls = sorted(pathlib.Path(f"{BIN}/calls").glob(f"claim-*.{plugin}.{verb}"))
    return [json.loads(call.read_bytes().rpartition(b"\0\0")[2]) for call in calls]


def answer(address):
    """Sets the answer of `pa` to ADD."""
    result = {"cniVersion": "1.0.0", "ips": [{"address": address}]}
    pathlib.Path(f"{BIN}/play/pa.ADD.stdout").write_text(json.dumps(result), encoding="utf-8")


class CacheTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.containerd = containerd_with_image()

    @classmethod
    def tearDownClass(cls):
        cls.containerd.stop()

    def test_R102_each_reads_the_files_of_the_other(self):
        answer("10.6.6.6/24")
        pod = Pod(self.containerd, "x")
        [file] = RESULTS.glob("net1-*")
        theirs = json.loads(file.read_text(encoding="utf-8"))
        identity = ["net1", f"/proc/{pod.pid()}/ns/net", "--container-id", theirs["containerId"], "--ifname", theirs["ifName"]]

        self.cnitool("check", *identity)
        self.assertEqual(requests("pb", "CHECK")[-1]["prevResult"]["ips"], [{"address": "10.6.6.6/24"}])

        answer("10.7.7.7/24")
        self.cnitool("add", *identity, "--force")
        ours = json.loads(file.read_text(encoding="utf-8"))
        self.assertIn("plumb", ours)
        self.assertEqual({key: ours[key] for key in theirs if key != "result"},
                         {key: value for key, value in theirs.items() if key != "result"})

        pod.remove()
        for plugin in ("pa", "pb"):
            self.assertEqual(requests(plugin, "DEL")[-1]["prevResult"]["ips"], [{"address": "10.7.7.7/24"}])
        self.assertEqual(list(RESULTS.iterdir()), [])

    @staticmethod
    def cnitool(*words):
        subprocess.run([CNITOOL, *words], check=True, capture_output=True, timeout=60, env=dict(os.environ, CNI_PATH=BIN))


def install():
    for folder in (f"{BIN}/calls", f"{BIN}/play", "/etc/cni/net.d"):
        os.makedirs(folder)
    for plugin in ("pa", "pb", "loopback"):
        pathlib.Path(BIN, plugin).unlink(missing_ok=True)
        os.symlink(RECORDER, f"{BIN}/{plugin}")
    pathlib.Path("/etc/cni/net.d/10-net1.conflist").write_text(json.dumps(NETWORK), encoding="utf-8")


if __name__ == "__main__":
    world.enter()
    install()
    unittest.main(verbosity=2)
