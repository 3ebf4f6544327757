# SPDX-License-Identifier: Apache-2.0
"""The completions of real shells: bash and zsh on a terminal of their own, fish by its own command."""
import os
import pty
import re
import select
import subprocess
import time

# Each shows the command line, as completed, when Ctrl-X is pressed, and then starts a new one.
START = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             "PS1=; bind 'set bell-style none'; bind 'set completion-query-items 0'; bind 'set page-completions off'\n"
             "show() { printf '<%s>\\n' \"$READLINE_LINE\"; READLINE_LINE=; }; bind -x '\"\\C-x\":show'\n"),
    # -D: a dump file would be renamed onto its name, /dev/null too.
    "zsh": (["zsh", "-f", "-i"],
            "PS1=; RPS1=; PROMPT_EOL_MARK=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D\n"
            "setopt no_auto_menu no_list_beep; LISTMAX=1000\n"
            "show() { print -r -- \"<$BUFFER>\"; BUFFER=; zle redisplay }; zle -N show; bindkey '^X' show\n"),
}


class Terminal:
    """A shell on a terminal with the completion of some programs loaded."""

    def __init__(self, shell, programs, env, cwd):
        argv, start = START[shell]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(argv[0], argv, env | {"TERM": "dumb" if shell == "bash" else "xterm", "COLUMNS": "400", "LINES": "200"})
        for program in programs:
            start += f"source <({program} completion {shell})\n"
        os.write(self.fd, (start + "echo READ''Y\n").encode())
        self.start = self.wait_for(r"READY\r?\n").string  # the output until then

    def wait_for(self, pattern, seconds=30):
        text, end = "", time.monotonic() + seconds
        while not re.search(pattern, text):
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"no {pattern} in {text!r}")
            text += os.read(self.fd, 65536).decode(errors="replace")
        return re.search(pattern, text)

    def complete(self, line):
        """The command line after TAB."""
        os.write(self.fd, line.encode() + b"\t\x18")
        return self.wait_for(r"<([^<>]*)>\r?\n")[1]

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def check_on_terminal(test, shell, program, lines, env, cwd):
    """Checks for each pair (command line, command line after TAB) that the shell completes the first to the second."""
    terminal = Terminal(shell, [program], env, cwd)
    test.addCleanup(terminal.close)
    for line, wanted in lines:
        with test.subTest(shell=shell, line=line):
            test.assertEqual(wanted, terminal.complete(line), terminal.start)


def check_fish(test, program, lines, env, cwd):
    """The same for fish, which offers only the last word, or nothing."""
    for line, wanted in lines:
        with test.subTest(line):
            test.assertEqual([wanted.split()[-1]] if wanted != line else [], fish_choices(program, line, env, cwd))


def fish_choices(program, line, env, cwd):
    """The choices of fish for the last word of `line`."""
    done = subprocess.run(["fish", "--no-config", "-c", f"{program} completion fish | source; complete -C '{line}'"], env=env, cwd=cwd,
                          capture_output=True, text=True, timeout=60, check=True)
    return [choice.split("\t")[0] for choice in done.stdout.splitlines()]
