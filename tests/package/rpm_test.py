#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The .rpm packages, read by Debian's rpm: their files, dependencies and scripts, and that packing twice gives the same bytes."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from packages import OF_PACKAGE, PackageTest, expected_files, world  # noqa: E402


class RpmTest(PackageTest):
    kinds = ("rpm",)

    def query(self, package, *options):
        found = list(self.folder.glob(f"{package}-[0-9]*.rpm"))
        self.assertEqual(len(found), 1, package)
        return world.run("rpm", "--query", "--package", *options, str(found[0])).stdout

    def rows(self, package):
        return [row.split() for row in self.query(package, "--qf", "[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\n]").splitlines()]

    def test_each_package_has_the_files_of_its_components(self):
        self.assertEqual(len(list(self.folder.iterdir())), len(OF_PACKAGE))
        for package in OF_PACKAGE:
            with self.subTest(package):
                self.assertEqual({path for mode, _, path in self.rows(package) if mode[0] != "d"}, expected_files(package))

    def test_folders_of_the_distribution_are_not_in_a_package(self):
        own = re.compile(r"/opt/cni(/bin)?|/usr/share/doc/plumb.*")
        for package in OF_PACKAGE:
            for mode, _, path in self.rows(package):
                self.assertTrue(mode[0] != "d" or own.fullmatch(path), path)

    def test_files_belong_to_root_and_only_programs_are_executable(self):
        self.assert_owners_and_modes()

    def test_plumbd_depends_on_its_libraries_and_the_static_programs_on_none(self):
        for package in ("plumb-cni-plugins", "plumb-cnitool"):
            self.assertEqual([row for row in self.query(package, "--requires").splitlines() if not row.startswith("rpmlib(")], [])
        needed = self.query("plumbd", "--requires")
        self.assertIn("libmicrohttpd.so.12", needed)
        self.assertIn("libc.so.6(GLIBC_2.34)", needed)

    def test_plumbd_is_restarted_by_an_upgrade_and_ended_by_removal(self):
        scripts = self.query("plumbd", "--scripts")
        for words in ("disable --now plumbd.service", "try-restart plumbd.service"):
            self.assertIn(words, scripts)
        self.assertNotIn("systemctl enable", scripts)

    def test_packing_twice_gives_the_same_bytes(self):
        self.assert_same_bytes_again()


if __name__ == "__main__":
    unittest.main(verbosity=2)
