// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes/json_splitter.h"

#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent::kubernetes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Unit = JsonSplitter::Unit;

struct Split {
  std::vector<std::string> objects;
  std::string envelope;
  bool complete;
};

Split split(Unit unit, const std::vector<std::string>& pieces) {
  Split split;
  JsonSplitter splitter(unit, [&](std::string_view object) { split.objects.emplace_back(object); });
  for (const std::string& piece : pieces) splitter.feed(piece);
  split.envelope = splitter.envelope();
  split.complete = splitter.is_complete();
  return split;
}

TEST(JsonSplitter, CutsDocumentsWhateverIsBetweenThem) {
  const Split all = split(Unit::document, {"{\"a\":1}\n{\"b\":[{}]}\r\n\n{}{\"c\":\"}\\\"{\"}"});
  EXPECT_THAT(all.objects, ElementsAre("{\"a\":1}", "{\"b\":[{}]}", "{}", "{\"c\":\"}\\\"{\"}"));
  EXPECT_TRUE(all.complete);
}

TEST(JsonSplitter, HoldsBackAnIncompleteDocument) {
  const Split all = split(Unit::document, {"{\"a\":1}{\"b\":{\"c\":1}"});
  EXPECT_THAT(all.objects, ElementsAre("{\"a\":1}"));
  EXPECT_FALSE(all.complete);
  EXPECT_FALSE(split(Unit::document, {}).complete);
}

TEST(JsonSplitter, TakesTheItemsOutOfAList) {
  const Split all = split(Unit::item, {"{\"kind\":\"L\",\"items\":[{\"a\":[{}]} , {\"b\":\"],\"}],"
                                       "\"metadata\":{\"x\":\"1\"}}"});
  EXPECT_THAT(all.objects, ElementsAre("{\"a\":[{}]}", "{\"b\":\"],\"}"));
  EXPECT_EQ(all.envelope, "{\"kind\":\"L\",\"items\":[  ],\"metadata\":{\"x\":\"1\"}}");
  EXPECT_TRUE(all.complete);
  EXPECT_THAT(split(Unit::item, {"{\"items\":null,\"metadata\":{}}"}).objects, IsEmpty());
}

TEST(JsonSplitter, DoesNotCareWhereThePiecesEnd) {
  const std::string text =
      "{\"items\":[{\"a\":\"\\\\\\\"}\\u007b\"},{\"b\":[[],{}]}],\"m\":{\"v\":\"[\"}}";
  const Split whole = split(Unit::item, {text});
  ASSERT_EQ(whole.objects.size(), 2u);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    const Split two = split(Unit::item, {text.substr(0, at), text.substr(at)});
    EXPECT_EQ(two.objects, whole.objects) << at;
    EXPECT_EQ(two.envelope, whole.envelope) << at;
  }
}

TEST(JsonSplitter, RefusesATextThatIsNotJson) {
  for (const char* text : {"{]", "}", "[1]", "{\"a\":1}x", "<html>", "{\"a\":[}"})
    EXPECT_THROW(split(Unit::document, {text}), std::invalid_argument) << text;
  EXPECT_THROW(split(Unit::document, {std::string(201, '{')}), std::invalid_argument);
}

TEST(JsonSplitter, RefusesAnObjectWithoutEnd) {
  const std::string part(1 << 20, 'x');
  EXPECT_THROW(split(Unit::document, {"{\"", part, part, part, part, part, part, part, part}),
               std::invalid_argument);
}

}  // namespace
}  // namespace agent::kubernetes
