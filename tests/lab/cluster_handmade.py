# SPDX-License-Identifier: Apache-2.0
"""Networks made by hand: direct routes, or VXLAN with flannel's options. They test the lab itself, and plumbd is compared with
them."""
from lab import world
from lab.cluster import LENGTH, RANGES, Node, Pod

FLANNEL = {"device": "flannel.1", "vni": 1, "port": 8472}


def vtep_mac(number):
    return f"02:76:0a:00:01:{number:02x}"


def base_of(prefix):
    return prefix.partition("/")[0]


class HandmadePod(Pod):
    """On a bridge of its node, which has the first address of the range."""

    def add(self, network="plumb"):
        node, bridge = self.node, "cni0"
        self.mtu = node.pod_mtu
        last = len(node.pods) + 2
        if not any(link["ifname"] == bridge for link in world.run_json(*node.enter, "ip", "-j", "link")):
            node.run("ip", "link", "add", bridge, "mtu", str(self.mtu), "type", "bridge")
            node.run("ip", "link", "set", bridge, "up")
            for prefix in node.ranges.values():
                node.run("ip", "address", "add", f"{base_of(prefix)}1/{prefix.partition('/')[2]}" if ":" in prefix
                         else f"{base_of(prefix)[:-1]}1/24", "dev", bridge, *(["nodad"] if ":" in prefix else []))
        node.run("ip", "link", "add", f"veth{last}", "mtu", str(self.mtu), "type", "veth", "peer", "name", "eth0", "mtu", str(self.mtu),
                 "netns", self.namespace.name)
        node.run("ip", "link", "set", f"veth{last}", "master", bridge, "up")
        self.namespace.run("ip", "link", "set", "eth0", "up")
        for family, prefix in node.ranges.items():
            stem = base_of(prefix) if family == 6 else base_of(prefix)[:-1]
            self.addresses[family] = f"{stem}{last}"
            nodad = ["nodad"] if family == 6 else []
            self.namespace.run("ip", "address", "add", f"{stem}{last}/{LENGTH[family]}", "dev", "eth0", *nodad)
            self.namespace.run("ip", "route", "add", "default", "via", f"{stem}1")
        return self


class HandmadeNode(Node):
    """Routes to the others through a VXLAN device, or directly via their addresses."""

    def connect_all(self, device=None, vni=1, port=8472, direct=False):
        self.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self.pod_mtu = self.cluster.underlay.mtu - (0 if direct else 50)
        self.masquerade()
        others = [node for node in self.cluster.nodes if node is not self]
        if direct:
            for other in others:
                for family, prefix in other.ranges.items():
                    self.run("ip", "route", "replace", prefix, "via", other.addresses[family])
            return
        self.run("ip", "link", "add", device, "mtu", str(self.pod_mtu), "address", vtep_mac(self.number), "type", "vxlan", "id", str(vni),
                 "local", self.addresses[4], "dev", "eth0", "dstport", str(port), "nolearning")
        for prefix in self.ranges.values():
            self.run("ip", "address", "add", f"{base_of(prefix)}/{128 if ':' in prefix else 32}", "dev", device)
        self.run("ip", "link", "set", device, "up")
        for other in others:
            self.run("bridge", "fdb", "replace", vtep_mac(other.number), "dev", device, "dst", other.addresses[4], "self", "permanent")
            for prefix in other.ranges.values():
                self.run("ip", "neigh", "replace", base_of(prefix), "lladdr", vtep_mac(other.number), "dev", device, "nud", "permanent")
                self.run("ip", "route", "replace", prefix, "via", base_of(prefix), "dev", device, "onlink")

    def masquerade(self):
        rules = "".join(f"{word} saddr {prefix} {word} daddr != {whole} masquerade\n" for word, prefix, whole in
                        (("ip6" if family == 6 else "ip", self.ranges[family], RANGES[family][1]) for family in self.ranges))
        self.run("nft", "-f", "-", text=f"table inet byhand {{\nchain out {{ type nat hook postrouting priority srcnat; {rules}}}\n}}\n")

    def add_pod(self, name, network="plumb"):
        pod = HandmadePod(self, name).add()
        self.pods.append(pod)
        return pod
