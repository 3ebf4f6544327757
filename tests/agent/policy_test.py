#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plumbd with a folder of network policies: the table that it loads, follows, repairs and leaves, and its commands."""
import json
import signal
import subprocess
import time
import unittest

from machine import Machine, node_lines, wait_until

TABLE = ("inet", "plumb_policy")
PODS = """
{apiVersion: v1, kind: Namespace, metadata: {name: x}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x, labels: {pod: a}}, spec: {nodeName: n1}, status: {podIP: 10.244.1.5}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: x, labels: {pod: b}}, spec: {nodeName: n2}, status: {podIP: 10.244.2.5}}
"""
DENY = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: deny, namespace: x}, spec: {podSelector: {}}}"
ALLOW = """{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: allow, namespace: x},
 spec: {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}], ports: [{port: 80}]}]}}"""


class PolicyTest(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        self.addCleanup(self.machine.close)
        self.folder = self.machine.folder / "policies"
        self.folder.mkdir()
        self.write("pods.yaml", PODS)
        self.machine.configure(f"policies: {{folder: {self.folder}}}")
        self.machine.write_nodes(node_lines(2))

    def write(self, name, text):
        """Replaces a file by rename, as an operator should."""
        new = self.folder / f".{name}"
        new.write_text(text, encoding="utf-8")
        new.rename(self.folder / name)

    def elements(self, kind, name):
        """The elements of a set or map as nft prints them; None where there is no table."""
        done = self.machine.run("nft", "-j", "list", kind, *TABLE, name, check=False)
        if done.returncode != 0:
            return None
        return next(each[kind].get("elem", []) for each in json.loads(done.stdout)["nftables"] if kind in each)

    def isolated(self):
        return [element[0] for element in self.elements("map", "in4") or []]

    def test_the_rules_of_a_folder_are_loaded_before_pods_get_a_network(self):
        self.write("deny.yaml", DENY)
        m = self.machine
        m.start()
        self.assertEqual(self.isolated(), ["10.244.1.5"])
        self.assertEqual(self.elements("set", "known4"), ["10.244.1.5"])
        self.assertEqual(self.elements("set", "range4"), [{"prefix": {"addr": "10.244.1.0", "len": 24}}])
        self.assertEqual(m.driver("policy").get("problem"), None)

    def test_a_node_whose_folder_cannot_be_read_offers_no_network(self):
        m = self.machine
        m.configure(f"policies: {{folder: {self.folder}/missing}}")
        m.start(ready=False)
        wait_until(lambda: "read folder" in m.driver("policy").get("problem", ""), "the folder is reported")
        self.assertFalse((m.folder / "net.d/10-plumb.conflist").exists())
        (self.folder / "missing").mkdir()
        wait_until(lambda: m.status()["ready"], "plumbd is ready")

    def test_changes_of_the_folder_reach_the_kernel(self):
        self.machine.start()
        self.assertEqual(self.isolated(), [])
        self.write("deny.yaml", DENY)
        wait_until(lambda: self.isolated() == ["10.244.1.5"], "the pod is isolated", 5)
        (self.folder / "deny.yaml").unlink()
        wait_until(lambda: self.isolated() == [], "the pod is open again", 5)

    def test_a_broken_file_changes_nothing(self):
        self.write("deny.yaml", DENY)
        m = self.machine
        m.start()
        self.write("deny.yaml", "{apiVersion: [")
        wait_until(lambda: "not YAML" in m.driver("policy").get("problem", ""), "the file is reported")
        self.assertEqual(self.isolated(), ["10.244.1.5"])
        self.write("deny.yaml", "{}")
        wait_until(lambda: self.isolated() == [], "the policy is gone")

    def test_rules_that_others_remove_come_back_while_a_file_is_broken(self):
        self.write("deny.yaml", DENY)
        m = self.machine
        m.start()
        self.write("deny.yaml", "{apiVersion: [")
        wait_until(lambda: "not YAML" in m.driver("policy").get("problem", ""), "the file is reported")
        m.run("nft", "delete", "table", *TABLE)
        wait_until(lambda: self.isolated() == ["10.244.1.5"], "the pod is isolated again", 10)
        self.assertIn("not YAML", m.driver("policy")["problem"])

    def test_a_file_that_an_editor_replaces_in_steps_opens_nothing(self):
        self.write("deny.yaml", DENY)
        m, file = self.machine, self.folder / "deny.yaml"
        m.start()
        monitor = subprocess.Popen(["ip", "netns", "exec", m.name, "nft", "monitor", "elements"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(monitor.kill)
        file.rename(self.folder / "deny.yaml~")
        time.sleep(0.1)
        with open(file, "w", encoding="utf-8") as new:
            time.sleep(0.4)
            new.write(DENY)
        wait_until(lambda: not m.driver("policy").get("problem"), "the file is read")
        monitor.terminate()
        self.assertNotIn("plumb_policy", monitor.communicate()[0])

    def test_rules_that_others_remove_come_back(self):
        self.write("deny.yaml", DENY)
        m = self.machine
        m.start()
        for harm in (["flush", "ruleset"], ["delete", "table", *TABLE], ["flush", "map", *TABLE, "in4"],
                     ["flush", "chain", *TABLE, "forward"]):
            m.run("nft", *harm)
            wait_until(lambda: self.isolated() == ["10.244.1.5"]
                       and "vmap @in4" in m.run("nft", "list", "chain", *TABLE, "forward", check=False).stdout, f"repair of {harm}", 5)

    def test_rules_stay_when_plumbd_ends_and_go_by_cleanup(self):
        self.write("deny.yaml", DENY)
        m = self.machine
        m.start()
        m.stop(signal.SIGKILL)
        self.assertEqual(self.isolated(), ["10.244.1.5"])
        self.assertIn("removed table inet plumb_policy", m.ctl("cleanup").stdout)
        self.assertIsNone(self.elements("map", "in4"))

    def test_without_the_key_nothing_is_loaded(self):
        self.write("deny.yaml", DENY)
        m = self.machine
        m.configure()
        m.start()
        self.assertIsNone(self.elements("map", "in4"))
        self.assertEqual(m.driver("policy"), {})

    def test_commands_explain_and_list_policies(self):
        self.write("deny.yaml", DENY + "\n---\n" + ALLOW)
        m = self.machine
        allowed = m.ctl("explain", "x/b", "x/a", "80").stdout
        self.assertIn("10.244.2.5 -> 10.244.1.5 tcp 80: allowed", allowed)
        self.assertIn("ingress of x/a, on node n1: allowed by x/allow spec.ingress[0]", allowed)
        self.assertIn("egress of x/b, on node n2: open", allowed)
        refused = m.ctl("explain", "x/b", "x/a", "udp/80").stdout
        self.assertIn("udp 80: refused", refused)
        self.assertIn("no rule of these policies allows it: x/allow x/deny", refused)
        self.assertRegex(m.ctl("policy", "list").stdout, r"x/deny +ingress +0 +2 +1")
        self.assertIn("jump i_", m.ctl("policy", "rules").stdout)
        wrong = m.ctl("explain", "x/b", "x/nobody", "80", check=False)
        self.assertEqual((wrong.returncode, 'pod "x/nobody" is not running' in wrong.stderr), (1, True))


if __name__ == "__main__":
    unittest.main()
