// SPDX-License-Identifier: Apache-2.0
#include "libcni/json/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace json {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// Reads `input` as its own version and prints it as `version`.
json convert(const std::string& input, const std::string& version) {
  const auto target = cni::find_supported(version);
  return json::parse(print_result(parse_result(input, {1, 1, 0}, "test"), target.value()));
}

unsigned code_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const cni::Error& error) {
    EXPECT_STRNE(error.what(), "");
    return static_cast<unsigned>(error.code());
  }
  return 0;
}

constexpr cni::Version kFirstWithLists{0, 3, 0};

constexpr const char* kEverything = R"({"cniVersion":"1.1.0",
 "interfaces":[{"name":"e","mtu":5,"socketPath":"/s","pciID":"p"}],
 "ips":[{"address":"1.2.3.4/24","gateway":"1.2.3.1","interface":0},{"address":"1.2.3.5/24"},
        {"address":"fd00::1/64"}],
 "routes":[{"dst":"0.0.0.0/0","gw":"1.2.3.1","mtu":1,"advmss":2,"priority":3,"table":0,"scope":0},
           {"dst":"::/0"}],
 "dns":{"domain":"d"}})";

// S-138
TEST(ResultConversion, H1_FamiliesBecomeLists) {
  const std::string input = R"({"cniVersion":"0.1.0","ip4":{"ip":"1.2.3.4/24",
    "routes":[{"dst":"10.0.0.0/8","gw":"1.2.3.1"}]},"ip6":{"ip":"fd00::1/64"}})";
  EXPECT_EQ(convert(input, "0.4.0"), json::parse(R"({"cniVersion":"0.4.0",
    "ips":[{"version":"4","address":"1.2.3.4/24"},{"version":"6","address":"fd00::1/64"}],
    "routes":[{"dst":"10.0.0.0/8","gw":"1.2.3.1"}],"dns":{}})"));
  EXPECT_EQ(convert(input, "1.1.0"), json::parse(R"({"cniVersion":"1.1.0",
    "ips":[{"address":"1.2.3.4/24"},{"address":"fd00::1/64"}],
    "routes":[{"dst":"10.0.0.0/8","gw":"1.2.3.1"}]})"));
}

// S-139
TEST(ResultConversion, H2_TheThirdFormatChangesItsLabelOnly) {
  const std::string input =
      R"({"cniVersion":"0.4.0","interfaces":[{"name":"e","mac":"02:00:00:00:00:01"}],
    "ips":[{"version":"4","address":"1.2.3.4/24","gateway":"1.2.3.1","interface":0}],
    "routes":[{"dst":"::/0"}],"dns":{"nameservers":["9.9.9.9"]}})";
  json expected = json::parse(input);
  for (const char* version : {"0.3.0", "0.3.1", "0.4.0"}) {
    expected["cniVersion"] = version;
    EXPECT_EQ(convert(input, version), expected);
  }
}

// S-122 S-140
TEST(ResultConversion, H3_IndexMinusOneIsKept) {
  EXPECT_EQ(convert(R"({"cniVersion":"0.4.0","ips":[{"version":"4","address":"1.2.3.4/24",
              "interface":-1}],"routes":[{"dst":"::/0"}]})",
                    "1.0.0"),
            json::parse(R"({"cniVersion":"1.0.0","ips":[{"address":"1.2.3.4/24","interface":-1}],
              "routes":[{"dst":"::/0"}]})"));
}

// S-120 S-141 S-142
TEST(ResultConversion, H4_OlderListsLoseLinkDetailsAndKeepRoutes) {
  for (const std::string version : {"0.3.0", "0.3.1", "0.4.0"})
    EXPECT_EQ(convert(kEverything, version), json::parse(R"({"cniVersion":")" + version + R"(",
      "interfaces":[{"name":"e"}],
      "ips":[{"version":"4","address":"1.2.3.4/24","gateway":"1.2.3.1","interface":0},
             {"version":"4","address":"1.2.3.5/24"},{"version":"6","address":"fd00::1/64"}],
      "routes":[{"dst":"0.0.0.0/0","gw":"1.2.3.1","mtu":1,"advmss":2,"priority":3,"table":0,"scope":0},
                {"dst":"::/0"}],
      "dns":{"domain":"d"}})"));
}

TEST(ResultConversion, H5_WithinTheMajorVersionNothingIsLost) {
  json expected = json::parse(kEverything);
  EXPECT_EQ(convert(kEverything, "1.1.0"), expected);
  expected["cniVersion"] = "1.0.0";
  EXPECT_EQ(convert(kEverything, "1.0.0"), expected);
}

// S-143 S-145
TEST(ResultConversion, H6_FamiliesKeepTheFirstAddressEach) {
  for (const std::string version : {"0.1.0", "0.2.0"})
    EXPECT_EQ(convert(kEverything, version), json::parse(R"({"cniVersion":")" + version + R"(",
      "ip4":{"ip":"1.2.3.4/24","gateway":"1.2.3.1","routes":[{"dst":"0.0.0.0/0","gw":"1.2.3.1"}]},
      "ip6":{"ip":"fd00::1/64","routes":[{"dst":"::/0"}]},"dns":{"domain":"d"}})"));
  EXPECT_EQ(convert(kEverything, "").at("cniVersion"), "0.1.0");
}

// S-144
TEST(ResultConversion, H7_FamiliesNeedAnAddress) {
  const std::string empty = R"({"cniVersion":"1.0.0"})";
  EXPECT_EQ(code_of([&] { convert(empty, "0.1.0"); }), 7u);
  EXPECT_EQ(convert(empty, "0.4.0"), json::parse(R"({"cniVersion":"0.4.0","dns":{}})"));
}

// S-147
TEST(ResultConversion, H8_TheAddressDecidesItsFamily) {
  EXPECT_EQ(
      convert(R"({"cniVersion":"0.4.0","ips":[{"address":"1.2.3.4/24"}]})", "0.2.0")["ip4"]["ip"],
      "1.2.3.4/24");
  EXPECT_EQ(convert(R"({"cniVersion":"0.4.0","ips":[{"version":"6","address":"1.2.3.4/24"}]})",
                    "0.2.0")["ip4"]["ip"],
            "1.2.3.4/24");
}

// S-148
TEST(ResultConversion, H9_RefusesAnythingButAResult) {
  for (const char* body :
       {R"("ips":[{"gateway":"1.1.1.1"}])", R"("routes":[{"gw":"1.1.1.1"}])", R"("ips":[null])",
        R"("interfaces":[null])", R"("interfaces":[{"name":"e","mtu":-5}])",
        R"("interfaces":[{"name":"e","mtu":1.5}])", R"("ips":[{"address":""}])",
        R"("routes":[null])", R"("ips":{})", R"("ips":[{"address":"1.2.3.4"}])",
        R"("ips":[{"address":7}])", R"("ips":[{"address":"1.2.3.4/24","interface":4294967296}])",
        R"("dns":[])", R"("dns":{"search":[1]})", R"("interfaces":[{"name":1}])"}) {
    SCOPED_TRACE(body);
    const std::string input = std::string(R"({"cniVersion":"1.0.0",)") + body + "}";
    EXPECT_EQ(code_of([&] { convert(input, "1.0.0"); }), 6u);
  }
}

TEST(ResultParsing, S068_ARouteIsOfOneFamily) {
  const auto mixed = Object::parse(R"({"routes":[{"dst":"10.0.0.0/8","gw":"fd00::1"}]})", "ipam");
  EXPECT_EQ(code_of([&] { parse_routes(mixed, cni::Code::invalid_config); }), 7u);
}

TEST(ResultConversion, H10_RoutesOfAFamilyWithoutAddressVanish) {
  EXPECT_EQ(
      convert(
          R"({"cniVersion":"0.4.0","routes":[{"dst":"::/0"}],"ips":[{"address":"1.2.3.4/24"}]})",
          "0.2.0"),
      json::parse(R"({"cniVersion":"0.2.0","ip4":{"ip":"1.2.3.4/24"},"dns":{}})"));
}

// S-146
TEST(ResultConversion, H11_UnknownVersionsAreRefused) {
  for (const char* version : {"0.5.0", "2.0.0", "1.0", "x"})
    EXPECT_EQ(
        code_of([&] {
          parse_result(std::string(R"({"cniVersion":")") + version + "\"}", {1, 1, 0}, "test");
        }),
        1u);
}

// S-137: a result that is converted to a version and back keeps all members that both versions can
// express.
TEST(ResultConversion, S137_EveryPairOfVersionsConverts) {
  for (const auto& from : cni::kVersions)
    for (const auto& to : cni::kVersions) {
      SCOPED_TRACE(from.text() + " to " + to.text());
      const std::string source = print_result(parse_result(kEverything, {}, "test"), from);
      const std::string there = print_result(parse_result(source, {}, "test"), to);
      EXPECT_EQ(json::parse(there)["cniVersion"], to.text());
      if (from == to) {
        EXPECT_EQ(source, there);
      }
      const auto ips = parse_result(there, {}, "test").ips;
      const bool one_per_family = std::min(from, to) < kFirstWithLists;
      EXPECT_EQ(ips.size(), one_per_family ? 2u : 3u);
    }
}

TEST(ResultReading, S215_AMissingVersionIsTheAssumedOne) {
  EXPECT_EQ(parse_result(R"({"ip4":{"ip":"1.2.3.4/24"}})", {0, 2, 0}, "test").ips.size(), 1u);
  EXPECT_EQ(parse_result(R"({"cniVersion":"","ips":[{"address":"1.2.3.4/24"}]})", {1, 0, 0}, "test")
                .ips.size(),
            1u);
}

TEST(ResultReading, S149_IpIsIpsInTheFirstListFormatOnly) {
  const std::string ips = R"("ip":[{"version":"4","address":"1.2.3.4/24"}]})";
  EXPECT_EQ(parse_result(R"({"cniVersion":"0.3.0",)" + ips, {}, "test").ips.size(), 1u);
  EXPECT_EQ(parse_result(R"({"cniVersion":"0.3.1",)" + ips, {}, "test").ips.size(), 0u);
}

TEST(ResultReading, S150_IntegersAreExact) {
  const std::string input =
      R"({"cniVersion":"1.1.0","routes":[{"dst":"::/0","priority":18446744073709551615}],"big":9007199254740993})";
  EXPECT_EQ(convert(input, "1.1.0"), json::parse(input));
}

// S-219
TEST(ResultReading, S219_UnknownMembersSurviveEverywhere) {
  const std::string input = R"({"cniVersion":"1.0.0","custom":{"a":[1,{"b":null}]},
    "interfaces":[{"name":"e","foo":true}],"ips":[{"address":"1.2.3.4/24","bar":1.5}],
    "routes":[{"dst":"::/0","via":"x"}],"dns":{"domain":"d","ttl":3}})";
  EXPECT_EQ(convert(input, "1.0.0"), json::parse(input));
}

TEST(ResultReading, S219_TheMtuOfAnOlderResultSurvivesToo) {
  const auto out =
      convert(R"({"cniVersion":"0.4.0","interfaces":[{"name":"e","mtu":1400}]})", "0.4.0");
  EXPECT_EQ(out["interfaces"][0]["mtu"], 1400);
}

TEST(ResultReading, ASetMemberWinsOverAnUnknownOneOfTheSameName) {
  auto result =
      parse_result(R"({"cniVersion":"0.4.0","interfaces":[{"name":"e","mtu":1400}]})", {}, "test");
  result.interfaces[0].mtu = 1300;
  const std::string text = print_result_compact(result, {1, 1, 0});
  EXPECT_THAT(text, HasSubstr(R"({"name":"e","mtu":1300})"));
}

TEST(ResultReading, S131_EmptyTextIsAbsent) {
  EXPECT_EQ(convert(R"({"cniVersion":"1.0.0","ips":[{"address":"1.2.3.4/24","gateway":""}],
              "routes":[{"dst":"10.1.2.3/8","gw":""}]})",
                    "1.0.0"),
            json::parse(R"({"cniVersion":"1.0.0","ips":[{"address":"1.2.3.4/24"}],
              "routes":[{"dst":"10.1.2.3/8"}]})"));  // S-132: host bits stay
}

TEST(ResultPrinting, S094_IndentsByFourWithoutFinalNewline) {
  EXPECT_EQ(
      print_result({.ips = {{.address = *base::Prefix::parse("10.1.0.5/16"), .interface = 0}}},
                   {1, 1, 0}),
      "{\n    \"cniVersion\": \"1.1.0\",\n    \"ips\": [\n        {\n"
      "            \"interface\": 0,\n            \"address\": \"10.1.0.5/16\"\n        }\n    "
      "]\n}");
}

TEST(ResultPrinting, S114_DnsIsAlwaysThereInOldVersions) {
  const cni::Result result{.ips = {{.address = *base::Prefix::parse("10.1.0.5/16")}}};
  for (const auto& version : cni::kVersions)
    EXPECT_EQ(json::parse(print_result(result, version)).contains("dns"),
              version < (cni::Version{1, 0, 0}));
}

TEST(RequireExpressible, S077_OldVersionsHoldOneAddressPerFamily) {
  const cni::IpConfig v4{.address = *base::Prefix::parse("10.1.0.5/16")};
  const cni::IpConfig v6{.address = *base::Prefix::parse("fd00::5/64")};
  const auto code = [](std::vector<cni::IpConfig> ips, cni::Version version) {
    return code_of([&] { require_expressible({.ips = std::move(ips)}, version); });
  };
  EXPECT_EQ(code({v4, v6}, {0, 2, 0}), 0u);
  EXPECT_EQ(code({v6}, {0, 1, 0}), 0u);
  EXPECT_EQ(code({v4, v4}, {0, 2, 0}), 7u);
  EXPECT_EQ(code({v6, v4, v6}, {0, 2, 0}), 7u);
  EXPECT_EQ(code({}, {0, 2, 0}), 7u);
  EXPECT_EQ(code({}, {0, 3, 0}), 0u);
  EXPECT_EQ(code({v4, v4}, {1, 1, 0}), 0u);
}

// S-095 S-111
TEST(ErrorObject, S095_HasFourMembersAndIsValidJson) {
  const auto object =
      json::parse(print_error({cni::Code::invalid_config, "a \"b\" \xff\n", "c\x01"}, {0, 4, 0}));
  EXPECT_EQ(object, (json{{"cniVersion", "0.4.0"},
                          {"code", 7},
                          {"msg", "a \"b\" \xef\xbf\xbd\n"},
                          {"details", "c\x01"}}));
  EXPECT_FALSE(json::parse(print_error({cni::Code::internal, "a"}, {1, 1, 0})).contains("details"));
}

TEST(ErrorObject, IsRecognisedByItsCode) {
  const auto error = find_error(Object::parse(R"({"code":123,"msg":"m","details":"d"})", "test"));
  ASSERT_TRUE(error);
  EXPECT_EQ(static_cast<unsigned>(error->code()), 123u);
  EXPECT_STREQ(error->what(), "m");
  EXPECT_EQ(error->details(), "d");
  EXPECT_TRUE(find_error(Object::parse(R"({"code":1,"msg":5})", "test")));
  for (const char* none :
       {R"({})", R"({"code":"1"})", R"({"code":-1})", R"({"code":1.5})", R"({"code":null})"})
    EXPECT_FALSE(find_error(Object::parse(none, "test"))) << none;
}

// S-078 S-082
TEST(Versions, S078_AreOneLine) {
  EXPECT_EQ(
      print_versions(cni::kVersions),
      "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\","
      "\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n");
}

}  // namespace
}  // namespace json
