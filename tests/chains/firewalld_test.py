#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plugin firewall with a real firewalld: pods get out, and a reload of firewalld is noticed and repaired."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import firewalld  # noqa: E402
from lab import world  # noqa: E402
from wirings import IPAM, Host  # noqa: E402

BRIDGE = {"type": "bridge", "bridge": "br0", "isDefaultGateway": True, "ipMasq": True, "ipam": IPAM}
AUTOMATIC = {"type": "firewall"}
NAMED = {"type": "firewall", "backend": "firewalld"}
REFERENCE = "/usr/lib/cni/firewall"


class FirewalldTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.node = Host()
        self.addCleanup(self.node.close)
        self.node.outside.run("ip", "address", "add", "192.0.2.2/24", "dev", "out0")
        bus = firewalld.Bus(tempfile.mkdtemp(dir="/run"))
        self.addCleanup(bus.close)
        self.daemon = self.start_daemon()

    def start_daemon(self):
        daemon = firewalld.Firewalld(self.node.host)
        self.addCleanup(daemon.close)
        return daemon

    def add(self, config, container):
        """A pod behind bridge and firewall: its namespace, the result, and its addresses as sources."""
        pod = self.node.namespace()
        result = self.node.add(BRIDGE, pod, container)
        self.assertEqual(result, self.node.add(config, pod, container, previous=result))
        sources = [f"{ip['address'].partition('/')[0]}/{128 if ':' in ip['address'] else 32}" for ip in result["ips"]]
        return pod, result, sources

    def call(self, verb, config, added, container, **options):
        return self.node.call(verb, config, added[0], container, previous=added[1], **options)

    def by_reference(self, verb, config, added, container):
        document = self.node.document(config, {**added[1], "cniVersion": "1.0.0"}, cniVersion="1.0.0")
        self.node.host.run(REFERENCE, env=self.node.environment(verb, added[0], container), text=document)

    @staticmethod
    def reaches_outside(pod):
        return pod.run("ping", "-c1", "-W1", "192.0.2.2", check=False).returncode == 0

    def owners(self):
        """The table in which the owners of sources are."""
        return self.node.host.run("nft", "list", "table", "inet", "cni_plugins_firewall").stdout

    def error_of(self, done):
        self.assertEqual(1, done.returncode)
        return json.loads(done.stdout)

    def test_a_pods_addresses_are_sources_until_it_ends(self):
        for number, config in enumerate((AUTOMATIC, NAMED)):
            container = f"c{number}"
            bare = self.node.namespace()
            self.node.add(BRIDGE, bare, f"bare{number}")
            self.assertFalse(self.reaches_outside(bare))
            added = self.add(config, container)
            self.assertEqual(added[2], self.daemon.sources())
            self.assertTrue(self.reaches_outside(added[0]))
            self.call("CHECK", config, added, container)
            self.call("ADD", config, added, container)
            self.assertEqual(added[2], self.daemon.sources())
            self.assertNotIn("CNI-FORWARD", self.node.host.run("iptables-save").stdout)
            for _ in range(2):
                self.node.call("DEL", config, None, container)
            self.assertEqual([], self.daemon.sources())
            self.assertNotIn(f"id: {container}", self.owners())

    def test_the_zone_is_configurable(self):
        config = {**NAMED, "firewalldZone": "work"}
        added = self.add(config, "c1")
        self.assertEqual(added[2], self.daemon.sources("work"))
        self.call("CHECK", config, added, "c1")
        self.call("DEL", config, added, "c1")
        self.assertEqual([], self.daemon.sources("work"))

    def test_bridges_are_isolated_by_iptables(self):
        config = {**AUTOMATIC, "ingressPolicy": "same-bridge"}
        added = self.add(config, "c1")
        self.call("CHECK", config, added, "c1")
        rules = self.node.host.run("iptables-save", "-t", "filter").stdout
        self.assertIn("-A CNI-ISOLATION-STAGE-1 -i br0 ! -o br0 ", rules)
        self.assertNotIn("CNI-FORWARD", rules)
        self.assertTrue(self.reaches_outside(added[0]))
        self.node.host.run("iptables", "-F", "CNI-ISOLATION-STAGE-2")
        error = self.error_of(self.call("CHECK", config, added, "c1", check=False))
        self.assertRegex(error["msg"], '^rule "-o br0 .* is missing from chain CNI-ISOLATION-STAGE-2 of iptables table filter$')
        self.call("DEL", config, added, "c1")
        self.assertEqual([], self.daemon.sources())

    def test_a_zone_that_does_not_exist_fails_add_and_leaves_nothing(self):
        pod = self.node.namespace()
        result = self.node.add(BRIDGE, pod, "c1")
        config = {**NAMED, "firewalldZone": "nowhere"}
        error = self.error_of(self.node.call("ADD", config, pod, "c1", previous=result, check=False))
        self.assertRegex(error["msg"], "^failed to add the address 10.61.0.[0-9]+/32 to nowhere zone: .*INVALID_ZONE")
        self.assertNotIn("id: c1", self.owners())

    def test_a_reload_is_noticed_and_repaired_by_the_next_add(self):
        added = self.add(AUTOMATIC, "c1")
        self.daemon.call("reload")
        self.assertEqual([], self.daemon.sources())
        error = self.error_of(self.call("CHECK", AUTOMATIC, added, "c1", check=False))
        self.assertRegex(error["msg"], "^address 10.61.0.[0-9]+ is missing from zone trusted of firewalld$")
        error = self.error_of(self.node.call("STATUS", AUTOMATIC, None, check=False))
        self.assertEqual(51, error["code"])
        self.assertRegex(error["msg"], "^zone trusted of firewalld lacks 2 addresses of pods, such as 10.61.0.[0-9]+$")
        second = self.add(AUTOMATIC, "c2")
        self.assertEqual(sorted([*added[2], *second[2]]), self.daemon.sources())
        self.call("CHECK", AUTOMATIC, added, "c1")
        self.node.call("STATUS", AUTOMATIC, None)
        self.assertTrue(self.reaches_outside(added[0]))

    def test_gc_removes_the_sources_of_stale_attachments_alone(self):
        kept, _ = self.add(AUTOMATIC, "c1"), self.add(AUTOMATIC, "c2")
        self.daemon.call("addSource", "trusted", "198.51.100.7", interface="org.fedoraproject.FirewallD1.zone")
        self.node.call("GC", AUTOMATIC, None, **{"cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}]})
        self.assertEqual(sorted([*kept[2], "198.51.100.7"]), self.daemon.sources())

    def test_an_address_that_another_pod_has_stays_a_source(self):
        added = self.add(AUTOMATIC, "c1")
        self.call("ADD", AUTOMATIC, added, "c2")
        self.call("DEL", AUTOMATIC, added, "c1")
        self.assertEqual(added[2], self.daemon.sources())
        self.call("DEL", AUTOMATIC, added, "c2")
        self.assertEqual([], self.daemon.sources())

    def test_del_with_a_part_of_the_addresses_removes_all_sources(self):
        pod, result, _ = self.add(AUTOMATIC, "c1")
        for count in (1, 0):
            self.call("DEL", AUTOMATIC, (pod, {**result, "ips": result["ips"][:count]}), "c1")
            self.assertEqual([], self.daemon.sources())
            self.assertNotIn("id: c1", self.owners())
            self.call("ADD", AUTOMATIC, (pod, result), "c1")

    def test_either_suite_removes_what_the_other_added(self):
        config = {**NAMED}
        pod = self.node.namespace()
        result = self.node.add(BRIDGE, pod, "c1")
        added = pod, result
        self.by_reference("ADD", config, added, "c1")
        self.assertEqual(2, len(self.daemon.sources()))
        self.call("CHECK", config, added, "c1")
        self.call("DEL", config, added, "c1")
        self.assertEqual([], self.daemon.sources())
        self.call("ADD", config, added, "c1")
        self.by_reference("CHECK", config, added, "c1")
        self.by_reference("DEL", config, added, "c1")
        self.assertEqual([], self.daemon.sources())
        self.node.call("GC", config, None)
        self.assertNotIn("id: c1", self.owners())

    def test_without_firewalld_its_backend_says_so_and_del_works(self):
        added = self.add(NAMED, "c1")
        self.daemon.process.terminate()
        self.daemon.process.wait(10)
        for verb, code in (("ADD", 11), ("STATUS", 50)):
            done = self.call(verb, NAMED, added, "c2", check=False)
            error = self.error_of(done)
            self.assertEqual((code, "firewalld is not running"), (error["code"], error["msg"]))
        self.call("DEL", NAMED, added, "c1")
        self.assertNotIn("id: c1", self.owners())
        self.add(AUTOMATIC, "c3")
        self.assertIn("CNI-FORWARD", self.node.host.run("iptables-save").stdout)


if __name__ == "__main__":
    firewalld.fetch()
    world.enter()
    firewalld.enter()
    unittest.main(verbosity=2)
