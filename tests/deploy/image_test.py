#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The container image in containerd, with the commands, rights and mounts that conf-examples/kubernetes gives its containers.

The node is the test: its network namespace and its folders, which are private copies (lab/world.py). The list of nodes is a file:
Debian has no Kubernetes API server.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import kustomize  # noqa: E402
from lab import world  # noqa: E402
from lab.containerd import Containerd  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERSION = re.search(r"^project\(plumb VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text(), re.M)[1]
CONFIG = """
node: node-a
network: {ranges: [10.244.0.0/16]}
backend: bgp
bgp: {bfd: false}
file: {path: /etc/plumb/nodes}
"""
NODES = """
node-a addresses=192.0.2.1 ranges=10.244.1.0/24
node-b addresses=192.0.2.2 ranges=10.244.2.0/24 backend=vxlan
"""


class Manifest:
    """The DaemonSet of the overlay "bgp", which has every container."""

    def __init__(self):
        things = kustomize.resolve("bgp")
        self.pod = next(thing for thing in things if thing["kind"] == "DaemonSet")["spec"]["template"]["spec"]
        self.containers = {each["name"]: each for each in self.pod["containers"] + self.pod["initContainers"]}

    def mounts_of(self, container):
        volumes = {volume["name"]: volume for volume in self.pod["volumes"]}
        for mount in container["volumeMounts"]:
            volume = volumes[mount["name"]].get("hostPath", {"path": "/etc/plumb", "type": "DirectoryOrCreate"})
            if volume["type"] == "DirectoryOrCreate":
                os.makedirs(volume["path"], exist_ok=True)
            if volume["type"] == "FileOrCreate":
                pathlib.Path(volume["path"]).touch()
            mode = "ro" if mount.get("readOnly") else "rw"
            yield f"--mount=type=bind,src={volume['path']},dst={mount['mountPath']},options=rbind:{mode}"

    def arguments_of(self, name):
        """Options, image and command of `ctr run` for a container of the manifest."""
        container = self.containers[name]
        rights = container["securityContext"]["capabilities"]
        options = ["--net-host", "--read-only", *self.mounts_of(container)]
        # "ctr" starts from its own default set, and does not know "ALL".
        options += [f"--cap-drop=CAP_{right}" for right in DEFAULT_RIGHTS - set(rights.get("add", []))]
        options += [f"--cap-add=CAP_{right}" for right in sorted(set(rights.get("add", [])) - DEFAULT_RIGHTS)]
        if self.pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault":
            options.append("--seccomp")
        return options, container["image"], container["command"]


DEFAULT_RIGHTS = {"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP",
                  "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"}


class ImageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        world.run(str(ROOT / "scripts/image"), "--no-build", "/run/image.tar", timeout=300,
                  env={**os.environ, "PLUMB_BIN": world.plugin_folder()})
        cls.containerd = Containerd()
        cls.containerd.import_image("/run/image.tar")
        cls.manifest = Manifest()
        world.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "switch")
        world.run("ip", "link", "set", "switch", "up")
        world.run("ip", "link", "set", "eth0", "up")
        world.run("ip", "address", "add", "192.0.2.1/24", "dev", "eth0")
        pathlib.Path("/etc/plumb/plumbd.yaml").write_text(CONFIG, encoding="utf-8")
        pathlib.Path("/etc/plumb/nodes").write_text(NODES, encoding="utf-8")

        options, image, own = cls.manifest.arguments_of("install")
        cls.installed = world.run(*cls.containerd.command("run", "--rm", "--snapshotter", "native", "--cgroup",
                                                          f"/{world.cgroup()}/install", *options, image, "install", *own),
                                  timeout=60).stdout.split()

    @classmethod
    def tearDownClass(cls):
        cls.containerd.stop()

    def command(self, name, identity, command=None):
        options, image, own = self.manifest.arguments_of(name)
        return self.containerd.command("run", "--rm", "--snapshotter", "native", "--cgroup", f"/{world.cgroup()}/{identity}", *options,
                                       image, identity, *(command or own))

    def run_to_its_end(self, name, identity, *command):
        return world.run(*self.command(name, identity, command), timeout=60).stdout

    def start(self, name):
        """A container of the manifest, until the end of the test."""
        log = open(f"/run/{name}.log", "wb")
        process = subprocess.Popen(self.command(name, name), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(log.close)
        self.addCleanup(process.wait, 30)
        self.addCleanup(self.containerd.ctr, "task", "kill", "--signal", "SIGKILL", name, check=False)
        return process

    def exec(self, name, *command):
        self.execs = getattr(self, "execs", 0) + 1
        return self.containerd.ctr("task", "exec", "--exec-id", f"exec-{self.execs}", name, *command, check=False).stdout

    def log_of(self, name):
        return pathlib.Path(f"/run/{name}.log").read_text(encoding="utf-8")

    def test_plumbd_prints_its_version(self):
        self.assertIn(VERSION, self.run_to_its_end("plumbd", "version", "plumbd", "version"))

    def test_bird_finds_its_libraries(self):
        done = world.run(*self.command("bird", "bird-version", ["bird", "--version"]), timeout=60)
        self.assertIn("BIRD version 2", done.stdout + done.stderr)

    def test_plumbd_finds_the_library_of_its_http_sources(self):
        log = pathlib.Path("/run/etcd-source.log")
        with log.open("wb") as out:
            process = subprocess.Popen(self.command("plumbd", "etcd-source", ["plumbd", "run", "--set", "source=etcd", "--set", "listen="]),
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.addCleanup(process.wait, 30)
        self.addCleanup(self.containerd.ctr, "task", "kill", "--signal", "SIGKILL", "etcd-source", check=False)
        world.wait_until(lambda: "127.0.0.1:2379" in log.read_text(encoding="utf-8"), "plumbd asks etcd", 30)
        self.assertNotIn("libcurl", log.read_text(encoding="utf-8"))

    def test_the_init_container_installs_plugins_that_run(self):
        folder = pathlib.Path("/opt/cni/bin")
        wanted = {path.parent.name for kind in ("plugins", "ipam") for path in ROOT.glob(f"{kind}/*/CMakeLists.txt")
                  if "cni_plugin(" in path.read_text()}
        # K10: "At night" in docs/operations.md needs cnitool on the node.
        self.assertEqual(set(self.installed), wanted | {"cnitool"})
        self.assertIn("attachments", world.run(str(folder / "cnitool"), "--help").stdout)
        for name in wanted:
            done = world.run(str(folder / name), text='{"cniVersion": "1.0.0"}', env={"CNI_COMMAND": "VERSION"})
            self.assertIn("1.1.0", json.loads(done.stdout)["supportedVersions"], name)

    def test_plumbd_and_bird_serve_a_node_without_privileges(self):
        world.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
        world.run("iptables-legacy", "-P", "FORWARD", "DROP")
        bird = self.start("bird")
        world.wait_until(lambda: "Daemon is up" in self.exec("bird", *self.probe("bird")), "BIRD runs before plumbd did", 30)
        agent = self.start("plumbd")
        world.wait_until(self.is_ready, "plumbd is ready", 30)
        with self.subTest("the tunnel to the node that has one"):
            self.assertIn("10.244.2.0/24", world.run("ip", "route", "show", "proto", "86").stdout)
        with self.subTest("forwarding, although the container's /proc/sys is read-only"):
            self.assertEqual(pathlib.Path("/proc/sys/net/ipv4/ip_forward").read_text(), "1\n")
        with self.subTest("forwarding, although legacy iptables drops"):
            self.assertIn("-A FORWARD -s 10.244.0.0/16", world.run("iptables-legacy", "-S", "FORWARD").stdout)
        with self.subTest("files for the plugins and the kubelet"):
            self.assertIn("FLANNEL_SUBNET=10.244.1.1/24", pathlib.Path("/run/plumb/subnet.env").read_text())
            self.assertTrue(json.loads(pathlib.Path("/etc/cni/net.d/10-plumb.conflist").read_text())["plugins"])
        with self.subTest("a pod gets an address of the node's range"):
            world.run("ip", "netns", "add", "pod")
            result = json.loads(self.cnitool("add", "plumb", "/run/netns/pod"))
            self.assertTrue(result["ips"][0]["address"].startswith("10.244.1."), result)
            self.cnitool("del", "plumb", "/run/netns/pod")
        with self.subTest("BIRD has plumbd's configuration"):
            world.wait_until(lambda: "10.244.1.0/24" in self.exec("bird", "birdcl", "-s", "/run/plumb/bird.ctl", "show", "route"),
                             "BIRD announces the range", 30)
        with self.subTest("status answers in the container"):
            self.assertIn("node-b", self.exec("plumbd", "plumbd", "nodes"))
        with self.subTest("the kubelet's farewell ends BIRD without one to its peers"):
            self.exec("bird", *self.manifest.containers["bird"]["lifecycle"]["preStop"]["exec"]["command"])
            self.assertEqual(bird.wait(30), 0, self.log_of("bird"))
        self.containerd.ctr("task", "kill", "--signal", "SIGTERM", "plumbd")
        with self.subTest("SIGTERM ends plumbd well, and its routes stay"):
            self.assertEqual(agent.wait(30), 0, self.log_of("plumbd"))
            self.assertIn("10.244.2.0/24", world.run("ip", "route", "show", "proto", "86").stdout)
        with self.subTest("the documents' way to remove everything"):
            world.run(*self.documented_removal(), timeout=60)
            self.assertEqual(world.run("ip", "route", "show", "proto", "86").stdout, "")
            self.assertNotIn("table inet plumb", world.run("nft", "list", "tables").stdout.splitlines())
            self.assertFalse(os.path.exists("/etc/cni/net.d/10-plumb.conflist"))
        with self.subTest("K10: also after a reboot, when /run is empty"):
            shutil.rmtree("/run/plumb")
            self.assertIn("nothing was left to remove", world.run(*self.documented_removal(), timeout=60).stdout)

    def cnitool(self, *arguments):
        paths = {"CNI_PATH": "/opt/cni/bin", "NETCONFPATH": "/etc/cni/net.d"}
        return world.run(f"{world.plugin_folder()}/cnitool", *arguments, env={**world.environment(), **paths}).stdout

    def documented_removal(self):
        text = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
        world.run(*re.search(r"^(mkdir -p /run/plumb .*)\nctr ", text, re.M)[1].split())
        words = re.search(r"^ctr -n k8s.io run .*?cleanup$", text, re.M | re.S)[0].replace("\\\n", " ").split()
        return self.containerd.command("run", "--snapshotter", "native", "--cgroup", f"/{world.cgroup()}/removal", *words[4:])

    def probe(self, name, kind="livenessProbe"):
        return self.manifest.containers[name][kind]["exec"]["command"]

    def is_ready(self):
        return self.exec("plumbd", *self.probe("plumbd", "readinessProbe")) == "ok\n"


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
