// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/undo.h"

#include <exception>
#include <utility>

#include "libcni/base/log.h"

namespace base {

Undo::~Undo() {
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    try {
      step->run();
    } catch (const std::exception& e) {
      log("undo \"" + step->what + "\" failed: " + e.what());
    }
  }
}

void Undo::add(std::string what, std::function<void()> step) {
  steps_.push_back({std::move(what), std::move(step)});
}

}  // namespace base
