#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/schema/*.json, the JSON Schemas of all plugins' configurations, of lists and of the choice by `type`. Keys and types come
from the table in each plugin's sources that `--validate` uses, descriptions and defaults from the table of keys in its README.md.

  scripts/schemas.py                           writes them
  scripts/schemas.py --check                   fails when they are not up to date
  scripts/schemas.py --check --binaries DIR    the same, with the tables that the plugins in DIR print
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from plugin_table import ROOT, folders

SCHEMAS = ROOT / "docs/schema"
COMMON = ROOT / "libcni/plugin/validate.cpp", "kCommonKeys"
LIST = ROOT / "libcni/runtime/validate.cpp", "kListKeys"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
HEADER = "| key | type | default | meaning |"
SIMPLE = {"string": {"type": "string"}, "bool": {"type": "boolean"}, "int": {"type": "integer"}, "object": {"type": "object"},
          "uint": {"type": "integer", "minimum": 0}, "flag": {"enum": [True, False, "true", "false"]}}
# The first word of a README's column "type" -> the type in the schema.
README_TYPES = {"int": "integer", "bool": "boolean", "string": "string", "path": "string", "address": "string", "network": "string",
                "list": "array", "object": "object", "map": "object"}


class Mistake(Exception):
    pass


def constant(text, name):
    found = re.search(rf"string_view {name} =(.*?);", text, re.S)
    return found and found[1]


def sources(*places):
    for place in places:
        for path in sorted([*place.rglob("*.h"), *place.rglob("*.cpp")]):
            yield path.read_text()


def read_expression(folder, expression):
    """The words of a C++ expression: literals, constants kXxxKeys, and the keys of the plugins that this one runs."""
    words = []
    for literal, name, used in re.findall(r'"([^"]*)"|\b(k\w*Keys)\b|\b(used_plugins)\b', expression):
        if name:
            body = next(filter(None, (constant(text, name) for text in sources(folder, ROOT / "libcni"))), None)
            if not body:
                raise Mistake(f"{folder.relative_to(ROOT)}: the constant {name} is in no source of the folder or of libcni")
            words += read_expression(folder, body)
        elif used:
            words += [word for other in used_by(folder) for word in source_words(other)]
        else:
            words += literal.split()
    return words


def used_by(folder):
    found = re.search(r"USES ([\w -]+)", (folder / "CMakeLists.txt").read_text())
    return [ROOT / "plugins" / name for name in found[1].split()] if found else []


def source_words(folder):
    text = "\n".join(sources(folder))
    named = re.search(r"\.keys = (?:\w+::)*(\w+)", text)
    if not named:
        return []
    if named[1] == "kAllKeys":
        body = re.search(r"std::string all_keys\(\) \{(.*?)\n\}", text, re.S)
    else:
        body = re.search(rf"string_view {named[1]} =(.*?);", text, re.S)
    if not body:
        raise Mistake(f"{folder.relative_to(ROOT)}: .keys is {named[1]}, expected a constant kKeys, or kAllKeys that is all_keys()")
    return read_expression(folder, body[1])


def binary_words(binaries):
    return lambda folder: subprocess.run([binaries / folder.name, "--keys"], check=True, capture_output=True, text=True).stdout.split()


def plain(text):
    """A cell of a table without its marks."""
    text = re.sub(r" \(\[[^]]*\]\(#[^)]*\)\)", "", text)
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    return text.replace("*", "").replace("`", "").strip()


def rows(readme):
    """Key -> (type, default, meaning), the cells of a README's tables of keys."""
    found, inside = {}, False
    for line in readme.read_text().splitlines():
        inside = line == HEADER or inside and line.startswith("|")
        if not inside or line == HEADER or line.startswith("|---"):
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) != 4:
            raise Mistake(f"{readme.relative_to(ROOT)}: row {line!r} has {len(cells)} cells, expected 4")
        names = [re.sub(r".*\.", "", name) if name.startswith("ipam.") else name for name in re.findall(r"`([^`]+)`", cells[0])]
        defaults = [each.strip() for each in cells[2].split(",")]
        for index, name in enumerate(names):
            found[name] = (cells[1], defaults[index] if len(defaults) == len(names) else cells[2], cells[3])
    return found


def default_of(cell, schema):
    """The member `default` of a key whose default is written as a value."""
    value = cell.strip("`")
    kind = schema.get("type")
    if kind == "boolean" and value in ("true", "false"):
        return {"default": value == "true"}
    if kind == "integer" and value.isdigit():
        return {"default": int(value)}
    if kind == "string" and re.fullmatch("`[^`]+`", cell):
        return {"default": value}
    return {}


def described(schema, row):
    _, default, meaning = row
    text, value = plain(meaning), default_of(default, schema)
    if not value and default not in ("", "required", "none", "absent", "`[]`"):
        text += f"; default: {plain(default)}"
    return schema | value | {"description": text}


def leaf(kind, where):
    name, _, limits = kind.rstrip(")").partition("(")
    if name == "map":
        return {"type": "object", "additionalProperties": leaf(limits, where)}
    if name not in SIMPLE:
        raise Mistake(f"{where} has the type {kind!r}, expected one of libcni/json/known_keys.h, such as `mtu:int`")
    schema = dict(SIMPLE[name])
    if limits and name == "string":
        schema["enum"] = limits.split("|")
    elif limits:
        low, high = limits.split("..")
        schema |= {"minimum": int(low)} if low else {}
        schema |= {"maximum": int(high)} if high else {}
    return schema


class Keys:
    """The schema of an object from the words of a table and the rows of READMEs. An object that is a word of its own beside its members,
    such as runtimeConfig, may have others."""

    def __init__(self, words, tables, where):
        self.words = dict(reversed([(path, kind) for path, _, kind in (word.partition(":") for word in words)]))
        self.order = list(dict.fromkeys(word.partition(":")[0] for word in words))
        self.tables, self.where = tables, where

    def object(self, prefix=""):
        names = dict.fromkeys(re.split(r"[.\[]", path[len(prefix):])[0] for path in self.order if path.startswith(prefix))
        properties = {name: self.describe(prefix, name) for name in names}
        required = [name for name in names if prefix == "" and (self.row(name) or ("", ""))[1] == "required"]
        schema = {"type": "object", "properties": properties, "additionalProperties": False}
        return schema | ({"required": required} if required else {})

    def row(self, path):
        return next((table[path] for table in self.tables if path in table), None)

    def describe(self, prefix, name):
        path = prefix + name
        row = self.row(path.replace("[]", ""))
        if not row and not prefix:
            raise Mistake(f"{self.where}: README.md has no row of key `{name}` in a table with the head {HEADER!r}")
        schema = self.value(path)
        self.compare_type(path, schema, row)
        return described(schema, row) if row else schema

    def compare_type(self, path, schema, row):
        """The type in the README against that in the table of the sources."""
        word = re.match(r"\w*", row[0])[0] if row else ""
        documented, known = README_TYPES.get(word), schema.get("type")
        if documented and known and documented != known:
            raise Mistake(f"{self.where}: README.md says that key `{path}` is {row[0]!r}, the sources that it is of type {known}")

    def value(self, path):
        if path == "ipam":
            return {"$ref": "ipam.json"}
        if any(key.startswith(path + "[]") for key in self.order):
            return {"type": "array", "items": self.value(path + "[]")}
        if any(key.startswith(path + ".") for key in self.order):
            return self.object(path + ".") | ({"additionalProperties": True} if path in self.words else {})
        return leaf(self.words[path], f"{self.where}: key `{path}`")


def head(title, description):
    return {"$schema": DRAFT, "$comment": "Generated by scripts/schemas.py", "title": title, "description": plain(description)}


def choice(title, description, names, required):
    """An object whose `type` decides which schema it has; of other suites' plugins nothing is known."""
    kind = {"type": "string", "description": "Name of the plugin's executable.", "examples": names}
    return head(title, description) | {"type": "object", "properties": {"type": kind}, "required": required, "allOf": [
        {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": {"$ref": f"{name}.json"}} for name in names]}


def common_words(place):
    path, name = place
    return constant(path.read_text(), name).replace('"', " ").split()


def plugin_schema(folder, words, common):
    where = str(folder.relative_to(ROOT))
    readme = folder / "README.md"
    tables = [rows(each / "README.md") for each in (folder, *used_by(folder))] + [common]
    first = readme.read_text().splitlines()[0]
    if folder.parent.name == "ipam":
        inner = [word.removeprefix("ipam.") for word in words if word.startswith("ipam.")]
        schema = Keys(inner, tables, where).object()
    else:
        schema = Keys(words + common_words(COMMON), tables, where).object()
        schema["patternProperties"] = {"^cni\\.dev/": True}
    schema["properties"]["type"] |= {"const": folder.name}
    schema["required"] = ["type", *schema.get("required", [])]
    return head(folder.name, first) | schema


def list_schema(common):
    schema = Keys(common_words(LIST), [common], "docs/schema").object()
    schema["properties"]["plugins"] |= {"items": {"$ref": "plugin.json"}, "minItems": 1}
    return head("Network configuration list", "A file *.conflist: the plugins of a network, in the order of ADD.") | \
        schema | {"required": ["name", "plugins"]}


def make(words_of):
    """File name -> schema."""
    common = rows(SCHEMAS / "README.md")
    all_folders = list(folders())
    schemas = {folder.name: plugin_schema(folder, words_of(folder), common) for folder in all_folders}
    names = {parent: [each.name for each in all_folders if each.parent.name == parent] for parent in ("plugins", "ipam")}
    schemas["plugin"] = choice("Plugin configuration", "An element of a list's plugins, or a file *.conf.", names["plugins"], ["type"])
    schemas["ipam"] = choice("IPAM configuration", "The object ipam of an interface plugin.", names["ipam"], [])
    schemas["conflist"] = list_schema(common)
    return {f"{name}.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}


def stale(schemas):
    """The files that differ from `schemas`."""
    present = {path.name: path.read_text() for path in SCHEMAS.glob("*.json")}
    return sorted(name for name in present.keys() | schemas.keys() if present.get(name) != schemas.get(name))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--binaries", type=pathlib.Path)
    options = parser.parse_args()
    try:
        schemas = make(binary_words(options.binaries) if options.binaries else source_words)
    except Mistake as mistake:
        sys.exit(str(mistake))
    old = stale(schemas)
    if options.check and old:
        sys.exit(f"docs/schema: {', '.join(old)} not up to date; run scripts/schemas.py")
    for name in [] if options.check else old:
        if name in schemas:
            (SCHEMAS / name).write_text(schemas[name])
        else:
            (SCHEMAS / name).unlink()


if __name__ == "__main__":
    main()
