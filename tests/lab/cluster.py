# SPDX-License-Identifier: Apache-2.0
"""Machines as namespaces: nodes on one or two subnets that a router joins, and a network beyond it."""
import contextlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from lab import world
from lab.cluster_traffic import Ask, Endpoint, Wire, inside
from lab.world import run, wait_until

OUTSIDE = {4: "192.0.2.2", 6: "2001:db8:ff::2"}
LENGTH = {4: 24, 6: 64}
RANGES = {4: ("10.244.{}.0/24", "10.244.0.0/16"), 6: ("fd00:244:{:x}::/64", "fd00:244::/32")}
# Folders at fixed places of a machine; each node has its own in its mount namespace.
OWN_FOLDERS = ("/run/plumb", "/var/lib/plumb", "/var/lib/cni", "/run/cni", "/etc/cni/net.d", "/etc/plumb")
LOST_ON_REBOOT = ("/run/plumb", "/run/cni")
CONFIG, HEALTH = "/etc/plumb/plumbd.yaml", 9474
# plumbd takes every PLUMB_... for a key of its configuration.
ENVIRONMENT = {"PATH": os.environ["PATH"]}
_numbers = itertools.count(1)


def underlay_address(subnet, number, family):
    return f"10.0.{subnet}.{number}" if family == 4 else f"fd00:0:0:{subnet}::{number:x}"


def gateway(subnet, family):
    return underlay_address(subnet, 254, family)


class Underlay:
    """Two switched subnets, the router between them, and a machine outside without a route to pods."""

    def __init__(self, families=(4, 6), mtu=1500, length=24):
        """`length` is that of the first subnet's IPv4 prefix."""
        self.families, self.mtu, self.lengths = families, mtu, {4: length, 6: 64}
        self.router = world.Namespace(f"underlay-{next(_numbers)}")
        self.router.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv6.conf.all.accept_dad=0",
                        "net.ipv6.conf.default.accept_dad=0")
        for subnet in (1, 2)[:1 if length < 24 else 2]:
            # A bridge without a MAC address of its own changes it when a port comes, and its neighbours would have the old one.
            self.router.run("ip", "link", "add", f"br{subnet}", "mtu", str(mtu), "address", f"02:00:00:00:fe:0{subnet}", "type", "bridge")
            self.router.run("ip", "link", "set", f"br{subnet}", "up")
            for family in (4, 6):
                self.router.run("ip", "address", "add", f"{gateway(subnet, family)}/{self.lengths[family]}", "dev", f"br{subnet}")
        self.outside = world.Namespace(f"outside-{next(_numbers)}")
        self.router.run("ip", "link", "add", "beyond", "type", "veth", "peer", "name", "eth0", "netns", self.outside.name)
        for namespace, link, last in ((self.router, "beyond", 1), (self.outside, "eth0", 2)):
            namespace.run("ip", "link", "set", link, "up")
            for family, network in ((4, "192.0.2."), (6, "2001:db8:ff::")):
                namespace.run("ip", "address", "add", f"{network}{last}/{LENGTH[family]}", "dev", link,
                              *(["nodad"] if family == 6 else []))
        self.outside.run("ip", "route", "add", "10.0.0.0/16", "via", "192.0.2.1")
        self.outside.run("ip", "route", "add", "fd00:0:0::/56", "via", "2001:db8:ff::1")

    def connect(self, node, link="eth0"):
        """A cable from the node to its switch, the node's addresses and its default routes."""
        port = f"port-{node.name}"
        self.router.run("ip", "link", "add", port, "mtu", str(self.mtu), "type", "veth", "peer", "name", link, "netns",
                        node.namespace.name, "mtu", str(self.mtu), "address", f"02:00:00:00:0{node.subnet}:{node.number:02x}")
        self.router.run("ip", "link", "set", port, "master", f"br{node.subnet}", "up")
        node.address_link(link)

    def disconnect(self, node):
        self.router.run("ip", "link", "del", f"port-{node.name}")

    def remove(self):
        self.router.remove()
        self.outside.remove()


class Pod:
    """A network namespace that the node's configuration connects."""

    def __init__(self, node, name):
        self.node, self.name = node, name
        self.namespace = world.Namespace(f"{node.name}-{name}-{next(_numbers)}")
        self.path, self.addresses, self.mtu = self.namespace.path, {}, 0

    def add(self, network="plumb"):
        result = json.loads(self.node.cnitool("add", network, self.path).stdout)
        for each in result["ips"]:
            address = each["address"].partition("/")[0]
            self.addresses[6 if ":" in address else 4] = address
        self.mtu = world.run_json("ip", "-n", self.namespace.name, "-j", "link", "show", "eth0")[0]["mtu"]
        return self

    def delete(self, network="plumb"):
        self.node.cnitool("del", network, self.path)

    def endpoint(self):
        return Endpoint(f"{self.node.name}/{self.name}", self.path, self.addresses)


class Node:
    """A machine: its network and mount namespaces, its folders, plumbd and pods."""

    def __init__(self, cluster, number, subnet=1):
        self.cluster, self.number, self.subnet, self.name = cluster, number, subnet, f"n{number}"
        self.addresses = {family: underlay_address(subnet, number, family) for family in cluster.underlay.families}
        self.ranges = {family: RANGES[family][0].format(number) for family in cluster.pod_families}
        self.folder = pathlib.Path(cluster.folder, self.name)
        self.config, self.words, self.pods, self.plumbd, self.bird = {}, {}, [], None, None
        for folder in OWN_FOLDERS:
            self.path(folder).mkdir(parents=True)
            os.makedirs(folder, exist_ok=True)  # of the world; the node's is mounted here
        self._boot()

    def path(self, inside_path):
        """A file of the node as the test sees it."""
        return self.folder / inside_path.lstrip("/")

    def _boot(self):
        self.namespace = world.Namespace(f"{self.name}-{next(_numbers)}")
        self.namespace.run("sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
                           "net.ipv6.conf.default.accept_ra=0")
        # Held by a process: to be held by a file, a mount namespace must be younger than that of the file, and 6.18 numbers them per CPU.
        binds = "".join(f"mount --bind {self.path(folder)} {folder}\n" for folder in OWN_FOLDERS)
        self.mounts = subprocess.Popen(["unshare", "--mount", "--propagation", "unchanged", "sh", "-ec", f"{binds}echo ready; exec sleep infinity"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.mounts.stdout.readline() != "ready\n":
            raise AssertionError(f"{self.name}: no mount namespace")
        self.enter = ("nsenter", f"--net={self.namespace.path}", f"--mount=/proc/{self.mounts.pid}/ns/mnt")
        self.cluster.underlay.connect(self)

    def address_link(self, link):
        self.namespace.run("ip", "link", "set", link, "up")
        for family, address in self.addresses.items():
            self.namespace.run("ip", "address", "replace", f"{address}/{self.cluster.underlay.lengths[family]}", "dev", link)
            self.namespace.run("ip", "route", "replace", "default", "via", gateway(self.subnet, family))

    def run(self, *command, **options):
        return run(*self.enter, *command, **options)

    def start(self, *command, **options):
        return subprocess.Popen([*self.enter, *command], **{"stdin": subprocess.DEVNULL, **options})

    def line(self):
        """The node's line of the nodes file."""
        words = {"addresses": ",".join(self.addresses.values()), "ranges": ",".join(self.ranges.values()), **self.words}
        return " ".join([self.name, *(f"{key}={value}" for key, value in words.items())])

    def endpoint(self):
        return Endpoint(self.name, self.namespace.path, self.addresses)

    def cnitool(self, *arguments, **options):
        environment = {**ENVIRONMENT, "NETCONFPATH": "/etc/cni/net.d", "CNI_PATH": world.plugin_folder()}
        return self.run(f"{world.plugin_folder()}/cnitool", *arguments, env=environment, **options)

    def add_pod(self, name, network="plumb"):
        if not os.path.exists(f"{world.plugin_folder()}/vxlan"):
            self._write_bridge_list(network)
        pod = Pod(self, name).add(network)
        self.pods.append(pod)
        return pod

    def _write_bridge_list(self, network):
        """A conflist that sorts before plumbd's, for plugins of another build: a bridge with the ranges of node.json."""
        known = json.loads(self.path("/run/plumb/node.json").read_text(encoding="utf-8"))
        newest = {":" in each: each for each in reversed(known["ranges"])}.values()
        plugin = {"type": "bridge", "bridge": "cni0", "isDefaultGateway": True, "mtu": known["mtu"],
                  "ipam": {"type": "host-local", "ranges": [[{"subnet": each}] for each in newest]}}
        self.path("/etc/cni/net.d/05-bridge.conflist").write_text(
            json.dumps({"cniVersion": "1.0.0", "name": network, "plugins": [plugin]}), encoding="utf-8")

    # plumbd

    def write_config(self, **changes):
        """The cluster's configuration with the node's own values; JSON is YAML."""
        self.config.update(changes)
        values = {"node": self.name, **self.cluster.config, **self.config}
        self.path(CONFIG).write_text(json.dumps(values, indent=2), encoding="utf-8")

    def start_plumbd(self, wait=True, program=None, wrapper=()):
        with open(self.folder / "plumbd.log", "a", encoding="utf-8") as log:
            self.plumbd = self.start(*wrapper, program or f"{world.plugin_folder()}/plumbd", "run", "--config", CONFIG, stdout=log,
                                     stderr=subprocess.STDOUT, env=ENVIRONMENT)
        if wait:
            self.wait_ready()

    def start_bird(self):
        """Starts plumbd and BIRD as a service manager does: BIRD outlives plumbd, which writes its configuration."""
        wait_until(self.path("/run/plumb/bird.conf").exists, f"{self.name} has a configuration for BIRD")
        with open(self.folder / "bird.log", "a", encoding="utf-8") as log:
            self.bird = self.start("bird", "-f", "-c", "/run/plumb/bird.conf", "-s", "/run/plumb/bird.ctl", stdout=log, stderr=log)

    def stop_plumbd(self, how=signal.SIGTERM):
        self.plumbd.send_signal(how)
        self.plumbd.wait(timeout=10)

    def restart_plumbd(self):
        self.stop_plumbd()
        self.start_plumbd()

    def log(self):
        return (self.folder / "plumbd.log").read_text(encoding="utf-8")

    def control(self, *words, **options):
        """A sub-command of plumbd on this node."""
        return self.run(f"{world.plugin_folder()}/plumbd", *words, "--config", CONFIG, env=ENVIRONMENT, **options)

    def get(self, page):
        """(status, text) of one of plumbd's pages; (0, why) when it does not listen."""
        try:
            with inside(self.namespace.path):
                connection = socket.create_connection(("127.0.0.1", HEALTH), timeout=5)
            with connection:
                connection.sendall(f"GET {page} HTTP/1.0\r\n\r\n".encode())
                answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
            head, _, body = answer.partition("\r\n\r\n")
            return int(head.split()[1]), body
        except (OSError, IndexError, ValueError) as error:
            return 0, str(error)

    def metric(self, name):
        """The sum of a metric's samples; None when there is none."""
        values = [float(line.rpartition(" ")[2]) for line in self.get("/metrics")[1].splitlines()
                  if line.split("{")[0].split(" ")[0] == name]
        return sum(values) if values else None

    def wait_ready(self, seconds=20):
        def ready():
            if self.plumbd.poll() is not None:
                raise AssertionError(f"{self.name}: plumbd ended with {self.plumbd.returncode}: {self.log()[-2000:]}")
            return self.get("/readyz")[0] == 200
        try:
            wait_until(ready, f"{self.name} is ready", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.get('/readyz')[1]}\n{self.log()[-2000:]}") from None

    def reboot(self):
        """Power off and on: the kernel's state, processes and /run are lost; disks stay."""
        self.power_off()
        for folder in LOST_ON_REBOOT:
            for entry in self.path(folder).iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        self._boot()

    def power_off(self):
        for process in (self.plumbd, self.bird):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        for pod in self.pods:
            self.cluster.wire.forget(pod.path)
            pod.namespace.remove()
        self.pods = []
        self.cluster.wire.forget(self.namespace.path)
        self.cluster.underlay.disconnect(self)
        self.mounts.kill()
        self.mounts.communicate()
        self.namespace.remove()


class Cluster:
    """Nodes that share a nodes file. `config` is plumbd's configuration besides a node's own values."""

    def __init__(self, backend="vxlan", underlay_families=(4, 6), pod_families=(4, 6), **underlay):
        self.backend, self.pod_families = backend, pod_families
        self.folder = tempfile.mkdtemp(dir="/run", prefix="cluster-")
        self.underlay, self.wire, self.nodes = Underlay(underlay_families, **underlay), Wire(), []
        self.nodes_see_pods = False
        self.nodes_file = f"{self.folder}/shared/nodes"
        os.makedirs(os.path.dirname(self.nodes_file))
        self.config = {"backend": backend, "network": {"ranges": [RANGES[family][1] for family in pod_families]},
                       "file": {"path": self.nodes_file}}
        families = [family for family in pod_families if family in underlay_families]
        self.outside = Endpoint("outside", self.underlay.outside.path, {family: OUTSIDE[family] for family in families})
        self.wire.listen(self.outside)

    def show_pods_to_nodes(self):
        """Pods keep their addresses towards the nodes as well."""
        self.config["network"]["noMasquerade"] = ["10.0.0.0/16", "fd00:0:0::/56"]
        self.nodes_see_pods = True

    def add_node(self, subnet=1, **words):
        """`words` are further words of the node's line in the list."""
        node = Node(self, len(self.nodes) + 1, subnet)
        node.words = words
        self.nodes.append(node)
        return node

    def add_nodes(self, count, subnets=1):
        """Nodes in turn on each subnet."""
        for number in range(count):
            self.add_node(1 + number % subnets)

    def write_nodes(self, nodes=None, more=()):
        """Replaces the nodes file as a whole, as an operator's tool does."""
        lines = [node.line() for node in (self.nodes if nodes is None else nodes)]
        temporary = f"{self.nodes_file}.new"
        pathlib.Path(temporary).write_text("".join(f"{line}\n" for line in [*lines, *more]), encoding="utf-8")
        os.rename(temporary, self.nodes_file)

    def start(self):
        self.write_nodes()
        for node in self.nodes:
            node.write_config()
            node.start_plumbd(wait=False)
        if self.backend == "bgp":
            for node in self.nodes:
                node.start_bird()
        for node in self.nodes:
            node.wait_ready()

    def add_pods(self, count=1):
        for node in self.nodes:
            for number in range(1, count + 1):
                self.listen(node.add_pod(f"pod{number}"))

    def listen(self, pod):
        self.wire.listen(pod.endpoint())

    def pods(self):
        return [pod for node in self.nodes for pod in node.pods]

    def close(self):
        for node in self.nodes:
            with contextlib.suppress(AssertionError):
                node.power_off()
        self.wire.close()
        self.underlay.remove()

    # Reachability

    def matrix(self):
        """A packet for every pair: pod to pod, pod to node, node to pod, pod to outside; small, as big as the MTU without
        fragments, and bigger than it."""
        for pod in self.pods():
            for other in self.pods():
                if other is not pod:
                    yield from self._sizes(pod.endpoint(), other.endpoint(), pod.mtu)
            for node in self.nodes:
                for ask in self._sizes(pod.endpoint(), node.endpoint(), pod.mtu, set(pod.addresses)):
                    # The answer comes to the address of the pod's node, which reports that it must be smaller; the
                    # other node remembers that for everything that it sends to this node, the tunnel's packets too (docs/modes.md,
                    # traffic_test.py).
                    if ":" not in ask.address or ask.size <= pod.mtu or self.nodes_see_pods:
                        yield ask
                yield from self._sizes(node.endpoint(), pod.endpoint(), pod.mtu)
            yield from self._sizes(pod.endpoint(), self.outside, pod.mtu)

    @staticmethod
    def _sizes(source, target, mtu, families=(4, 6)):
        for family in set(families) & set(target.addresses):
            for size, may_fragment in ((100, False), (mtu, False), (2 * mtu + 100, True)):
                yield Ask(source, target, target.addresses[family], size, may_fragment)

    def check_matrix(self, seconds=10):
        """Fails with the pairs that do not reach each other, or whose addresses are translated inside the cluster."""
        for node in self.nodes:
            if node.namespace.path not in self.wire.echoes:
                self.wire.listen(node.endpoint())
        asks = list(self.matrix())
        problems = [str(ask) for ask in self.wire.unanswered(asks, seconds)]
        pod_names = {f"{pod.node.name}/{pod.name}" for pod in self.pods()}
        for ask in asks:
            if ask.seen and {ask.source.name, ask.target.name} <= pod_names and ask.seen not in ask.source.addresses.values():
                problems.append(f"{ask.source.name} -> {ask.target.name} {ask.address}: seen as {ask.seen}")
        if problems:
            raise AssertionError(f"{len(problems)} of {len(asks)}:\n" + "\n".join(problems[:40]))

    def wait_reaches(self, source, target, family=4, seconds=5):
        """Seconds until a packet from one endpoint to another is answered."""
        begun = time.monotonic()
        if self.wire.unanswered([Ask(source, target, target.addresses[family])], seconds):
            raise AssertionError(f"{source.name} does not reach {target.name} within {seconds} s")
        return time.monotonic() - begun
