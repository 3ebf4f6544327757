// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/lease.h"

#include <algorithm>
#include <utility>

#include "agent/source/etcd/codec.h"
#include "libcni/spec/error.h"

namespace agent::etcd {
namespace {

constexpr const char* kGrant = "/v3/lease/grant";
constexpr const char* kKeepalive = "/v3/lease/keepalive";
// More often than a lease needs, because it also detects a member that hangs.
constexpr std::chrono::seconds kKeepaliveAtMost{60};

}  // namespace

Lease::~Lease() {
  loop_.cancel(timer_);
  for (const Calls::Id call : {call_, keepalive_}) calls_.cancel(call);
}

void Lease::grant() {
  call(kGrant, grant_request(length_.count()),
       [this](const std::string& body) { acquire(parse_grant(body).id); });
}

void Lease::check(std::int64_t id) {
  call(kKeepalive, lease_request(id), [this, id](const std::string& body) {
    parse_keepalive(body).ttl == length_.count() ? acquire(id) : grant();
  });
}

void Lease::abandon() {
  id_ = 0;
  loop_.cancel(std::exchange(timer_, 0));
  calls_.cancel(std::exchange(keepalive_, 0));
}

void Lease::call(const char* path, std::string body, std::function<void(const std::string&)> done) {
  call_ =
      calls_.call(path, std::move(body), [this, done = std::move(done)](const CallResult& result) {
        call_ = 0;
        if (!result.error.empty()) return events_.failed(result.error);
        try {
          done(result.body);
        } catch (const cni::Error& error) {  // not JSON, such as a proxy's page
          events_.failed(error.what());
        }
      });
}

void Lease::acquire(std::int64_t id) {
  id_ = id;
  keepalive_in(pause());
  events_.acquired();
}

Lease::Milliseconds Lease::pause() const {
  return std::min<Milliseconds>(length_ / 3, kKeepaliveAtMost);
}

void Lease::keepalive_in(Milliseconds delay) {
  loop_.cancel(timer_);
  timer_ = loop_.after(delay, [this] {
    timer_ = 0;
    keepalive();
  });
}

void Lease::keepalive() {
  keepalive_ = calls_.call(kKeepalive, lease_request(id_), [this](const CallResult& result) {
    keepalive_ = 0;
    keepalive_answered(result);
  });
}

void Lease::keepalive_answered(const CallResult& result) {
  std::int64_t ttl = 0;
  try {
    if (!result.error.empty()) throw cni::Error(cni::Code::try_again_later, result.error);
    ttl = parse_keepalive(result.body).ttl;
  } catch (const cni::Error&) {
    ++errors_;
    keepalive_in(std::min(backoff_.next(), pause()));
    return;
  }
  backoff_.answered();
  if (ttl > 0) return keepalive_in(pause());
  id_ = 0;
  events_.expired();
}

}  // namespace agent::etcd
