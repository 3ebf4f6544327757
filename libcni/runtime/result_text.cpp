// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/result_text.h"

#include "libcni/json/result.h"
#include "libcni/runtime/raw_json.h"
#include "libcni/spec/version.h"

namespace runtime {

std::string result_text(const cni::Result& result, const std::string& version, Layout layout) {
  const auto shape = cni::find_supported(version).value_or(cni::kNewestVersion);
  if (result.ips.empty() && shape < cni::Version{0, 3, 0})
    return "{\"cniVersion\":\"" + shape.text() + "\",\"dns\":{}}";
  return layout == Layout::compact ? json::print_result_compact(result, shape)
                                   : json::print_result(result, shape);
}

std::string convert_result(const std::string& text, const std::string& version,
                           const std::string& what) {
  const auto assumed = cni::find_supported(version).value_or(cni::kNewestVersion);
  return result_text(json::parse_result(text, assumed, what), version, Layout::compact);
}

}  // namespace runtime
