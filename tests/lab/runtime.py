# SPDX-License-Identifier: Apache-2.0
"""Runs lists of plugins as a runtime does, from one suite or a mixture, in namespaces made for the occasion."""
import dataclasses
import itertools
import json
import os
import re
import shutil
import tempfile

from lab import state, world

REFERENCE = os.environ.get("PLUMB_REFERENCE_BIN", "/usr/lib/cni")
VERSIONS = ("0.2.0", "0.3.1", "0.4.0", "1.0.0")
IPAM = ("host-local", "static", "dhcp")
HAS_CHECK, HAS_PREV_RESULT_ON_DEL = ("0.4.0", "1.0.0", "1.1.0"), ("0.4.0", "1.0.0", "1.1.0")
_numbers = itertools.count(1)


@dataclasses.dataclass
class Case:
    """A list of plugins; `prepare` are commands run on the host before it."""
    name: str
    plugins: list
    runtime: dict = dataclasses.field(default_factory=dict)
    args: str = ""
    ifname: str = "eth0"
    versions: tuple = VERSIONS
    prepare: tuple = ()
    # The reference before 1.2 does not support nf_tables; only state that both keep in iptables can be compared.
    backends_agree: bool = True

    def reference_can_check(self):
        """The reference's CHECK fails after its own ADD: portmap looks for IPv4 rules in IPv6's tables, and a bridge without
        addresses asks an IPAM plugin without a name."""
        return not any(each["type"] == "portmap" or (each["type"] == "bridge" and "ipam" not in each) for each in self.plugins)


class Suite:
    """A folder of plugins for CNI_PATH: `main` gives everything but IPAM, which `ipam` gives."""

    def __init__(self, name, main, ipam=None):
        self.name, self.path = name, tempfile.mkdtemp(dir="/run", prefix="suite-")
        self.is_reference = main == REFERENCE
        for source, wanted in ((main, lambda plugin: plugin not in IPAM), (ipam or main, lambda plugin: plugin in IPAM)):
            for plugin in os.listdir(source):
                if wanted(plugin):
                    os.symlink(f"{source}/{plugin}", f"{self.path}/{plugin}")


class PluginFailed(AssertionError):
    """A plugin's error object."""

    def __init__(self, call, document):
        self.code, self.text = document.get("code"), f"{document.get('msg')} {document.get('details', '')}".strip()
        super().__init__(f"{call}: code {self.code}: {self.text}")


class Node:
    """A host namespace and the folders of state, both empty at first."""

    def __init__(self, case=None):
        self.host = world.Namespace(f"host-{next(_numbers)}")
        self.pods = []
        self.host.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
        for folder in ("/var/lib/cni", "/run/cni"):
            if os.path.exists(folder):
                for entry in os.listdir(folder):
                    shutil.rmtree(f"{folder}/{entry}")
        for command in case.prepare if case else ():
            self.host.run(*command)

    def add_pod(self, container_id):
        pod = Pod(self, container_id)
        self.pods.append(pod)
        return pod

    def close(self):
        for pod in self.pods:
            pod.remove_sandbox()
        self.host.remove()


class Pod:
    """A container on a node: its namespace, and the verbs over one list of plugins."""

    def __init__(self, node, container_id):
        self.node, self.container_id = node, container_id
        self.sandbox = world.Namespace(f"pod-{next(_numbers)}")
        self.path, self.result = self.sandbox.path, None

    def remove_sandbox(self):
        if self.sandbox:
            self.sandbox.remove()
            self.sandbox = None

    def add(self, suite, case, version):
        self.result = None
        for plugin in case.plugins:
            self.result = self._call("ADD", suite, case, version, plugin)
        return self.result

    def check(self, suite, case, version):
        if version in HAS_CHECK and (not suite.is_reference or case.reference_can_check()):
            for plugin in case.plugins:
                self._call("CHECK", suite, case, version, plugin)

    def delete(self, suite, case, version, **environment):
        for plugin in reversed(case.plugins):
            self._call("DEL", suite, case, version, plugin, **environment)

    def call(self, verb, suite, case, plugin):
        """One verb of one plugin, with the result that the pod has."""
        return self._call(verb, suite, case, "1.0.0", plugin)

    def _call(self, verb, suite, case, version, plugin, **environment):
        config = {"cniVersion": version, "name": "interop", **plugin}
        runtime = {key: value for key, value in case.runtime.items() if config.get("capabilities", {}).get(key)}
        if runtime:
            config["runtimeConfig"] = runtime
        config.pop("capabilities", None)
        if self.result is not None and (verb != "DEL" or version in HAS_PREV_RESULT_ON_DEL):
            config["prevResult"] = self.result
        env = {"PATH": os.environ["PATH"], "CNI_COMMAND": verb, "CNI_CONTAINERID": self.container_id, "CNI_NETNS": self.path,
               "CNI_IFNAME": case.ifname, "CNI_PATH": suite.path, "CNI_ARGS": case.args, **environment}
        done = self.node.host.run(f"{suite.path}/{plugin['type']}", text=json.dumps(config), env=env, check=False)
        if done.returncode != 0:
            call = f"{suite.name} {plugin['type']} {verb} {version}"
            try:
                raise PluginFailed(call, json.loads(done.stdout))
            except json.JSONDecodeError:
                raise AssertionError(f"{call}: exit {done.returncode}: {done.stdout}{done.stderr}") from None
        return json.loads(done.stdout) if verb == "ADD" else None


class Names:
    """Gives random values of a run stable names, by order of appearance."""

    def __init__(self, *fixed):
        self.fixed, self.seen = fixed, {}

    def __call__(self, text):
        def stable(match):
            if match[0] in self.fixed:
                return match[0]
            kind = "veth" if match[0].startswith("veth") else "mac"
            return self.seen.setdefault(match[0], f"{kind}-{len(self.seen)}")
        return re.sub(r"\bveth[0-9a-f]{8}\b|\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b", stable, text)


def comparable(result, pod, names):
    """A result without values that differ from run to run. An empty dns equals none, and the reference version does not
    have the MTU of interfaces."""
    text = names(json.dumps(result)).replace(pod.path, "SANDBOX")
    result = json.loads(text)
    if result.get("dns") == {}:
        del result["dns"]
    for interface in result.get("interfaces", ()):
        interface.pop("mtu", None)
    return result


def leftovers(node):
    """Objects that must be removed with attachments: links except bridges, rules and chains of their own, reservations. Containers are
    called pod-..., addresses are those of cases in 10.61.0.0/16 and fd00:61::/32."""
    for line in state.links(node.host):
        if line.split()[1].startswith(("veth", "bwp")):
            yield line
    for line in [*state.iptables(node.host), *state.nftables(node.host)]:
        if re.search(r"CNI-([0-9a-f]{24}|(DN|SN)-[0-9a-f]{21})|pod-|10\.61\.|fd00:61:", line):
            yield line
    yield from state.files()
