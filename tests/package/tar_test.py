#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The archive of static programs runs where nothing but a busybox is; the SPDX file lists the libraries in them."""
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


class TarTest(PackageTest):
    kinds = ("tar", "spdx")

    def setUp(self):
        self.archive = next(self.folder.glob("plumb-*-linux-*.tar.gz"))

    def test_has_the_static_programs_their_documents_and_examples(self):
        with tarfile.open(self.archive) as archive:
            files = {f"/{entry.name}" for entry in archive if not entry.isdir()}
            self.assertEqual({(entry.uid, entry.gid) for entry in archive}, {(0, 0)})
        self.assertEqual(files, placed("/usr/local", "plugins", "tools", "examples") | DOCUMENTS)

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("busybox"), "needs root and a static busybox")
    def test_the_programs_run_in_a_bare_busybox(self):
        root = pathlib.Path(tempfile.mkdtemp(prefix="plumb-busybox-"))
        self.addCleanup(shutil.rmtree, root)
        for folder in ("bin", "proc", "run", "var/lib", "tmp", "etc/cni/net.d", "sys", "dev"):
            (root / folder).mkdir(parents=True)
        os.mknod(root / "dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        shutil.copy(shutil.which("busybox"), root / "bin/busybox")
        shutil.copy(self.archive, root / "tmp/plumb.tar.gz")

        def inside(*command, **options):
            mounts = 'mount -t proc proc "$0/proc"; mount -t sysfs sysfs "$0/sys"; ip link set lo up; exec chroot "$0" "$@"'
            return world.run("unshare", "--mount", "--net", "sh", "-ec", mounts, str(root), "/bin/busybox", *command, timeout=60, **options)

        inside("tar", "-C", "/", "-xzf", "/tmp/plumb.tar.gz")
        for name in PLUGINS:
            self.assertIn(f"CNI {name} plugin", inside("env", f"/opt/cni/bin/{name}").stderr)
        version = self.archive.name.split("-")[1]
        self.assertIn(version, inside("env", "/usr/local/bin/cnitool", "--version").stdout)
        (root / "tmp/bridge.conf").write_text(CONFIG, encoding="utf-8")
        call = "export CNI_CONTAINERID=c CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin CNI_NETNS=/proc/1/ns/net; CNI_COMMAND=ADD /opt/cni/bin/bridge"
        script = f"""/bin/busybox unshare -n /bin/busybox sleep 60 & pod=$!; /bin/busybox sleep 1
            {call.replace('/proc/1/', '/proc/$pod/')} </tmp/bridge.conf && CNI_COMMAND=DEL /opt/cni/bin/bridge </tmp/bridge.conf; code=$?
            /bin/busybox kill $pod; exit $code"""
        result = json.loads(inside("sh", "-c", script).stdout)
        self.assertEqual(result["ips"][0]["address"], "10.77.0.2/24")

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
