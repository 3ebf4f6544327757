// SPDX-License-Identifier: Apache-2.0
// Results of any origin: read, written in every version, and read again without loss.
#include <cstdlib>
#include <optional>
#include <string>

#include "libcni/json/object.h"
#include "libcni/json/result.h"

namespace {

cni::Version version_of(std::string_view text, cni::Version assumed) {
  const json::Object object = json::Object::parse(text, "input");
  if (!object.has_exactly("cniVersion")) return assumed;
  return cni::find_supported(object.get_string("cniVersion")).value_or(assumed);
}

/// Returns nothing for a text that versions after `input` refuse: a key that `input` does not have
/// is passed on with any content, and may be of the wrong type for a version that has it.
std::optional<cni::Result> read_own(const std::string& text, cni::Version version,
                                    cni::Version input) {
  try {
    return json::parse_result(text, version, "own output");
  } catch (const cni::Error&) {
    if (version <= input) throw;
    return std::nullopt;
  }
}

void round_trip(const cni::Result& result, cni::Version version, cni::Version input) {
  const std::string once = json::print_result(result, version);
  const auto read = read_own(once, version, input);
  if (!read) return;
  const cni::Result& again = *read;
  const bool has_lists = version >= cni::Version{0, 3, 0};
  if (has_lists &&
      (again.ips.size() != result.ips.size() || again.routes.size() != result.routes.size() ||
       again.interfaces.size() != result.interfaces.size()))
    std::abort();
  // A key that an older version does not have is passed on. When the result is read as a newer
  // version, the key gets its own place (or none, with its default); after that nothing may change.
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
      round_trip(result, version, version_of(text, assumed));
    }
  }
  return 0;
}
