// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "tools/cnitool/conformance/context.h"

namespace conformance {

/// One requirement as a check: it tests a plugin through the context and notes violations.
struct Row {
  const char* id;
  bool (*applies)(const Subject&);
  void (*check)(Context&);
};

/// A line of tests/conformance/rows.txt.
struct RowText {
  std::string_view id;
  std::string_view level;
  std::string_view gist;
};
const std::vector<RowText>& row_texts();
/// The whole text of that file.
std::string_view row_list();

/// Group A1 to A20 of a plugin-side row; 0 for a row of another part.
int group_of(std::string_view id);

// The plugins that a row applies to.
bool anyone(const Subject& subject);
bool attaches(const Subject& subject);  ///< acts on the sandbox: neither IPAM nor chained
bool makes_link(const Subject& subject);
bool delegates(const Subject& subject);
bool chained(const Subject& subject);
bool ipam(const Subject& subject);
bool has_gc(const Subject& subject);  ///< supports 1.1.0, and with it GC and STATUS
bool is_bridge(const Subject& subject);
bool is_host_local(const Subject& subject);
bool is_static(const Subject& subject);
bool is_portmap(const Subject& subject);
bool needs_host_end(const Subject& subject);  ///< works on a host link that prevResult lists

// The checks, by group of the requirement list.
std::vector<Row> dispatch_rows();    // A1
std::vector<Row> name_rows();        // A2, A3
std::vector<Row> netns_rows();       // A4
std::vector<Row> input_rows();       // A5
std::vector<Row> version_rows();     // A6, A7
std::vector<Row> output_rows();      // A8
std::vector<Row> error_rows();       // A9
std::vector<Row> shape_rows();       // A10
std::vector<Row> conversion_rows();  // A11
std::vector<Row> add_rows();         // A12
std::vector<Row> del_rows();         // A13
std::vector<Row> check_rows();       // A14
std::vector<Row> gc_rows();          // A15
std::vector<Row> status_rows();      // A16
std::vector<Row> chain_rows();       // A17
std::vector<Row> delegate_rows();    // A18
std::vector<Row> argument_rows();    // A19
std::vector<Row> robustness_rows();  // A20

/// All of them, by ID.
std::vector<Row> all_rows();

}  // namespace conformance
