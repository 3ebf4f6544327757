// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ipam/dhcp/gob.h"
#include "libcni/spec/result.h"

/// The bytes between plugin and daemon: Go's net/rpc over HTTP CONNECT, as the reference uses it,
/// so that either side's plugin works with either side's daemon.
namespace ipam_dhcp {

inline constexpr std::string_view kAllocate = "DHCP.Allocate", kRelease = "DHCP.Release";

/// A plugin's request to the daemon: Go's skel.CmdArgs.
struct Call {
  std::string method;
  std::string container_id;
  std::string netns;
  std::string ifname;
  std::string args = {};
  std::string path = {};
  std::string stdin_text = {};
  std::int64_t sequence = 0;
};

/// The daemon's answer; `error` is empty on success.
struct Reply {
  std::string error = {};
  cni::Result result = {};
};

/// The line of HTTP that a client sends first. Go's server drops what follows it before its answer.
std::string encode_connect();
std::string encode(const Call& call);
/// The daemon's answer to the line of HTTP.
std::string encode_greeting();
std::string encode(const Call& call, const Reply& reply);

/// Reads one direction of a connection. Throws cni::Error code 6 for bytes that are not net/rpc.
class RpcReader {
 public:
  void feed(std::string_view bytes);
  bool greeted() const { return greeted_; }  ///< the lines of HTTP have arrived
  /// Nothing while bytes are missing.
  std::optional<Call> find_call();
  std::optional<Reply> find_reply();

 private:
  struct Message {
    gob::Value header;
    gob::Value body;
  };
  std::optional<Message> find_message();
  std::string http_;
  bool greeted_ = false;
  gob::Decoder decoder_;
  std::optional<gob::Value> header_;
};

}  // namespace ipam_dhcp
