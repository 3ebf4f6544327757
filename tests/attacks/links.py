# SPDX-License-Identifier: Apache-2.0
"""A host with an attacking pod and its victim, wired by one of the plugins, with and without the defence of pod links."""
import dataclasses
import functools
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from attacks import frames  # noqa: E402
from chains.wirings import WIRINGS, Host  # noqa: E402
from lab import world  # noqa: E402,F401

OPEN = {"spoofCheck": False, "acceptRa": True}
BRIDGED = tuple(name for name in WIRINGS if "bridge" in name)
ROUTED = tuple(name for name in WIRINGS if "bridge" not in name)


@dataclasses.dataclass
class Pod:
    """`end` is the host's end of its link; `addresses` are by family."""
    namespace: object
    result: dict
    container: str
    wire: frames.Wire = None
    mac: str = ""
    end: str = ""
    addresses: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        inside = [each for each in self.result["interfaces"] if each.get("sandbox")][0]
        self.mac, self.wire = inside["mac"], frames.Wire(self.namespace.path, inside["name"])
        self.end = [each["name"] for each in self.result["interfaces"] if each["name"].startswith("veth") and not each.get("sandbox")][0]
        for ip in self.result["ips"]:
            address = ip["address"].partition("/")[0]
            self.addresses[6 if ":" in address else 4] = address

    def run(self, *command, **options):
        return self.namespace.run(*command, **options)

    def send(self, destination, kind, payload, source=None):
        """Sends one frame, from this pod's MAC address unless another is given."""
        self.wire.send(frames.ethernet(source or self.mac, destination, kind, payload))

    def pings(self, address):
        return self.run("ping", "-c1", "-W2", address, check=False).returncode == 0


def neighbour(namespace, address):
    """The MAC address that a namespace has for a neighbour."""
    found = json.loads(namespace.run("ip", "-j", "neigh", "show", address).stdout or "[]")
    return found[0].get("lladdr") if found else None


class Scene:
    """The host, the attacker and the victim; `config` is the one of both pods."""

    def __init__(self, wiring, defended):
        self.node, self.pods, self.is_bridged = Host(), [], wiring in BRIDGED
        self.host = self.node.host
        self.config = {**WIRINGS[wiring], **(self._defence(wiring) if defended else OPEN)}
        self.attacker, self.victim = self.add("attacker"), self.add("victim")

    @staticmethod
    def _defence(wiring):
        """It is on by default where plumbd serves the pods."""
        return {} if wiring.startswith(("vxlan", "bgp")) else {"spoofCheck": True}

    def add(self, container, **more):
        namespace = self.node.namespace()
        self.pods.append(Pod(namespace, self.node.add({**self.config, **more}, namespace, container), container))
        return self.pods[-1]

    @property
    def entrance(self):
        """The link by which the host's routing sees the attacker's packets."""
        return "br0" if self.is_bridged else self.attacker.end

    def router_mac(self):
        """The MAC address of the host, to which the attacker sends packets that the host forwards."""
        return self.node.links()[self.entrance]["address"]

    def gateway(self, family):
        return {4: "10.61.0.1", 6: "fd00:61::1"}[family]

    def drain(self):
        """Returns when the kernel has handled all earlier frames of the attacker: a later packet was answered."""
        for family in (4, 6):
            assert self.attacker.pings(self.victim.addresses[family]), f"the attacker's own packets do not pass, IPv{family}"

    def close(self):
        for pod in self.pods:
            pod.wire.close()
        self.node.close()


class AttackTest(unittest.TestCase):
    """Subclasses name the wirings and define attack(scene), which returns whether the attack worked."""
    maxDiff = None
    wirings = tuple(WIRINGS)

    def attack(self, scene):
        raise NotImplementedError

    def prepare(self, scene):
        """Changes the scene before the attack, with and without the defence."""

    def carry_out(self, wiring, defended):
        scene = Scene(wiring, defended)
        try:
            self.prepare(scene)
            return self.attack(scene)
        finally:
            scene.close()

    def run_all(self, defended):
        for wiring in self.wirings:
            with self.subTest(wiring=wiring):
                self.assertEqual(self.carry_out(wiring, defended), not defended)


def both_ways(attack_class):
    """Adds the two tests of an attack."""
    def without(self):
        self.run_all(False)

    def defended(self):
        self.run_all(True)
    attack_class.test_works_without_the_defence = functools.wraps(without)(without)
    attack_class.test_fails_with_the_defence = functools.wraps(defended)(defended)
    return attack_class


def main():
    world.enter()
    unittest.main(verbosity=2)
