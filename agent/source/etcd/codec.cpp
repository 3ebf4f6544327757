// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/codec.h"

#include <algorithm>
#include <charconv>

#include "libcni/base/utf8.h"
#include "libcni/json/object.h"
#include "libcni/json/writer.h"
#include "libcni/runtime/base64.h"
#include "libcni/spec/error.h"

namespace agent::etcd {
namespace {

using json::Object;
using json::Writer;

constexpr std::size_t kMaxQuoted = 120;

void bytes(Writer& writer, std::string_view key, std::string_view value) {
  writer.member(key, runtime::encode_base64(value));
}

void number(Writer& writer, std::string_view key, std::int64_t value) {
  if (value != 0) writer.member(key, std::to_string(value));
}

std::string bytes_of(const Object& object, std::string_view key) {
  const auto text = object.find_string(key);
  if (!text) return {};
  auto value = runtime::decode_base64(*text);
  if (!value) object.refuse(key, "base64", cni::Code::decoding_failure);
  return std::move(*value);
}

template <typename Number = std::int64_t>
Number number_of(const Object& object, std::string_view key) {
  const auto text = object.find_string(key);
  if (!text) return 0;
  Number value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size())
    object.refuse(key, "a number in a string", cni::Code::decoding_failure);
  return value;
}

Header header_of(const Object& reply) {
  const Object header = reply.get_object("header");
  return {.cluster_id = number_of<std::uint64_t>(header, "cluster_id"),
          .revision = number_of(header, "revision")};
}

KeyValue key_value(const Object& kv) {
  return {.key = bytes_of(kv, "key"),
          .value = bytes_of(kv, "value"),
          .mod_revision = number_of(kv, "mod_revision"),
          .lease = number_of(kv, "lease"),
          .create_revision = number_of(kv, "create_revision")};
}

Object parse(std::string_view body) {
  return Object::parse(body, "etcd's reply");
}

LeaseReply lease_of(const Object& reply) {
  return {.id = number_of(reply, "ID"), .ttl = number_of(reply, "TTL")};
}

void condition(Writer& writer, const Compare& compare) {
  using Target = Compare::Target;
  const bool version = compare.target == Target::version_is;
  writer.open('{');
  writer.member("target", version ? "VERSION" : "MOD");
  writer.member("result", compare.target == Target::modified_before ? "LESS" : "EQUAL");
  bytes(writer, "key", compare.key);
  if (!compare.end.empty()) bytes(writer, "range_end", compare.end);
  // The gateway recognizes the target by this member: it must be present when zero, too.
  writer.member(version ? "version" : "mod_revision", std::to_string(compare.value));
  writer.close();
}

/// The beginning of a transaction, up to the operation for the case that all `conditions` hold.
void begin_txn(Writer& writer, const std::vector<Compare>& conditions) {
  writer.open('{');
  writer.open("compare", '[');
  for (const Compare& compare : conditions) condition(writer, compare);
  writer.close();
  writer.open("success", '[');
  writer.open('{');
}

void write_put(Writer& writer, const KeyValue& put) {
  writer.open("request_put", '{');
  bytes(writer, "key", put.key);
  bytes(writer, "value", put.value);
  number(writer, "lease", put.lease);
}

/// A message of one line, whatever the peer sent.
std::string quoted(std::string_view text) {
  return base::printable(text.substr(0, kMaxQuoted)) + (text.size() > kMaxQuoted ? "..." : "");
}

}  // namespace

std::string end_of_prefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty()) return std::string(1, '\0');  // means "to the last key"
  end.back() = static_cast<char>(end.back() + 1);
  return end;
}

std::string range_request(const RangeRequest& request) {
  Writer writer;
  writer.open('{');
  bytes(writer, "key", request.key);
  if (!request.end.empty()) bytes(writer, "range_end", request.end);
  number(writer, "limit", request.limit);
  number(writer, "revision", request.revision);
  writer.close();
  return writer.text();
}

std::string txn_request(const std::vector<Compare>& conditions, const KeyValue& put) {
  Writer writer;
  begin_txn(writer, conditions);
  write_put(writer, put);
  for (int level = 0; level < 4; ++level) writer.close();
  return writer.text();
}

std::string replacement_request(const std::vector<Compare>& conditions, const std::string& removed,
                                const KeyValue& put) {
  Writer writer;
  begin_txn(writer, conditions);
  writer.open("request_delete_range", '{');
  bytes(writer, "key", removed);
  for (int level = 0; level < 2; ++level) writer.close();
  writer.open('{');
  write_put(writer, put);
  for (int level = 0; level < 4; ++level) writer.close();
  return writer.text();
}

std::string grant_request(std::int64_t ttl) {
  Writer writer;
  writer.open('{');
  number(writer, "TTL", ttl);
  writer.close();
  return writer.text();
}

std::string lease_request(std::int64_t id) {
  Writer writer;
  writer.open('{');
  number(writer, "ID", id);
  writer.close();
  return writer.text();
}

std::string watch_request(std::string_view key, std::string_view end, std::int64_t revision) {
  Writer writer;
  writer.open('{');
  writer.open("create_request", '{');
  bytes(writer, "key", key);
  bytes(writer, "range_end", end);
  number(writer, "start_revision", revision);
  writer.raw_member("progress_notify", "true");
  writer.close();
  writer.close();
  return writer.text();
}

std::string authenticate_request(std::string_view user, std::string_view password) {
  Writer writer;
  writer.open('{');
  writer.member("name", user);
  writer.member("password", password);
  writer.close();
  return writer.text();
}

RangeReply parse_range(std::string_view body) {
  const Object reply = parse(body);
  RangeReply range{.header = header_of(reply), .more = reply.get_bool("more")};
  if (const auto kvs = reply.find_objects("kvs")) {
    range.kvs.reserve(kvs->size());
    for (const Object& kv : *kvs) range.kvs.push_back(key_value(kv));
  }
  return range;
}

TxnReply parse_txn(std::string_view body) {
  const Object reply = parse(body);
  return {.header = header_of(reply), .succeeded = reply.get_bool("succeeded")};
}

LeaseReply parse_grant(std::string_view body) {
  return lease_of(parse(body));
}

LeaseReply parse_keepalive(std::string_view body) {
  const Object line = parse(body.substr(0, body.find('\n')));
  if (!line.has("result")) line.refuse("result", "an object", cni::Code::decoding_failure);
  return lease_of(line.get_object("result"));
}

std::string parse_token(std::string_view body) {
  return parse(body).get_string("token");
}

WatchReply parse_watch(std::string_view line) {
  const Object message = parse(line);
  if (const auto error = message.find_object("error"))
    return {.canceled = true, .reason = quoted(error->get_string("message", "no message"))};
  if (!message.has("result")) message.refuse("result", "an object", cni::Code::decoding_failure);
  const Object result = message.get_object("result");
  WatchReply reply{.header = header_of(result),
                   .created = result.get_bool("created"),
                   .canceled = result.get_bool("canceled"),
                   .compact_revision = number_of(result, "compact_revision"),
                   .reason = quoted(result.get_string("cancel_reason"))};
  if (const auto events = result.find_objects("events"))
    for (const Object& event : *events)
      reply.events.push_back({.removed = event.get_string("type", "PUT") == "DELETE",
                              .kv = key_value(event.get_object("kv"))});
  return reply;
}

Refusal parse_refusal(long http_status, std::string_view body) {
  std::string why;
  int code = 0;
  try {
    const Object refusal = Object::parse(body, "refusal");
    why = quoted(refusal.get_string("message"));
    code = static_cast<int>(refusal.find_int("code").value_or(0));
  } catch (const cni::Error&) {
    // A proxy's page or the gateway's plain text is shown unchanged.
    why = quoted(body);
  }
  if (why.starts_with("CommonName of client"))
    why =
        "etcd's gateway does not accept a client certificate with a CN while users are on: use one "
        "without CN";
  return {.text = "HTTP " + std::to_string(http_status) + (why.empty() ? "" : ": " + why),
          .code = code};
}

bool wants_new_token(std::string_view refusal) {
  return refusal.find("invalid auth token") != std::string_view::npos ||
         refusal.find("revision of auth store is old") != std::string_view::npos ||
         refusal.find("user name is empty") != std::string_view::npos;
}

}  // namespace agent::etcd
