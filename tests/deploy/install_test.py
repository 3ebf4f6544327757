#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The files and modes that `cmake --install` puts into the folder that $DESTDIR names."""
import os
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab import world  # noqa: E402
from lab.installed import COMPONENTS, PLUGINS, UNIT, placed  # noqa: E402

BUILD = pathlib.Path(world.plugin_folder()).parent


class InstallTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="plumb-install-"))
        self.addCleanup(shutil.rmtree, self.root)

    def install(self, *options):
        world.run("cmake", "--install", str(BUILD), *options, env={**os.environ, "DESTDIR": str(self.root)}, timeout=120)

    def files(self):
        return {f"/{path.relative_to(self.root)}" for path in self.root.rglob("*") if not path.is_dir()}

    def test_installs_every_file_in_its_place(self):
        self.install()
        self.assertEqual(self.files(), placed("/usr/local", *COMPONENTS))

    def test_installs_each_component_by_itself(self):
        self.assertGreater(len(PLUGINS), 7)
        for name in COMPONENTS:
            with self.subTest(name):
                self.install("--component", name)
                self.assertEqual(self.files(), placed("/usr/local", name))
                for entry in self.root.iterdir():
                    shutil.rmtree(entry)

    def test_programs_are_executable_and_other_files_are_not(self):
        self.install()
        for name in self.files():
            file = self.root / name[1:]
            mode = 0o755 if re.search(r"/s?bin/", name) else 0o644
            self.assertEqual(oct(file.stat().st_mode & 0o7777), oct(mode), name)
            self.assertGreater(file.stat().st_size, 0, name)

    def test_manuals_and_completions_belong_to_their_programs(self):
        self.install()
        for program in ("cnitool", "plumbd"):
            for name in self.files():
                if program in pathlib.PurePath(name).name and "bin/" not in name:
                    self.assertIn(program, (self.root / name[1:]).read_text(encoding="utf-8").lower(), name)
            completion = self.root / f"usr/local/share/bash-completion/completions/{program}"
            self.assertIn(f"complete -F _{program}", completion.read_text(encoding="utf-8").replace("-o default ", ""))

    def test_the_unit_starts_the_plumbd_that_is_installed(self):
        for prefix in ("/usr/local", "/usr", "/opt/plumb"):
            with self.subTest(prefix):
                self.install("--prefix", prefix)
                unit = (self.root / f"{prefix[1:]}/{UNIT}").read_text(encoding="utf-8")
                program = re.findall(r"^ExecStart=(\S+)", unit, re.M)
                self.assertEqual(len(program), 1)
                self.assertTrue(os.access(f"{self.root}{program[0]}", os.X_OK), program)

    def test_a_plugin_in_use_is_replaced_and_not_written_into(self):
        plugin = self.root / "opt/cni/bin/bridge"
        plugin.parent.mkdir(parents=True)
        plugin.write_text("old")
        with plugin.open(encoding="utf-8") as running:
            self.install("--component", "plugins")
            self.assertEqual(running.read(), "old")
        self.assertGreater(plugin.stat().st_size, 1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
