// SPDX-License-Identifier: Apache-2.0
#include "libcni/firewall/owner.h"

#include <gtest/gtest.h>

namespace firewall {
namespace {

const Owner kOwner{"tnet", "cid1", "eth0"};

TEST(Owner, NamesAreTheReferences) {
  EXPECT_EQ(iptables_chain("CNI-", kOwner), "CNI-f67e00a966f2d1b8b0671e5b");
  EXPECT_EQ(iptables_chain("CNI-DN-", kOwner), "CNI-DN-f67e00a966f2d1b8b0671");
  EXPECT_EQ(owner_hash(kOwner), "4dfa0667e74383ec-0b65a318f52e521b");
}

TEST(Owner, CommentNamesTheAttachment) {
  EXPECT_EQ(owner_comment(kOwner),
            "4dfa0667e74383ec-0b65a318f52e521b, net: tnet, if: eth0, id: cid1");
  EXPECT_TRUE(is_owned_by(owner_comment(kOwner), kOwner));
  EXPECT_FALSE(is_owned_by(owner_comment({"tnet", "cid1", "eth1"}), kOwner));
}

TEST(Owner, CommentFitsNftAndStaysRecognisable) {
  const Owner longest{"tn\"et", std::string(300, 'c'), "eth0"};
  EXPECT_EQ(owner_comment(longest).size(), 128u);
  EXPECT_EQ(owner_comment(longest).find('"'), std::string::npos);
  EXPECT_TRUE(is_owned_by(owner_comment(longest), longest));
}

}  // namespace
}  // namespace firewall
