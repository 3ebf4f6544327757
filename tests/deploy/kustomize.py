#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the overlays of conf-examples/kubernetes with kubectl.

    kustomize.py --write     writes the ready-made files beside the overlays again
"""
import functools
import os
import pathlib
import subprocess
import sys

import yaml

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "conf-examples/kubernetes"
HEADER = """\
# Plumb for Kubernetes, mode {mode}: overlays/{mode} in one file. docs/kubernetes.md says what to change.
# k0s and MKE: network provider "custom", and this file into /var/lib/k0s/manifests/plumb/.
# Others: kubectl apply -f.
"""


@functools.cache
def build(mode):
    """The text of an overlay, as `kubectl apply -k` would send it."""
    done = subprocess.run(["kubectl", "kustomize", EXAMPLES / "overlays" / mode], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "KUBECONFIG": os.devnull})
    if done.returncode != 0:
        raise RuntimeError(f"kubectl kustomize overlays/{mode}: {done.stderr.strip()}")
    return done.stdout


def resolve(mode):
    """The objects of an overlay. Their order is kustomize's, and differs from version to version."""
    return objects(build(mode))


def objects(text):
    return sorted(yaml.safe_load_all(text), key=identity)


def identity(thing):
    return thing["kind"], thing["metadata"].get("namespace", ""), thing["metadata"]["name"]


def overlays():
    return sorted(path.name for path in (EXAMPLES / "overlays").iterdir())


def ready_made(mode):
    """The path of the single file of a mode."""
    return EXAMPLES / f"plumb-{mode}.yaml"


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    for each in overlays():
        ready_made(each).write_text(HEADER.format(mode=each) + build(each), encoding="utf-8")
