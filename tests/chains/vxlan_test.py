#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The vxlan plugin without an agent: namespaces as nodes on one switch, real packets between pods."""
import concurrent.futures
import fcntl
import itertools
import json
import os
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from lab import world  # noqa: E402

_numbers = itertools.count(1)


class Machine:
    """A node: 192.0.2.<n> and 2001:db8::<n> on the switch, pods 10.27.<n>.0/24 and fd00:27:0:<n>::/64."""

    def __init__(self, switch, number):
        self.number = number
        self.host = world.Namespace(f"node-{next(_numbers)}")
        self.host.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")
        port = f"p{next(_numbers)}"
        switch.run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", self.host.name)
        switch.run("ip", "link", "set", port, "master", "br0", "up")
        self.host.run("ip", "link", "set", "eth0", "up")
        self.host.run("ip", "address", "add", f"192.0.2.{number}/24", "dev", "eth0")
        self.host.run("ip", "address", "add", f"2001:db8::{number}/64", "dev", "eth0", "nodad")
        self.pods = []

    def call(self, verb, config, pod, name, previous=None, check=True):
        document = {"cniVersion": "1.1.0", "name": "overlay", "type": "vxlan", **config}
        if previous:
            document["prevResult"] = previous
        env = {"PATH": os.environ["PATH"], "CNI_COMMAND": verb, "CNI_CONTAINERID": name, "CNI_NETNS": pod.path, "CNI_IFNAME": "eth0",
               "CNI_PATH": world.plugin_folder()}
        return self.host.run(f"{world.plugin_folder()}/{document['type']}", env=env, text=json.dumps(document), check=check)

    def add(self, config):
        pod = world.Namespace(f"pod-{next(_numbers)}")
        pod.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
        pod.result = json.loads(self.call("ADD", config, pod, pod.name).stdout)
        pod.addresses = [ip["address"].split("/")[0] for ip in pod.result["ips"]]
        self.pods.append(pod)
        return pod

    def close(self):
        for pod in self.pods:
            pod.remove()
        self.host.remove()


class VxlanTest(unittest.TestCase):
    def setUp(self):
        self.switch = world.Namespace(f"switch-{next(_numbers)}")
        self.addCleanup(self.switch.remove)
        self.switch.run("ip", "link", "add", "br0", "type", "bridge")
        self.switch.run("ip", "link", "set", "br0", "up")
        self.machines = [Machine(self.switch, number) for number in (1, 2, 3)]
        for machine in self.machines:
            self.addCleanup(machine.close)
        self.peers = pathlib.Path(f"/run/peers-{next(_numbers)}")
        self.write_peers()

    def write_peers(self, numbers=(1, 2, 3), underlay=("192.0.2.", "2001:db8::")):
        self.peers.write_text("# one list for all nodes\n" + "".join(
            f"node-{n} addresses={','.join(f'{each}{n}' for each in underlay)} ranges=10.27.{n}.0/24,fd00:27:0:{n}::/64\n"
            for n in numbers))

    def config(self, **more):
        return {"peersFile": str(self.peers), "vni": 7, "bridge": "ovl0", **more}

    def assert_pings(self, source, target, size=56):
        for address in target.addresses:
            done = source.run("ping", "-c1", "-W5", "-M", "do", "-s", str(size), address, check=False)
            self.assertEqual(done.returncode, 0, f"{source.addresses} to {address}, {size} bytes: {done.stdout}{done.stderr}")

    def assert_full_matrix(self, pods):
        for source, target in itertools.permutations(pods, 2):
            self.assert_pings(source, target)

    def outer_packets(self, number):
        """Frames that left the tunnel's device of a node."""
        shown = world.run_json("nsenter", f"--net={self.machines[number].host.path}", "ip", "-s", "-j", "link", "show", "plumb.7")
        return shown[0]["stats64"]["tx"]["packets"]

    def test_pods_of_three_nodes_reach_each_other_in_both_families(self):
        pods = [machine.add(self.config()) for machine in self.machines]
        self.assert_full_matrix(pods)
        self.assertGreater(self.outer_packets(0), 0)
        # Packets of the pod's full MTU pass unfragmented: 1450 less headers.
        self.assertIn("mtu 1450", pods[0].run("ip", "link", "show", "eth0").stdout)
        self.assert_pings(pods[0], pods[1], size=1450 - 48)
        for machine, pod in zip(self.machines, pods):
            machine.call("CHECK", self.config(), pod, pod.name, pod.result)

    def test_rules_of_pods_leave_the_record_of_the_nodes_rules_valid(self):
        """Each pod makes a transaction of nf_tables; the record then follows, and the next ADD need not read the node's rules."""
        machine, folder = self.machines[0], pathlib.Path("/run/plumb")

        def generation():
            return [int(file.read_text(encoding="ascii").split()[-1]) for file in folder.glob("traffic.*")]
        for former in folder.glob("traffic.*"):  # of other tests' networks
            former.unlink()
        pods = [machine.add(self.config()) for _ in range(3)]
        begun = generation()
        self.assertEqual(len(begun), 1)
        machine.add(self.config())
        self.assertEqual(generation(), [begun[0] + 1])
        machine.call("DEL", self.config(), pods[0], pods[0].name, pods[0].result)
        self.assertEqual(generation(), [begun[0] + 2])

    def test_every_backend_and_pod_interface(self):
        for more in ({"podInterface": "ptp"}, {"backend": "host-gw"}, {"backend": "auto"}):
            with self.subTest(more):
                network = self.config(**more)
                pods = [machine.add(network) for machine in self.machines[:2]]
                self.assert_full_matrix(pods)
                routes = self.machines[0].host.run("ip", "route", "show", "10.27.2.0/24").stdout
                self.assertIn("dev plumb.7" if "backend" not in more else "via 192.0.2.2 dev eth0", routes)
                for machine, pod in zip(self.machines, pods):
                    machine.call("CHECK", network, pod, pod.name, pod.result)
                    machine.call("DEL", network, pod, pod.name, pod.result)

    def test_with_plumbds_file_only_the_pod_is_made(self):
        machine = self.machines[0]
        file = pathlib.Path(f"/run/node-{next(_numbers)}.json")
        config = {"nodeFile": str(file), "subnetFile": "/run/nowhere", "bridge": "ovl0"}
        pod = world.Namespace(f"pod-{next(_numbers)}")
        self.addCleanup(pod.remove)
        early = json.loads(machine.call("ADD", config, pod, "early", check=False).stdout)
        self.assertEqual((early["code"], early["msg"]), (11, f"no {file}: plumbd has not finished its first reconcile"))
        self.assertEqual(json.loads(machine.call("STATUS", config, pod, "early", check=False).stdout)["code"], 50)
        file.write_text(json.dumps({"version": 1, "name": "a", "network": ["10.27.0.0/16"], "mtu": 1400, "backend": "vxlan",
                                    "ranges": ["10.27.1.0/24", "fd00:27:0:1::/64"], "ipMasq": False, "stale": False}))
        machine.call("STATUS", config, pod, "early")
        pod = machine.add(config)
        self.assertRegex(" ".join(pod.addresses), r"10\.27\.1\.\d+ fd00:27:0:1::\w+")
        self.assertIn("mtu 1400", pod.run("ip", "link", "show", "eth0").stdout)
        self.assertNotIn("vxlan", machine.host.run("ip", "-d", "link").stdout)
        machine.call("CHECK", config, pod, pod.name, pod.result)
        file.unlink()
        machine.call("DEL", config, pod, pod.name, pod.result)
        self.assertNotIn("veth", machine.host.run("ip", "link").stdout)

    def test_over_ipv6(self):
        self.write_peers(underlay=("2001:db8::",))
        pods = [machine.add(self.config()) for machine in self.machines[:2]]
        self.assert_full_matrix(pods)
        self.assertIn("mtu 1430", pods[0].run("ip", "link", "show", "eth0").stdout)

    def test_one_segment_across_nodes(self):
        pods = []
        for machine in self.machines:
            ipam = {"type": "host-local", "ranges": [
                [{"subnet": "10.28.0.0/24", "rangeStart": f"10.28.0.{machine.number}0", "rangeEnd": f"10.28.0.{machine.number}9"}],
                [{"subnet": "fd00:28::/64", "rangeStart": f"fd00:28::{machine.number}0", "rangeEnd": f"fd00:28::{machine.number}9"}]]}
            network = self.config(mode="l2", ipam=ipam)
            pods.append(machine.add(network))
            machine.call("CHECK", network, pods[-1], pods[-1].name, pods[-1].result)
        self.assert_full_matrix(pods)
        # One segment: the neighbour is the other pod itself, not a gateway.
        self.assertIn(pods[1].result["interfaces"][2]["mac"], pods[0].run("ip", "neigh", "show", pods[1].addresses[0]).stdout)

    def test_a_node_that_leaves_the_list_loses_its_route_and_its_packets_are_dropped(self):
        pods = [machine.add(self.config()) for machine in self.machines]
        self.write_peers((1, 2))
        newcomer = self.machines[0].add(self.config())
        self.assertEqual(self.machines[0].host.run("ip", "route", "show", "10.27.3.0/24").stdout, "")
        self.assert_pings(newcomer, pods[1])
        self.assertNotEqual(pods[2].run("ping", "-c1", "-W1", newcomer.addresses[0], check=False).returncode, 0)

    def test_an_add_on_a_complete_node_writes_nothing_for_the_fabric(self):
        self.machines[0].add(self.config())
        host = self.machines[0].host
        before = [host.run("ip", "-o", *words).stdout for words in (("-d", "link", "show", "plumb.7"), ("route",), ("neigh",))]
        with open("/run/plumb/vxlan.lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # held by the process that writes
            self.machines[0].add(self.config())
        after = [host.run("ip", "-o", *words).stdout for words in (("-d", "link", "show", "plumb.7"), ("route",), ("neigh",))]
        self.assertEqual(after[0], before[0])
        self.assertEqual(re.findall("10.27.[23].*", after[1]), re.findall("10.27.[23].*", before[1]))

    def test_del_leaves_the_fabric_and_nothing_of_the_pod(self):
        machine = self.machines[0]
        machine.add(self.config())
        before = machine.host.run("ip", "-o", "link").stdout.count("veth")
        pod = machine.add(self.config())
        machine.call("DEL", self.config(), pod, pod.name, pod.result)
        machine.call("DEL", self.config(), pod, pod.name, pod.result)
        self.assertEqual(machine.host.run("ip", "-o", "link").stdout.count("veth"), before)
        self.assertIn("plumb.7", machine.host.run("ip", "-o", "link").stdout)

    def test_twenty_adds_at_once_from_nothing(self):
        """One device and one table, twenty pods with an address each, and nothing of them after as many DELs at once."""
        machine, config = self.machines[0], self.config(name="many")
        pods = [world.Namespace(f"pod-{next(_numbers)}") for _ in range(20)]
        machine.pods += pods
        with concurrent.futures.ThreadPoolExecutor(len(pods)) as pool:
            def at_once(verb):
                return list(pool.map(lambda pod: machine.call(verb, config, pod, pod.name), pods))

            results = [json.loads(done.stdout) for done in at_once("ADD")]
            self.assertEqual(40, len({ip["address"] for result in results for ip in result["ips"]}))
            shown = world.run_json("nsenter", f"--net={machine.host.path}", "ip", "-d", "-j", "link")
            kinds = [link.get("linkinfo", {}).get("info_kind") for link in shown]
            self.assertEqual((1, 1, 21), (kinds.count("vxlan"), kinds.count("bridge"), kinds.count("veth")))
            self.assertRegex(machine.host.run("nft", "list", "tables").stdout,
                             r"^(table inet plumb_[0-9a-f]+\ntable bridge plumb_links|table bridge plumb_links\ntable inet plumb_[0-9a-f]+)\n$")
            self.assertEqual(1, machine.host.run("ip", "route").stdout.count("10.27.2.0/24"))
            at_once("DEL")
        links = machine.host.run("ip", "-o", "link").stdout
        self.assertEqual((0, 1), (links.count("veth"), links.count("plumb.7")))
        self.assertEqual([], [file.name for file in pathlib.Path("/var/lib/cni/networks/many").iterdir() if file.name[0] in "1f"])

    def test_check_names_the_missing_object_of_the_node(self):
        machine = self.machines[0]
        pod = machine.add(self.config())
        machine.host.run("ip", "route", "delete", "10.27.2.0/24")
        failed = machine.call("CHECK", self.config(), pod, pod.name, pod.result, check=False)
        self.assertIn("10.27.2.0/24", json.loads(failed.stdout)["msg"])
        machine.add(self.config())
        machine.call("CHECK", self.config(), pod, pod.name, pod.result)

    def test_add_names_mistakes_of_the_configuration(self):
        machine = self.machines[0]
        for more, words in (({"peersFile": "/run/nowhere"}, "/run/nowhere"), ({"parent": "eth7"}, "eth7"),
                            ({"localAddress": "192.0.2.99", "ranges": ["10.27.9.0/24"]}, "192.0.2.99"),
                            ({"podInterface": "macvlan"}, "bridge or ptp"), ({"vni": 0}, "1 to 16777215"),
                            ({"mode": "l2", "podInterface": "ptp"}, "bridge in mode l2"),
                            ({"mtu": 1000}, "1000"),
                            ({"peers": [{"address": "192.0.2.2"}]}, "192.0.2.2"),
                            ({"peersFile": "peers"}, "an absolute path"), ({"localAddress": "192.0.2.2"}, "must be an address of this node"),
                            ({"localAddress": "192.0.2.1", "parent": "lo"}, 'must be an address of "lo", the parent'),
                            ({"localAddress": "127.0.0.1"}, "localAddress"), ({"localAddress": "192.0.2.1,"}, "localAddress"),
                            ({"clusterRanges": ["10.27.0.0/23"]}, "range fd00:27:0:1::/64 is not part of the cluster's network"),
                            ({"ranges": ["192.0.2.128/25"]}, "overlaps the nodes' own network 192.0.2.0/24"),
                            ({"ranges": ["10.27.1.0/31"]}, "too small"), ({"bridge": "plumb.7"}, '"bridge"'),
                            ({"bridge": "a/b"}, "a/b"), ({"isGateway": 1}, "isGateway"), ({"mtu": 1200}, "1280"),
                            ({"peers": [{"name": "node-1", "address": "192.0.2.9"}]}, "same name node-1"),
                            ({"peersFile": "", "peers": [{"address": "192.0.2.1", "ranges": ["fd00:27::/64"]}], "backend": "host-gw"},
                             "range fd00:27::/64 needs an IPv6 address")):
            with self.subTest(more):
                pod = world.Namespace(f"pod-{next(_numbers)}")
                self.addCleanup(pod.remove)
                before = machine.host.run("ip", "-o", "link").stdout
                failed = machine.call("ADD", self.config(**more), pod, pod.name, check=False)
                self.assertEqual(failed.returncode, 1)
                error = json.loads(failed.stdout)
                self.assertIn(words, error["msg"])
                self.assertIn(error["code"], (6, 7))
                self.assertNotIn("eth0", pod.run("ip", "-o", "link").stdout)
                self.assertEqual(machine.host.run("ip", "-o", "link").stdout, before)
                self.assertEqual(machine.call("STATUS", self.config(**more), pod, "", check=False).returncode, 1)

    def test_add_names_a_conflict_before_it_makes_anything(self):
        machine = self.machines[0]
        pod = world.Namespace(f"pod-{next(_numbers)}")
        self.addCleanup(pod.remove)
        machine.host.run("ip", "link", "add", "foreign", "type", "vxlan", "id", "7", "dstport", "4789", "local", "192.0.2.1")
        before = machine.host.run("ip", "-o", "link").stdout
        for verb, code in (("ADD", 999), ("STATUS", 50)):
            error = json.loads(machine.call(verb, self.config(), pod, pod.name, check=False).stdout)
            self.assertEqual(error["code"], code)
            self.assertIn('VXLAN device "foreign" has VNI 7 and port 4789 already', error["msg"])
        self.assertEqual(machine.host.run("ip", "-o", "link").stdout, before)
        self.assertEqual(machine.host.run("nft", "list", "ruleset").stdout, "")

    def test_a_node_set_up_anew_with_another_range_needs_no_reboot(self):
        """The bridge's former address is removed when no pod is left on it; while a pod is left it stays."""
        machine, file = self.machines[0], pathlib.Path(f"/run/node-{next(_numbers)}.json")
        config = {"name": "anew", "nodeFile": str(file), "bridge": "ovl0"}

        def give(number):
            file.write_text(json.dumps({"version": 1, "name": "a", "network": ["10.27.0.0/16", "fd00:27::/48"], "mtu": 1400,
                                        "ranges": [f"10.27.{number}.0/24", f"fd00:27:0:{number}::/64"]}))

        def gateways():
            return re.findall(r"inet6? (10\.27\S+|fd00:27\S+)", machine.host.run("ip", "address", "show", "ovl0").stdout)

        give(1)
        old = machine.add(config)
        give(9)
        pod = world.Namespace(f"pod-{next(_numbers)}")
        self.addCleanup(pod.remove)
        error = json.loads(machine.call("ADD", config, pod, pod.name, check=False).stdout)
        self.assertIn("already has an IP address different from 10.27.9.1/24", error["msg"])
        self.assertEqual(gateways(), ["10.27.1.1/24", "fd00:27:0:1::1/64"])
        machine.call("DEL", config, old, old.name, old.result)
        new = machine.add(config)
        self.assertEqual(gateways(), ["10.27.9.1/24", "fd00:27:0:9::1/64"])
        machine.call("DEL", config, new, new.name, new.result)
        machine.host.run("ip", "address", "add", "198.51.100.1/24", "dev", "ovl0")  # the operator's
        give(1)
        error = json.loads(machine.call("ADD", config, pod, pod.name, check=False).stdout)
        self.assertIn("already has an IP address different from 10.27.1.1/24", error["msg"])
        self.assertEqual(gateways(), ["10.27.9.1/24", "fd00:27:0:9::1/64"])

    def test_without_plumbd_another_range_needs_no_reboot_either(self):
        machine = self.machines[0]
        for number in (1, 9):
            config = self.config(clusterRanges=["10.27.0.0/16", "fd00:27::/48"], ranges=[f"10.27.{number}.0/24", f"fd00:27:0:{number}::/64"])
            pod = machine.add(config)
            shown = machine.host.run("ip", "address", "show", "ovl0").stdout
            self.assertEqual(re.findall(r"inet6? (10\.27\S+|fd00:27\S+)", shown), [f"10.27.{number}.1/24", f"fd00:27:0:{number}::1/64"])
            machine.call("DEL", config, pod, pod.name, pod.result)

    def test_a_second_network_with_the_ranges_of_the_first_is_refused(self):
        machine = self.machines[0]
        pods = [each.add(self.config()) for each in self.machines[:2]]
        other = world.Namespace(f"pod-{next(_numbers)}")
        self.addCleanup(other.remove)
        config = {"name": "second", "vni": 8, "peersFile": str(self.peers), "bridge": "ovl1"}
        error = json.loads(machine.call("ADD", config, other, other.name, check=False).stdout)
        self.assertIn("another network of this node has that range", error["msg"])
        self.assertNotIn("plumb.8", machine.host.run("ip", "-o", "link").stdout)
        self.assert_full_matrix(pods)

    def test_add_fails_with_code_11_while_plumbds_file_is_damaged(self):
        machine = self.machines[0]
        file = pathlib.Path(f"/run/node-{next(_numbers)}.json")
        for plugin in ("vxlan", "bgp"):
            for content in ("", '{"version":1,"name":"a"', '{"version":2}'):
                with self.subTest(plugin, content=content):
                    file.write_text(content)
                    config = {"type": plugin, "nodeFile": str(file), "subnetFile": "/run/nowhere"}
                    pod = world.Namespace(f"pod-{next(_numbers)}")
                    self.addCleanup(pod.remove)
                    for verb, code in (("ADD", 11), ("STATUS", 50)):
                        error = json.loads(machine.call(verb, config, pod, pod.name, check=False).stdout)
                        self.assertEqual(error["code"], code, error)
                        self.assertEqual(error["msg"].count(str(file)), 1, error)
                    machine.call("DEL", config, pod, pod.name)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
