// SPDX-License-Identifier: Apache-2.0
#include "ipam/allocator/allocate.h"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ipam {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

base::IpAddress ip(const std::string& text) {
  return *base::IpAddress::parse(text);
}

RangeConf range(const std::string& subnet, const std::string& start = "",
                const std::string& end = "", const std::string& gateway = "") {
  return {.subnet = base::Prefix::parse(subnet),
          .start = base::IpAddress::parse(start),
          .end = base::IpAddress::parse(end),
          .gateway = base::IpAddress::parse(gateway)};
}

/// A store in memory: files by name, and each set's cursor.
class Allocate : public testing::Test {
 protected:
  std::vector<std::string> add(const std::vector<std::string>& requested = {}) {
    Demand demand{.sets = complete(sets), .requested = {}, .container_id = "c1"};
    for (const std::string& text : requested) demand.requested.push_back(ip(text));
    const Allocation allocation = allocate(demand, usage());
    problem = allocation.problem;
    held = allocation.held;
    std::vector<std::string> texts;
    for (std::size_t set = 0; set < allocation.leases.size(); ++set) {
      const Lease& lease = allocation.leases[set];
      taken.insert(lease.address.address);
      last.insert_or_assign(set, lease.address.address);
      texts.push_back(lease.address.text() + " via " + lease.gateway.text());
    }
    return texts;
  }

  Usage usage() {
    return {.is_taken = [this](const auto& address) { return taken.contains(address); },
            .last_reserved = [this](std::size_t set) -> std::optional<base::IpAddress> {
              return last.contains(set) ? std::optional(last.at(set)) : std::nullopt;
            },
            .owned = owned};
  }

  std::vector<RangeSetConf> sets{{range("10.0.0.0/29")}};
  std::set<base::IpAddress> taken;
  std::map<std::size_t, base::IpAddress> last;
  std::vector<base::IpAddress> owned;
  std::string problem;
  std::optional<base::IpAddress> held;
};

TEST_F(Allocate, GivesTheOneAfterTheGatewayFirst) {
  EXPECT_THAT(add(), ElementsAre("10.0.0.2/29 via 10.0.0.1"));
}

TEST_F(Allocate, GivesAFreedAddressAgainOnlyAfterTheWholeRange) {
  add();
  taken.clear();
  EXPECT_THAT(add(), ElementsAre("10.0.0.3/29 via 10.0.0.1"));
  for (const char* text : {"10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.2"})
    EXPECT_THAT(add(), ElementsAre(std::string(text) + "/29 via 10.0.0.1"));
  EXPECT_THAT(add(), IsEmpty());
  EXPECT_EQ(problem,
            "failed to allocate for range 0: no IP addresses available in range set: "
            "10.0.0.1-10.0.0.6");
}

TEST_F(Allocate, GivesTheLastReservedItselfWhenItIsTheOnlyOneLeft) {
  taken = {ip("10.0.0.2"), ip("10.0.0.4"), ip("10.0.0.5"), ip("10.0.0.6")};
  last.emplace(0, ip("10.0.0.3"));
  EXPECT_THAT(add(), ElementsAre("10.0.0.3/29 via 10.0.0.1"));
}

TEST_F(Allocate, WalksFromRangeToRangeOfASetAndAround) {
  sets = {{range("10.0.0.0/30"), range("10.1.0.0/24", "10.1.0.9", "10.1.0.10")}};
  EXPECT_THAT(add(), ElementsAre("10.0.0.2/30 via 10.0.0.1"));
  EXPECT_THAT(add(), ElementsAre("10.1.0.9/24 via 10.1.0.1"));
  EXPECT_THAT(add(), ElementsAre("10.1.0.10/24 via 10.1.0.1"));
  taken.clear();
  EXPECT_THAT(add(), ElementsAre("10.0.0.2/30 via 10.0.0.1"));
}

TEST_F(Allocate, BeginsAnewWhereTheCursorLiesOutside) {
  last.emplace(0, ip("10.9.0.3"));
  EXPECT_THAT(add(), ElementsAre("10.0.0.2/29 via 10.0.0.1"));
  last.insert_or_assign(0, ip("fd00::3"));
  EXPECT_THAT(add(), ElementsAre("10.0.0.3/29 via 10.0.0.1"));
}

TEST_F(Allocate, SkipsEachRangesOwnGatewayOnly) {
  sets = {{range("10.0.0.0/29", "10.0.0.1", "10.0.0.2", "10.0.0.2"),
           range("10.0.0.0/29", "10.0.0.3", "10.0.0.4", "10.0.0.1")}};
  EXPECT_THAT(add(), ElementsAre("10.0.0.1/29 via 10.0.0.2"));
  EXPECT_THAT(add(), ElementsAre("10.0.0.3/29 via 10.0.0.1"));
}

TEST_F(Allocate, FindsNothingInARangeOfJustTheGateway) {
  sets = {{range("10.0.0.0/29", "10.0.0.1", "10.0.0.1")}};
  EXPECT_THAT(add(), IsEmpty());
  EXPECT_EQ(problem,
            "failed to allocate for range 0: no IP addresses available in range set: "
            "10.0.0.1-10.0.0.1");
}

TEST_F(Allocate, CarriesIntoTheNextByte) {
  sets = {{range("10.0.0.0/16")}, {range("fd00::/64")}};
  last.emplace(0, ip("10.0.0.255"));
  last.emplace(1, ip("fd00::ffff"));
  EXPECT_THAT(add(), ElementsAre("10.0.1.0/16 via 10.0.0.1", "fd00::1:0/64 via fd00::1"));
}

TEST_F(Allocate, GivesNoneWhenOneOfTheSetsIsExhausted) {
  sets = {{range("10.0.0.0/29")}, {range("10.1.0.0/30")}};
  taken = {ip("10.1.0.2")};
  EXPECT_THAT(add(), IsEmpty());
  EXPECT_EQ(problem,
            "failed to allocate for range 1: no IP addresses available in range set: "
            "10.1.0.1-10.1.0.2");
}

TEST_F(Allocate, ServesRequestedAddressesFromTheirSets) {
  sets = {{range("10.0.0.0/29")}, {range("10.1.0.0/29")}, {range("fd00::/64")}};
  EXPECT_THAT(add({"fd00::77", "10.0.0.6", "10.0.0.6"}),
              ElementsAre("10.0.0.6/29 via 10.0.0.1", "10.1.0.2/29 via 10.1.0.1",
                          "fd00::77/64 via fd00::1"));
}

TEST_F(Allocate, RefusesARequestedGateway) {
  EXPECT_THAT(add({"10.0.0.1"}), IsEmpty());
  EXPECT_EQ(problem, "failed to allocate for range 0: requested ip 10.0.0.1 is subnet's gateway");
}

TEST_F(Allocate, RefusesARequestedAddressThatIsTaken) {
  taken = {ip("10.0.0.4")};
  EXPECT_THAT(add({"10.0.0.4"}), IsEmpty());
  EXPECT_EQ(problem,
            "failed to allocate for range 0: requested IP address 10.0.0.4 is not available in "
            "range set 10.0.0.1-10.0.0.6");
}

TEST_F(Allocate, RefusesRequestedAddressesThatNoSetTook) {
  EXPECT_THAT(add({"10.99.0.1", "10.0.0.3", "10.0.0.4"}), IsEmpty());
  EXPECT_EQ(problem, "failed to allocate all requested IPs: 10.99.0.1 10.0.0.4");
}

TEST_F(Allocate, S153_RefusesASecondAddressForOneOwner) {
  owned = {ip("10.0.0.5")};
  const std::string duplicate =
      "failed to allocate for range 0: 10.0.0.5 has been allocated to c1, duplicate allocation is "
      "not allowed";
  EXPECT_THAT(add(), IsEmpty());
  EXPECT_EQ(problem, duplicate);
  EXPECT_THAT(add({"10.0.0.6"}), IsEmpty());
  EXPECT_EQ(problem, duplicate);
}

// P9: the address is also named when the owner asks for the very address that it holds.
TEST_F(Allocate, NamesTheAddressThatTheOwnerHolds) {
  owned = {ip("10.0.0.5")};
  taken = {ip("10.0.0.5")};
  add();
  EXPECT_EQ(held, ip("10.0.0.5"));
  add({"10.0.0.5"});
  EXPECT_EQ(held, ip("10.0.0.5"));
  add({"10.0.0.1"});
  EXPECT_EQ(held, std::nullopt) << problem;
}

TEST_F(Allocate, AllowsAnAddressOfTheOwnerInAnotherSet) {
  owned = {ip("10.7.0.5"), ip("fd00::5")};
  EXPECT_THAT(add(), ElementsAre("10.0.0.2/29 via 10.0.0.1"));
}

}  // namespace
}  // namespace ipam
