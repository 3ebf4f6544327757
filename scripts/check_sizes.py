#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a file, header, function or parameter list is longer than docs/architecture.md allows, "Sizes".

Exceptions live in scripts/size-allowlist.txt: `<path>[:<function>] <reason>` per line. An exception that nothing needs
any more is an error too.
"""
import pathlib
import re
import sys

MAX_FILE, MAX_HEADER, MAX_FUNCTION, MAX_PARAMETERS = 400, 120, 80, 4
AIM_FUNCTION = 60
TOPS = ("libcni", "ipam", "plugins", "agent", "tools", "tests", "scripts")
ALLOWLIST = pathlib.Path("scripts/size-allowlist.txt")

# Comments, strings (raw ones too) and character literals: their braces and commas mean nothing.
NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'|^[ \t]*#(?:\\\n|[^\n])*',
                   re.S | re.M)
NOT_A_FUNCTION = re.compile(r"^\s*(?:namespace|class|struct|union|enum|extern|if|for|while|switch|do|else|try|catch|return)\b")
NAME_BEFORE_PARENTHESIS = re.compile(r"(operator\s*(?:\(\)|[^\s(]+)|~?[A-Za-z_][\w:~]*)\s*\(")


def blank(match):
    return re.sub(r"[^\n]", " ", match[0]) if match[0][0] not in "\"'R" else '"' + re.sub(r"[^\n]", " ", match[0][1:])


def closing(text, start):
    """The index just past the bracket that closes the one at `start`."""
    depth = 0
    for index in range(start, len(text)):
        depth += text[index] in "({["
        depth -= text[index] in ")}]"
        if depth == 0:
            return index + 1
    return len(text)


def count_parameters(inside):
    """Top-level commas of a parameter list, template arguments aside."""
    if inside.strip() in ("", "void"):
        return 0
    depth, commas = 0, 0
    for character in inside:
        depth += character in "(<[{"
        depth -= character in ")>]}"
        commas += character == "," and depth == 0
    return commas + 1


def is_initialiser(head):
    """Returns whether the brace after `head` starts a value: `= {`, or `: member_{` of a constructor."""
    flat = re.sub(r"operator\s*[^\s(]+", "operator", head)
    while "(" in flat:
        start = flat.index("(")
        flat = flat[:start] + "@" + flat[closing(flat, start):]
    return "=" in flat or re.search(r"@\s*(?:noexcept\s*)?:[^:]", flat) and re.search(r"\w$", flat)


def functions(source):
    """Yields (name, first line, lines, parameters) of every function body."""
    text = NOISE.sub(blank, source)
    index = start = 0
    while index < len(text):
        character = text[index]
        if character in ";}":
            start = index + 1
        elif character == "(":
            index = closing(text, index)
            continue
        elif character == "{":
            head = text[start:index]
            head = re.sub(r"^(?:\s*(?:public|private|protected)\s*:)+", "", head)
            head = re.sub(r"^\s*template\s*<[^;{]*?>\s*(?=\w)", "", head)
            name = NAME_BEFORE_PARENTHESIS.search(head)
            if is_initialiser(head):
                index = closing(text, index)
                continue
            if name and not NOT_A_FUNCTION.match(head):
                end = closing(text, index)
                opening = head.index("(", name.start(1) + len(name[1]))
                inside = head[opening + 1:closing(head, opening) - 1]
                first = text.count("\n", 0, start + len(text[start:index]) - len(text[start:index].lstrip())) + 1
                macro = re.fullmatch(r"[A-Z][A-Z0-9_]+", name[1])
                yield (f"{name[1]}({inside.strip()})" if macro else name[1], first,
                       text.count("\n", 0, end) + 2 - first, 0 if macro else count_parameters(inside))
                index = start = end
                continue
            start = index + 1
        index += 1


def complaints(path):
    """Yields (key for the allow-list, complaint) of one file."""
    source = path.read_text(encoding="utf-8")
    lines = source.count("\n")
    limit = MAX_HEADER if path.suffix == ".h" else MAX_FILE
    if lines > limit:
        yield str(path), f"{path}: {lines} lines, at most {limit}"
    if path.suffix not in (".h", ".cpp"):
        return
    for name, first, length, parameters in functions(source):
        key = f"{path}:{re.sub(r'[^(]*::', '', name)}"
        if length > MAX_FUNCTION:
            yield key, f"{path}:{first}: {name} has {length} lines, at most {MAX_FUNCTION} (aim for {AIM_FUNCTION})"
        if parameters > MAX_PARAMETERS:
            yield key, f"{path}:{first}: {name} has {parameters} parameters, at most {MAX_PARAMETERS}"


def read_allowlist():
    allowed = {}
    if ALLOWLIST.exists():
        for line in ALLOWLIST.read_text(encoding="utf-8").splitlines():
            key, _, reason = line.partition(" ")
            if key and not key.startswith("#"):
                allowed[key] = reason.strip()
    return allowed


def sources():
    for top in TOPS:
        for path in sorted(pathlib.Path(top).rglob("*")):
            if path.is_file() and (path.suffix in (".h", ".cpp", ".py", ".sh") or path.parent.name == "scripts" and not path.suffix):
                yield path


def main():
    allowed = read_allowlist()
    bad = [f"{ALLOWLIST}: {key} gives no reason" for key, reason in allowed.items() if not reason]
    used, files = set(), list(sources())
    for path in files:
        for key, complaint in complaints(path):
            used.add(key)
            if key not in allowed:
                bad.append(complaint)
    bad += [f"{ALLOWLIST}: {key} is within the limits; remove the line" for key in allowed if key not in used]
    print("\n".join(bad) if bad else f"sizes: {len(files)} files ok")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
