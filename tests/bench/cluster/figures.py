# SPDX-License-Identifier: Apache-2.0
"""The measured figures, their bars, and their table."""
import dataclasses
import os
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))


@dataclasses.dataclass
class Figure:
    """`limit` is the highest that passes, `least` the lowest; neither: for information."""
    what: str
    value: float
    unit: str
    limit: float = None
    least: float = None
    note: str = ""

    @property
    def passed(self):
        return (self.limit is None or self.value <= self.limit) and (self.least is None or self.value >= self.least)

    def cells(self):
        bar = f"at most {self.limit:g} {self.unit}" if self.limit is not None else f"at least {self.least:g} {self.unit}" \
            if self.least is not None else ""
        verdict = "" if not bar else "ok" if self.passed else "MISSED"
        value = f"{self.value:.0f}" if self.value == int(self.value) else f"{self.value:.3g}" if abs(self.value) < 1000 else f"{self.value:.0f}"
        return [self.what, f"{value} {self.unit}".strip(), bar.strip(), verdict, self.note]


def median(values):
    return statistics.median(values)


def table(sections):
    """Markdown that lines up as text, too. `sections` are (title, figures)."""
    rows = [["measured", "result", "bar", "", "how"]]
    for title, figures in sections:
        rows.append([f"**{title}**", "", "", "", ""])
        rows.extend(figure.cells() for figure in figures)
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def resident_mb(pid, key="VmRSS"):
    """A process's resident memory, or its peak (VmHWM)."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"process {pid} has no {key}")


def processor_ms(pid):
    """User and system time of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")
