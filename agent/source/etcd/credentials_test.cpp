// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent::etcd {
namespace {

// S21
TEST(EtcdCredentials, AreNotSentUnencryptedUnlessInsecureIsSet) {
  struct Row {
    std::vector<std::string> endpoints;
    bool refused;
  };
  for (const Row& row :
       {Row{{"http://192.0.2.1:2379"}, true},
        Row{{"http://127.0.0.1:2379", "http://etcd.example.net:2379"}, true},
        Row{{"http://127.0.0.1@192.0.2.1"}, true}, Row{{"http://[fd00::1]:2379"}, true},
        Row{{"http://127.0.0.1:2379", "http://[::1]:2379"}, false},
        Row{{"http://localhost:2379"}, false}, Row{{"https://192.0.2.1:2379"}, false}}) {
    EtcdConfig config{.endpoints = row.endpoints, .username = "plumb"};
    const auto found = find_exposure(config);
    ASSERT_EQ(found.has_value(), row.refused) << row.endpoints.back();
    if (found) {
      EXPECT_THAT(*found, testing::HasSubstr("\"" + row.endpoints.back() + "\""));
      EXPECT_THAT(*found, testing::HasSubstr("`etcd.insecure: true`"));
    }
    config.insecure = true;
    EXPECT_EQ(find_exposure(config), std::nullopt);
    config = {.endpoints = row.endpoints};  // without a password nothing is secret
    EXPECT_EQ(find_exposure(config), std::nullopt);
  }
}

}  // namespace
}  // namespace agent::etcd
