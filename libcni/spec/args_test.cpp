// SPDX-License-Identifier: Apache-2.0
#include "libcni/spec/args.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/spec/error.h"

namespace cni {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

std::string failure_of(std::string_view args) {
  try {
    parse_args(args, {"IP", "MAC"});
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::invalid_environment);
    EXPECT_THAT(error.what(), HasSubstr("CNI_ARGS"));
    return error.what();
  }
  return "";
}

// S-242
TEST(Args, S242_ArePairs) {
  EXPECT_THAT(parse_args("", {"IP"}), IsEmpty());
  EXPECT_THAT(parse_args("IP=10.0.0.1;MAC=x", {"IP", "MAC"}),
              ElementsAre(Pair("IP", "10.0.0.1"), Pair("MAC", "x")));
  EXPECT_THAT(parse_args("IP=", {"IP"}), ElementsAre(Pair("IP", "")));
}

// S-243
TEST(Args, S243_EachPairHasOneEqualsSign) {
  for (const char* args : {"a", "a=b=c", "IP=1;", ";", ";IP=1", "IP=1;;MAC=2", "=;"})
    EXPECT_NE(failure_of(args), "") << args;
  EXPECT_THAT(failure_of("IP=a=b"), HasSubstr("invalid pair \"IP=a=b\""));
}

TEST(Args, S243_TheLastDuplicateWinsAndKeysMatchExactly) {
  EXPECT_THAT(parse_args("IP=a;IP=b", {"IP"}), ElementsAre(Pair("IP", "b")));
  EXPECT_NE(failure_of("ip=a"), "");
}

// S-244
TEST(Args, S244_UnknownKeysNeedIgnoreUnknown) {
  EXPECT_THAT(failure_of("K8S_POD=x;FOO=1"), HasSubstr("unknown args [\"K8S_POD=x\" \"FOO=1\"]"));
  for (const char* yes : {"1", "true", "TRUE", "True"}) {
    EXPECT_THAT(parse_args(std::string("K8S_POD=x;IP=a;IgnoreUnknown=") + yes, {"IP"}),
                ElementsAre(Pair("IP", "a")));
  }
  for (const char* no : {"0", "false", "FALSE"})
    EXPECT_NE(failure_of(std::string("FOO=1;IgnoreUnknown=") + no), "") << no;
  for (const char* bad : {"", "x", "2", "yes"})
    EXPECT_NE(failure_of(std::string("IgnoreUnknown=") + bad), "") << bad;
}

}  // namespace
}  // namespace cni
