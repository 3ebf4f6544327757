// SPDX-License-Identifier: Apache-2.0
// Results of any origin: read, written in every version, and read again without loss.
#include <cstdlib>
#include <string>

#include "libcni/json/result.h"

namespace {

void round_trip(const cni::Result& result, cni::Version version) {
  const std::string once = json::print_result(result, version);
  const cni::Result again = json::parse_result(once, version, "own output");
  const bool has_lists = version >= cni::Version{0, 3, 0};
  if (has_lists &&
      (again.ips.size() != result.ips.size() || again.routes.size() != result.routes.size() ||
       again.interfaces.size() != result.interfaces.size()))
    std::abort();
  // A key that an older version does not know is carried along, and takes its own place (or, with
  // its default, none) when it is read as a newer version; from then on nothing may change.
  const std::string settled = json::print_result(again, version);
  const cni::Result last = json::parse_result(settled, version, "own output");
  if (json::print_result(last, version) != settled) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& assumed : {cni::Version{0, 2, 0}, cni::Version{0, 4, 0}, cni::kNewestVersion}) {
    cni::Result result;
    try {
      result = json::parse_result(text, assumed, "input");
    } catch (const cni::Error&) {
      continue;
    }
    for (const auto& version : cni::kVersions) {
      if (result.ips.empty() && version < cni::Version{0, 3, 0}) continue;
      round_trip(result, version);
    }
  }
  return 0;
}
