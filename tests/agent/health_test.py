#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Status, exit codes, readiness and metrics agree on each fault, and rules that other programs remove come back in time."""
import json
import pathlib
import sys
import time
import unittest
import unittest.mock

import machine
from machine import Machine, PLUMBD, node_line, node_lines, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import world  # noqa: E402

HEALTHY, CANNOT_TELL, DEGRADED, NOT_WORKING = 0, 1, 3, 4
WORDS = {HEALTHY: "healthy", CANNOT_TELL: "cannot tell", DEGRADED: "degraded", NOT_WORKING: "not working"}
FAR = node_line(9, address="198.51.100.9")


class HealthCase(unittest.TestCase):
    settings = "listen: 127.0.0.1:9474"

    def setUp(self):
        self.machine = Machine(self.settings)
        self.addCleanup(self.machine.close)

    def begin(self, nodes=node_lines(3) + FAR):
        self.machine.write_nodes(nodes)
        self.machine.start()

    def get(self, path):
        done = self.machine.run("python3", "-c", f"""
import http.client
connection = http.client.HTTPConnection("127.0.0.1", 9474, timeout=5)
connection.request("GET", "{path}")
answer = connection.getresponse()
print(answer.status, answer.read().decode())""")
        status, _, body = done.stdout.partition(" ")
        return int(status), body

    def reported(self, code, condition, *words):
        """All outputs name `condition`, and the health that `code` stands for."""
        m = self.machine
        wait_until(lambda: condition in m.ctl("status", check=False).stdout, f"status shows {condition}")
        text = m.ctl("status", check=False)
        self.assertIn(f"node n1, {WORDS[code]}", text.stdout)
        self.assertEqual(code, text.returncode, text.stdout)
        as_json = m.ctl("status", "--json", check=False)
        self.assertEqual(code, as_json.returncode)
        self.assertEqual(WORDS[code], json.loads(as_json.stdout)["health"])
        ready = code in (HEALTHY, DEGRADED)
        status, body = self.get("/readyz")
        self.assertEqual(200 if ready else 503, status)
        metrics = self.get("/metrics")[1]
        self.assertIn(f"plumb_ready {int(ready)}\n", metrics)
        self.assertIn(f"plumb_health {code}\n", metrics)
        self.assertRegex(metrics, f'plumb_condition{{condition="{condition}",severity="[a-z ]+"}} 1\n')
        for word in words:
            self.assertIn(word, text.stdout)
            self.assertIn(word, body)

    def well(self):
        wait_until(lambda: self.machine.ctl("status", check=False).returncode == HEALTHY, "healthy again")
        self.assertEqual((200, "ok\n\n"), self.get("/readyz"))
        self.assertNotRegex(self.get("/metrics")[1], "plumb_condition{.*} 1\n")


class HealthTest(HealthCase):
    def test_the_address_of_the_node_is_gone(self):
        """P18: the node is not ready, and `nodes` does not show routes that the kernel lacks."""
        self.begin()
        self.well()
        m = self.machine
        m.ip("address", "flush", "dev", "eth0")
        self.reported(NOT_WORKING, "plan-failing", "no link has this node's address 192.0.2.1")
        nodes = m.ctl("nodes", check=False)
        self.assertRegex(nodes.stdout, r"n2 .*route via 192.0.2.2; missing or different in the kernel: route 10.244.2.0/24")
        self.assertEqual(DEGRADED, nodes.returncode)
        explained = m.ctl("explain", "10.244.2.7", check=False)
        self.assertIn("MISSING in the kernel", explained.stdout)
        self.assertEqual(NOT_WORKING, explained.returncode, explained.stdout)
        m.ip("address", "add", "192.0.2.1/24", "dev", "eth0")
        self.well()
        self.assertEqual(HEALTHY, m.ctl("nodes").returncode)

    def test_the_nodes_file_is_gone(self):
        """U3"""
        self.begin()
        m = self.machine
        text = m.nodes_file.read_text()
        m.nodes_file.unlink()
        self.reported(DEGRADED, "source-lost", "keeping the last good list")
        m.write_nodes(text)
        self.well()

    def test_the_range_of_the_node_is_given_up(self):
        """U3"""
        self.machine.configure(self.settings + "\nsafetySeconds: 1")
        self.begin()
        m = self.machine
        m.write_nodes("n1 addresses=192.0.2.1\n" + node_lines(2, first=2) + FAR)
        self.reported(NOT_WORKING, "no-pod-range")
        m.write_nodes(node_lines(3) + FAR)
        self.well()

    def test_nodes_are_left_out(self):
        self.begin(node_lines(3) + node_line(4, pods="10.244.2.0/24"))
        self.reported(DEGRADED, "list-problems", 'node "n4" is left out')

    def test_the_start_without_a_list(self):
        self.machine.start(ready=False)
        wait_until((self.machine.folder / "run/plumbd.sock").exists, "plumbd listens")
        self.reported(NOT_WORKING, "starting", "not done yet")

    def test_the_files_of_the_plugins_cannot_be_written(self):
        self.begin()
        m = self.machine
        (m.folder / "state/node.json").unlink()
        (m.folder / "state/node.json").mkdir()
        m.ctl("resync", check=False)
        self.reported(DEGRADED, "files-failing", "node.json")

    def test_diff_and_explain_have_the_same_codes(self):
        """U3: explain with MISSING ended with 0. The agent is stopped, so that nothing is repaired meanwhile."""
        self.begin()
        m = self.machine
        self.assertEqual(HEALTHY, m.ctl("explain", "10.244.9.7", "10.244.2.7", "8.8.8.8", check=False).returncode & ~NOT_WORKING)
        m.stop()
        self.assertEqual(HEALTHY, m.ctl("explain", "10.244.9.7").returncode)
        m.run("ip", "neighbor", "delete", "10.244.9.0", "dev", "plumb-vxlan")
        done = m.ctl("explain", "10.244.9.7", check=False)
        self.assertRegex(done.stdout, "neighbour .*MISSING in the kernel")
        self.assertEqual(DEGRADED, done.returncode)
        self.assertEqual(DEGRADED, m.ctl("diff", check=False).returncode)
        done = m.ctl("explain", "10.244.77.1", check=False)
        self.assertEqual(NOT_WORKING, done.returncode, done.stdout)

    def test_a_route_of_another_program_shadows_a_planned_one(self):
        """K3: all objects are as planned, but packets take another route."""
        self.begin()
        m = self.machine
        self.well()
        m.ip("link", "add", "other", "type", "veth", "peer", "name", "far-other")
        m.ip("link", "set", "other", "up")
        m.ip("link", "set", "far-other", "up")
        m.ip("route", "add", "10.244.2.0/26", "dev", "other", "proto", "static")
        named = "route 10.244.2.0/26 dev other (proto static, metric 0) of another program takes precedence over plumbd's route to 10.244.2.0/24"
        self.reported(DEGRADED, "route-shadowed", named)
        for words in (("diff",), ("nodes",), ("explain", "10.244.2.7")):
            done = m.ctl(*words, check=False)
            self.assertIn(named, done.stdout)
            self.assertEqual(DEGRADED, done.returncode, words)
        self.assertRegex(m.ctl("explain", "10.244.2.7", check=False).stdout, "route .*: is there, but SHADOWED\n")
        self.assertRegex(m.ctl("explain", "10.244.2.77", check=False).stdout, "route .*: ok\n")
        self.assertRegex(m.ctl("explain", "10.244.2.7", check=False).stdout, "kernel +sends it by other, NOT by the planned route")
        self.assertNotIn("other", m.ctl("explain", "10.244.2.77", check=False).stdout)
        self.assertEqual([named in line for line in json.loads(m.ctl("diff", "--json", check=False).stdout)["shadowed"]], [True])
        m.ip("route", "delete", "10.244.2.0/26")
        self.well()

    def test_explain_shows_a_rule_that_sends_packets_another_way(self):
        self.begin()
        m = self.machine
        m.ip("link", "add", "other", "type", "veth", "peer", "name", "far-other")
        m.ip("link", "set", "other", "up")
        m.ip("link", "set", "far-other", "up")
        m.ip("route", "add", "10.244.2.0/24", "dev", "other", "table", "77")
        m.ip("rule", "add", "to", "10.244.2.0/24", "lookup", "77")
        done = m.ctl("explain", "10.244.2.7", check=False)
        self.assertRegex(done.stdout, "kernel +sends it by other, NOT by the planned route")
        self.assertEqual(DEGRADED, done.returncode)

    def test_commands_cannot_tell_without_an_agent(self):
        for words in (["status"], ["status", "--json"], ["nodes"], ["resync"], ["probe", "n1"]):
            self.assertEqual(CANNOT_TELL, self.machine.ctl(*words, check=False).returncode, words)


class ForwardTest(HealthCase):
    """Other programs' rules on forwarded packets."""

    RANGES = ("10.244.0.0/16", "fd00:244::/48")

    def begin_dual(self):
        m = self.machine
        m.configure(self.settings)
        m.config.write_text(m.config.read_text().replace("[10.244.0.0/16]", f"[{', '.join(self.RANGES)}]") + "backend: vxlan\n")
        super().begin("".join(node_line(number, pods=f"10.244.{number}.0/24,fd00:244:0:{number}::/64") for number in (1, 2)))

    def accepts(self, tool, range_):
        return self.machine.run(tool, "-S", "FORWARD").stdout.count(f"{range_} -m comment")

    def test_rules_in_forward_are_back_within_a_second(self):
        """P14: Docker starts, or a firewall reloads."""
        self.begin_dual()
        m = self.machine
        for variant in ("nft", "legacy"):
            for tool, range_ in zip((f"iptables-{variant}", f"ip6tables-{variant}"), self.RANGES):
                for damage in (("-P", "FORWARD", "DROP"), ("-F", "FORWARD"), ("-D", "FORWARD", "1"), ("-F",)):
                    with self.subTest(tool=tool, damage=damage):
                        wait_until(lambda: m.ctl("diff", check=False).returncode == 0, "all is as planned")
                        m.run(tool, *damage)
                        begin = time.monotonic()
                        wait_until(lambda: self.accepts(tool, range_) == 2, f"{tool}: the rules are back", 5)
                        self.assertLess(time.monotonic() - begin, 1.0)

    def test_watching_a_quiet_machine_costs_little(self):
        """P14: the checks cost at most 1 % of a processor, also with 800 legacy rules of other programs. Measured on the release binary,
        because the cost of sanitizers differs from machine to machine."""
        with unittest.mock.patch.object(machine, "PLUMBD", f"{world.plugin_folder()}/plumbd"):
            self.begin_dual()
        m = self.machine
        rules = "*filter\n" + "".join(f"-A INPUT -s 192.0.2.{number % 250} -j ACCEPT\n" for number in range(800)) + "COMMIT\n"
        (m.folder / "rules").write_text(rules)
        m.run("sh", "-c", f"iptables-legacy-restore {m.folder}/rules")
        wait_until(lambda: self.accepts("iptables-legacy", self.RANGES[0]) == 2, "the rules are there", 5)
        time.sleep(5)  # quiet: what follows the start and the loading of the rules is over
        before, seconds = self.ticks(), 5
        time.sleep(seconds)
        self.assertLessEqual(self.ticks() - before, seconds * 100 // 100 + 1)

    def ticks(self):
        with open(f"/proc/{self.machine.process.pid}/stat", encoding="utf-8") as file:
            return sum(int(word) for word in file.read().rpartition(")")[2].split()[11:13])

    def drop(self, family="inet", name="theirs"):
        self.machine.run("nft", f"add table {family} {name}; add chain {family} {name} guard "
                         "{ type filter hook forward priority 0; policy drop; }")

    def test_a_chain_of_another_program_that_drops_is_named(self):
        """P15"""
        for family, ranges in (("inet", self.RANGES), ("ip", self.RANGES[:1]), ("ip6", self.RANGES[1:])):
            with self.subTest(family):
                if not self.machine.process:
                    self.begin_dual()
                m = self.machine
                self.drop(family)
                named = f'chain "guard" of nf_tables table {family} "theirs"'
                self.reported(DEGRADED, "forward-dropped", named, ", ".join(ranges))
                wait_until(lambda: named in m.log(), "the log has it")
                done = m.ctl("explain", "10.244.2.7", check=False)
                self.assertIn(named, done.stdout)
                self.assertEqual(DEGRADED, done.returncode)
                done = m.ctl("check", check=False)
                self.assertIn(named, done.stdout)
                self.assertEqual(1, done.returncode)
                rules = m.ctl("firewall").stdout
                self.assertIn(named, m.ctl("firewall", "--format", "iptables").stdout)
                (m.folder / "rules").write_text(rules)
                m.run("nft", "-f", str(m.folder / "rules"))
                jump = next(line for line in rules.splitlines() if "theirs" in line and "insert rule" in line)
                m.run("sh", "-c", jump.partition(":")[2].strip())
                self.well()
                self.assertEqual(HEALTHY, m.ctl("check").returncode)
                self.assertIn(", ".join(ranges[:1]), m.ctl("firewall").stdout, "printed as long as the chain drops what others send")
                m.run("nft", "delete", "table", family, "theirs")
                wait_until(lambda: "theirs" not in m.ctl("firewall").stdout, "no rules for a chain that is gone")


if __name__ == "__main__":
    if PLUMBD is None:
        raise SystemExit("usage: health_test.py PLUMBD [TEST...]")
    unittest.main()
