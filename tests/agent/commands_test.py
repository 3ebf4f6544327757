#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The output of plumbd's commands: with a running agent, without one, and for typing errors and wrong configurations."""
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

    def test_explain_and_nodes_show_each_step(self):
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
        os.kill(m.process.pid, signal.SIGSTOP)  # no agent repairs it; the answers below come from the command itself
        (m.folder / "run/plumbd.sock").rename(m.folder / "run/aside.sock")
        mac = json.loads(m.ctl("plan").stdout)["overlays"][0]["fdb"][0]["mac"]
        for damage, wanted in (
                (("ip", "route", "delete", "10.244.9.0/24"), "route .*: MISSING"),
                (("bridge", "fdb", "delete", mac, "dev", "plumb-vxlan", "dst", "198.51.100.9"), "FDB .*: MISSING"),
                (("ip", "neigh", "replace", "10.244.9.0", "lladdr", "02:00:00:00:00:01", "dev", "plumb-vxlan"), "neighbour .*: DIFFERENT"),
                (("nft", "delete", "element", "inet", "plumb", "vteps4", "{ 198.51.100.9 }"), "answers +of .*: MISSING"),
                (("nft", "delete", "element", "inet", "plumb", "sources4in4_24", "{ 198.51.100.9 . 10.244.9.0 }"), "answers +from .*: MISSING"),
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
        self.assertIn(f"planned from {m.folder}/state/snapshot.json, the last state that an agent saved", done.stderr)
        (m.folder / "state/snapshot.json").unlink()
        done = m.ctl("plan", check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn(f"none has left {m.folder}/state/snapshot.json; there is no {m.nodes_file}\n", done.stderr)

    def test_probe_sends_full_size_packets_and_names_addresses_that_do_not_answer(self):
        self.begin(node_lines(1) + FAR)
        done = self.machine.ctl("probe", "n1")
        self.assertIn("192.0.2.1: 1450 bytes, answered in", done.stdout)
        done = self.machine.ctl("probe", "n9", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("reached by vxlan to 198.51.100.9", done.stdout)
        self.assertIn('no node is called "n7"', self.machine.ctl("probe", "n7", check=False).stderr)

    def test_U11_probe_suggests_what_to_check_next(self):
        m = self.machine
        m.configure("backend: vxlan")
        self.begin(node_lines(3) + FAR)
        peer = f"{m.name}-peer"
        subprocess.run(["ip", "netns", "add", peer], check=True)
        self.addCleanup(subprocess.run, ["ip", "netns", "delete", peer], check=False)
        m.ip("link", "set", "wire", "netns", peer)
        for words in ("link set wire up", "address add 192.0.2.2/24 dev wire"):
            subprocess.run(["ip", "-n", peer, *words.split()], check=True)
        probe = lambda node: m.ctl("probe", node, check=False)
        wait_until(lambda: '"n2" itself (192.0.2.2) answers' in probe("n2").stdout, "the node answers without a tunnel", 30)
        done = probe("n2")
        self.assertEqual(1, done.returncode)
        for wanted in ("10.244.2.0: no answer to 1450 bytes, nor to small packets", "UDP port 4789 passes", "plumbd firewall"):
            self.assertIn(wanted, done.stdout)
        self.assertIn('next: node "n3" itself does not answer a ping either', probe("n3").stdout)
        self.assertRegex(probe("n9").stdout, 'next: node "n9" itself cannot be reached: .*198.51.100.9: Network is unreachable')

    def test_P15_probe_names_chains_that_drop_pods_packets(self):
        """Its own packets do not go through the chains on forwarded packets."""
        self.begin(node_lines(1))
        m = self.machine
        self.assertEqual(0, m.ctl("probe", "n1").returncode)
        m.run("nft", "add table inet other; add chain inet other forward { type filter hook forward priority 0; policy drop; }")
        wait_until(lambda: m.ctl("probe", "n1", check=False).returncode == 1, "probe fails")  # the agent looks once a second
        done = m.ctl("probe", "n1", check=False)
        self.assertRegex(done.stdout, 'forwarding on this node: .*chain "forward" of nf_tables table inet "other"')
        self.assertIn("answered in", done.stdout)

    def test_commands_fail_without_an_agent(self):
        for words in (["status"], ["nodes"], ["resync"], ["probe", "n1"]):
            done = self.machine.ctl(*words, check=False)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn("no plumbd answers", done.stderr)

    def test_errors_of_the_command_line_are_named(self):
        slips = {
            "": "no command given; see plumbd --help",
            "statsu": 'unknown command "statsu", did you mean "status"?',
            "frobnicate": 'unknown command "frobnicate"; see plumbd --help',
            "--frob": 'no command given before "--frob"; see plumbd --help',
            "status --jsno": 'unknown option "--jsno", did you mean "--json"?',
            "status --frobnicate": 'unknown option "--frobnicate"; see plumbd status --help',
            "status now": 'unexpected word "now"; see plumbd status --help',
            "help statsu": 'unknown command "statsu", did you mean "status"?',
            "check --set bfd": "--set: must be KEY=VALUE such as bgp.bfd=true, not bfd; see plumbd check --help",
        }
        for words, reported in slips.items():
            with self.subTest(words):
                done = subprocess.run([PLUMBD, *words.split()], env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False)
                self.assertEqual((2, "", f"plumbd: {reported}\n"), (done.returncode, done.stdout, done.stderr))
        done = self.machine.ctl("check", "--set", "bgp.bdf=true", check=False)
        self.assertEqual((1, 'plumbd: unknown key "bgp.bdf", did you mean "bgp.bfd"?\n'), (done.returncode, done.stderr))

    def test_U10_help_is_a_command(self):
        for words, wanted in ((["help"], "status"), (["help", "probe"], "NODE"), (["--help"], "help")):
            done = subprocess.run([PLUMBD, *words], env=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=True)
            self.assertIn(wanted, done.stdout)

    def test_U10_without_root_the_message_says_what_to_do(self):
        self.begin()
        for folder in (self.machine.folder, self.machine.folder / "run"):
            folder.chmod(0o755)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", PLUMBD, "status",
                               "--config", str(self.machine.config)], env=ENVIRONMENT, capture_output=True, text=True, check=False)
        self.assertEqual(1, done.returncode)
        self.assertRegex(done.stderr, r"plumbd\.sock: Permission denied; you are not root: try sudo\n$")

    def test_U6_output_that_is_lost_is_an_error(self):
        self.begin()
        for words in (["status"], ["nodes", "--json"], ["plan"], ["--help"], ["version"], ["completion", "bash"]):
            config = [] if words[0] in ("--help", "completion") else ["--config", str(self.machine.config)]
            with open("/dev/full", "w", encoding="utf-8") as out:
                done = subprocess.run([PLUMBD, *words, *config], env=ENVIRONMENT, stdout=out, stderr=subprocess.PIPE, text=True,
                                      timeout=30, check=False)
            self.assertEqual(1, done.returncode, words)
            self.assertIn("write standard output", done.stderr)

    def test_U2_a_broken_file_is_a_warning_while_the_agent_runs(self):
        self.begin(node_lines(1) + FAR)
        m = self.machine
        sound = m.config.read_text(encoding="utf-8")
        lines = len(sound.splitlines())
        m.config.write_text(f"{sound}\nbakend: vxlan\nmtu: 12\n", encoding="utf-8")
        warnings = (f'plumbd: warning: {m.config}:{lines + 2}: unknown key "bakend", did you mean "backend"?\n'
                    f'plumbd: warning: {m.config}:{lines + 3}: key "mtu" must be a number from 1280 to 65535, not 12\n')
        for words in (["status"], ["nodes"], ["diff"], ["plan"], ["resync"], ["explain", "10.244.9.7"], ["probe", "n1"]):
            with self.subTest(words):
                done = m.ctl(*words, check=False)
                self.assertEqual((0, warnings), (done.returncode, done.stderr))
        self.assertIn("stop it first", m.ctl("cleanup", check=False).stderr)
        done = m.ctl("check", check=False)
        self.assertEqual((1, warnings.replace("warning: ", "")), (done.returncode, done.stderr))
        m.config.write_text(f"{sound}\nnode: [\n", encoding="utf-8")
        done = m.ctl("status", check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertRegex(done.stderr, r"^plumbd: warning: .*plumbd.yaml:\d+: not YAML: .*\n$")
        m.config.write_text("node: [\n" + sound, encoding="utf-8")
        self.assertIn("or use --force", m.ctl("cleanup", check=False).stderr)
        m.config.write_text(f"{sound}\nmtu: 12\n", encoding="utf-8")
        m.stop()
        done = m.ctl("plan", check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("no plan can be made with a wrong configuration", done.stderr)
        self.assertEqual(1, m.ctl("status", check=False).returncode)
        done = m.ctl("cleanup", check=False)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertFalse((m.folder / "run/node.json").exists())

    def test_S9_probes_ask_over_the_socket(self):
        m = self.machine
        probe = lambda what: m.ctl("status", "--probe", what, check=False).returncode
        self.assertEqual((1, 1), (probe("alive"), probe("ready")))
        self.begin()
        self.assertEqual((0, 0), (probe("alive"), probe("ready")))
        self.assertEqual(2, probe("something"))  # as every mistake on the command line
        m.nodes_file.unlink()  # degraded, and nothing that a restart would mend
        self.assertEqual((0, 0), (probe("alive"), probe("ready")))

    def test_check_finds_mistakes(self):
        self.machine.write_nodes(node_lines(1))
        self.assertEqual(self.machine.ctl("check").stdout, "ok\n")
        secret = self.machine.folder / "secret"
        secret.write_text("x")
        secret.chmod(0o644)
        self.machine.configure(f"bgp: {{passwordFile: {secret}}}\ncniTemplate: /nowhere/x")
        done = self.machine.ctl("check", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("can be read by users other than its owner", done.stdout)
        self.assertIn("/nowhere/x cannot be read", done.stdout)

    def test_S4_check_notes_sessions_without_a_password_and_succeeds(self):
        self.machine.write_nodes(node_lines(1))
        peers = "[{name: tor, address: 192.0.2.254, asNumber: 65000}, {name: lab, address: 192.0.2.253, asNumber: 65000, passwordFile: SECRET}]"
        secret = self.machine.folder / "secret"
        secret.write_text("x")
        secret.chmod(0o600)
        self.machine.configure(f"backend: bgp\nbgp: {{peers: {peers.replace('SECRET', str(secret))}}}")
        done = self.machine.ctl("check")
        self.assertEqual("ok\n", done.stdout)
        self.assertIn("plumbd: note: bgp.passwordFile: not set: BGP sessions between nodes have no password\n", done.stderr)
        self.assertIn('plumbd: note: bgp.peers: 1 of 2 have no password, such as "tor": set passwordFile\n', done.stderr)

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
