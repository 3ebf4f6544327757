// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/drivers/bird/config_file.h"
#include "agent/drivers/bird/configuration.h"
#include "agent/drivers/bird/control.h"
#include "agent/drivers/bird/peers.h"
#include "agent/drivers/bird/reconfiguration.h"
#include "agent/loop/loop.h"

namespace agent::bird {

/// The error that `done` gets for a job that a later one has replaced.
inline constexpr const char* kSuperseded = "superseded";

/// The state of BIRD, for status and metrics. Contains no password.
struct Status {
  bool running = false;  ///< answers on its control socket
  bool current = false;  ///< and uses the configuration that was applied last
  std::string state =
      {};  ///< one line for people: `3 of 4 sessions up`, `BIRD does not answer: ...`
  std::vector<PeerStatus> peers = {};  ///< as of the last 10 s
  std::string warning = {};            ///< sessions that wait for the other end to change, too
  std::uint64_t reconfigurations = 0;  ///< number of confirmed ones
  std::uint64_t refusals = 0;          ///< configurations that BIRD did not accept
  std::uint64_t undone = 0;  ///< reconfigurations undone because too few sessions returned
};

/// Gives BIRD the desired configuration. Never stops, starts or restarts BIRD.
///
/// BIRD checks a new configuration while it uses the old one, and replaces it atomically. The new
/// one is confirmed once more than half of the sessions that were up before, and that it still
/// contains, are up again. Otherwise BIRD returns to the old one, which is then on disk again, and
/// the new one is not tried for a minute. Sessions with new addresses, AS numbers or passwords do
/// not count: they return when the other end changes, too, as in a rotation node by node;
/// Status::warning names them until then. While BIRD does not run, a file that a BIRD accepted
/// stays. Without a file, one is written for a BIRD that starts later, with a note that it is
/// unchecked; the same happens on a node that has left BGP. The configuration is applied as soon as
/// BIRD answers.
///
/// Usage: construct, start(), then apply(plan(...), done) after every change and at every resync;
/// applying what BIRD already has costs a rendering only. All callbacks come from the loop or from
/// within apply().
class Driver {
 public:
  /// `error` is empty when BIRD uses the configuration; otherwise one line, and a later apply()
  /// tries again.
  using Done = std::function<void(const std::string& error)>;

  /// `news` runs when the connection to BIRD is lost, and when a BIRD that came back accepts or
  /// refuses the configuration that was applied last.
  Driver(
      const BgpConfig& config, Loop& loop, std::function<void()> news = [] {});
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  ~Driver();

  void start();
  /// Applies a configuration, which takes up to 10 s. One job runs at a time; the next one waits
  /// and replaces a job that waits already, whose `done` gets kSuperseded.
  void apply(Configuration desired, Done done);
  Status status() const;

 private:
  struct Job {
    Configuration desired;
    std::string text;
    Done done;
  };
  void begin(Job job);
  std::string keep_file() const;
  void wait_for_bird();
  void go_on();
  void ask();
  void conclude();
  void applied(const Reconfiguration& done);
  void finish(const std::string& error);
  void on_change();
  void poll_quickly();
  void poll();
  void keep_peers(std::vector<PeerStatus> peers);
  /// The active job waits for BIRD's greeting.
  bool awaits_greeting() const { return active_ && !reconfiguration_; }

  const ConfigFile file_;
  Loop& loop_;
  const std::function<void()> news_;
  Control control_;
  std::optional<Job> active_, waiting_;
  std::optional<Reconfiguration> reconfiguration_;  ///< of the active job, while BIRD answers
  std::optional<Job> latest_;                       ///< the last job, for a BIRD that comes back
  std::string running_;  ///< the text that BIRD has confirmed on this connection
  std::vector<base::IpAddress> await_other_end_;  ///< the other end has to change, too
  std::string undone_text_, undone_error_;
  Loop::Clock::time_point not_before_ = {};  ///< when the undone text may be tried again
  Loop::TimerId look_again_ = 0, poll_ = 0;
  int quick_polls_ = 0;
  bool was_up_ = false;  ///< BIRD answered until the last change
  std::string error_;
  std::vector<PeerStatus> peers_;
  std::uint64_t reconfigurations_ = 0, refusals_ = 0, undone_ = 0;
};

}  // namespace agent::bird
