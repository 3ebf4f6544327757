#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The .deb packages: their files, what lintian finds, and that packing twice gives the same bytes."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from packages import OF_PACKAGE, PackageTest, expected_files, world  # noqa: E402


class DebTest(PackageTest):
    kinds = ("deb",)

    def package(self, name):
        found = list(self.folder.glob(f"{name}_*.deb"))
        self.assertEqual(len(found), 1, name)
        return str(found[0])

    def field(self, package, name):
        return world.run("dpkg-deb", "--field", self.package(package), name).stdout.strip()

    def rows(self, package):
        """Mode, owner and path of each entry."""
        for row in world.run("dpkg-deb", "--contents", self.package(package)).stdout.splitlines():
            mode, owner, *_, path = row.split()
            yield mode, owner, path.removeprefix(".")

    def test_each_package_has_the_files_of_its_components(self):
        self.assertEqual(len(list(self.folder.iterdir())), len(OF_PACKAGE))
        for package in OF_PACKAGE:
            with self.subTest(package):
                files = {path for mode, _, path in self.rows(package) if mode[0] != "d"}
                debian = {f"/usr/share/doc/{package}/changelog.Debian.gz", f"/usr/share/lintian/overrides/{package}"}
                self.assertEqual(files, expected_files(package) | debian)

    def test_files_belong_to_root_and_only_programs_are_executable(self):
        self.assert_owners_and_modes()

    def test_plumbd_depends_on_its_libraries_and_the_static_programs_on_none(self):
        for package in ("plumb-cni-plugins", "plumb-cnitool"):
            self.assertEqual(self.field(package, "Depends"), "")
        depends = self.field("plumbd", "Depends")
        self.assertIn("libc6 (>= 2.34)", depends)
        self.assertIn("libmicrohttpd12", depends)

    def test_the_plugins_can_be_installed_beside_those_of_Debian(self):
        for package in OF_PACKAGE:
            for field in ("Conflicts", "Breaks", "Replaces"):
                self.assertEqual(self.field(package, field), "", package)
        theirs = set(world.run("dpkg", "--listfiles", "containernetworking-plugins").stdout.split())
        for package in OF_PACKAGE:
            self.assertEqual({path for mode, _, path in self.rows(package) if mode[0] != "d"} & theirs, set())

    def test_lintian_finds_nothing(self):
        found = world.run("lintian", "--allow-root", "--fail-on", "error,warning", *map(self.package, OF_PACKAGE), check=False, timeout=120)
        self.assertEqual((found.stdout, found.returncode), ("", 0), found.stderr)

    def test_packing_twice_gives_the_same_bytes(self):
        self.assert_same_bytes_again()


if __name__ == "__main__":
    unittest.main(verbosity=2)
