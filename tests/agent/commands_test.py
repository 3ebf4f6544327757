#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What plumbd's commands tell a person: of a running agent, without one, and of slips and mistakes."""
import json
import os
import signal
import subprocess
import unittest

from machine import ENVIRONMENT, Machine, PLUMBD, node_line, node_lines, wait_until

FAR = node_line(9, address="198.51.100.9")


class CommandsTest(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)

    def begin(self, nodes=node_lines(3) + FAR):
        self.machine.write_nodes(nodes)
        self.machine.start()

    def test_explain_and_nodes_speak_of_each_step(self):
        self.begin()
        text = self.machine.ctl("explain", "10.244.9.7", "192.0.2.2").stdout
        for wanted in ('pods of node "n9"', "dev plumb-vxlan onlink", "dst 198.51.100.9", '192.0.2.2 is node "n2"'):
            self.assertIn(wanted, text)
        self.assertRegex(self.machine.ctl("nodes").stdout, r"n9 +198.51.100.9 +10.244.9.0/24 +vxlan to 198.51.100.9")
        self.assertEqual(json.loads(self.machine.ctl("plan").stdout)["overlays"][0]["device"], "plumb-vxlan")

    def test_explain_checks_each_object_by_itself(self):
        self.begin()
        m = self.machine
        explain = lambda: m.ctl("explain", "10.244.9.7", check=False).stdout
        self.assertNotIn("in the kernel", explain())
        os.kill(m.process.pid, signal.SIGSTOP)  # nobody repairs; the answers below are of the command itself
        (m.folder / "run/plumbd.sock").rename(m.folder / "run/aside.sock")
        mac = json.loads(m.ctl("plan").stdout)["overlays"][0]["fdb"][0]["mac"]
        for damage, wanted in (
                (("ip", "route", "delete", "10.244.9.0/24"), "route .*: MISSING"),
                (("bridge", "fdb", "delete", mac, "dev", "plumb-vxlan", "dst", "198.51.100.9"), "FDB .*: MISSING"),
                (("ip", "neigh", "replace", "10.244.9.0", "lladdr", "02:00:00:00:00:01", "dev", "plumb-vxlan"), "neighbour .*: DIFFERENT"),
                (("nft", "delete", "element", "inet", "plumb", "vteps4", "{ 198.51.100.9 }"), "answers .*: MISSING"),
                (("nft", "flush", "chain", "inet", "plumb", "postrouting"), "rules .*: DIFFERENT")):
            before = explain().count(" in the kernel")
            m.run(*damage)
            self.assertRegex(explain(), wanted)
            self.assertEqual(before + 1, explain().count(" in the kernel"), explain())
        (m.folder / "run/aside.sock").rename(m.folder / "run/plumbd.sock")
        os.kill(m.process.pid, signal.SIGCONT)

    def test_plan_and_diff_need_no_agent(self):
        self.begin()
        m = self.machine
        running = m.ctl("plan").stdout
        wait_until((m.folder / "state/snapshot.json").exists, "the cache is written")
        m.stop()
        alone = m.ctl("plan")
        self.assertEqual(running, alone.stdout)
        self.assertIn(f"no plumbd answers on {m.folder}/run/plumbd.sock; planned from {m.nodes_file}\n", alone.stderr)
        m.ip("route", "delete", "10.244.9.0/24")
        self.assertIn("add route 10.244.9.0/24 via 10.244.9.0 dev plumb-vxlan", m.ctl("diff", check=False).stdout)
        self.assertEqual({}, {name: text for name, text in m.routes().items() if name == "10.244.9.0/24"})
        m.nodes_file.unlink()
        done = m.ctl("diff", "--json", check=False)
        self.assertEqual((3, 1), (done.returncode, len(json.loads(done.stdout)["changes"])))
        self.assertIn(f"planned from {m.folder}/state/snapshot.json, which is what one knew last", done.stderr)
        (m.folder / "state/snapshot.json").unlink()
        done = m.ctl("plan", check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn(f"none has left {m.folder}/state/snapshot.json; there is no {m.nodes_file}\n", done.stderr)

    def test_probe_sends_full_size_packets_and_tells_who_does_not_answer(self):
        self.begin(node_lines(1) + FAR)
        done = self.machine.ctl("probe", "n1")
        self.assertIn("192.0.2.1: 1450 bytes, answered in", done.stdout)
        done = self.machine.ctl("probe", "n9", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("reached by vxlan to 198.51.100.9", done.stdout)
        self.assertIn('no node "n7"', self.machine.ctl("probe", "n7", check=False).stderr)

    def test_nobody_answers_without_an_agent(self):
        for words in (["status"], ["nodes"], ["resync"], ["probe", "n1"]):
            done = self.machine.ctl(*words, check=False)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn("no plumbd answers", done.stderr)

    def test_slips_of_the_command_line_are_named(self):
        slips = {
            "": "no command given; see plumbd --help",
            "statsu": 'unknown command "statsu", did you mean "status"?',
            "frobnicate": 'unknown command "frobnicate"; see plumbd --help',
            "--frob": 'no command given before "--frob"; see plumbd --help',
            "status --jsno": "The following argument was not expected: --jsno; see plumbd status --help",
            "check --set bfd": "--set: must be KEY=VALUE such as bgp.bfd=true, not bfd; see plumbd check --help",
        }
        for words, told in slips.items():
            with self.subTest(words):
                done = subprocess.run([PLUMBD, *words.split()], env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False)
                self.assertEqual((2, "", f"plumbd: {told}\n"), (done.returncode, done.stdout, done.stderr))
        done = self.machine.ctl("check", "--set", "bgp.bdf=true", check=False)
        self.assertEqual((1, 'plumbd: unknown key "bgp.bdf", did you mean "bgp.bfd"?\n'), (done.returncode, done.stderr))

    def test_check_finds_mistakes(self):
        self.machine.write_nodes(node_lines(1))
        self.assertEqual(self.machine.ctl("check").stdout, "ok\n")
        secret = self.machine.folder / "secret"
        secret.write_text("x")
        secret.chmod(0o644)
        self.machine.configure(f"bgp: {{passwordFile: {secret}}}\ncniTemplate: /nowhere/x")
        done = self.machine.ctl("check", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("can be read by others", done.stdout)
        self.assertIn("/nowhere/x cannot be read", done.stdout)

    def test_check_reads_the_nodes_file(self):
        m = self.machine
        m.write_nodes(node_line(2) + "n3 addresses=192.0.2.300 ranges=10.244.3.0/24\n" + node_line(4, pods="10.244.2.0/24"))
        done = m.ctl("check", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, f'{m.nodes_file}:2: .*192.0.2.300')
        self.assertRegex(done.stdout, f'{m.nodes_file}: node "n4" is left out: its range 10.244.2.0/24 overlaps .* of node "n2"')
        self.assertRegex(done.stdout, f'{m.nodes_file}: does not name this node, "n1"')
        m.write_nodes('{"nodes": [{"name": "n1"')
        self.assertIn(str(m.nodes_file), m.ctl("check", check=False).stdout)


if __name__ == "__main__":
    if PLUMBD is None:
        raise SystemExit("usage: commands_test.py PLUMBD [TEST...]")
    unittest.main()
