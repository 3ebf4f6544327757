# SPDX-License-Identifier: Apache-2.0
"""Shared parts of cnitool's black-box tests: a private machine, recorder plugins, and running the binary.

A test file ends in `testbed.main()`; it is started as `<file>_test.py CNITOOL [unittest arguments]`.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

INSIDE = "CNITOOL_TEST_INSIDE"
BINARY = None  # set by main()
NETNS_X_ID = "cnitool-7d368988110efa22d5ba"

# Plays pa, pb or any other name: writes down what it got and answers what files in play/ say.
RECORDER = r"""#!/bin/sh
home=HOME
self=${0##*/}
if [ -z "$CNI_COMMAND" ]; then echo "CNI $self plugin v9" >&2; exit 0; fi
number=$(($(ls "$home/log" | wc -l) + 1000))
call=$home/log/$number-$self.$CNI_COMMAND
mkdir "$call"
env | grep '^CNI_' >"$call/env"
cat >"$call/stdin"
play=$home/play/$self.$CNI_COMMAND
[ ! -e "$play.once" ] || play=$play.once
[ ! -e "$play.sleep" ] || sleep "$(cat "$play.sleep")"
[ ! -e "$play.err" ] || cat "$play.err" >&2
if [ -e "$play.out" ]; then cat "$play.out"
elif [ "$CNI_COMMAND" = VERSION ]; then echo '{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0","1.1.0"]}'
elif [ "$CNI_COMMAND" = ADD ]; then echo '{"cniVersion":"VERSION","ips":[{"address":"10.1.0.5/24","gateway":"10.1.0.1"}]}' |
  sed "s/VERSION/$(sed -n 's/.*"cniVersion": *"\([^"]*\)".*/\1/p' "$call/stdin" | head -n 1)/"
fi
status=0
[ ! -e "$play.rc" ] || status=$(cat "$play.rc")
rm -rf "$home/play/$self.$CNI_COMMAND.once" "$home/play/$self.$CNI_COMMAND.once".*
exit "$status"
"""


class Testbed(unittest.TestCase):
    """A directory of configurations, recorder plugins and an empty cache for each test."""

    def setUp(self):
        if BINARY is None:
            self.fail("run the file itself: only then /run and /var/lib are private")
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="cnitool-test-"))
        self.addCleanup(shutil.rmtree, self.home)
        for folder in ("conf", "bin", "log", "play"):
            (self.home / folder).mkdir()
        self.cache = pathlib.Path("/var/lib/cni")
        shutil.rmtree(self.cache, ignore_errors=True)
        self.env = {"PATH": os.environ["PATH"], "NETCONFPATH": str(self.home / "conf"), "CNI_PATH": str(self.home / "bin")}
        self.plugins("pa", "pb")
        self.network("net1", "pa", "pb")

    def plugins(self, *names):
        for name in names:
            path = self.home / "bin" / name
            path.write_text(RECORDER.replace("HOME", str(self.home)), encoding="utf-8")
            path.chmod(0o755)

    def network(self, name, *types, file=None, version="1.1.0", **keys):
        """Writes a list; its plugins are types or whole objects."""
        plugins = [{"type": one} if isinstance(one, str) else one for one in types]
        path = self.home / "conf" / (file or f"10-{name}.conflist")
        path.write_text(json.dumps({"cniVersion": version, "name": name, "plugins": plugins} | keys), encoding="utf-8")
        return path

    def play(self, call, out=None, err=None, rc=None, sleep=None):
        """Sets the behaviour of a plugin, such as play("pa.ADD", rc=1); "pa.ADD.once" only the next time."""
        (self.home / "play" / call).touch()
        for key, value in {"out": out, "err": err, "rc": rc, "sleep": sleep}.items():
            if value is not None:
                text = json.dumps(value) if isinstance(value, dict) else str(value)
                (self.home / "play" / f"{call}.{key}").write_text(text, encoding="utf-8")

    def fail_plugin(self, call, code, msg="boom", **more):
        self.play(call, out={"cniVersion": "1.1.0", "code": code, "msg": msg} | more, rc=1)

    def run_tool(self, *words, env=None, stdin=None, cwd=None, wrap=()):
        """Runs cnitool; `env` adds to the environment, None values take away."""
        merged = {key: value for key, value in (self.env | (env or {})).items() if value is not None}
        return subprocess.run([*wrap, BINARY, *words], env=merged, input=stdin or "", cwd=cwd or self.home,
                              capture_output=True, text=True, timeout=60, check=False)

    def ok(self, *words, **more):
        """Runs cnitool, which must succeed; its standard output."""
        done = self.run_tool(*words, **more)
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def fails(self, code, *words, **more):
        """Runs cnitool, which must fail with `code` and one line; that line."""
        done = self.run_tool(*words, **more)
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
        self.assertTrue(last.startswith("cnitool: "), done.stderr)
        return last

    def calls(self):
        """`pa.ADD` and so on, in order."""
        return [path.name.partition("-")[2] for path in sorted((self.home / "log").iterdir())]

    def call(self, name):
        """(environment, request) of the latest call of that name."""
        path = sorted(path for path in (self.home / "log").iterdir() if path.name.endswith("-" + name))[-1]
        env = dict(line.split("=", 1) for line in (path / "env").read_text(encoding="utf-8").splitlines())
        return env, json.loads((path / "stdin").read_text(encoding="utf-8") or "null")

    def forget_calls(self):
        for path in (self.home / "log").iterdir():
            shutil.rmtree(path)

    def cached(self):
        folder = self.cache / "results"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def enter_private_machine():
    """New network and mount namespaces with empty /run and /var/lib: nothing of the machine's own is in reach."""
    if os.environ.get(INSIDE) != "1":
        os.execvpe("unshare", ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, *sys.argv],
                   os.environ | {INSIDE: "1"})
    for folder in ("/run", "/var/lib"):
        subprocess.run(["mount", "-t", "tmpfs", "cnitool-test", folder], check=True)


def main():
    global BINARY
    enter_private_machine()
    BINARY = os.path.abspath(sys.argv.pop(1))
    unittest.main()
