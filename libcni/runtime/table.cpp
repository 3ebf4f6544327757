// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/table.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string_view>

namespace runtime {
namespace {

/// The width in characters, not bytes: UTF-8 continuation bytes take no column.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string shown(const std::string& text) {
  return text.empty() ? "-" : text;
}

void append(std::string& line, const std::string& painted, std::size_t used, std::size_t column) {
  line += painted;
  line.append(column - used + 2, ' ');
}

std::string finish(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

}  // namespace

bool colour_wanted(int fd) {
  const char* refused = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  if (refused != nullptr && *refused != '\0') return false;
  if (term == nullptr || std::string_view(term) == "dumb") return false;
  return isatty(fd) == 1;
}

std::string paint(const std::string& text, Tone tone, bool colour) {
  if (!colour) return text;
  switch (tone) {
    case Tone::good:
      return "\033[32m" + text + "\033[0m";
    case Tone::bad:
      return "\033[31m" + text + "\033[0m";
    case Tone::warning:
      return "\033[33m" + text + "\033[0m";
    case Tone::dim:
      return "\033[2m" + text + "\033[0m";
    case Tone::plain:
      break;
  }
  return text;
}

std::string Table::text(bool colour) const {
  std::vector<std::size_t> columns;
  for (const auto& title : header_) columns.push_back(width(title));
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size() && i < columns.size(); ++i) {
      columns[i] = std::max(columns[i], width(shown(row[i].text)));
    }
  }
  std::string all;
  std::string line;
  for (std::size_t i = 0; i < header_.size(); ++i) {
    append(line, paint(header_[i], Tone::dim, colour), width(header_[i]), columns[i]);
  }
  all += finish(line);
  for (const auto& row : rows_) {
    line.clear();
    for (std::size_t i = 0; i < row.size() && i < columns.size(); ++i) {
      const std::string cell = shown(row[i].text);
      append(line, paint(cell, row[i].tone, colour), width(cell), columns[i]);
    }
    all += finish(line);
  }
  return all;
}

void print(const Table& table) {
  std::cout << table.text(colour_wanted(STDOUT_FILENO));
}

}  // namespace runtime
