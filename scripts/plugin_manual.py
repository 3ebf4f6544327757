#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the manual page of a plugin, made from the README.md of its folder.

  scripts/plugin_manual.py FOLDER VERSION

Tables become lists of terms, links become their text.
"""
import pathlib
import re
import sys

# Cells that say without the name of their column what they are.
CLEAR_COLUMNS, CLEAR_WORDS = ("key", "type"), ("required",)


def escape(text):
    return text.replace("\\", "\\e").replace("'", "\\(aq").replace("^", "\\(ha").replace("~", "\\(ti").replace("`", "\\(ga")


def inline(text):
    """Code and strong words are bold, emphasis is italic; a link is its text."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text.strip())
    result = ""
    for piece in re.split(r"(`[^`]*`|\*\*.+?\*\*|(?<![\w*])\*[^*\s][^*]*\*(?!\w))", text):
        if piece.startswith("`"):
            result += f"\\fB{escape(piece[1:-1]).replace('-', chr(92) + '-')}\\fR"
        elif piece.startswith("**"):
            result += f"\\fB{inline(piece[2:-2])}\\fR"
        elif piece.startswith("*") and len(piece) > 2:
            result += f"\\fI{escape(piece[1:-1])}\\fR"
        else:
            result += escape(piece)
    return result


def line(text):
    """A line of text, which must not look like a request."""
    return f"\\&{text}" if text.startswith((".", "'")) else text


def cells(row):
    """The cells of a table's row; a bar in code is a part of its cell."""
    bare = re.sub(r"`[^`]*`", lambda code: code[0].replace("|", "\0"), row.strip().strip("|").replace("\\|", "\0"))
    return [cell.strip().replace("\0", "|") for cell in bare.split("|")]


def table(rows):
    head, _, *body = [cells(row) for row in rows]
    for term, *rest in body:
        yield ".TP"
        yield line(inline(term) or "\\&")
        notes = [text if name in CLEAR_COLUMNS or text in CLEAR_WORDS else f"{name} {text}" for name, text in zip(head[1:-1], rest[:-1]) if text]
        words = [f"({'; '.join(inline(note) for note in notes)})"] if notes else []
        yield line(" ".join(words + [inline(rest[-1])]) if rest else "")
    yield ".PP"


class Page:
    """Blocks of Markdown to lines of roff."""

    def __init__(self):
        self.out, self.depths, self.paragraph = [], [], []

    def end_paragraph(self):
        if self.paragraph:
            self.out.append(line(inline(" ".join(self.paragraph))))
            self.paragraph = []

    def close_lists(self, depth=-1):
        self.end_paragraph()
        while self.depths and self.depths[-1] > depth:
            self.depths.pop()
            self.out.append(".RE" if self.depths else ".PP")

    def item(self, indent, mark, text):
        self.close_lists(indent)
        if not self.depths or self.depths[-1] < indent:
            if self.depths:
                self.out.append(".RS")
            self.depths.append(indent)
        self.out.append(".IP \\(bu 2" if mark == "*" else f".IP {mark} 4")
        self.paragraph = [text]

    def heading(self, level, text):
        self.close_lists()
        if level > 1:
            self.out.append(f".SH {escape(text).upper()}" if level == 2 else f".SS {escape(text)}")

    def code(self, lines):
        self.end_paragraph()
        self.out += [".PP", ".RS", ".nf", *(line(escape(each).replace("-", "\\-")) for each in lines), ".fi", ".RE"]

    def read(self, lines):
        index = 0
        while index < len(lines):
            text = lines[index]
            count = 1
            if text.lstrip().startswith("```"):
                count = next(n for n, each in enumerate(lines[index + 1:], 1) if each.lstrip().startswith("```")) + 1
                self.code(lines[index + 1:index + count - 1])
            elif text.lstrip().startswith("|"):
                count = next((n for n, each in enumerate(lines[index:]) if not each.lstrip().startswith("|")), len(lines) - index)
                self.close_lists(len(text) - len(text.lstrip()) - 1)
                self.out += table(lines[index:index + count])
            else:
                self.text(text)
            index += count
        self.close_lists()

    def text(self, text):
        heading, item = re.match(r"(#+) (.*)", text), re.match(r"( *)(\*|\d+\.) +(.*)", text)
        if heading:
            self.heading(len(heading[1]), heading[2])
        elif item:
            self.item(len(item[1]), item[2], item[3])
        elif not text.strip():
            self.end_paragraph()
            if not self.depths:
                self.out.append(".PP")
        else:
            if self.depths and not self.paragraph and not text.startswith(" "):
                self.close_lists()
            self.paragraph.append(text.strip())


def tidy(out):
    """Without an empty paragraph in front of a request that starts one itself."""
    for request, following in zip(out, out[1:] + [""]):
        if request != ".PP" or not re.match(r"\.(PP|SH|SS|TP|IP)|$", following):
            yield request


def manual(folder, version):
    name = folder.name
    summary, *lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    page = Page()
    page.read(lines)
    return "\n".join([
        '.\\" SPDX-License-Identifier: Apache-2.0', f'.\\" Generated from the README.md of {name}.',
        f'.TH PLUMB\\-{name.upper()} 8 "" "Plumb {version}" "System Administration"',
        ".SH NAME", f"plumb\\-{name} \\- {inline(summary[0].lower() + summary[1:].rstrip('.'))}",
        ".SH SYNOPSIS", f'CNI plugin of type "{name}", file {name} in the folder of CNI plugins, such as /opt/cni/bin.',
        ".br", f".B cnitool exec ADD {name}", ".I NETNS", ".RI [ OPTIONS ]", ".SH DESCRIPTION", *tidy(page.out),
        ".SH SEE ALSO", ".BR cnitool (1),", ".BR plumbd (8)"]) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(manual(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]), end="")
