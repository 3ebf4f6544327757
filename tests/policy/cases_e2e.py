# SPDX-License-Identifier: Apache-2.0
"""The cases of Kubernetes' end-to-end suite for NetworkPolicy (test/e2e/network/netpol), by their names."""
from policy.cases import Case, Step, case, pod_address, sctp, tcp, udp
from policy.objects import NAME_LABEL, block, expression, labels, pods_in, policy, port, rule

A = labels(pod="a")
X, Y, Z = labels(ns="x"), labels(ns="y"), labels(ns="z")
NOT_X = expression("ns", "NotIn", "x")
DENY_ALL = policy("x/deny-all", types=["Ingress", "Egress"])
DENY_IN = policy("x/deny-ingress", types=["Ingress"])
ISOLATED_A = "* > x/a: no"


def to_a(*peers, ports=None, name="x/allow"):
    return policy(name, A, types=["Ingress"], ingress=[rule(*peers, ports=ports)])


def from_a(*peers, ports=None, name="x/egress"):
    return policy(name, A, types=["Egress"], egress=[rule(*peers, ports=ports, direction="to")])


def both_families(index, *excepted, v4=32, v6=128):
    """Blocks around a pod; `excepted` are indices of pods."""
    return [block(f"{pod_address(index, 4)}/{v4}", *(pod_address(each, 4) + "/32" for each in excepted)),
            block(f"{pod_address(index, 6)}/{v6}", *(pod_address(each, 6) + "/128" for each in excepted))]


FROM_Y = pods_in(Y)
FROM_YA = pods_in(Y, A)
ONLY_Y = "x,z > x/a: no"
ONLY_YA = "* > x/a: no; y/a > x/a: yes"

INGRESS = [
    case("should support a 'default-deny-ingress' policy", [DENY_IN], tcp(80, "* > x: no")),
    case("should support a 'default-deny-all' policy", [DENY_ALL], tcp(80, "* > x: no; x > *: no")),
    case("should enforce policy to allow traffic from pods within server namespace based on PodSelector",
         [to_a(pods_in(pods=labels(pod="b")))], tcp(80, "* > x/a: no; x/b > x/a: yes")),
    case("should enforce policy to allow ingress traffic for a target", [DENY_IN, to_a(pods_in({}, {}))],
         tcp(80, "* > x/b,x/c: no")),
    case("should enforce policy to allow ingress traffic from pods in all namespaces", [to_a(pods_in(labels()))], tcp(80)),
    case("should enforce policy to allow traffic only from a different namespace, based on NamespaceSelector", [to_a(FROM_Y)],
         tcp(80, ONLY_Y)),
    case("should enforce policy based on PodSelector with MatchExpressions", [to_a(pods_in(pods=expression("pod", "In", "b")))],
         tcp(80, "* > x/a: no; x/b > x/a: yes")),
    case("should enforce policy based on NamespaceSelector with MatchExpressions", [to_a(pods_in(expression("ns", "In", "y")))],
         tcp(80, ONLY_Y)),
    case("should enforce policy based on PodSelector or NamespaceSelector", [to_a(pods_in(NOT_X), pods_in(pods=labels(pod="b")))],
         tcp(80, "x/c > x/a: no")),
    case("should enforce policy based on PodSelector and NamespaceSelector", [to_a(pods_in(NOT_X, labels(pod="b")))],
         tcp(80, "* > x/a: no; y/b,z/b > x/a: yes")),
    case("should enforce policy based on Multiple PodSelectors and NamespaceSelectors",
         [to_a(pods_in(NOT_X, expression("pod", "In", "b", "c")))], tcp(80, "x > x/a: no; y/a,z/a > x/a: no")),
    case("should enforce policy based on any PodSelectors", [to_a(pods_in(pods=labels(pod="b")), pods_in(pods=labels(pod="c")))],
         tcp(80, "* > x/a: no; x/b,x/c > x/a: yes")),
    case("should enforce policy to allow traffic only from a pod in a different namespace based on PodSelector and NamespaceSelector",
         [to_a(FROM_YA)], tcp(80, ONLY_YA)),
    case("should enforce policy based on Ports", [to_a(FROM_Y, ports=[port(81, "TCP")])], tcp(81, ONLY_Y), tcp(80, ISOLATED_A)),
    Case("should enforce multiple, stacked policies with overlapping podSelectors", [
        Step([to_a(FROM_Y, ports=[port(81, "TCP")])], [tcp(81, ONLY_Y), tcp(80, ISOLATED_A)]),
        Step([to_a(FROM_Y, ports=[port(81, "TCP")]), to_a(FROM_Y, ports=[port(80, "TCP")], name="x/more")], [tcp(80, ONLY_Y), tcp(81, ONLY_Y)])]),
    case("should support allow-all policy", [policy("x/allow-all", ingress=[{}])], tcp(80), tcp(81)),
    case("should allow ingress access on one named port", [policy("x/p", ingress=[rule(ports=[port("serve-81-tcp")])])],
         tcp(81), tcp(80, "* > x: no")),
    case("should allow ingress access from namespace on one named port", [to_a(FROM_Y, ports=[port("serve-80-tcp", "TCP")])],
         tcp(80, ONLY_Y), tcp(81, ISOLATED_A)),
    Case("should enforce updated policy", [Step([policy("x/p", ingress=[{}])], [tcp(81)]), Step([policy("x/p", ingress=[])], [tcp(81, "* > x: no")])]),
    Case("should allow ingress access from updated namespace", [
        Step([to_a(pods_in(labels(ns2="updated")))], [tcp(80, ISOLATED_A)]),
        Step([to_a(pods_in(labels(ns2="updated")))], [tcp(80, ISOLATED_A + "; y > x/a: yes")], {"y": {"ns2": "updated"}})]),
    Case("should allow ingress access from updated pod", [
        Step([to_a(pods_in(pods=labels(pod="b", pod2="updated")))], [tcp(80, ISOLATED_A)]),
        Step([to_a(pods_in(pods=labels(pod="b", pod2="updated")))], [tcp(80, "* > x/a: no; x/b > x/a: yes")], {"x/b": {"pod2": "updated"}})]),
    case("should deny ingress from pods on other namespaces", [policy("x/p", ingress=[rule(pods_in(pods=labels()))])], tcp(80, "y,z > x: no")),
    Case("should deny ingress access to updated pod", [
        Step([policy("x/deny", labels(target="isolated"))], [tcp(80)]),
        Step([policy("x/deny", labels(target="isolated"))], [tcp(80, ISOLATED_A)], {"x/a": {"target": "isolated"}})]),
    case("should enforce policy to allow traffic based on NamespaceSelector with MatchLabels using default ns label",
         [to_a(pods_in(labels(**{NAME_LABEL: "y"})))], tcp(80, ONLY_Y)),
]

EGRESS = [
    case("should allow egress access on one named port", [policy("x/p", types=["Egress"], egress=[rule(ports=[port("serve-80-tcp")])])],
         tcp(80), tcp(81, "x > *: no")),
    case("should deny egress from pods based on PodSelector", [policy("x/deny", A, types=["Egress"])], tcp(80, "x/a > *: no")),
    case("should deny egress from all pods in a namespace", [policy("x/deny", types=["Egress"])], tcp(80, "x > *: no")),
    case("should work with Ingress, Egress specified together",
         [policy("x/p", A, types=["Egress", "Ingress"], ingress=[rule(pods_in(pods=labels(pod="b")))], egress=[rule(ports=[port(80)])])],
         tcp(80, "* > x/a: no; x/b > x/a: yes"), tcp(81, "* > x/a: no; x/a > *: no; x/b > x/a: yes")),
    case("should support denying of egress traffic on the client side (even if the server explicitly allows this traffic)",
         [from_a(FROM_YA)] + [policy(f"y/in-{name}", labels(pod=name), ingress=[rule(pods_in(X, A))]) for name in "ab"],
         tcp(80, "x/a > *: no; * > y/a,y/b: no; x/a > y/a: yes")),
    case("should enforce egress policy allowing traffic to a server in a different namespace based on PodSelector and NamespaceSelector",
         [from_a(FROM_YA)], tcp(80, "x/a > *: no; x/a > y/a: yes")),
    case("should allow egress access to server in CIDR block", [from_a(*both_families(4))], tcp(80, "x/a > *: no; x/a > y/b: yes")),
    case("should enforce except clause while egress access to server in CIDR block", [from_a(*both_families(1, 1, v4=4, v6=4))],
         tcp(80, "x/a > x/b: no")),
    Case("should ensure an IP overlapping both IPBlock.CIDR and IPBlock.Except is allowed", [
        Step([from_a(*both_families(1, 1, v4=4, v6=4))], [tcp(80, "x/a > x/b: no")]),
        Step([from_a(*both_families(1))], [tcp(80, "x/a > *: no; x/a > x/b: yes")]),
        Step([from_a(*both_families(1, 1, v4=4, v6=4)), from_a(*both_families(1), name="x/more")], [tcp(80)])]),
    case("should enforce policy based on NamespaceSelector with MatchExpressions using default ns label",
         [from_a(pods_in(expression(NAME_LABEL, "NotIn", "y")))], tcp(80, "x/a > y: no")),
]

BOTH = [
    case("should enforce ingress policy allowing any port traffic to a server on a specific protocol", [to_a(ports=[port(protocol="TCP")])],
         tcp(80), udp(80, ISOLATED_A)),
    Case("should enforce multiple ingress policies with ingress allow-all policy taking precedence", [
        Step([policy("x/80", ingress=[rule(ports=[port(80)])])], [tcp(81, "* > x: no")]),
        Step([policy("x/80", ingress=[rule(ports=[port(80)])]), policy("x/all", ingress=[{}])], [tcp(81)])]),
    Case("should enforce multiple egress policies with egress allow-all policy taking precedence", [
        Step([policy("x/80", types=["Egress"], egress=[rule(ports=[port(80)])])], [tcp(81, "x > *: no")]),
        Step([policy("x/80", types=["Egress"], egress=[rule(ports=[port(80)])]), policy("x/all", types=["Egress"], egress=[{}])], [tcp(81)])]),
    Case("should stop enforcing policies after they are deleted", [Step([DENY_ALL], [tcp(80, "* > x: no; x > *: no")]), Step([], [tcp(80)])]),
    Case("should enforce policies to check ingress and egress policies can be controlled independently based on PodSelector", [
        Step([from_a()], [tcp(80)]), Step([from_a(), policy("x/deny", A)], [tcp(80, ISOLATED_A)])]),
    case("should not mistakenly treat 'protocol: SCTP' as 'protocol: TCP', even if the plugin doesn't support SCTP",
         [DENY_IN, to_a(ports=[port(81, "SCTP")])], tcp(81, "* > x: no")),
    case("should properly isolate pods that are selected by a policy allowing SCTP, even if the plugin doesn't support SCTP",
         [to_a(ports=[port(80, "SCTP")])], tcp(81, ISOLATED_A)),
    case("should not allow access by TCP when a policy specifies only UDP", [to_a(ports=[port(81, "UDP")])], tcp(81, ISOLATED_A)),
]


def over(check, protocol, suffix):
    """The three cases that the suite has for UDP and for SCTP."""
    return [
        case(f"should support a 'default-deny-ingress' policy ({suffix})", [DENY_IN], check(80, "* > x: no")),
        case(f"should enforce policy based on Ports ({suffix})", [to_a(FROM_Y, ports=[port(81, protocol)])],
             check(81, ONLY_Y), check(80, ISOLATED_A)),
        case("should enforce policy to allow traffic only from a pod in a different namespace based on PodSelector and NamespaceSelector"
             f" ({suffix})", [to_a(FROM_YA)], check(80, ONLY_YA)),
    ]


CASES = INGRESS + EGRESS + BOTH + over(udp, "UDP", "UDP") + over(sctp, "SCTP", "SCTP")
