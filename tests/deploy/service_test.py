#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""conf-examples/plumbd.service: its sandbox is tight, every open point is explained, and plumbd works in it: row S22."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT = ROOT / "conf-examples/plumbd.service"
TEXT = (ROOT / "docs/operations.md").read_text(encoding="utf-8")

RIGHTS = ["--no-new-privs", "--bounding-set", "-all,+net_admin,+net_raw"]
CAP_NET_ADMIN, CAP_NET_RAW = 12, 13
SANITIZER_CALLS = {"ptrace", "personality", "clock_adjtime"}  # and the tracer's


def analyze(*words):
    # Offline: systemd need not run, and no unit is started.
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=True).stdout


def allowed_calls():
    """The system calls that the unit's SystemCallFilter lines let through."""
    def expand(group):
        names = set()
        for word in analyze("syscall-filter", "--no-pager", group).splitlines()[1:]:
            word = word.strip()
            if word.startswith("@"):
                names |= expand(word)
            elif word and not word.startswith("#"):
                names.add(word)
        return names
    allowed = set()
    for line in re.findall(r"^SystemCallFilter=(.*)", UNIT.read_text(encoding="utf-8"), re.M):
        names = set().union(*(expand(group) for group in line.lstrip("~").split()))
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


@unittest.skipUnless(shutil.which("systemd-analyze"), "needs systemd-analyze, of Debian's package systemd")
class Service(unittest.TestCase):
    def test_S22_systemd_calls_its_exposure_ok_or_better(self):
        verdict = re.search(r"Overall exposure level .*: ([\d.]+) (\w+)",
                            analyze("security", "--offline=true", "--no-pager", str(UNIT)))
        self.assertIn(verdict[2], ("OK", "SAFE", "PERFECT"), verdict[0])

    def test_S22_every_open_point_is_explained(self):
        points = json.loads(analyze("security", "--offline=true", "--json=short", str(UNIT)))
        table = TEXT.split("## The service's sandbox")[1].split("\n## ")[0]
        for point in points:
            if point["set"] is not False or point["exposure"] is None:
                continue
            for name in re.split(r"=/|/(?=[A-Z])", point["name"].split("=~")[0].rstrip("=")):
                if name not in ("RootImage", "DynamicUser"):
                    self.assertIn(f"`{name}=`", table, point["description"])
        self.assertEqual(re.findall(r"^CapabilityBoundingSet=(.*)", UNIT.read_text(encoding="utf-8"), re.M), ["CAP_NET_ADMIN CAP_NET_RAW"])

    def machine(self, settings=""):
        sys.path.insert(0, str(ROOT / "tests/agent"))
        sys.argv[1:] = [os.environ["PLUMB_BUILD_BIN"] + "/plumbd"]
        from machine import Machine, node_lines  # pylint: disable=import-outside-toplevel
        machine = Machine(settings)
        self.addCleanup(machine.close)
        return machine, node_lines

    def test_the_running_process_has_the_sandbox(self):
        machine, node_lines = self.machine()
        machine.write_nodes(node_lines(3))
        calls = ",".join(sorted(allowed_calls() | SANITIZER_CALLS))
        machine.start(wrapper=["setpriv", *RIGHTS, str(ROOT / "tests/deploy/seccomp_exec.py"), calls])
        pid = machine.status()["pid"]
        status = dict(re.findall(r"^(\w+):\t(.*)$", pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8"), re.M))
        for which in ("CapEff", "CapPrm", "CapBnd"):
            self.assertEqual(int(status[which], 16), 1 << CAP_NET_ADMIN | 1 << CAP_NET_RAW, which)
        self.assertEqual((status["CapInh"].strip("0"), status["CapAmb"].strip("0")), ("", ""))
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        machine.write_nodes(node_lines(4))
        machine.wait_routes("10.244.2.0/24", "10.244.3.0/24", "10.244.4.0/24")

    def test_a_process_without_the_unit_leaves_no_core_dump_and_gains_no_privileges(self):
        machine, node_lines = self.machine()
        machine.write_nodes(node_lines(2))
        machine.start(wrapper=["prlimit", "--core=unlimited"])
        pid = machine.status()["pid"]
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text(encoding="utf-8")
        self.assertRegex(limits, r"Max core file size +0 +0 ")
        self.assertIn("NoNewPrivs:\t1", pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
        machine.process.send_signal(signal.SIGABRT)
        self.assertFalse(os.WCOREDUMP(os.waitpid(machine.process.pid, 0)[1]))
        machine.process = None

    def test_S22_plumbd_needs_no_call_and_no_right_that_the_unit_refuses(self):
        machine, node_lines = self.machine()
        trace = pathlib.Path(tempfile.mkstemp(prefix="plumbd-trace-")[1])
        self.addCleanup(trace.unlink)
        machine.write_nodes(node_lines(1) + "n9 addresses=198.51.100.9 ranges=10.244.9.0/24\n")
        machine.start(wrapper=["setpriv", *RIGHTS, "strace", "-D", "-f", "-qq", "-e", "signal=none", "-o", str(trace)])
        machine.ctl("status")
        machine.stop()
        called = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(errors="replace"), re.M))
        self.assertGreater(len(called), 20)
        # Calls of the sanitizers and of the tracer.
        self.assertEqual(set(), called - allowed_calls() - SANITIZER_CALLS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
