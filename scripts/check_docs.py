#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when README.md's plugin table differs from the first lines of the plugins' READMEs, when a plugin's folder lacks a file
that every plugin has, or when a Markdown link leads nowhere."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
bad = []


def plugins():
    """The folders that build a plugin, with the path that README.md links."""
    for path in sorted(ROOT.glob("plugins/*/CMakeLists.txt")) + sorted(ROOT.glob("ipam/*/CMakeLists.txt")):
        if "cni_plugin(" in path.read_text():
            yield path.parent


def check_table():
    text = (ROOT / "README.md").read_text()
    table = re.search(r"<!-- plugins.*?-->(.*?)<!-- /plugins -->", text, re.S)[1]
    for folder in plugins():
        for name in ("README.md", "example.conf"):
            if not (folder / name).exists():
                bad.append(f"{folder.relative_to(ROOT)}: {name} is missing")
                break
        else:
            path = folder.relative_to(ROOT)
            first = (folder / "README.md").read_text().splitlines()[0]
            row = f"| [{folder.name}]({path}/README.md) | {first} |"
            if row not in table.splitlines():
                bad.append(f"README.md: the plugin table wants the line: {row}")


def check_links():
    for page in sorted(ROOT.rglob("*.md")):
        if {"build", ".git"} & set(page.relative_to(ROOT).parts):
            continue
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                bad.append(f"{page.relative_to(ROOT)}: link to {target} leads nowhere")


check_table()
check_links()
print("\n".join(bad) or "documents ok")
sys.exit(bool(bad))
