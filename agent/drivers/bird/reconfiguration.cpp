// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/reconfiguration.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "agent/drivers/bird/render.h"

namespace agent::bird {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kLookAgain{300};
constexpr int kUndoSeconds = 10;
constexpr seconds kGiveUp{kUndoSeconds - 1};  // before BIRD does

constexpr const char* kRefused = "BIRD refuses the new configuration, the old one stays: ";

}  // namespace

const Session* find_session(const Configuration& desired, const base::IpAddress& neighbor) {
  const auto found = std::ranges::find_if(desired.sessions, [&](const Session& session) {
    return session.neighbor ? *session.neighbor == neighbor : session.range->contains(neighbor);
  });
  return found == desired.sessions.end() ? nullptr : &*found;
}

Reconfiguration::Reconfiguration(const ConfigFile& file, Configuration desired, std::string text)
    : file_(file), desired_(std::move(desired)), text_(std::move(text)) {
  try {
    file_.write_candidate(text_);
  } catch (const std::exception& error) {
    end(Outcome::failed, error.what());
  }
}

std::string Reconfiguration::command() const {
  switch (state_) {
    case State::check:
      return "configure check \"" + file_.candidate() + "\"";
    case State::count:
    case State::await_sessions:
      return "show protocols all";
    case State::replace:
      return "configure \"" + file_.path() + "\" timeout " + std::to_string(kUndoSeconds);
    case State::confirm:
      return "configure confirm";
    case State::undo:
      return "configure undo";
    case State::ended:
      break;
  }
  return {};
}

milliseconds Reconfiguration::pause() const {
  return state_ == State::await_sessions && looked_ ? kLookAgain : milliseconds(0);
}

bool Reconfiguration::asks_for_sessions() const {
  return state_ == State::count || state_ == State::await_sessions;
}

void Reconfiguration::take(const Reply& reply, Time now) {
  const bool lost = reply.lines.empty();
  if (asks_for_sessions()) peers_ = parse_protocols(reply);
  switch (state_) {
    case State::check:
      return checked(reply);
    case State::count:
      return counted();
    case State::replace:
      return lost ? end(Outcome::lost) : replaced(reply, now);
    case State::await_sessions:
      return lost ? end(Outcome::lost) : awaited(now);
    case State::confirm:
      return confirmed(reply);
    case State::undo:
      return end(Outcome::undone, std::move(error_));
    case State::ended:
      return;
  }
}

void Reconfiguration::checked(const Reply& reply) {
  if (reply.ok()) {
    state_ = State::count;
    return;
  }
  try {
    file_.remove_candidate();
  } catch (const std::exception&) {
    // A candidate that stays does no harm: the next one replaces it.
  }
  if (reply.lines.empty()) return end(Outcome::unchecked);
  end(Outcome::refused, kRefused + reply.text());
}

void Reconfiguration::counted() {
  try {
    previous_ = file_.find();
    for (const PeerStatus& peer : peers_)
      if (peer.up()) note_session(peer.address);
    file_.accept_candidate();
    state_ = State::replace;
  } catch (const std::exception& error) {
    end(Outcome::failed, error.what());
  }
}

void Reconfiguration::note_session(const base::IpAddress& neighbor) {
  const Session* const session = find_session(desired_, neighbor);
  if (session == nullptr) return;
  const bool same = !previous_ || find_agreement(*previous_, session->name) ==
                                      find_agreement(text_, session->name);
  (same ? before_ : changed_).push_back(neighbor);
}

void Reconfiguration::replaced(const Reply& reply, Time now) {
  if (!reply.ok()) {
    restore(kRefused + reply.text());
    return end(Outcome::refused, std::move(error_));
  }
  give_up_ = now + kGiveUp;
  state_ = State::await_sessions;
}

void Reconfiguration::awaited(Time now) {
  looked_ = true;
  const auto is_up = [&](const base::IpAddress& address) {
    return std::ranges::any_of(
        peers_, [&](const PeerStatus& peer) { return peer.up() && peer.address == address; });
  };
  const auto returned = static_cast<std::size_t>(std::ranges::count_if(before_, is_up));
  if (before_.empty() || returned * 2 > before_.size()) {
    state_ = State::confirm;
  } else if (now >= give_up_) {
    restore("only " + std::to_string(returned) + " of " + std::to_string(before_.size()) +
            " BGP sessions returned within " + std::to_string(kGiveUp.count()) +
            " s of a new configuration: the old one is back");
    state_ = State::undo;
  }
}

void Reconfiguration::confirmed(const Reply& reply) {
  if (reply.ok()) return end(Outcome::applied);
  restore("BIRD took the new configuration back: " + reply.text());
  end(Outcome::failed, std::move(error_));
}

/// Puts the old file in place again, because of `why`.
void Reconfiguration::restore(std::string why) {
  error_ = std::move(why);
  try {
    file_.restore(previous_);
  } catch (const std::exception& failure) {
    error_ += "; " + std::string(failure.what());
  }
}

void Reconfiguration::end(Outcome outcome, std::string error) {
  state_ = State::ended;
  outcome_ = outcome;
  error_ = std::move(error);
}

}  // namespace agent::bird
