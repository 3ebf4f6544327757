// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/driver.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <utility>

#include "agent/drivers/bird/render.h"
#include "agent/loop/log.h"
#include "libcni/base/file.h"
#include "libcni/base/sys_error.h"

namespace agent::bird {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kPoll{10};
// BIRD 2.0.12 sometimes sleeps until its next timer, up to 3 s, although a new session's routes are
// ready to send. A command wakes it up, so plumbd polls more often while sessions come up.
constexpr milliseconds kQuickPoll{700};
constexpr int kQuickPolls = 8;
constexpr milliseconds kLookAgain{300};
constexpr int kUndoSeconds = 10;
constexpr seconds kGiveUp{kUndoSeconds - 1};  // before BIRD does
constexpr seconds kNotAgain{60};              // each attempt interrupts the sessions

/// The first line of a file that no BIRD has checked. Such a file never replaces an accepted one,
/// because it might keep BIRD from starting.
constexpr const char* kUnchecked = "# BIRD has not checked this yet.\n";

/// The session with `neighbor`; nullptr when none is wanted.
const Session* find_session(const Desired& desired, const base::IpAddress& neighbor) {
  const auto found = std::ranges::find_if(desired.sessions, [&](const Session& session) {
    return session.neighbor ? *session.neighbor == neighbor : session.range->contains(neighbor);
  });
  return found == desired.sessions.end() ? nullptr : &*found;
}

/// The ID of a group; nothing when it does not exist.
std::optional<gid_t> find_group(const std::string& name) {
  const group* found = name.empty() ? nullptr : ::getgrnam(name.c_str());
  if (found == nullptr) return std::nullopt;
  return found->gr_gid;
}

}  // namespace

Driver::Driver(const BgpConfig& config, Loop& loop, std::function<void()> news)
    : config_(config),
      loop_(loop),
      news_(std::move(news)),
      readers_(find_group(config.bird_group)),
      control_(loop, config.bird_socket, [this] { on_change(); }) {}

Driver::~Driver() {
  loop_.cancel(look_again_);
  loop_.cancel(poll_);
}

void Driver::start() {
  control_.start();
}

void Driver::apply(Desired desired, Done done) {
  Job job{std::move(desired), {}, std::move(done)};
  try {
    job.text = render(job.desired, read_secrets(job.desired));
  } catch (const std::exception& error) {
    error_ = error.what();
    return job.done(error_);
  }
  latest_ = Job{job.desired, job.text, [this](const std::string&) { news_(); }};
  if (!active_) return begin(std::move(job));
  if (waiting_) waiting_->done(kSuperseded);
  waiting_ = std::move(job);
}

void Driver::begin(Job job) {
  active_ = std::move(job);
  awaits_greeting_ = control_.connecting();
  if (awaits_greeting_) return;
  if (!control_.up()) return wait_for_bird();
  if (active_->text == running_) return finish(keep_file());
  if (active_->text == undone_text_ && loop_.now() < not_before_)
    return finish(std::string(undone_error_));
  check_candidate();
}

/// Makes the file contain the running configuration, which BIRD needs after a restart. Returns why
/// it cannot.
std::string Driver::keep_file() const {
  try {
    if (base::find_file(config_.bird_config) == running_) return {};
    write(config_.bird_config, running_);
    log(LogLevel::warning,
        "wrote " + config_.bird_config + " again: another program had changed it");
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

void Driver::wait_for_bird() {
  const std::string& path = config_.bird_config;
  std::string problem = "BIRD does not answer: " + control_.problem();
  try {
    const auto present = base::find_file(path);
    const std::string unchecked = kUnchecked + active_->text;
    // A node that has left BGP needs no BIRD, and one that starts by the old file would write its
    // routes again.
    const bool may_replace = !present || present->starts_with(kUnchecked) ||
                             (active_->desired.left && *present != active_->text);
    if (may_replace) {
      if (present != unchecked) write(path, unchecked);
    } else if (*present != active_->text) {
      problem += "; " + path + " stays as BIRD accepted it until BIRD checks the new one";
    }
  } catch (const std::exception& error) {
    problem = error.what();
  }
  finish(problem);
}

void Driver::check_candidate() {
  const std::string candidate = config_.bird_config + ".candidate";
  try {
    write(candidate, active_->text);
  } catch (const std::exception& error) {
    return finish(error.what());
  }
  control_.command("configure check \"" + candidate + "\"", [this, candidate](const Reply& reply) {
    if (reply.ok()) return count_sessions();
    ::unlink(candidate.c_str());
    if (reply.lines.empty()) return wait_for_bird();
    ++refusals_;
    finish("BIRD refuses the new configuration, the old one stays: " + reply.text());
  });
}

void Driver::ask_for_peers(Control::Answer answer) {
  control_.command("show protocols all", std::move(answer), tells_of_peers);
}

void Driver::count_sessions() {
  ask_for_peers([this](const Reply& reply) {
    before_.clear();
    changed_.clear();
    try {
      previous_ = base::find_file(config_.bird_config);
    } catch (const std::exception& error) {
      return finish(error.what());
    }
    for (const PeerStatus& peer : parse_protocols(reply))
      if (peer.up()) note_session(peer.address);
    commit();
  });
}

void Driver::note_session(const base::IpAddress& neighbor) {
  const Session* const session = find_session(active_->desired, neighbor);
  if (session == nullptr) return;
  const bool same = !previous_ || find_agreement(*previous_, session->name) ==
                                      find_agreement(active_->text, session->name);
  (same ? before_ : changed_).push_back(neighbor);
}

void Driver::commit() {
  const std::string& path = config_.bird_config;
  try {
    if (::rename((path + ".candidate").c_str(), path.c_str()) != 0)
      base::throw_errno("replace \"" + path + "\"");
  } catch (const std::exception& error) {
    return finish(error.what());
  }
  const std::string command = "configure \"" + path + "\" timeout " + std::to_string(kUndoSeconds);
  control_.command(command, [this](const Reply& reply) {
    // A lost connection: BIRD is gone, and one that comes back reads the file.
    if (reply.lines.empty()) return finish("BIRD does not answer: " + control_.problem());
    if (!reply.ok()) {
      ++refusals_;
      return take_back("BIRD refuses the new configuration, the old one stays: " + reply.text(),
                       false);
    }
    give_up_ = loop_.now() + kGiveUp;
    await_sessions();
  });
}

void Driver::await_sessions() {
  look_again_ = 0;
  ask_for_peers([this](const Reply& reply) {
    if (reply.lines.empty()) return finish("BIRD does not answer: " + control_.problem());
    judge(parse_protocols(reply));
  });
}

void Driver::judge(const std::vector<PeerStatus>& peers) {
  returned_ =
      static_cast<std::size_t>(std::ranges::count_if(before_, [&](const base::IpAddress& address) {
        return std::ranges::any_of(
            peers, [&](const PeerStatus& peer) { return peer.up() && peer.address == address; });
      }));
  keep_peers(peers);
  if (before_.empty() || returned_ * 2 > before_.size()) return confirm();
  if (loop_.now() < give_up_) {
    look_again_ = loop_.after(kLookAgain, [this] { await_sessions(); });
    return;
  }
  ++undone_;
  undone_text_ = active_->text;
  not_before_ = loop_.now() + kNotAgain;
  undone_error_ = "only " + std::to_string(returned_) + " of " + std::to_string(before_.size()) +
                  " BGP sessions returned within " + std::to_string(kGiveUp.count()) +
                  " s of a new configuration: the old one is back";
  take_back(undone_error_, true);
}

void Driver::confirm() {
  control_.command("configure confirm", [this](const Reply& reply) {
    if (!reply.ok())
      return take_back("BIRD took the new configuration back: " + reply.text(), false);
    running_ = active_->text;
    ++reconfigurations_;
    for (const base::IpAddress& neighbor : changed_)
      if (std::ranges::find(await_other_end_, neighbor) == await_other_end_.end())
        await_other_end_.push_back(neighbor);
    finish("");
    if (!await_other_end_.empty()) news_();
    poll_quickly();
  });
}

void Driver::take_back(const std::string& why, bool tell_bird) {
  std::string error = why;
  try {
    if (previous_)
      write(config_.bird_config, *previous_);
    else
      base::remove_file(config_.bird_config);
  } catch (const std::exception& failure) {
    error += "; " + std::string(failure.what());
  }
  if (!tell_bird) return finish(error);
  control_.command("configure undo", [this, error](const Reply&) { finish(error); });
}

void Driver::finish(const std::string& error) {
  error_ = error;
  const Done done = std::move(active_->done);
  active_.reset();
  if (waiting_) begin(*std::exchange(waiting_, std::nullopt));
  done(error);
}

void Driver::on_change() {
  const bool lost = std::exchange(was_up_, control_.up()) && !control_.up();
  if (control_.up()) running_.clear();  // another BIRD, perhaps with another file
  if (std::exchange(awaits_greeting_, false))
    begin(*std::exchange(active_, std::nullopt));
  else if (control_.up() && !active_ && latest_)
    begin(*latest_);
  if (control_.up()) poll_quickly();
  if (lost) news_();
}

void Driver::poll_quickly() {
  quick_polls_ = kQuickPolls;
  loop_.cancel(poll_);
  poll();
}

void Driver::poll() {
  poll_ = 0;
  if (!control_.up()) return;
  ask_for_peers([this](const Reply& reply) {
    if (reply.ok()) keep_peers(parse_protocols(reply));
  });
  const milliseconds pause = quick_polls_ > 0 ? kQuickPoll : milliseconds(kPoll);
  quick_polls_ = std::max(quick_polls_ - 1, 0);
  poll_ = loop_.after(pause, [this] { poll(); });
}

void Driver::keep_peers(std::vector<PeerStatus> peers) {
  for (PeerStatus& peer : peers)
    if (latest_)
      for (const Session& session : latest_->desired.sessions)
        if (session.name == peer.session) peer.peer = session.peer;
  peers_ = std::move(peers);
  const auto returned = std::erase_if(await_other_end_, [this](const base::IpAddress& address) {
    const auto peer = std::ranges::find(peers_, address, &PeerStatus::address);
    return (peer != peers_.end() && peer->up()) ||
           (latest_ && find_session(latest_->desired, address) == nullptr);
  });
  if (returned > 0 && await_other_end_.empty()) news_();
}

void Driver::write(const std::string& path, const std::string& text) const {
  const std::string made = path + ".new";
  base::write_file_atomic(made, text, S_IRUSR | S_IWUSR);
  // Without that group, or in a container that may not change owners, BIRD runs as root.
  if (readers_ && ::chown(made.c_str(), 0, *readers_) != 0 && errno != EPERM)
    base::throw_errno("give \"" + made + "\" to group " + config_.bird_group);
  if (::chmod(made.c_str(), S_IRUSR | S_IWUSR | S_IRGRP) != 0)
    base::throw_errno("set the mode of \"" + made + "\"");
  if (::rename(made.c_str(), path.c_str()) != 0) base::throw_errno("replace \"" + path + "\"");
}

Status Driver::status() const {
  Status status{.running = control_.up(),
                .current = control_.up() && latest_ && latest_->text == running_,
                .peers = control_.up() ? peers_ : std::vector<PeerStatus>(),
                .reconfigurations = reconfigurations_,
                .refusals = refusals_,
                .undone = undone_};
  const auto up = std::ranges::count_if(status.peers, &PeerStatus::up);
  if (!control_.up())
    status.state = "BIRD does not answer: " + control_.problem();
  else if (!error_.empty())
    status.state = error_;
  else
    status.state =
        std::to_string(up) + " of " + std::to_string(status.peers.size()) + " sessions up";
  if (status.running && !await_other_end_.empty())
    status.warning = std::to_string(await_other_end_.size()) +
                     " BGP sessions wait for the other ends, such as " +
                     await_other_end_.front().text() +
                     ": their addresses, AS numbers or password have changed here";
  return status;
}

}  // namespace agent::bird
