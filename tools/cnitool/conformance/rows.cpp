// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/rows.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

namespace conformance {

int group_of(std::string_view id) {
  // The first row of each group, A1 first.
  constexpr std::array<int, 20> kFirst = {1,   23,  28,  36,  46,  69,  78,  83,  95,  113,
                                          137, 151, 163, 178, 190, 205, 214, 227, 242, 256};
  if (!id.starts_with("S-")) return 0;
  const int number = std::atoi(std::string(id.substr(2)).c_str());
  return static_cast<int>(std::upper_bound(kFirst.begin(), kFirst.end(), number) - kFirst.begin());
}

const std::vector<RowText>& row_texts() {
  static const std::vector<RowText> texts = [] {
    std::vector<RowText> parsed;
    std::string_view rest = row_list();
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      const std::size_t level = line.find(' ');
      const std::size_t gist = line.find(' ', level + 1);
      if (gist != std::string_view::npos) {
        parsed.push_back({line.substr(0, level), line.substr(level + 1, gist - level - 1),
                          line.substr(gist + 1)});
      }
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    }
    return parsed;
  }();
  return texts;
}

bool anyone(const Subject&) {
  return true;
}

bool attaches(const Subject& subject) {
  return !subject.is_ipam() && !subject.is_chained();
}

bool makes_link(const Subject& subject) {
  return subject.makes_link();
}

bool delegates(const Subject& subject) {
  return subject.delegates();
}

bool chained(const Subject& subject) {
  return subject.is_chained();
}

bool ipam(const Subject& subject) {
  return subject.is_ipam();
}

bool has_gc(const Subject& subject) {
  return subject.supports("1.1.0");
}

bool is_bridge(const Subject& subject) {
  return subject.type == "bridge";
}

bool is_host_local(const Subject& subject) {
  return subject.type == "host-local";
}

bool is_static(const Subject& subject) {
  return subject.type == "static";
}

bool is_portmap(const Subject& subject) {
  return subject.type == "portmap";
}

bool needs_host_end(const Subject& subject) {
  return subject.type == "bandwidth";
}

std::vector<Row> all_rows() {
  std::vector<Row> rows;
  for (const auto make :
       {dispatch_rows, name_rows, netns_rows, input_rows, version_rows, output_rows, error_rows,
        shape_rows, conversion_rows, add_rows, del_rows, check_rows, gc_rows, status_rows,
        chain_rows, delegate_rows, argument_rows, robustness_rows}) {
    const std::vector<Row> group = make();
    rows.insert(rows.end(), group.begin(), group.end());
  }
  return rows;
}

}  // namespace conformance
