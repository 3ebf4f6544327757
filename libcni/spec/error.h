// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace cni {

/// Error codes of the CNI specification. Plugins may use 100 and above.
enum class Code : unsigned {
  incompatible_version = 1,
  unsupported_field = 2,
  unknown_container = 3,
  invalid_environment = 4,
  io_failure = 5,
  decoding_failure = 6,
  invalid_config = 7,
  invalid_netns = 8,  ///< CNI_NETNS is the plugin's own namespace; a code of the reference, not of
                      ///< the specification
  try_again_later = 11,
  not_available = 50,         ///< STATUS: the plugin cannot serve ADD
  limited_connectivity = 51,  ///< STATUS: in addition existing containers may lack connectivity
  internal = 999,
};

/// The error object that a plugin prints instead of a result. `what()` is its `msg`: one line that
/// names the object and the problem.
class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message, std::string details = {})
      : std::runtime_error(message), code_(code), details_(std::move(details)) {}
  /// The error of a delegate, passed on unchanged with any code.
  Error(unsigned code, const std::string& message, std::string details)
      : Error(static_cast<Code>(code), message, std::move(details)) {}
  Code code() const { return code_; }
  const std::string& details() const { return details_; }

 private:
  Code code_;
  std::string details_;
};

}  // namespace cni
