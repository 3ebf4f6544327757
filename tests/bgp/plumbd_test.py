#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plumbd with its configuration and BIRD on each node: reflectors, a router outside, services. tests/cluster has the mesh and its faults."""
import json
import pathlib
import re
import signal
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from lab import world  # noqa: E402
from lab.cluster import Cluster, gateway  # noqa: E402
from lab.cluster_traffic import Monitor  # noqa: E402
from lab.world import wait_until  # noqa: E402

API = ROOT / "agent_api/replay_server.py"
SERVICE, CLUSTER_IP = "203.0.113.10", "10.96.1.1"
KUBECONFIG = """
current-context: a
contexts: [{{name: a, context: {{cluster: a, user: a}}}}]
clusters: [{{name: a, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]
users: [{{name: a, user: {{token: secret}}}}]
"""
# The router of the rack: it accepts everything, and has a default route that nodes must not accept.
ROUTER = """
router id {address};
protocol device {{ }}
protocol static elsewhere {{ ipv4; route 0.0.0.0/0 blackhole; route 198.51.100.0/24 blackhole; }}
template bgp nodes {{
  local {address} as 65000; direct; connect delay time 1; password "between us";
  ipv4 {{ import all; export where source = RTS_STATIC; }};
}}
{sessions}
"""


class Api:
    """A double of the Kubernetes API on one node: three lists, watches without events, and patches that it accepts."""

    def __init__(self, node, nodes):
        self.process = node.start(sys.executable, "-B", str(API), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True)
        self.port = self.order(listen={})["port"]
        self.answer("GET", "/api/v1/nodes\\?limit.*", {"items": nodes})
        self.answer("GET", "/api/v1/services\\?limit.*", {"items": [{
            "metadata": {"namespace": "shop", "name": "web"}, "status": {"loadBalancer": {"ingress": [{"ip": SERVICE}]}},
            "spec": {"type": "LoadBalancer", "clusterIP": CLUSTER_IP, "clusterIPs": [CLUSTER_IP], "externalTrafficPolicy": "Local"}}]})
        self.answer("GET", "/apis/discovery.k8s.io/v1/endpointslices\\?limit.*", {"items": [self.slice_on("n1")]})
        self.answer("PATCH", ".*", {})
        self.exchange(target=".*\\?watch=1.*", text="HTTP/1.1 200 OK\nContent-Type: application/json\n\n", after="hold")

    @staticmethod
    def slice_on(node):
        return {"metadata": {"namespace": "shop", "name": "web-1", "resourceVersion": "9", "labels": {"kubernetes.io/service-name": "web"}},
                "endpoints": [{"addresses": ["10.244.1.5"], "conditions": {"ready": True}, "nodeName": node}]}

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def exchange(self, **exchange):
        self.order(exchange={"times": 0, **exchange})

    def answer(self, method, target, body):
        text = json.dumps({"metadata": {"resourceVersion": "5"}, **body})
        self.exchange(method=method, target=target, text=f"HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: {len(text)}\n\n{text}")

    def move_endpoint(self, node):
        self.order(push=json.dumps({"type": "MODIFIED", "object": self.slice_on(node)}) + "\n")

    def close(self):
        self.process.communicate("", timeout=10)


class PlumbdTest(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster("bgp", (4,), (4,))
        self.addCleanup(self.cluster.close)

    @staticmethod
    def sessions(node):
        """Neighbour -> since when its session is established, as plumbd shows it."""
        done = node.control("status", "--json", check=False)
        peers = json.loads(done.stdout)["bgp"]["peers"] if done.stdout else []
        return {peer["peer"]: peer["since"] for peer in peers if peer["state"] == "Established"}

    @staticmethod
    def routes(node):
        return sorted(route["dst"] for route in world.run_json(*node.enter, "ip", "-j", "-4", "route", "show", "proto", "bird"))

    @staticmethod
    def established(node):
        """The answer of BIRD itself."""
        text = node.run("birdc", "-s", "/run/plumb/bird.ctl", "show", "protocols").stdout
        return dict(re.findall(r"^(\S+)\s+BGP\s+\S+\s+up\s+(\S+ \S+)\s+Established", text, re.M))

    def test_reflectors_chosen_by_label_replace_the_mesh_and_their_sessions_outlive_plumbd(self):
        self.cluster.config["bgp"] = {"reflectors": {"role": "reflector"}, "connectJitterSeconds": 0}
        first = self.cluster.add_node(labels="role=reflector")
        self.cluster.add_nodes(2)
        self.cluster.start()
        for node in self.cluster.nodes:
            others = sorted(other.ranges[4] for other in self.cluster.nodes if other is not node)
            wait_until(lambda node=node, others=others: self.routes(node) == others, f"{node.name} knows {others}", 30)
        for node in self.cluster.nodes[1:]:
            wait_until(lambda node=node: list(self.sessions(node)) == ["n1"], f"{node.name} has a session with the reflector only")
        self.assertEqual(2, len(self.established(first)))

        before = [self.established(node) for node in self.cluster.nodes]
        with Monitor(first, self.cluster.folder) as monitor:
            first.stop_plumbd(signal.SIGKILL)
            first.start_plumbd()
            wait_until(lambda: len(self.sessions(first)) == 2, "plumbd sees the sessions again")
            self.assertEqual([], monitor.deletions("proto bird"))
        self.assertEqual(before, [self.established(node) for node in self.cluster.nodes])

    def test_U11_explain_shows_the_next_hop(self):
        self.cluster.config["bgp"] = {"connectJitterSeconds": 0}
        self.cluster.add_nodes(2)
        self.cluster.start()
        first, second = self.cluster.nodes
        wait_until(lambda: self.routes(first) == [second.ranges[4]], "the route is learned", 30)
        pod = second.ranges[4].replace(".0/24", ".7")
        self.assertRegex(first.control("explain", pod).stdout, rf"kernel +sends it by \S+ to next hop {re.escape(second.addresses[4])}\n")

    def test_S4_status_says_which_sessions_have_no_password_and_stays_healthy(self):
        self.cluster.add_nodes(2)
        self.cluster.start()
        first = self.cluster.nodes[0]
        wait_until(lambda: list(self.sessions(first)) == ["n2"], "the session", 30)
        done = wait_until(lambda: (status := first.control("status", check=False)).returncode == 0 and status, "a healthy node", 20)
        note = '1 of 1 BGP sessions have no password, such as the one with "n2": set bgp.passwordFile'
        self.assertIn(f"\nnote: {note}\n", done.stdout)
        self.assertEqual([note], json.loads(first.control("status", "--json").stdout)["bgp"]["notes"])

    def start_router(self):
        """BIRD in the namespace of the machine that has the nodes' default route."""
        folder = pathlib.Path(self.cluster.folder) / "router"
        folder.mkdir()
        address = gateway(1, 4)
        sessions = "".join(f"protocol bgp {node.name} from nodes {{ neighbor {node.addresses[4]} as 64512; }}\n" for node in self.cluster.nodes)
        (folder / "conf").write_text(ROUTER.format(address=address, sessions=sessions), encoding="utf-8")
        with open(folder / "log", "wb") as log:
            bird = self.cluster.underlay.router.start("bird", "-f", "-c", str(folder / "conf"), "-s", str(folder / "ctl"), stdout=log, stderr=log)
        self.addCleanup(bird.wait)
        self.addCleanup(bird.kill)
        wait_until((folder / "ctl").exists, "the router listens")
        return str(folder / "ctl")

    def use_kubernetes(self):
        """Each node has an API of its own, with the same objects."""
        nodes = [{"metadata": {"name": node.name}, "spec": {"podCIDR": node.ranges[4], "podCIDRs": [node.ranges[4]]},
                  "status": {"addresses": [{"type": "InternalIP", "address": node.addresses[4]}]}} for node in self.cluster.nodes]
        self.cluster.config.update(source="kubernetes", kubernetes={"kubeconfig": "/etc/plumb/kubeconfig"})
        for node in self.cluster.nodes:
            node.api = Api(node, nodes)
            self.addCleanup(node.api.close)
            config = node.path("/etc/plumb/kubeconfig")
            config.write_text(KUBECONFIG.format(port=node.api.port), encoding="utf-8")
            config.chmod(0o600)

    def test_a_router_outside_gets_ranges_and_services_and_a_service_of_policy_local_from_its_nodes_only(self):
        self.cluster.add_nodes(2)
        self.use_kubernetes()
        for node in self.cluster.nodes:
            secret = node.path("/etc/plumb/tor-secret")
            secret.write_text("between us\n", encoding="utf-8")
            secret.chmod(0o600)
        peer = {"name": "tor", "address": gateway(1, 4), "asNumber": 65000, "passwordFile": "/etc/plumb/tor-secret",
                "importRanges": ["198.51.100.0/24"]}
        self.cluster.config["bgp"] = {"peers": [peer], "loadBalancerIPs": ["203.0.113.0/24"], "clusterIPs": ["10.96.0.0/16"]}
        self.cluster.start()
        control = self.start_router()

        def seen(prefix):
            text = self.cluster.underlay.router.run("birdc", "-s", control, "show", "route", "all", "for", prefix, check=False).stdout
            return sorted(set(re.findall(r"via (\S+) on", text))) if f"{prefix} " in text else []

        first, second = ([node.addresses[4]] for node in self.cluster.nodes)
        for prefix, wanted in ((self.cluster.nodes[0].ranges[4], first), (self.cluster.nodes[1].ranges[4], second), (f"{SERVICE}/32", first)):
            wait_until(lambda prefix=prefix, wanted=wanted: seen(prefix) == wanted, f"{prefix} by {wanted}, not {seen(prefix)}", 30)
        for node in self.cluster.nodes:
            node.api.move_endpoint("n2")
        wait_until(lambda: seen(f"{SERVICE}/32") == second, "the service follows its endpoint", 20)
        for node in self.cluster.nodes:
            wait_until(lambda node=node: "198.51.100.0/24" in self.routes(node), "what may be imported is")
            self.assertNotIn("default", self.routes(node))
            self.assertNotIn("between us", node.control("status", "--json", check=False).stdout + node.log())


if __name__ == "__main__":
    world.enter()
    unittest.main(verbosity=2)
