// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/fabric/apply.h"
#include "libcni/net/link.h"
#include "tests/support/host/test_host.h"

namespace fabric {
namespace {

using namespace test::oracle;
using test::output_of;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kNodes = 5000;
#ifdef __SANITIZE_ADDRESS__
constexpr int kMilliseconds = 5000;  // sanitizers cost more than the work
#else
constexpr int kMilliseconds = 1000;
#endif

base::IpAddress address(const std::string& text) {
  return base::IpAddress::parse(text).value();
}

std::vector<Node> many_nodes(int count) {
  const base::IpAddress first = address("172.16.0.1");
  const base::IpAddress range = address("10.0.0.0");
  std::vector<Node> nodes;
  for (int i = 0; i < count; ++i)
    nodes.push_back({.name = "n" + std::to_string(i),
                     .addresses = {first.plus(i)},
                     .ranges = {{range.plus(256 * i), 24}}});
  return nodes;
}

/// Processor time: netlink's work is done in the caller's, and other tests run beside this one.
double milliseconds(const std::function<void()>& work) {
  const std::clock_t start = std::clock();
  work();
  return 1000.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

class FabricScale : public ::testing::Test {
 protected:
  FabricScale() {
    output_of(
        "ip link add eth0 type veth peer name far0; ip addr add 172.16.0.1/12 dev eth0; "
        "ip link set eth0 up; ip link set far0 up");
  }
  Desired desired(const std::vector<Node>& nodes) {
    return plan(nodes[0], nodes,
                {.backend = Backend::vxlan, .cluster_ranges = {{address("10.0.0.0"), 8}}},
                {.parent = "eth0", .mtu = 1500, .subnets = {}});
  }
  test::TestHost host_;
  net::Netlink netlink_;
};

TEST_F(FabricScale, Writes5000NodesInASecondAndOnlyOnce) {
  std::vector<Node> nodes = many_nodes(kNodes);
  Desired wanted;
  const double planning = milliseconds([&] { wanted = desired(nodes); });
  Report first;
  const double filling = milliseconds([&] { first = apply(netlink_, wanted); });
  Report second;
  const double checking = milliseconds([&] { second = apply(netlink_, wanted); });
  nodes.pop_back();
  wanted = desired(nodes);
  Report third;
  const double removing = milliseconds([&] { third = apply(netlink_, wanted); });
  std::printf(
      "%d nodes, processor time: plan %.0f ms; apply %.0f ms, %zu requests; again %.0f ms, %zu "
      "requests; one node "
      "less %.0f ms, %zu requests\n",
      kNodes, planning, filling, first.requests, checking, second.requests, removing,
      third.requests);
  EXPECT_THAT(first.errors, IsEmpty());
  EXPECT_GE(first.changed, 3u * (kNodes - 1));
  EXPECT_LE(first.changes.size(), 100u);
  EXPECT_EQ(second.requests, 0u);
  EXPECT_EQ(second.changed, 0u);
  // Route, neighbour, FDB entry, known sender and its two sources: its range and its own address.
  EXPECT_EQ(third.requests, 6u);
  EXPECT_THAT(lines_with(routes(), " proto 86 "), SizeIs(kNodes - 2));
  EXPECT_THAT(lines_with(fdb(), "plumb-vxlan "), SizeIs(kNodes - 2));
  EXPECT_THAT(lines_with(neighbours(), " proto 88"), SizeIs(kNodes - 2));
  EXPECT_LT(filling, kMilliseconds);
}

TEST_F(FabricScale, DualStackDoublesRoutesAndNeighboursOnly) {
  std::vector<Node> nodes = many_nodes(kNodes);
  const base::IpAddress range = address("fd10::");
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    std::array<std::uint8_t, 16> own{};
    std::ranges::copy(range.bytes(), own.begin());
    own[6] = static_cast<std::uint8_t>(i >> 8);
    own[7] = static_cast<std::uint8_t>(i);
    nodes[i].ranges.push_back({*base::IpAddress::from_bytes(own), 64});
  }
  const Desired wanted = desired(nodes);
  Report report;
  const double filling = milliseconds([&] { report = apply(netlink_, wanted); });
  Report again;
  const double checking = milliseconds([&] { again = apply(netlink_, wanted); });
  std::printf(
      "%d dual-stack nodes, processor time: apply %.0f ms, %zu requests; again %.0f ms, %zu "
      "requests\n",
      kNodes, filling, report.requests, checking, again.requests);
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_EQ(again.requests, 0u);
  EXPECT_THAT(lines_with(routes(), " proto 86 "), SizeIs(2 * (kNodes - 1)));
  EXPECT_THAT(lines_with(neighbours(), " proto 88"), SizeIs(2 * (kNodes - 1)));
  EXPECT_THAT(lines_with(fdb(), "plumb-vxlan "), SizeIs(kNodes - 1));
}

TEST_F(FabricScale, CountsRefusedObjectsAndWritesTheRest) {
  const std::vector<Node> nodes = many_nodes(1000);
  output_of(
      "for i in $(seq 1 100); do echo route add 10.0.$((i*2)).0/24 dev lo; done | ip -batch -");
  const Report report = apply(netlink_, desired(nodes));
  ASSERT_EQ(report.errors.size(), 21u);
  EXPECT_EQ(report.errors.back(), "and 80 more");
  EXPECT_THAT(lines_with(routes(), " proto 86 "), SizeIs(899));
}

/// Objects that other programs or earlier runs could have left, in the words of ip and bridge.
class Disorder {
 public:
  explicit Disorder(unsigned seed) : random_(seed) {}

  /// Objects of other programs; none has the key and place of a wanted one.
  std::string foreign() {
    const std::string n = std::to_string(pick(250));
    switch (pick(8)) {
      case 0:
        return "ip route add 10.0." + n + ".0/24 via 172.16.9.9 metric 77 proto static";
      case 1:
        return "ip route add 10.77." + n + ".0/24 dev eth0 proto bird";
      case 2:
        return "ip route add blackhole 10.0." + n + ".0/24 metric 88";
      case 3:
        return "ip route add 10.0." + n + ".0/24 dev far0 table 100 proto 86";
      case 4:
        return "ip neigh add 172.16.8." + n + " lladdr 52:00:00:00:00:" + hex(pick(99)) +
               " dev eth0 proto 88";
      case 5:
        return "ip neigh add 10.88.0." + n + " lladdr 52:00:00:00:00:01 dev plumb-vxlan";
      case 6:
        return "bridge fdb add 52:00:00:00:01:" + hex(pick(99)) + " dev other dst 192.0.2." + n;
      default:
        return "ip addr add 192.0.2." + n + "/32 dev eth0";
    }
  }
  /// Objects with our marks that are not wanted, or that differ.
  std::string stale() {
    const std::string n = std::to_string(pick(250));
    switch (pick(8)) {
      case 0:
        return "ip route replace 10.0." + n + ".0/24 via 172.16.9.9 proto 87";
      case 1:
        return "ip route replace 10.66." + n + ".0/24 via 172.16.9.9 proto 86";
      case 2:
        return "ip route replace blackhole 10.67." + n + ".0/24 proto 85 metric 4096";
      case 3:
        return "ip neigh replace 10.0." + n +
               ".0 lladdr 52:00:00:00:00:07 dev plumb-vxlan proto 88";
      case 4:
        return "bridge fdb replace 02:76:ac:10:00:" + hex(pick(99)) +
               " dev plumb-vxlan dst 192.0.2.7 self permanent";
      case 5:
        return "bridge fdb replace 52:00:00:00:02:" + hex(pick(99)) +
               " dev plumb-vxlan dst 192.0.2.7 self permanent";
      case 6:
        return "ip route del 10.0." + n + ".0/24 proto 86";
      default:
        return "ip neigh del 10.0." + n + ".0 dev plumb-vxlan";
    }
  }

 private:
  int pick(int count) { return std::uniform_int_distribution<int>(0, count - 1)(random_); }
  static std::string hex(int value) {
    return {"0123456789abcdef"[value / 16], "0123456789abcdef"[value % 16]};
  }
  std::mt19937 random_;
};

/// All neighbours, routes and devices of the namespace.
std::string state() {
  return test::overlay_state() + test::links();
}

TEST_F(FabricScale, ChangesOnlyOurOwnWrongObjects) {
  const Desired wanted = desired(many_nodes(200));
  output_of(
      "ip link add other type vxlan id 9 dstport 9999 local 172.16.0.1; ip link set other up");
  for (unsigned seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Disorder disorder(seed);
    ASSERT_THAT(apply(netlink_, wanted).errors, IsEmpty());
    for (int i = 0; i < 10; ++i) output_of(disorder.foreign());
    const std::string right = state();
    for (int i = 0; i < 10; ++i) output_of(disorder.stale());
    ASSERT_NE(state(), right);
    const Report reported = diff(netlink_, wanted);
    const Report report = apply(netlink_, wanted);
    EXPECT_THAT(report.errors, IsEmpty());
    EXPECT_EQ(report.changes, reported.changes);
    EXPECT_EQ(state(), right);
    EXPECT_EQ(apply(netlink_, wanted).requests, 0u);
  }
}

}  // namespace
}  // namespace fabric
