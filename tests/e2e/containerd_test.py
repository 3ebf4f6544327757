#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""containerd puts pods on the network: `ctr run --cni` with a dual-stack, masqueraded bridge."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import image  # noqa: E402
from lab import state, world  # noqa: E402
from lab.containerd import Containerd  # noqa: E402
from outside import Outside  # noqa: E402
from pod_checks import PodChecks  # noqa: E402

PLUGINS = world.plugin_folder()
NETWORK = {
    "cniVersion": "1.0.0",
    "name": "e2e",
    "plugins": [{
        "type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.0.0/24"}], [{"subnet": "fd00:88::/64"}]],
                 "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}}],
}


def containerd_with_image():
    containerd = Containerd()
    image.write(f"{containerd.folder}/image.tar")
    containerd.import_image(f"{containerd.folder}/image.tar")
    return containerd


class Pod:
    def __init__(self, containerd, name):
        self.containerd, self.name, self.execs = containerd, name, 0
        self.log = open(f"{containerd.folder}/{name}.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            containerd.command("run", "--rm", "--cni", "--snapshotter", "native", "--cgroup", f"/{world.cgroup()}/{name}",
                               image.NAME, name, "httpd", "-f", "-h", "/www"),
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        world.wait_until(self.is_up, f"pod {name} runs")

    def is_up(self):
        if self.process.poll() is not None:
            self.log.seek(0)
            raise AssertionError(f"ctr run {self.name} ended: {self.log.read().strip()}")
        return self.task()[2:] == ["RUNNING"]

    def task(self):
        """[name, pid, state], empty before there is one."""
        rows = [line.split() for line in self.containerd.ctr("task", "ls").stdout.splitlines()]
        return next((row for row in rows if row[0] == self.name), [])

    def pid(self):
        return self.task()[1]

    def exec(self, *command):
        self.execs += 1
        done = self.containerd.ctr("task", "exec", "--exec-id", f"{self.name}-{self.execs}", self.name, *command, check=False)
        return done.stdout + done.stderr

    def address(self, family):
        shown = self.exec("ip", f"-{family}", "address", "show", "eth0")
        for line in shown.splitlines():
            words = line.split()
            if words[:1] in (["inet"], ["inet6"]) and "global" in words:
                return words[1].partition("/")[0]
        raise AssertionError(f"pod {self.name} has no IPv{family} address: {shown!r}")

    def gateway(self, family):
        return {4: "10.88.0.1", 6: "fd00:88::1"}[family]

    def remove(self):
        """Ends the pod's process; `ctr run --rm` then takes it off the network and ends itself."""
        if self.process.poll() is None:
            self.containerd.ctr("task", "kill", "--signal", "SIGKILL", self.name, check=False)
        self.process.wait(30)
        self.log.close()


class ContainerdTest(PodChecks, unittest.TestCase):
    families = (4, 6)

    @classmethod
    def setUpClass(cls):
        cls.outside = Outside()
        cls.containerd = containerd_with_image()
        # The first pod makes the shared objects: bridge, gateway addresses, tables.
        Pod(cls.containerd, "warm-up").remove()
        cls.before = state.snapshot()
        cls.a = Pod(cls.containerd, "a")
        cls.b = Pod(cls.containerd, "b")

    @classmethod
    def tearDownClass(cls):
        cls.containerd.stop()


def install():
    os.makedirs("/opt/cni/bin", exist_ok=True)
    for plugin in ("loopback", "bridge", "host-local", "portmap"):
        shutil.copy(f"{PLUGINS}/{plugin}", "/opt/cni/bin/")
    pathlib.Path("/etc/cni/net.d").mkdir(parents=True)
    pathlib.Path("/etc/cni/net.d/10-e2e.conflist").write_text(json.dumps(NETWORK), encoding="utf-8")


if __name__ == "__main__":
    world.enter()
    install()
    unittest.main(verbosity=2)
