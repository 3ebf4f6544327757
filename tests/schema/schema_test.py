#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The files in docs/schema: they are what the plugins' tables say, accept every example of the tree, and refuse what the plugins
refuse. Argument: the folder of the plugins."""
import json
import pathlib
import re
import subprocess
import sys
import unittest

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "docs/schema").glob("*.json"))}
PLUGINS = sorted(name.removesuffix(".json") for name in SCHEMAS if name not in ("conflist.json", "plugin.json", "ipam.json"))
IPAM = {path.name for path in ROOT.glob("ipam/*") if (path / "plugin.h").exists()}
WRONG_TYPE = {"string": 7, "integer": "7", "boolean": "true", "array": "x", "object": "x"}
SUITE_KEYS = set(re.findall(r'`"(\w+)": true`', (ROOT / "tests/conformance/README.md").read_text(encoding="utf-8")))
BIN = pathlib.Path()


def complaints(file, document):
    resolver = jsonschema.RefResolver("", {}, store=SCHEMAS)
    validator = jsonschema.Draft202012Validator(SCHEMAS[file], resolver=resolver)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(document)]


def examples():
    """(place, schema, document) for each configuration in the tree."""
    for path in sorted([*ROOT.glob("conf-examples/*.conflist"), *ROOT.glob("docs/examples/*/*.conflist"), *ROOT.glob("plugins/*/*.conf*"), *ROOT.glob("ipam/*/*.conf*")]):
        document = json.loads(path.read_text(encoding="utf-8"))
        if path.name == "conformance.conf":  # a part of a configuration, with keys of the suite
            kind = "ptp" if path.parent.name in IPAM else path.parent.name
            document = {"type": kind} | {key: document[key] for key in document.keys() - SUITE_KEYS}
        yield path.relative_to(ROOT), "conflist.json" if "plugins" in document else "plugin.json", document
    pages = [page for page in ROOT.rglob("*.md") if "build" not in page.relative_to(ROOT).parts]
    for page in sorted(pages):
        for block in re.findall(r"^```json\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
            document = json.loads(block)
            if "plugins" in document or "type" in document:
                yield page.relative_to(ROOT), "conflist.json" if "plugins" in document else "plugin.json", document


def example_of(name):
    """A configuration of one plugin that `--validate` accepts."""
    folder = ROOT / ("ipam" if name in IPAM else "plugins") / name
    document = json.loads(next(folder.glob("example.conf*")).read_text(encoding="utf-8"))
    for plugin in document.get("plugins", []):
        if name in (plugin["type"], plugin.get("ipam", {}).get("type")):
            document = plugin | {"name": "n", "cniVersion": "1.1.0"}
    return document


def keys_of(schema, path=()):
    """(path, schema) for each key below an object; 0 stands for an element of a list."""
    for name, each in schema.get("properties", {}).items():
        yield (*path, name), each
        yield from keys_of(each, (*path, name))
    if "items" in schema:
        yield (*path, 0), schema["items"]
        yield from keys_of(schema["items"], (*path, 0))


def with_value(document, path, value):
    """`document` with `value` at `path`; what is on the way and of another kind is made new."""
    if not path:
        return value
    if path[0] == 0:
        return [with_value(document[0] if isinstance(document, list) and document else None, path[1:], value)]
    members = document if isinstance(document, dict) else {}
    return members | {path[0]: with_value(members.get(path[0]), path[1:], value)}


def text_of(path):
    return re.sub(r"\.0", "[0]", ".".join(map(str, path)))


def validate(name, document):
    done = subprocess.run([BIN / name, "--validate"], input=json.dumps(document), capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)["errors"]


class SchemaTest(unittest.TestCase):
    def each_key(self):
        """(plugin, path in its schema, path in a configuration, schema)"""
        for name in PLUGINS:
            prefix = ("ipam",) if name in IPAM else ()
            for path, schema in keys_of(SCHEMAS[f"{name}.json"]):
                if path != ("type",) and path[0] not in ("name", "cniVersion", "prevResult", "$schema"):
                    yield name, path, (*prefix, *path), schema

    def judge(self, name, document):
        """The errors of the plugin and those of its schema, as one text each."""
        part = document["ipam"] if name in IPAM else document
        return "\n".join(validate(name, document)), "\n".join(complaints(f"{name}.json", part))

    def test_each_file_is_a_schema(self):
        self.assertGreater(len(PLUGINS), 10)
        for name, schema in SCHEMAS.items():
            with self.subTest(name):
                jsonschema.Draft202012Validator.check_schema(schema)

    def test_the_files_say_what_the_plugins_print(self):
        done = subprocess.run([ROOT / "scripts/schemas.py", "--check", "--binaries", BIN], capture_output=True, text=True, check=False)
        self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_every_example_is_accepted(self):
        all_examples = list(examples())
        self.assertGreater(len(all_examples), 30)
        for place, file, document in all_examples:
            with self.subTest(str(place)):
                self.assertEqual([], complaints(file, document))

    def test_every_plugin_of_the_suite_has_a_schema(self):
        built = {path.parent.name for path in [*ROOT.glob("plugins/*/plugin.h"), *ROOT.glob("ipam/*/plugin.h")]}
        self.assertEqual(built, set(PLUGINS))
        for file, names in (("plugin.json", built - IPAM), ("ipam.json", IPAM)):
            self.assertEqual(names, set(SCHEMAS[file]["properties"]["type"]["examples"]))

    def test_every_key_is_explained(self):
        for name, _, path, schema in self.each_key():
            if len(path) == (2 if name in IPAM else 1):
                with self.subTest(plugin=name, key=path):
                    self.assertTrue(schema.get("description"))

    def test_the_examples_of_the_plugins_are_accepted_by_both(self):
        for name in PLUGINS:
            with self.subTest(plugin=name):
                errors, complained = self.judge(name, example_of(name))
                self.assertEqual(("", ""), (errors, complained))

    def test_a_wrong_type_is_refused_as_the_plugin_refuses_it(self):
        """All keys of one plugin in two configurations: those that have members, then those that have none."""
        documents = {}
        for name, inner, path, schema in self.each_key():
            if schema.get("type") in WRONG_TYPE:
                outer = any(kind in schema for kind in ("properties", "items"))
                if not outer or 0 not in inner and len(inner) == 1:
                    documents.setdefault((name, outer), {})[inner] = (path, WRONG_TYPE[schema["type"]])
        self.assertGreater(len(documents), len(PLUGINS))
        for (name, _), values in documents.items():
            document = example_of(name)
            for path, value in values.values():
                document = with_value(document, path, value)
            errors, complained = self.judge(name, document)
            for inner, (path, _) in values.items():
                with self.subTest(plugin=name, key=path):
                    self.assertIn(f'key "{text_of(path)}" must be ', errors)
                    self.assertIn(f"{'.'.join(map(str, inner))}: ", complained)

    def test_other_words_and_numbers_are_refused_as_the_plugin_refuses_them(self):
        for name, _, path, schema in self.each_key():
            others = ["no-such-word"] if schema.get("type") == "string" and "enum" in schema else []
            others += [schema["minimum"] - 1] if "minimum" in schema else []
            others += [schema["maximum"] + 1] if "maximum" in schema else []
            for value in others:
                with self.subTest(plugin=name, key=path, value=value):
                    errors, complained = self.judge(name, with_value(example_of(name), path, value))
                    self.assertNotEqual("", errors, "the plugin accepts it")
                    self.assertIn(str(value), complained)

    def test_words_and_limits_are_accepted_as_the_plugin_accepts_them(self):
        for name, inner, path, schema in self.each_key():
            values = schema.get("enum", []) if schema.get("type") == "string" else []
            values = [*values, *(schema[limit] for limit in ("minimum", "maximum") if limit in schema)]
            for value in values if 0 not in inner else []:  # a lone member of an object in a list may lack others
                with self.subTest(plugin=name, key=path, value=value):
                    errors, complained = self.judge(name, with_value(example_of(name), path, value))
                    self.assertNotRegex(errors, f'key "{text_of(path)}" must be|{value}')
                    self.assertEqual("", complained)

    def test_unknown_keys_are_refused_beside_those_of_a_plugin(self):
        bridge = {"type": "bridge", "isGatway": True}
        self.assertIn("isGatway", complaints("plugin.json", bridge)[0])
        self.assertIn("isGatway", complaints("conflist.json", {"name": "n", "plugins": [bridge]})[0])
        self.assertIn("subnt", complaints("plugin.json", {"type": "ptp", "ipam": {"type": "host-local", "subnt": "10.1.0.0/24"}})[0])
        self.assertIn("disablechek", complaints("conflist.json", {"name": "n", "plugins": [{"type": "loopback"}], "disablechek": True})[0])

    def test_plugins_of_other_suites_may_have_any_keys(self):
        self.assertEqual([], complaints("plugin.json", {"type": "calico", "log_level": "info", "ipam": {"type": "calico-ipam", "x": 1}}))
        self.assertEqual([], complaints("plugin.json", {"type": "ptp", "cni.dev/x": 1, "ipam": {"type": "whereabouts", "range": "x"}}))


if __name__ == "__main__":
    BIN = pathlib.Path(sys.argv.pop(1))
    unittest.main()
