#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""containerd puts pods on the networks of a real plumbd, which writes its configuration: an overlay, and routed pods."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from containerd_test import Pod as ContainerdPod  # noqa: E402
from containerd_test import containerd_with_image  # noqa: E402
from lab import state, world  # noqa: E402
from outside import HOST, Outside  # noqa: E402
from pod_checks import PodChecks  # noqa: E402

PLUGINS = world.plugin_folder()
CONFIG, CONFLIST = "/etc/plumb/plumbd.yaml", pathlib.Path("/etc/cni/net.d/10-plumb.conflist")
NODE = {"node": "a", "network": {"ranges": ["10.244.0.0/16", "fd00:244::/32"]}, "file": {"path": "/etc/plumb/nodes"}}
NODES = f"""a addresses={HOST[4]},{HOST[6]} ranges=10.244.1.0/24,fd00:244:1::/64
b addresses=192.0.2.7,2001:db8:ff::7 ranges=10.244.2.0/24,fd00:244:2::/64
"""


class Pod(ContainerdPod):
    gateways = {}

    def gateway(self, family):
        return self.gateways[family]


class Plumbd:
    def __init__(self, backend):
        pathlib.Path("/etc/plumb/nodes").write_text(NODES, encoding="utf-8")
        pathlib.Path(CONFIG).write_text(json.dumps({**NODE, "backend": backend}), encoding="utf-8")
        self.start()

    def start(self):
        self.process = subprocess.Popen([f"{PLUGINS}/plumbd", "run", "--config", CONFIG], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=world.environment())
        world.wait_until(self.is_ready, "plumbd is ready")

    def is_ready(self):
        self.process.poll()
        return self.command("status", "--probe", "ready", check=False).returncode == 0 and CONFLIST.exists()

    def command(self, *words, **options):
        return world.run(f"{PLUGINS}/plumbd", *words, "--config", CONFIG, env=world.environment(), **options)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def remove(self):
        self.process.terminate()
        self.process.wait(20)
        self.command("cleanup")
        CONFLIST.unlink(missing_ok=True)


class Checks(PodChecks):
    """Two pods on the network of a plumbd with BACKEND."""
    families = (4, 6)

    @classmethod
    def setUpClass(cls):
        Pod.gateways = cls.GATEWAYS
        cls.plumbd = Plumbd(cls.BACKEND)
        cls.containerd = containerd_with_image()
        # The first pod makes the shared objects. Its name cannot be used again while runc keeps its state.
        Pod(cls.containerd, f"warm-up-{cls.BACKEND}").remove()
        cls.before = state.snapshot()
        cls.a = Pod(cls.containerd, "a")
        cls.b = Pod(cls.containerd, "b")

    @classmethod
    def tearDownClass(cls):
        cls.containerd.stop()
        cls.plumbd.remove()

    def test_pods_come_and_go_while_plumbd_is_dead(self):
        self.plumbd.kill()
        pod = Pod(self.containerd, "late")
        self.assertIn(" 0% packet loss", pod.exec("ping", "-c", "1", "-W", "5", self.b.address(4)))
        pod.remove()
        self.plumbd.start()


class VxlanTest(Checks, unittest.TestCase):
    BACKEND, GATEWAYS = "vxlan", {4: "10.244.1.1", 6: "fd00:244:1::1"}


class BgpTest(Checks, unittest.TestCase):
    # 169.254.1.1 answers only ARP.
    BACKEND, GATEWAYS = "bgp", {4: HOST[4], 6: "fe80::1%eth0"}


def install():
    os.makedirs("/opt/cni/bin", exist_ok=True)
    for plugin in ("loopback", "vxlan", "bgp", "host-local", "portmap"):
        shutil.copy(f"{PLUGINS}/{plugin}", "/opt/cni/bin/")
    CONFLIST.parent.mkdir(parents=True, exist_ok=True)


if __name__ == "__main__":
    world.enter()
    install()
    UPLINK = Outside()
    unittest.main(verbosity=2)
