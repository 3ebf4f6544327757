#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A plugin of scripts/new-plugin is a part of the suite at once: in a copy of the tree, with no other edit, it builds and passes
conformance, chains, fuzz and lint.

  new_plugin_test.py KIND...    of main, chained and ipam
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
KINDS = sys.argv[1:] or ["main", "chained", "ipam"]
OPTIONS = {"main": [], "chained": ["--kind", "chained"], "ipam": ["--kind", "ipam"]}


class NewPluginTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="plumb-new-plugin-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.tree = pathlib.Path(cls.scratch.name, "plumb")
        shutil.copytree(ROOT, cls.tree, symlinks=True, ignore=shutil.ignore_patterns("build", ".git", "__pycache__"))
        if (ROOT / "build/deps").exists():
            shutil.copytree(ROOT / "build/deps", cls.tree / "build/deps", symlinks=True)
        cls.plugins = [f"toy-{kind}" for kind in KINDS]
        for kind in KINDS:
            cls.run_in_tree("scripts/new-plugin", *OPTIONS[kind], f"toy-{kind}")
        names = [path.parent.name for path in cls.tree.glob("*/*/main.cpp") if path.parent.parent.name in ("plugins", "ipam")]
        cls.build("release", "cnitool", "cnitool-conformance", *names)

    @classmethod
    def run_in_tree(cls, *command, **more):
        """Runs a command in the copy; a failure shows what it printed."""
        # One compiler cache serves every copy of the tree.
        env = {**os.environ, "CCACHE_BASEDIR": str(cls.tree), "CCACHE_NOHASHDIR": "1", "PYTHONDONTWRITEBYTECODE": "1", **more}
        env.pop("PLUMB_BUILD_BIN", None)
        done = subprocess.run(command, cwd=cls.tree, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))} failed:\n{done.stdout[-8000:]}")
        return done.stdout

    @classmethod
    def build(cls, preset, *targets):
        cls.run_in_tree("cmake", "--preset", preset)
        cls.run_in_tree("cmake", "--build", "--preset", preset, "-j", str(os.cpu_count()), "--target", *targets)

    def test_conformance_passes(self):
        for plugin in self.plugins:
            with self.subTest(plugin=plugin):
                self.run_in_tree("build/release/bin/cnitool", "conformance", f"build/release/bin/{plugin}")

    def test_chains_passes(self):
        self.run_in_tree("tests/chains/examples_test.py", "ExamplesTest.test_plugin_examples")

    def test_fuzz_passes_and_reaches_the_plugin(self):
        self.build("fuzz", "configuration_fuzz")
        self.run_in_tree("tests/fuzz/run", "--seconds", "2", "configuration")
        table = (self.tree / "build/fuzz/tests/fuzz/all_plugins.cpp").read_text()
        for plugin in self.plugins:
            self.assertIn(f"/{plugin}/plugin.h", table)

    def test_lint_passes(self):
        self.run_in_tree("git", "init", "-q")
        self.run_in_tree("git", "add", "-A")
        self.run_in_tree("scripts/lint")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
