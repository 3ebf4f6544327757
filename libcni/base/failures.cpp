// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/failures.h"

#include "libcni/base/log.h"

namespace base {

bool Failures::attempt(const std::function<void()>& step) noexcept {
  try {
    step();
    return true;
  } catch (const std::exception& e) {
    if (first_)
      log(e.what());
    else
      first_ = std::current_exception();
  } catch (...) {
    if (!first_) first_ = std::current_exception();
  }
  return false;
}

void Failures::report() const {
  if (first_) std::rethrow_exception(first_);
}

}  // namespace base
