# SPDX-License-Identifier: Apache-2.0
"""Draws the latency of ADD as an SVG: a line per case, a dot per side, on a logarithmic axis."""
import math
from xml.sax.saxutils import escape

from plugins import Results, three_digits

CASES = ("loopback", "bridge", "bridge-dual-masq", "ptp-dual", "portmap", "portmap-500", "host-local-10k", "parallel")
COLOURS = {"reference": "#b3541e", "plumb": "#0b6e4f", "floor": "#6b7280"}
NAMES = {"reference": "reference plugins", "plumb": "Plumb", "floor": "the kernel's messages alone (floor)"}
WIDTH, LEFT, RIGHT, TOP, STEP = 860, 330, 50, 92, 34


def decades(values):
    """The powers of ten around `values`."""
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))


def text(x, y, words, size=13, anchor="start", colour="#1f2937", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
            f'font-weight="{weight}">{escape(words)}</text>')


class Chart:
    def __init__(self, report):
        self.report = report
        self.results = Results(report)
        self.cases = [case for case in CASES if (case, "ADD") in self.results.rows]
        self.medians = {case: {side: self.results.cell(case, "ADD", side).get("median_ms") for side in COLOURS} for case in self.cases}
        self.low, self.high = decades([value for sides in self.medians.values() for value in sides.values() if value])
        self.bottom = TOP + STEP * len(self.cases)

    def x(self, milliseconds):
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(milliseconds) - self.low) / (self.high - self.low)

    def legend(self):
        place = 20
        for side, name in NAMES.items():
            yield f'<circle cx="{place}" cy="56" r="6" fill="{COLOURS[side]}"/>'
            yield text(place + 12, 60, name)
            place += 40 + 7.2 * len(name)

    def axis(self):
        for exponent in range(self.low, self.high + 1):
            x = self.x(10.0 ** exponent)
            yield f'<line x1="{x:.1f}" y1="{TOP - 14}" x2="{x:.1f}" y2="{self.bottom - 8}" stroke="#e5e7eb"/>'
            yield text(x, self.bottom + 12, f"{10.0 ** exponent:g} ms", 12, "middle", "#4b5563")

    def line(self, number, case):
        y = TOP + STEP * number
        values = {side: value for side, value in self.medians[case].items() if value}
        ends = [self.x(value) for value in values.values()]
        yield text(LEFT - 24, y + 5, self.results.rows[case, "ADD"]["title"].split(": ")[0], anchor="end")
        yield f'<line x1="{min(ends):.1f}" y1="{y}" x2="{max(ends):.1f}" y2="{y}" stroke="#d1d5db" stroke-width="2"/>'
        for side in ("floor", "reference", "plumb"):
            if side in values:
                yield f'<circle cx="{self.x(values[side]):.1f}" cy="{y}" r="6" fill="{COLOURS[side]}"/>'
        if "plumb" in values:
            yield text(self.x(values["plumb"]) + 11, y - 5, three_digits(values["plumb"]), 12, colour=COLOURS["plumb"], weight="bold")
        if "reference" in values:
            yield text(self.x(values["reference"]) + 11, y - 5, three_digits(values["reference"]), 12, colour=COLOURS["reference"])

    def svg(self):
        height = self.bottom + 44
        machine = f"{self.report['date'].split()[0]}, {self.report['machine']}; logarithmic axis" + "; the machine was busy" * self.report["busy"]
        parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
                 'font-family="system-ui, sans-serif" role="img">',
                 "<title>Latency of ADD: the reference plugins, Plumb and the floor</title>",
                 f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff"/>',
                 text(20, 30, "How long an ADD takes (median)", 17, weight="bold"), *self.legend(), *self.axis()]
        for number, case in enumerate(self.cases):
            parts += self.line(number, case)
        parts += [text(20, height - 12, machine, 11, colour="#6b7280"), "</svg>"]
        return "\n".join(parts) + "\n"
