#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Faults of plumbd, its objects and its surroundings, with a packet every millisecond that shows losses."""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402
from lab.cluster import Cluster, gateway  # noqa: E402
from lab.cluster_traffic import Monitor, Probe  # noqa: E402
from lab.world import wait_until  # noqa: E402

REPAIR = 1.0  # seconds from an accident to the next packet that arrives
LEAST = 0.2  # seconds that a probe runs, so that there are packets to lose
TUNNEL = "plumb-vxlan"


def synthetic(count, start=100):
    """Lines of nodes that do not exist."""
    return [f"s{number} addresses=10.0.{1 + number // 250}.{number % 250 + 1} ranges=10.{100 + number // 256}.{number % 256}.0/24"
            for number in range(start, start + count)]


class FaultTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster("vxlan")
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.config["safetySeconds"] = 2
        cls.cluster.config["network"]["ranges"] = ["10.0.0.0/8", "fd00:244::/32"]
        cls.cluster.add_nodes(3)
        cls.cluster.start()
        cls.cluster.add_pods()
        cls.node = cls.cluster.nodes[0]
        cls.pods = cls.cluster.pods()
        cls.cluster.check_matrix()

    def tearDown(self):
        """All faults are repaired, and all endpoints reach each other again."""
        self.node.address_link("eth0")
        self.cluster.write_nodes()
        if self.node.plumbd.poll() is not None:
            self.node.start_plumbd()
        # plumbd holds back a list that shrinks so much.
        wait_until(lambda: "10.100." not in self.node.run("ip", "route").stdout, "the nodes that never were are gone")
        self.cluster.check_matrix(5)

    def kernel(self):
        """plumbd's objects in the kernel, as text, without states and counters."""
        commands = (["ip", "route", "show", "table", "all", "proto", "85"], ["ip", "route", "show", "proto", "86"],
                    ["ip", "-6", "route", "show", "proto", "86"], ["ip", "neigh", "show", "dev", TUNNEL, "nud", "permanent"],
                    ["ip", "-6", "neigh", "show", "dev", TUNNEL, "nud", "permanent"], ["bridge", "fdb", "show", "dev", TUNNEL],
                    ["ip", "-o", "link", "show", TUNNEL], ["nft", "-s", "list", "table", "inet", "plumb"])
        return [line for command in commands for line in sorted(self.node.run(*command).stdout.splitlines())]

    def undisturbed(self, change):
        """`change` loses no packet and removes no entry of the kernel, watched for LEAST seconds at least."""
        with Probe(*self.pods[:2]) as probe, Probe(*self.pods[:2], family=6) as probe_v6, \
                Monitor(self.node, self.cluster.folder) as monitor:
            begun = time.monotonic()
            change()
            time.sleep(max(0.0, begun + LEAST - time.monotonic()))
            reports, deleted = (probe.stop(), probe_v6.stop()), monitor.deletions()
        for report in reports:
            self.assertEqual(0, report.lost, report)
            self.assertGreater(report.sent, 100)
        return deleted

    def repaired(self, accident, expected=None, compared=sorted):
        """The packets flow again within REPAIR, and the kernel has its former entries; `compared` is what counts of their lines."""
        before = compared(self.kernel())
        with Probe(*self.pods[:2]) as probe, Probe(*self.pods[:2], family=6) as probe_v6:
            accident()
            wait_until(lambda: compared(self.kernel()) == before, "the kernel has its former entries", 5)
            for family in (4, 6):
                self.cluster.wait_reaches(self.pods[0].endpoint(), self.pods[1].endpoint(), family)
            for report in (probe.stop(), probe_v6.stop()):
                self.assertLess(report.outage, expected or REPAIR, report)

    # plumbd itself

    def test_killed_at_random_points_of_its_work(self):
        """With a list that changes all the time, so that a kill meets every step of a reconcile."""
        draw = random.Random(5)

        def kill_often():
            for turn in range(12):
                self.cluster.write_nodes(more=synthetic(200 if turn % 2 else 201))
                time.sleep(draw.uniform(0, 0.06))
                self.node.stop_plumbd(signal.SIGKILL)
                self.node.start_plumbd(wait=turn % 3 == 0)
            self.node.wait_ready()
        deleted = self.undisturbed(kill_often)
        self.assertEqual([], [line for line in deleted if not any(mark in line for mark in ("10.100.", "10.101.", "10.0.2."))])

    def test_restarted(self):
        before = self.kernel()
        self.assertEqual([], self.undisturbed(self.node.restart_plumbd))
        self.assertEqual(before, self.kernel())

    def test_upgraded(self):
        """The program is replaced while it runs, as a package manager does, and then restarted."""
        folder = pathlib.Path(self.cluster.folder, "upgrade")
        folder.mkdir()
        installed = folder / "plumbd"

        def upgrade():
            shutil.copy(f"{world.plugin_folder()}/plumbd", folder / "new")
            os.rename(folder / "new", installed)
            self.node.stop_plumbd()
            self.node.start_plumbd(program=installed)
        self.assertEqual([], self.undisturbed(upgrade))
        self.assertEqual([], self.undisturbed(upgrade))

    def test_a_second_one_for_the_same_node_is_refused(self):
        done = self.node.control("run", check=False)
        self.assertNotEqual(0, done.returncode)
        self.assertIn("/var/lib/plumb", done.stderr)

    # Objects of plumbd

    def test_parent_down_and_up(self):
        def flap():
            self.node.run("ip", "link", "set", "eth0", "down")
            self.node.run("ip", "link", "set", "eth0", "up")
            self.node.address_link("eth0")
        self.repaired(flap, 2.0)

    def test_parent_deleted_and_made_again(self):
        def replace():
            self.cluster.underlay.disconnect(self.node)
            self.cluster.underlay.connect(self.node)
        self.repaired(replace, 2.0)

    def test_parent_renamed(self):
        def rename(old, new):
            self.node.run("ip", "link", "set", old, "down")
            self.node.run("ip", "link", "set", old, "name", new)
            self.node.address_link(new)
            wait_until(lambda: json.loads(self.node.control("status", "--json", check=False).stdout)["underlay"]["parent"] == new, "plumbd knows it")

        def with_one_name(lines):
            """A rule names the link, and the hash in its comment depends on the name."""
            return sorted(re.sub(r"plumb [0-9a-f]{8}:", "plumb:", line.replace("uplink", "eth0")) for line in lines)
        self.repaired(lambda: rename("eth0", "uplink"), 2.0, with_one_name)
        self.assertTrue(any('iifname != "uplink"' in line for line in self.kernel()))
        self.repaired(lambda: rename("uplink", "eth0"), 2.0, with_one_name)

    def test_tunnel_deleted(self):
        before = self.kernel()
        with Probe(*self.pods[:2]) as probe:
            self.node.run("ip", "link", "del", TUNNEL)
            wait_until(lambda: len(self.kernel_or_nothing()) == len(before), "the tunnel is back", 5)
            self.cluster.wait_reaches(self.pods[0].endpoint(), self.pods[1].endpoint())
            self.assertLess(probe.stop().outage, REPAIR)

    def kernel_or_nothing(self):
        try:
            return self.kernel()
        except AssertionError:
            return []

    def test_tunnel_down(self):
        self.repaired(lambda: self.node.run("ip", "link", "set", TUNNEL, "down"))

    def test_tunnel_with_another_address(self):
        self.repaired(lambda: self.node.run("ip", "link", "set", TUNNEL, "address", "02:00:00:00:00:99"))

    def test_tunnel_with_another_mtu(self):
        self.repaired(lambda: self.node.run("ip", "link", "set", TUNNEL, "mtu", "1300"))

    def test_routes_flushed_by_another_program(self):
        def flush():
            self.node.run("ip", "route", "flush", "proto", "86")
            self.node.run("ip", "-6", "route", "flush", "proto", "86")
        self.repaired(flush)

    def test_routes_replaced_by_another_program(self):
        """The kernel sends no removal event then; plumbd takes its route back."""
        def replace():
            for family, prefix in self.cluster.nodes[1].ranges.items():
                self.node.run("ip", f"-{family}", "route", "replace", prefix, "via", gateway(1, family), "proto", "static")
        self.repaired(replace, 2.0)

    def test_a_foreign_route_that_was_there_first_stays(self):
        """It stays when its program changes it, too, and the missing route is reported."""
        def foreign(verb, via):
            self.node.run("ip", "route", verb, "10.100.100.0/24", "via", via, "proto", "static")

        foreign("add", gateway(1, 4))
        self.cluster.write_nodes(more=synthetic(2))
        reported = "route 10.100.100.0/24 via 10.100.100.0 dev plumb-vxlan: another program has created it already"
        wait_until(lambda: reported in self.node.control("status", check=False).stdout, "status shows it")
        foreign("replace", "10.0.1.253")
        self.node.control("resync", check=False)
        self.assertIn("via 10.0.1.253 dev eth0 proto static", self.node.run("ip", "route", "show", "10.100.100.0/24").stdout)
        self.node.run("ip", "route", "del", "10.100.100.0/24")
        wait_until(lambda: "proto 86" in self.node.run("ip", "route", "show", "10.100.100.0/24").stdout, "ours is there", 10)

    def test_neighbours_and_fdb_flushed_by_another_program(self):
        def flush():
            for line in self.node.run("bridge", "fdb", "show", "dev", TUNNEL).stdout.splitlines():
                mac, *rest = line.split()
                self.node.run("bridge", "fdb", "del", mac, "dev", TUNNEL, "dst", rest[rest.index("dst") + 1], "self")
            for family in ("-4", "-6"):
                self.node.run("ip", family, "neigh", "flush", "dev", TUNNEL, "nud", "permanent")
        self.repaired(flush)

    def test_rules_deleted_or_flushed_by_another_program(self):
        """No event reports it, but they are back within seconds, and packets flow without them."""
        def table():
            return self.node.run("nft", "-s", "-t", "list", "table", "inet", "plumb", check=False).stdout
        before = table()

        def delete():
            for command in (("delete", "table", "inet", "plumb"), ("flush", "table", "inet", "plumb"), ("flush", "ruleset")):
                self.node.run("nft", *command)
                wait_until(lambda: table() == before, "the table is back", 10)
        self.assertEqual([], self.undisturbed(delete))

    def test_forwarding_turned_off_by_another_program(self):
        def turn_off():
            self.node.run("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")
        self.repaired(turn_off)

    def test_run_folder_emptied_by_another_program(self):
        """Pods can be added and commands work again within seconds, and packets flow all the time."""
        def names():
            return sorted(entry.name for entry in self.node.path("/run/plumb").iterdir())

        def empty():
            self.node.run("sh", "-c", "rm -rf /run/plumb/*")
            wait_until(lambda: names() == ["node.json", "plumbd.sock", "subnet.env"], "the files are back", 10)
            self.node.control("status", check=False)
        self.assertEqual([], self.undisturbed(empty))
        self.node.restart_plumbd()

    def test_foreign_objects_stay(self):
        for command in (("ip", "route", "add", "198.51.100.0/24", "dev", "eth0"),
                        ("ip", "route", "add", "198.51.101.0/24", "via", "10.0.1.254", "proto", "bird"),
                        ("ip", "neigh", "add", "10.0.1.99", "lladdr", "02:00:00:00:00:98", "dev", "eth0", "nud", "permanent"),
                        ("nft", "add", "table", "inet", "theirs")):
            self.node.run(*command)

        def foreign():
            return [self.node.run(*command).stdout for command in (("ip", "route", "show", "root", "198.51.100.0/23"), ("nft", "list", "tables"),
                                                                   ("ip", "neigh", "show", "10.0.1.99", "nud", "permanent"))]
        before = foreign()
        self.cluster.write_nodes(self.cluster.nodes[:2])
        wait_until(lambda: "10.244.3.0/24" not in self.node.run("ip", "route").stdout, "n3 is gone")
        self.node.control("resync")
        self.node.restart_plumbd()
        self.assertEqual(before, foreign())

    def test_events_lost_in_a_flood(self):
        """The kernel drops events that do not fit into the socket's buffer (ENOBUFS): a route removed in between is restored all the same."""
        self.node.plumbd.send_signal(signal.SIGSTOP)
        flood = "".join(f"route {verb} 198.18.{number // 250}.{number % 250}/32 dev lo\n" for _ in range(8) for verb in ("add", "del")
                        for number in range(2500))
        self.node.run("ip", "-batch", "-", text=flood, timeout=60)
        with Probe(*self.pods[:2]) as probe:
            self.node.run("ip", "route", "del", "10.244.2.0/24", "proto", "86")
            self.node.plumbd.send_signal(signal.SIGCONT)
            wait_until(lambda: "10.244.2.0/24" in self.node.run("ip", "route", "show", "proto", "86").stdout, "the route is back", 5)
            self.cluster.wait_reaches(self.pods[0].endpoint(), self.pods[1].endpoint())
            self.assertLess(probe.stop().outage, 2.0)

    # Its surroundings

    def test_full_disk(self):
        """The cache cannot be written, at work and at a start; the cluster is followed, and the error is reported."""
        def fill():
            self.node.stop_plumbd()
            self.node.run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/var/lib/plumb")
            try:
                self.node.start_plumbd()
                self.node.run("sh", "-c", "cat /dev/zero >/var/lib/plumb/full", check=False)
                for count in (5, 6):
                    self.cluster.write_nodes(more=synthetic(count))
                    wait_until(lambda last=99 + count: f"10.100.{last}.0/24" in self.node.run("ip", "route").stdout, "the new nodes are in the kernel")
                    wait_until(lambda: "cache: " in self.node.control("status", check=False).stdout, "status shows it", 20)
                    self.assertEqual(1, self.node.metric("plumb_problems"))
                    self.assertIn("No space left on device", self.node.log())
                    self.node.restart_plumbd()
            finally:
                self.node.stop_plumbd()
                self.node.run("umount", "/var/lib/plumb")
        self.undisturbed(fill)

    def test_the_time_of_day_jumps(self):
        """A year ahead and back: the regular checks go on, and nothing is repeated or given up."""
        library, jump = (f"{self.cluster.folder}/{name}" for name in ("jumping_clock.so", "jump"))
        world.run("cc", "-shared", "-fPIC", "-o", library, str(pathlib.Path(__file__).with_name("jumping_clock.c")))
        pathlib.Path(jump).write_text("0", encoding="utf-8")
        self.node.stop_plumbd()
        self.node.write_config(resyncSeconds=1)
        self.node.start_plumbd(wrapper=("env", f"LD_PRELOAD={library}", f"JUMP={jump}"))

        def travel():
            for seconds in ("31536000", "-31536000", "0"):
                pathlib.Path(jump).write_text(seconds, encoding="utf-8")
                self.node.run("nft", "delete", "table", "inet", "plumb")
                wait_until(lambda: self.node.run("nft", "list", "table", "inet", "plumb", check=False).returncode == 0, "the table is back", 5)
                self.assertEqual(200, self.node.get("/healthz")[0])
        self.assertEqual([], self.undisturbed(travel))
        self.node.config.clear()
        self.node.write_config()
        self.node.restart_plumbd()

    def test_empty_list(self):
        """From a broken source: applied only when it is seen again after `safetySeconds`; until then a problem is reported."""
        self.cluster.write_nodes(more=synthetic(30))
        wait_until(lambda: "10.100.129.0/24" in self.node.run("ip", "route").stdout, "the new nodes are in the kernel")

        def truncate():
            pathlib.Path(self.cluster.nodes_file).write_text("", encoding="utf-8")
            wait_until(lambda: "33 of 33 nodes" in self.node.control("status", check=False).stdout, "status shows it")
            time.sleep(0.5)
            self.cluster.write_nodes(more=synthetic(30))
        self.assertEqual([], self.undisturbed(truncate))

    def test_a_node_that_shrinks_for_good_is_followed(self):
        self.cluster.write_nodes(more=synthetic(30))
        wait_until(lambda: "10.100.129.0/24" in self.node.run("ip", "route").stdout, "the new nodes are in the kernel")
        self.cluster.write_nodes()
        wait_until(lambda: "10.100.129.0/24" not in self.node.run("ip", "route").stdout, "they are gone after two sightings", 15)

    def test_broken_file(self):
        """A line that is not a node is left out and reported; with a file that is not a list the last good list stays."""
        for text, reported in (("n1 addresses=10.0.1.1 ranges=nonsense\nn2 addr", "nonsense"), ("{ \"nodes\": [", "nodes")):
            def damage(text=text, reported=reported):
                good = pathlib.Path(self.cluster.nodes_file).read_text(encoding="utf-8")
                pathlib.Path(self.cluster.nodes_file).write_text(good + text if text[0] != "{" else text, encoding="utf-8")
                wait_until(lambda: reported in self.node.control("status", check=False).stdout, "status shows it")
                pathlib.Path(self.cluster.nodes_file).write_text(good, encoding="utf-8")
            self.assertEqual([], self.undisturbed(damage))


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
