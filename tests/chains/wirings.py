# SPDX-License-Identifier: Apache-2.0
"""Every plugin that gives a pod a link, with a configuration that uses both families, and a host to run it on."""
import itertools
import json
import os
import pathlib
import subprocess

from lab import world

V4, V6 = "10.61.0.0/20", "fd00:61::/64"
IPAM = {"type": "host-local", "ranges": [[{"subnet": V4}], [{"subnet": V6}]], "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}
_PEERS = [{"name": "a", "address": "192.0.2.1", "ranges": [V4, V6]},
          {"name": "b", "address": "192.0.2.2", "ranges": ["10.62.0.0/20", "fd00:62::/64"]}]
WIRINGS = {
    "bridge": {"type": "bridge", "bridge": "br0", "isDefaultGateway": True, "ipMasq": True, "ipam": IPAM},
    "ptp": {"type": "ptp", "ipMasq": True, "ipam": IPAM},
    "bgp": {"type": "bgp", "ipMasq": True, "network": [V4, V6], "ipam": IPAM},
    "vxlan over bridge": {"type": "vxlan", "vni": 7, "bridge": "br0", "peers": _PEERS},
    "vxlan over ptp": {"type": "vxlan", "vni": 7, "podInterface": "ptp", "peers": _PEERS},
}
_numbers = itertools.count(1)


class Host:
    """A host namespace with an uplink, 192.0.2.1 on `up0`, whose other end is in namespace `outside`."""

    def __init__(self):
        self.namespaces = []
        self.host, self.outside = self.namespace(), self.namespace()
        for each in (self.host, self.outside):
            each.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")
        self.host.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "out0", "netns", self.outside.name)
        self.host.run("ip", "link", "set", "up0", "up")
        self.outside.run("ip", "link", "set", "out0", "up")
        self.host.run("ip", "address", "add", "192.0.2.1/24", "dev", "up0")

    def namespace(self):
        made = world.Namespace(f"wiring-{next(_numbers)}")
        self.namespaces.append(made)
        return made

    def environment(self, verb, pod, container, ifname="eth0"):
        path = {"CNI_NETNS": pod.path} if pod else {}
        return {"PATH": os.environ["PATH"], "CNI_COMMAND": verb, "CNI_CONTAINERID": container, "CNI_IFNAME": ifname,
                "CNI_PATH": world.plugin_folder(), **path, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}

    @staticmethod
    def document(config, previous=None, network="net1", **more):
        document = {"cniVersion": "1.1.0", "name": network, **config, **more}
        if previous is not None:
            document["prevResult"] = previous
        return json.dumps(document)

    def call(self, verb, config, pod, container="c1", ifname="eth0", previous=None, network="net1", check=True, wrapper=(), **more):
        return self.host.run(*wrapper, f"{world.plugin_folder()}/{config['type']}", check=check, timeout=120,
                             env=self.environment(verb, pod, container, ifname),
                             text=self.document(config, previous, network, **more))

    def add(self, config, pod, container="c1", **options):
        return json.loads(self.call("ADD", config, pod, container, **options).stdout)

    def begin(self, verb, config, wrapper=()):
        """Starts a plugin whose standard input stays open: it is held until finish()."""
        return self.host.start_piped(*wrapper, f"{world.plugin_folder()}/{config['type']}",
                                     env=self.environment(verb, None, "none"))

    def links(self, namespace=None):
        return {link["ifname"]: link for link in
                json.loads((namespace or self.host).run("ip", "-j", "-d", "link").stdout or "[]")}

    def host_ends(self):
        return {name for name, link in self.links().items() if link.get("ifalias", "").startswith("plumb:net")}

    @staticmethod
    def reservations(network="net1"):
        folder = pathlib.Path("/var/lib/cni/networks", network)
        return {entry.name for entry in folder.glob("*[.:]*") if not entry.name.startswith((".", "last_", "lock"))} \
            if folder.exists() else set()

    def close(self):
        for each in self.namespaces:
            each.remove()
        for folder in ("/var/lib/cni", "/run/cni"):
            world.run("sh", "-c", f"rm -rf {folder}/*")


def start_piped(namespace, *command, env):
    return subprocess.Popen(["nsenter", f"--net={namespace.path}", *command], env=env, text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


world.Namespace.start_piped = start_piped
