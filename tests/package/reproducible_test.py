#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second whole build, in another folder and without a compiler cache, gives packages with the same bytes."""
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from packages import BUILD, ROOT, PackageTest, world  # noqa: E402

EPOCH = "1790000000"
KINDS = ("deb", "rpm", "libcni", "tar", "single", "spdx")


def copy_of_the_tree(folder):
    for name in world.run("git", "-C", str(ROOT), "-c", f"safe.directory={ROOT}", "ls-files").stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    if (ROOT / "build/deps").exists():
        shutil.copytree(ROOT / "build/deps", folder / "build/deps")


def packages_of(tree, build, target):
    world.run(str(tree / "scripts/package"), "--no-build", "--to", str(target), *KINDS, timeout=600,
              env={**os.environ, "PLUMB_BUILD": str(build), "SOURCE_DATE_EPOCH": EPOCH})


class ReproducibleTest(PackageTest):
    needs = ("libcni/libcni.so",)

    @classmethod
    def pack(cls):
        return pathlib.Path(tempfile.mkdtemp(prefix="plumb-second-build-of-the-tree-"))

    def test_another_build_of_the_tree_gives_the_same_bytes(self):
        self.addCleanup(shutil.rmtree, self.folder)
        tree = self.folder / "tree"
        copy_of_the_tree(tree)
        os.environ["CCACHE_DISABLE"] = "1"
        world.run("cmake", "-S", str(tree), "--preset", "release", timeout=120)
        world.run("cmake", "--build", str(tree / "build/release"), "--target", "all", "libcni-dev", "-j", str(os.cpu_count()), timeout=7000)
        packages_of(ROOT, BUILD, self.folder / "first")
        packages_of(tree, tree / "build/release", self.folder / "second")
        names = sorted(path.name for path in (self.folder / "first").iterdir())
        self.assertEqual(names, sorted(path.name for path in (self.folder / "second").iterdir()))
        different = [name for name in names if (self.folder / "first" / name).read_bytes() != (self.folder / "second" / name).read_bytes()]
        self.assertEqual(different, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
