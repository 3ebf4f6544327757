#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the published figures from the reports in docs/benchmarks: the tables of docs/benchmarks.md, the picture, and the five
figures of README.md. `scripts/bench --publish` renews the reports and runs this.

  main.py                write what differs
  main.py --check        fail when anything differs
  main.py renew FOLDER   take the reports of FOLDER, plugins.json and cluster.json, in place of those in docs/benchmarks
  main.py table FILE     print the plugins' report FILE as Markdown
"""
import json
import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE), str(HERE.parent / "cluster")]
import chart  # noqa: E402
import front_page  # noqa: E402
import plugins  # noqa: E402
import report as cluster_report  # noqa: E402


def between(text, marker, content, where):
    """`text` with `content` between the lines <!-- marker --> and <!-- /marker -->."""
    begin, end = f"<!-- {marker} -->\n", f"<!-- /{marker} -->\n"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{where}: the lines {begin.strip()} and {end.strip()} are missing; the figures go between them")
    return before + begin + content + end + after


def rendered(root, reports):
    """The required content of each file, by path, for the reports in a folder."""
    texts = {name: (reports / name).read_text(encoding="utf-8") for name in ("plugins.json", "cluster.json")}
    of_plugins, of_cluster = (json.loads(text) for text in texts.values())
    folder, page, readme = root / "docs/benchmarks", root / "docs/benchmarks.md", root / "README.md"
    tables = between(page.read_text(encoding="utf-8"), "bench", plugins.table(of_plugins), page)
    return {folder / name: text for name, text in texts.items()} | {
        page: between(tables, "bench cluster", cluster_report.markdown(of_cluster), page),
        readme: between(readme.read_text(encoding="utf-8"), "figures", front_page.figures(of_plugins, of_cluster), readme),
        folder / "add.svg": chart.Chart(of_plugins).svg(),
    }


def main(root, words):
    if words[:1] == ["table"]:
        print(plugins.table(json.loads(pathlib.Path(words[1]).read_text(encoding="utf-8"))), end="")
        return 0
    reports = pathlib.Path(words[1]) if words[:1] == ["renew"] else root / "docs/benchmarks"
    wanted = rendered(root, reports)
    differing = {path: text for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text}
    for path, text in differing.items():
        name = path.relative_to(root)
        if words == ["--check"]:
            print(f"{name}: differs from the reports in docs/benchmarks; run tests/bench/publish/main.py")
        else:
            path.write_text(text, encoding="utf-8")
            print(f"bench: {name} is renewed", file=sys.stderr)
    return 1 if differing and words == ["--check"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main(ROOT, sys.argv[1:]))
    except (KeyError, ValueError) as error:
        sys.exit(f"bench: nothing is published: {error.args[0]}")
