// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The request and reply bodies of etcd's v3 JSON gateway: keys and values in base64,
/// 64-bit numbers as strings, members that are zero left out (etcd 3.4, etcdserver/etcdserverpb).
namespace agent::etcd {

struct KeyValue {
  std::string key, value;
  std::int64_t mod_revision = 0;
  std::int64_t lease = 0;  ///< 0: none, the key stays
  std::int64_t create_revision = 0;
  bool operator==(const KeyValue&) const = default;
};

/// The first key after all keys that begin with `prefix`.
std::string end_of_prefix(std::string_view prefix);

/// A page of the keys in [key, end); an empty `end` asks for `key` alone. `revision` 0: the newest.
struct RangeRequest {
  std::string key, end = {};
  std::int64_t limit = 0, revision = 0;
};
std::string range_request(const RangeRequest& request);

/// A condition of a transaction on `key`, or on every key that exists in [key, end).
struct Compare {
  enum class Target { version_is, modified_at, modified_before } target;
  std::string key, end = {};
  std::int64_t value = 0;
};
/// Writes `put` when all of `conditions` hold. The key is bound to put.lease.
std::string txn_request(const std::vector<Compare>& conditions, const KeyValue& put);
/// Removes the key `removed` and then writes `put`, in one transaction, when all of `conditions`
/// hold: a watcher gets both events, in this order.
std::string replacement_request(const std::vector<Compare>& conditions, const std::string& removed,
                                const KeyValue& put);
std::string grant_request(std::int64_t ttl);
std::string lease_request(std::int64_t id);  ///< the body of keepalive and of revoke
/// Every change of the keys in [key, end) from `revision` on, with progress notifications in
/// between.
std::string watch_request(std::string_view key, std::string_view end, std::int64_t revision);
std::string authenticate_request(std::string_view user, std::string_view password);

/// The header of every reply.
struct Header {
  std::uint64_t cluster_id = 0;
  std::int64_t revision = 0;
};
struct RangeReply {
  Header header = {};
  std::vector<KeyValue> kvs = {};
  bool more = false;
};
struct TxnReply {
  Header header = {};
  bool succeeded = false;
};
struct LeaseReply {
  std::int64_t id = 0;
  std::int64_t ttl = 0;  ///< seconds; 0: the lease does not exist (any more)
};
struct Event {
  bool removed = false;
  KeyValue kv;  ///< a removed key has no value
};
struct WatchReply {
  Header header = {};
  bool created = false;
  bool canceled = false;
  std::int64_t compact_revision = 0;  ///< the history before this is gone
  std::string reason = {};
  std::vector<Event> events = {};
};

/// All of these throw cni::Error(6) for a text that is not such a reply.
RangeReply parse_range(std::string_view body);
TxnReply parse_txn(std::string_view body);
LeaseReply parse_grant(std::string_view body);
LeaseReply parse_keepalive(std::string_view body);  ///< the first line of the stream
std::string parse_token(std::string_view body);
/// One line of the stream. The gateway's own error comes as canceled with its reason.
WatchReply parse_watch(std::string_view line);

/// Why the gateway refused a call.
struct Refusal {
  std::string text = {};  ///< one line for people: etcd's message, or the start of the body
  int code = 0;           ///< gRPC's status code; 0: the body has none
};
/// gRPC's NOT_FOUND: the lease of a transaction does not exist (any more).
inline constexpr int kNotFound = 5;
Refusal parse_refusal(long http_status, std::string_view body);
/// Returns whether a refusal or a reason says that the token is invalid and a new one is needed.
bool wants_new_token(std::string_view refusal);

}  // namespace agent::etcd
