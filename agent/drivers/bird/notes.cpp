// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/notes.h"

#include <algorithm>

#include "libcni/json/object.h"

namespace agent::bird {

std::vector<std::string> notes_on(const std::vector<Session>& sessions) {
  const auto is_open = [](const Session& session) { return session.password_file.empty(); };
  const auto example = std::ranges::find_if(sessions, is_open);
  if (example == sessions.end()) return {};
  const std::string key = example->external ? "passwordFile of that peer" : "bgp.passwordFile";
  return {std::to_string(std::ranges::count_if(sessions, is_open)) + " of " +
          std::to_string(sessions.size()) +
          " BGP sessions have no password, such as the one with " + json::quote(example->peer) +
          ": set " + key};
}

std::vector<std::string> notes_on(const Config& config) {
  std::vector<std::string> notes;
  const BgpConfig& bgp = config.bgp;
  const bool has_sessions =
      config.fabric.backend == fabric::Backend::bgp && (bgp.mesh || !bgp.reflectors.empty());
  if (has_sessions && bgp.password_file.empty())
    notes.push_back("bgp.passwordFile: not set: BGP sessions between nodes have no password");
  const auto is_open = [](const BgpPeer& peer) { return peer.password_file.empty(); };
  const auto example = std::ranges::find_if(bgp.peers, is_open);
  if (example != bgp.peers.end())
    notes.push_back("bgp.peers: " + std::to_string(std::ranges::count_if(bgp.peers, is_open)) +
                    " of " + std::to_string(bgp.peers.size()) + " have no password, such as " +
                    json::quote(example->name) + ": set passwordFile");
  return notes;
}

}  // namespace agent::bird
