#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plumbd runs where glibc is 2.34, as on RHEL 9 and Amazon Linux 2023; plugins and cnitool need none."""
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from lab import world  # noqa: E402

RELEASE = ROOT / "build/release/bin"
NEWEST = (2, 34)


def symbols_of(program):
    """Version and name of each function that the program takes from the C library."""
    table = world.run("readelf", "--dyn-syms", "--wide", str(program)).stdout
    for name, version in re.findall(r" UND (\w+)@GLIBC_([0-9.]+)", table):
        yield tuple(int(number) for number in version.split(".")), name


class GlibcTest(unittest.TestCase):
    def setUp(self):
        if not (RELEASE / "plumbd").exists():
            self.skipTest("there is no release build")

    def test_plumbd_needs_no_newer_one_than_2_34(self):
        symbols = list(symbols_of(RELEASE / "plumbd"))
        self.assertGreater(len(symbols), 50)
        self.assertEqual([], [symbol for symbol in symbols if symbol[0] > NEWEST])

    def test_plugins_and_cnitool_need_none(self):
        for program in sorted(RELEASE.iterdir()):
            if program.name == "plumbd":
                continue
            with self.subTest(program.name):
                self.assertNotIn("(NEEDED)", world.run("readelf", "--dynamic", str(program)).stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
