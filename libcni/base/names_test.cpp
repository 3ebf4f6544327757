// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/mac.h"
#include "libcni/base/utf8.h"

namespace base {
namespace {

// S-023 S-024
TEST(Names, S023_IdentifiersStartWithALetterOrDigit) {
  for (const char* good : {"a", "0", "A_.-9", "a.", "a..b", "a-"})
    EXPECT_TRUE(is_identifier(good)) << good;
  for (const char* bad :
       {"", "-a", "_a", ".a", ".", "..", "a b", "a/b", "a:b", "a\n", "\xc3\xa9", " a"})
    EXPECT_FALSE(is_identifier(bad)) << bad;
}

// S-029 to S-032
TEST(Names, S029_InterfaceNamesAreAtMost15Bytes) {
  EXPECT_EQ(ifname_problem("aaaaaaaaaaaaaaa"), "");
  EXPECT_EQ(ifname_problem("..."), "");
  EXPECT_NE(ifname_problem("aaaaaaaaaaaaaaaa"), "");
  for (const char* bad : {"", ".", "..", "a/b", "a:b", "a b", "eth%d", "a\x01", "\xff"})
    EXPECT_NE(ifname_problem(bad), "") << bad;
}

TEST(Names, GeneratedNamesCanNameInterfaces) {
  const std::string name = random_veth_name();
  EXPECT_THAT(name, testing::MatchesRegex("veth[0-9a-f]{8}"));
  EXPECT_EQ(ifname_problem(name), "");
  EXPECT_NE(name, random_veth_name());
}

TEST(Names, HashIsSha512) {
  EXPECT_EQ(sha512_hex("abc").substr(0, 32), "ddaf35a193617abacc417349ae204131");
  EXPECT_EQ(sha512_hex("").size(), 128u);
}

TEST(Utf8, DecodesWellFormedText) {
  std::string_view text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
  for (const std::uint32_t point : {0x61u, 0xe9u, 0x20acu, 0x1f600u})
    EXPECT_EQ(next_code_point(text), point);
  EXPECT_TRUE(text.empty());
}

TEST(Utf8, RefusesMalformedText) {
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc3", "\xc3(", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff", "\xe2\x82"}) {
    std::string_view text = bad;
    EXPECT_EQ(next_code_point(text), std::nullopt);
    EXPECT_EQ(text, bad) << "consumed malformed input";
  }
}

TEST(Utf8, PrintableTextHasNoControlCharacters) {
  EXPECT_EQ(printable("caf\xc3\xa9 \"x\" \\"), "caf\xc3\xa9 \"x\" \\");
  EXPECT_EQ(printable("a\nb\x1b[2J\x7f\xc2\x9b\xe2\x80\xae\xff"),
            "a\\nb\\u001b[2J\\u007f\\u009b\\u202e\xef\xbf\xbd");
  EXPECT_EQ(printable("a\n\tb\r", "\n\t"), "a\n\tb\\u000d");
}

TEST(Mac, ReadsAllThreeSpellings) {
  for (const char* text : {"02:aB:00:00:00:01", "02-AB-00-00-00-01", "02ab.0000.0001"})
    EXPECT_EQ(Mac::parse(text).value().text(), "02:ab:00:00:00:01") << text;
  for (const char* text : {"", "zz", "02:ab:00:00:00", "02:ab:00:00:00:01:02", "02:ab-00:00:00:01",
                           "02ab:0000:0001", "0g:ab:00:00:00:01", "02:ab:00:00:00: 1"})
    EXPECT_FALSE(Mac::parse(text)) << text;
}

TEST(Mac, RandomAddressesAreLocalUnicast) {
  for (int i = 0; i < 64; ++i) EXPECT_EQ(random_mac().bytes[0] & 3, 2);
  EXPECT_NE(random_mac(), random_mac());
  EXPECT_TRUE(Mac{}.is_zero());
}

}  // namespace
}  // namespace base
