// SPDX-License-Identifier: Apache-2.0
#include "plugins/tuning/allowlist.h"

#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "tests/support/temp_dir.h"

namespace tuning {
namespace {

class AllowlistTest : public ::testing::Test {
 protected:
  void write(const std::string& text) { base::write_file_atomic(path_, text, 0644); }
  std::string refusal_of(const std::string& key) {
    try {
      require_allowed(std::vector<Sysctl>{{.key = key, .path = "", .value = ""}}, path_);
    } catch (const cni::Error& error) {
      return error.what();
    }
    return "allowed";
  }
  test::TempDir dir_;
  std::string path_ = dir_.path() + "/allowlist.conf";
};

TEST_F(AllowlistTest, WithoutAFileEverythingIsAllowed) {
  EXPECT_EQ(refusal_of("net.core.somaxconn"), "allowed");
}

TEST_F(AllowlistTest, LinesAreExpressionsWithoutAnchorsOverTheKeyAsWritten) {
  write("\n  ^net\\.ipv4\\.conf\\.IFNAME\\.[a-z_]*$ \r\n\tsomax\\w+\nipv6.*(?:hop|mtu)\\d?$");
  EXPECT_EQ(refusal_of("net.ipv4.conf.IFNAME.rp_filter"), "allowed");
  EXPECT_EQ(refusal_of("net.core.somaxconn"), "allowed");
  EXPECT_EQ(refusal_of("net/ipv6/conf/IFNAME/mtu"), "allowed");
  EXPECT_EQ(refusal_of("net.ipv4.conf.eth0.rp_filter").substr(0, 60),
            "Sysctl net.ipv4.conf.eth0.rp_filter is not allowed. Only the");
  EXPECT_NE(refusal_of("net.ipv4.conf.IFNAME.rp_filter\nx"), "allowed");
}

TEST_F(AllowlistTest, NamesTheKeyAndTheList) {
  write("a\n\n b \n");
  EXPECT_EQ(refusal_of("net.x"),
            "Sysctl net.x is not allowed. Only the following sysctls are allowed: [a b]");
}

TEST_F(AllowlistTest, AnEmptyFileForbidsEverythingAndNoSysctlNeedsIt) {
  write("  \n");
  EXPECT_EQ(refusal_of("net.x"),
            "Sysctl net.x is not allowed. Only the following sysctls are allowed: []");
  EXPECT_NO_THROW(require_allowed({}, path_));
}

TEST_F(AllowlistTest, ALineThatIsNotAnExpressionAllowsNothing) {
  write("net.*\nnet.[a\n");
  EXPECT_EQ(refusal_of("net.x"), "cannot read the regular expression \"net.[a\" of " + path_);
}

TEST_F(AllowlistTest, AVeryLongKeyIsRefusedWithoutMatching) {
  write("(.*)*");
  EXPECT_NE(refusal_of(std::string(1'000'000, 'x')), "allowed");
}

}  // namespace
}  // namespace tuning
