#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looking into a node with cnitool: rows C-22 to C-27, C-32 to C-34."""
import base64
import json
import pathlib
import re
import subprocess

import testbed
from testbed import NETNS_X_ID, Testbed


class Networks(Testbed):
    def test_C22_list_shows_networks_versions_plugins_and_broken_files(self):
        self.network("net2", {"type": "pa", "ipam": {"type": "host-local"}}, version="1.0.0")
        self.network("net1", "pa", file="20-again.conflist")
        (self.home / "conf" / "30-bad.conflist").write_text("{", encoding="utf-8")
        out = self.ok("list")
        self.assertRegex(out, r"net1 +1\.1\.0 +pa,pb +10-net1\.conflist")
        self.assertRegex(out, r"net2 +1\.0\.0 +pa\(host-local\) +10-net2\.conflist")
        self.assertRegex(out, r"20-again\.conflist \(hidden by 10-net1\.conflist\)")
        self.assertRegex(out, r"broken .*30-bad\.conflist")
        self.assertEqual("net1\nnet2\n", self.ok("list", "-o", "name"))
        files = json.loads(self.ok("list", "--json"))
        self.assertIn("error", files[-1])

    def test_C22_R046_list_of_one_network_shows_drop_ins_and_where_each_plugin_comes_from(self):
        drop_ins = self.home / "conf" / "net1"
        drop_ins.mkdir()
        (drop_ins / "10-tune.conf").write_text('{"type":"tuner"}', encoding="utf-8")
        for command in ("list", "show"):
            out = self.ok(command, "net1")
            self.assertRegex(out, r"pa .*10-net1\.conflist +/.*/bin/pa\n")
            self.assertRegex(out, r"tuner .*net1/10-tune\.conf \(drop-in\) +missing")
        self.assertIn("+tuner", self.ok("list"))

    def test_C22_an_empty_directory_is_said_to_be_empty(self):
        self.assertIn("no net configurations found in", self.fails(3, "list", "--conf-dir", "/nowhere"))

    def test_C23_validate_finds_mistakes_in_every_file(self):
        self.network("net2", "nowhere")
        self.network("net3", "pa", version="0.3.1")
        self.network("net1", "pa", file="20-again.conflist")
        (self.home / "conf" / "30-bad.conflist").write_text('{"name":', encoding="utf-8")
        (self.home / "conf" / "40-x.config").write_text("{}", encoding="utf-8")
        done = self.run_tool("validate")
        self.assertEqual(1, done.returncode)
        self.assertRegex(done.stdout, r"10-net1\.conflist +net1 +warning .*20-again\.conflist")
        self.assertRegex(done.stdout, r"10-net2\.conflist +net2 +error .*nowhere")
        self.assertRegex(done.stdout, r'10-net3\.conflist +net3 +error .*does not support config version "0\.3\.1"')
        self.assertRegex(done.stdout, r"20-again\.conflist +net1 +warning .*10-net1\.conflist")
        self.assertRegex(done.stdout, r"30-bad\.conflist +- +error")
        self.assertRegex(done.stdout, r"40-x\.config +- +warning +never read: rename it to end in \.conflist")

    def test_C23_validate_one_network_or_file(self):
        self.assertRegex(self.ok("lint", "net1"), r"net1 +ok")
        file = self.network("other", "pa", file="../other.conflist")
        self.assertRegex(self.ok("validate", str(file)), r"other +ok")
        self.assertEqual("ok", json.loads(self.ok("validate", str(file), "--json"))[0]["severity"])
        self.fails(3, "validate", "/no/such.conflist")

    def test_C24_plugins_lists_binaries_versions_and_the_best_common_one(self):
        self.play("pb.VERSION", out={"cniVersion": "1.0.0", "supportedVersions": ["0.4.0", "1.0.0"]})
        for command in ("plugins", "version"):
            out = self.ok(command)
            self.assertRegex(out, r"pa +0\.4\.0 1\.0\.0 1\.1\.0 +CNI pa plugin v9\npb +0\.4\.0 1\.0\.0 +CNI pb plugin v9")
            self.assertIn("best common version: 1.0.0", out)
        self.assertEqual("1.0.0", json.loads(self.ok("plugins", "--json"))["bestCommonVersion"])
        (self.home / "bin" / "cnitool").symlink_to(testbed.BINARY)
        self.assertNotIn("cnitool", self.ok("plugins"))
        self.fails(3, "plugins", "nope")
        self.fails(3, "plugins", "--plugin-path", "/nowhere")

    def test_C33_status_says_which_plugin_its_code_and_when_it_was_not_asked(self):
        self.network("net2", "pa", version="1.0.0")
        self.fail_plugin("pb.STATUS", 50, "pool exhausted")
        done = self.run_tool("status")
        self.assertEqual(50, done.returncode)
        self.assertRegex(done.stdout, r"net1 +1\.1\.0 +pa +ready")
        self.assertRegex(done.stdout, r"net1 +1\.1\.0 +pb +not ready +50 +.*pool exhausted")
        self.assertRegex(done.stdout, r"net2 +1\.0\.0 +pa +not asked +- +version 1\.0\.0 is too old")
        rows = json.loads(self.run_tool("status", "net1", "--json").stdout)
        self.assertEqual([("pa", 0), ("pb", 50)], [(row["plugin"], row["code"]) for row in rows])
        self.assertIn("plugin pb is not ready, code 50: pool exhausted", self.fails(50, "status", "net1", "/unused"))
        self.assertIn("not asked", self.ok("status", "net2"))


class Attachments(Testbed):
    def setUp(self):
        super().setUp()
        subprocess.run(["ip", "netns", "add", "live"], check=False, capture_output=True)
        self.ok("add", "net1", "--netns", "live", "--container-id", "pod1")
        self.ok("add", "net1", "/gone", "--container-id", "pod2")

    def test_C25_attachments_show_addresses_age_and_dead_namespaces(self):
        out = self.ok("attachments")
        self.assertRegex(out, r"net1 +pod1 +eth0 +10\.1\.0\.5/24 +/run/netns/live +alive +\d+s")
        self.assertRegex(out, r"net1 +pod2 +eth0 +10\.1\.0\.5/24 +/gone +gone +\d+s")
        one = json.loads(self.ok("attachments", "--container-id", "pod2", "--json"))
        self.assertEqual([("net1", "pod2", "eth0", False)],
                         [(entry["network"], entry["containerID"], entry["ifname"], entry["alive"]) for entry in one])
        self.assertEqual("pod1:eth0\npod2:eth0\n", self.ok("attachments", "net1", "-o", "name"))
        self.assertEqual("", self.ok("attachments", "other"))

    def test_C26_gc_deletes_all_only_on_request(self):
        line = self.fails(2, "gc", "net1")
        self.assertIn("--keep, or --all", line)
        self.assertEqual(2, len(self.cached()))
        self.assertRegex(self.ok("gc", "net1", "--all"), r"DELETED +IFNAME\npod1 +eth0\npod2 +eth0")
        self.assertEqual([], self.cached())

    def test_C26_gc_keeps_listed_attachments(self):
        out = self.ok("gc", "net1", "--keep", "pod1:eth0", "--dry-run")
        self.assertRegex(out, r"pod2 +eth0 +/gone \(gone\)")
        self.assertNotIn("pod1", out)
        self.assertEqual(2, len(self.cached()))
        self.ok("gc", "net1", "--keep", "pod1:eth0")
        self.assertEqual(["net1-pod1-eth0"], self.cached())
        self.assertEqual([{"containerID": "pod1", "ifname": "eth0"}], self.call("pa.GC")[1]["cni.dev/valid-attachments"])
        self.fails(2, "gc", "net1", "--keep", "pod1")
        self.fails(2, "gc", "net1", "--keep", "pod1:eth0", "--all")

    def test_C26_gc_reads_what_to_keep_from_lines_or_json(self):
        lines = self.home / "keep"
        lines.write_text("# mine\npod1:eth0\n\n", encoding="utf-8")
        self.ok("gc", "net1", "--keep-from", str(lines))
        self.assertEqual(["net1-pod1-eth0"], self.cached())
        live = self.ok("attachments", "--json")
        self.ok("gc", "net1", "--keep-from", "-", stdin=live)
        self.assertEqual(["net1-pod1-eth0"], self.cached())
        self.fails(2, "gc", "net1", "--keep-from", "-", stdin='[{"id":1}]')

    def test_K8_a_cache_without_namespaces_is_never_called_gone(self):
        """As containerd 1.6 writes it: the path is in the result only, or nowhere."""
        for pod, sandbox in (("c1", "/run/netns/live"), ("c2", "/run/netns/dead"), ("c3", None)):
            result = {"cniVersion": "1.0.0", "ips": []}
            if sandbox:
                result["interfaces"] = [{"name": "veth1"}, {"name": "eth0", "sandbox": sandbox}]
            self.write_cache(pod, result)
        rows = {line.split()[0]: line for line in self.ok("gc", "net1", "--dry-run").splitlines()[1:]}
        self.assertIn("/run/netns/live", rows["c1"])
        self.assertNotIn("gone", rows["c1"])
        self.assertIn("/run/netns/dead (gone)", rows["c2"])
        self.assertIn("unknown", rows["c3"])
        alive = {one["containerID"]: one["alive"] for one in json.loads(self.ok("attachments", "--json"))}
        self.assertEqual({"pod1": True, "pod2": False, "c1": True, "c2": False, "c3": None}, alive)

    def write_cache(self, pod, result):
        entry = {"kind": "cniCacheV1", "containerId": pod, "ifName": "eth0", "networkName": "net1", "result": result,
                 "config": base64.b64encode((self.home / "conf/10-net1.conflist").read_bytes()).decode()}
        folder = self.cache / "results"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"net1-{pod}-eth0").write_text(json.dumps(entry), encoding="utf-8")

    def test_C26_R139_gc_leaves_other_runtimes_attachments_alone_unless_forced(self):
        for name in self.cached():
            file = self.cache / "results" / name
            entry = json.loads(file.read_text(encoding="utf-8"))
            del entry["plumb"]
            file.write_text(json.dumps(entry), encoding="utf-8")
        self.assertIn("--force", self.fails(1, "gc", "net1", "--keep", "pod1:eth0"))
        self.assertEqual(2, len(self.cached()))
        self.ok("gc", "net1", "--keep", "pod1:eth0", "--force")
        self.assertEqual(["net1-pod1-eth0"], self.cached())

    def test_C26_gc_reports_every_failure(self):
        self.fail_plugin("pa.GC", 100, "first")
        self.fail_plugin("pb.GC", 100, "second")
        done = self.run_tool("gc", "net1", "--all")
        self.assertEqual(10, done.returncode)
        self.assertIn("first", done.stderr)
        self.assertIn("second", done.stderr)


class Exec(Testbed):
    def test_C27_exec_shows_one_call_whole(self):
        self.play("pa.ADD", err="a word\n", out={"cniVersion": "1.1.0", "code": 11, "msg": "later"}, rc=1)
        done = self.run_tool("exec", "add", "pa", "/x")
        self.assertEqual(11, done.returncode)
        for part in ("CNI_COMMAND=ADD", f"CNI_CONTAINERID={NETNS_X_ID}", "CNI_NETNS=/x", "CNI_IFNAME=eth0", '"type": "pa"',
                     '"msg": "later"', "stderr:\na word", "ended: exit 1 after "):
            self.assertIn(part, done.stdout)
        call = json.loads(self.run_tool("exec", "ADD", "pa", "/x", "--json").stdout)
        self.assertEqual((1, "a word\n", "ADD"), (call["exitCode"], call["stderr"], call["env"]["CNI_COMMAND"]))

    def test_C27_dry_run_runs_nothing(self):
        out = self.ok("exec", "ADD", "pa", "/x", "--dry-run")
        self.assertIn("CNI_COMMAND=ADD", out)
        self.assertNotIn("ended", out)
        self.assertEqual([], self.calls())

    def test_C27_numbers_are_shown_and_sent_as_they_were_written(self):
        conf = self.home / "pa.conf"
        conf.write_text('{"cniVersion":"1.1.0","name":"n","type":"pa","big":12345678901234567890,"one":1.0}', encoding="utf-8")
        out = self.ok("exec", "ADD", "pa", "/x", "--conf", str(conf))
        self.assertIn('"big": 12345678901234567890,\n    "one": 1.0', out)

    def test_C27_C32_request_from_a_network_with_an_injected_result(self):
        self.network("net1", {"type": "pa", "capabilities": {"mac": True}, "key": "value"})
        previous = self.home / "previous"
        previous.write_text('{"cniVersion":"1.1.0","ips":[{"address":"10.5.5.5/24"}]}', encoding="utf-8")
        self.ok("exec", "CHECK", "pa", "/x", "--network", "net1", "--prev-result", str(previous), "--cap", "mac=m")
        request = self.call("pa.CHECK")[1]
        self.assertEqual(("net1", "value"), (request["name"], request["key"]))
        self.assertEqual("10.5.5.5/24", request["prevResult"]["ips"][0]["address"])
        self.assertEqual({"mac": "m"}, request["runtimeConfig"])

    def test_C27_request_holds_what_the_cache_knows(self):
        self.ok("add", "net1", "/x")
        self.ok("exec", "CHECK", "pb", "/x", "--network", "net1")
        self.assertEqual("10.1.0.5/24", self.call("pb.CHECK")[1]["prevResult"]["ips"][0]["address"])
        self.ok("exec", "GC", "pb", "--network", "net1")
        self.assertEqual([{"containerID": NETNS_X_ID, "ifname": "eth0"}], self.call("pb.GC")[1]["cni.dev/valid-attachments"])

    def test_C27_exec_takes_a_path_and_refuses_nonsense(self):
        self.ok("exec", "VERSION", str(self.home / "bin" / "pb"), env={"CNI_PATH": None})
        self.assertEqual(["pb.VERSION"], self.calls())
        self.assertIn("is not a verb", self.fails(2, "exec", "PUT", "pa"))
        self.fails(3, "exec", "ADD", "nope", "/x")
        self.fails(2, "exec", "ADD")

    def test_C32_conformance_names_what_is_wrong_with_the_binary(self):
        self.assertIn("no-such-binary", self.fails(3, "conformance", "./no-such-binary"))
        self.fails(2, "conformance")

    def test_C32_conformance_reads_a_configuration_from_a_file_standard_input_or_a_pipe(self):
        config = '{"cniVersion":"1.0.0","name":"n","type":"pb"}'
        (self.home / "pb.conf").write_text(config, encoding="utf-8")
        words = ("conformance", str(self.home / "bin" / "pb"), "--row", "S-075", "--config")
        from_file = self.run_tool(*words, str(self.home / "pb.conf"))
        self.assertIn("pb: conforms", from_file.stdout, from_file.stderr)
        self.assertEqual(from_file.stdout, self.run_tool(*words, "-", stdin=config).stdout)
        piped = self.run_tool(*words, "/dev/fd/9", wrap=("bash", "-c", f"exec \"$@\" 9< <(echo '{config}')", "bash"))
        self.assertEqual(from_file.stdout, piped.stdout, piped.stderr)
        self.assertIn("no-such.conf", self.fails(3, *words, "no-such.conf"))


class Shells(Testbed):
    def complete(self, *words):
        """The completions of bash for the last of `words`."""
        (self.home / "bin" / "cnitool").symlink_to(testbed.BINARY)
        script = """source <(cnitool completion bash)
          COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cnitool cnitool "${@: -1}" "${@: -2:1}"; printf '%s\\n' "${COMPREPLY[@]}" """
        env = self.env | {"PATH": f"{self.home}/bin:{self.env['PATH']}"}
        done = subprocess.run(["bash", "-c", script, "bash", *words], env=env, capture_output=True, text=True, check=True)
        (self.home / "bin" / "cnitool").unlink()
        return done.stdout.split()

    def test_C34_completion_scripts_parse(self):
        self.assertEqual("", subprocess.run(["bash", "-n"], input=self.ok("completion", "bash"), text=True,
                                            capture_output=True, check=True).stderr)
        for shell in ("bash", "zsh", "fish"):
            script = self.ok("completion", shell)
            self.assertNotRegex(script, r"\{[A-Z_]+\}", shell)
            self.assertIn("attachments", script)
            found = subprocess.run(["which", shell], capture_output=True, check=False).returncode == 0
            if found:
                subprocess.run([shell, "-n"], input=script, text=True, check=True)
        self.fails(2, "completion", "tcsh")

    def test_C34_completion_offers_commands_options_networks_and_plugins(self):
        self.assertEqual(["attachments"], self.complete("cnitool", "att"))
        self.assertEqual(["net1"], self.complete("cnitool", "add", "n"))
        self.assertEqual(["--timeout"], self.complete("cnitool", "add", "--ti"))
        self.assertIn("pb", self.complete("cnitool", "exec", "ADD", "p"))
        self.assertEqual(["wide"], self.complete("cnitool", "list", "-o", "w"))

    def test_C34_man_page_is_clean_and_knows_every_option(self):
        page = pathlib.Path(__file__).resolve().parents[2] / "docs" / "man" / "cnitool.1"
        done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", str(page)], capture_output=True, text=True, check=True)
        self.assertEqual("", done.stderr)
        text = page.read_text(encoding="utf-8").replace("\\-", "-")
        script = self.ok("completion", "bash")
        words = set(re.findall(r"--[a-z-]+", " ".join(re.findall(r"compgen -W '([^']*)'", script))))
        self.assertIn("--keep-from", words)
        self.assertEqual([], [word for word in sorted(words) if word not in text])


if __name__ == "__main__":
    testbed.main()
