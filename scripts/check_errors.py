#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares docs/errors.md with the code. Fails when
  * a message in a table of it (first column "message") is not in the code,
  * an error that a plugin or plumbd throws is not in the tables; a plugin's README may have such a table for its own errors,
  * a condition of `plumbd status` or an error code is not in the tables.
A message is quoted with <placeholders> for its variable parts. The text between them must be in the string literals of one statement, in that order; a literal may hold {} or {:spec} for a variable part.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = "docs/errors.md"
SOURCES = ("libcni", "plugins", "ipam", "agent", "tools/cnitool")
# The folders of which every thrown error must be in the tables.
COMPLETE = ("plugins/", "ipam/", "libcni/attach/", "libcni/plugin/", "libcni/fabric/", "agent/")
LEAST_QUOTED = 6  # characters between placeholders; less would be found anywhere
LEAST_THROWN = 8  # characters between variables; less is only a prefix of what another statement says
GAP = "\0"
TRIMMED = " \"':;,.()"
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|R"(?P<tag>\w*)\((?P<raw>.*?)\)(?P=tag)"|"(?P<text>(?:[^"\\\n]|\\.)*)"|\'(?:[^\'\\\n]|\\.)+\'|[;{}]|.',
                   re.S)
THROWS = re.compile(r"\bthrow\s+[\w:]*(?:Error|invalid_argument)\s*\(|(?<![.>\w:])(?:refuse|fail)\(")


class Statement:
    """The literals of a statement, with gaps between them, and its code without them."""

    def __init__(self, file, line):
        self.file, self.line, self.literals, self.code = file, line, "", ""
        self.adjacent = False

    def throws(self):
        return self.file.startswith(COMPLETE) and THROWS.search(self.code)

    def add_literal(self, text):
        text = re.sub(r"\{[^{}]*\}", GAP, re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), text))
        self.literals += text if self.adjacent or not self.literals else GAP + text
        self.adjacent = True

    def add_code(self, text):
        self.code += text
        if not text.isspace():
            self.adjacent = False


def statements(path, name):
    line, current = 1, Statement(name, 1)
    for token in TOKEN.finditer(path.read_text(encoding="utf-8")):
        text = token[0]
        if token["text"] is not None or token["raw"] is not None:
            current.add_literal(token["raw"] if token["text"] is None else token["text"])
        elif text in ";{}":
            yield current
            current = Statement(name, line)
        elif not text.startswith(("//", "/*")):
            if not current.code.strip() and not text.isspace():
                current.line = line
            current.add_code(text)
        line += text.count("\n")
    yield current


def all_statements(root):
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".cpp", ".h") and not path.name.endswith("_test.cpp") and "conformance" not in path.parts:
                yield from (each for each in statements(path, str(path.relative_to(root))) if each.literals)


class Message:
    def __init__(self, place, text):
        self.place, self.text = place, text
        parts = [part.strip(TRIMMED) for part in re.split(r"<[^<>]*>", text)]
        self.parts = [part for part in parts if part]
        self.size = sum(len(part) for part in self.parts)
        self.pattern = re.compile(".*".join(re.escape(part) for part in self.parts), re.S)

    def is_in(self, statement):
        return self.pattern.search(statement.literals) is not None


def table_rows(text):
    """(line, header, first cell) of each row of each table."""
    header = None
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] if line.startswith("|") else None
        if cells is None:
            header = None
        elif header is None:
            header = cells[0]
        elif not re.fullmatch(r"[-: ]+", cells[0]):
            yield number, header, cells[0]


def messages_of(root, page):
    rows = table_rows((root / page).read_text(encoding="utf-8"))
    return [Message(f"{page}:{number}", quoted) for number, header, cell in rows if header == "message"
            for quoted in re.findall(r"`([^`]+)`", cell)]


def all_messages(root):
    """The messages of each page; the README of a plugin is known by its folder."""
    pages = {PAGE: messages_of(root, PAGE)}
    for kind in ("plugins", "ipam"):
        for path in sorted((root / kind).glob("*/README.md")):
            pages[f"{kind}/{path.parent.name}/"] = messages_of(root, path.relative_to(root))
    return pages


def find_stale(pages, code):
    for message in (message for messages in pages.values() for message in messages):
        if message.size < LEAST_QUOTED:
            yield f"{message.place}: quote more of the message: {message.text}"
        elif not any(message.is_in(statement) for statement in code):
            yield f"{message.place}: no source file has this message: {message.text}"


def find_missing(pages, code):
    for statement in (each for each in code if each.throws()):
        if max(len(part.strip(TRIMMED)) for part in statement.literals.split(GAP)) < LEAST_THROWN:
            continue
        told = [message for page, messages in pages.items() if page == PAGE or statement.file.startswith(page) for message in messages]
        if not any(message.size >= LEAST_THROWN and message.is_in(statement) for message in told):
            shown = statement.literals.replace(GAP, "<...>")
            yield f"{PAGE}: lacks a line for the error at {statement.file}:{statement.line}: {shown}"


def find_unnamed(root):
    rows = table_rows((root / PAGE).read_text(encoding="utf-8"))
    named = {cell.strip("`") for _, header, cell in rows if header in ("code", "condition")}
    health = next((root / "agent").rglob("health.cpp")).read_text(encoding="utf-8")
    codes = (root / "libcni/spec/error.h").read_text(encoding="utf-8").partition("enum class Code")[2].partition("};")[0]
    for name in re.findall(r'Condition\{\s*"([a-z-]+)"', health) + re.findall(r"= (\d+),", codes):
        if name not in named:
            yield f"{PAGE}: lacks a row for {name}"


def check(root):
    pages, code = all_messages(root), list(all_statements(root))
    return [*find_stale(pages, code), *find_missing(pages, code), *find_unnamed(root)]


if __name__ == "__main__":
    found = check(ROOT)
    print("\n".join(found) or "errors ok")
    sys.exit(bool(found))
