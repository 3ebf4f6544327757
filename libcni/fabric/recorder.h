// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <system_error>

#include "libcni/fabric/apply.h"

namespace fabric {

/// The report of one pass, while it is written: changes, refusals and counts.
class Recorder {
 public:
  enum class Keep { some, all };  ///< of the changes: the first hundred, or all
  explicit Recorder(Keep keep) : keep_(keep) {}

  void want(std::size_t objects) { report_.desired += objects; }
  /// A change was made, or would be; `describe` names the object, and is called for those that are
  /// kept.
  void change(Change::What what, const std::function<std::string()>& describe);
  void count(std::size_t requests) { report_.requests += requests; }
  void add_filter_time(double seconds) { report_.filter_seconds += seconds; }
  void block(const base::Prefix& destination) { report_.blocked.push_back(destination); }

  void fail(std::string error);
  /// For a catch clause: records that `what` was refused. Rethrows an error that ends the whole
  /// run, such as a termination signal.
  void fail(const std::string& what, const std::system_error& error);
  /// The kernel refused one change with an errno and `text`, its own words or nothing. An object to
  /// remove that is gone already is not a failure.
  void refuse(const Change& change, int errnum, const std::string& text);
  /// The same for the catch clause of one change.
  void refuse(const Change& change, const std::system_error& error);

  /// The number of objects that were not right so far.
  std::size_t findings() const { return report_.changed + report_.errors.size() + hidden_errors_; }
  /// An object existed already that was missing when it was read: another apply() may be running.
  bool was_contended() const { return contended_; }
  Report finish();

 private:
  const Keep keep_;
  Report report_;
  std::size_t hidden_errors_ = 0;
  bool contended_ = false;
};

}  // namespace fabric
