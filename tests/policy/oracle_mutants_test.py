#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every requirement, broken on purpose in the oracle, makes one of the oracle's own tests fail."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
# (requirement, file, text, text instead)
MUTANTS = [
    ("NP-001", "oracle", 'if policy["metadata"]["namespace"] != pod["metadata"]["namespace"]:', "if False:"),
    ("NP-002", "label_selectors", "for key, value in equal.items()) and all(", "for key, value in equal.items()) or all("),
    ("NP-003", "label_selectors", "key not in labels or labels[key] not in values", "key in labels and labels[key] not in values"),
    ("NP-004", "oracle", "return True, False", "return False, False"),
    ("NP-005", "oracle", "return in_namespaces and (by_pods", "return in_namespaces or (by_pods"),
    ("NP-006", "oracle", "if pod is None or by_pods is None and by_namespaces is None:", "if pod is None:"),
    ("NP-007", "label_selectors", "if labels is None:\n        return False", "if labels is None:\n        labels = {}"),
    ("NP-008", "view", 'not (pod.get("spec") or {}).get("hostNetwork") and ', ""),
    ("NP-009", "view", 'TERMINAL = ("Succeeded", "Failed")', 'TERMINAL = ("Succeeded",)'),
    ("NP-010", "view", "not in TERMINAL", 'not in TERMINAL and not pod["metadata"].get("deletionTimestamp")'),
    ("NP-011", "view", "for each in listed if each]", "for each in listed[:1] if each]"),
    ("NP-012", "view", "self.by_address[address] = pod", "self.by_address.setdefault(address, pod)"),
    ("NP-020", "oracle", 'return [INGRESS, EGRESS] if spec.get("egress")', 'return [INGRESS, EGRESS] if "egress" in spec'),
    ("NP-021", "oracle", 'return spec["policyTypes"]', 'return spec["policyTypes"] + ([INGRESS] if spec.get("ingress") else [])'),
    ("NP-022", "oracle", "if not selected or direction not in types_of(spec):", "if not selected:"),
    ("NP-025", "oracle", 'rule.get("ports") or [None]', 'rule.get("ports", [None])'),
    ("NP-026", "oracle", "return Decision(True, \"NetworkPolicy\", name, number)  # NP-026: the union", "pass"),
    ("NP-027", "oracle", "return self.egress.accept and self.ingress.accept", "return self.ingress.accept"),
    ("NP-029", "oracle", "for peer in peers for port in ports)", "for peer in peers for port in [None])"),
    ("NP-040", "oracle", '(entry.get("protocol") or "TCP") != packet.protocol', 'entry.get("protocol") not in (None, packet.protocol)'),
    ("NP-042", "oracle", "return port <= packet.port <= end", "return port <= packet.port < end"),
    ("NP-043", "oracle", "named_ports(destination).get((port, packet.protocol)) == packet.port", "packet.port == 80"),
    ("NP-045", "oracle", "or destination is None or is_block:", "or destination is None:"),
    ("NP-046", "view", 'each.get("restartPolicy") == "Always"', "True"),
    ("NP-060", "oracle", 'address = packet.source if direction == INGRESS else packet.destination', "address = packet.source"),
    ("NP-061", "view", "return address in whole and not any(address in each for each in excepted)", "return address in whole"),
    ("NP-063", "view", "strict=False", "strict=True"),
    ("NP-063", "view", "parsed.version == 6 and parsed.network_address.ipv4_mapped is not None", "False"),
    ("NP-080", "oracle", "return EXEMPT_NODE", "pass"),
    ("NP-081", "oracle", "(packet.node or view.node_at(packet.source)) == node_of(pod)", "(packet.node or view.node_at(packet.source))"),
    ("NP-082", "oracle", "view.node_at(packet.destination) == node_of(pod)", "False"),
    ("NP-084", "oracle", "if packet.source == packet.destination and not packet.translated:", "if False:"),
    ("NP-086", "oracle", "if packet.source == packet.destination and not packet.translated:", "if packet.source == packet.destination:"),
    ("NP-088", "oracle", 'if packet.protocol not in ("TCP", "UDP", "SCTP") or', "if"),
    ("NP-091", "oracle", "continue  # NP-091", "pass"),
    ("NP-200", "tiers", '(each["spec"].get("priority", 0), each["metadata"]["name"])', 'each["spec"].get("priority", 0)'),
    ("NP-200", "tiers", '(each["spec"].get("priority", 0), each["metadata"]["name"])', 'each["metadata"]["name"]'),
    ("NP-201", "tiers", "return None  # NP-201: leaves the tier", "continue"),
    ("NP-202", "tiers", "return action == \"Accept\", tier, policy[\"metadata\"][\"name\"], number\n    return None",
     "return action == \"Accept\", tier, policy[\"metadata\"][\"name\"], number\n    return (False, tier) if policies else None"),
    ("NP-203", "oracle", "decision = decision or by_network_policies(view, pod, packet, direction)",
     "decision = decision or (lambda one: one if one and one.rule is not None else None)(by_network_policies(view, pod, packet, direction))"),
    ("NP-204", "tiers", 'selects(peer["pods"].get("podSelector") or {}, labels_of(pod)) and of_namespaces', "of_namespaces"),
    ("NP-205", "tiers", 'None if name is None else labels_of(view.nodes[name])', "{}"),
    ("NP-206", "tiers", "parse(address) in network(each) for each", "view.pod_at(address) is None and parse(address) in network(each) for each"),
    ("NP-207", "tiers", 'if packet.protocol != PROTOCOLS[known[0]]:', "if False:"),
    ("NP-207", "tiers", '(entry["destinationNamedPort"], packet.protocol)', '(entry["destinationNamedPort"], "TCP")'),
    ("NP-208", "tiers", 'return None if action == "Accept" else "Deny"', "return None"),
    ("NP-210", "oracle", "return EXEMPT_NODE", "pass"),
    ("NP-212", "oracle", "    decision = tiers.decide(view, pod, packet, direction, tier=\"Admin\")",
     "    if is_exempt(view, pod, packet, direction):\n        return SELF\n    decision = tiers.decide(view, pod, packet, direction, tier=\"Admin\")"),
]


def survives(file, text, instead):
    """Returns whether the tests pass although the file is broken."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, "policy")
        shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        broken = copy / f"{file}.py"
        source = broken.read_text(encoding="utf-8")
        assert source.count(text) >= 1, f"{file}.py does not have: {text}"
        broken.write_text(source.replace(text, instead), encoding="utf-8")
        command = [sys.executable, "-B", "-m", "unittest", "-q", "-f", "oracle_test", "tiers_test"]
        return subprocess.run(command, cwd=copy, capture_output=True, timeout=60, check=False).returncode == 0


class OracleMutantsTest(unittest.TestCase):
    def test_every_broken_requirement_is_noticed(self):
        for row, file, text, instead in MUTANTS:
            with self.subTest(row=row, text=text):
                self.assertFalse(survives(file, text, instead))


if __name__ == "__main__":
    unittest.main()
