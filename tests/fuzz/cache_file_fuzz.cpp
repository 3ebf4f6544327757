// SPDX-License-Identifier: Apache-2.0
// Files that a runtime finds on disk: its cache, and network configurations.
#include <cstdlib>
#include <functional>
#include <string>

#include "libcni/runtime/cache_entry.h"
#include "libcni/runtime/network_list.h"
#include "libcni/spec/error.h"

namespace {

void allow_refusal(const std::function<void()>& parse) {
  try {
    parse();
  } catch (const cni::Error&) {
  }
}

void read_entry(const std::string& text) {
  const auto entry = runtime::parse_entry(text, "cache");
  if (!entry.legacy) {
    const std::string printed = runtime::print_entry(entry);
    if (runtime::print_entry(runtime::parse_entry(printed, "cache")) != printed) std::abort();
  }
  runtime::list_from_entry(entry);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  allow_refusal([&] { read_entry(text); });
  allow_refusal([&] { runtime::parse_list(text, "list"); });
  allow_refusal([&] { runtime::parse_single(text, "single"); });
  return 0;
}
