// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace base {

/// Runs registered undo steps in reverse order unless commit() was called.
/// A step that throws is recorded and the remaining steps still run.
class Undo {
 public:
  Undo() = default;
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo();

  void add(std::string what, std::function<void()> step);
  void commit() noexcept { steps_.clear(); }

 private:
  struct Step {
    std::string what;
    std::function<void()> run;
  };
  std::vector<Step> steps_;
};

}  // namespace base
