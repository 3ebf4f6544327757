// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/daemon/metrics_text.h"
#include "agent/drivers/bird/driver.h"
#include "agent/http/server.h"
#include "agent/source/source.h"
#include "agent/triggers/reconciler.h"
#include "libcni/json/writer.h"

namespace agent {

/// The health of a node, the least severe first.
enum class Severity { healthy, degraded, cannot_tell, not_working };

/// `healthy`, `degraded`, `cannot tell`, `not working`.
std::string_view word_of(Severity severity);
/// The inverse; an unknown word is cannot_tell.
Severity severity_of(std::string_view word);
/// The exit code of commands: 0, 3, 1 and 4 in the order above.
int exit_of(Severity severity);

/// The input of all conditions. The defaults are those of a healthy node.
struct Facts {
  std::span<const DriverStatus> drivers = {};
  bool kernel_read = true;  ///< the last run of the driver "kernel" could read all it had to
  bool files_valid = true;
  bool has_range = true;
  SourceStatus source = {.in_sync = true};
  bool stale = false;
  std::vector<std::string> list_problems = {};  ///< nodes left out, lines that cannot be read
  std::string held_back = {};                   ///< why the list is not applied
  std::string uncounted = {};                   ///< why pods of former ranges cannot be counted
  std::optional<bird::Status> bgp = {};
  std::vector<std::string> bgp_problems = {};
  std::vector<std::string> forward_drops = {};
  std::string forward_unread = {};                 ///< why such chains cannot be read
  std::vector<std::string> bridged_services = {};  ///< Services that bridged pods do not reach
  std::string old_wiring = {};                     ///< pods that do not reach newer ones
  std::vector<std::string> route_shadows = {};  ///< routes of other programs that take precedence
  std::string routes_unread = {};               ///< why such routes cannot be read
  std::map<std::string, std::string> listeners =
      {};                  ///< addresses that plumbd cannot listen on, and why
  std::string cache = {};  ///< why the cache cannot be written
};

/// A problem, or a check that cannot be made. `name` is the metric's label.
struct Condition {
  std::string_view name;
  Severity severity;
  /// Returns a line for each case; empty while the condition does not hold.
  std::vector<std::string> (*find)(const Facts& facts);
};
/// Every condition; add new ones here.
std::span<const Condition> all_conditions();

/// The value from which status, exit codes, readiness and metrics are made.
class Health {
 public:
  struct Found {
    const Condition* condition;
    std::vector<std::string> lines;
  };
  Health() = default;
  explicit Health(const Facts& facts);

  const std::vector<Found>& found() const { return found_; }  ///< in the order of the table
  Severity severity() const;                                  ///< that of the worst condition
  bool ready() const { return severity() <= Severity::degraded; }
  std::vector<std::string> lines() const;

 private:
  std::vector<Found> found_;
};

/// Members `health`, `ready`, `conditions` and `problems` of the object that is open.
void print_health(json::Writer& out, const Health& health);
/// The answer of /readyz: 200 while ready(), with `ok` or the severity and each line; else 503.
HttpReply readiness(const Health& health);
/// A sample for each condition, and the whole.
void add_health(MetricsText& out, const Health& health);

}  // namespace agent
