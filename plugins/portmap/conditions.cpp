// SPDX-License-Identifier: Apache-2.0
#include "plugins/portmap/conditions.h"

#include <charconv>
#include <optional>

#include "libcni/base/names.h"
#include "libcni/spec/error.h"

namespace portmap {
namespace {

using Condition = firewall::HostPortCondition;

/// Reads words one after another.
class Reader {
 public:
  Reader(const std::vector<std::string>& words, std::string_view key) : words_(words), key_(key) {}

  bool at_end() const { return next_ == words_.size(); }

  std::string take() {
    if (at_end())
      throw cni::Error(cni::Code::invalid_config,
                       std::string(key_) + " ends in the middle of a condition",
                       "after \"" + (words_.empty() ? "" : words_.back()) + "\"");
    return words_[next_++];
  }

  bool take_if(std::string_view word) {
    const bool matches = !at_end() && words_[next_] == word;
    if (matches) ++next_;
    return matches;
  }

  [[noreturn]] void refuse(const std::string& word, const std::string& wanted) const {
    throw cni::Error(cni::Code::invalid_config,
                     std::string(key_) + ": \"" + word + "\" is not a condition that portmap knows",
                     "must be " + wanted + "; the iptables backend takes any match of iptables");
  }

 private:
  const std::vector<std::string>& words_;
  std::string_view key_;
  std::size_t next_ = 0;
};

bool take_negation(Reader& reader) {
  if (reader.take_if("!=")) return true;
  reader.take_if("==");
  return false;
}

std::optional<base::Prefix> find_prefix(const std::string& text) {
  if (auto prefix = base::Prefix::parse(text)) return prefix;
  const auto address = base::IpAddress::parse(text);
  return address ? std::optional(base::host_prefix(*address)) : std::nullopt;
}

Condition take_address(Reader& reader, bool v4) {
  Condition condition;
  const std::string field = reader.take();
  if (field == "daddr")
    condition.kind = Condition::Kind::destination;
  else if (field != "saddr")
    reader.refuse(field, "saddr or daddr");
  condition.negated = take_negation(reader);
  const std::string text = reader.take();
  const auto prefix = find_prefix(text);
  if (!prefix || prefix->address.is_v4() != v4)
    reader.refuse(text, v4 ? "an IPv4 address or prefix" : "an IPv6 address or prefix");
  condition.prefix = prefix->network();
  return condition;
}

Condition take_link(Reader& reader, Condition::Kind kind) {
  Condition condition{.kind = kind};
  condition.negated = take_negation(reader);
  std::string name = reader.take();
  if (name.size() >= 2 && name.front() == '"' && name.back() == '"')
    name = name.substr(1, name.size() - 2);
  if (const std::string problem = base::ifname_problem(name); !problem.empty())
    reader.refuse(name, "the name of a link: " + problem);
  condition.link = name;
  return condition;
}

std::uint32_t take_number(Reader& reader) {
  const std::string text = reader.take();
  const bool hex = text.starts_with("0x");
  const char* begin = text.data() + (hex ? 2 : 0);
  const char* end = text.data() + text.size();
  std::uint32_t number = 0;
  const auto [stop, error] = std::from_chars(begin, end, number, hex ? 16 : 10);
  if (error != std::errc() || stop != end || begin == end) reader.refuse(text, "a 32-bit number");
  return number;
}

Condition take_mark(Reader& reader) {
  if (!reader.take_if("mark")) reader.refuse(reader.take(), "mark after meta");
  Condition condition{.kind = Condition::Kind::mark};
  if (reader.take_if("&") || reader.take_if("and")) condition.mask = take_number(reader);
  condition.negated = take_negation(reader);
  condition.mark = take_number(reader);
  return condition;
}

}  // namespace

std::vector<Condition> parse_conditions(const std::vector<std::string>& words,
                                        std::string_view key) {
  std::vector<Condition> conditions;
  Reader reader(words, key);
  while (!reader.at_end()) {
    const std::string word = reader.take();
    if (word == "ip" || word == "ip6")
      conditions.push_back(take_address(reader, word == "ip"));
    else if (word == "iifname" || word == "iif")
      conditions.push_back(take_link(reader, Condition::Kind::input_link));
    else if (word == "oifname" || word == "oif")
      conditions.push_back(take_link(reader, Condition::Kind::output_link));
    else if (word == "meta")
      conditions.push_back(take_mark(reader));
    else
      reader.refuse(word, "ip, ip6, iifname, oifname or meta mark");
  }
  return conditions;
}

}  // namespace portmap
