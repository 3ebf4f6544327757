// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/failures.h"

#include <stdexcept>

namespace base {

bool Failures::attempt(const std::function<void()>& step) noexcept {
  std::string message = "unknown failure";
  try {
    step();
    return true;
  } catch (const std::exception& e) {
    message = e.what();
    if (!first_) first_ = std::current_exception();
  } catch (...) {
    if (!first_) first_ = std::current_exception();
  }
  messages_ += (count_++ == 0 ? "" : "; ") + message;
  return false;
}

void Failures::report() const {
  if (count_ == 1) std::rethrow_exception(first_);
  if (count_ > 1) throw std::runtime_error(messages_);
}

}  // namespace base
