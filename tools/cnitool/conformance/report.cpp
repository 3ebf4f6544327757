// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <sstream>

#include "tools/cnitool/conformance/conformance.h"

namespace conformance {
namespace {

const char* name_of(State state) {
  switch (state) {
    case State::passed:
      return "pass";
    case State::failed:
      return "FAIL";
    case State::skipped:
      return "skip";
    case State::not_applicable:
      return "n/a";
  }
  return "?";
}

std::size_t count(const Report& report, const std::string& level, State state) {
  return static_cast<std::size_t>(
      std::count_if(report.rows.begin(), report.rows.end(), [&](const RowReport& row) {
        return (level.empty() || row.level == level) && row.state == state;
      }));
}

bool is_required(const Report& report, const RowReport& row) {
  return std::find(report.required.begin(), report.required.end(), row.level) !=
         report.required.end();
}

void print_findings(std::ostream& out, const RowReport& row) {
  for (const Finding& finding : row.findings) {
    out << "       " << finding.what << "\n         expected: " << finding.expected
        << "\n         seen:     " << finding.seen << "\n";
  }
}

void print_row(std::ostream& out, const RowReport& row) {
  out << row.id << "  " << name_of(row.state) << "  " << row.level
      << std::string(row.level.size() < 7 ? 7 - row.level.size() : 1, ' ') << row.gist << "\n";
}

void print_shortfalls(std::ostream& out, const Report& report) {
  for (const bool required : {true, false}) {
    for (const RowReport& row : report.rows) {
      if (row.state != State::failed || is_required(report, row) != required) continue;
      print_row(out, row);
      print_findings(out, row);
    }
  }
}

void print_counts(std::ostream& out, const Report& report) {
  constexpr std::array<const char*, 8> kLevels = {"MUST", "SHOULD", "MAY", "CONV",
                                                  "REF",  "NEW",    "DEC", "NOTE"};
  out << "\nlevel     pass  fail  skip   n/a\n";
  const auto line = [&](const std::string& title, const std::string& level) {
    std::ostringstream row;
    row << title << std::string(8 - title.size(), ' ');
    for (const State state :
         {State::passed, State::failed, State::skipped, State::not_applicable}) {
      const std::string number = std::to_string(count(report, level, state));
      row << std::string(6 - number.size(), ' ') << number;
    }
    out << row.str() << "\n";
  };
  for (const std::string level : kLevels) {
    const bool any = std::any_of(report.rows.begin(), report.rows.end(),
                                 [&](const RowReport& row) { return row.level == level; });
    if (any) line(level, level);
  }
  line("all", "");
}

}  // namespace

bool Report::passed() const {
  return std::none_of(rows.begin(), rows.end(), [this](const RowReport& row) {
    return row.state == State::failed && is_required(*this, row);
  });
}

std::string to_text(const Report& report, bool verbose) {
  std::ostringstream out;
  print_shortfalls(out, report);
  for (const RowReport& row : report.rows) {
    if (row.state == State::skipped) {
      print_row(out, row);
      out << "       " << row.reason << "\n";
    } else if (verbose && row.state != State::failed) {
      print_row(out, row);
    }
  }
  print_counts(out, report);
  out << "\n"
      << report.subject.type << ": " << (report.passed() ? "conforms" : "falls short") << "\n";
  return out.str();
}

std::string to_json(const Report& report) {
  Json rows = Json::array();
  for (const RowReport& row : report.rows) {
    Json entry = {
        {"id", row.id}, {"level", row.level}, {"gist", row.gist}, {"state", name_of(row.state)}};
    if (!row.reason.empty()) entry["reason"] = row.reason;
    for (const Finding& finding : row.findings) {
      entry["findings"].push_back(
          {{"what", finding.what}, {"expected", finding.expected}, {"seen", finding.seen}});
    }
    rows.push_back(std::move(entry));
  }
  const Json all = {{"plugin", report.subject.type},
                    {"binary", report.subject.binary},
                    {"versions", report.subject.versions},
                    {"passed", report.passed()},
                    {"rows", rows}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace conformance
