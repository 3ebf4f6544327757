// SPDX-License-Identifier: Apache-2.0
#include "libcni/nodes/node_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nodes {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

base::IpAddress address(const char* text) {
  return base::IpAddress::parse(text).value();
}
base::Prefix prefix(const char* text) {
  return base::Prefix::parse(text).value();
}

NodeList parse(std::string_view text) {
  return parse_nodes(text, "nodes");
}

/// The one problem of a list that consists of `line`.
std::string problem_of(const std::string& line) {
  const NodeList list = parse(line);
  EXPECT_THAT(list.nodes, IsEmpty()) << line;
  return list.problems.size() == 1 ? list.problems.front() : "not one problem";
}

const fabric::Node kNodeA{.name = "node-a",
                          .addresses = {address("10.0.0.1"), address("fd00::1")},
                          .ranges = {prefix("10.244.1.0/24"), prefix("fd00:244:1::/64")}};
const fabric::Node kNodeB{.name = "node-b",
                          .addresses = {address("10.0.0.2")},
                          .ranges = {prefix("10.244.2.0/24")},
                          .mac = base::Mac::parse("02:76:00:00:00:02"),
                          .mac_v6 = base::Mac::parse("06:00:00:00:00:02"),
                          .backend = fabric::Backend::host_gw,
                          .as_number = 64513,
                          .labels = {{"rack", "r1"}, {"zone", ""}}};

TEST(NodeList, LinesHoldOneNodeEach) {
  const NodeList list = parse(
      "# the cluster\n\n"
      "node-a addresses=10.0.0.1,fd00::1 ranges=10.244.1.0/24,fd00:244:1::/64 # first\r\n"
      "\tnode-b  ranges=10.244.2.0/24 addresses=10.0.0.2 mac=02:76:00:00:00:02 "
      "macV6=06:00:00:00:00:02 backend=host-gw asNumber=64513 labels=zone=,rack=r1");
  EXPECT_THAT(list.problems, IsEmpty());
  EXPECT_THAT(list.nodes, ElementsAre(kNodeA, kNodeB));
}

TEST(NodeList, JsonSaysTheSame) {
  const NodeList list = parse(R"(
    {"nodes":[
      {"name":"node-a","addresses":["10.0.0.1","fd00::1"],"ranges":["10.244.1.0/24","fd00:244:1::/64"]},
      {"name":"node-b","address":"10.0.0.2","ranges":["10.244.2.0/24"],"mac":"02:76:00:00:00:02",
       "macV6":"06:00:00:00:00:02","backend":"host-gw","asNumber":64513,"labels":{"rack":"r1","zone":""}}
    ]})");
  EXPECT_THAT(list.problems, IsEmpty());
  EXPECT_THAT(list.nodes, ElementsAre(kNodeA, kNodeB));
}

TEST(NodeList, AnEmptyFileHasNoNodes) {
  EXPECT_EQ(parse(""), NodeList{});
  EXPECT_EQ(parse("# nothing\n\n"), NodeList{});
  EXPECT_EQ(parse(R"({"nodes":[]})"), NodeList{});
}

// P8
TEST(NodeList, AcceptsAByteOrderMark) {
  const std::string mark = "\xef\xbb\xbf";
  const NodeList lines = parse(mark + "a addresses=10.0.0.1\nb addresses=10.0.0.2\n");
  EXPECT_THAT(lines.problems, IsEmpty());
  EXPECT_EQ(lines.nodes.size(), 2u);
  EXPECT_EQ(parse(mark + R"({"nodes":[{"name":"a","addresses":["10.0.0.1"]}]})").nodes.size(), 1u);
}

TEST(NodeList, RangesAreMasked) {
  EXPECT_THAT(parse("a addresses=10.0.0.1 ranges=10.244.1.7/24").nodes.at(0).ranges,
              ElementsAre(prefix("10.244.1.0/24")));
}

TEST(NodeList, AMalformedNodeIsLeftOutAndNamed) {
  const NodeList list =
      parse("a addresses=10.0.0.1\nb addresses=10.0.0.300\nc addresses=10.0.0.3\n");
  EXPECT_EQ(list.nodes.size(), 2u);
  EXPECT_THAT(list.problems,
              ElementsAre("nodes:2: key \"addresses\" must be a node's unicast addresses, not "
                          "\"10.0.0.300\""));
  EXPECT_THAT(parse(R"({"nodes":[{"name":"a","addresses":["10.0.0.1"]},
                       {"name":"b","addresses":["10.0.0.2"],"ranges":["10.1/16"]}]})")
                  .problems,
              ElementsAre(HasSubstr("key \"nodes[1].ranges\" must be ranges such as")));
}

TEST(NodeList, ReportsFewAndShortProblemsForATextThatIsNotAList) {
  const std::string junk(100000, 'x');
  for (const std::string& line :
       {junk, "a " + junk, "a addresses=" + junk, "a addresses=10.0.0.1 ranges=" + junk})
    EXPECT_LT(problem_of(line).size(), 200u);
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += "!\n";
  const NodeList list = parse(lines);
  EXPECT_EQ(list.problems.size(), 101u);
  EXPECT_EQ(list.problems.back(), "nodes: and 900 more such lines");
}

TEST(NodeList, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> kCases[] = {
      {"a", "at least one address"},
      {"a addresses=", "expected key=value after the name, not \"addresses=\""},
      {"a addresses=127.0.0.1", "unicast"},
      {"a addresses=10.0.0.1,10.0.0.2", "at most one address per family"},
      {"a addresses=10.0.0.1 ranges=0.0.0.0/0", "ranges such as"},
      {"a addresses=10.0.0.1 mac=01:00:5e:00:00:01", "unicast MAC"},
      {"a addresses=10.0.0.1 backend=hostgw", "auto, vxlan, host-gw or bgp"},
      {"a addresses=10.0.0.1 asNumber=-1", "\"asNumber\" must be a number"},
      {"a addresses=10.0.0.1 asNumber=4294967296", "0 to 4294967295"},
      {"a addresses=10.0.0.1 labels=rack", "pairs such as"},
      {"a addresses=10.0.0.1 range=10.1.0.0/16", "unknown key \"range\""},
      {"-a addresses=10.0.0.1", "invalid node name \"-a\""},
  };
  for (const auto& [line, words] : kCases) EXPECT_THAT(problem_of(line), HasSubstr(words)) << line;
}

TEST(NodeList, IsSortedByNameAndNodesOfOneNameStayInTheirOrder) {
  NodeList list = parse(
      "n2 addresses=10.0.0.1\nn10 addresses=10.0.0.2\nn2 addresses=10.0.0.3\n"
      "n1 addresses=10.0.0.4\nn2 addresses=10.0.0.5\n");
  sort_by_name(list.nodes);
  std::string order;
  for (const fabric::Node& node : list.nodes)
    order += node.name + "=" + node.addresses.at(0).text() + " ";
  EXPECT_EQ(order, "n1=10.0.0.4 n10=10.0.0.2 n2=10.0.0.1 n2=10.0.0.3 n2=10.0.0.5 ");
  const auto sorted = list.nodes;
  sort_by_name(list.nodes);
  EXPECT_EQ(list.nodes, sorted);
}

TEST(NodeList, RefusesJsonThatIsNotAList) {
  EXPECT_THROW(parse("{"), cni::Error);
  EXPECT_THROW(parse("{}"), cni::Error);
  EXPECT_THROW(parse(R"({"nodes":{}})"), cni::Error);
}

TEST(NodeList, APeerMayBeNamedByItsAddress) {
  const auto object = json::Object::parse(R"({"address":"10.0.0.2"})", "test");
  EXPECT_EQ(parse_node(object).name, "10.0.0.2");
  EXPECT_THAT(parse(R"({"nodes":[{"address":"10.0.0.2"}]})").problems,
              ElementsAre(HasSubstr("nodes[0].name")));
}

TEST(NodeConflicts, AreNamesAddressesAndRangesOfTwoNodes) {
  const auto conflicts = [](const char* text) { return find_conflicts(parse(text).nodes); };
  EXPECT_THAT(conflicts("a addresses=10.0.0.1 ranges=10.1.0.0/24,10.1.0.0/25\n"
                        "b addresses=10.0.0.2 ranges=10.1.1.0/24,fd00::/64\n"),
              IsEmpty());
  EXPECT_THAT(conflicts("a addresses=10.0.0.1\na addresses=10.0.0.2"),
              ElementsAre("nodes \"a\" and \"a\" have the same name a"));
  EXPECT_THAT(conflicts("a addresses=10.0.0.1\nb addresses=10.0.0.1"),
              ElementsAre("nodes \"a\" and \"b\" have the same address 10.0.0.1"));
  EXPECT_THAT(conflicts("a addresses=10.0.0.1 ranges=10.1.9.0/24\n"
                        "b addresses=10.0.0.2 ranges=10.1.0.0/16\n"
                        "c addresses=10.0.0.3 ranges=10.1.200.0/24"),
              ElementsAre("nodes \"b\" and \"a\" have overlapping ranges 10.1.0.0/16 and "
                          "10.1.9.0/24",
                          "nodes \"b\" and \"c\" have overlapping ranges 10.1.0.0/16 and "
                          "10.1.200.0/24"));
}

}  // namespace
}  // namespace nodes
