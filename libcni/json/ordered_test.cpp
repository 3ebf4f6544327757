// SPDX-License-Identifier: Apache-2.0
#include "libcni/json/ordered.h"

#include <gtest/gtest.h>

namespace json {
namespace {

using Texts = std::vector<std::pair<std::string, std::string>>;

TEST(ListTexts, KeepsTheOrderOfTheDocumentAndEveryRepetition) {
  EXPECT_EQ(list_texts(R"({"b":{"z":"1"},"a":{"z":"2","c":"3","z":"4"}})", {"a"}),
            (Texts{{"z", "2"}, {"c", "3"}, {"z", "4"}}));
}

TEST(ListTexts, FollowsThePathOnly) {
  EXPECT_EQ(list_texts(R"({"x":"0","l":[{"a":{"b":{"no":"1"}}}],"a":{"x":{"b":{"no":"2"}},"y":"3",
                           "b":{"yes":"4","deeper":{"no":"5"},"list":["no",{"no":"6"}],"last":"7"}}})",
                       {"a", "b"}),
            (Texts{{"yes", "4"}, {"last", "7"}}));
}

TEST(ListTexts, TakesKeysInAnyCaseTogetherAndNullAsEmpty) {
  EXPECT_EQ(list_texts(R"({"a":{"1":"1"},"A":{"2":"2"}})", {"a"}), (Texts{{"1", "1"}, {"2", "2"}}));
  EXPECT_EQ(list_texts(R"({"a":{"1":"1"},"a":null})", {"a"}), Texts{});
  EXPECT_EQ(list_texts(R"({"a":{"1":null,"2":2,"3":"3"}})", {"a"}), (Texts{{"3", "3"}}));
  EXPECT_EQ(list_texts(R"({"a":["x"],"b":"y"})", {"a"}), Texts{});
}

TEST(ListTexts, ReplacesMalformedBytes) {
  EXPECT_EQ(list_texts("{\"a\":{\"k\xff\":\"v\"}}", {"a"}), (Texts{{"k\xef\xbf\xbd", "v"}}));
}

}  // namespace
}  // namespace json
