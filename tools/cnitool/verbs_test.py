#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cnitool does what the reference's cnitool does: rows C-01 to C-19, C-35."""
import base64
import json
import os
import pathlib
import re

import testbed
from testbed import NETNS_X_ID, Testbed


class ReferenceVerbs(Testbed):
    def test_C01_add_prints_the_result_with_four_spaces_and_no_final_newline(self):
        out = self.ok("add", "net1", "/x")
        self.assertEqual(json.dumps({"cniVersion": "1.1.0", "ips": [{"address": "10.1.0.5/24", "gateway": "10.1.0.1"}]},
                                    indent=4), out)
        self.assertEqual(["pa.ADD", "pb.ADD"], self.calls())

    def test_C02_check_is_silent(self):
        self.ok("add", "net1", "/x")
        self.assertEqual("", self.ok("check", "net1", "/x"))
        self.fail_plugin("pb.CHECK", 100)
        self.fails(10, "check", "net1", "/x")

    def test_C03_del_is_silent_and_works_for_the_never_added(self):
        self.assertEqual("", self.ok("del", "net1", "/no/such/namespace"))
        self.assertEqual(["pb.DEL", "pa.DEL"], self.calls())

    def test_C04_C35_gc_with_a_namespace_deletes_every_attachment(self):
        self.ok("add", "net1", "/x")
        self.ok("add", "net1", "/y")
        self.forget_calls()
        self.assertEqual("", self.ok("gc", "net1", "/unused"))
        self.assertEqual([], self.cached())
        self.assertEqual(["pa.GC", "pb.GC"], self.calls()[-2:])
        request = self.call("pa.GC")[1]
        self.assertNotIn("cni.dev/valid-attachments", request)

    def test_C05_status_with_a_namespace_is_silent_also_when_too_old_to_ask(self):
        self.assertEqual("", self.ok("status", "net1", "/unused"))
        self.assertEqual(["pa.STATUS", "pb.STATUS"], self.calls())
        self.forget_calls()
        self.network("net1", "pa", version="1.0.0")
        self.assertEqual("", self.ok("status", "net1", "/unused"))
        self.assertEqual([], self.calls())

    def test_C06_help_and_completion_exist(self):
        for words in (["--help"], ["help"], ["help", "add"], ["add", "--help"], ["completion", "bash"]):
            self.assertIn("cnitool", self.ok(*words))
        self.assertIn("Examples:", self.ok("--help"))

    def test_C07_C13_interface_name_flag_beats_environment_beats_eth0(self):
        self.ok("add", "net1", "/x")
        self.assertEqual("eth0", self.call("pa.ADD")[0]["CNI_IFNAME"])
        self.ok("add", "net1", "/x", env={"CNI_IFNAME": "env0"})
        self.assertEqual("env0", self.call("pa.ADD")[0]["CNI_IFNAME"])
        self.ok("add", "net1", "/x", "-i", "flag0", env={"CNI_IFNAME": "env0"})
        self.assertEqual("flag0", self.call("pa.ADD")[0]["CNI_IFNAME"])

    def test_C08_too_few_words_are_a_usage_error_and_further_ones_do_no_harm(self):
        self.assertIn("Usage: cnitool add", self.fails(2, "add", "net1"))
        self.fails(2)
        done = self.run_tool("add", "net1", "/x", "extra")
        self.assertEqual(0, done.returncode)
        self.assertEqual("/x", self.call("pa.ADD")[0]["CNI_NETNS"])

    def test_C09_C10_directories_come_from_the_environment(self):
        other = self.home / "other"
        (self.home / "conf").rename(other)
        self.ok("add", "net1", "/x", env={"NETCONFPATH": str(other)})
        (self.home / "bin").rename(self.home / "bin2")
        line = self.fails(3, "add", "net1", "/y", env={"NETCONFPATH": str(other), "CNI_PATH": None})
        self.assertIn("/opt/cni/bin", line)
        line = self.fails(3, "add", "net1", "/y", env={"NETCONFPATH": None})
        self.assertIn("/etc/cni/net.d", line)

    def test_C11_arguments_reach_the_plugin_and_malformed_ones_are_refused(self):
        self.ok("add", "net1", "/x", env={"CNI_ARGS": "A=B;C=D"})
        self.assertEqual("A=B;C=D", self.call("pa.ADD")[0]["CNI_ARGS"])
        for bad in ("A", "A=", "=B", "A=B;", "A=B=C"):
            self.assertIn("invalid CNI_ARGS pair", self.fails(2, "add", "net1", "/y", env={"CNI_ARGS": bad}), bad)

    def test_C12_capabilities_reach_the_plugin_that_declares_them(self):
        self.network("net1", {"type": "pa", "capabilities": {"mac": True}}, "pb")
        self.ok("add", "net1", "/x", env={"CAP_ARGS": '{"mac":"02:00:00:00:00:01","other":2}'})
        self.assertEqual({"mac": "02:00:00:00:00:01"}, self.call("pa.ADD")[1]["runtimeConfig"])
        self.assertNotIn("runtimeConfig", self.call("pb.ADD")[1])
        for bad in ("[1]", "{", "x"):
            self.assertIn("CAP_ARGS", self.fails(2, "add", "net1", "/y", env={"CAP_ARGS": bad}))

    def test_C14_container_id_is_derived_from_the_namespace(self):
        self.ok("add", "net1", "/x")
        self.assertEqual("cnitool-7d368988110efa22d5ba", self.call("pa.ADD")[0]["CNI_CONTAINERID"])

    def test_C15_namespace_is_made_absolute_and_not_looked_at(self):
        self.ok("add", "net1", "sub/../ns", cwd=self.home / "conf")
        self.assertEqual(str(self.home / "conf" / "ns"), self.call("pa.ADD")[0]["CNI_NETNS"])

    def test_C16_C35_attachment_is_recorded_where_the_reference_does(self):
        path = self.network("net1", "pa")
        self.ok("add", "net1", "/x", env={"CNI_ARGS": "A=B", "CAP_ARGS": '{"mac":"m"}'})
        file = pathlib.Path(f"/var/lib/cni/results/net1-{NETNS_X_ID}-eth0")
        entry = json.loads(file.read_text(encoding="utf-8"))
        self.assertEqual("cniCacheV1", entry["kind"])
        self.assertEqual([["A", "B"]], entry["cniArgs"])
        self.assertEqual({"mac": "m"}, entry["capabilityArgs"])
        self.assertEqual(path.read_bytes(), base64.b64decode(entry["config"]))
        self.assertEqual(0o600, file.stat().st_mode & 0o777)
        self.ok("del", "net1", "/x")
        self.assertFalse(file.exists())

    def test_C17_an_error_is_one_line_that_names_the_plugin(self):
        self.fail_plugin("pb.ADD", 123, "no luck", details="at all")
        self.assertEqual('cnitool: plugin type="pb" failed (add): no luck; at all', self.fails(10, "add", "net1", "/x"))
        self.fail_plugin("pb.DEL", 123, "two\nlines")
        done = self.run_tool("del", "net1", "/x")
        self.assertEqual('cnitool: plugin type="pb" failed (delete): two lines\n', done.stderr)

    def test_C18_standard_error_of_plugins_is_forwarded(self):
        self.play("pa.ADD", err="hello from pa\n")
        self.assertIn("hello from pa", self.run_tool("add", "net1", "/x").stderr)
        self.play("pb.ADD", out="", err="died\n", rc=3)
        self.assertIn("died", self.fails(10, "add", "net1", "/y"))

    def test_C19_mistakes_are_reported_in_the_order_of_the_reference(self):
        broken = {"CAP_ARGS": "x", "CNI_ARGS": "x", "CNI_PATH": "/nowhere"}
        self.assertIn('"nope"', self.fails(3, "add", "nope", "/x", env=broken))
        self.assertIn("CAP_ARGS", self.fails(2, "add", "net1", "/x", env=broken))
        self.assertIn("CNI_ARGS", self.fails(2, "add", "net1", "/x", env=broken | {"CAP_ARGS": None}))
        line = self.fails(3, "add", "net1", "/x", env={"CNI_PATH": "/nowhere"})
        self.assertRegex(line, re.escape('failed to find plugin "pa" in path [/nowhere]'))

    def test_C35_a_network_may_be_called_like_a_command(self):
        self.network("list", "pa")
        self.ok("add", "list", "/x")
        self.assertEqual(["pa.ADD"], self.calls())

    def test_C35_working_directory_and_environment_reach_the_plugin(self):
        self.ok("add", "net1", "/x")
        env, request = self.call("pb.ADD")
        self.assertEqual({"CNI_COMMAND": "ADD", "CNI_CONTAINERID": NETNS_X_ID, "CNI_NETNS": "/x", "CNI_IFNAME": "eth0",
                          "CNI_ARGS": "", "CNI_PATH": os.fspath(self.home / "bin")}, env)
        self.assertEqual("10.1.0.5/24", request["prevResult"]["ips"][0]["address"])


if __name__ == "__main__":
    testbed.main()
