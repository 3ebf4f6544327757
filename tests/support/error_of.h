// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/spec/error.h"

namespace test {

/// The message and the details of the cni::Error that `call` throws; "no error" when it returns.
template <typename Call>
std::string error_of(const Call& call) {
  try {
    call();
  } catch (const cni::Error& error) {
    return std::string(error.what()) + " " + error.details();
  }
  return "no error";
}

}  // namespace test
