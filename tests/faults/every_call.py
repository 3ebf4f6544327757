# SPDX-License-Identifier: Apache-2.0
"""Each system call of ADD, DEL, CHECK and GC, once with each possible fault: the faults, and the required results."""
import ctypes
import dataclasses
import json
import os
import pathlib
import re
import subprocess

from faults import (BANDWIDTH, BRIDGE, CHAIN, FIREWALL, FLANNEL, IPAM, MACVLAN, NODE_FILE, OVERLAY, PORTMAP, PTP, SBR, TAP, TUNING, Attachment, Tracer,
                    error_of, make_node, require_success, was_killed)
from lab import state

KILL, EINTR = "signal=KILL", "error=EINTR"
# Errors that the kernel can return for each call, besides EINTR. Errors for an absent object (ENOENT, ENODEV, ESRCH ...) are left
# out: the kernel returns them only when they are true, and callers may rely on that.
ERRORS = {
    "access": ("EIO", "ENOMEM"), "bind": ("ENOMEM", "EPERM"), "clock_gettime": (), "clone": ("EAGAIN", "ENOMEM"), "clone3": ("EAGAIN", "ENOMEM"),
    "connect": ("ENOMEM", "EPERM"), "dup2": ("EBUSY", "EMFILE"), "faccessat2": ("EIO", "ENOMEM"), "fchmod": ("EIO", "EROFS"),
    "fcntl": ("EMFILE", "ENOLCK"), "flock": ("ENOLCK", "EIO"), "fstat": ("EIO", "ENOMEM"), "fsync": ("EIO", "ENOSPC"),
    "ftruncate": ("EIO", "ENOSPC"), "futex": (), "getdents64": ("EIO", "ENOMEM"), "getrandom": ("ENOSYS", "EAGAIN"),
    "getsockname": ("ENOBUFS", "ENOMEM"), "getsockopt": ("ENOMEM", "ENOPROTOOPT"), "ioctl": ("ENOMEM", "EMFILE"), "kill": (),
    "linkat": ("ENOSPC", "EROFS"), "lseek": ("EIO", "EINVAL"), "membarrier": ("ENOSYS", "EPERM"), "memfd_create": ("EMFILE", "ENOMEM"),
    "mkdir": ("ENOSPC", "EROFS"), "newfstatat": ("EIO", "ENOMEM"), "open": ("EMFILE", "EIO"), "pidfd_open": ("EMFILE", "ENOSYS"),
    "pipe2": ("EMFILE", "ENFILE"), "poll": ("ENOMEM",), "ppoll": ("ENOMEM",), "prctl": ("EINVAL", "EPERM"), "pread64": ("EIO", "ENOMEM"),
    "pwrite64": ("ENOSPC", "EIO"), "read": ("EIO", "ENOMEM"), "recvfrom": ("ENOBUFS", "ENOMEM"), "recvmsg": ("ENOBUFS", "ENOMEM"),
    "rename": ("ENOSPC", "EIO"), "renameat2": ("ENOSPC", "EIO"), "sendmsg": ("ENOBUFS", "ENOMEM"), "sendto": ("ENOBUFS", "ENOMEM"),
    "setns": ("EPERM", "ENOMEM"), "setsockopt": ("ENOMEM", "ENOPROTOOPT"), "socket": ("EMFILE", "ENOBUFS"), "statfs": ("EIO", "ENOMEM"),
    "umask": (), "unlink": ("EIO", "EROFS"), "unlinkat": ("EIO", "EROFS"), "utimensat": ("EIO", "EPERM"), "vfork": ("EAGAIN", "ENOMEM"),
    "wait4": (), "waitid": (), "write": ("ENOSPC", "EIO")}
OPENS = {False: ("EMFILE", "EIO"), True: ("ENOSPC", "EROFS")}
OTHERWISE = ("EIO", "ENOMEM")
# Every call gets EINTR, even where the kernel never returns it, because no caller may rely on that; except these.
NEVER_INTERRUPTED = ("clock_gettime", "umask", "futex", "kill")
VERBS = ("ADD", "DEL", "CHECK", "GC")


def faults_of(verb, call):
    """KILL where the state after the call differs from that before it: elsewhere it is a KILL before the call that follows."""
    errors = OPENS[call.changes()] if call.name == "openat" else ERRORS.get(call.name, OTHERWISE)
    faults = [f"error={error}" for error in errors]
    if call.name not in NEVER_INTERRUPTED:
        faults.append(EINTR)
    if verb != "CHECK" and call.changes():
        faults.append(KILL)
    return faults


@dataclasses.dataclass(frozen=True)
class Scene:
    """A list of plugins, the last of which gets the faults, on a network that already has another pod."""
    name: str
    plugins: tuple
    ifname: str = "eth0"
    collects: bool = True  # GC of the plugin removes what is stale; else it changes nothing
    lost: bool = False  # its link is in the pod, which is gone when an attachment is stale
    tunes: bool = False  # it changes a link of another plugin, which GC cannot find: the pod of a stale attachment is gone
    moves: bool = False  # the kernel has put its link on the host when the pod of a stale attachment is gone


def by_iptables(plugin):
    key = "backend" if plugin["type"] == "portmap" else "ipMasqBackend"
    return {**plugin, key: "iptables"}


HOST_DEVICE = {"type": "host-device", "device": "nic0", "ipam": IPAM}
STATIC = {"type": "static", "addresses": [{"address": "10.61.9.9/24", "gateway": "10.61.9.1"}]}
SCENES = (
    Scene("bridge", ({**BRIDGE, "macspoofchk": True, "spoofCheck": True},)), Scene("bridge by iptables", (by_iptables(BRIDGE),)),
    Scene("ptp", ({**PTP, "spoofCheck": True},)), Scene("ptp by iptables", (by_iptables(PTP),)),
    Scene("bgp", ({"type": "bgp", "nodeFile": str(NODE_FILE)},)), Scene("vxlan", ({"type": "vxlan", "bridge": "br0", "nodeFile": str(NODE_FILE)},)),
    Scene("vxlan alone", (OVERLAY,)),
    Scene("portmap", tuple(CHAIN)), Scene("portmap by iptables", (CHAIN[0], by_iptables(PORTMAP))),
    Scene("tuning", (CHAIN[0], TUNING), tunes=True), Scene("bandwidth", (CHAIN[0], BANDWIDTH)),
    Scene("firewall", (CHAIN[0], FIREWALL)), Scene("firewall by nftables", (CHAIN[0], {**FIREWALL, "backend": "nftables"})),
    Scene("sbr", (BRIDGE, SBR), collects=False), Scene("flannel", (FLANNEL,)), Scene("macvlan", (MACVLAN,), lost=True), Scene("tap", (TAP,), lost=True),
    Scene("host-device", (HOST_DEVICE,), moves=True),
    Scene("loopback", ({"type": "loopback"},), ifname="lo", collects=False),
    Scene("host-local", ({"type": "host-local", "ipam": IPAM},)), Scene("static", ({"type": "static", "ipam": STATIC},), collects=False))


class Stage:
    """A scene on a node: the neighbour is attached, the victim comes and goes."""

    def __init__(self, scene):
        self.scene, self.node = scene, make_node()
        for number in range(2):
            self.node.host.run("ip", "link", "add", f"nic{number}", "type", "veth", "peer", "name", f"cable{number}")
            self.node.host.run("ip", "link", "set", f"cable{number}", "up", "addrgenmode", "none")
        neighbour = Attachment(self.node, "pod-neighbour", self._of_neighbour(), scene.ifname)
        neighbour.prepare()
        require_success(neighbour.add())
        self.victim = Attachment(self.node, "pod-victim", list(scene.plugins), scene.ifname)
        self.victim.prepare()
        self.untuned = self._link() if scene.tunes else None
        require_success(self.victim.add())  # makes what stays with a network
        require_success(self.victim.delete())
        self.without = self.snapshot()

    def _of_neighbour(self):
        """The plugins without settings that only one pod can have."""
        ports = {"portMappings": [{"hostPort": 9090, "containerPort": 80, "protocol": "tcp"}]}
        other = {**STATIC, "addresses": [{"address": "10.61.9.8/24", "gateway": "10.61.9.1"}]}
        changes = {"portmap": {"runtimeConfig": ports}, "static": {"ipam": other}, "host-device": {"device": "nic1"}}
        return [{**plugin, **changes.get(plugin["type"], {})} for plugin in self.scene.plugins]

    def _link(self):
        (link,) = json.loads(self.victim.pod.sandbox.run("ip", "-j", "link", "show", self.scene.ifname).stdout)
        return link

    def _renew_link(self):
        """Gives the link the values with which a new pod would begin."""
        self.victim.pod.sandbox.run("ip", "link", "set", self.scene.ifname, "address", self.untuned["address"], "mtu", str(self.untuned["mtu"]),
                                    "txqueuelen", str(self.untuned["txqlen"]), "promisc", "off", "allmulticast", "off")

    def _return_link(self):
        """Puts the link where the kernel puts it when the pod's namespace ends."""
        self.victim.pod.sandbox.run("ip", "link", "set", self.scene.ifname, "netns", self.node.host.name, check=False)

    def snapshot(self):
        """All state that an attachment can change, read by as few processes as possible, because this runs thousands of times."""
        host, pod = self.node.host.path, self.victim.pod.sandbox.path
        lines = [f"host {line}" for line in _ip(host)] + [f"pod {line}" for line in _ip(pod)]
        return lines + sorted(_nft(host)) + list(state.files())

    def run(self, verb, wrapper=()):
        if verb == "GC":
            if self.scene.moves:
                self._return_link()
            done = self.victim.gc(self.valid, wrapper)
            if self.scene.tunes:
                self._renew_link()
            if self.scene.lost:
                self.victim.pod.sandbox.run("ip", "link", "delete", self.scene.ifname, check=False)
            return done
        return self.victim.call(verb, self.victim.plugins[-1], wrapper)

    @property
    def valid(self):
        return [{"containerID": "pod-neighbour", "ifname": self.scene.ifname}]

    def ensure(self, attached):
        """Adds or removes the victim."""
        has = len(self.victim.plugins) - 1 in self.victim.results
        if attached and not has:
            require_success(self.victim.add())
        elif has and not attached:
            self.remove()

    def remove(self):
        require_success(self.victim.delete())
        self.victim.results.pop(len(self.victim.plugins) - 1, None)

    def calls(self, verb):
        """The calls of a usual run: the second one, because the first may rebuild a cache."""
        for _ in range(2):
            self.ensure(verb != "ADD")
            require_success(self.run(verb, Tracer.recording()))
            calls = Tracer.calls()
            if self.removes(verb):
                self.victim.results.pop(len(self.victim.plugins) - 1, None)
        return calls

    def removes(self, verb):
        return verb == "DEL" or (verb == "GC" and self.scene.collects)

    def attempt(self, verb, call, fault):
        """Runs `verb` with the fault. Returns how it ended, and throws AssertionError for a wrong result."""
        self.ensure(verb != "ADD")
        before = self.without if verb == "ADD" or self.removes(verb) else self.snapshot()
        done = self.run(verb, Tracer.injecting(call, fault))
        if Tracer.injections() > 1:  # both the started program and the plugin got the fault: two faults
            self.recover()
            return "met twice"
        if not was_killed(done) and done.returncode != 0:
            error_of(done)
        if verb == "ADD":
            self._after_add(done)
        elif self.removes(verb):
            self._after_removal(verb, done)
        left = state.difference(before, self.snapshot())
        assert not left, f"exit {done.returncode}: {done.stdout}{done.stderr} left behind: {left}"
        return "killed" if was_killed(done) else "failed" if done.returncode else "succeeded"

    def _after_add(self, done):
        if done.returncode == 0:
            require_success(self.run("CHECK"))  # no false success
        if done.returncode == 0 or was_killed(done):
            self.remove()

    def _after_removal(self, verb, done):
        """A failed verb succeeds when it is run again, and a successful one has nothing left to do."""
        if done.returncode != 0:
            require_success(self.run(verb))
        self.victim.results.pop(len(self.victim.plugins) - 1, None)

    def recover(self):
        """Checks that a failed verb has changed nothing."""
        self.victim.results.pop(len(self.victim.plugins) - 1, None)
        self.victim.delete()
        self.without = self.snapshot()

    def close(self):
        self.node.close()


LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
# The options of each run of ip, which stand for its whole batch, and its commands.
ASKED = (("-4", "link show\naddress show\nroute show table all\nrule show\nneighbour show nud permanent\n"),
         ("-6", "address show\nroute show table all\nrule show\nneighbour show nud permanent\n"))
# Counters, and values that the kernel derives, such as the MAC address of a bridge from its ports.
NOISE = re.compile(r" (linkdown|state [A-Z]+|group default|qlen \d+|qdisc \w+)|NO-CARRIER,|,LOWER_UP|[<,]?M-DOWN| (tentative|dadfailed|expires \S+)|hoplimit \d+")
DERIVED = re.compile(r"fe80::|ff00::|table local|^(inet6 fe80|valid_lft|link/ether)")


def _inside(path, *command, text=""):
    def enter():
        with open(path, encoding="utf-8") as file:
            LIBC.setns(file.fileno(), CLONE_NEWNET)
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, preexec_fn=enter, timeout=30).stdout.splitlines()


def _ip(path):
    """The lines without indexes, which differ from run to run, sorted."""
    lines = []
    for family, commands in ASKED:
        for line in _inside(path, "ip", family, "-batch", "-", text=commands):
            line = " ".join(NOISE.sub("", re.sub(r"^\d+: ", "", line)).split())
            if line and not DERIVED.search(line):
                lines.append(line)
    return sorted(lines)


def _nft(path):
    for line in _inside(path, "nft", "list", "ruleset"):
        line = re.sub(r"counter packets \d+ bytes \d+", "counter", line.strip())
        if line and not line.startswith("#"):
            yield f"nft {line}"
