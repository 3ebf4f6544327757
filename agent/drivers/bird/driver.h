// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/drivers/bird/control.h"
#include "agent/drivers/bird/desired.h"
#include "agent/drivers/bird/peers.h"
#include "agent/loop/loop.h"

namespace agent::bird {

/// What `done` gets for a job that a later one has replaced.
inline constexpr const char* kSuperseded = "superseded";

/// How BIRD is doing, for status and metrics. Contains no password.
struct Status {
  bool running = false;  ///< answers on its control socket
  bool current = false;  ///< and works by what was applied last
  std::string state =
      {};  ///< one line for people: `3 of 4 sessions up`, `BIRD does not answer: ...`
  std::vector<PeerStatus> peers = {};  ///< as of the last 10 s
  std::string warning = {};            ///< sessions that wait for the other end to change, too
  std::uint64_t reconfigurations = 0;  ///< that were confirmed
  std::uint64_t refusals = 0;          ///< configurations that BIRD did not accept
  std::uint64_t undone = 0;            ///< taken back because too few sessions returned
};

/// Brings BIRD to what is desired and never stops, starts or restarts it (multinode 5.4).
///
/// A configuration is checked by BIRD beside the one in use, replaces it atomically, and is
/// confirmed once more than half of the sessions that were up, and that it still has, are up again;
/// otherwise BIRD goes back to the old one, which is then on disk again, and the new one is not
/// tried for a minute. Sessions whose addresses, AS numbers or password are new do not count: they
/// return when the other end follows, as in a rotation node by node, and are told until then.
/// Without BIRD a file that some BIRD accepted stays; where there is none, one is written for a
/// BIRD that starts later, and says of itself that it is unchecked; so is one written on a node
/// that has left BGP. What is wanted is applied as soon as BIRD answers.
///
/// Usage: construct, start(), then apply(plan(...), done) after every change and at every resync;
/// what BIRD has already costs no more than rendering. All callbacks come from the loop or from
/// within apply().
class Driver {
 public:
  /// `error` is empty when BIRD works by it; otherwise one line, and a later apply() tries again.
  using Done = std::function<void(const std::string& error)>;

  /// `news` runs when BIRD is lost, and when one that came back has, or refuses, what was applied
  /// last.
  Driver(
      const BgpConfig& config, Loop& loop, std::function<void()> news = [] {});
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  ~Driver();

  void start();
  /// One runs at a time and takes up to 10 s; the next waits, and replaces one that waits already,
  /// whose `done` then gets kSuperseded.
  void apply(Desired desired, Done done);
  Status status() const;

 private:
  struct Job {
    Desired desired;
    std::string text;
    Done done;
  };
  void begin(Job job);
  std::string keep_file() const;
  void wait_for_bird();
  void check_candidate();
  void ask_for_peers(Control::Answer answer);
  void count_sessions();
  void note_session(const base::IpAddress& neighbor);
  void commit();
  void await_sessions();
  void judge(const std::vector<PeerStatus>& peers);
  void confirm();
  void take_back(const std::string& why, bool tell_bird);
  void finish(const std::string& error);
  void on_change();
  void poll_quickly();
  void poll();
  void keep_peers(std::vector<PeerStatus> peers);
  void write(const std::string& path, const std::string& text) const;

  const BgpConfig config_;
  Loop& loop_;
  const std::function<void()> news_;
  const std::optional<gid_t> readers_;  ///< asked for once: a directory service may be slow
  Control control_;
  std::optional<Job> active_, waiting_;
  std::optional<Job> latest_;            ///< what was asked for last, for a BIRD that comes back
  std::string running_;                  ///< text that BIRD has confirmed on this connection
  std::optional<std::string> previous_;  ///< content of the file before the active job
  std::vector<base::IpAddress> before_;  ///< neighbours that were up then and are still wanted
  std::vector<base::IpAddress> changed_, await_other_end_;  ///< and need to change with this end
  std::size_t returned_ = 0;
  Loop::Clock::time_point give_up_ = {};
  std::string undone_text_, undone_error_;
  Loop::Clock::time_point not_before_ = {};  ///< when the undone text may be tried again
  Loop::TimerId look_again_ = 0, poll_ = 0;
  int quick_polls_ = 0;
  bool awaits_greeting_ = false;  ///< the active job does
  bool was_up_ = false;           ///< BIRD answered until the last change
  std::string error_;
  std::vector<PeerStatus> peers_;
  std::uint64_t reconfigurations_ = 0, refusals_ = 0, undone_ = 0;
};

}  // namespace agent::bird
