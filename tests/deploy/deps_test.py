#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/deps where the Debian archive cannot be reached: messages and behaviour. Runs in a network namespace without links."""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = (ROOT / "scripts/deps").read_text(encoding="utf-8")
CHECKSUM = re.search(r"sha256=([0-9a-f]{64})", SCRIPT)[1]
FILE = "libmnl-dev_1.0.5-3_amd64.deb"
# scripts/deps keeps services from starting by a file in /usr/sbin.
PRIVATE_SBIN = """mount -t tmpfs test /mnt
mkdir /mnt/upper /mnt/work
mount -t overlay -o lowerdir=/usr/sbin,upperdir=/mnt/upper,workdir=/mnt/work overlay /usr/sbin
exec "$@"
"""


@unittest.skipUnless(os.geteuid() == 0, "namespaces need root")
@unittest.skipIf(subprocess.run(["g++", "-print-file-name=libmnl.a"], capture_output=True, text=True, check=True).stdout.startswith("/"),
                 "this machine has libmnl.a, so nothing is fetched")
class DepsWithoutArchive(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="plumb-deps-"))
        self.addCleanup(shutil.rmtree, self.root)
        (self.root / "scripts").mkdir()
        self.supplied = self.root / f"build/deps/{FILE}"
        self.supplied.parent.mkdir(parents=True)

    def run_deps(self, script=SCRIPT, packages="build"):
        program = self.root / "scripts/deps"
        program.write_text(script, encoding="utf-8")
        program.chmod(0o755)
        return subprocess.run(["unshare", "--net", "--mount", "sh", "-ec", PRIVATE_SBIN, "sh", program, packages], capture_output=True,
                              text=True, timeout=120, check=False)

    def make_package(self):
        tree = self.root / "package"
        archive = tree / "usr/lib/x86_64-linux-gnu/libmnl.a"
        archive.parent.mkdir(parents=True)
        archive.write_text("an archive")
        (tree / "DEBIAN").mkdir()
        (tree / "DEBIAN/control").write_text("Package: libmnl-dev\nVersion: 1.0.5-3\nArchitecture: amd64\nMaintainer: a <a@example.org>\n"
                                             "Description: made by a test\n")
        subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, self.supplied], check=True, capture_output=True)
        return hashlib.sha256(self.supplied.read_bytes()).hexdigest()

    def test_names_the_file_to_supply_by_hand(self):
        done = self.run_deps()
        self.assertEqual(done.returncode, 1, done.stderr)
        for word in (FILE, "1.0.5-3", CHECKSUM, str(self.supplied), "pool/main/libm/libmnl"):
            self.assertIn(word, done.stderr)

    def test_takes_the_file_that_was_supplied(self):
        done = self.run_deps(SCRIPT.replace(CHECKSUM, self.make_package()))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.root / "build/deps/lib/libmnl.a").read_text(), "an archive")

    def test_refuses_a_supplied_file_with_another_checksum(self):
        found = self.make_package()
        done = self.run_deps()
        self.assertEqual(done.returncode, 1, done.stderr)
        for word in (str(self.supplied), CHECKSUM, found):
            self.assertIn(word, done.stderr)
        self.assertFalse((self.root / "build/deps/lib/libmnl.a").exists())

    def test_names_the_packages_to_install_by_hand(self):
        script = SCRIPT.replace('build="g++ ', 'build="plumb-test-absent g++ ').replace("apt-get -q", "false")
        done = self.run_deps(script)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("still missing: plumb-test-absent", done.stderr)
        self.assertIn("install these packages by hand", done.stderr)

    def test_each_set_contains_what_building_needs(self):
        script = SCRIPT.replace('build="g++ ', 'build="plumb-test-absent g++ ').replace("apt-get -q", "false")
        for packages in ("build", "demo", "bench", "image", "package", "test", "lint"):
            done = self.run_deps(script, packages)
            self.assertEqual(done.returncode, 1, f"{packages}: {done.stderr}")
            self.assertIn("still missing: plumb-test-absent", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
