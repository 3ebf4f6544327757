# SPDX-License-Identifier: Apache-2.0
"""Nodes that speak BGP, as namespaces on one switch: a real BIRD in each, driven by the agent's BGP part."""
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lab import world  # pylint: disable=wrong-import-position

NODE = os.environ.get("PLUMB_BGP_NODE", str(pathlib.Path(__file__).resolve().parents[2] / "build/dev/tests/bgp_node"))
BIRD = "/usr/sbin/bird"
CLUSTER = ["10.244.0.0/15", "fd00:244::/48"]


class Switch:
    """One link that all nodes are on."""

    def __init__(self, name="switch"):
        self.space = world.Namespace(name)
        self.space.run("ip", "link", "add", "br0", "type", "bridge")
        self.space.run("ip", "link", "set", "br0", "up")

    def plug(self, space, *addresses, device="eth0"):
        port = f"p-{space.name}"
        self.space.run("ip", "link", "add", port, "type", "veth", "peer", "name", device, "netns", space.path)
        self.space.run("ip", "link", "set", port, "master", "br0", "up")
        space.run("sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
                  f"net.ipv6.conf.{device}.accept_dad=0", "net.ipv4.ip_forward=1")
        space.run("ip", "link", "set", device, "up")
        for address in addresses:
            space.run("ip", "address", "add", address, "dev", device)


class Node:
    """A machine of the cluster: number n is n<number>, 192.0.2.n and fd00:a::n, with pods in 10.244.n.0/24 and so on."""

    def __init__(self, switch, number, families="46"):
        self.number, self.families = number, families
        self.name = f"n{number}"
        self.space = world.Namespace(self.name)
        self.folder = pathlib.Path(f"/run/bgp/{self.name}")
        self.folder.mkdir(parents=True)
        self.v4, self.v6 = f"192.0.{2 + number // 250}.{number % 250}", f"fd00:a::{number:x}"
        switch.plug(self.space, *([f"{self.v4}/16"] if "4" in families else []), *([f"{self.v6}/64"] if "6" in families else []))
        # Neighbours on one link prefer it as the next hop of IPv6 routes.
        self.link_local = world.wait_until(self._find_link_local, "link-local address")
        self.range4, self.range6 = f"10.{244 + number // 256}.{number % 256}.0/24", f"fd00:244:0:{number:x}::/64"
        self.labels = {}
        self.bird = self.agent = self.listener = None
        self.log = (self.folder / "bird.log").open("a", encoding="utf-8")
        self.answers = queue.Queue()

    def _find_link_local(self):
        text = self.space.run("ip", "-6", "address", "show", "dev", "eth0", "scope", "link").stdout
        found = re.search(r"inet6 (\S+)/64", text)
        return found and found[1]

    def record(self, **changes):
        """This node as in the list of nodes."""
        pick = {"4": (self.v4, self.range4), "6": (self.v6, self.range6)}
        return {"name": self.name, "addresses": [pick[family][0] for family in self.families],
                "ranges": [pick[family][1] for family in self.families], "labels": self.labels, **changes}

    def config(self, **bgp):
        return {"node": self.name, "backend": "bgp", "network": {"ranges": CLUSTER},
                "bgp": {"birdConfig": str(self.folder / "bird.conf"), "birdSocket": str(self.folder / "bird.ctl"), **bgp}}

    # The agent's BGP part.

    def start_agent(self):
        self.agent = subprocess.Popen(["nsenter", f"--net={self.space.path}", NODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, bufsize=1)
        self.listener = threading.Thread(target=self._listen, args=(self.agent.stdout,), daemon=True)
        self.listener.start()

    def _listen(self, stream):
        for line in stream:
            self.answers.put(json.loads(line))

    def kill_agent(self):
        self.agent.kill()
        self.agent.wait()
        self.listener.join()
        self.agent.stdin.close()
        self.agent.stdout.close()
        self.agent = None

    def ask(self, request, seconds=30):
        self.agent.stdin.write(json.dumps(request) + "\n")
        return self.answers.get(timeout=seconds)

    def apply(self, nodes, services=(), **bgp):
        """Returns an error, or an empty text."""
        if self.agent is None:
            self.start_agent()
        return self.ask(self.request(nodes, services, **bgp))["applied"]

    def request(self, nodes, services=(), **bgp):
        records = [node.record() if isinstance(node, Node) else node for node in nodes]
        return {"config": self.config(**bgp), "nodes": {"nodes": records}, "services": list(services)}

    def status(self):
        return self.ask({"status": True})

    # BIRD.

    def start_bird(self, *options):
        (self.folder / "bird.ctl").unlink(missing_ok=True)
        self.bird = self.space.start(BIRD, "-f", "-c", str(self.folder / "bird.conf"), "-s", str(self.folder / "bird.ctl"),
                                     *options, stderr=self.log)

    def kill_bird(self):
        self.bird.send_signal(signal.SIGKILL)
        self.bird.wait()
        self.bird = None

    def birdc(self, *command):
        return world.run("birdc", "-s", str(self.folder / "bird.ctl"), *command).stdout

    def bird_ready(self):
        return (self.folder / "bird.ctl").exists() and self.bird.poll() is None

    def sessions(self):
        """The start of each established session of BIRD, by name."""
        found = re.findall(r"^(\S+)\s+BGP\s+\S+\s+up\s+(\S+ \S+)\s+Established", self.birdc("show", "protocols"), re.M)
        return dict(found)

    def routes(self):
        """BIRD's routes in the kernel: destination to next hop."""
        out = {}
        for family in ("-4", "-6"):
            text = self.space.run("ip", family, "route", "show", "proto", "bird").stdout
            for line in text.splitlines():
                words = line.split()
                known = words[0] in ("unreachable", "blackhole")
                via = re.search(r"via (?:inet6 )?(\S+)", line)
                out[words[known]] = words[0] if known else via[1] if via else "link"
        return out

    def start_monitor(self):
        return self.space.start("ip", "monitor", "route", stdout=subprocess.PIPE, text=True)

    def unplug(self):
        """Power off, without an orderly end of any program."""
        self.space.run("ip", "link", "set", "eth0", "down")

    def close(self):
        if self.bird:
            self.kill_bird()
        if self.agent:
            self.kill_agent()
        self.log.close()
        self.space.remove()


class Router:
    """A machine outside the cluster, on the same link."""

    def __init__(self, switch, name, *addresses):
        self.name = name
        self.space = world.Namespace(name)
        self.folder = pathlib.Path(f"/run/bgp/{name}")
        self.folder.mkdir(parents=True)
        switch.plug(self.space, *addresses)
        self.started = []
        self.log = (self.folder / "log").open("a", encoding="utf-8")

    def file(self, name, text, mode=0o644):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return str(path)

    def start(self, *command):
        self.started.append(self.space.start(*command, stdout=self.log, stderr=self.log))

    def close(self):
        for process in self.started:
            process.kill()
            process.wait()
        self.log.close()
        self.space.remove()

    def start_bird(self, text):
        self.start(BIRD, "-f", "-c", self.file("bird.conf", text), "-s", str(self.folder / "bird.ctl"))

    def birdc(self, *command):
        return world.run("birdc", "-s", str(self.folder / "bird.ctl"), *command).stdout


def start(nodes, cluster=None, **bgp):
    """Writes every node's configuration and starts every BIRD; returns when that was."""
    for node in nodes:
        node.apply(cluster or nodes, **bgp)
    started = time.monotonic()
    for node in nodes:
        node.start_bird()
    return started


def expected(node, others):
    """The routes of a node that knows all others."""
    out = {}
    for other in others:
        if other is not node:
            if "4" in other.families:
                out[other.range4] = other.v4
            if "6" in other.families:
                out[other.range6] = other.link_local
    return out


def wait_converged(nodes, seconds=20):
    for node in nodes:
        wanted = expected(node, nodes)
        try:
            world.wait_until(lambda node=node, wanted=wanted: node.routes() == wanted, f"routes of {node.name}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: {node.routes()}, not {wanted}") from None


class Lab:
    """The switch of one test and all that is on it."""

    def __init__(self, test):
        self.switch, self.nodes, self.routers = None, [], []
        test.addCleanup(self.close)
        self.switch = Switch()

    def add_nodes(self, numbers, families="46"):
        for number in numbers:
            self.nodes.append(Node(self.switch, number, families))
        return self.nodes

    def add_router(self, name, *addresses):
        self.routers.append(Router(self.switch, name, *addresses))
        return self.routers[-1]

    def close(self):
        for machine in [*self.nodes, *self.routers]:
            machine.close()
        if self.switch:
            self.switch.space.remove()
        world.run("rm", "-rf", "/run/bgp")
