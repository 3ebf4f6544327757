// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/batch.h"

#include <utility>

#include "libcni/base/sys_error.h"

namespace net {

Batch::Batch(Netlink& netlink)
    : pipeline_(netlink, [this](std::size_t index, int errnum, const std::string& text) {
        refuse(index, errnum, text);
      }) {}

std::size_t Batch::add(Message& message, std::string attempted, Tolerates tolerates) {
  attempts_.push_back({std::move(attempted), tolerates});
  pipeline_.add(message);
  return attempts_.size() - 1;
}

void Batch::send() {
  pipeline_.flush();
  if (errnum_ != 0) base::throw_errno(refusal_, std::exchange(errnum_, 0));
}

void Batch::refuse(std::size_t index, int errnum, const std::string& text) {
  Attempt& attempt = attempts_[index];
  attempt.refused = true;
  if (errnum_ != 0 || (attempt.tolerates != nullptr && attempt.tolerates(errnum))) return;
  errnum_ = errnum;
  refusal_ = text.empty() ? attempt.text : attempt.text + " (" + text + ")";
}

}  // namespace net
