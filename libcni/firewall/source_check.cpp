// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/source_check.h"

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>

#include "libcni/firewall/source_check_rules.h"

namespace firewall {
namespace {

using nft::Batch;
using nft::Bytes;
using nft::Element;
using nft::Nft;

/// An element, and the set that it belongs to.
struct Member {
  std::string set;
  Element element;
};

using IsWanted = std::function<bool(std::string_view comment)>;

/// The elements of one link, kLinks first.
std::vector<Member> members_of(const PodLink& link, const std::string& comment = {}) {
  const auto key = [&](bool with_mac) {
    Bytes bytes;
    nft::append_link(bytes, link.host_end);
    if (with_mac) nft::append(bytes, *link.bridged);
    return bytes;
  };
  std::vector<Member> members{{source_rules::kLinks, {.key = key(false), .comment = comment}}};
  if (link.bridged)
    members.push_back({source_rules::kMacs, {.key = key(true), .comment = comment}});
  for (const base::IpAddress& address : link.addresses) {
    Bytes bytes = key(link.bridged.has_value());
    nft::append(bytes, address);
    members.push_back({address.is_v4() ? source_rules::kIpv4 : source_rules::kIpv6,
                       {.key = bytes, .comment = comment}});
  }
  members.front().element.companions = static_cast<std::uint8_t>(members.size());
  return members;
}

std::vector<Member> find_members(Nft& nft, bool bridged, const IsWanted& wanted) {
  std::vector<Member> found;
  for (const nft::Set& set : source_rules::sets(bridged))
    for (Element& element : nft.list_elements(source_rules::table(bridged), set.name, wanted))
      found.push_back({set.name, std::move(element)});
  return found;
}

/// All elements of a link come and go in one transaction: without one in kLinks there is none.
std::vector<Member> find_all_of(Nft& nft, bool bridged, const Owner& owner) {
  const IsWanted wanted = [&](std::string_view comment) { return is_owned_by(comment, owner); };
  if (nft.list_elements(source_rules::table(bridged), source_rules::kLinks, wanted).empty())
    return {};
  return find_members(nft, bridged, wanted);
}

void remove_members(Batch& batch, const std::vector<Member>& members) {
  for (const Member& member : members) batch.remove_element(member.set, member.element.key);
}

/// The kernel can give the name of a link that is gone to a new one.
void remove_former(Nft& nft, Batch& batch, const PodLink& link) {
  const Bytes name = members_of(link).front().element.key;
  std::vector<Member> former =
      find_members(nft, link.bridged.has_value(), [](std::string_view) { return true; });
  std::erase_if(former, [&](const Member& member) {
    return !std::equal(name.begin(), name.end(), member.element.key.begin());
  });
  remove_members(batch, former);
}

/// Puts the removal of `known` into `batch`; returns false when it is not all that `owner` has.
bool remove_known(Nft& nft, Batch& batch, const Owner& owner, const PodLink& known) {
  const std::vector<Member> members = members_of(known);
  const nft::Table& table = source_rules::table(known.bridged.has_value());
  for (const Member& member : members) {
    const auto present = nft.find_element(table, member.set, member.element.key);
    if (!present || !is_owned_by(present->comment, owner)) return false;
    if (member.set == source_rules::kLinks && present->companions != members.size()) return false;
  }
  remove_members(batch, members);
  return true;
}

bool remove_from(Nft& nft, bool bridged, const Owner& owner, const std::optional<PodLink>& known) {
  // Many nodes have no such table; one request shows that.
  if (!nft.has_chain(source_rules::table(bridged), source_rules::kHook)) return false;
  bool existed = false;
  nft::retry_on_conflict([&] {
    Batch batch(source_rules::table(bridged));
    const bool fits = known && known->bridged.has_value() == bridged;
    if (!fits || !remove_known(nft, batch, owner, *known))
      remove_members(batch, find_all_of(nft, bridged, owner));
    existed = existed || !batch.empty();
    nft.commit(batch);
  });
  return existed;
}

std::set<std::string, std::less<>> list_comments(Nft& nft, bool bridged, const IsWanted& wanted) {
  std::set<std::string, std::less<>> comments;
  for (const Member& member : find_members(nft, bridged, wanted))
    comments.insert(member.element.comment);
  return comments;
}

[[noreturn]] void missing(const std::string& what, bool bridged) {
  throw std::runtime_error("source check: " + what + " is missing from nf_tables table \"" +
                           (bridged ? "bridge" : "inet") + " plumb_links\"");
}

/// The link with the MAC address for which its check was made: a later plugin of the chain may have
/// given the pod another, and the result that CHECK gets has that one.
PodLink as_it_was_added(Nft& nft, const Owner& owner, PodLink link) {
  if (!link.bridged) return link;
  for (const Element& element :
       nft.list_elements(source_rules::table(true), source_rules::kMacs,
                         [&](std::string_view comment) { return is_owned_by(comment, owner); })) {
    Bytes name;
    nft::append_link(name, link.host_end);
    base::Mac mac;
    if (element.key.size() < name.size() + mac.bytes.size() ||
        !std::equal(name.begin(), name.end(), element.key.begin()))
      continue;
    std::copy_n(element.key.begin() + static_cast<std::ptrdiff_t>(name.size()), mac.bytes.size(),
                mac.bytes.begin());
    if (mac == *link.bridged) return link;
    link.bridged = mac;
    // Made of the MAC address.
    std::erase_if(link.addresses,
                  [](const base::IpAddress& each) { return each.is_link_local_unicast(); });
    return link;
  }
  return link;
}

}  // namespace

bool put_source_check(const Addition& to, const Owner& owner, const PodLink& link) {
  const bool bridged = link.bridged.has_value();
  to.batch.select(source_rules::table(bridged));
  const bool complete = to.nft.count_rules(to.batch.table(), source_rules::kHook) ==
                        source_rules::hook_rules(bridged);
  if (!complete) source_rules::put(to.batch, bridged);
  if (to.contested) remove_former(to.nft, to.batch, link);
  for (const Member& member : members_of(link, owner_comment(owner)))
    to.batch.add_element(member.set, member.element);
  return !complete;
}

bool remove_source_check(Nft& nft, const Owner& owner, const std::optional<PodLink>& known) {
  bool existed = false;
  for (const bool bridged : {true, false})
    existed = remove_from(nft, bridged, owner, known) || existed;
  return existed;
}

bool has_source_check(const Owner& owner) {
  Nft nft;
  return std::ranges::any_of(std::array{true, false}, [&](bool bridged) {
    return !find_all_of(nft, bridged, owner).empty();
  });
}

void check_source_check(const Owner& owner, const PodLink& link) {
  const bool bridged = link.bridged.has_value();
  const nft::Table& table = source_rules::table(bridged);
  Nft nft;
  if (nft.count_rules(table, source_rules::kHook) != source_rules::hook_rules(bridged))
    missing("a rule of chain \"" + std::string(source_rules::kHook) + "\"", bridged);
  for (const Member& member : members_of(as_it_was_added(nft, owner, link))) {
    const auto present = nft.find_element(table, member.set, member.element.key);
    if (!present || !is_owned_by(present->comment, owner))
      missing("an element of link \"" + link.host_end + "\" in set \"" + member.set + "\"",
              bridged);
  }
}

std::function<void()> find_stale_source_checks(const std::string& network,
                                               std::span<const Owner> valid) {
  const StaleComments is_stale(network, valid);
  Nft nft;
  return [bridge = list_comments(nft, true, is_stale), inet = list_comments(nft, false, is_stale)] {
    for (const bool bridged : {true, false}) {
      const auto& comments = bridged ? bridge : inet;
      if (comments.empty()) continue;
      Nft late;
      nft::retry_on_conflict([&] {
        Batch batch(source_rules::table(bridged));
        remove_members(batch, find_members(late, bridged, [&](std::string_view comment) {
                         return comments.contains(comment);
                       }));
        late.commit(batch);
      });
    }
  };
}

}  // namespace firewall
