#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""podman with its CNI backend: pods on a dual-stack, masqueraded bridge with published ports."""
import json
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import image  # noqa: E402
import outside  # noqa: E402
from lab import state, world  # noqa: E402
from pod_checks import PodChecks, fetch  # noqa: E402

PLUGINS = world.plugin_folder()
NETWORK = {
    "cniVersion": "0.4.0",
    "name": "e2e",
    "plugins": [
        {"type": "bridge", "bridge": "cni1", "isGateway": True, "ipMasq": True, "hairpinMode": True,
         "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.89.0.0/24"}], [{"subnet": "fd00:89::/64"}]],
                  "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}},
        {"type": "portmap", "capabilities": {"portMappings": True}}, {"type": "firewall"}, {"type": "tuning"}],
}
CONFIG = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
[network]
network_backend = "cni"
cni_plugin_dirs = ["{plugins}"]
network_config_dir = "{folder}/net.d"
default_network = "e2e"
"""
TCP_PORT, UDP_PORT = 18080, 18053
UDP_ECHO = """
import socket
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server:
    server.bind(("::", 53))
    while True:
        server.sendto(*server.recvfrom(100))
"""
UDP_ASK = """
import socket, sys
target = socket.getaddrinfo(sys.argv[1], int(sys.argv[2]), type=socket.SOCK_DGRAM)[0]
with socket.socket(target[0], socket.SOCK_DGRAM) as client:
    client.settimeout(1)
    client.connect(target[4])
    client.send(b"over-udp")
    print(client.recv(100).decode())
"""


class Podman:
    def __init__(self):
        self.folder = tempfile.mkdtemp(dir="/run")
        pathlib.Path(self.folder, "net.d").mkdir()
        pathlib.Path(self.folder, "net.d/e2e.conflist").write_text(json.dumps(NETWORK), encoding="utf-8")
        config = pathlib.Path(self.folder, "containers.conf")
        config.write_text(CONFIG.format(folder=self.folder, plugins=PLUGINS), encoding="utf-8")
        self.env = {**os.environ, "CONTAINERS_CONF": str(config), "TMPDIR": self.folder}
        image.write(f"{self.folder}/image.tar")
        self("load", "-q", "-i", f"{self.folder}/image.tar", timeout=120)

    def __call__(self, *arguments, timeout=60, **options):
        return world.run("podman", "--storage-driver", "vfs", "--root", f"{self.folder}/root", "--runroot", f"{self.folder}/run",
                         *arguments, timeout=timeout, env=self.env, **options)


class Pod:
    def __init__(self, podman, name, *options):
        self.podman, self.name = podman, name
        self.podman("run", "-d", "--name", name, "--network", "e2e", "--cgroup-parent", f"/{world.cgroup()}", *options, image.NAME, "httpd", "-f", "-h", "/www")

    def exec(self, *command):
        done = self.podman("exec", self.name, *command, check=False)
        return done.stdout + done.stderr

    def pid(self):
        return self.podman("inspect", "-f", "{{.State.Pid}}", self.name).stdout.strip()

    def _network(self):
        return json.loads(self.podman("inspect", self.name).stdout)[0]["NetworkSettings"]["Networks"]["e2e"]

    def address(self, family):
        return self._network()["IPAddress" if family == 4 else "GlobalIPv6Address"]

    def gateway(self, family):
        return self._network()["Gateway" if family == 4 else "IPv6Gateway"]

    def remove(self):
        self.podman("rm", "-f", "-t", "0", self.name)


class PodmanTest(PodChecks, unittest.TestCase):
    families = (4, 6)

    @classmethod
    def setUpClass(cls):
        cls.outside = outside.Outside()
        cls.podman = Podman()
        # The first pod makes the shared objects: bridge, gateway addresses, tables.
        Pod(cls.podman, "warm-up", "-p", "18079:80").remove()
        cls.before = state.snapshot()
        cls.a = Pod(cls.podman, "a", "-p", f"{TCP_PORT}:80", "-p", f"{UDP_PORT}:53/udp")
        cls.b = Pod(cls.podman, "b")

    def expect_page(self, where, read):
        with self.subTest(seen_from=where):
            world.wait_until(lambda: read() == image.PAGE, f"the published page, seen from {where}")

    def test_published_port_answers_from_host_and_outside(self):
        self.expect_page("the host, loopback", lambda: fetch("127.0.0.1", TCP_PORT))
        for family in self.families:
            host = outside.HOST[family]
            url = f"http://{f'[{host}]' if family == 6 else host}:{TCP_PORT}/"
            self.expect_page(f"the host, own IPv{family} address", lambda address=host: fetch(address, TCP_PORT))
            self.expect_page(f"outside, IPv{family}",
                             lambda url=url: self.outside.run("curl", "-sgm", "5", "--noproxy", "*", url, check=False).stdout)

    def test_published_port_answers_from_pods(self):
        """From a neighbour and from the pod itself, whose packets turn around on the bridge."""
        for pod in (self.a, self.b):
            for family in self.families:
                host = outside.HOST[family]
                url = f"http://{f'[{host}]' if family == 6 else host}:{TCP_PORT}/"
                self.expect_page(f"pod {pod.name}, IPv{family}", lambda pod=pod, url=url: pod.exec("timeout", "5", "wget", "-qO-", url))

    def test_published_udp_port_answers(self):
        with self.serve_in(self.a, UDP_ECHO):
            for family in self.families:
                ask = [sys.executable, "-c", UDP_ASK, outside.HOST[family], str(UDP_PORT)]
                with self.subTest(family=family):
                    world.wait_until(lambda ask=ask: "over-udp" in self.outside.run(*ask, check=False).stdout,
                                     "the echo of a datagram from outside")


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
