#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The archives of static programs run where nothing but a busybox is; the SPDX file lists the libraries in them."""
import json
import os
import pathlib
import shutil
import stat
import sys
import tarfile
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from packages import PackageTest, world  # noqa: E402
from lab.installed import PLUGINS, placed  # noqa: E402

DOCUMENTS = {f"/usr/local/share/doc/plumb/{name}" for name in ("CHANGELOG.md", "plumb.spdx.json", "libraries.copyright")}
CONFIG = """{"cniVersion": "1.0.0", "name": "n", "type": "bridge", "bridge": "plumb-tar0", "isGateway": true, "ipMasq": true,
 "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.77.0.0/24"}]]}}"""

ADD_AND_DEL = """/bin/busybox unshare -n /bin/busybox sleep 60 & pod=$!; /bin/busybox sleep 1
    export CNI_CONTAINERID=c CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin CNI_NETNS=/proc/$pod/ns/net
    CNI_COMMAND=ADD /opt/cni/bin/bridge </tmp/bridge.conf && CNI_COMMAND=DEL /opt/cni/bin/bridge </tmp/bridge.conf; code=$?
    /bin/busybox kill $pod; exit $code"""
NEEDS = unittest.skipUnless(os.geteuid() == 0 and shutil.which("busybox"), "needs root and a static busybox")
MOST_MEGABYTES = 6  # of the single file


class TarTest(PackageTest):
    kinds = ("tar", "single", "spdx")

    def setUp(self):
        self.archive, self.single = sorted(self.folder.glob("plumb-*-linux-*.tar.gz"), key=lambda path: "-single" in path.name)

    def entries(self, archive):
        with tarfile.open(archive) as opened:
            self.assertEqual({(entry.uid, entry.gid) for entry in opened}, {(0, 0)})
            return {f"/{entry.name}": entry for entry in opened if not entry.isdir()}

    def test_has_the_static_programs_their_documents_and_examples(self):
        self.assertEqual(set(self.entries(self.archive)), placed("/usr/local", "plugins", "tools", "examples") | DOCUMENTS)

    def test_the_single_file_has_the_name_of_every_plugin_and_at_most_6_MB(self):
        entries = self.entries(self.single)
        programs = {name: entry for name, entry in entries.items() if name.startswith("/opt/")}
        self.assertEqual(set(programs), {f"/opt/cni/bin/{name}" for name in PLUGINS | {"plumb-cni"}})
        self.assertEqual(set(entries) - set(programs), DOCUMENTS | {"/usr/local/share/doc/plumb/LICENSE"})
        files = [entry.size for entry in programs.values() if not entry.islnk()]
        self.assertEqual(len(files), 1)
        print(f"plumb-cni: {files[0] / 1e6:.1f} MB of {MOST_MEGABYTES}", file=sys.stderr)
        self.assertLess(files[0] / 1e6, MOST_MEGABYTES)

    def busybox(self, archive):
        """Unpacks an archive beside a busybox; returns the function that runs a command there, and the folder."""
        root = pathlib.Path(tempfile.mkdtemp(prefix="plumb-busybox-"))
        self.addCleanup(shutil.rmtree, root)
        for folder in ("bin", "proc", "run", "var/lib", "tmp", "etc/cni/net.d", "sys", "dev"):
            (root / folder).mkdir(parents=True)
        os.mknod(root / "dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        shutil.copy(shutil.which("busybox"), root / "bin/busybox")
        shutil.copy(archive, root / "tmp/plumb.tar.gz")
        (root / "tmp/bridge.conf").write_text(CONFIG, encoding="utf-8")

        def inside(*command, **options):
            mounts = 'mount -t proc proc "$0/proc"; mount -t sysfs sysfs "$0/sys"; ip link set lo up; exec chroot "$0" "$@"'
            return world.run("unshare", "--mount", "--net", "sh", "-ec", mounts, str(root), "/bin/busybox", *command, timeout=60, **options)

        inside("tar", "-C", "/", "-xzf", "/tmp/plumb.tar.gz")
        return inside

    def assert_plugins_run(self, inside):
        for name in PLUGINS:
            self.assertIn(f"CNI {name} plugin", inside("env", f"/opt/cni/bin/{name}").stderr)
        self.assertEqual(json.loads(inside("sh", "-c", ADD_AND_DEL).stdout)["ips"][0]["address"], "10.77.0.2/24")

    @NEEDS
    def test_the_programs_run_in_a_bare_busybox(self):
        inside = self.busybox(self.archive)
        self.assert_plugins_run(inside)
        self.assertIn(self.archive.name.split("-")[1], inside("env", "/usr/local/bin/cnitool", "--version").stdout)

    @NEEDS
    def test_the_single_file_runs_in_a_bare_busybox(self):
        inside = self.busybox(self.single)
        self.assert_plugins_run(inside)
        self.assertEqual(set(inside("env", "/opt/cni/bin/plumb-cni", "--list").stdout.split()), PLUGINS)
        refused = inside("env", "/opt/cni/bin/plumb-cni", check=False)
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.assertIn("plumb-cni is not the name of a plugin", refused.stderr)

    def test_packing_twice_gives_the_same_bytes(self):
        self.assert_same_bytes_again()

    def test_the_libraries_are_listed_with_version_and_licence(self):
        found = json.loads(next(self.folder.glob("*.spdx.json")).read_text(encoding="utf-8"))
        self.assertEqual(found["spdxVersion"], "SPDX-2.3")
        libraries = {entry["name"]: entry for entry in found["packages"]}
        self.assertLessEqual({"plumb", "glibc", "libstdc++", "libmnl", "libnftnl", "libmd", "nlohmann-json", "CLI11", "yaml-cpp"}, set(libraries))
        for entry in libraries.values():
            self.assertTrue(entry["versionInfo"] and entry["licenseConcluded"] not in ("", "NOASSERTION"), entry)
        ends = {row[end] for row in found["relationships"] for end in ("spdxElementId", "relatedSpdxElement")}
        self.assertEqual(ends - {"SPDXRef-DOCUMENT"}, {entry["SPDXID"] for entry in found["packages"]})


if __name__ == "__main__":
    unittest.main(verbosity=2)
