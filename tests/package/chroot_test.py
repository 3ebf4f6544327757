#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The .deb packages are installed, upgraded, removed and purged in a small Debian, on a node that had other plugins."""
import hashlib
import os
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from packages import OF_PACKAGE, ROOT, PackageTest, expected_files, world  # noqa: E402
from lab.installed import PLUGINS  # noqa: E402

ARCHIVE = ROOT / "build/chroot.tar"
ENTER = 'mount -t proc proc "$0/proc"; exec chroot "$0" "$@"'
# Files that dpkg, ldconfig and systemd keep about every package.
RECORDS = re.compile(r"/(var/lib/dpkg|var/log|var/cache|var/lib/systemd|proc|tmp|run/plumb|etc/ld\.so\.cache)(/|$)")
OWN, KUBERNETES = "plumb-cni-plugins", "kubernetes-cni"


def replace(file, pattern, text):
    file.write_text(re.sub(pattern, text, file.read_text(encoding="utf-8")), encoding="utf-8")


class Node:
    """A Debian without network, in a folder of its own."""

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="plumb-node-"))
        world.run("tar", "-C", str(self.root), "-xf", str(ARCHIVE), timeout=120)

    def run(self, *command, **options):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        return world.run("unshare", "--mount", "sh", "-ec", ENTER, str(self.root), *command, env=environment, timeout=120, **options)

    def install(self, *packages):
        for package in packages:
            shutil.copy(package, self.root / "tmp")
        return self.run("dpkg", "--install", *(f"/tmp/{package.name}" for package in packages))

    def file(self, name):
        return self.root / name.removeprefix("/")

    def files(self):
        found = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = pathlib.Path(folder, name)
                inside = f"/{path.relative_to(self.root)}"
                if RECORDS.match(inside):
                    continue
                found[inside] = os.readlink(path) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        return found


@unittest.skipUnless(os.geteuid() == 0, "needs root for a chroot")
class ChrootTest(PackageTest):
    kinds = ("deb",)

    def setUp(self):
        self.assertTrue(ARCHIVE.exists(), "build/chroot.tar is missing: run tests/package/chroot --fetch")
        self.node = Node()
        self.addCleanup(shutil.rmtree, self.node.root)
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="plumb-chroot-"))
        self.addCleanup(shutil.rmtree, self.scratch)
        self.packages = [next(self.folder.glob(f"{name}_*.deb")) for name in OF_PACKAGE]
        # Another suite: one plugin of a package, one that no package owns.
        self.node.install(self.other_suite("1.0"))
        self.node.file("/opt/cni/bin/bridge").write_text("bridge by hand", encoding="utf-8")

    def other_suite(self, version):
        """A package as the Kubernetes project publishes it: files below /opt/cni/bin and nothing else."""
        tree = self.scratch / f"{KUBERNETES}-{version}"
        (tree / "opt/cni/bin").mkdir(parents=True)
        for name in ("ptp", "other"):
            (tree / f"opt/cni/bin/{name}").write_text(f"{name} {version}", encoding="utf-8")
        (tree / "DEBIAN").mkdir()
        (tree / "DEBIAN/control").write_text(f"Package: {KUBERNETES}\nVersion: {version}\nArchitecture: all\n"
                                             "Maintainer: A <a@example.org>\nDescription: plugins\n", encoding="utf-8")
        return self.packed(tree)

    def packed(self, tree):
        package = self.scratch / f"{tree.name}.deb"
        world.run("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(package))
        return package

    def changed(self, name, change):
        """The plugins' package, after change(FOLDER) of its files."""
        tree = self.scratch / name
        world.run("dpkg-deb", "--raw-extract", str(self.packages[0]), str(tree))
        change(tree)
        return self.packed(tree)

    def with_more_plugins(self):
        """A version of the plugins' package with two plugins more, one of which another suite has."""
        def add_plugins(tree):
            for name in ("other", "new"):
                (tree / f"opt/cni/bin/{name}").write_text(f"{name} of ours", encoding="utf-8")
            replace(tree / "DEBIAN/preinst", "for plugin in ", "for plugin in other new ")
            replace(tree / "DEBIAN/control", r"(?m)^Version: .*", "Version: 99-1")
        return self.changed("more", add_plugins)

    def killed_once(self, script, number):
        """The plugins' package whose maintainer script kills dpkg and itself in front of a line, at the first time, when it is at ptp."""
        kill = 'if [ "${path##*/}$1" = "ptp${path:+$1}" ] && mkdir /tmp/killed 2>/dev/null; then kill -9 $PPID $$; exit 1; fi'

        def change(tree):
            path = tree / "DEBIAN" / script
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            path.write_text("".join([*lines[:number], f"{kill}\n", *lines[number:]]), encoding="utf-8")
        return self.changed(f"killed-{script}-{number}", change)

    def lines(self, script, start, end):
        """The numbers of the lines behind `start` up to `end`, its last one."""
        text = world.run("dpkg-deb", "--info", str(self.packages[0]), script).stdout.split("\n")
        return range(text.index(start) + 1, text.index(end) + 1)

    def next_version(self):
        """The packages with another version and, in the plugins' package, other bytes."""
        for package in self.packages:
            tree = self.scratch / f"next-{package.name.split('_')[0]}"
            world.run("dpkg-deb", "--raw-extract", str(package), str(tree))
            replace(tree / "DEBIAN/control", r"(?m)^Version: .*", "Version: 99-1")
            if package.name.startswith(OWN):
                (tree / "opt/cni/bin/portmap").write_text("next", encoding="utf-8")
            yield self.packed(tree)

    def assert_files(self, before):
        after = self.node.files()
        self.assertEqual({name: (before.get(name), after.get(name)) for name in {*before, *after} if before.get(name) != after.get(name)}, {})

    def content(self, name):
        return self.node.file(name).read_text(encoding="utf-8", errors="replace")

    def assert_ours(self):
        for name in PLUGINS:
            self.assertIn(f"CNI {name} plugin", self.node.run(f"/opt/cni/bin/{name}").stderr)
        self.assertEqual(self.node.run("dpkg", "--audit").stdout, "")

    def test_installation_puts_every_file_in_its_place_and_keeps_the_other_suites(self):
        theirs = set(self.node.run("dpkg", "--listfiles", "containernetworking-plugins").stdout.split())
        before = self.node.files()
        self.node.install(*self.packages)
        self.assert_ours()
        after = self.node.files()
        for package in OF_PACKAGE:
            self.assertEqual(expected_files(package) - set(after), set())
        self.assertEqual({name for name in theirs if before.get(name) != after.get(name)}, set())
        self.assertEqual((self.content("/opt/cni/replaced/bridge"), self.content("/opt/cni/replaced/ptp")), ("bridge by hand", "ptp 1.0"))
        self.assertEqual(self.content("/opt/cni/bin/other"), "other 1.0")
        self.assertTrue(self.node.file("/run/plumb").is_dir())
        version = re.search(r"\d+\.\d+\.\d+", self.packages[0].name)[0]
        for program in ("cnitool", "plumbd"):
            self.assertIn(version, self.node.run(program, "--version").stdout)
        self.assertEqual(self.node.run("systemctl", "is-enabled", "plumbd", check=False).stdout.strip(), "disabled")

    def test_no_plugin_is_missing_at_any_moment_of_installation_and_upgrade(self):
        for packages in (self.packages, list(self.next_version())):
            trace = self.scratch / "trace"
            for package in packages:
                shutil.copy(package, self.node.root / "tmp")
            world.run("strace", "-f", "-qq", "-s", "200", "-e", "trace=unlink,unlinkat,rename,renameat,renameat2", "-e", "status=successful",
                      "-o", str(trace), "unshare", "--mount", "sh", "-ec", ENTER, str(self.node.root), "dpkg", "--install",
                      *(f"/tmp/{package.name}" for package in packages), timeout=200)
            calls = trace.read_text(encoding="utf-8")
            self.assertRegex(calls, r'rename\("/opt/cni/bin/bridge\.dpkg-new", "/opt/cni/bin/bridge"\)')
            self.assertNotRegex(calls, r'(unlink|rename)\w*\((AT_FDCWD, )?"/opt/cni/bin/[a-z-]+"')

    def test_an_upgrade_replaces_files_and_keeps_what_was_replaced_first(self):
        self.node.install(*self.packages)
        self.node.run("systemctl", "enable", "plumbd")
        self.node.install(*self.next_version())
        self.assertEqual(self.content("/opt/cni/bin/portmap"), "next")
        self.assertEqual(self.content("/opt/cni/replaced/bridge"), "bridge by hand")
        self.assertEqual(self.node.run("systemctl", "is-enabled", "plumbd").stdout.strip(), "enabled")
        self.node.install(self.other_suite("2.0"))
        self.assertEqual((self.content("/opt/cni/replaced/ptp"), self.content("/opt/cni/bin/other")), ("ptp 2.0", "other 2.0"))
        self.assertIn("CNI ptp plugin", self.node.run("/opt/cni/bin/ptp").stderr)
        self.node.run("dpkg", "--purge", *OF_PACKAGE)
        self.assertEqual((self.content("/opt/cni/bin/bridge"), self.content("/opt/cni/bin/ptp")), ("bridge by hand", "ptp 2.0"))

    def test_removal_and_purge_bring_back_the_node_as_it_was(self):
        before = self.node.files()
        self.node.install(*self.packages)
        self.node.file("/var/lib/plumb").mkdir()
        self.node.file("/var/lib/plumb/state").write_text("x", encoding="utf-8")
        self.node.file("/run/plumb/node.json").write_text("{}", encoding="utf-8")
        said = self.node.run("dpkg", "--remove", *OF_PACKAGE).stderr
        self.assertIn("install plumbd again and run: plumbd cleanup", said)
        self.assertTrue(self.node.file("/var/lib/plumb/state").exists())
        self.assertEqual(self.content("/opt/cni/bin/bridge"), "bridge by hand")
        self.node.run("dpkg", "--purge", *OF_PACKAGE)
        self.assert_files(before)
        self.assertNotIn("plumb", self.node.run("dpkg-divert", "--list").stdout)
        self.assertFalse(self.node.file("/opt/cni/replaced").exists())
        self.assertFalse(self.node.file("/var/lib/plumb").exists())

    def test_removal_brings_back_symbolic_links(self):
        links = {"loopback": "several", "tap": "/opt/cni/bin/several", "vlan": "missing"}
        for name, target in links.items():
            os.symlink(target, self.node.file(f"/opt/cni/bin/{name}"))
        self.node.file("/opt/cni/bin/several").write_text("several plugins", encoding="utf-8")
        before = self.node.files()
        self.node.install(*self.packages)
        self.assert_ours()
        self.node.run("dpkg", "--purge", *OF_PACKAGE)
        self.assert_files(before)

    def test_a_downgrade_brings_back_the_plugins_that_end(self):
        before = self.node.files()
        self.node.install(self.with_more_plugins())
        self.assertEqual(self.content("/opt/cni/bin/other"), "other of ours")
        self.node.install(self.packages[0])
        self.assertEqual(self.content("/opt/cni/bin/other"), "other 1.0")
        self.assertNotRegex(self.node.run("dpkg-divert", "--list").stdout, "bin/(other|new) ")
        self.assertIn("CNI ptp plugin", self.node.run("/opt/cni/bin/ptp").stderr)
        self.node.run("dpkg", "--purge", OWN)
        self.assert_files(before)

    def test_a_second_run_completes_one_that_was_killed(self):
        before, killed = self.node.files(), []
        places = [("preinst", number) for number in self.lines("preinst", "divert() {", "}")]
        places += [("postrm", number) for number in self.lines("postrm", "    old=$kept/${path##*/}", "  done")]
        for script, number in places:
            with self.subTest(f"{script}: {number}"):
                package = self.killed_once(script, number)
                shutil.copy(package, self.node.root / "tmp")
                for verb, words in (("--install", f"/tmp/{package.name}"), ("--purge", OWN)):
                    if self.node.run("dpkg", verb, words, check=False).returncode != 0:
                        self.node.run("dpkg", verb, words)
                self.assert_files(before)
                self.assertNotIn("plumb", self.node.run("dpkg-divert", "--list").stdout)
                self.assertEqual(self.node.run("dpkg", "--audit").stdout, "")
                if self.node.file("/tmp/killed").exists():
                    self.node.file("/tmp/killed").rmdir()
                    killed.append(number)
        self.assertGreater(len(killed), 8)

    def test_a_copy_that_was_killed_is_made_again(self):
        """Where the folders lie on two file systems, preinst copies."""
        commands = {name: self.node.file(f"/usr/bin/{name}").read_bytes() for name in ("ln", "cp")}
        before = self.node.files()
        self.node.file("/usr/bin/ln").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        self.node.file("/usr/bin/cp").write_text('#!/bin/sh\nprintf half >"$3"\nkill -9 $PPID\n', encoding="utf-8")
        with self.assertRaises(AssertionError):
            self.node.install(self.packages[0])
        self.node.file("/usr/bin/cp").write_bytes(commands["cp"])
        self.node.install(self.packages[0])
        self.node.file("/usr/bin/ln").write_bytes(commands["ln"])
        self.assertEqual(self.content("/opt/cni/replaced/bridge"), "bridge by hand")
        self.node.run("dpkg", "--purge", OWN)
        self.assert_files(before)

    def test_the_demo_runs_on_the_installed_files(self):
        self.node.install(*self.packages)
        installed = self.scratch / "installed/bin"
        installed.mkdir(parents=True)
        for name in [*(f"/opt/cni/bin/{name}" for name in PLUGINS), "/usr/bin/cnitool", "/usr/sbin/plumbd"]:
            os.symlink(self.node.file(name), installed / pathlib.PurePath(name).name)
        world.run(str(ROOT / "scripts/demo"), "pods", "--build", str(installed.parent), timeout=300)

    def fail_to_install(self, package):
        """Half of the package, as after a download that ended early."""
        broken = self.scratch / "broken.deb"
        whole = package.read_bytes()
        broken.write_bytes(whole[:len(whole) // 2])
        with self.assertRaises(AssertionError) as failed:
            self.node.install(broken)
        self.assertIn("unexpected end", str(failed.exception))

    def test_an_installation_that_fails_leaves_the_other_suites(self):
        before = self.node.files()
        self.fail_to_install(self.packages[0])
        self.assert_files(before)
        self.assertNotIn("plumb", self.node.run("dpkg-divert", "--list").stdout)

    def test_an_upgrade_that_fails_diverts_no_plugin_that_only_the_newer_version_has(self):
        self.node.install(self.packages[0])
        before = self.node.files()
        self.fail_to_install(self.with_more_plugins())
        self.assert_files(before)
        self.assert_ours()
        self.assertNotRegex(self.node.run("dpkg-divert", "--list").stdout, "bin/(other|new) ")


if __name__ == "__main__":
    unittest.main(verbosity=2)
