# SPDX-License-Identifier: Apache-2.0
"""The figures of the driver's JSON: look-up and the Markdown table."""
SIDES = ("reference", "plumb", "floor")
HEAD = ("case", "verb", "median ms", "p99 ms", "CPU ms", "peak MB", "child processes", "system calls", "faster", "x floor")


class Results:
    def __init__(self, report):
        self.report = report
        self.rows = {}
        for each in report["results"]:
            self.rows.setdefault((each["case"], each["verb"]), {"title": each["title"]})[each["side"]] = each

    def cell(self, case, verb, side):
        """The figures of one side; a KeyError names what the report lacks."""
        return self.rows[case, verb][side]

    def value(self, case, verb, side, key):
        found = self.cell(case, verb, side).get(key)
        if found is None:
            raise KeyError(f"the report has no {key} of {side} in {verb} {case}")
        return found


def three_digits(value):
    if not value:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def times(value):
    if not value:
        return "-"
    return f"{value:.2f} x" if value < 10 else f"{value:.1f} x"


def megabytes(kib):
    return f"{kib / 1024:.1f}" if kib else "-"


def head(report):
    busy = " (busy with other work: wall times wait for it, CPU times hold)" if report["busy"] else ""
    return (f"{report['date']} UTC, {report['machine']}, load {report['load']:.1f}{busy}; reference: {report['reference']}; "
            f"stores of the host-local cases on {report['disk']}, of all others on tmpfs. Each cell is reference / plumb / floor.")


def table(report):
    """The head and the table, as docs/benchmarks.md and --markdown have them."""
    lines = [head(report), "", f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]

    def three(row, key, text):
        return " / ".join(text(row[side].get(key)) for side in SIDES)

    for (_, verb), row in Results(report).rows.items():
        def count(value):
            return "-" if value is None else str(value)
        lines.append("| " + " | ".join([
            row["title"], verb, three(row, "median_ms", three_digits), three(row, "p99_ms", three_digits),
            three(row, "cpu_ms", three_digits), three(row, "peak_kib", megabytes), three(row, "processes", count),
            three(row, "syscalls", count), times(row["plumb"].get("times_faster")),
            times(row["plumb"].get("times_the_floor"))]) + " |")
    return "\n".join(lines) + "\n"
