# SPDX-License-Identifier: Apache-2.0
"""The features of network-policy-api's conformance suite for ClusterNetworkPolicy, with its four namespaces of two pods each."""
from policy.cases import Case, Check, Cluster, Step, case, node_address, pod_address
from policy.objects import NAME_LABEL, cluster_policy, destination, labels, namespace, policy, pods_in, rule

HOUSES = ("gryffindor", "slytherin", "hufflepuff", "ravenclaw")
PORTS = {"tcp": (80, 8080), "udp": (53, 5353), "sctp": (9003, 9005)}
KEYS = {"ingress": "from", "egress": "to"}
TIERS = ("Admin", "Baseline")
FROM_AND_TO_SLYTHERIN = "gryffindor > slytherin: {0}; slytherin > gryffindor: {0}"


class Houses(Cluster):
    """Every namespace and pod has the label house."""
    names = [f"{house}/{number}" for house in HOUSES for number in (0, 1)]

    @staticmethod
    def make_namespace(name):
        return namespace(name, house=name)

    @staticmethod
    def pod_labels(name):
        space, _, number = name.partition("/")
        return {"house": space, "number": number}


def named(house):
    return {"namespaces": labels(**{NAME_LABEL: house})}


def pods_of(house, **more):
    return {"pods": {"namespaceSelector": labels(house=house), "podSelector": labels(house=house, **more)}}


def act(action, direction, peer, *protocols):
    return {"action": action, KEYS[direction]: [peer], **({"protocols": list(protocols)} if protocols else {})}


def checks(protocol, *lines):
    return [Check(protocol.upper(), port, text) for port, text in zip(PORTS[protocol], lines)]


def one_way(direction, house, word):
    return f"gryffindor > {house}: {word}" if direction == "egress" else f"{house} > gryffindor: {word}"


def by_protocol(tier, direction, protocol):
    """Accept, Deny and Pass of everything and of one port; then the first two rules change places."""
    first, second = PORTS[protocol]
    some = [act("Accept", direction, named("ravenclaw")), act("Deny", direction, named("ravenclaw")),
            act("Deny", direction, named("slytherin"), destination(protocol, first)),
            act("Accept", direction, named("slytherin"), destination(protocol, first)),
            act("Accept", direction, named("hufflepuff"), destination(protocol, second)), act("Deny", direction, named("hufflepuff"))]
    if tier == "Admin":
        some.insert(3, act("Pass", direction, named("slytherin"), destination(protocol, first)))
    swapped = [some[1], some[0], *some[2:]]
    closed = f"{one_way(direction, 'slytherin', 'no')}; {one_way(direction, 'hufflepuff', 'no')}"
    no_ravens = one_way(direction, "ravenclaw", "no")
    return Case(f"{tier}: {direction} rules for {protocol}", [
        Step([cluster_policy("p", 10, named("gryffindor"), tier, **{direction: some})], checks(protocol, closed, "")),
        Step([cluster_policy("p", 10, named("gryffindor"), tier, **{direction: swapped})], checks(protocol, f"{closed}; {no_ravens}", no_ravens))])


def both_ways(action, peer, *protocols):
    return {direction: [act(action, direction, peer, *protocols)] for direction in KEYS}


def gress(tier):
    """Rules of both directions and all protocols in one policy."""
    first = [destination(protocol, numbers[0]) for protocol, numbers in PORTS.items()]
    spec = {direction: [act("Accept", direction, named("ravenclaw")), act("Deny", direction, named("ravenclaw")),
                        act("Deny", direction, named("slytherin"), *first), act("Accept", direction, named("hufflepuff"), *first),
                        act("Deny", direction, named("hufflepuff"))] for direction in KEYS}
    slytherin = FROM_AND_TO_SLYTHERIN.format("no")
    hufflepuff = slytherin.replace("slytherin", "hufflepuff")
    return case(f"{tier}: gress rules", [cluster_policy("p", 15, named("gryffindor"), tier, **spec)],
                *(each for protocol in PORTS for each in checks(protocol, slytherin, hufflepuff)))


def networks(tier):
    """Inline prefixes: slytherin's first pod denied, its range accepted, and the rest denied."""
    def prefixes(index, v4, v6):
        return {"networks": [f"{pod_address(index, 4)}/{v4}", f"{pod_address(index, 6)}/{v6}"]}
    some = [act("Deny", "egress", prefixes(2, 32, 128), destination("tcp", 80)), act("Accept", "egress", prefixes(2, 29, 125)),
            act("Deny", "egress", {"networks": ["0.0.0.0/0", "::/0"]})]
    # The range has the addresses of index 0 to 4 (IPv4: .8 to .15, IPv6: :8 to :f).
    rest = "gryffindor > hufflepuff/1,ravenclaw: no"
    return case(f"{tier}: egress to networks", [cluster_policy("p", 70, pods_of("gryffindor"), tier, egress=some)],
                *checks("tcp", f"gryffindor > slytherin/0: no; {rest}", rest), *checks("udp", rest, rest))


def isolation(tier):
    """One direction denied leaves the other open, replies included."""
    for direction in KEYS:
        yield case(f"{tier}: {direction} isolation", [cluster_policy("p", 50, named("gryffindor"), tier, **{direction: [
            act("Deny", direction, {"namespaces": {}})]})], *checks("tcp", *[one_way(direction, ",".join(HOUSES), "no")] * 2))


def ranges(tier):
    """A range of ports has both of its ends."""
    for direction in KEYS:
        for first, last, closed in ((80, 8080, (True, True)), (81, 8080, (False, True)), (80, 8079, (True, False)), (81, 8079, (False, False))):
            lines = [one_way(direction, "slytherin", "no") if each else "" for each in closed]
            yield case(f"{tier}: {direction} ports {first} to {last}", [cluster_policy("p", 50, named("gryffindor"), tier, **{direction: [
                act("Deny", direction, named("slytherin"), destination("tcp", first, last))]})], *checks("tcp", *lines))


def selectors(tier):
    """Pods by both selectors, and with the namespace selector left out, which is all namespaces."""
    yield case(f"{tier}: pod selectors", [cluster_policy("p", 50, pods_of("gryffindor", number="0"), tier, **both_ways("Deny", pods_of("slytherin", number="1")))],
               *checks("tcp", *["gryffindor/0 > slytherin/1: no; slytherin/1 > gryffindor/0: no"] * 2))
    yield case(f"{tier}: omitted namespace selector",
               [cluster_policy("p", 50, {"pods": {"podSelector": labels(number="0")}}, tier, ingress=[act("Deny", "ingress", {"pods": {"podSelector": labels(number="1")}})])],
               *checks("tcp", *["*/1 > */0: no"] * 2))


def priorities():
    """Admin before Baseline; a lower number first; one number: by name."""
    deny, base = cluster_policy("deny", 50, pods_of("gryffindor"), **both_ways("Deny", pods_of("slytherin"))), []
    for number, word in ((60, "no"), (40, "yes")):
        skip = cluster_policy("pass", number, pods_of("gryffindor"), **both_ways("Pass", pods_of("slytherin")))
        base.append(Step([deny, skip, cluster_policy("base", 10, pods_of("gryffindor"), "Baseline", **both_ways("Accept", pods_of("slytherin")))],
                         checks("tcp", *[FROM_AND_TO_SLYTHERIN.format(word)] * 2)))
    yield Case("Admin: priority field", base)
    for tier in TIERS:
        for first, second, word in (("Deny", "Accept", "no"), ("Accept", "Deny", "yes")):
            yield case(f"{tier}: same priority, {first} by the first name", [
                cluster_policy("b", 50, named("gryffindor"), tier, **both_ways(second, named("slytherin"))),
                cluster_policy("a", 50, named("gryffindor"), tier, **both_ways(first, named("slytherin")))],
                       *checks("tcp", *[FROM_AND_TO_SLYTHERIN.format(word)] * 2))


def integration():
    """Admin over NetworkPolicy over Baseline; Pass goes to NetworkPolicy, and without one to Baseline."""
    allow = policy("gryffindor/allow", types=["Ingress", "Egress"], ingress=[rule(pods_in(labels(house="slytherin")))],
                   egress=[rule(pods_in(labels(house="slytherin")), direction="to")])
    base = cluster_policy("base", 10, named("gryffindor"), "Baseline", **both_ways("Deny", named("slytherin")))
    isolated = "* > gryffindor: no; gryffindor > *: no; "
    yield Case("integration of the tiers with NetworkPolicy", [
        Step([cluster_policy("p", 10, named("gryffindor"), **both_ways("Deny", named("slytherin"))), allow, base], checks("tcp", *[isolated] * 2)),
        Step([cluster_policy("p", 10, named("gryffindor"), **both_ways("Pass", named("slytherin"))), allow, base],
             checks("tcp", *[isolated + FROM_AND_TO_SLYTHERIN.format("yes")] * 2)),
        Step([cluster_policy("p", 10, named("gryffindor"), **both_ways("Pass", named("slytherin"))), base],
             checks("tcp", *[FROM_AND_TO_SLYTHERIN.format("no")] * 2)),
        Step([cluster_policy("p", 10, named("gryffindor"), **both_ways("Accept", named("slytherin"))), base], checks("tcp", "", ""))])


def named_ports():
    """A name stands for the destination's own ports of that name, here serve-80-tcp and serve-80-udp."""
    for direction in KEYS:
        yield case(f"{direction} to a named port", [cluster_policy("p", 50, named("gryffindor"), **{direction: [
            act("Deny", direction, named("slytherin"), {"destinationNamedPort": "serve-80-tcp"})]})],
                   *checks("tcp", one_way(direction, "slytherin", "no"), ""), Check("UDP", 80, ""))


def nodes():
    """Node peers are the nodes' addresses, which no pod has."""
    yield case("egress to nodes", [cluster_policy("p", 75, pods_of("gryffindor"), egress=[act("Deny", "egress", {"nodes": {}})])], *checks("tcp", "", ""))
    prefix = {"networks": [f"{node_address(1, 4)}/32", f"{node_address(1, 6)}/128"]}
    yield case("egress to a node's prefix", [cluster_policy("p", 75, pods_of("gryffindor"), egress=[act("Deny", "egress", prefix)])], *checks("tcp", "", ""))


CASES = [by_protocol(tier, direction, protocol) for tier in TIERS for direction in KEYS for protocol in PORTS]
CASES += [each(tier) for tier in TIERS for each in (gress, networks)]
CASES += [one for tier in TIERS for each in (isolation, ranges, selectors) for one in each(tier)]
CASES += [*priorities(), *integration(), *named_ports(), *nodes()]
