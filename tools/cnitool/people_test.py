#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Output of cnitool's verbs for people, beyond the reference: rows C-20, C-21, C-26, C-28 to C-34."""
import json
import os
import pathlib
import subprocess
import time

import testbed
from testbed import NETNS_X_ID, Testbed


def is_namespace(path):
    return subprocess.run(["nsenter", f"--net={path}", "true"], capture_output=True, check=False).returncode == 0


class Identity(Testbed):
    def test_C20_container_id_and_interfaces_can_be_chosen_and_are_shown(self):
        done = self.run_tool("add", "net1", "/x", "--container-id", "pod1", "-i", "net0", "-v")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("container pod1, interface net0", done.stderr)
        self.assertIn("/var/lib/cni/results/net1-pod1-net0", done.stderr)
        self.assertEqual(["net1-pod1-net0"], self.cached())
        self.ok("del", "net1", "--container-id", "pod1", "-i", "net0")
        self.assertEqual("/x", self.call("pa.DEL")[0]["CNI_NETNS"])
        self.assertEqual([], self.cached())

    def test_C20_several_networks_get_interfaces_of_their_own(self):
        self.network("net2", "pb")
        self.network("net3", "pb")
        made = json.loads(self.ok("add", "net1,net2,net3", "/x", "-i", "eth0,up4"))
        self.assertEqual(["eth0", "up4", "up5"], [one["ifname"] for one in made])
        self.assertEqual(["net1", "net2", "net3"], [one["network"] for one in made])

    def test_C21_namespace_by_name_by_pid_and_by_path(self):
        subprocess.run(["ip", "netns", "add", "t"], check=True)
        pid = str(os.getpid())
        for given, meant in (("t", "/run/netns/t"), ("gone", "/run/netns/gone"), (pid, f"/proc/{pid}/ns/net"),
                             (f"pid:{pid}", f"/proc/{pid}/ns/net"), ("/a/../b", "/b")):
            self.ok("del", "net1", "--netns", given)
            self.assertEqual(meant, self.call("pa.DEL")[0]["CNI_NETNS"])
        self.ok("del", "net1", "t")
        self.assertEqual("/run/netns/t", self.call("pa.DEL")[0]["CNI_NETNS"])
        self.assertIn("no process 4194305", self.fails(3, "del", "net1", "--netns", "4194305"))

    def test_C21_create_netns_makes_one_and_del_rm_removes_it(self):
        self.ok("add", "net1", "--netns", "fresh", "--create-netns")
        self.assertTrue(is_namespace("/run/netns/fresh"))
        self.ok("del", "net1", "--netns", "fresh", "--rm")
        self.assertFalse(pathlib.Path("/run/netns/fresh").exists())

    def test_C21_rm_leaves_nothing_behind_and_runs_a_command_inside(self):
        out = self.ok("add", "net1", "--create-netns", "--rm", "--", "ip", "-br", "link")
        self.assertIn("lo ", out)
        self.assertEqual(["pa.ADD", "pb.ADD", "pb.DEL", "pa.DEL"], self.calls())
        self.assertEqual([], self.cached())
        self.assertEqual([], list(pathlib.Path("/run/netns").glob("cnitool-*")))
        self.assertEqual(7, self.run_tool("add", "net1", "--create-netns", "--rm", "--", "sh", "-c", "exit 7").returncode)

    def test_C21_failed_add_takes_the_created_namespace_with_it(self):
        self.fail_plugin("pb.ADD", 100)
        self.fails(10, "add", "net1", "--netns", "doomed", "--create-netns")
        self.assertFalse(pathlib.Path("/run/netns/doomed").exists())

    def test_C21_rm_cleans_up_after_an_interrupt(self):
        begun = self.home / "begun"
        os.mkfifo(begun)
        words = ["add", "net1", "--create-netns", "--rm", "--", "sh", "-c", f"echo >{begun}; exec sleep 60"]
        with subprocess.Popen([testbed.BINARY, *words], env=self.env, stderr=subprocess.PIPE) as tool:
            begun.read_bytes()
            tool.terminate()
            tool.communicate(timeout=30)
        self.assertEqual("pa.DEL", self.calls()[-1])
        self.assertEqual([], self.cached())
        self.assertEqual([], list(pathlib.Path("/run/netns").glob("cnitool-*")))

    def test_C21_only_namespaces_with_a_name_are_created_or_removed(self):
        self.fails(2, "add", "net1", str(self.home / "ns"), "--create-netns")
        self.fails(2, "del", "net1", "--netns", str(os.getpid()), "--rm")
        self.assertEqual([], self.calls())

    def test_C21_rm_keeps_a_namespace_that_was_there_before(self):
        subprocess.run(["ip", "netns", "add", "kept"], check=True)
        self.ok("add", "net1", "--netns", "kept", "--create-netns", "--rm")
        self.assertTrue(is_namespace("/run/netns/kept"))


class SeveralNetworks(Testbed):
    def setUp(self):
        super().setUp()
        self.network("net2", "pb")

    def test_C28_all_adds_in_order_and_deletes_the_latest_first(self):
        made = json.loads(self.ok("add", "--all", "/x"))
        self.assertEqual([("net1", "eth0"), ("net2", "eth1")], [(one["network"], one["ifname"]) for one in made])
        self.forget_calls()
        self.ok("check", "--all", "/x")
        self.ok("del", "--all", "/x")
        self.assertEqual([], self.cached())
        self.assertIn("pa.DEL", self.calls())

    def test_C28_R153_del_of_several_goes_backwards(self):
        self.ok("add", "net1", "net2", "--netns", "/x")
        self.forget_calls()
        self.ok("del", "net1", "net2", "--netns", "/x")
        self.assertEqual(["pb.DEL", "pb.DEL", "pa.DEL"], self.calls())
        self.assertEqual([], self.cached())

    def test_C28_a_later_failure_detaches_the_earlier_networks(self):
        self.fail_plugin("pc.ADD", 100)
        self.plugins("pc")
        self.network("net2", "pc")
        self.fails(10, "add", "net1,net2", "/x")
        self.assertEqual([], self.cached())
        self.assertEqual(["pa.DEL"], self.calls()[-1:])
        self.forget_calls()
        self.fails(10, "add", "net1,net2", "/x", "--keep-failed")
        self.assertNotIn("pa.DEL", self.calls())

    def test_C28_R120_del_from_the_cache_when_the_file_is_gone(self):
        self.ok("add", "net1", "/x")
        (self.home / "conf" / "10-net1.conflist").unlink()
        done = self.run_tool("del", "net1", "/x")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("using the configuration of the cache", done.stderr)
        self.assertEqual(["pb.DEL", "pa.DEL"], self.calls()[-2:])
        self.assertEqual([], self.cached())
        self.fails(3, "del", "net1", "/x")

    def test_C28_continue_deletes_past_failures(self):
        self.ok("add", "net1", "/x")
        self.fail_plugin("pb.DEL", 100)
        self.forget_calls()
        self.fails(10, "del", "net1", "/x")
        self.assertEqual(["pb.DEL"], self.calls())
        self.run_tool("del", "net1", "/x", "--continue")
        self.assertEqual(["pb.DEL", "pb.DEL", "pa.DEL"], self.calls())


class Errors(Testbed):
    def test_C29_exit_codes(self):
        for code, exit_code in ((7, 10), (11, 11), (50, 10), (999, 10)):
            self.fail_plugin("pa.ADD", code)
            self.fails(exit_code, "add", "net1", "/x")
        for code in (50, 51):
            self.fail_plugin("pb.STATUS", code)
            self.fails(code, "status", "net1", "/unused")
        self.fails(2, "add", "--no-such-option", "net1", "/x")
        self.fails(3, "add", "nope", "/x")
        self.fails(3, "check", "net1", "/never/attached")
        self.network("old", "pa", version="0.3.1")
        self.fails(1, "check", "old", "/x")

    def test_C29_json_error_keeps_the_plugins_words_and_its_name(self):
        self.fail_plugin("pb.ADD", 123, "no luck", details="at all")
        done = self.run_tool("add", "net1", "/x", "--json")
        self.assertEqual(10, done.returncode)
        self.assertEqual({"cniVersion": "1.1.0", "code": 123, "msg": "no luck", "details": "at all", "plugin": "pb",
                          "verb": "ADD", "exitCode": 10}, json.loads(done.stdout))
        self.assertEqual(2, json.loads(self.run_tool("bad", "--json").stdout)["exitCode"])

    def test_C29_C34_an_unknown_command_or_option_suggests_the_right_one(self):
        self.assertIn('did you mean "attachments"', self.fails(2, "attachmnts"))
        self.assertIn('did you mean "list"', self.fails(2, "lst"))
        self.assertIn('did you mean "--timeout"', self.fails(2, "add", "net1", "/x", "--timeoout=3"))
        self.assertIn("see cnitool --help", self.fails(2, "zzzzzz"))

    def test_C29_C34_a_misspelt_network_shows_which_there_are(self):
        self.assertIn("there are: net1", self.fails(3, "add", "net", "/x"))

    def test_C30_timeout_ends_a_hanging_plugin(self):
        self.play("pa.ADD", sleep=30)
        start = time.monotonic()
        self.assertIn("timed out", self.fails(124, "add", "net1", "/x", "--timeout", "300ms"))
        self.assertLess(time.monotonic() - start, 20)
        self.assertIn("--timeout", self.fails(2, "add", "net1", "/x", "--timeout", "soon"))

    def test_C30_retry_tries_again_when_a_plugin_says_so(self):
        self.fail_plugin("pa.ADD.once", 11)
        self.ok("add", "net1", "/x", "--retry", "2")
        self.assertEqual(2, self.calls().count("pa.ADD"))

    def test_C34_without_root_the_hint_says_so(self):
        self.cache.mkdir(parents=True, mode=0o700)
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        for path in (self.home, self.home / "log"):
            path.chmod(0o777)
        line = self.fails(1, "add", "net1", "/x", wrap=nobody)
        self.assertIn("you are not root: try sudo", line)


class Options(Testbed):
    def test_C30_options_name_directories_and_arguments(self):
        self.network("net1", {"type": "pa", "capabilities": {"mac": True, "portMappings": True}})
        cap_file = self.home / "caps"
        cap_file.write_text('{"portMappings":[{"hostPort":80}]}', encoding="utf-8")
        env = {"NETCONFPATH": "/nowhere", "CNI_PATH": "/nowhere"}
        self.ok("add", "net1", "/x", "--conf-dir", str(self.home / "conf"), "--plugin-path", str(self.home / "bin"),
                "--cache-dir", str(self.home / "cache"), "--args", "A=B", "--args", "C=D", "--cap", "mac=02:00:00:00:00:01",
                "--cap-file", str(cap_file), env=env)
        environment, request = self.call("pa.ADD")
        self.assertEqual("A=B;C=D", environment["CNI_ARGS"])
        self.assertEqual({"mac": "02:00:00:00:00:01", "portMappings": [{"hostPort": 80}]}, request["runtimeConfig"])
        self.assertTrue((self.home / "cache" / "results" / f"net1-{NETNS_X_ID}-eth0").exists())
        self.assertEqual([], self.cached())

    def test_C30_configuration_from_standard_input_or_a_file(self):
        text = '{"cniVersion":"1.0.0","name":"piped","plugins":[{"type":"pb"}]}'
        self.ok("add", "--conf", "-", "/x", stdin=text)
        self.assertEqual("piped", self.call("pb.ADD")[1]["name"])
        file = self.home / "one.conflist"
        file.write_text(text, encoding="utf-8")
        self.ok("del", "piped", "/x", "--conf", str(file))
        self.assertEqual([], self.cached())
        self.fails(3, "del", "other", "/x", "--conf", str(file))

    def test_C30_verbose_logs_steps_with_times_and_trace_everything(self):
        log = self.run_tool("add", "net1", "/x", "-v").stderr
        self.assertRegex(log, r"cnitool: ADD pa: exit 0 after [0-9.]+ m?s\n")
        log = self.run_tool("del", "net1", "/x", "--trace").stderr
        for part in ("CNI_COMMAND=DEL", '"prevResult": {', "stdout: (empty)", "ended: exit 0 after "):
            self.assertIn(part, log)

    def test_C31_output_modes(self):
        table = self.ok("add", "net1", "/x", "-o", "table")
        self.assertRegex(table, r"NETWORK +IFNAME +ADDRESSES.*\nnet1 +eth0 +10\.1\.0\.5/24 +10\.1\.0\.1")
        wide = self.ok("add", "net1", "/y", "-o", "wide")
        self.assertIn("/var/lib/cni/results/net1-cnitool-", wide)
        self.assertIn("there are json, table, wide and name", self.fails(2, "list", "-o", "xml"))
        for out in (table, wide, self.ok("list"), self.ok("attachments")):
            self.assertNotIn("\033", out)

    def test_C31_colour_only_on_a_terminal_and_not_with_NO_COLOR(self):
        words = f"{testbed.BINARY} attachments"
        self.ok("add", "net1", "/x")
        on_terminal = lambda env: subprocess.run(["script", "-qec", words, "/dev/null"], env=self.env | env,
                                                 capture_output=True, text=True, check=True).stdout
        self.assertIn("\033[31mgone", on_terminal({"TERM": "xterm"}))
        self.assertNotIn("\033", on_terminal({"TERM": "xterm", "NO_COLOR": "1"}))
        self.assertNotIn("\033", on_terminal({"TERM": "dumb"}))

    def test_C31_C32_result_in_any_version_and_convert(self):
        for version, key in (("0.2.0", "ip4"), ("0.4.0", "ips"), ("1.0.0", "ips")):
            result = json.loads(self.ok("add", "net1", "/x", "--force", "--result-version", version))
            self.assertEqual(version, result["cniVersion"])
            self.assertIn(key, result)
        old = '{"cniVersion":"0.2.0","ip4":{"ip":"10.0.0.2/24","gateway":"10.0.0.1"}}'
        new = json.loads(self.ok("convert", "--result-version", "1.0.0", stdin=old))
        self.assertEqual({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24", "gateway": "10.0.0.1"}]}, new)
        self.fails(2, "convert", "--result-version", "9", stdin=old)

    def test_C32_result_after_each_plugin(self):
        self.play("pb.ADD", out={"cniVersion": "1.1.0", "ips": [{"address": "10.9.9.9/24"}]})
        made = json.loads(self.ok("add", "net1", "/x", "--steps"))[0]
        self.assertEqual(["pa", "pb"], [step["plugin"] for step in made["steps"]])
        self.assertEqual(["10.1.0.5/24", "10.9.9.9/24"], [step["result"]["ips"][0]["address"] for step in made["steps"]])
        self.assertEqual(made["steps"][1]["result"], made["result"])
        self.assertRegex(self.ok("add", "net1", "/y", "--steps", "-o", "table"), r"net1 +pb +[0-9.]+ ms +- +10\.9\.9\.9/24")


if __name__ == "__main__":
    testbed.main()
