// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/driver/report.h"

#include <cstdarg>
#include <cstdio>

namespace bench {
namespace {

[[gnu::format(printf, 2, 3)]] void append(std::string& text, const char* pattern, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(line, sizeof(line), pattern, arguments);
  va_end(arguments);
  text += line;
}

/// Three significant digits, as milliseconds.
std::string ms(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value);
  return value > 0 ? text : "-";
}

std::string times(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), value < 10 ? "%.2f x" : "%.1f x", value);
  return value > 0 ? text : "-";
}

std::string count_text(const Footprint& footprint, long value) {
  return footprint.syscalls > 0 ? std::to_string(value) : "-";
}

std::string megabytes(const Footprint& footprint) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", static_cast<double>(footprint.peak_kib) / 1024);
  return footprint.peak_kib > 0 ? text : "-";
}

/// The ratio on this side's line: Plumb compared with the reference, the floor compared with Plumb.
std::string verdict(const Row& row, Verb verb, Side side) {
  if (side == Side::kOurs) {
    const double value = ratio(row.cell(verb, Side::kReference), row.cell(verb, Side::kOurs));
    return value > 0 ? times(value) + " faster" : "";
  }
  if (side == Side::kReference) return "";
  const double value = ratio(row.cell(verb, Side::kOurs), row.cell(verb, Side::kFloor));
  return value > 0 ? "plumb: " + times(value) : "";
}

void append_lines(std::string& text, const Row& row, Verb verb) {
  for (const Side side : kSides) {
    const Cell& cell = row.cell(verb, side);
    append(text, "  %-3s %-10s", side == kSides[0] ? to_string(verb) : "", to_string(side));
    if (!cell.failure.empty()) {
      append(text, " %s\n", cell.failure.substr(0, 200).c_str());
      continue;
    }
    append(text, "%9s %9s %9s %7s %6s %9s  %s\n", ms(median_wall(cell)).c_str(),
           ms(p99_wall(cell)).c_str(), ms(median_cpu(cell)).c_str(),
           megabytes(cell.footprint).c_str(),
           count_text(cell.footprint, cell.footprint.processes).c_str(),
           count_text(cell.footprint, cell.footprint.syscalls).c_str(),
           verdict(row, verb, side).c_str());
  }
}

std::string head(const Setting& setting) {
  std::string text = setting.date + " UTC, " + setting.machine;
  append(text, ", load %.1f%s", setting.load,
         setting.busy ? " (busy with other work: wall times wait for it, CPU times hold)" : "");
  return text + "; reference: " + setting.reference_version +
         "; stores of the host-local cases on " + setting.disk + ", of all others on tmpfs";
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

void append_json_ratios(std::string& text, const Row& row, Verb verb) {
  const Cell& ours = row.cell(verb, Side::kOurs);
  const double faster = ratio(row.cell(verb, Side::kReference), ours);
  const double floors = ratio(ours, row.cell(verb, Side::kFloor));
  if (faster > 0) append(text, ", \"times_faster\": %.4f", faster);
  if (floors > 0) append(text, ", \"times_the_floor\": %.4f", floors);
}

void append_json_cell(std::string& text, const Row& row, Verb verb, Side side) {
  const Cell& cell = row.cell(verb, side);
  append(text, "    {\"case\": \"%s\", \"title\": \"%s\", \"verb\": \"%s\", \"side\": \"%s\", ",
         row.what.name.c_str(), row.what.title.c_str(), to_string(verb), to_string(side));
  if (!cell.failure.empty()) {
    text += "\"failure\": " + quoted(cell.failure) + "}";
    return;
  }
  append(text, "\"samples\": %zu, \"median_ms\": %.4f, \"p99_ms\": %.4f, \"cpu_ms\": %.4f",
         cell.samples.size(), median_wall(cell), p99_wall(cell), median_cpu(cell));
  if (cell.footprint.syscalls > 0)
    append(text, ", \"peak_kib\": %ld, \"processes\": %ld, \"syscalls\": %ld",
           cell.footprint.peak_kib, cell.footprint.processes, cell.footprint.syscalls);
  if (side == Side::kOurs) append_json_ratios(text, row, verb);
  text += "}";
}

const char* state_text(Bar::State state) {
  switch (state) {
    case Bar::State::kMet:
      return "pass";
    case Bar::State::kMissed:
      return "FAIL";
    case Bar::State::kNotMeasured:
      return "not measured";
  }
  return "";
}

}  // namespace

std::string text_head(const Setting& setting) {
  std::string text = head(setting) + "\n\n";
  append(text, "  %-14s%9s %9s %9s %7s %6s %9s\n", "", "median ms", "p99 ms", "cpu ms", "peak MB",
         "procs", "syscalls");
  return text;
}

std::string as_text(const Row& row) {
  std::string text = row.what.title + "\n";
  for (const Verb verb : kVerbs) append_lines(text, row, verb);
  return text;
}

std::string as_json(const Setting& setting, const std::vector<Row>& rows,
                    const std::vector<Bar>& bars) {
  std::string text =
      "{\n  \"date\": " + quoted(setting.date) + ",\n  \"machine\": " + quoted(setting.machine) +
      ",\n  \"load\": " + std::to_string(setting.load) +
      ",\n  \"busy\": " + (setting.busy ? "true" : "false") +
      ",\n  \"disk\": " + quoted(setting.disk) +
      ",\n  \"reference\": " + quoted(setting.reference_version) + ",\n  \"results\": [\n";
  std::string separator;
  for (const Row& row : rows)
    for (const Verb verb : kVerbs)
      for (const Side side : kSides) {
        text += separator;
        append_json_cell(text, row, verb, side);
        separator = ",\n";
      }
  text += "\n  ],\n  \"bars\": [\n";
  separator.clear();
  for (const Bar& bar : bars) {
    text += separator + "    {\"promise\": " + quoted(bar.promise) +
            ", \"measured\": " + quoted(bar.measured) +
            ", \"state\": " + quoted(state_text(bar.state)) + "}";
    separator = ",\n";
  }
  return text + "\n  ]\n}\n";
}

std::string as_text(const std::vector<Bar>& bars) {
  std::string text;
  for (const Bar& bar : bars)
    append(text, "  %-12s %10s  %s\n", state_text(bar.state),
           bar.state == Bar::State::kNotMeasured ? "" : bar.measured.c_str(), bar.promise.c_str());
  return text;
}

}  // namespace bench
