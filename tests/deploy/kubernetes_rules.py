# SPDX-License-Identifier: Apache-2.0
"""Finds fields of an object that an API server would refuse: Debian lacks the server, but has its Python client's models.

The models know every field, its type, and which must be there; the values that a field may have are the API reference's.
"""
import re

from kubernetes.client import models

SIMPLE = {"str": str, "int": int, "bool": bool, "object": (str, int)}  # "object": a number or a percentage or name
LABEL_VALUE = r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
DNS_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
DNS_NAME = rf"{DNS_LABEL}(\.{DNS_LABEL})*"
QUANTITY = r"[0-9]+(\.[0-9]+)?(m|k|[MGTPE]|[KMGTPE]i)?"
VALUES = {
    ("V1ObjectMeta", "name"): DNS_NAME,
    ("V1ObjectMeta", "namespace"): DNS_LABEL,
    ("V1ObjectMeta", "labels"): LABEL_VALUE,
    ("V1LabelSelector", "matchLabels"): LABEL_VALUE,
    ("V1Container", "name"): DNS_LABEL,
    ("V1Container", "imagePullPolicy"): "Always|IfNotPresent|Never",
    ("V1Volume", "name"): DNS_LABEL,
    ("V1VolumeMount", "mountPath"): "/[^:]*",
    ("V1HostPathVolumeSource", "path"): "/.*",
    ("V1HostPathVolumeSource", "type"): "DirectoryOrCreate|Directory|FileOrCreate|File|Socket|CharDevice|BlockDevice",
    ("V1ResourceRequirements", "limits"): QUANTITY,
    ("V1ResourceRequirements", "requests"): QUANTITY,
    ("V1PodSpec", "dnsPolicy"): "ClusterFirst|ClusterFirstWithHostNet|Default|None",
    ("V1Toleration", "operator"): "Exists|Equal",
    ("V1DaemonSetUpdateStrategy", "type"): "RollingUpdate|OnDelete",
    ("V1RollingUpdateDaemonSet", "maxUnavailable"): "[1-9][0-9]*%?",
    ("V1HTTPGetAction", "path"): "/.*",
    ("V1PolicyRule", "verbs"): r"get|list|watch|create|update|patch|delete|deletecollection|\*",
    ("V1RoleRef", "kind"): "ClusterRole|Role",
    ("V1Subject", "kind"): "ServiceAccount|User|Group",
}
# Lists whose entries must have different values in this field.
UNIQUE = {"V1Container": "name", "V1Volume": "name", "V1VolumeMount": "mountPath", "V1EnvVar": "name"}


# Kinds that are younger than the models: the fields that are used here, after the API reference of 1.36.
TEXT, META = str, "V1ObjectMeta"
TEXTS = [str]
YOUNG = {
    "ValidatingAdmissionPolicy": {"apiVersion": TEXT, "kind": TEXT, "metadata": META, "spec": {
        "failurePolicy": TEXT,
        "matchConstraints": {"resourceRules": [{"apiGroups": TEXTS, "apiVersions": TEXTS, "operations": TEXTS, "resources": TEXTS}]},
        "matchConditions": [{"name": TEXT, "expression": TEXT}],
        "variables": [{"name": TEXT, "expression": TEXT}],
        "validations": [{"expression": TEXT, "message": TEXT, "messageExpression": TEXT, "reason": TEXT}]}},
    "ValidatingAdmissionPolicyBinding": {"apiVersion": TEXT, "kind": TEXT, "metadata": META,
                                         "spec": {"policyName": TEXT, "validationActions": TEXTS}},
}


def faults(thing):
    """The problems of an object, one line each."""
    if thing["kind"] in YOUNG:
        return list(_faults_of_young(thing, YOUNG[thing["kind"]], thing["kind"]))
    return list(_faults_of_model(thing, f"V1{thing['kind']}", thing["kind"]))


def _faults_of_young(value, form, where):
    if isinstance(form, str):
        yield from _faults_of_model(value, form, where)
    elif not isinstance(value, form if isinstance(form, type) else type(form)):
        yield f"{where}: {value!r} is not of type {form}"
    elif isinstance(form, list):
        for index, each in enumerate(value):
            yield from _faults_of_young(each, form[0], f"{where}[{index}]")
    elif isinstance(form, dict):
        for key, each in value.items():
            if key in form:
                yield from _faults_of_young(each, form[key], f"{where}.{key}")
            else:
                yield f"{where}: unknown field {key!r}; it has {', '.join(form)}"


def _faults_of_model(value, kind, where):
    model = getattr(models, kind)
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is not of type {kind}"
        return
    names = {json: python for python, json in model.attribute_map.items()}
    for key, each in value.items():
        if key not in names:
            yield f"{where}: unknown field {key!r}; {kind} has {', '.join(sorted(names))}"
            continue
        yield from _faults_of(each, model.openapi_types[names[key]], f"{where}.{key}")
        yield from _faults_of_value(each, VALUES.get((kind, key)), f"{where}.{key}")
    try:
        model(**{names[key]: each for key, each in value.items() if key in names})
    except ValueError as error:  # a field that is missing
        yield f"{where}: {error}"


def _faults_of(value, kind, where):
    list_of, dict_of = re.fullmatch(r"list\[(\w+)\]", kind), re.fullmatch(r"dict\(str, (\w+)\)", kind)
    if list_of or dict_of:
        if not isinstance(value, list if list_of else dict):
            yield f"{where}: {value!r} is not of type {kind}"
            return
        for key, each in enumerate(value) if list_of else value.items():
            yield from _faults_of(each, (list_of or dict_of)[1], f"{where}[{key}]")
        key = UNIQUE.get((list_of or dict_of)[1])
        if key and len({each.get(key) for each in value}) != len(value):
            yield f"{where}: two entries with the same {key}"
    elif kind in SIMPLE:
        if not isinstance(value, SIMPLE[kind]) or isinstance(value, bool) != (kind == "bool"):
            yield f"{where}: {value!r} is not of type {kind}"
    else:
        yield from _faults_of_model(value, kind, where)


def _faults_of_value(value, pattern, where):
    if pattern is not None:
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]:
            if not re.fullmatch(pattern, str(each)):
                yield f"{where}: {each!r} is not of the form {pattern}"
