#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the language of comments, messages, documents and commit subjects. Fails when
  * a comment, a docstring, a C++ string or a document has a word or phrase of FORBIDDEN,
  * a comment or docstring begins with a word of OPENINGS: it should begin with a noun or a verb,
  * the name of a test has a word of FORBIDDEN_IN_NAMES,
  * the subject of a commit is longer than 72 characters; commits before this check are not looked at.
Text in `backticks`, code blocks of documents and strings of Python and shell are not checked.
"""
import ast
import io
import pathlib
import re
import subprocess
import sys
import tokenize

ROOT = pathlib.Path(__file__).resolve().parent.parent
ITSELF = "scripts/check_language.py"
FORBIDDEN = (
    (re.compile(r"\b(somebody|nobody|someone)\b", re.I), "name the actor"),
    (re.compile(r"\b(told|heard|doubted|believed)\b", re.I), "name the actor and the action"),
    (re.compile(r"(?<!\bthere )\b(is|are) no (?!longer\b|more\b|other\b)[a-z]+", re.I), 'say "is not a"'),
    (re.compile(r"\b(for|to) (who|whoever)\b", re.I), "name the subject"),
    (re.compile(r"\b(multinode|reference-plugins) \d+(\.\d+)*\b|\bF-\d\d\b"), "write the rule instead of a number that the tree does not hold"),
)
OPENINGS = re.compile(r"(Of(?! course)|Those|Such|What|Who|Whose|Whether|That of|Also)\b")
TEST = re.compile(r"\bTEST(?:_[FP])?\(\w+, (\w+)\)|\bdef (test_\w+)")
FORBIDDEN_IN_NAMES = re.compile(r"(?i:somebody|nobody|someone)|Told|Heard|Doubt|Believe|_(told|heard|doubted|believed|who)(_|$)|Who[A-Z]")
LONGEST_SUBJECT = 72
# Files that are not checked, such as the test with sentences to be found.
EXEMPT = (ITSELF, "tests/deploy/language_test.py")
CPP = re.compile(r'(?P<line>//[^\n]*)|(?P<block>/\*.*?\*/)|R"(?P<tag>\w*)\((?P<raw>.*?)\)(?P=tag)"|(?P<text>(?:"(?:[^"\\\n]|\\.)*"\s*)+)|'
                 r"'(?:[^'\\\n]|\\.)+'|\n|[^\S\n]+|.", re.S)


def without_code(words):
    return re.sub(r"`[^`]*`", "`code`", words)


class Text:
    """A comment, string or paragraph. `opens`: its first word is checked as well."""

    def __init__(self, line, words, opens):
        self.line, self.words, self.opens = line, without_code(words), opens


class Collector:
    """The texts of a file; comment lines below each other become one text."""

    def __init__(self):
        self.texts, self.last, self.last_line = [], None, 0

    def add(self, line, words, opens=False):
        self.texts.append(Text(line, words, opens))

    def add_comment(self, line, words, alone):
        """`alone`: there is no code before it in its line."""
        if alone and words and self.last and self.last_line == line - 1:
            self.last.words += " " + without_code(words)
        elif words:
            self.add(line, words, True)
        self.last, self.last_line = (self.texts[-1], line) if alone and words else (None, 0)


def cpp_texts(source):
    """Strings that the compiler joins are one text."""
    collector, line = Collector(), 1
    for token in CPP.finditer(source):
        whole = token[0]
        if token["line"] or token["block"]:
            before = source[source.rfind("\n", 0, token.start()) + 1:token.start()]
            collector.add_comment(line, re.sub(r"^//[/!]?<?|^/\*+|\*+/$", "", whole).strip(), not before.strip())
        elif token["text"]:
            collector.add(line, re.sub(r'"\s*"', "", whole).strip()[1:-1])
        elif token["raw"] is not None:
            collector.add(line, token["raw"])
        line += whole.count("\n")
    return collector.texts


def python_texts(source):
    collector = Collector()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            collector.add_comment(token.start[0], token.string.lstrip("#! ").strip(), not token.line[:token.start[1]].strip())
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and (words := ast.get_docstring(node)):
            collector.add(node.body[0].lineno, words, True)
    return collector.texts


def shell_texts(source):
    for number, line in enumerate(source.splitlines(), 1):
        if found := re.match(r"\s*#+ +(.*)", line):
            yield Text(number, found[1], False)


def document_texts(source):
    code, number, paragraph = False, 0, []
    for number, line in enumerate([*source.splitlines(), ""], 1):
        fence = line.lstrip().startswith("```")
        if fence or not line.strip() or code:
            if paragraph:
                yield Text(number - len(paragraph), " ".join(paragraph), False)
            paragraph = []
            code ^= fence
        else:
            paragraph.append(line.strip())


def texts_of(name, source):
    if re.search(r"\.(h|cpp|c)(\.in)?$", name):
        return cpp_texts(source)
    if name.endswith(".py") or source.startswith("#!/usr/bin/env python3"):
        return python_texts(source)
    if re.search(r"\.(md|[18])$", name):
        return document_texts(source)
    return shell_texts(source) if source.startswith("#!") else ()


def is_checked(name):
    return not name.startswith("docs/decisions/") and not re.search(r"/(fixtures|testdata|corpus)/", name) and name not in EXEMPT


def check_text(name, text):
    """Returns a line for each violation in one text."""
    bad = [f'{name}:{text.line}: "{found[0]}": {advice}' for pattern, advice in FORBIDDEN for found in pattern.finditer(text.words)]
    if found := text.opens and OPENINGS.match(text.words):
        bad.append(f'{name}:{text.line}: a comment begins with "{found[0]}": begin with a noun or a verb')
    return bad


def check_test_names(name, source):
    return [f"{name}: test {test}: name the actor and the action" for test in (first or second for first, second in TEST.findall(source)) if FORBIDDEN_IN_NAMES.search(test)]


def check_file(root, name):
    path = root / name
    if not is_checked(name) or path.is_symlink() or not path.is_file():
        return []
    try:
        source = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return []
    return [line for text in texts_of(name, source) for line in check_text(name, text)] + check_test_names(name, source)


def git(*words):
    done = subprocess.run(["git", "-c", f"safe.directory={ROOT}", *words], cwd=ROOT, check=False, capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode == 0 else []


def check_subjects(commits):
    """`commits`: lines of an abbreviated hash, a space and the subject."""
    return [f"commit {commit.split(' ', 1)[0]}: subject of {len(commit.split(' ', 1)[1])} characters: at most {LONGEST_SUBJECT}, the why in the body"
            for commit in commits if len(commit.partition(" ")[2]) > LONGEST_SUBJECT]


def commits_since_the_check():
    added = git("log", "--diff-filter=A", "--format=%H", "--", ITSELF)
    return git("log", "--no-merges", "--format=%h %s", f"{added[-1]}..HEAD") if added else []


def main():
    names = sys.argv[1:] or git("ls-files")
    if not names:
        sys.exit("git lists no files")
    bad = [line for name in names for line in check_file(ROOT, name)] + check_subjects(commits_since_the_check())
    print("\n".join(bad) if bad else "language ok")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
