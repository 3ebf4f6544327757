#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when README.md's table of plugins is not up to date, when a plugin's folder lacks a file that every plugin has, or when
a Markdown link leads nowhere, to a file or to a heading."""
import re
import sys

import plugin_table
from plugin_table import ROOT

bad = []


def check_plugins():
    for folder in plugin_table.folders():
        if not (folder / "README.md").exists():
            bad.append(f"{folder.relative_to(ROOT)}: README.md is missing")
        if not any((folder / name).exists() for name in ("example.conf", "example.conflist")):
            bad.append(f"{folder.relative_to(ROOT)}: example.conf (of a chained plugin: example.conflist) is missing")
    if not bad and not plugin_table.is_current():
        bad.append("README.md: the table of plugins is not up to date; run scripts/plugin_table.py")


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    headings = (re.sub(r"\]\([^)]*\)", "]", heading) for heading in re.findall(r"^#+ (.*)", text, re.M))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links():
    for page in sorted(ROOT.rglob("*.md")):
        if {"build", ".git"} & set(page.relative_to(ROOT).parts):
            continue
        for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text()):
            path = page.parent / target if target else page
            if "://" in target:
                continue
            if not path.exists():
                bad.append(f"{page.relative_to(ROOT)}: link to {target} leads nowhere")
            elif anchor and path.suffix == ".md" and anchor not in anchors(path):
                bad.append(f"{page.relative_to(ROOT)}: link to {target}#{anchor} leads nowhere: the page does not have this heading")


check_plugins()
check_links()
print("\n".join(bad) or "documents ok")
sys.exit(bool(bad))
