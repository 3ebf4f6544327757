// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/driver.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "agent/drivers/bird/render.h"
#include "agent/loop/log.h"

namespace agent::bird {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kPoll{10};
// BIRD 2.0.12 sometimes sleeps until its next timer, up to 3 s, although a new session's routes are
// ready to send. A command wakes it up, so plumbd polls more often while sessions come up.
constexpr milliseconds kQuickPoll{700};
constexpr int kQuickPolls = 8;
constexpr seconds kNotAgain{60};  // each attempt interrupts the sessions

/// The first line of a file that no BIRD has checked. Such a file never replaces an accepted one,
/// because it might keep BIRD from starting.
constexpr const char* kUnchecked = "# BIRD has not checked this yet.\n";

}  // namespace

Driver::Driver(const BgpConfig& config, Loop& loop, std::function<void()> news)
    : file_(config),
      loop_(loop),
      news_(std::move(news)),
      control_(loop, config.bird_socket, [this] { on_change(); }) {}

Driver::~Driver() {
  loop_.cancel(look_again_);
  loop_.cancel(poll_);
}

void Driver::start() {
  control_.start();
}

void Driver::apply(Configuration desired, Done done) {
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
  if (control_.connecting()) return;  // on_change() goes on
  if (!control_.up()) return wait_for_bird();
  if (active_->text == running_) return finish(keep_file());
  if (active_->text == undone_text_ && loop_.now() < not_before_)
    return finish(std::string(undone_error_));
  reconfiguration_.emplace(file_, active_->desired, active_->text);
  go_on();
}

/// Makes the file contain the running configuration, which BIRD needs after a restart. Returns why
/// it cannot.
std::string Driver::keep_file() const {
  try {
    if (file_.find() == running_) return {};
    file_.write(running_);
    log(LogLevel::warning, "wrote " + file_.path() + " again: another program had changed it");
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

void Driver::wait_for_bird() {
  std::string problem = "BIRD does not answer: " + control_.problem();
  try {
    const auto present = file_.find();
    const std::string unchecked = kUnchecked + active_->text;
    // A node that has left BGP needs no BIRD, and one that starts by the old file would write its
    // routes again.
    const bool may_replace = !present || present->starts_with(kUnchecked) ||
                             (active_->desired.left && *present != active_->text);
    if (may_replace) {
      if (present != unchecked) file_.write(unchecked);
    } else if (*present != active_->text) {
      problem += "; " + file_.path() + " stays as BIRD accepted it until BIRD checks the new one";
    }
  } catch (const std::exception& error) {
    problem = error.what();
  }
  finish(problem);
}

/// Sends the next command of the reconfiguration, now or after its pause.
void Driver::go_on() {
  if (reconfiguration_->state() == Reconfiguration::State::ended) return conclude();
  const milliseconds pause = reconfiguration_->pause();
  if (pause == milliseconds(0)) return ask();
  look_again_ = loop_.after(pause, [this] { ask(); });
}

void Driver::ask() {
  look_again_ = 0;
  const bool awaits = reconfiguration_->state() == Reconfiguration::State::await_sessions;
  const auto wanted = reconfiguration_->asks_for_sessions() ? describes_peer : nullptr;
  control_.command(
      reconfiguration_->command(),
      [this, awaits](const Reply& reply) {
        reconfiguration_->take(reply, loop_.now());
        if (awaits && !reply.lines.empty()) keep_peers(reconfiguration_->peers());
        go_on();
      },
      wanted);
}

void Driver::conclude() {
  using Outcome = Reconfiguration::Outcome;
  const Reconfiguration done = *std::exchange(reconfiguration_, std::nullopt);
  switch (done.outcome()) {
    case Outcome::applied:
      return applied(done);
    case Outcome::unchecked:
      return wait_for_bird();
    case Outcome::lost:
      return finish("BIRD does not answer: " + control_.problem());
    case Outcome::refused:
      ++refusals_;
      break;
    case Outcome::undone:
      ++undone_;
      undone_text_ = done.text();
      undone_error_ = done.error();
      not_before_ = loop_.now() + kNotAgain;
      break;
    case Outcome::failed:
      break;
  }
  finish(done.error());
}

void Driver::applied(const Reconfiguration& done) {
  running_ = done.text();
  ++reconfigurations_;
  for (const base::IpAddress& neighbor : done.changed())
    if (std::ranges::find(await_other_end_, neighbor) == await_other_end_.end())
      await_other_end_.push_back(neighbor);
  finish("");
  if (!await_other_end_.empty()) news_();
  poll_quickly();
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
  if (awaits_greeting())
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
  control_.command(
      "show protocols all",
      [this](const Reply& reply) {
        if (reply.ok()) keep_peers(parse_protocols(reply));
      },
      describes_peer);
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
                     ": their addresses, AS numbers, password or ttlSecurity have changed here";
  return status;
}

}  // namespace agent::bird
