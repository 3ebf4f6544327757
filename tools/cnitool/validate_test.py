#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Output of validate for configurations, with the plugins of this build: row U4."""
import json
import pathlib
import re
import subprocess

import testbed
from testbed import Testbed

ROOT = pathlib.Path(__file__).resolve().parents[2]
RANGE = {"type": "host-local", "subnet": "10.1.0.0/24"}
BRIDGE = {"type": "bridge", "ipam": RANGE}

# (plugin object, what validate says of it)
MISTAKES = (
    (BRIDGE | {"ipam": RANGE | {"subnet": "10.1.0.0/33"}}, r"error +plugin host-local: key \"ipam\.subnet\" must be a network"),
    (BRIDGE | {"ipam": {"type": "host-local"}}, r"error +plugin host-local: no IP ranges specified"),
    (BRIDGE | {"ipam": RANGE | {"subnt": "10.1.0.0/24"}}, r'error +.*unknown key "ipam\.subnt" is ignored, did you mean "subnet"\?'),
    (BRIDGE | {"ipam": RANGE | {"routes": [{"dst": "x"}]}}, r"error +plugin host-local: .*dst"),
    (BRIDGE | {"vlan": 4095}, r"error +plugin bridge: invalid VLAN ID 4095 \(must be between 0 and 4094\)"),
    (BRIDGE | {"mtu": "1400"}, r'error +plugin bridge: key "mtu" must be an integer, not "1400"'),
    (BRIDGE | {"ipMasq": "yes", "vlan": "5", "vlanTrunk": {}}, r'error .*key "ipMasq" must be true or false, not "yes"\n.*error '
     r'.*key "vlan" must be an integer, not "5"\n.*error .*key "vlanTrunk" must be a list of objects, not {}\n$'),
    (BRIDGE | {"isGatway": True}, r'error +plugin bridge: unknown key "isGatway" is ignored, did you mean "isGateway"\?'),
    (BRIDGE | {"vlanTrunk": [{"minid": 1, "maxID": 2, "is": 3}]}, r'unknown key "vlanTrunk\[0\]\.is" is ignored, did you mean "id"'),
    (BRIDGE | {"somethingElse": 1}, r'warning +plugin bridge: unknown key "somethingElse" is ignored'),
    (BRIDGE | {"hairpinMode": True, "promiscMode": True}, r"error +plugin bridge: cannot set hairpin mode and promiscuous mode"),
    ({"type": "ptp"}, r"error +plugin ptp: no plugin name provided"),
    ({"type": "ptp", "ipam": {"type": "static", "addresses": [{"address": "10.1.0.5"}]}}, r"error +plugin static: .*10\.1\.0\.5"),
    ({"type": "ptp", "ipam": {"type": "static", "adresses": []}}, r'error +plugin static: .*"ipam\.adresses".*"addresses"'),
    ({"type": "vxlan", "vni": 0}, r"error +plugin vxlan: key \"vni\" must be 1 to 16777215"),
    ({"type": "vxlan", "isGatway": True}, r'error +plugin vxlan: .*did you mean "isGateway"'),
    ({"type": "vxlan", "vlan": 4095}, r"error +plugin vxlan: invalid VLAN ID 4095"),
    ({"type": "vxlan", "peers": [{"name": "a", "adress": "192.0.2.1"}]}, r'error +plugin vxlan: .*"peers\[0\]\.adress".*"address"'),
    ({"type": "bgp", "network": ["10.0.0.0/33"]}, r"error +plugin bgp: .*network"),
    ({"type": "bgp", "ipam": RANGE, "ipMasq": True}, r'error +plugin bgp: ipMasq needs key "network"'),
    ({"type": "bgp", "nodefile": 1, "nodFile": "/x"}, r'error +plugin bgp: .*"nodFile".*"nodeFile"'),
    ({"type": "portmap", "markMasqBit": 32}, r"error +plugin portmap: MasqMarkBit must be between 0 and 31"),
    ({"type": "portmap", "backend": "nftable"}, r"error +plugin portmap: unrecognized backend"),
    ({"type": "ptp", "ipam": {"type": "static", "routes": [{"dst": 1}]}}, r'error +plugin static: key "ipam\.routes\[0\]\.dst" must be a string, not 1'),
    ({"type": "loopback", "args": 1}, r'error +plugin loopback: key "args" must be an object, not 1'),
    ({"type": "loopback", "mtu": 1}, r'warning +plugin loopback: unknown key "mtu" is ignored'),
)

SOUND = (
    BRIDGE | {"ISGATEWAY": True, "dns": {"nameservers": ["10.1.0.1"]}},
    BRIDGE | {"ipam": {"type": "host-local"}, "capabilities": {"ipRanges": True}},
    {"type": "bridge"}, {"type": "vxlan"}, {"type": "bgp"}, {"type": "bgp", "ipMasq": True}, {"type": "loopback"},
    {"type": "portmap", "capabilities": {"portMappings": True}},
    {"type": "ptp", "ipam": {"type": "static", "addresses": [{"address": "10.1.0.5/24", "gateway": "10.1.0.1"}]}},
)


def documented_keys(folder):
    """The keys of a README's tables: the words in backquotes of each first column."""
    text = (folder / "README.md").read_text(encoding="utf-8").split("\n## Files")[0]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    cells = [cell for cell in cells if "CNI_ARGS" not in cell]
    return {word for cell in cells for word in re.findall(r"`([A-Za-z0-9]+)`", cell)}


class Validate(Testbed):
    def setUp(self):
        super().setUp()
        self.built = pathlib.Path(testbed.BINARY).parent
        self.env["CNI_PATH"] = f"{self.built}:{self.home / 'bin'}"
        (self.home / "conf" / "10-net1.conflist").unlink()

    def validate(self, *plugins, **keys):
        path = self.network("n", *plugins, file="../n.conflist", **keys)
        return self.run_tool("validate", str(path))

    def test_U4_each_plugin_is_asked_about_its_configuration(self):
        for plugin, wanted in MISTAKES:
            with self.subTest(json.dumps(plugin)):
                done = self.validate(plugin)
                self.assertRegex(done.stdout, wanted)
                self.assertEqual(1 if "error" in wanted[:6] or "did you mean" in wanted else 0, done.returncode, done.stdout)

    def test_U4_all_plugins_of_a_list_are_asked(self):
        done = self.validate(BRIDGE | {"vlan": 4095, "isGatway": True, "ipam": {"type": "host-local"}},
                             {"type": "portmap", "snatt": True}, disablechek=True)
        for wanted in ("VLAN ID 4095", '"isGateway"', "no IP ranges", '"snat"', 'did you mean "disableCheck"'):
            self.assertIn(wanted, done.stdout)

    def test_U4_sound_configurations_are_ok_in_every_version(self):
        for plugin in SOUND:
            for version in ("0.3.1", "1.0.0", "1.1.0"):
                with self.subTest(plugin=plugin, version=version):
                    self.assertRegex(self.validate(plugin, version=version).stdout, r"n +ok +-\n")

    def test_U4_the_place_of_a_schema_is_a_known_key(self):
        done = self.validate({"type": "loopback", "$schema": "plugin.json"}, **{"$schema": "conflist.json"})
        self.assertRegex(done.stdout, r"n +ok +-\n")

    def test_U4_validate_leaves_no_trace(self):
        before = subprocess.run(["sh", "-c", "ip link; ip -6 addr; find /run /var/lib"], capture_output=True, check=True).stdout
        for plugin in (BRIDGE | {"isGateway": True}, {"type": "vxlan", "ranges": ["10.9.0.0/24"]}, {"type": "bgp"}):
            self.validate(plugin)
        after = subprocess.run(["sh", "-c", "ip link; ip -6 addr; find /run /var/lib"], capture_output=True, check=True).stdout
        self.assertEqual(before, after)

    def test_U4_plugins_of_another_suite_are_asked_by_STATUS(self):
        self.fail_plugin("pa.STATUS", 7, "key subnet is wrong")
        done = self.validate("pa")
        self.assertRegex(done.stdout, r"error +plugin pa: key subnet is wrong")
        self.fail_plugin("pa.STATUS", 50, "daemon does not run")
        done = self.validate("pa")
        self.assertRegex(done.stdout, r"warning +plugin pa is not ready: daemon does not run")
        self.assertEqual(0, done.returncode)
        self.forget_calls()
        self.validate("pa", version="1.0.0")
        self.assertEqual(["pa.VERSION"], self.calls())
        self.forget_calls()
        self.validate({"type": "bridge", "ipam": {"type": "pb"}})
        self.assertEqual(["pb.STATUS"], self.calls())

    def test_U4_every_documented_key_is_known(self):
        for folder in sorted([*ROOT.glob("plugins/*"), *ROOT.glob("ipam/*")]):
            if not (folder / "plugin.h").exists():
                continue  # a library
            keys = documented_keys(folder) - {"ipam"}
            for key in sorted(keys):
                with self.subTest(plugin=folder.name, key=key):
                    inner = folder.parent.name == "ipam"
                    conf = {"cniVersion": "1.1.0", "name": "n", "type": folder.name}
                    text = json.dumps(conf | ({"ipam": {"type": folder.name, key: None}} if inner else {key: None}))
                    done = subprocess.run([self.built / folder.name, "--validate"], input=text, capture_output=True, text=True,
                                          timeout=60, check=True)
                    self.assertNotIn("unknown key", done.stdout)

    def test_U4_the_question_is_for_people_only(self):
        done = subprocess.run([self.built / "bridge", "--validate"], input="{", capture_output=True, text=True, timeout=60, check=True)
        self.assertEqual("bridge", json.loads(done.stdout)["plugin"])
        done = subprocess.run([self.built / "bridge", "--validate"], env={"CNI_COMMAND": "VERSION"}, input="{}",
                              capture_output=True, text=True, timeout=60, check=True)
        self.assertIn("supportedVersions", done.stdout)


if __name__ == "__main__":
    testbed.main()
