# SPDX-License-Identifier: Apache-2.0
"""The configurations on which both suites must agree."""
from lab.runtime import Case

V4, V6 = "10.61.0.0/24", "fd00:61::/64"
DEFAULTS = [{"dst": "0.0.0.0/0"}]
# The link of a network with other machines.
LAN = (("ip", "link", "add", "lan0", "address", "02:00:5e:00:53:11", "type", "veth", "peer", "name", "far0", "address", "02:00:5e:00:53:12"),
       ("ip", "link", "set", "lan0", "up"), ("ip", "link", "set", "far0", "up"))


def host_local(*subnets, **options):
    return {"type": "host-local", "ranges": [[{"subnet": subnet}] for subnet in subnets], **options}


def bridge(**options):
    return {"type": "bridge", "bridge": "br-interop", **options}


def macvlan(**options):
    return {"type": "macvlan", "master": "lan0", **options}


def iptables_masquerade(**options):
    return {"ipMasq": True, "ipMasqBackend": "iptables", **options}


def portmap(**options):
    return {"type": "portmap", "capabilities": {"portMappings": True}, "backend": "iptables", **options}


MAPPINGS = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
                             {"hostPort": 8081, "containerPort": 81, "protocol": "tcp"},
                             {"hostPort": 53, "containerPort": 5353, "protocol": "udp", "hostIP": "192.0.2.1"}]}
LIMITS = {"ingressRate": 10**7, "ingressBurst": 10**6, "egressRate": 2 * 10**7, "egressBurst": 2 * 10**6}
GATEWAY = {"isGateway": True}
STATIC = {"type": "static", "addresses": [{"address": "10.61.1.9/24", "gateway": "10.61.1.1"},
                                          {"address": "fd00:61:1::9/64", "gateway": "fd00:61:1::1"}],
          "routes": [{"dst": "10.99.0.0/16", "gw": "10.61.1.7"}, {"dst": "0.0.0.0/0"}],
          "dns": {"nameservers": ["10.61.1.53"], "domain": "interop.test", "search": ["a.test"], "options": ["ndots:2"]}}
# The runtime gives the bridge its MAC address, so that the backup file is the same in each run.
TUNING = {"type": "tuning", "sysctl": {"net.core.somaxconn": "1024", "net.ipv4.conf.eth0.arp_filter": "1"},
          "mac": "02:00:5e:00:53:08", "mtu": 1400, "promisc": True, "allmulti": True}

def firewall(**options):
    return {"type": "firewall", "backend": "iptables", **options}


# Versions in which firewall exists.
FIREWALL = {"versions": ("0.4.0", "1.0.0")}
ROUTED = {"ipam": host_local(V4, V6, routes=DEFAULTS), **GATEWAY}
# The chain of podman's networks.
PODMAN = [bridge(hairpinMode=True, **ROUTED, **iptables_masquerade()), portmap(), {"type": "firewall", "backend": ""}, {"type": "tuning"}]

MAIN = [
    # The reference prints the format of 1.0.0 whatever version is requested.
    Case("loopback", [{"type": "loopback"}], ifname="lo", versions=("1.0.0",)),
    # An attachment without addresses has no result before 0.3.0.
    Case("bridge-l2", [bridge()], versions=("0.3.1", "1.0.0")),
    Case("bridge", [bridge(ipam=host_local(V4))]),
    Case("bridge-gateway", [bridge(ipam=host_local(V4, routes=DEFAULTS), **GATEWAY)]),
    Case("bridge-v6", [bridge(isDefaultGateway=True, ipam=host_local(V6))], versions=("0.4.0", "1.0.0")),
    Case("bridge-default-gateway", [bridge(isDefaultGateway=True, ipam=host_local(V4, V6))]),
    Case("bridge-masquerade", [bridge(ipam=host_local(V4, V6, routes=DEFAULTS), **GATEWAY, **iptables_masquerade())]),
    Case("bridge-masquerade-own-backend", [bridge(ipam=host_local(V4, V6), ipMasq=True, **GATEWAY)], versions=("1.0.0",),
         backends_agree=False),
    Case("bridge-mtu-hairpin", [bridge(mtu=1400, hairpinMode=True, ipam=host_local(V4), **GATEWAY)], versions=("1.0.0",)),
    Case("bridge-promiscuous", [bridge(promiscMode=True, ipam=host_local(V4))], versions=("1.0.0",)),
    Case("bridge-two-ranges", [bridge(ipam={"type": "host-local", "ranges": [[
        {"subnet": "10.61.2.0/24", "rangeStart": "10.61.2.20", "rangeEnd": "10.61.2.30", "gateway": "10.61.2.254"},
        {"subnet": "10.61.3.0/24"}]]}, **GATEWAY)], versions=("0.4.0", "1.0.0")),
    Case("bridge-old-ipam-form", [bridge(ipam={"type": "host-local", "subnet": V4, "gateway": "10.61.0.77"}, **GATEWAY)]),
    # Without dns: the reference's bridge drops the dns of IPAM's result.
    Case("bridge-static", [bridge(ipam={key: STATIC[key] for key in STATIC if key != "dns"}, **GATEWAY)], versions=("0.3.1", "0.4.0", "1.0.0")),
    Case("bridge-dns", [bridge(ipam=STATIC, dns={"nameservers": ["192.0.2.53"]})], versions=("0.4.0", "1.0.0")),
    Case("bridge-mac-runtime", [bridge(ipam=host_local(V4), capabilities={"mac": True})],
         runtime={"mac": "02:00:5e:00:53:07"}, versions=("1.0.0",)),
    Case("bridge-mac-args", [bridge(ipam=host_local(V4))], args="IgnoreUnknown=1;MAC=02:00:5e:00:53:08", versions=("1.0.0",)),
    Case("bridge-requested-address", [bridge(ipam=host_local(V4))], args="IgnoreUnknown=1;IP=10.61.0.99", versions=("1.0.0",)),
    Case("bridge-force-address", [bridge(forceAddress=True, ipam=host_local(V4), **GATEWAY)], versions=("1.0.0",),
         prepare=(("ip", "link", "add", "br-interop", "type", "bridge"),
                  ("ip", "address", "add", "10.77.0.1/24", "dev", "br-interop"))),
    Case("ptp", [{"type": "ptp", "ipam": host_local(V4, routes=DEFAULTS)}]),
    Case("ptp-dual-stack", [{"type": "ptp", "mtu": 1400, "ipam": host_local(V4, V6, routes=[*DEFAULTS, {"dst": "::/0"}]),
                             **iptables_masquerade()}], versions=("0.4.0", "1.0.0")),
    Case("ptp-static", [{"type": "ptp", "ipam": STATIC, "dns": {"domain": "ptp.test"}}], versions=("1.0.0",)),
    # One of them waits for duplicate address detection, for seconds.
    Case("macvlan", [macvlan(ipam=host_local(V4, routes=DEFAULTS))], versions=("0.2.0", "1.0.0"), prepare=LAN),
    Case("macvlan-dual-stack", [macvlan(mode="vepa", mtu=1400, ipam={key: STATIC[key] for key in STATIC if key != "dns"})],
         versions=("1.0.0",), prepare=LAN),
    Case("macvlan-l2", [macvlan(mode="private", capabilities={"mac": True})], runtime={"mac": "02:00:5e:00:53:07"}, versions=("1.0.0",),
         prepare=LAN),
    Case("portmap", [bridge(ipam=host_local(V4, routes=DEFAULTS), **GATEWAY), portmap()], runtime=MAPPINGS,
         versions=("0.3.1", "0.4.0", "1.0.0")),
    Case("portmap-dual-stack", [bridge(ipam=host_local(V4, V6), **GATEWAY), portmap()], runtime=MAPPINGS, versions=("1.0.0",)),
    Case("portmap-no-snat", [bridge(ipam=host_local(V4), **GATEWAY), portmap(snat=False)], runtime=MAPPINGS, versions=("1.0.0",)),
    Case("portmap-mark-bit", [bridge(ipam=host_local(V4), **GATEWAY), portmap(markMasqBit=5)], runtime=MAPPINGS,
         versions=("1.0.0",)),
    Case("portmap-external-mark", [bridge(ipam=host_local(V4), **GATEWAY), portmap(externalSetMarkChain="KUBE-MARK-MASQ")],
         runtime=MAPPINGS, versions=("1.0.0",), prepare=(("iptables", "-t", "nat", "-N", "KUBE-MARK-MASQ"),)),
    Case("portmap-conditions", [bridge(ipam=host_local(V4), **GATEWAY), portmap(conditionsV4=["-d", "192.0.2.0/24"])],
         runtime=MAPPINGS, versions=("1.0.0",)),
    Case("portmap-own-backend", [bridge(ipam=host_local(V4, V6), **GATEWAY), {"type": "portmap",
         "capabilities": {"portMappings": True}}], runtime=MAPPINGS, versions=("1.0.0",), backends_agree=False),
    Case("tuning", [bridge(ipam=host_local(V4, V6), capabilities={"mac": True}, **GATEWAY), TUNING], runtime={"mac": "02:00:5e:00:53:07"},
         versions=("0.3.1", "0.4.0", "1.0.0")),
    Case("tuning-arguments", [bridge(ipam=host_local(V4), capabilities={"mac": True}),
                              {"type": "tuning", "promisc": True, "args": {"cni": {"mtu": 1400, "promisc": False}}}],
         args="IgnoreUnknown=1;MAC=02:00:5e:00:53:08", runtime={"mac": "02:00:5e:00:53:07"}, versions=("1.0.0",)),
    Case("portmap-and-tuning", [bridge(ipam=host_local(V4, V6), capabilities={"mac": True}, **GATEWAY), portmap(), TUNING],
         runtime={**MAPPINGS, "mac": "02:00:5e:00:53:07"}, versions=("1.0.0",)),
    Case("firewall", [bridge(**ROUTED), firewall()], **FIREWALL),
    Case("firewall-v4", [bridge(ipam=host_local(V4), **GATEWAY), firewall(iptablesAdminChainName="NOMAD-ADMIN")], **FIREWALL),
    Case("firewall-behind-docker", [bridge(**ROUTED), firewall(backend="unknown")], prepare=(
        ("iptables", "-P", "FORWARD", "DROP"), ("iptables", "-N", "DOCKER-USER"),
        ("iptables", "-A", "FORWARD", "-j", "DOCKER-USER")), **FIREWALL),
    # The text of two comments has changed since 1.1.1.
    Case("firewall-same-bridge", [bridge(**ROUTED), firewall(ingressPolicy="same-bridge")], backends_agree=False, **FIREWALL),
    Case("podman", PODMAN, runtime=MAPPINGS, **FIREWALL),
    # The lists of podman and nerdctl, with tuning set to something.
    Case("podman-tuned", [bridge(ipam=host_local(V4, V6, routes=DEFAULTS), hairpinMode=True, capabilities={"mac": True}, **GATEWAY, **iptables_masquerade()),
                    portmap(), {"type": "firewall", "backend": ""}, TUNING],
         runtime={**MAPPINGS, "mac": "02:00:5e:00:53:07"}, versions=("0.4.0", "1.0.0")),
    Case("nerdctl", [bridge(ipam=host_local(V4, routes=DEFAULTS), hairpinMode=True, capabilities={"mac": True}, **GATEWAY, **iptables_masquerade()),
                     portmap(), {"type": "firewall", "ingressPolicy": "same-bridge"}, TUNING],
         runtime={**MAPPINGS, "mac": "02:00:5e:00:53:07"}, versions=("1.0.0",), backends_agree=False),
    Case("masquerade-and-portmap", [bridge(ipam=host_local(V4, V6), **GATEWAY, **iptables_masquerade()), portmap()],
         runtime=MAPPINGS, versions=("1.0.0",)),
    Case("bandwidth", [bridge(ipam=host_local(V4, V6), **GATEWAY), {"type": "bandwidth", **LIMITS}],
         versions=("0.3.1", "0.4.0", "1.0.0")),
    Case("bandwidth-ptp-ingress", [{"type": "ptp", "ipam": host_local(V4)},
                                   {"type": "bandwidth", "ingressRate": 10**9, "ingressBurst": 10**7}], versions=("1.0.0",)),
    Case("kubernetes-chain", [bridge(ipam=host_local(V4), isDefaultGateway=True, hairpinMode=True), portmap(),
                              {"type": "bandwidth", "capabilities": {"bandwidth": True}}],
         runtime={**MAPPINGS, "bandwidth": LIMITS}, versions=("0.4.0", "1.0.0")),
]

IPAM = [
    Case("host-local", [{"ipam": host_local(V4, V6, routes=DEFAULTS)}]),
    Case("host-local-range", [{"ipam": {"type": "host-local", "subnet": V4, "rangeStart": "10.61.0.10", "rangeEnd": "10.61.0.12"}}],
         versions=("1.0.0",)),
    Case("host-local-runtime-range", [{"capabilities": {"ipRanges": True}, "ipam": {"type": "host-local"}}],
         runtime={"ipRanges": [[{"subnet": "10.61.9.0/24"}]]}, versions=("1.0.0",)),
    Case("host-local-runtime-ips", [{"capabilities": {"ips": True}, "ipam": host_local(V4)}],
         runtime={"ips": ["10.61.0.44/24"]}, versions=("1.0.0",)),
    Case("host-local-args-ips", [{"args": {"cni": {"ips": ["10.61.0.45"]}}, "ipam": host_local(V4)}], versions=("1.0.0",)),
    Case("static", [{"ipam": STATIC}], versions=("0.3.1", "0.4.0", "1.0.0")),
    Case("static-env", [{"ipam": {"type": "static"}}], args="IgnoreUnknown=1;IP=10.61.4.5/24,fd00:61:4::5/64;GATEWAY=10.61.4.1",
         versions=("1.0.0",)),
    Case("static-runtime-ips", [{"capabilities": {"ips": True}, "ipam": {"type": "static"}}],
         runtime={"ips": ["10.61.5.5/24"]}, versions=("1.0.0",)),
]
for case in IPAM:
    case.plugins[0]["type"] = case.plugins[0]["ipam"]["type"]
