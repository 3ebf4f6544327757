#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An API server accepts conf-examples/kubernetes; its objects fit together, and request the rights that plumbd uses.

Python is Debian's, because the modules are.
"""
import copy
import os
import pathlib
import re
import subprocess
import sys
import unittest

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import kubernetes_rules  # noqa: E402
import kustomize  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
OVERLAYS = kustomize.EXAMPLES / "overlays"
MODES = {"vxlan": "vxlan", "host-gw": "host-gw", "bgp": "bgp", "bgp-services": "bgp"}


def plumbd(*arguments):
    folder = next(folder for folder in (os.environ.get("PLUMB_BIN"), ROOT / "build/release/bin", os.environ["PLUMB_BUILD_BIN"])
                  if folder and pathlib.Path(folder, "plumbd").exists())
    # plumbd takes every PLUMB_ variable for a key of its configuration.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PLUMB_")}
    return subprocess.run([pathlib.Path(folder, "plumbd"), *arguments], env=environment, capture_output=True, text=True, timeout=30,
                          check=False)


class Mode(unittest.TestCase):
    """Checks of one overlay; MODES has a subclass each."""
    mode = None

    def setUp(self):
        self.things = kustomize.resolve(self.mode)

    def one(self, kind, name="plumbd"):
        found = [thing for thing in self.things if thing["kind"] == kind and thing["metadata"]["name"] == name]
        self.assertEqual(len(found), 1, f"{kind} {name}")
        return found[0]

    def pod(self):
        return self.one("DaemonSet")["spec"]["template"]["spec"]

    def containers(self):
        return {each["name"]: each for each in self.pod()["containers"] + self.pod()["initContainers"]}

    def test_the_single_file_equals_the_overlay(self):
        text = kustomize.ready_made(self.mode).read_text(encoding="utf-8")
        self.assertEqual(kustomize.objects(text), self.things, "run tests/deploy/kustomize.py --write")

    def test_kubernetes_knows_every_field_and_misses_none(self):
        self.assertEqual([fault for thing in self.things for fault in kubernetes_rules.faults(thing)], [])

    def test_everything_has_a_kind_a_version_and_one_name(self):
        names = [kustomize.identity(thing) for thing in self.things]
        self.assertEqual(len(names), len(set(names)))
        versions = {"Namespace": "v1", "ServiceAccount": "v1", "ConfigMap": "v1", "DaemonSet": "apps/v1",
                    "ClusterRole": "rbac.authorization.k8s.io/v1", "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
                    "ValidatingAdmissionPolicy": "admissionregistration.k8s.io/v1",
                    "ValidatingAdmissionPolicyBinding": "admissionregistration.k8s.io/v1"}
        for thing in self.things:
            self.assertEqual(thing["apiVersion"], versions[thing["kind"]])

    def test_namespaced_things_are_in_the_namespace_that_is_made(self):
        self.one("Namespace", "plumb-system")
        for thing in self.things:
            cluster_wide = thing["kind"] == "Namespace" or thing["kind"].startswith(("ClusterRole", "ValidatingAdmissionPolicy"))
            self.assertEqual(thing["metadata"].get("namespace"), None if cluster_wide else "plumb-system", thing["kind"])

    def test_the_selector_finds_the_pods(self):
        spec = self.one("DaemonSet")["spec"]
        self.assertEqual(spec["selector"]["matchLabels"], spec["template"]["metadata"]["labels"])

    def test_plumbd_sees_the_reservations_of_pods(self):
        """K1: without the node's folder it cannot count the pods of a range that the node loses."""
        mount = next(each for each in self.containers()["plumbd"]["volumeMounts"] if each["mountPath"] == "/var/lib/cni/networks")
        volume = next(each for each in self.pod()["volumes"] if each["name"] == mount["name"])
        self.assertTrue(mount["readOnly"])
        self.assertEqual({"path": "/var/lib/cni/networks", "type": "DirectoryOrCreate"}, volume["hostPath"])

    def test_every_mount_has_its_volume_and_every_volume_its_mount(self):
        mounted = {mount["name"] for each in self.containers().values() for mount in each["volumeMounts"]}
        self.assertEqual(mounted, {volume["name"] for volume in self.pod()["volumes"]})

    def test_the_config_map_has_the_file_that_plumbd_is_given(self):
        volumes = {volume["name"]: volume for volume in self.pod()["volumes"]}
        agent = self.containers()["plumbd"]
        path = pathlib.PurePath(agent["command"][agent["command"].index("--config") + 1])
        mount = next(mount for mount in agent["volumeMounts"] if mount["mountPath"] == str(path.parent))
        config_map = self.one("ConfigMap", volumes[mount["name"]]["configMap"]["name"])
        self.assertIn(path.name, config_map["data"])

    def test_roles_are_bound_to_the_account_of_the_pods(self):
        account = self.one("ServiceAccount", self.pod()["serviceAccountName"])
        subject = {"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": account["metadata"]["namespace"]}
        roles = {thing["metadata"]["name"] for thing in self.things if thing["kind"] == "ClusterRole"}
        bindings = [thing for thing in self.things if thing["kind"] == "ClusterRoleBinding"]
        self.assertEqual({binding["roleRef"]["name"] for binding in bindings}, roles)
        for binding in bindings:
            self.assertEqual(binding["subjects"], [subject])

    def test_writes_are_tied_to_the_node_of_the_token(self):
        """RBAC alone lets the account of one node's plumbd patch every node."""
        spec = self.one("ValidatingAdmissionPolicy", "plumbd-own-node")["spec"]
        account = self.one("ServiceAccount")["metadata"]
        self.assertEqual(spec["failurePolicy"], "Fail")
        [condition] = spec["matchConditions"]
        self.assertEqual(condition["expression"], "request.userInfo.username == "
                         f"'system:serviceaccount:{account['namespace']}:{account['name']}'")
        [rule] = spec["matchConstraints"]["resourceRules"]
        # An annotation can be patched through both. Every object that plumbd may write is covered.
        self.assertEqual(rule["resources"], ["nodes", "nodes/status"])
        self.assertEqual(rule["operations"], ["CREATE", "UPDATE", "DELETE"])
        written = {resource for _, resource, verb in self.rights() if verb not in ("get", "list", "watch")}
        self.assertLessEqual(written, set(rule["resources"]))
        [node] = [each["expression"] for each in spec["variables"] if each["name"] == "tokenNode"]
        self.assertIn("'authentication.kubernetes.io/node-name'", node)
        expressions = [" ".join(each["expression"].split()) for each in spec["validations"]]
        self.assertIn("variables.tokenNode != ''", expressions)
        self.assertIn("variables.tokenNode == '' || request.name == variables.tokenNode", expressions)
        for each in spec["validations"]:
            self.assertEqual(each["reason"], "Forbidden", "without a reason the answer is 422 Invalid")
        binding = self.one("ValidatingAdmissionPolicyBinding", "plumbd-own-node")["spec"]
        self.assertEqual(binding, {"policyName": "plumbd-own-node", "validationActions": ["Deny"]})

    def test_no_container_sees_processes_or_memory_of_the_node(self):
        pod = self.pod()
        for key in ("hostPID", "hostIPC", "shareProcessNamespace"):
            self.assertFalse(pod.get(key, False))
        for container in self.containers().values():
            context = container["securityContext"]
            self.assertTrue(context["readOnlyRootFilesystem"])
            added = set(context["capabilities"].get("add", []))
            self.assertLessEqual(added, {"NET_ADMIN", "NET_RAW"} | ({"NET_BIND_SERVICE"} if container["name"] == "bird" else set()))
        paths = {volume["hostPath"]["path"] for volume in pod["volumes"] if "hostPath" in volume}
        self.assertEqual(paths, {"/run/plumb", "/var/lib/plumb", "/etc/cni/net.d", "/var/lib/cni/networks", "/proc/sys/net",
                                 "/run/xtables.lock", "/opt/cni/bin"})

    def test_no_secret_stands_in_an_argument_or_the_environment(self):
        for container in self.containers().values():
            self.assertLessEqual({each["name"] for each in container.get("env", [])}, {"NODE_NAME"})
            self.assertNotRegex(" ".join(container["command"]), "(?i)token|password|secret")

    def test_images_have_this_version_and_are_never_fetched_from_a_public_registry(self):
        version = re.search(r"^project\(plumb VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text(), re.M)[1]
        for container in self.containers().values():
            self.assertEqual(container["image"], f"localhost/plumb:{version}")
            self.assertEqual(container["imagePullPolicy"], "IfNotPresent")

    def test_no_container_is_privileged(self):
        for container in self.containers().values():
            context = container["securityContext"]
            self.assertNotIn("privileged", context)
            self.assertFalse(context["allowPrivilegeEscalation"])
            self.assertEqual(context["capabilities"]["drop"], ["ALL"])

    def test_S9_probes_ask_by_exec_and_restart_no_degraded_agent(self):
        agent = self.containers()["plumbd"]
        for probe, what in (("livenessProbe", "alive"), ("readinessProbe", "ready")):
            self.assertEqual(agent[probe]["exec"]["command"], ["plumbd", "status", "--probe", what])
        for container in self.containers().values():
            for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
                self.assertNotIn("httpGet", container.get(probe, {}), "a port can be kept busy by others")

    def test_S22_the_runtimes_seccomp_profile_is_used(self):
        self.assertEqual(self.pod()["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        for container in self.containers().values():
            self.assertNotIn("seccompProfile", container["securityContext"])

    def test_bird_runs_where_there_is_bgp_and_shares_plumbds_folder(self):
        self.assertEqual("bird" in self.containers(), MODES[self.mode] == "bgp")
        if "bird" in self.containers():
            run = {"name": "run", "mountPath": "/run/plumb"}
            self.assertIn(run, self.containers()["bird"]["volumeMounts"])
            self.assertIn(run, self.containers()["plumbd"]["volumeMounts"])

    def test_plumbd_accepts_the_configuration(self):
        # No conflist: its folder is the node's, not this machine's.
        done = plumbd("check", "--set", "cniConf=''", "--config", str(OVERLAYS / self.mode / "plumbd.yaml"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(yaml.safe_load((OVERLAYS / self.mode / "plumbd.yaml").read_text())["backend"], MODES[self.mode])

    def rights(self):
        """{(group, resource, verb)} of all roles."""
        return {(group, resource, verb) for thing in self.things if thing["kind"] == "ClusterRole" for rule in thing["rules"]
                for group in rule["apiGroups"] for resource in rule["resources"] for verb in rule["verbs"]}

    def test_rights_are_those_that_the_code_uses(self):
        asked = rights_asked_for()
        if self.mode != "bgp-services":
            asked = {right for right in asked if right[1].startswith("nodes")}
        self.assertEqual(self.rights(), asked)


def rights_asked_for():
    """{(group, resource, verb)} of the requests in agent/kubernetes: followed lists and patched objects."""
    code = "".join(path.read_text() for path in sorted((ROOT / "agent/source/kubernetes").glob("*.cpp")) if "_test" not in path.name)
    followed = re.findall(r'\{"(\w+)",\s*"/apis?(?:/v1|/([a-z.0-9]+)/v1)/(\w+)"\}', code)
    rights = {(group, resource, verb) for name, group, resource in followed for verb in ("list", "watch")}
    assert all(name == resource for name, _, resource in followed)
    patched = re.findall(r'"/api/v1/(\w+)/" \+[^;]*?"/(\w+)\?', code)
    rights |= {("", f"{resource}/{part}", "patch") for resource, part in patched}
    assert len(re.findall(r'"/apis?/', code)) == len(followed) + len(patched), "a request that this test does not understand"
    assert set(re.findall(r'method = "(\w+)"', code)) == {"PATCH"}, "a method that this test does not understand"
    return rights


for name in MODES:
    globals()[f"Mode_{name}"] = type(f"Mode_{name}", (Mode,), {"mode": name})


class Rules(unittest.TestCase):
    """The rules find the mistakes that they are for."""

    def faults(self, change):
        daemon_set = copy.deepcopy(next(thing for thing in kustomize.resolve("vxlan") if thing["kind"] == "DaemonSet"))
        change(daemon_set["spec"]["template"]["spec"])
        return "\n".join(kubernetes_rules.faults(daemon_set))

    def test_rules_find_mistakes(self):
        mistakes = {
            "containers[0]: unknown field 'imagePulPolicy'": lambda pod: pod["containers"][0].update(imagePulPolicy="Always"),
            "containers[0].imagePullPolicy: 'Sometimes'": lambda pod: pod["containers"][0].update(imagePullPolicy="Sometimes"),
            "containers[0].command: 'plumbd run' is not of type list": lambda pod: pod["containers"][0].update(command="plumbd run"),
            "containers[0]: Invalid value for `name`": lambda pod: pod["containers"][0].pop("name"),
            "containers: two entries with the same name": lambda pod: pod["containers"].append(pod["containers"][0]),
            "hostNetwork: 'yes' is not of type bool": lambda pod: pod.update(hostNetwork="yes"),
            "terminationGracePeriodSeconds: True is not of type int": lambda pod: pod.update(terminationGracePeriodSeconds=True),
            "limits: '128MB' is not": lambda pod: pod["containers"][0]["resources"]["limits"].update(memory="128MB"),
            "nodeSelector[kubernetes.io/os]: 1 is not of type str": lambda pod: pod["nodeSelector"].update({"kubernetes.io/os": 1}),
            "volumes[1]: Invalid value for `name`": lambda pod: pod["volumes"][1].pop("name"),
        }
        self.assertEqual(self.faults(lambda pod: None), "")
        policy = copy.deepcopy(next(thing for thing in kustomize.resolve("vxlan") if thing["kind"] == "ValidatingAdmissionPolicy"))
        policy["spec"]["validations"][0]["reasn"] = "Forbidden"
        self.assertIn("validations[0]: unknown field 'reasn'", "\n".join(kubernetes_rules.faults(policy)))
        for reported, change in mistakes.items():
            with self.subTest(reported):
                self.assertIn(reported, self.faults(change))


class Overlays(unittest.TestCase):
    def test_all_are_checked(self):
        self.assertEqual(set(kustomize.overlays()), set(MODES))


if __name__ == "__main__":
    del Mode
    unittest.main(verbosity=2)
