// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/nft/nft.h"
#include "tests/support/host/test_host.h"

namespace nft {
namespace {

using ::testing::HasSubstr;

const Table kTable{Family::ipv4, "t"};

std::string rules() {
  return test::output_of("nft list ruleset");
}

/// The error that `action` throws: its errno and text.
std::pair<int, std::string> failure(const std::function<void()>& action) {
  try {
    action();
  } catch (const std::system_error& error) {
    return {error.code().value(), error.what()};
  }
  return {0, "no failure"};
}

Bytes port_key(std::uint16_t port) {
  Bytes key;
  append_port(append_proto(key, 6), port);
  return key;
}

class NftTest : public ::testing::Test {
 protected:
  Batch table_with_set() {
    Batch batch(kTable);
    batch.ensure_table("a comment");
    batch.ensure_set({.name = "s", .key = {Type::inet_proto, Type::inet_service}});
    return batch;
  }
  test::TestHost host_;
  Nft nft_;
};

TEST_F(NftTest, WritesWhatNftReads) {
  Batch batch(kTable);
  batch.ensure_table("a comment");
  batch.ensure_chain("inner", "why");
  batch.ensure_base_chain("post", postrouting_nat());
  batch.append_rule("inner", Rule("who").source(*base::Prefix::parse("10.1.0.0/20")).masquerade());
  batch.append_rule("inner", Rule().mark(0x2000, 0x2000).return_to_caller());
  batch.append_rule("post", Rule().output_link("eth0", Rule::Match::unequal).go_to("inner"));
  nft_.commit(batch);
  EXPECT_EQ(rules(), R"(table ip t {
	comment "a comment"
	chain inner {
		comment "why"
		ip saddr 10.1.0.0/20 masquerade comment "who"
		meta mark & 0x00002000 == 0x00002000 return
	}

	chain post {
		type nat hook postrouting priority srcnat; policy accept;
		oifname != "eth0" goto inner
	}
}
)");
  const auto listed = nft_.list_rules(kTable, "inner");
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(listed[0].comment, "who");
  EXPECT_EQ(listed[0].source, base::Prefix::parse("10.1.0.0/20"));
  EXPECT_EQ(nft_.list_rules(kTable, "post").at(0).target, "inner");
  EXPECT_EQ(nft_.list_rules(kTable).size(), 3u);
}

TEST_F(NftTest, AFailedBatchChangesNothingAndNamesTheFailure) {
  nft_.commit(table_with_set());
  const std::string before = rules();
  Batch batch(kTable);
  batch.add_element("s", {.key = port_key(1)});
  batch.append_rule("missing", Rule().drop());
  const auto [errnum, text] = failure([&] { nft_.commit(batch); });
  EXPECT_EQ(errnum, ENOENT);
  EXPECT_THAT(text, HasSubstr("add rule to nf_tables chain \"missing\""));
  EXPECT_EQ(rules(), before);
}

TEST_F(NftTest, RefusesAnOldGeneration) {
  const std::uint32_t generation = nft_.generation();
  nft_.commit(table_with_set());
  Batch batch(kTable);
  batch.add_element("s", {.key = port_key(1)});
  EXPECT_EQ(failure([&] { nft_.commit(batch, generation); }).first, ERESTART);
  EXPECT_NO_THROW(nft_.commit(batch, nft_.generation()));
}

TEST_F(NftTest, TakesBatchesBeyondTheSendBuffer) {
  Batch batch = table_with_set();
  for (std::uint16_t port = 1; port <= 8000; ++port)
    batch.add_element("s", {.key = port_key(port), .comment = std::string(100, 'c')});
  nft_.commit(batch);
  std::size_t visited = 0;
  const auto found =
      nft_.list_elements(kTable, "s", [&](std::string_view) { return ++visited == 1; });
  EXPECT_EQ(visited, 8000u);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].comment, std::string(100, 'c'));
}

TEST_F(NftTest, FindsElementsByKey) {
  Batch batch = table_with_set();
  batch.add_element("s", {.key = port_key(80), .comment = "web"});
  nft_.commit(batch);
  EXPECT_EQ(nft_.find_element(kTable, "s", port_key(80))->comment, "web");
  EXPECT_EQ(nft_.find_element(kTable, "s", port_key(81)), std::nullopt);
  EXPECT_EQ(nft_.find_element(kTable, "none", port_key(80)), std::nullopt);
  EXPECT_EQ(failure([&] { nft_.commit(batch); }).first, EEXIST);
}

TEST_F(NftTest, MissingObjectsReadAsEmpty) {
  EXPECT_TRUE(nft_.list_rules(kTable, "c").empty());
  EXPECT_TRUE(nft_.list_sets(kTable).empty());
  EXPECT_TRUE(nft_.list_chains(kTable).empty());
  EXPECT_TRUE(nft_.list_elements(kTable, "s", [](std::string_view) { return true; }).empty());
  EXPECT_FALSE(nft_.has_chain(kTable, "c"));
}

}  // namespace
}  // namespace nft
