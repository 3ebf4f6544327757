#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ten agents on one machine with different configurations: none touches a file of another."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.cluster import ENVIRONMENT, Underlay  # noqa: E402
from lab.cluster_traffic import Ask, Endpoint, Wire  # noqa: E402
from lab.world import wait_until  # noqa: E402

COUNT = 10
DEFAULT_FOLDERS = ("/run/plumb", "/var/lib/plumb", "/etc/cni/net.d")


class Agent:
    """A network namespace with an address, and plumbd in it."""
    subnet = 1

    def __init__(self, number, underlay, folder):
        self.number, self.name, self.folder = number, f"m{number}", pathlib.Path(folder, f"m{number}")
        self.namespace = world.Namespace(self.name)
        self.address, self.range = f"10.0.1.{number}", f"10.244.{number}.0/24"
        self.folder.mkdir()
        underlay.connect(self)
        config = {"node": self.name, "backend": "vxlan", "network": {"ranges": ["10.244.0.0/16"]}, "file": {"path": f"{folder}/nodes"},
                  "runDir": f"{self.folder}/run", "stateDir": f"{self.folder}/state", "cniConf": f"{self.folder}/net.d/10-plumb.conflist", "listen": ""}
        (self.folder / "plumbd.yaml").write_text(json.dumps(config), encoding="utf-8")

    def address_link(self, link):
        self.namespace.run("ip", "link", "set", link, "up")
        self.namespace.run("ip", "address", "add", f"{self.address}/24", "dev", link)

    def start(self):
        with open(self.folder / "log", "w", encoding="utf-8") as log:
            self.process = self.namespace.start(f"{world.plugin_folder()}/plumbd", "run", "--config", f"{self.folder}/plumbd.yaml", stdout=log,
                                                stderr=log, env=ENVIRONMENT)


class PathsTest(unittest.TestCase):
    def test_ten_agents_share_a_machine(self):
        folder, wire = tempfile.mkdtemp(dir="/run", prefix="paths-"), Wire()
        before = [path for each in DEFAULT_FOLDERS for path in pathlib.Path(each).glob("**/*")]
        underlay = Underlay((4,))
        agents = [Agent(number, underlay, folder) for number in range(1, COUNT + 1)]
        pathlib.Path(folder, "nodes").write_text("".join(f"{each.name} addresses={each.address} ranges={each.range}\n" for each in agents),
                                                 encoding="utf-8")
        for agent in agents:
            agent.start()
        for agent in agents:
            wait_until((agent.folder / "net.d/10-plumb.conflist").exists, f"{agent.name} is ready: {(agent.folder / 'log').read_text()}")
            # An address of the range, as a pod would have it.
            agent.namespace.run("ip", "address", "add", agent.range.replace("0/24", "1/32"), "dev", "lo")
            wire.listen(Endpoint(agent.name, agent.namespace.path, {}), (4,))
        ends = [Endpoint(agent.name, agent.namespace.path, {4: agent.range.replace("0/24", "1")}) for agent in agents]
        asks = [Ask(left, right, right.addresses[4]) for left in ends for right in ends if left is not right]
        self.assertEqual([], [str(ask) for ask in wire.unanswered(asks, 10)])
        self.assertEqual(before, [path for each in DEFAULT_FOLDERS for path in pathlib.Path(each).glob("**/*")])
        for agent in agents:
            agent.process.terminate()
            self.assertEqual(0, agent.process.wait(timeout=10), agent.name)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
