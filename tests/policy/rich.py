# SPDX-License-Identifier: Apache-2.0
"""One step whose policies use every kind of rule, so that a fault in one of them shows."""
from policy.cases import Step
from policy.objects import block, expression, labels, pods_in, policy, port, rule

STEP = Step([
    # x/a: from y, but not y/c, on two ports; from x/b on a range.
    policy("x/in", labels(pod="a"), types=["Ingress"], ingress=[
        rule(pods_in(labels(ns="y"), expression("pod", "NotIn", "c")), ports=[port(80), port(81, "UDP")]),
        rule(pods_in(pods=labels(pod="b")), ports=[port(70, "TCP", 80)])]),
    # x/b: two policies that add up; the second by name.
    policy("x/b-one", labels(pod="b"), types=["Ingress"], ingress=[rule(pods_in(expression("team", "NotIn", "blue")), ports=[port(81)])]),
    policy("x/b-two", labels(pod="b"), types=["Ingress"], ingress=[rule(pods_in(labels(ns="z")), ports=[port("serve-80-udp", "UDP")])]),
    # y: out to a cut range, and to z on a name.
    policy("y/out", expression("pod", "In", "a", "b"), types=["Egress"], egress=[
        rule(block("10.244.1.0/28", "10.244.1.12/31"), block("fd00:244:1::/124", "fd00:244:1::c/127"), direction="to"),
        rule(pods_in(labels(ns="z")), ports=[port("serve-81-tcp")], direction="to")]),
    # z: both ways closed, apart from a and what z itself says; c is open by a label that it does not have.
    policy("z/closed", expression("open", "DoesNotExist"), types=["Ingress", "Egress"]),
    policy("z/some", labels(pod="a"), types=["Ingress", "Egress"], ingress=[rule(pods_in({}, labels(pod="a")))],
           egress=[rule(block("192.0.2.0/24"), direction="to"), rule(pods_in({}, labels(pod="a")), direction="to")]),
], labels={"y": {"team": "blue"}, "z/c": {"open": "yes"}})
