#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S22: hardening options of every file that is shipped, and their effect on the linked binaries."""
import json
import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from lab import world  # noqa: E402

SHIPPED = ("libcni", "ipam", "plugins", "tools", "agent")
EVERYWHERE = {"-fstack-protector-strong", "-fstack-clash-protection"}
RELEASE = {"-D_FORTIFY_SOURCE=2", "-D_GLIBCXX_ASSERTIONS"}


def commands_of(build):
    """The words of each compiler call for a file that is shipped."""
    file = build / "compile_commands.json"
    for entry in json.loads(file.read_text(encoding="utf-8")) if file.exists() else ():
        name = pathlib.Path(entry["file"])
        if name.suffix == ".cpp" and name.is_relative_to(ROOT) and name.relative_to(ROOT).parts[0] in SHIPPED:
            yield str(name.relative_to(ROOT)), set(entry["command"].split())


class HardeningTest(unittest.TestCase):
    def assert_compiled(self, build, flags):
        commands = dict(commands_of(build))
        missing = {name: flags - words for name, words in commands.items() if not flags <= words}
        self.assertEqual({}, missing)
        return len(commands)

    def test_this_build(self):
        build = pathlib.Path(os.environ["PLUMB_BUILD_BIN"]).parent
        self.assertGreater(self.assert_compiled(build, EVERYWHERE), 100)

    def test_release_build(self):
        if not self.assert_compiled(ROOT / "build/release", EVERYWHERE | RELEASE):
            self.skipTest("this tree has no release build")

    def test_binaries(self):
        for path in sorted(pathlib.Path(world.plugin_folder()).iterdir()):
            with self.subTest(path.name):
                done = subprocess.run(["readelf", "--program-headers", "--wide", str(path)], capture_output=True, text=True, check=True)
                [stack] = [line for line in done.stdout.splitlines() if "GNU_STACK" in line]
                self.assertNotIn("E", stack.split()[6])
                self.assertIn("GNU_RELRO", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
