#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The meaning of each word on cnitool's command line: rows U5, U7 and U9."""
import os
import pathlib
import shutil
import subprocess

import testbed
from testbed import Testbed


class Words(Testbed):
    def netns(self):
        return self.call("pa.DEL")[0]["CNI_NETNS"]

    def test_U5_a_word_is_a_name_a_path_or_a_pid_wherever_it_stands(self):
        for name in ("t", "4711"):
            subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True)
        (self.home / "file").touch()
        (self.home / "t").mkdir()
        pid = str(os.getpid())
        for given, meant in (("t", "/run/netns/t"), ("gone", "/run/netns/gone"), ("4711", "/run/netns/4711"),
                             (pid, f"/proc/{pid}/ns/net"), (f"pid:{pid}", f"/proc/{pid}/ns/net"), ("/a/../b", "/b"),
                             ("file", f"{self.home}/file"), ("./t", f"{self.home}/t")):
            for words in (["del", "net1", given], ["del", "net1", "--netns", given], ["del", "--conf", "conf/10-net1.conflist", given],
                          ["exec", "DEL", "pa", given], ["exec", "DEL", "pa", "--netns", given]):
                with self.subTest(given=given, words=words):
                    self.ok(*words)
                    self.assertEqual(meant, self.netns())

    def test_U5_a_word_names_the_namespace_to_create_and_remove(self):
        self.ok("add", "net1", "web", "--create-netns")
        self.assertEqual("/run/netns/web", self.call("pa.ADD")[0]["CNI_NETNS"])
        self.ok("del", "net1", "web", "--rm")
        self.assertFalse(pathlib.Path("/run/netns/web").exists())
        self.assertEqual([], self.cached())

    def test_U5_a_process_that_there_is_not_is_named(self):
        for words in (["add", "net1", "4194305"], ["add", "net1", "--netns", "4194305"], ["add", "net1", "pid:4194305"]):
            self.assertIn("no process 4194305", self.fails(3, *words))
        self.assertIn("not a number", self.fails(2, "add", "net1", "pid:x"))

    def test_U7_a_capability_that_begins_as_json_has_to_be_json(self):
        for bad in ("[{", "{", '{"a":1', '"x', " [1,", "[1] x"):
            with self.subTest(bad):
                line = self.fails(2, "add", "net1", "/x", "--cap", f"portMappings={bad}")
                self.assertIn("--cap \"portMappings=", line)
                self.assertRegex(line, r"column \d+")
        self.assertEqual([], self.calls())

    def test_U7_a_plain_word_needs_no_quotes(self):
        self.network("net1", {"type": "pa", "capabilities": {"mac": True, "x": True}})
        for given, meant in (("02:00:00:00:00:01", "02:00:00:00:00:01"), ("12", 12), ("true", True), ("1.2.3.4/24", "1.2.3.4/24"),
                             ("", ""), ("[1, 2]", [1, 2]), ("a=b", "a=b"), ("a [b]", "a [b]")):
            self.ok("exec", "ADD", "pa", "/x", "--network", "net1", "--cap", f"x={given}")
            self.assertEqual({"x": meant}, self.call("pa.ADD")[1]["runtimeConfig"])

    def test_U9_our_own_programs_beside_the_plugins_are_no_false_alarm(self):
        for name in ("plumbd", "cnitool"):
            shutil.copy(testbed.BINARY, self.home / "bin" / name)
        for words in (["plugins"], ["plugins", "-o", "name"], ["plugins", "--json"]):
            out = self.ok(*words)
            self.assertNotIn("plumbd", out)
            self.assertNotIn("not a plugin", out)
        self.assertIn("best common version: 1.1.0", self.ok("plugins"))

    def test_U9_files_of_other_programs_beside_the_configurations_are_no_false_alarm(self):
        for name, text in (("cni.lock", ""), ("calico-kubeconfig", "apiVersion: v1\n"), ("README", "Put networks here.\n")):
            (self.home / "conf" / name).write_text(text, encoding="utf-8")
        self.assertNotIn("never read", self.ok("validate"))
        (self.home / "conf" / "20-net2.conflist.bak").write_text('\n {"name":"net2"}', encoding="utf-8")
        self.assertRegex(self.ok("validate"), r"20-net2\.conflist\.bak +- +warning +never read")


if __name__ == "__main__":
    testbed.main()
