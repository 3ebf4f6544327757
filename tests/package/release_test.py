#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The files of a release: complete, with checksums; every program prints the version that CMakeLists.txt holds."""
import os
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from packages import BUILD, OF_PACKAGE, ROOT, PackageTest, world  # noqa: E402
from lab.installed import PLUGINS  # noqa: E402

VERSION = re.search(r"^project\(plumb VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"), re.M)[1]
# All plugins together, stripped; those of the reference take 69 MB.
MOST_MEGABYTES = 30


class ReleaseTest(PackageTest):
    needs = ("libcni/libcni.so",)

    @classmethod
    def pack(cls):
        scratch = pathlib.Path(tempfile.mkdtemp(prefix="plumb-release-"))
        cls.addClassCleanup(shutil.rmtree, scratch)
        cls.answer = world.run(str(ROOT / "scripts/release"), "--dry-run", "--no-build", "--no-image", "--fast", "--to", str(scratch / "files"),
                               env={**os.environ, "PLUMB_BUILD": str(BUILD)}, timeout=200).stderr
        return scratch / "files"

    def test_has_every_kind_of_file_and_the_checksum_of_each(self):
        names = {path.name for path in self.folder.iterdir()} - {"SHA256SUMS"}
        for package in OF_PACKAGE:
            self.assertTrue(any(re.fullmatch(rf"{package}_{VERSION}-\d+_\w+\.deb", name) for name in names), names)
            self.assertTrue(any(re.fullmatch(rf"{package}-{VERSION}-\d+\.\w+\.rpm", name) for name in names), names)
        self.assertTrue(any(name.startswith(f"libcni-dev_{VERSION}") for name in names), names)
        rest = {name for name in names if not re.search(r"\.(deb|rpm)$", name)}
        machine = next(name.split("_")[-1] for name in names if name.endswith(".deb")).removesuffix(".deb")
        self.assertEqual(rest, {f"plumb-{VERSION}.tar.gz", f"plumb-{VERSION}-linux-{machine}.tar.gz",
                                f"plumb-{VERSION}-linux-{machine}-single.tar.gz", f"plumb-{VERSION}-{machine}.spdx.json"})
        checked = world.run("sh", "-c", 'cd "$0" && sha256sum --check --strict SHA256SUMS', str(self.folder)).stdout
        self.assertEqual({row.removesuffix(": OK") for row in checked.splitlines()}, names)

    def test_its_source_archive_makes_packages_with_the_time_of_the_commit(self):
        scratch = tempfile.TemporaryDirectory(prefix="plumb-source-")
        self.addCleanup(scratch.cleanup)
        tree = pathlib.Path(scratch.name, f"plumb-{VERSION}")
        world.run("tar", "-C", scratch.name, "-xzf", str(self.folder / f"plumb-{VERSION}.tar.gz"))
        (tree / "scripts/sbom.py").write_text('#!/bin/sh\necho $SOURCE_DATE_EPOCH >"$2/plumb.spdx.json"\n', encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
        world.run(str(tree / "scripts/package"), "--no-build", "--to", f"{tree}/packages", "spdx", env={**environment, "PLUMB_BUILD": str(BUILD)})
        made = next((tree / "packages").iterdir()).read_text(encoding="utf-8")
        self.assertEqual(made, world.run("git", "-C", str(ROOT), "-c", f"safe.directory={ROOT}", "log", "-1", "--format=%ct").stdout)

    def test_says_what_to_sign(self):
        self.assertIn("gpg --armor --detach-sign", self.answer)
        self.assertIn(f"git tag --sign v{VERSION}", self.answer)

    def test_does_not_write_into_a_folder_that_exists(self):
        again = world.run(str(ROOT / "scripts/release"), "--dry-run", "--no-build", "--no-image", "--to", str(self.folder), check=False)
        self.assertEqual(again.returncode, 1)
        self.assertIn("exists", again.stderr)

    def test_the_changelog_begins_with_this_version(self):
        first = re.search(r"^## (\S+) \((not released yet|\d{4}-\d\d-\d\d)\)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
        self.assertEqual(first[1], VERSION)

    def test_every_program_prints_the_version(self):
        for name in PLUGINS:
            self.assertIn(f"CNI {name} plugin {VERSION}\n", world.run(str(BUILD / "bin" / name), env={}).stderr)
            self.assertIn(f"{name} {VERSION} ", world.run(str(BUILD / "bin" / name), "--version", env={}).stdout)
        for name in ("cnitool", "plumbd"):
            self.assertRegex(world.run(str(BUILD / "bin" / name), "--version").stdout, rf"\b{re.escape(VERSION)}\b")

    def test_all_plugins_together_are_smaller_than_30_MB(self):
        total = sum((BUILD / "bin" / name).stat().st_size for name in PLUGINS) / 1e6
        print(f"{len(PLUGINS)} plugins: {total:.1f} MB of {MOST_MEGABYTES}", file=sys.stderr)
        self.assertLess(total, MOST_MEGABYTES)


class RefusalTest(unittest.TestCase):
    """scripts/release in a small repository, whose scripts/package makes one file."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="plumb-release-")
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name)
        for folder in ("scripts", "build/release"):
            (self.root / folder).mkdir(parents=True)
        shutil.copy(ROOT / "scripts/release", self.root / "scripts")
        self.write("scripts/package", '#!/bin/sh\necho packed >"$3/file"\n').chmod(0o755)
        self.write("CMakeLists.txt", "project(plumb VERSION 1.2.3 LANGUAGES C)\n")
        self.write("CHANGELOG.md", "## 1.2.3 (not released yet)\n")
        self.write(".gitignore", "build\n")
        self.contact("A <a@b.org>")
        self.git("init", "--quiet")
        self.commit()

    def write(self, name, text):
        (self.root / name).write_text(text, encoding="utf-8")
        return self.root / name

    def contact(self, text):
        self.write("build/release/CMakeCache.txt", f"PLUMB_CONTACT:STRING={text}\n")

    def git(self, *words):
        return world.run("git", "-C", str(self.root), "-c", "user.name=a", "-c", "user.email=a@b.org", *words).stdout.strip()

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x")

    def release(self, code):
        environment = {name: value for name, value in os.environ.items() if name != "PLUMB_BUILD"}
        done = world.run(str(self.root / "scripts/release"), "--no-build", "--no-image", env=environment, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    def test_refuses_a_version_without_a_date(self):
        self.assertIn('needs a heading "## 1.2.3 (YYYY-MM-DD)"', self.release(1))

    def test_refuses_changes_that_are_not_committed(self):
        self.write("CHANGELOG.md", "## 1.2.3 (2026-01-02)\n")
        self.assertIn("not committed", self.release(1))

    def test_refuses_files_that_are_not_committed(self):
        self.write("CHANGELOG.md", "## 1.2.3 (2026-01-02)\n")
        self.commit()
        self.write("new.cpp", "")
        self.assertIn("not committed", self.release(1))

    def test_refuses_a_build_folder_that_names_no_maintainer(self):
        self.write("CHANGELOG.md", "## 1.2.3 (2026-01-02)\n")
        self.commit()
        (self.root / "build/release/CMakeCache.txt").unlink()
        self.assertIn("no mail address", self.release(1))

    def test_refuses_a_maintainer_without_an_address(self):
        self.write("CHANGELOG.md", "## 1.2.3 (2026-01-02)\n")
        self.commit()
        self.contact("A <a@b.invalid>")
        self.assertIn("no mail address", self.release(1))

    def test_releases_a_dated_version_of_a_commit(self):
        self.write("CHANGELOG.md", "## 1.2.3 (2026-01-02)\n")
        self.commit()
        self.assertIn(f"git tag --sign v1.2.3 {self.git('rev-parse', 'HEAD')}", self.release(0))
        files = {path.name for path in (self.root / "build/releases/1.2.3").iterdir()}
        self.assertEqual(files, {"file", "plumb-1.2.3.tar.gz", "SHA256SUMS"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
