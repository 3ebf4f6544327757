# SPDX-License-Identifier: Apache-2.0
"""The rules that the reference's nftables backends (1.6 to 1.9) write for a pod, for machines with an older release: the same
tables, chains, hooks, rules and comments, by the same tool."""
import hashlib

MASQUERADE = "inet cni_plugins_masquerade"


def _hash(text):
    return hashlib.sha512(text.encode()).hexdigest()[:16]


def _prefix_of(address):
    """10.61.0.2/24 and its family."""
    return address.partition("/")[0], "ip6" if ":" in address else "ip"


def masquerade(network, ifname, container_id, ips):
    """ipMasq with ipMasqBackend nftables. `ips` are those of a result."""
    comment = (f"{_hash(network)}-{_hash(f'{ifname}:{container_id}')}, net: {network}, if: {ifname}, "
               f"id: {container_id}")[:128]
    yield f'add table {MASQUERADE} {{ comment "Masquerading for plugins from github.com/containernetworking/plugins"; }}'
    yield (f'add chain {MASQUERADE} masq_checks {{ comment "Masquerade traffic from certain IPs to any (non-multicast) IP '
           'outside their subnet"; }')
    yield f"add chain {MASQUERADE} postrouting {{ type nat hook postrouting priority 100; }}"
    yield f"flush chain {MASQUERADE} postrouting"
    yield f"add rule {MASQUERADE} postrouting ip daddr == 224.0.0.0/4 return"
    yield f"add rule {MASQUERADE} postrouting ip6 daddr == ff00::/8 return"
    yield f"add rule {MASQUERADE} postrouting goto masq_checks"
    for ip in ips:
        address, family = _prefix_of(ip["address"])
        yield (f"add rule {MASQUERADE} masq_checks {family} saddr == {address} {family} daddr != {ip['address']} "
               f'masquerade comment "{comment}"')


def host_ports(container_id, ips, mappings):
    """portmap with backend nftables, without conditions."""
    for ip in ips:
        address, family = _prefix_of(ip["address"])
        table = f"{family} cni_hostport"
        yield f'add table {table} {{ comment "CNI portmap plugin"; }}'
        for chain in ("hostports", "hostip_hostports", "hostports_all"):
            yield f"add chain {table} {chain}"
        yield f"flush chain {table} hostports_all"
        yield f"add rule {table} hostports_all jump hostip_hostports"
        yield f"add rule {table} hostports_all jump hostports"
        for hook in ("prerouting", "output"):
            yield f"add chain {table} {hook} {{ type nat hook {hook} priority -100; }}"
            yield f"flush chain {table} {hook}"
            yield f"add rule {table} {hook} fib daddr type local jump hostports_all"
        yield f"add chain {table} masquerading {{ type nat hook postrouting priority 100; }}"
        to = f"[{address}]" if family == "ip6" else address
        for each in mappings:
            yield (f"add rule {table} hostports {each['protocol']} dport {each['hostPort']} dnat to "
                   f"{to}:{each['containerPort']} comment \"{container_id}\"")
        yield f'add rule {table} masquerading {family} saddr {address} {family} daddr {address} masquerade comment "{container_id}"'
        if family == "ip":
            yield f'add rule {table} masquerading ip saddr 127.0.0.1 ip daddr {address} masquerade comment "{container_id}"'


def mac_spoof_check(ifname, container_id, host_end, mac):
    """macspoofchk."""
    name = f"{container_id}-{ifname}"
    comment = f'comment "macspoofchk-{name}"'
    yield "add table bridge nat"
    yield "add chain bridge nat PREROUTING { type filter hook prerouting priority -300; }"
    yield f"add chain bridge nat cni-br-iface-{name}-mac"
    yield f"add chain bridge nat cni-br-iface-{name}"
    yield f"add rule bridge nat cni-br-iface-{name}-mac ether saddr {mac} return {comment}"
    yield f"add rule bridge nat cni-br-iface-{name}-mac drop {comment}"
    yield f"add rule bridge nat cni-br-iface-{name} jump cni-br-iface-{name}-mac {comment}"
    yield f'add rule bridge nat PREROUTING iifname "{host_end}" jump cni-br-iface-{name} {comment}'


def write(namespace, lines):
    """In one transaction, as the reference does."""
    namespace.run("nft", "-f", "-", text="\n".join(lines) + "\n")
