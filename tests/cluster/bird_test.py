#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plumbd beside a BIRD that is missing or refuses its configuration: log, status and metric report it, and packets flow."""
import json
import pathlib
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.cluster import Cluster, gateway  # noqa: E402
from lab.cluster_traffic import Monitor, Probe  # noqa: E402
from lab.world import wait_until  # noqa: E402

CONFIG = "/run/plumb/bird.conf"
SESSIONS = 2  # one for each family
TUNNEL, DIRECT = "86", "87"  # protocol numbers of plumbd's routes


class BirdTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster("bgp")
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.add_nodes(2)
        cls.cluster.start()
        cls.cluster.add_pods()
        cls.node = cls.cluster.nodes[0]
        cls.cluster.check_matrix(20)

    def setUp(self):
        wait_until(lambda: self.node.metric("plumb_bgp_peer_up") == SESSIONS and self.node.metric("plumb_reconcile_failing") == 0, "BIRD is well", 40)
        self.before = self.node.path(CONFIG).read_text(encoding="utf-8")

    def reported(self, *words):
        """Log, status and metric report it, and the node stays alive and ready for pods."""
        wait_until(lambda: all(word in self.node.control("status", check=False).stdout for word in words), f"status shows {words}", 20)
        wait_until(lambda: any(all(word in line for word in words) for line in self.node.log().splitlines()), f"the log has {words}")
        wait_until(lambda: self.node.metric("plumb_reconcile_failing") == 1, "the metric shows it")
        self.assertEqual((200, 200), (self.node.get("/healthz")[0], self.node.get("/readyz")[0]))

    def undisturbed(self, change):
        with Probe(*self.cluster.pods()) as probe, Monitor(self.node, self.cluster.folder) as monitor:
            change()
            self.assertEqual(0, probe.stop().lost)
            self.assertEqual([], monitor.deletions("proto bird"))

    def reload(self, **changes):
        self.node.write_config(**{"bgp": {}, "addresses": [], **changes})
        self.node.plumbd.send_signal(signal.SIGHUP)

    def refused(self, changes, *words):
        def change():
            self.reload(**changes)
            self.reported(*words)
        self.undisturbed(change)
        self.assertEqual(self.before, self.node.path(CONFIG).read_text(encoding="utf-8"))
        self.undisturbed(self.reload)

    def test_a_bird_that_is_gone(self):
        def lose():
            self.node.bird.kill()
            self.node.bird.wait()
            self.reported("BIRD does not answer", "/run/plumb/bird.ctl")
            self.assertEqual(0, self.node.metric("plumb_bird_running"))
            with open(self.node.folder / "bird.log", "a", encoding="utf-8") as log:
                self.node.bird = self.node.start("bird", "-f", "-R", "-c", CONFIG, "-s", "/run/plumb/bird.ctl", stdout=log, stderr=log)
            wait_until(lambda: self.node.metric("plumb_bgp_peer_up") == SESSIONS, "the session is back", 20)
        self.undisturbed(lose)

    def test_a_bird_that_hangs(self):
        """The other nodes treat it as dead when its hold time is over."""
        self.node.bird.send_signal(signal.SIGSTOP)
        self.addCleanup(self.node.bird.send_signal, signal.SIGCONT)
        self.reported("BIRD does not answer", "no answer within 10 s")
        self.node.bird.send_signal(signal.SIGCONT)
        wait_until(lambda: self.node.metric("plumb_reconcile_failing") == 0, "it works again", 20)
        self.cluster.check_matrix(20)

    def test_a_configuration_that_bird_refuses(self):
        # The kernel allows link names that a string of BIRD cannot contain.
        self.node.run("ip", "link", "add", 'e"1', "type", "veth", "peer", "name", "e2")
        self.addCleanup(self.node.run, "ip", "link", "delete", 'e"1')
        self.node.run("ip", "address", "add", "198.51.100.77/24", "dev", 'e"1')
        self.refused({"addresses": ["198.51.100.77"]}, "BIRD refuses", "the old one stays")

    def test_a_peer_that_bird_could_not_take_is_refused_with_the_configuration(self):
        def change():
            self.reload(bgp={"peers": [{"name": "tor", "address": "fe80::1", "asNumber": 65000}]})
            reported = r'reload failed, keeping the previous configuration: \S+:\d+: key "bgp.peers\[0\].address"'
            wait_until(lambda: re.search(reported, self.node.log()), "the log has it")
        self.undisturbed(change)
        self.assertEqual(self.before, self.node.path(CONFIG).read_text(encoding="utf-8"))
        self.undisturbed(self.reload)

    def test_a_password_that_cannot_be_read(self):
        self.refused({"bgp": {"passwordFile": "/etc/plumb/secret"}}, "/etc/plumb/secret", "cannot be read", "No such file")

    def test_a_password_that_others_can_read(self):
        secret = self.node.path("/etc/plumb/open-secret")
        secret.write_text("keep secret\n", encoding="utf-8")
        secret.chmod(0o644)
        self.refused({"bgp": {"passwordFile": "/etc/plumb/open-secret"}}, "/etc/plumb/open-secret", "can be read by users other than its owner", "0600")
        self.assertNotIn("keep secret", self.node.log())


class LeavingTest(unittest.TestCase):
    """K3: nodes that change from bgp to another backend. BIRD's routes would win over plumbd's own in IPv6, whose metric is higher."""

    def begin(self):
        self.cluster = Cluster("bgp")
        self.addCleanup(self.cluster.close)
        self.cluster.add_nodes(2)

    def run_cluster(self):
        self.cluster.start()
        self.cluster.add_pods()
        self.cluster.check_matrix(20)
        self.first, self.second = self.cluster.nodes
        for node in self.cluster.nodes:
            # BIRD starts after plumbd, which has failed to reach it once.
            wait_until(lambda node=node: node.metric("plumb_reconcile_failing") == 0, f"plumbd of {node.name} has reached BIRD", 10)

    def reload(self, node, backend):
        node.write_config(backend=backend)
        node.plumbd.send_signal(signal.SIGHUP)

    def routes(self, node, protocol):
        return [line for family in ("-4", "-6") for line in node.run("ip", family, "route", "show", "proto", protocol).stdout.splitlines()]

    def wait_left(self, node, protocol, gone="bird"):
        """The node uses plumbd's own routes of both families, and has none of BIRD."""
        try:
            wait_until(lambda: len(self.routes(node, protocol)) == 2 and not self.routes(node, gone), "they end", 5)
        except AssertionError:
            self.fail(f"{node.name}: two routes of protocol {protocol} and none of {gone} are expected, not "
                      f"{self.routes(node, protocol)} and {self.routes(node, gone)}: {node.log()[-1500:]}")

    def undisturbed(self, change):
        with Probe(*self.cluster.pods()) as probe, Probe(*self.cluster.pods(), family=6) as probe_v6:
            change()
            for report in (probe.stop(), probe_v6.stop()):
                self.assertEqual(0, report.lost, report)

    def check_reached(self):
        """Small packets, because the pods still have the MTU of the network without a tunnel."""
        for source, target in (self.cluster.pods(), reversed(self.cluster.pods())):
            for family in (4, 6):
                self.cluster.wait_reaches(source.endpoint(), target.endpoint(), family)

    @staticmethod
    def conditions(node):
        return {each["name"] for each in json.loads(node.control("status", "--json", check=False).stdout)["conditions"]}

    def check_well(self):
        for node in self.cluster.nodes:
            self.assertEqual(0, node.metric("plumb_reconcile_failing"))
            self.assertEqual(0, node.control("diff", check=False).returncode)
            wait_until(lambda node=node: self.conditions(node) <= {"pods-to-recreate"}, f"{node.name} has no other trouble than old pods", 15)

    def test_routes_of_bird_end_when_the_nodes_leave_bgp(self):
        """Node by node: a node that has left is still announced to a node that has not."""
        for backend in ("auto", "host-gw"):
            with self.subTest(backend):
                self.begin()
                self.run_cluster()

                def change(backend=backend):
                    for node in self.cluster.nodes:
                        self.reload(node, backend)
                        self.wait_left(node, DIRECT)
                        self.check_reached()
                self.undisturbed(change)
                for node in self.cluster.nodes:
                    node.bird.kill()
                    node.bird.wait()
                self.check_well()

    def test_routes_of_bird_end_when_all_nodes_change_to_the_tunnel(self):
        self.begin()
        self.run_cluster()
        for node in self.cluster.nodes:
            self.reload(node, "vxlan")
        for node in self.cluster.nodes:
            self.wait_left(node, TUNNEL)
        self.check_reached()
        self.check_well()

    def write_own_list(self, node, **backends):
        """Gives this node a list of its own, as a source does that reaches one node after the other."""
        lines = [f"{each.line()} backend={backends[each.name]}\n" for each in self.cluster.nodes]
        path = node.path("/etc/plumb/nodes")
        path.with_suffix(".new").write_text("".join(lines), encoding="utf-8")
        path.with_suffix(".new").rename(path)

    def test_no_packet_is_lost_when_each_node_learns_that_the_other_has_left(self):
        self.begin()
        for node in self.cluster.nodes:
            self.write_own_list(node, n1="bgp", n2="bgp")
            node.write_config(file={"path": "/etc/plumb/nodes"})
        self.run_cluster()

        def change():
            self.write_own_list(self.first, n1="vxlan", n2="bgp")
            wait_until(lambda: len(self.routes(self.first, TUNNEL)) == 2, "n1 has its tunnel")
            self.write_own_list(self.second, n1="vxlan", n2="bgp")
            self.wait_left(self.second, TUNNEL)
            self.wait_left(self.first, TUNNEL)
            self.write_own_list(self.second, n1="vxlan", n2="vxlan")
            self.write_own_list(self.first, n1="vxlan", n2="vxlan")
            wait_until(lambda: all("metric 2048" not in line for line in self.routes(self.first, TUNNEL)), "n1 knows that n2 has left", 5)
        self.undisturbed(change)
        self.check_reached()
        self.check_well()

    def test_routes_that_a_dead_bird_left_end_and_a_new_one_does_not_bring_them_back(self):
        self.begin()
        self.run_cluster()
        for node in self.cluster.nodes:
            node.bird.kill()
            node.bird.wait()
            self.assertEqual(2, len(self.routes(node, "bird")))

        def change():
            for node in self.cluster.nodes:
                self.reload(node, "auto")
                self.wait_left(node, DIRECT)
        self.undisturbed(change)
        self.check_well()
        with Monitor(self.first, self.cluster.folder) as monitor:
            for node in self.cluster.nodes:
                node.start_bird()
            for node in self.cluster.nodes:
                wait_until(lambda node=node: "Established" in node.control("status", check=False).stdout, f"BIRD of {node.name} has its sessions", 20)
            self.assertEqual([], [text for _, text in monitor.lines() if "proto bird" in text])
        self.assertEqual([], self.routes(self.first, "bird"))


# It announces a range of the nodes, and one that no other router announces.
ROUTER = """
router id 10.0.1.254;
protocol device {{ }}
protocol static told4 {{ ipv4; route {own4} blackhole; route {other4} blackhole; }}
protocol static told6 {{ ipv6; route {own6} blackhole; route {other6} blackhole; }}
protocol bgp node4 {{ local {local4} as 65000; neighbor {node4} as 64512; direct; connect delay time 1; ipv4 {{ import none; export all; }}; }}
protocol bgp node6 {{ local {local6} as 65000; neighbor {node6} as 64512; direct; connect delay time 1; ipv6 {{ import none; export all; }}; }}
"""
OTHER = {4: "198.51.100.0/24", 6: "2001:db8:77::/48"}


class RouterTest(unittest.TestCase):
    """K3: a router that announces the nodes' ranges, where the nodes have a tunnel to each other."""

    def start_router(self, first, second):
        words = {"local4": gateway(1, 4), "local6": gateway(1, 6), "node4": first.addresses[4], "node6": first.addresses[6]}
        words.update({f"own{family}": second.ranges[family] for family in OTHER}, **{f"other{family}": prefix for family, prefix in OTHER.items()})
        folder = pathlib.Path(self.cluster.folder, "router")
        folder.mkdir()
        (folder / "conf").write_text(ROUTER.format(**words), encoding="utf-8")
        bird = self.cluster.underlay.router.start("bird", "-f", "-c", str(folder / "conf"), "-s", str(folder / "ctl"), stderr=subprocess.DEVNULL)
        self.addCleanup(bird.wait)
        self.addCleanup(bird.kill)

    def test_routes_of_a_router_do_not_win_over_those_of_plumbd(self):
        self.cluster = Cluster("vxlan")
        self.addCleanup(self.cluster.close)
        self.cluster.add_nodes(2)
        first, second = self.cluster.nodes
        self.cluster.config["bgp"] = {"peers": [{"name": f"tor{family}", "address": gateway(1, family), "asNumber": 65000, "node": "n1",
                                                 "importRanges": [prefix]} for family, prefix in OTHER.items()]}
        self.cluster.start()
        self.cluster.add_pods()
        self.cluster.check_matrix()
        with Probe(*self.cluster.pods()) as probe, Probe(*self.cluster.pods(), family=6) as probe_v6:
            first.start_bird()
            self.start_router(first, second)
            for family, other in OTHER.items():
                def routes(family=family):
                    return [each["dst"] for each in world.run_json(*first.enter, "ip", "-j", f"-{family}", "route", "show", "proto", "bird")]
                wait_until(lambda other=other, routes=routes: other in routes(), f"{other} is in the kernel", 20)
                shown = first.run("birdc", "-s", "/run/plumb/bird.ctl", "show", "route", second.ranges[family], "all").stdout
                self.assertIn(f"tor{family}", shown)
                self.assertEqual([other], routes())
            for report in (probe.stop(), probe_v6.stop()):
                self.assertEqual(0, report.lost, report)
        self.assertEqual(0, first.control("diff", check=False).returncode)


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
