// SPDX-License-Identifier: Apache-2.0
#include "libcni/json/object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libcni/json/attachments.h"
#include "libcni/spec/error.h"

namespace json {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// `<code> <message>` of the error that `body` throws, or "ok".
std::string outcome(const std::function<void()>& body) {
  try {
    body();
  } catch (const cni::Error& error) {
    return std::to_string(static_cast<unsigned>(error.code())) + " " + error.what();
  }
  return "ok";
}

Object parse(std::string_view text) {
  return Object::parse(text, "test");
}

// S-047
TEST(ObjectParse, S047_RefusesAnythingButOneObject) {
  for (const char* text : {"", " ", "{", "[]", "\"x\"", "1", "true", "{} {}", "{}x",
                           "\xef\xbb\xbf{}x", "{/*c*/}", "{\"a\":1,}", "{\"a\":01}", "{'a':1}",
                           "{\"a\":}", "{\"a\":1e999}", "{\"a\":\"\\ud800\"}", "nul"})
    EXPECT_THAT(outcome([&] { parse(text); }), HasSubstr("6 test: ")) << text;
}

TEST(ObjectParse, S047_RefusesAByteOrderMark) {
  EXPECT_THAT(outcome([] { parse("\xef\xbb\xbf{}"); }), HasSubstr("6 test: "));
}

// S-048
TEST(ObjectParse, S048_TakesTrailingSpaceAndNull) {
  EXPECT_EQ(parse("{\"a\":1} \n\t\r\n").find_int("a"), 1);
  EXPECT_TRUE(parse("null").keys().empty());
}

// S-050
TEST(ObjectParse, S050_TheLastDuplicateWins) {
  EXPECT_EQ(parse(R"({"a":{"x":1},"a":"second"})").get_string("a"), "second");
}

// S-052
TEST(ObjectParse, S052_LimitsDepth) {
  const auto nested = [](std::size_t levels) {
    return "{\"a\":" + std::string(levels, '[') + std::string(levels, ']') + "}";
  };
  const auto deep = parse(nested(9'999));
  EXPECT_EQ(deep.text(), nested(9'999));
  EXPECT_THAT(outcome([&] { parse(nested(10'000)); }), HasSubstr("6 test: nested deeper"));
  EXPECT_THAT(outcome([&] { parse(std::string(1'000'000, '[')); }),
              HasSubstr("6 test: nested deeper"));
}

TEST(ObjectParse, S052_LimitsSize) {
  std::string text = "{\"a\":[0";
  for (int i = 0; i < 1'000'000; ++i) text += ",0";
  EXPECT_THAT(outcome([&] { parse(text + "]}"); }), HasSubstr("6 test: more than"));
}

TEST(ObjectParse, S052_ReplacesMalformedUtf8) {
  EXPECT_EQ(parse("{\"a\":\"x\xff\xc0\x80y\"}").get_string("a"),
            "x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdy");
}

TEST(ObjectParse, S112_MessagesStayShort) {
  const std::string text = "{\"" + std::string(10'000, 'x') + "\" 1}";
  EXPECT_LT(outcome([&] { parse(text); }).size(), 200u);
}

TEST(ObjectGetters, KeysMatchInAnyCaseTheExactOnePreferred) {
  const auto object = parse(R"({"IPMASQ":true,"mtu":1,"MTU":2})");
  EXPECT_TRUE(object.get_bool("ipMasq"));
  EXPECT_EQ(object.find_int("mtu"), 1);
  EXPECT_EQ(object.find_int("MTU"), 2);
  EXPECT_FALSE(object.has_exactly("ipMasq"));
  EXPECT_EQ(object.near_miss("ipMasq"), "IPMASQ");
  EXPECT_EQ(object.near_miss("vlan"), "");
}

TEST(ObjectGetters, NullIsAbsent) {
  const auto object = parse(R"({"a":null})");
  EXPECT_FALSE(object.has("a"));
  EXPECT_FALSE(object.has_exactly("a"));
  EXPECT_FALSE(object.find_string("a"));
  EXPECT_FALSE(object.find_object("a"));
  EXPECT_FALSE(object.find_strings("a"));
  EXPECT_EQ(object.get_string("a", "default"), "default");
}

TEST(ObjectGetters, TypesAreStrict) {
  const auto object =
      parse(R"({"s":"10","f":1.0,"e":1e3,"n":-1,"big":18446744073709551615,"b":1})");
  for (const char* key : {"s", "f", "e", "big"})
    EXPECT_THAT(outcome([&] { object.find_int(key); }), HasSubstr("must be an integer")) << key;
  EXPECT_EQ(object.find_int("n"), -1);
  EXPECT_EQ(object.find_uint("big"), 18446744073709551615u);
  EXPECT_EQ(outcome([&] { object.find_uint("n"); }),
            "6 key \"n\" must be a non-negative integer, not -1");
  EXPECT_EQ(outcome([&] { object.find_string("b"); }), "6 key \"b\" must be a string, not 1");
  EXPECT_EQ(outcome([&] { object.find_bool("s"); }),
            "6 key \"s\" must be true or false, not \"10\"");
  EXPECT_EQ(outcome([&] { object.find_object("b"); }), "6 key \"b\" must be an object, not 1");
}

TEST(ObjectGetters, MessagesNameThePath) {
  const auto object =
      parse(R"({"ipam":{"ranges":[[{"subnet":5}],[7]],"list":[{"a":1},null],"l":["x",1]}})");
  const auto ipam = object.get_object("ipam");
  EXPECT_EQ(outcome([&] { ipam.find_object_lists("ranges"); }),
            "6 key \"ipam.ranges[1][0]\" must be an object, not 7");
  EXPECT_EQ(outcome([&] { ipam.find_objects("list"); }),
            "6 key \"ipam.list[1]\" must be an object, not null");
  EXPECT_EQ(outcome([&] { ipam.find_strings("l"); }),
            "6 key \"ipam.l[1]\" must be a string, not 1");
  EXPECT_EQ(outcome([&] { ipam.refuse("type", "the name of a plugin"); }),
            "7 key \"ipam.type\" must be the name of a plugin, not absent");
  EXPECT_LT(
      outcome([&] { parse("{\"a\":\"" + std::string(5'000, 'x') + "\"}").find_int("a"); }).size(),
      200u);
}

TEST(ObjectGetters, AnEmptyListDiffersFromNone) {
  const auto object = parse(R"({"a":[],"b":[[]]})");
  EXPECT_THAT(object.find_strings("a"), testing::Optional(ElementsAre()));
  EXPECT_EQ(object.find_objects("a")->size(), 0u);
  EXPECT_EQ(object.find_object_lists("b")->size(), 1u);
}

TEST(ObjectGetters, AnAbsentObjectIsEmptyAndHasItsPath) {
  const auto ipam = parse("{}").get_object("ipam");
  EXPECT_EQ(ipam.path_of("type"), "ipam.type");
  EXPECT_FALSE(ipam.has("type"));
}

TEST(ObjectText, KeepsNumbersAsTheyWere) {
  for (const char* text : {R"({"a":18446744073709551615})", R"({"a":-9223372036854775808})",
                           R"({"a":1.0})", R"({"a":0.1})", R"({"a":1e+300})",
                           R"({"a":[{},[],null,true]})", R"({"a":"\u0001\n\"\\é"})"})
    EXPECT_EQ(parse(text).text(), text);
}

TEST(Quote, S111_EscapesCharactersThatJsonCannotContain) {
  EXPECT_EQ(quote("a\"b\\c\nd\x01\x7f"), R"("a\"b\\c\nd\u0001\u007f")");
  EXPECT_EQ(quote("é\xff"), "\"é\xef\xbf\xbd\"");
}

// S-190 S-191 S-192
TEST(Attachments, S190_ReadsTheListUnderEitherKey) {
  const auto list = [](const char* text) { return parse_attachments(parse(text)); };
  const cni::Attachment a{"c1", "eth0"};
  const cni::Attachment b{"c2", "eth1"};
  EXPECT_THAT(list(R"({"cni.dev/valid-attachments":[{"containerID":"c1","ifname":"eth0"},
                       {"containerID":"c2","ifname":"eth1","more":1}],"cni.dev/attachments":[]})"),
              ElementsAre(a, b));
  EXPECT_THAT(list(R"({"cni.dev/attachments":[{"containerID":"c1","ifname":"eth0"}]})"),
              ElementsAre(a));
  EXPECT_THAT(list(R"({"cni.dev/valid-attachments":null})"), ElementsAre());
  EXPECT_THAT(list(R"({"cni.dev/valid-attachments":[]})"), ElementsAre());
  EXPECT_THAT(list("{}"), ElementsAre());
}

// S-193
TEST(Attachments, S193_NeverTakesAMalformedListForAnEmptyOne) {
  for (const char* value :
       {"{}", "\"x\"", "1", "[null]", "[1]", "[{}]", R"([{"containerID":"c1"}])",
        R"([{"ifname":"eth0"}])", R"([{"containerID":1,"ifname":"eth0"}])",
        R"([{"containerID":"c1","ifname":""}])"})
    EXPECT_THAT(
        outcome([&] {
          parse_attachments(parse("{\"cni.dev/valid-attachments\":" + std::string(value) + "}"));
        }),
        HasSubstr("7 key \"cni.dev/valid-attachments\" must be a list"))
        << value;
}

}  // namespace
}  // namespace json
