// SPDX-License-Identifier: Apache-2.0
// CNI_ARGS and the other texts from the environment.
#include <cstdlib>
#include <string_view>

#include "libcni/base/ip.h"
#include "libcni/base/mac.h"
#include "libcni/base/names.h"
#include "libcni/json/object.h"
#include "libcni/spec/args.h"
#include "libcni/spec/error.h"
#include "libcni/spec/version.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

template <typename Value>
void require_stable(const std::optional<Value>& value) {
  if (value) require(Value::parse(value->text()) == value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    for (const auto& [key, value] : cni::parse_args(text, {"IP", "MAC", "GATEWAY"}))
      require(value.find_first_of("=;") == std::string::npos);
  } catch (const cni::Error& error) {
    require(error.code() == cni::Code::invalid_environment);
  }
  require_stable(base::IpAddress::parse(text));
  require_stable(base::Prefix::parse(text));
  require_stable(base::Mac::parse(text));
  require_stable(cni::Version::parse(text));
  if (base::is_identifier(text)) require(text.find_first_of("/ \n") == text.npos);
  if (base::ifname_problem(text).empty()) require(text.size() < 16 && text.find('/') == text.npos);
  require(json::Object::parse("{\"a\":" + json::quote(text) + "}", "quoted").has("a"));
  return 0;
}
