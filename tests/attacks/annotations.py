# SPDX-License-Identifier: Apache-2.0
"""plumbd on node n1 of a Kubernetes cluster, one of whose nodes lies in the annotations of its own Node.

An API server lets a kubelet's credential change that kubelet's own Node, and no other one: so does Cluster.lie().
"""
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("", "agent")]
import machine  # noqa: E402

TESTS = pathlib.Path(__file__).resolve().parents[1]
machine.PLUMBD = os.path.join(os.environ["PLUMB_BUILD_BIN"], "plumbd")
wait_until = machine.wait_until
HONEST, LIAR_RANGE, LIAR_ADDRESS = ("n1", "n2", "n3"), "10.244.66.0/24", "192.0.2.66"
TOKEN = "a-token-that-no-line-has"
NODE_FILE = "".join(f"n{i} addresses=192.0.2.{i} ranges=10.244.{i}.0/24\n" for i in (1, 2, 3))


class Cluster:
    """Three honest nodes and `liar`, whose name decides where it sorts and `first` whether its Node is the oldest."""

    def __init__(self, liar="liar", first=False, backend="vxlan"):
        self.liar, self.backend, self.server = liar, backend, None
        self.machine = machine.Machine()
        lie = f"{liar} addresses={LIAR_ADDRESS} ranges={LIAR_RANGE}\n"
        self.list = self.machine.folder / "list"
        self.list.write_text(lie + NODE_FILE if first else NODE_FILE + lie, encoding="utf-8")

    def start(self):
        self.server = subprocess.Popen(["ip", "netns", "exec", self.machine.name, str(TESTS / "agent_api/many_nodes.py"), "--list", self.list,
                                        "--size", "1000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{json.loads(self.server.stdout.readline())['port']}"
        kubeconfig = self.machine.folder / "kubeconfig"
        kubeconfig.touch(0o600)
        kubeconfig.write_text(json.dumps({
            "clusters": [{"name": "a", "cluster": {"server": self.url}}], "users": [{"name": "a", "user": {"token": TOKEN}}],
            "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}], "current-context": "a"}), encoding="utf-8")
        self.machine.configure(f"source: kubernetes\nkubernetes: {{kubeconfig: {kubeconfig}}}\nbackend: {self.backend}")
        self.machine.start()

    def lie(self, **annotations):
        """Patches the liar's own Node; `_` stands for `-` in a key."""
        body = json.dumps({"metadata": {"annotations": {f"plumb.io/{key.replace('_', '-')}": value for key, value in annotations.items()}}})
        send = "import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1], sys.stdin.buffer.read(), method='PATCH'), timeout=10).read()"
        subprocess.run(["ip", "netns", "exec", self.machine.name, sys.executable, "-c", send, f"{self.url}/api/v1/nodes/{self.liar}/status"],
                       input=body.encode(), check=True, timeout=30)

    def restart(self, with_cache):
        self.machine.stop()
        if not with_cache:
            for name in ("snapshot.json", "node.json"):
                (self.machine.folder / "state" / name).unlink(missing_ok=True)
        self.machine.start()

    def problems(self):
        return [line for each in self.machine.status()["conditions"] for line in each["lines"]]

    def wait_problem(self, *words):
        wait_until(lambda: any(all(word in line for word in words) for line in self.problems()), f"{words} in {self.problems()}")

    def remote_of(self, address):
        """The node that packets to a pod's address are tunnelled to; None without a route by plumbd."""
        route = json.loads(self.machine.run("ip", "-j", "route", "get", address, check=False).stdout or "[{}]")[0]
        if route.get("dev") != "plumb-vxlan":
            return None
        neighbors = json.loads(self.machine.ip("-j", "neighbor", "show", "dev", "plumb-vxlan"))
        mac = next(each["lladdr"] for each in neighbors if each["dst"] == route["gateway"])
        fdb = json.loads(self.machine.run("bridge", "-j", "fdb", "show", "dev", "plumb-vxlan").stdout)
        return next(each["dst"] for each in fdb if each["mac"] == mac and "dst" in each)

    def close(self):
        if self.server:
            self.server.kill()
            self.server.communicate()
        self.machine.close()


class AnnotationTest(unittest.TestCase):
    def cluster(self, **options):
        cluster = Cluster(**options)
        self.addCleanup(cluster.close)
        return cluster

    def assert_honest_nodes_unharmed(self, cluster):
        self.assertTrue(cluster.machine.status()["ready"])
        for number in (2, 3):
            self.assertEqual(f"192.0.2.{number}", cluster.remote_of(f"10.244.{number}.7"), cluster.machine.routes())
