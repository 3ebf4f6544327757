// SPDX-License-Identifier: Apache-2.0
#include "agent/obstacles/forward_drops.h"

#include <system_error>

#include "libcni/json/object.h"

namespace agent {

std::string_view word_of(nft::Family family) {
  using nft::Family;
  return family == Family::inet ? "inet" : family == Family::ipv4 ? "ip" : "ip6";
}

std::string name_of(const fabric::ForwardDrop& drop) {
  return "chain " + json::quote(drop.chain) + " of nf_tables table " +
         std::string(word_of(drop.table.family)) + " " + json::quote(drop.table.name);
}

std::string text_of(const fabric::ForwardDrop& drop) {
  std::string ranges;
  for (const base::Prefix& range : drop.ranges)
    ranges += (ranges.empty() ? "" : ", ") + range.text();
  return name_of(drop) + " drops forwarded packets, and plumbd finds no rule in it that accepts " +
         ranges + ": load the rules that `plumbd firewall` prints";
}

void ForwardDrops::look(const std::optional<fabric::Traffic>& traffic,
                        std::chrono::milliseconds at_least) try {
  const auto now = Loop::Clock::now();
  if (looked_ != Loop::Clock::time_point{} && now < looked_ + at_least) return;
  if (!nft_) nft_.emplace();
  // Read the generation first, so that the next look sees changes made while the chains are read.
  const std::uint32_t generation = nft_->generation();
  if (generation == generation_ && traffic == traffic_) return;
  looked_ = now;
  std::vector<std::string> texts;
  for (const fabric::ForwardDrop& drop : fabric::find_forward_drops(*nft_, traffic))
    texts.push_back(text_of(drop));
  texts_ = std::move(texts);
  problem_.clear();
  generation_ = generation;
  traffic_ = traffic;
} catch (const std::system_error& error) {
  problem_ = error.what();
  generation_.reset();
}

}  // namespace agent
