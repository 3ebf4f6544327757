# SPDX-License-Identifier: Apache-2.0
"""Cases by dimension, as cyclonus generates them (targets, directions, peers, ports, actions, conflicts), and random ones."""
import itertools
import random

from policy.cases import Case, Step, case
from policy.objects import block, expression, labels, pods_in, policy, port, rule

DIRECTIONS = {"ingress": "from", "egress": "to"}
A, A_OR_B, C = labels(pod="a"), expression("pod", "In", "a", "b"), labels(pod="c")
X = labels(ns="x")
SOME_PEER = pods_in(expression("ns", "In", "x", "y"), expression("pod", "In", "b", "c"))
SOME_PORTS = [port(80, "TCP"), port(81, "UDP")]
RANGES = [block("10.244.1.0/28"), block("fd00:244:1::/124")]
CUT_RANGES = [block("10.244.1.0/28", "10.244.1.12/30"), block("fd00:244:1::/124", "fd00:244:1::c/126")]
PEERS = {
    "no peers": [], "pods of the namespace": [pods_in(pods={})], "pods of x": [pods_in(X, {})], "all pods": [pods_in({}, {})],
    "c of the namespace": [pods_in(pods=C)], "c of x": [pods_in(X, C)], "c of all": [pods_in({}, C)], "namespace x": [pods_in(X)],
    "block": RANGES, "block with a cut": CUT_RANGES, "c or a block": [pods_in(pods=C), *CUT_RANGES],
}
ENTRIES = [port(number, protocol) for protocol in (None, "TCP", "UDP", "SCTP") for number in (None, 81, "serve-81-tcp")]
ENTRIES += [port(80, "TCP", 81), port(81, "UDP", 90), port("serve-81-udp", "UDP")]


def one(direction, peers=None, ports=None, subject=None, space="x"):
    """A policy with one rule of one direction; None leaves the base's value."""
    peers = [SOME_PEER] if peers is None else peers
    entry = rule(*peers, ports=SOME_PORTS if ports is None else ports, direction=DIRECTIONS[direction])
    return policy(f"{space}/{direction}", A if subject is None else subject, types=[direction.capitalize()], **{direction: [entry]})


def targets():
    for space, (name, subject) in itertools.product("xyz", {"all": {}, "a": A, "a or b": A_OR_B}.items()):
        yield case(f"target {name} of {space}", [one("ingress", subject=subject, space=space), one("egress", subject=subject, space=space)])


def rules():
    for direction in DIRECTIONS:
        for name, some in {"absent": None, "empty": [], "all": [{}]}.items():
            yield case(f"{direction}: rules {name}", [policy("x/p", A, types=[direction.capitalize()], **{direction: some})])


def peers():
    for direction, (name, some) in itertools.product(DIRECTIONS, PEERS.items()):
        yield case(f"{direction}: {name}", [one(direction, peers=some)])
        yield case(f"{direction}: {name}, every port", [one(direction, peers=some, ports=[])])


def ports(pairs):
    """Each entry alone; with `pairs` also every two."""
    for direction in DIRECTIONS:
        for entry in ENTRIES:
            yield case(f"{direction}: port {entry}", [one(direction, ports=[entry], peers=[])])
            yield case(f"{direction}: port {entry} of some peers", [one(direction, ports=[entry])])
        for left, right in itertools.combinations(ENTRIES, 2) if pairs else ():
            yield case(f"{direction}: ports {left} and {right}", [one(direction, ports=[left, right])])


def actions():
    """Policies that are updated and deleted, labels that change, pods that finish or start to terminate."""
    for direction in DIRECTIONS:
        open_all = policy("x/base", A, types=[direction.capitalize()], **{direction: [{}]})
        yield Case(f"{direction}: updated and deleted", [Step([one(direction)]), Step([open_all]), Step([one(direction, peers=RANGES)]), Step([])])
        by_label = [one(direction, subject=labels(role="new"), peers=[pods_in(labels(team="new"), labels(role="new"))])]
        yield Case(f"{direction}: labels that change", [
            Step(by_label), Step(by_label, labels={"x/a": {"role": "new"}}), Step(by_label, labels={"x/a": {"role": "new"}, "y": {"team": "new"}}),
            Step(by_label, labels={"x/a": {"role": "new"}, "y": {"team": "new"}, "y/b": {"role": "new"}})])
        for phase in ("Failed", "Succeeded", "Pending"):
            yield case(f"{direction}: phase {phase}", [one(direction), one(direction, space="y", subject={})],
                       changes={"x/b": {"status": {"phase": phase}}, "y/b": {"status": {"phase": phase}}})
        yield case(f"{direction}: on the node's network", [one(direction, subject={})], changes={"x/b": {"spec": {"hostNetwork": True}}})
        yield case(f"{direction}: terminating", [one(direction, subject={})], changes={"x/b": {"metadata": {"deletionTimestamp": "2026-11-30T04:00:00Z"}}})


def conflicts():
    """Two policies for one pod: one that allows and one that does not, of one or both directions."""
    for left, right in itertools.product(DIRECTIONS, DIRECTIONS):
        for some in ("no peers", "c of x", "block with a cut"):
            deny = policy("x/deny", types=[left.capitalize()])
            yield case(f"{left} denied, {right} allowed to {some}", [deny, one(right, peers=PEERS[some], ports=[])])
        yield case(f"{left} and {right} of two policies", [one(left, peers=PEERS["c of x"]), {**one(right, peers=RANGES, ports=[port(81)]),
                                                           "metadata": {"namespace": "x", "name": "second"}}])


def malformed():
    """Objects that no API server takes today, but that older ones stored, or that a file may have."""
    bad = expression("pod", "Like", "a")
    for direction in DIRECTIONS:
        for entry in (port(81, "TCP", 80), port(None, "TCP", 90), port("serve-81-tcp", "TCP", 90), port(80, "ICMP"), port(80, "tcp")):
            yield case(f"{direction}: malformed port {entry}", [one(direction, ports=[entry], peers=[])])
        for peer in ({}, {"podSelector": None}, {**block("10.244.1.0/24"), "podSelector": {}}, block("ten"), block(""), block("::ffff:10.244.1.0/120"),
                     block("10.244.1.77/24"), block("10.244.1.0/24", "ten"), block("10.244.1.0/24", "10.244.1.12/30", "10.244.1.8/29"),
                     block("10.244.1.0/28", "10.0.0.0/8"), block("10.244.1.0/24", "fd00::/8"), pods_in(pods=bad), pods_in(bad), pods_in({}, bad)):
            yield case(f"{direction}: malformed peer {peer}", [one(direction, ports=[], peers=[peer])])
            yield case(f"{direction}: malformed peer {peer} and x", [one(direction, ports=[], peers=[peer, pods_in(X)])])
        yield case(f"{direction}: malformed subject", [one(direction, subject=bad)])
        yield case(f"{direction}: null lists", [policy("x/p", A, types=[direction.capitalize()], **{direction: [{DIRECTIONS[direction]: None, "ports": None}]})])
        yield case(f"{direction}: blocks and a name", [one(direction, ports=[port("serve-81-tcp")], peers=RANGES)])
        yield case(f"{direction}: empty types", [policy("x/p", A, types=[], **{direction: [rule(SOME_PEER, direction=DIRECTIONS[direction])]})])
    yield case("an older pod with an address of another", [policy("x/p", labels(pod="b")), policy("y/p", labels(pod="b"), egress=[{}])],
               changes={"y/b": {"status": {"podIPs": [{"ip": "10.244.1.12"}, {"ip": "fd00:244:1::f"}]}, "metadata": {"creationTimestamp": "2026-11-29T03:00:00Z"}}})


def all_cases(pairs=False):
    return [*targets(), *rules(), *peers(), *ports(pairs), *actions(), *conflicts()]


def random_selector(dice, key, values):
    kind = dice.randrange(7)
    if kind == 0:
        return {}
    if kind == 1:
        return labels(**{key: dice.choice(values)})
    if kind == 2:
        return expression(dice.choice((key, "absent")), dice.choice(("Exists", "DoesNotExist")))
    if kind == 3 and dice.random() < 0.1:
        return expression(key, "Like", "a")
    some = dice.sample(values, dice.randint(1, len(values)))
    return expression(dice.choice((key, key, "absent")), dice.choice(("In", "NotIn")), *some)


def random_peer(dice):
    kind = dice.randrange(5)
    pods, spaces = random_selector(dice, "pod", list("abc")), random_selector(dice, "ns", list("xyz"))
    if kind == 0:
        return pods_in(pods=pods)
    if kind == 1:
        return pods_in(spaces)
    if kind == 2:
        return pods_in(spaces, pods)
    base, length = dice.choice((("10.244.{}.{}", 32), ("fd00:244:{}::{:x}", 128)))
    prefix = length - dice.choice((0, 1, 2, 3, 4, 8))
    excepted = [f"{base.format(1, dice.randint(8, 22))}/{length - dice.randint(0, 2)}" for _ in range(dice.randrange(3))]
    return block(f"{base.format(1, dice.randint(8, 22))}/{prefix}", *excepted)


def random_rule(dice, direction):
    some = [random_peer(dice) for _ in range(dice.randrange(4))]
    entries = dice.sample(ENTRIES, dice.randrange(4))
    return rule(*some, ports=entries or dice.choice((None, [])), direction=DIRECTIONS[direction])


def random_case(seed):
    """Two to six policies of all three namespaces; the same for one seed."""
    dice, policies = random.Random(seed), []
    for number in range(dice.randint(2, 6)):
        spec = {direction: [random_rule(dice, direction) for _ in range(dice.randrange(3))] for direction in DIRECTIONS if dice.random() < 0.6}
        if dice.random() < 0.7:
            spec["types"] = dice.choice((["Ingress"], ["Egress"], ["Ingress", "Egress"]))
        policies.append(policy(f"{dice.choice('xyz')}/p{number}", random_selector(dice, "pod", list("abc")), **spec))
    return case(f"random {seed}", policies)
