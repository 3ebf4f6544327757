// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/speaker.h"

#include <utility>

#include "agent/drivers/bird/leftovers.h"
#include "agent/drivers/bird/render.h"
#include "libcni/base/file.h"

namespace agent::bird {
namespace {

/// The configuration that plumbd wrote for this node's BIRD; empty when another program wrote it.
std::string own_configuration(const BgpConfig& config) {
  auto text = base::find_file(config.bird_config);
  return text && is_rendered(*text) ? *std::move(text) : std::string();
}

}  // namespace

Speaker::Speaker(const BgpConfig& config, Loop& loop, net::Netlink& netlink,
                 std::function<void()> news)
    : config_(config), loop_(loop), netlink_(netlink), news_(std::move(news)) {}

DriverRun Speaker::run(const Snapshot& cluster, Place place) {
  needed_ = speaks_bgp(config_, place);
  // Where all nodes use BGP, no session has to be ended or kept.
  if (!uses_bgp(place) || !place.routed.empty()) place.configuration = own_configuration(config_);
  const bool had_bird = !place.configuration.empty();
  if (!driver_) {
    if (!needed_ && !had_bird) return {};
    driver_.emplace(config_, loop_, news_);
    driver_->start();
  }
  Configuration desired = plan(config_, cluster, place);
  problems_ = desired.problems;
  notes_ = desired.notes;
  const std::size_t sessions = desired.sessions.size() + desired.kept.size();
  running_ = true;
  driver_->apply(std::move(desired), [this](const std::string& error) {
    if (error == kSuperseded) return;
    const bool changed = std::exchange(problem_, error) != error;
    if (changed && !running_) news_();
  });
  running_ = false;
  // BIRD may restore them only until it has the new configuration.
  const std::size_t removed =
      had_bird ? remove_leftovers(netlink_, place.routed, !needed_) : std::size_t{0};
  const Status status = driver_->status();
  if (!status.warning.empty()) problems_.push_back(status.warning);
  const auto before = std::exchange(reconfigurations_, status.reconfigurations);
  return {.writes = reconfigurations_ - before + removed,
          .desired = sessions,
          .problem = speaking() ? problem_ : std::string()};
}

}  // namespace agent::bird
