#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes README.md's table of plugins from the first line of each plugin's README.md, and the line with the plugins of the
reference suite that are not here yet.

  scripts/plugin_table.py           writes it
  scripts/plugin_table.py --check   fails when it is not up to date
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
# containernetworking/plugins 1.9, without those for Windows.
REFERENCE = ("bandwidth", "bridge", "dhcp", "dummy", "firewall", "host-device", "host-local", "ipvlan", "loopback", "macvlan", "portmap",
             "ptp", "sbr", "static", "tap", "tuning", "vlan", "vrf")
PLACE = re.compile(r"(<!-- plugins.*?-->\n).*?(<!-- /plugins -->)", re.S)


def folders():
    """The folders that build a plugin: plugins first, then IPAM."""
    for parent in ("plugins", "ipam"):
        for path in sorted(ROOT.glob(f"{parent}/*/CMakeLists.txt")):
            if "cni_plugin(" in path.read_text():
                yield path.parent


def rows():
    for folder in folders():
        first = (folder / "README.md").read_text().splitlines()[0]
        yield f"| [{folder.name}]({folder.relative_to(ROOT)}/README.md) | {first} |"


def missing():
    here = {folder.name for folder in folders()}
    names = [f"`{name}`" for name in REFERENCE if name not in here]
    return f"Not here yet, of the reference suite: {', '.join(names)}." if names else "All plugins of the reference suite are here."


def updated(text):
    """README.md's text with the table and the line as they must be."""
    content = "\n".join(["| plugin | what it does |", "|---|---|", *rows(), "", missing()])
    return PLACE.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text)


def is_current():
    text = README.read_text()
    return text == updated(text)


def main():
    if sys.argv[1:] == ["--check"]:
        if not is_current():
            sys.exit("README.md: the table of plugins is not up to date; run scripts/plugin_table.py")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    elif not is_current():
        README.write_text(updated(README.read_text()))


if __name__ == "__main__":
    main()
