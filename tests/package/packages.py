"""Packages of the release build, made by scripts/package into a folder of a test's own."""
import os
import pathlib
import re
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from lab import world  # noqa: E402
from lab.installed import placed  # noqa: E402

BUILD = pathlib.Path(world.plugin_folder()).parent
OF_PACKAGE = {"plumb-cni-plugins": ("plugins", "examples"), "plumb-cnitool": ("tools",), "plumbd": ("agent",)}


def expected_files(package):
    """The files of the package's components and the documents that packing adds; Debian wants manuals compressed."""
    files = {f"{name}.gz" if "/share/man/" in name else name for name in placed("/usr", *OF_PACKAGE[package])}
    return files | {f"/usr/share/doc/{package}/{name}" for name in
                    ("copyright", "changelog.gz", "plumb.spdx.json.gz", "libraries.copyright.gz")}


class PackageTest(unittest.TestCase):
    """`kinds` are packed once, into `self.folder`. `needs`: files of the build without which the tests are skipped."""
    kinds, needs = (), ()

    @classmethod
    def setUpClass(cls):
        if "PLUMB_STATIC:BOOL=ON" not in (BUILD / "CMakeCache.txt").read_text(encoding="utf-8"):
            raise unittest.SkipTest("there is no release build")
        missing = [name for name in cls.needs if not (BUILD / name).exists()]
        if missing:
            raise unittest.SkipTest(f"the release build lacks {missing}: build the targets all and libcni-dev")
        cls.folder = cls.pack()

    def rows(self, package):
        """Mode, owner and path of each entry of a package."""
        raise NotImplementedError

    def assert_owners_and_modes(self):
        for package in OF_PACKAGE:
            for mode, owner, path in self.rows(package):
                self.assertEqual(owner, "root/root", path)
                executable = mode[0] == "d" or re.search(r"/s?bin/", path)
                self.assertEqual(mode[1:], "rwxr-xr-x" if executable else "rw-r--r--", path)

    def assert_same_bytes_again(self):
        again = self.pack()
        for file in sorted(self.folder.iterdir()):
            self.assertEqual(file.read_bytes(), (again / file.name).read_bytes(), file.name)

    @classmethod
    def pack(cls):
        scratch = tempfile.TemporaryDirectory(prefix="plumb-package-")
        cls.addClassCleanup(scratch.cleanup)
        world.run(str(ROOT / "scripts/package"), "--no-build", "--fast", "--to", scratch.name, *cls.kinds, timeout=240,
                  env={**os.environ, "PLUMB_BUILD": str(BUILD)})
        return pathlib.Path(scratch.name)
