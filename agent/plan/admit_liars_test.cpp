// SPDX-License-Identifier: Apache-2.0
// Random clusters in which some nodes lie about themselves: in annotations, or in records of etcd.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "agent/plan/admit.h"
#include "agent/plan/node_plan.h"
#include "agent/source/cache.h"
#include "agent/source/etcd/merge.h"
#include "agent/source/kubernetes/node_record.h"

namespace agent {
namespace {

using fabric::Node;

const base::Prefix kPods = base::Prefix::parse("10.244.0.0/16").value();
const base::Prefix kPods6 = base::Prefix::parse("fd00:244::/32").value();
const base::Prefix kSubnet = base::Prefix::parse("192.0.2.0/24").value();

/// One node as the control plane has it, and its lies.
struct Member {
  int number = 0;  ///< of its address and its range
  bool honest = true;
  std::string name = {};
  std::int64_t since = 1;
  std::map<std::string, std::string> lies = {};  ///< annotations without their prefix
};

std::string address_of(int number) {
  return "192.0.2." + std::to_string(number);
}
std::string address6_of(int number) {
  return "2001:db8::" + std::to_string(number);
}
std::string range_of(int number) {
  return "10.244." + std::to_string(number) + ".0/24";
}
std::string range6_of(int number) {
  return "fd00:244:0:" + std::to_string(number) + "::/64";
}

class World {
 public:
  explicit World(unsigned seed) : random_(seed), dual_(below(2) == 0) {
    const int count = 2 + below(5), liars = 1 + below(3);
    for (int i = 1; i <= count + liars; ++i)
      members_.push_back({.number = i, .honest = i <= count, .since = 1 + below(5)});
    for (Member& member : members_)
      if (!member.honest) lie(member);
    rename();
  }

  /// Other names, and so another order.
  void rename() {
    std::vector<std::string> names{"a", "b", "c", "d", "m", "n", "o", "x", "y", "z"};
    std::ranges::shuffle(names, random_);
    for (std::size_t i = 0; i < members_.size(); ++i) members_[i].name = names[i];
  }

  const std::vector<Member>& members() const { return members_; }
  AdmitRules rules(const std::string& self) const {
    return {.cluster_ranges = {kPods, kPods6}, .node_subnets = {kSubnet}, .self = self};
  }

  /// The list as plumbd of `self` gets it from Kubernetes.
  std::vector<Node> kubernetes(const std::string& self) const {
    Config config;
    config.node_name = self;
    std::vector<Node> nodes;
    for (const Member& member : members_)
      nodes.push_back(read_node(record_of(member), config).node);
    std::ranges::sort(nodes, {}, &Node::name);
    return nodes;
  }

  /// The same lies in etcd, in keys of their own that came later than those of honest nodes. Who
  /// may write to etcd can replace the keys of others, too, which no admission can undo.
  std::vector<Node> etcd(const std::string& self) const {
    etcd::View view("/net", {});
    std::int64_t revision = 0;
    for (const bool honest : {true, false})
      for (const Member& member : members_)
        if (member.honest == honest) {
          const Node node = claimed_by(member);
          const std::string key = "/net/subnets/" + etcd::key_of(node.ranges);
          view.put({.key = key,
                    .value = etcd::record_of(node, {}),
                    .mod_revision = ++revision,
                    .create_revision = revision});
        }
    return etcd::make_snapshot(view, {.name = self}, std::nullopt).nodes;
  }

 private:
  int below(int limit) { return std::uniform_int_distribution(0, limit - 1)(random_); }
  int someone() { return members_[static_cast<std::size_t>(below(std::ssize(members_)))].number; }
  int below(std::ptrdiff_t limit) { return below(static_cast<int>(limit)); }

  std::string wrong_address(bool v6) {
    const int other = someone();
    switch (below(4)) {
      case 0:
        return v6 ? "fd00:244:0:" + std::to_string(other) + "::7"
                  : "10.244." + std::to_string(other) + ".7";
      case 1:
        return v6 ? "2001:db8:ff::1" : "198.51.100.7";
      default:
        return v6 ? address6_of(other) : address_of(other);
    }
  }

  std::string wrong_range() {
    const int other = someone();
    switch (below(8)) {
      case 0:
        return range_of(other);
      case 1:
        return "10.244." + std::to_string(other) + ".128/25";
      case 2:
        return "10.244.0.0/20";
      case 3:
        return range6_of(other);
      case 4:
        return "10.244.77.0/24";  // free: a former range can be there
      case 5:
        return address_of(other) + "/32";
      default: {
        constexpr std::array kForeign{"169.254.169.254/32", "10.96.0.0/12", "0.0.0.0/1",
                                      "8.8.8.8/32",         "64.0.0.0/2",   "::/1",
                                      "2000::/3",           "0.0.0.0/0"};
        return kForeign[static_cast<std::size_t>(below(std::ssize(kForeign)))];
      }
    }
  }

  void lie(Member& member) {
    if (below(2) == 0) member.lies["public-ip"] = wrong_address(false);
    if (below(4) == 0) member.lies["public-ipv6"] = wrong_address(true);
    if (below(2) == 0)
      member.lies["backend-data"] =
          R"({"VNI":1,"VtepMAC":")" +
          fabric::vtep_mac(base::IpAddress::parse(address_of(someone())).value()).text() + "\"}";
    std::string former;
    for (int i = below(3) == 0 ? 0 : 1 + below(20); i > 0; --i)
      former += (former.empty() ? "" : ",") + wrong_range();
    if (!former.empty()) member.lies["former-ranges"] = former;
  }

  kubernetes::NodeRecord record_of(const Member& member) const {
    kubernetes::NodeRecord record{
        .name = member.name,
        .created = "2026-11-30T00:00:0" + std::to_string(member.since) + "Z",
        .pod_cidrs = {range_of(member.number)},
        .addresses = {{"InternalIP", address_of(member.number)}}};
    if (dual_) {
      record.pod_cidrs.push_back(range6_of(member.number));
      record.addresses.emplace_back("InternalIP", address6_of(member.number));
    }
    // The address that plumbd publishes, unless a lie replaces it.
    record.annotations["plumb.io/public-ip"] = address_of(member.number);
    for (const auto& [key, value] : member.lies) record.annotations["plumb.io/" + key] = value;
    return record;
  }

  Node claimed_by(const Member& member) const {
    Config other;
    other.node_name = "?";
    Node node = kubernetes::read_node(record_of(member), other).node;
    if (const auto former = member.lies.find("former-ranges");
        former != member.lies.end() && !member.honest && !node.former_ranges.empty() &&
        member.number % 2 == 0)
      node.ranges = {node.former_ranges.front()};  // the key itself is a lie
    const bool taken = std::ranges::any_of(members_, [&](const Member& each) {
      return each.honest && !member.honest && node.ranges.front().text() == range_of(each.number);
    });
    if (node.ranges.front().length == 0 || taken) node.ranges = {kPods};
    return node;
  }

  mutable std::mt19937 random_;
  bool dual_;
  std::vector<Member> members_;
};

const Node* find(const std::vector<Node>& nodes, const std::string& name) {
  const auto found = std::ranges::find(nodes, name, &Node::name);
  return found == nodes.end() ? nullptr : &*found;
}

/// Honest nodes have their addresses and ranges, and every routed destination is the cluster's.
void expect_harmless(const World& world, const std::vector<Node>& listed, const std::string& self) {
  const Admission result = admit(listed, world.rules(self));
  for (const Member& member : world.members()) {
    if (!member.honest) continue;
    const Node* node = find(result.nodes, member.name);
    ASSERT_NE(node, nullptr) << member.name << " is left out at " << self;
    EXPECT_EQ(node->addresses.front().text(), address_of(member.number));
    EXPECT_EQ(node->ranges.front().text(), range_of(member.number));
  }
  const Node* own = find(result.nodes, self);
  if (own == nullptr) return;
  const fabric::Desired plan =
      fabric::plan(*own, result.nodes, {.cluster_ranges = world.rules(self).cluster_ranges},
                   {.parent = "eth0", .subnets = {kSubnet}});
  for (const base::Prefix& range : fabric::routed_ranges(plan)) {
    EXPECT_TRUE(base::any_contains(world.rules(self).cluster_ranges, range)) << range.text();
    for (const Member& member : world.members()) {
      const auto mine = base::Prefix::parse(range_of(member.number)).value();
      EXPECT_TRUE(!member.honest || !range.overlaps(mine) || range == mine) << range.text();
    }
  }
  EXPECT_LE(fabric::routed_ranges(plan).size(), world.members().size() * 18);
}

/// The admitted nodes without names, to compare them across names.
std::multiset<std::string> outcome(const std::vector<Node>& nodes) {
  std::multiset<std::string> texts;
  for (const Node& node : nodes) {
    std::string text;
    for (const auto& address : node.addresses) text += address.text() + " ";
    for (const auto& range : node.ranges) text += range.text() + " ";
    texts.insert(text);
  }
  return texts;
}

unsigned first_seed() {
  const char* given = std::getenv("PLUMB_SEED");
  return given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device()();
}

class Liars : public testing::Test {
 protected:
  static constexpr int kRounds = 100;
  Liars() { std::cout << "PLUMB_SEED=" << seed_ << "\n"; }
  const unsigned seed_ = first_seed();
};

TEST_F(Liars, TakeNothingFromHonestNodes) {
  for (unsigned round = 0; round < kRounds && !HasFailure(); ++round) {
    const World world(seed_ + round);
    SCOPED_TRACE("PLUMB_SEED=" + std::to_string(seed_ + round));
    expect_harmless(world, world.kubernetes(""), "");
    expect_harmless(world, world.etcd(""), "");
    for (const Member& member : world.members())
      if (member.honest) {
        expect_harmless(world, world.kubernetes(member.name), member.name);
        expect_harmless(world, world.etcd(""), member.name);
      }
  }
}

/// A second admission of the result is what a node has that starts from its cache.
TEST_F(Liars, ComeToOneResultWhateverTheNamesAndWithACache) {
  for (unsigned round = 0; round < kRounds && !HasFailure(); ++round) {
    World world(seed_ + round);
    SCOPED_TRACE("PLUMB_SEED=" + std::to_string(seed_ + round));
    const AdmitRules rules = world.rules("");
    const Admission first = admit(world.kubernetes(""), rules);
    const Snapshot cached = parse_snapshot(print_snapshot({.nodes = first.nodes}), "cache");
    EXPECT_EQ(outcome(admit(cached.nodes, rules).nodes), outcome(first.nodes));
    for (int names = 0; names < 3; ++names) {
      world.rename();
      EXPECT_EQ(outcome(admit(world.kubernetes(""), rules).nodes), outcome(first.nodes));
    }
  }
}

/// The lies would work: the plan of a list that was not admitted has them.
TEST_F(Liars, TakeWhatTheyLikeWithoutAdmission) {
  int foreign = 0, stolen = 0;
  for (unsigned round = 0; round < kRounds; ++round) {
    const World world(seed_ + round);
    std::vector<Node> nodes = world.kubernetes("");
    for (Node& node : nodes) std::ranges::copy(node.former_ranges, std::back_inserter(node.ranges));
    const Node* self = find(nodes, world.members().front().name);
    const fabric::Desired plan = fabric::plan(*self, nodes, {.cluster_ranges = {kPods, kPods6}},
                                              {.parent = "eth0", .subnets = {kSubnet}});
    std::set<std::string> seen;
    for (const base::Prefix& range : fabric::routed_ranges(plan)) {
      if (!base::any_contains(std::vector{kPods, kPods6}, range)) ++foreign;
      if (!seen.insert(range.text()).second) ++stolen;
    }
  }
  EXPECT_GT(foreign, kRounds);
  EXPECT_GT(stolen, 0);
}

}  // namespace
}  // namespace agent
