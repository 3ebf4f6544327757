// SPDX-License-Identifier: Apache-2.0
#include "ipam/dhcp/rpc.h"

#include <gmock/gmock.h>

#include "libcni/json/result.h"
#include "libcni/spec/error.h"

namespace {

using namespace ipam_dhcp;

const Call kCall{.method = std::string(kAllocate),
                 .container_id = "cid1",
                 .netns = "/var/run/netns/cs1",
                 .ifname = "eth0",
                 .args = "A=b",
                 .path = "/p",
                 .stdin_text = std::string(200, 'j'),
                 .sequence = 0};

RpcReader reader_of(const std::string& bytes) {
  RpcReader reader;
  for (const char each : bytes) reader.feed({&each, 1});
  return reader;
}

TEST(DhcpRpc, SendsTheBytesOfGosNetRpc) {
  const std::string bytes = encode(kCall);
  // Type 64, Request{ServiceMethod string, Seq uint}, and its value, as Go sends them.
  const std::string start(
      "\x2e\x7f\3\1\1\7Request\1\xff\x80\0\1\2\1\rServiceMethod\1\x0c\0\1\3Seq\1\6\0\0\0"
      "\x12\xff\x80\1\rDHCP.Allocate\0\x6c\xff\x81\3\1\1\7CmdArgs",
      66 + 12);
  EXPECT_EQ(bytes.substr(0, start.size()), start);
}

TEST(DhcpRpc, ReadsACallByteByByte) {
  RpcReader reader = reader_of(encode_connect() + encode(kCall));
  EXPECT_TRUE(reader.greeted());
  const auto call = reader.find_call();
  ASSERT_TRUE(call);
  EXPECT_EQ(call->method, "DHCP.Allocate");
  EXPECT_EQ(call->container_id, "cid1");
  EXPECT_EQ(call->netns, "/var/run/netns/cs1");
  EXPECT_EQ(call->ifname, "eth0");
  EXPECT_EQ(call->args, "A=b");
  EXPECT_EQ(call->stdin_text, kCall.stdin_text);
}

TEST(DhcpRpc, ReadsAResult) {
  cni::Result result;
  result.ips.push_back({.address = *base::Prefix::parse("10.70.0.50/24"),
                        .gateway = base::IpAddress::parse("10.70.0.1")});
  result.routes.push_back({.dst = *base::Prefix::parse("0.0.0.0/0"),
                           .gateway = base::IpAddress::parse("10.70.0.1"),
                           .priority = 77});
  result.routes.push_back({.dst = *base::Prefix::parse("10.9.0.0/16"),
                           .gateway = base::IpAddress::parse("0.0.0.0"),
                           .scope = 253});
  RpcReader reader = reader_of(encode_greeting() + encode(kCall, {.error = "", .result = result}));
  const auto reply = reader.find_reply();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->error, "");
  EXPECT_EQ(reply->result, result);
}

TEST(DhcpRpc, ReadsAnError) {
  RpcReader reader =
      reader_of(encode_greeting() + encode(kCall, {.error = "no more tries", .result = {}}));
  const auto reply = reader.find_reply();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->error, "no more tries");
}

TEST(DhcpRpc, WaitsForWhatIsMissing) {
  const std::string bytes = encode_connect() + encode(kCall);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    RpcReader reader;
    reader.feed(bytes.substr(0, size));
    EXPECT_FALSE(reader.find_call()) << size;
  }
}

TEST(DhcpRpc, RefusesAnotherProtocolAndHugeMessages) {
  RpcReader other;
  EXPECT_THROW(other.feed("GET / HTTP/1.0\n\n"), cni::Error);
  RpcReader huge;
  huge.feed(encode_connect() + std::string("\xfc\x7f\xff\xff\xff", 5));
  EXPECT_THROW(huge.find_call(), cni::Error);
}

}  // namespace
