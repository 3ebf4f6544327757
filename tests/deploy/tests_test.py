#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checks of the tests themselves: scripts/check_tests.py finds C++ tests that read the kernel's state by a program, and
scripts/check_skipped.py tests that no kernel ran."""
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import check_skipped  # noqa: E402
import check_tests  # noqa: E402

READS = ["ip -j link", "ip link show eth0", "ip -6 -o addr show scope link dev eth0", "ip route", "ip route | wc -l", "ip -d a; true",
         "cd /; ip neigh show nud permanent", "ip rule list", "bridge fdb show dev t0", "bridge -j vlan", "tc qdisc show dev eth0", "tc -j qdisc list"]
CHANGES = ["ip link set lo up", "ip route ", "ip route add default via 10.0.0.1", "ip monitor route", "bridge fdb append 00:00:00:00:00:00 dev t0",
           "tc qdisc add dev d0 root tbf rate 8mbit", "nft list ruleset", "tc filter show dev eth0", "tc -s qdisc show", "ip addr flush dev eth0", "the words of `ip route`"]


class TestsTest(unittest.TestCase):
    def complaints(self, name, text):
        with tempfile.TemporaryDirectory(prefix="plumb-tests-") as folder:
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True)
            path.write_text(text, encoding="utf-8")
            return check_tests.check(pathlib.Path(folder))

    def test_finds_each_command_that_reads(self):
        for command in READS:
            found = self.complaints("plugins/toy/apply_netns_test.cpp", f'\noutput_of("{command}");\n')
            self.assertEqual(len(found), 1, command)
            self.assertIn("apply_netns_test.cpp:2: ", found[0])

    def test_accepts_commands_that_change_and_what_the_oracle_cannot_read(self):
        for command in CHANGES:
            self.assertEqual(self.complaints("libcni/net/link_test.cpp", f'output_of("{command}");\n'), [], command)

    def test_looks_into_tests_only(self):
        self.assertEqual(self.complaints("agent/main.cpp", 'run("ip route");\n'), [])
        self.assertEqual(len(self.complaints("tests/support/host.h", 'run("ip route");\n')), 1)


RESULTS = """<testsuite>
  <testcase name="conformance.ipvlan.A1" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>
  <testcase name="vm.link_kinds" status="{status}"><system-out>test_conformance ...
conformance: {plugin}
</system-out></testcase>
</testsuite>"""


class SkippedTest(unittest.TestCase):
    def complaints(self, results):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(results)
            file.flush()
            return list(check_skipped.complaints(*check_skipped.read_results(file.name)))

    def test_accepts_a_test_that_the_guest_ran(self):
        self.assertEqual([], self.complaints(RESULTS.format(status="run", plugin="ipvlan")))

    def test_refuses_a_test_that_no_kernel_ran(self):
        for status, plugin in (("run", "vlan"), ("fail", "ipvlan")):
            (found,) = self.complaints(RESULTS.format(status=status, plugin=plugin))
            self.assertIn("conformance.ipvlan.A1 did not run", found)

    def test_refuses_any_other_skipped_test(self):
        (found,) = self.complaints('<testsuite><testcase name="base.Disk" status="notrun"><skipped/></testcase></testsuite>')
        self.assertIn("base.Disk did not run", found)


if __name__ == "__main__":
    unittest.main()
