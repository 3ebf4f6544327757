// SPDX-License-Identifier: Apache-2.0
#include "ipam/dhcp/holder.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "ipam/dhcp/give_back.h"
#include "libcni/base/gone.h"
#include "libcni/base/log.h"
#include "libcni/base/netns.h"
#include "libcni/base/random.h"
#include "libcni/net/link.h"
#include "libcni/net/netlink.h"

namespace ipam_dhcp {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kFirstRepetition(2000);
constexpr int kRequests = 4;               // of one offer, before a new DISCOVER
constexpr milliseconds kPatience(60'000);  // RFC 2131, 4.4.5: between two renewals

bool is_gone(const std::system_error& error) {
  const int errnum = error.code().value();
  return base::is_gone(errnum, base::Object::link) || base::is_gone(errnum, base::Object::netns);
}

}  // namespace

Holder::Holder(base::Loop& loop, const Timing& timing, Call call, Events events)
    : loop_(loop),
      timing_(timing),
      call_(std::move(call)),
      conf_(parse_conf(json::Object::parse(call_.stdin_text, "network configuration"), call_.args)),
      key_(key_of(call_.container_id, conf_.network, call_.ifname)),
      events_(std::move(events)),
      random_(static_cast<std::minstd_rand::result_type>(base::random_seed())) {}

void Holder::arm(base::Loop::TimerId& timer, Milliseconds delay, std::function<void()> due) {
  loop_.cancel(timer);
  timer = loop_.after(delay, std::move(due));
}

void Holder::open() {
  if (link_) return;
  link_.emplace(call_.netns, call_.ifname);
  if (lease_ && link_->mac() != mac_) {
    link_.reset();
    throw std::system_error(ENODEV, std::generic_category(),
                            "find link \"" + call_.ifname + "\" with MAC address " + mac_.text());
  }
  mac_ = link_->mac();
  loop_.watch(link_->fd(), EPOLLIN, [this](base::Loop::Events) { on_readable(); });
}

void Holder::close() {
  loop_.cancel(retry_);
  if (link_) loop_.forget(link_->fd());
  link_.reset();
}

void Holder::stop() {
  close();
  for (base::Loop::TimerId* timer : {&stage_, &expiry_, &deadline_}) loop_.cancel(*timer);
  state_ = State::idle;
}

void Holder::acquire() {
  open();
  arm(deadline_, timing_.give_up, [this] { give_up(); });
  select();
}

void Holder::select() {
  xid_ = static_cast<std::uint32_t>(base::random_seed());
  began_ = base::boot_time();
  offer_.reset();
  enter(State::selecting);
}

void Holder::enter(State state) {
  state_ = state;
  sends_ = 0;
  send_guarded();
}

void Holder::give_up() {
  stop();
  events_.failed("no more tries");
}

Packet Holder::message(MessageType type) const {
  Packet packet{.xid = xid_, .mac = mac_, .options = {}};
  packet.secs = static_cast<std::uint16_t>(
      std::min<std::int64_t>(duration_cast<seconds>(base::boot_time() - began_).count(), 0xffff));
  packet.broadcast = timing_.broadcast;
  packet.options = conf_.provide;
  packet.options[option::kMessageType] = std::string(1, static_cast<char>(type));
  // Type 0 is a name that is not a hardware address.
  packet.options.emplace(option::kClientId, std::string(1, '\0') + key_);
  packet.options[option::kMaxSize] = std::string("\x05\xdc", 2);  // 1500
  if (!conf_.request.empty()) packet.options[option::kParameterList] = conf_.request;
  return packet;
}

void Holder::send() {
  open();
  if (state_ == State::selecting) return link_->broadcast(message(MessageType::discover));
  Packet request = message(MessageType::request);
  if (sends_ == 0) requested_ = base::boot_time();
  if (state_ == State::requesting) {
    request.options[option::kRequestedAddress] = address_bytes(*offer_->yours);
    request.options[option::kServerId] = offer_->options.at(option::kServerId);
    return link_->broadcast(request);
  }
  request.client = lease_->address.address;
  if (state_ == State::renewing && lease_->server) return link_->unicast(request, *lease_->server);
  link_->broadcast(request);
}

/// A pod that is gone ends the lease; any other failure is as a message that was lost.
void Holder::send_guarded() {
  try {
    send();
  } catch (const std::system_error& error) {
    if (is_gone(error)) {
      stop();
      return events_.ended(error.what());
    }
    base::log(key_ + ": " + error.what());
  }
  ++sends_;
  arm(retry_, retry_delay(), [this] {
    if (state_ == State::requesting && sends_ >= kRequests) return select();
    send_guarded();
  });
}

/// Doubles from one message to the next, with a second of chance: RFC 2131, 4.1.
Holder::Milliseconds Holder::retry_delay() {
  if (state_ == State::renewing || state_ == State::rebinding) {
    const auto end = state_ == State::renewing ? lease_->rebinding : lease_->expiry;
    const auto left = duration_cast<milliseconds>(obtained_ + end - base::boot_time());
    return std::max(left / 2, std::min<milliseconds>(kPatience, lease_->expiry / 16));
  }
  const auto first = std::min(kFirstRepetition, timing_.timeout);
  const auto delay = std::min(first * (1 << std::min(sends_ - 1, 10)), timing_.resend_most);
  const auto spread = std::min<std::int64_t>(1000, delay.count() / 4);
  return delay +
         milliseconds(std::uniform_int_distribution<std::int64_t>(-spread, spread)(random_));
}

/// Reads one message: the other leases get their turn although messages keep coming.
void Holder::on_readable() {
  auto packet = link_->receive();
  if (!packet || packet->xid != xid_) return;
  if (state_ == State::selecting)
    on_offer(std::move(*packet));
  else
    on_answer(*packet);
}

void Holder::on_offer(Packet packet) {
  if (packet.type() != MessageType::offer || !packet.yours) return;
  if (!packet.find_address(option::kServerId)) return;
  offer_ = std::move(packet);
  enter(State::requesting);
}

void Holder::on_answer(const Packet& packet) {
  const auto type = packet.type();
  if (type != MessageType::ack && type != MessageType::nak) return;
  const auto server = packet.find_address(option::kServerId);
  if (state_ == State::requesting && server != offer_->find_address(option::kServerId)) return;
  if (type == MessageType::ack) return bind(packet);
  if (state_ == State::requesting) {
    // A server that refuses what it has just offered may do so for ever: the deadline ends it.
    const int sends = sends_ + 1;
    state_ = State::selecting;
    sends_ = sends;
    arm(retry_, retry_delay(), [this] { select(); });
    return;
  }
  base::log(key_ + ": the server refuses to renew " + lease_->address.text() +
            ", asking for a new lease");
  loop_.cancel(stage_);
  select();
}

void Holder::bind(const Packet& ack) {
  std::optional<Lease> granted;
  try {
    granted = read_lease(ack, conf_.priority);
  } catch (const cni::Error& error) {
    if (lease_) return;  // the timers go on
    stop();
    return events_.failed(error.what());
  }
  const std::optional<Lease> before = std::exchange(lease_, std::move(granted));
  ack_ = ack;
  obtained_ = requested_;
  if (before && before->address != lease_->address) apply(*before);
  close();
  loop_.cancel(deadline_);
  schedule(milliseconds(0));
  events_.bound();
}

/// The server moved the pod to another address.
void Holder::apply(const Lease& before) const {
  const std::string change = before.address.text() + " to " + lease_->address.text();
  try {
    link_->replace(before.result, lease_->result);
    base::log(key_ + ": the address changed from " + change);
  } catch (const std::system_error& error) {
    base::log(key_ + ": the address was to change from " + change + ": " + error.what());
  }
}

void Holder::schedule(Milliseconds elapsed) {
  constexpr seconds kForEver(0xffffffff);
  state_ = State::bound;
  for (const base::Loop::TimerId timer : {stage_, expiry_}) loop_.cancel(timer);
  if (lease_->expiry == kForEver) return;
  const auto left = [&](seconds time) { return std::max<milliseconds>(time - elapsed, {}); };
  arm(stage_, left(lease_->renewal), [this] { renew(State::renewing); });
  arm(expiry_, left(lease_->expiry), [this] { expire(); });
}

void Holder::renew(State state) {
  xid_ = static_cast<std::uint32_t>(base::random_seed());
  began_ = base::boot_time();
  if (state == State::renewing) {
    const auto left = duration_cast<milliseconds>(obtained_ + lease_->rebinding - began_);
    arm(stage_, std::max(left, milliseconds(0)), [this] { renew(State::rebinding); });
  }
  enter(state);
}

void Holder::expire() {
  try {
    open();
    link_->set_down();
  } catch (const std::system_error& error) {
    base::log(key_ + ": " + error.what());
  }
  stop();
  events_.ended("the lease of " + lease_->address.text() + " has expired");
}

void Holder::resume(const SavedLease& saved) {
  mac_ = saved.mac;
  ack_ = saved.ack;
  obtained_ = requested_ = saved.obtained;
  lease_ = read_lease(saved.ack, conf_.priority);
  require_link();
  schedule(duration_cast<milliseconds>(base::boot_time() - obtained_));
}

SavedLease Holder::saved() const {
  return {.call = call_, .mac = mac_, .ack = *ack_, .obtained = obtained_};
}

void Holder::require_link() const {
  net::Netlink netlink(base::Netns::open(call_.netns));
  const net::Link link = net::get_link(netlink, call_.ifname);
  if (link.mac != mac_)
    throw std::system_error(ENODEV, std::generic_category(),
                            "find link \"" + call_.ifname + "\" with MAC address " + mac_.text());
}

void Holder::release() noexcept {
  if (lease_) give_back(saved(), key_);
  stop();
}

}  // namespace ipam_dhcp
