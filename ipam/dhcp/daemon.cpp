// SPDX-License-Identifier: Apache-2.0
#include "ipam/dhcp/daemon.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "libcni/base/gone.h"
#include "libcni/base/log.h"
#include "libcni/base/sys_error.h"
#include "libcni/json/object.h"

namespace ipam_dhcp {
namespace {

constexpr std::size_t kMostConnections = 4096;

std::string network_of(const Call& call) {
  return json::Object::parse(call.stdin_text, "network configuration").get_string("name");
}

}  // namespace

Daemon::Daemon(base::Loop& loop, Settings settings, base::UniqueFd listener)
    : loop_(loop),
      settings_(std::move(settings)),
      folder_(folder_of(settings_.socket)),
      listener_(std::move(listener)) {
  resume();
  loop_.watch(listener_.get(), EPOLLIN, [this](base::Loop::Events) { accept(); });
}

void Daemon::accept() {
  base::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd || connections_.size() >= kMostConnections) return;
  const int number = fd.get();
  Connection& connection = connections_.emplace_back(Connection{.fd = std::move(fd)});
  loop_.watch(number, EPOLLIN, [this, &connection](base::Loop::Events) { read(connection); });
}

void Daemon::read(Connection& connection) {
  std::array<char, 65536> buffer;
  const ssize_t size = ::recv(connection.fd.get(), buffer.data(), buffer.size(), 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) return close(connection);
  try {
    const bool greeted = connection.reader.greeted();
    connection.reader.feed({buffer.data(), static_cast<std::size_t>(size)});
    if (!greeted && connection.reader.greeted()) {
      const std::string greeting = encode_greeting();
      ::send(connection.fd.get(), greeting.data(), greeting.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (auto call = connection.reader.find_call()) serve(connection, std::move(*call));
  } catch (const cni::Error& error) {
    base::log(std::string("a client's connection was closed: ") + error.what());
    close(connection);
  }
}

/// Removes the connection. A lease that only it waits for is not needed any more.
void Daemon::close(Connection& connection) {
  const std::string key = connection.waits_for;
  loop_.forget(connection.fd.get());
  connections_.remove_if([&](const Connection& each) { return &each == &connection; });
  if (key.empty()) return;
  const bool awaited = std::ranges::any_of(
      connections_, [&](const Connection& each) { return each.waits_for == key; });
  if (!awaited) drop(key, false);
}

void Daemon::serve(Connection& connection, Call call) {
  connection.call = call;
  try {
    if (!call.netns.empty()) connection.call.netns = settings_.host_prefix + call.netns;
    const std::string key = key_of(call.container_id, network_of(call), call.ifname);
    if (call.method == kAllocate) return allocate(connection, key);
    if (call.method != kRelease)
      throw cni::Error(cni::Code::internal, "rpc: can't find method " + call.method);
    drop(key, true);
    answer(connection, {});
  } catch (const std::exception& error) {
    answer(connection, {.error = error.what()});
  }
}

void Daemon::allocate(Connection& connection, const std::string& key) {
  if (const auto found = holders_.find(key); found != holders_.end()) {
    Holder& holder = *found->second;
    if (!holder.lease()) {
      connection.waits_for = key;
      return;
    }
    try {
      holder.require_link();
      return answer(connection, {.result = holder.lease()->result});
    } catch (const std::system_error& error) {
      if (!base::is_gone(error.code().value(), base::Object::link) &&
          !base::is_gone(error.code().value(), base::Object::netns))
        throw;
      drop(key, false);  // of an earlier pod of this name
    }
  }
  Holder& holder = *(holders_[key] = make_holder(connection.call));
  connection.waits_for = key;  // before acquire(), which may end the lease already
  try {
    holder.acquire();
  } catch (const std::exception&) {
    connection.waits_for.clear();
    holders_.erase(key);
    throw;
  }
}

std::unique_ptr<Holder> Daemon::make_holder(const Call& call) {
  const std::string key = key_of(call.container_id, network_of(call), call.ifname);
  const auto lost = [this, key](const std::string& why) {
    answer_all(key, {.error = why});
    base::log(key + ": " + why);
    drop(key, false);
  };
  return std::make_unique<Holder>(
      loop_, settings_.timing, call,
      Holder::Events{.bound = [this, key] { on_bound(key); }, .failed = lost, .ended = lost});
}

void Daemon::on_bound(const std::string& key) {
  const auto found = holders_.find(key);
  if (found == holders_.end()) return;
  Holder& holder = *found->second;
  try {
    save(folder_, key, holder.saved());
  } catch (const std::system_error& error) {
    base::log(key + ": the lease is not kept for the next daemon: " + error.what());
  }
  answer_all(key, {.result = holder.lease()->result});
}

void Daemon::answer_all(const std::string& key, const Reply& reply) {
  for (Connection& each : connections_)
    if (each.waits_for == key) answer(each, reply);
}

void Daemon::answer(Connection& connection, const Reply& reply) {
  connection.waits_for.clear();
  const std::string bytes = encode(connection.call, reply);
  // An answer is far smaller than the socket's buffer, and a client that is gone needs none.
  ::send(connection.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// Ends the care for a lease. The holder is destroyed later: it may be the caller.
void Daemon::drop(const std::string& key, bool give_back) {
  forget(folder_, key);
  const auto found = holders_.find(key);
  if (found == holders_.end()) return;
  answer_all(key, {.error = "the lease was released"});
  if (give_back) found->second->release();
  ended_.push_back(std::move(found->second));
  holders_.erase(found);
  if (ended_.size() == 1) loop_.after(std::chrono::milliseconds(0), [this] { ended_.clear(); });
}

void Daemon::resume() {
  for (const SavedLease& saved : list_saved(folder_)) try {
      resume(saved);
    } catch (const std::exception& error) {
      base::log("a lease of " + saved.call.container_id + " is not resumed: " + error.what());
    }
}

/// A pod that is gone has no lease any more; what cannot be determined leaves the file for later.
void Daemon::resume(const SavedLease& saved) {
  auto holder = make_holder(saved.call);
  const std::string key = holder->key();
  try {
    holder->resume(saved);
  } catch (const std::system_error& error) {
    if (base::is_gone(error.code().value(), base::Object::link) ||
        base::is_gone(error.code().value(), base::Object::netns))
      forget(folder_, key);
    throw;
  }
  holders_[key] = std::move(holder);
}

}  // namespace ipam_dhcp
