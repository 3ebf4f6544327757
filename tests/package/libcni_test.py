#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The package libcni-dev: what lintian finds, that packing twice gives the same bytes, and that the examples in it build with it."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from packages import PackageTest, world  # noqa: E402


class LibcniTest(PackageTest):
    kinds, needs = ("libcni",), ("libcni/libcni.so",)

    def setUp(self):
        self.package = str(next(self.folder.glob("libcni-dev_*.deb")))

    def test_lintian_finds_nothing(self):
        found = world.run("lintian", "--allow-root", "--fail-on", "error,warning", self.package, check=False, timeout=120)
        self.assertEqual((found.stdout, found.returncode), ("", 0), found.stderr)

    def test_packing_twice_gives_the_same_bytes(self):
        self.assert_same_bytes_again()

    def test_depends_on_what_its_headers_and_libraries_need(self):
        depends = world.run("dpkg-deb", "--field", self.package, "Depends").stdout
        for needed in ("nlohmann-json3-dev", "libmd-dev", "libstdc++6 (>= "):
            self.assertIn(needed, depends)

    def test_its_examples_build_with_it(self):
        scratch = tempfile.TemporaryDirectory(prefix="libcni-package-")
        self.addCleanup(scratch.cleanup)
        root = pathlib.Path(scratch.name)
        world.run("dpkg-deb", "--extract", self.package, str(root))
        for name, program, said in (("plugin", "search-domain", "CNI search-domain plugin"), ("runtime", "attach", "usage: attach")):
            source, build = root / "usr/share/doc/libcni-dev/examples/libcni" / name, root / name
            world.run("cmake", "-G", "Ninja", "-S", str(source), "-B", str(build), f"-DCMAKE_PREFIX_PATH={root}/usr")
            world.run("cmake", "--build", str(build), timeout=120)
            done = world.run(str(build / program), "--help", check=False)
            self.assertIn(said, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
