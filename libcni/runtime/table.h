// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace runtime {

enum class Tone { plain, good, bad, warning, dim };

struct Cell {
  Cell(std::string cell_text, Tone cell_tone = Tone::plain)  // NOLINT: a string is a cell
      : text(std::move(cell_text)), tone(cell_tone) {}
  Cell(const char* cell_text) : text(cell_text) {}  // NOLINT: so is a literal
  std::string text;
  Tone tone = Tone::plain;
};

/// Columns as wide as their longest cell, two spaces apart, nothing else, so that it is easy to
/// read for persons and for awk.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  /// One line per row, header first; an empty cell prints as `-`.
  std::string text(bool colour) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<Cell>> rows_;
};

/// Returns whether to colour standard output: only on a terminal, and not with NO_COLOR or
/// TERM=dumb.
bool colour_wanted(int fd);

/// `text` in `tone`, when `colour`.
std::string paint(const std::string& text, Tone tone, bool colour);

/// Prints `table` to standard output.
void print(const Table& table);

}  // namespace runtime
