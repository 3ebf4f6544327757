// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/loop/loop.h"
#include "libcni/fabric/forward.h"

namespace agent {

/// `chain "forward" of nf_tables table inet "filter"`
std::string name_of(const fabric::ForwardDrop& drop);
/// One line for people: which chain, what it drops, what to do.
std::string text_of(const fabric::ForwardDrop& drop);
/// `ip`, `ip6`, `inet`, as nft has it.
std::string_view word_of(nft::Family family);

/// Finds chains of other programs that drop pods' packets, again when nf_tables has changed.
class ForwardDrops {
 public:
  /// Looks again if nf_tables has changed and the last look is at least `at_least` ago: a look
  /// reads every chain's name.
  void look(const std::optional<fabric::Traffic>& traffic, std::chrono::milliseconds at_least);
  const std::vector<std::string>& texts() const { return texts_; }
  /// Why they cannot be looked for; empty when they can.
  const std::string& problem() const { return problem_; }

 private:
  std::optional<nft::Nft> nft_;
  std::optional<std::uint32_t> generation_;
  std::optional<fabric::Traffic> traffic_;
  Loop::Clock::time_point looked_ = {};
  std::vector<std::string> texts_;
  std::string problem_;
};

}  // namespace agent
