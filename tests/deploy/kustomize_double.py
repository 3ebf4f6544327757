# SPDX-License-Identifier: Apache-2.0
"""A stand-in for kustomize, which Debian lacks: the few fields that conf-examples/kubernetes uses, and an error for every other.

    kustomize_double.py FOLDER      prints what `kubectl kustomize FOLDER` would apply
    kustomize_double.py --write     writes the ready-made files beside the overlays again
"""
import pathlib
import sys

import yaml

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "conf-examples/kubernetes"
KINDS = {"Kustomization": "kustomize.config.k8s.io/v1beta1", "Component": "kustomize.config.k8s.io/v1alpha1"}
FIELDS = {"apiVersion", "kind", "resources", "components", "patches", "configMapGenerator", "generatorOptions"}
# Lists that a strategic merge patch merges, by the field that names an entry. All others are replaced.
MERGE_KEYS = {"containers": "name", "initContainers": "name", "volumes": "name", "env": "name", "volumeMounts": "mountPath"}
HEADER = """\
# Plumb for Kubernetes, mode {mode}: overlays/{mode} in one file. docs/kubernetes.md says what to change.
# k0s and MKE: network provider "custom", and this file into /var/lib/k0s/manifests/plumb/.
# Others: kubectl apply -f.
"""


class Text(str):
    """Printed as a block, as it was written."""


yaml.SafeDumper.add_representer(Text, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|"))


def load(path):
    """The documents of a file."""
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document is not None]


def identity(thing):
    return thing["kind"], thing["metadata"].get("namespace"), thing["metadata"]["name"]


def merged(old, new, field=None):
    """`new` over `old`, as a strategic merge patch."""
    if isinstance(old, dict) and isinstance(new, dict):
        result = dict(old)
        for key, value in new.items():
            result[key] = merged(old[key], value, key) if key in old else value
        return result
    if isinstance(old, list) and isinstance(new, list) and field in MERGE_KEYS:
        key = MERGE_KEYS[field]
        entries = {entry[key]: entry for entry in old}
        for entry in new:
            entries[entry[key]] = merged(entries[entry[key]], entry) if entry[key] in entries else entry
        return list(entries.values())
    return new


def patch(things, change):
    found = [i for i, thing in enumerate(things) if identity(thing) == identity(change)]
    if len(found) != 1:
        raise ValueError(f"patch of {identity(change)}: {len(found)} objects match")
    things[found[0]] = merged(things[found[0]], change)


def config_map(folder, generator, options):
    if set(generator) - {"name", "namespace", "files"} or not options.get("disableNameSuffixHash"):
        raise ValueError(f"{folder}: configMapGenerator with {generator} and {options} is not understood")
    metadata = {"name": generator["name"], "namespace": generator["namespace"], "labels": options.get("labels", {})}
    data = {name: Text((folder / name).read_text(encoding="utf-8")) for name in generator["files"]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def inside(folder, name):
    """A patch or generator file: kustomize refuses what is outside the folder."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ValueError(f"{folder}: {name} is outside of it")
    return path


def resolve(folder, things=None):
    """The objects of a kustomization; a component changes `things`, those of whoever uses it."""
    (recipe,) = load(folder / "kustomization.yaml")
    unknown = set(recipe) - FIELDS
    if unknown or KINDS.get(recipe["kind"]) != recipe["apiVersion"]:
        raise ValueError(f"{folder}: {recipe['kind']} {recipe['apiVersion']} with {sorted(unknown)} is not understood")
    things = [] if things is None else things
    for name in recipe.get("resources", []):
        path = folder / name
        things += resolve(path) if path.is_dir() else load(inside(folder, name))
    for generator in recipe.get("configMapGenerator", []):
        things.append(config_map(folder, generator, recipe.get("generatorOptions", {})))
    for name in recipe.get("components", []):
        resolve(folder / name, things)
    for entry in recipe.get("patches", []):
        if set(entry) != {"path"}:
            raise ValueError(f"{folder}: a patch with {sorted(entry)} is not understood")
        for change in load(inside(folder, entry["path"])):
            patch(things, change)
    return things


def text_of(things):
    return yaml.safe_dump_all(things, sort_keys=False, width=120)


def overlays():
    return sorted(path.name for path in (EXAMPLES / "overlays").iterdir())


def ready_made(mode):
    """Path and content of the single file of a mode."""
    return EXAMPLES / f"plumb-{mode}.yaml", HEADER.format(mode=mode) + text_of(resolve(EXAMPLES / "overlays" / mode))


def main():
    if sys.argv[1:] == ["--write"]:
        for path, content in map(ready_made, overlays()):
            path.write_text(content, encoding="utf-8")
    elif len(sys.argv) == 2:
        print(text_of(resolve(pathlib.Path(sys.argv[1]))), end="")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
