// SPDX-License-Identifier: Apache-2.0
#include "plugins/bandwidth/shaper.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "libcni/attach/sandbox.h"
#include "libcni/base/failures.h"
#include "libcni/base/netns.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/undo.h"
#include "libcni/net/redirect.h"
#include "plugins/bandwidth/ifb.h"

namespace bandwidth {
namespace {

/// The changes of one ADD at the host's end, and their undo.
class HostEnd {
 public:
  HostEnd(net::Netlink& host, const net::Link& link) : host_(host), link_(link), batch_(host) {}

  void put_egress(const Ifb& ifb, const firewall::Owner& owner, const net::TokenBucket& bucket) {
    ifb_ = ifb.link.index;
    // Marked first: GC of another process then knows the owner and the age of what follows.
    net::put_completion(batch_, ifb.link, mark_of(owner, base::boot_time()));
    net::put_root_tbf(batch_, ifb_, bucket, net::Existing::replace);
    // Set up after it has its qdisc: the kernel waits for an RCU grace period before it replaces
    // the qdisc of a link that is up.
    net::put_up(batch_, ifb_);
    ingress_qdisc_ = net::put_ingress_qdisc(batch_, link_.index);
    redirect_ = net::put_redirect(batch_, link_.index, ifb_, true);
  }
  void put_ingress(const net::TokenBucket& bucket) {
    tbf_ = net::put_root_tbf(batch_, link_.index, bucket, net::Existing::refuse);
  }
  void send(const Plan& plan) {
    try {
      batch_.send();
      sent_ = true;
    } catch (const std::system_error& error) {
      sent_ = error.code().value() != EINTR;  // thrown before anything is sent
      throw;
    }
    if (redirect_ && batch_.was_refused(*redirect_)) redirect_again();
    if (tbf_ && batch_.was_refused(*tbf_)) change_tbf(*plan.ingress);
  }

  /// Removes only changes of this call.
  void undo() {
    if (!sent_) return;
    const auto made = [&](const std::optional<std::size_t>& change) {
      return change && !batch_.was_refused(*change);
    };
    base::Failures failures;
    if (made(tbf_)) failures.attempt([&] { net::remove_root_qdisc(host_, link_.index); });
    if (made(redirect_) || redirected_) failures.attempt([&] { remove_redirects(); });
    if (made(ingress_qdisc_))
      failures.attempt([&] {
        if (!net::has_ingress_filters(host_, link_.index))
          net::remove_ingress_qdisc(host_, link_.index);
      });
    failures.report();
  }

 private:
  /// There are filters: of an earlier ADD of this attachment, or of another program. Those that
  /// lead to an ifb which is gone would swallow all packets.
  void redirect_again() {
    bool is_there = false;
    for (const net::Redirect& redirect : net::list_redirects(host_, link_.index)) {
      if (redirect.target == ifb_) is_there = true;
      if (redirect.target == 0 || !net::find_link(host_, redirect.target))
        net::remove_redirect(host_, link_.index, redirect);
    }
    if (is_there) return;
    net::Batch batch(host_);
    net::put_redirect(batch, link_.index, ifb_, false);
    redirected_ = true;
    batch.send();
  }
  void remove_redirects() {
    for (const net::Redirect& redirect : net::list_redirects(host_, link_.index))
      if (redirect.target == ifb_) net::remove_redirect(host_, link_.index, redirect);
  }
  void change_tbf(const net::TokenBucket& bucket) {
    const auto root = net::find_root_qdisc(host_, link_.index);
    if (root && root->kind != "tbf")
      base::throw_errno("create the qdisc tbf of link " + link_.name + ", which has the qdisc " +
                            root->kind + " of another program",
                        EEXIST);
    net::Batch batch(host_);
    net::put_root_tbf(batch, link_.index, bucket, net::Existing::replace);
    batch.send();
  }

  net::Netlink& host_;
  const net::Link& link_;
  net::Batch batch_;
  int ifb_ = 0;
  bool sent_ = false, redirected_ = false;
  std::optional<std::size_t> ingress_qdisc_;
  std::optional<std::size_t> redirect_;
  std::optional<std::size_t> tbf_;
};

void verify_bucket(net::Netlink& host, const net::Link& link, const Limit& limit, double ticks) {
  const auto root = net::find_root_qdisc(host, link.index);
  if (!root || !root->bucket)
    attach::differs("Failed to find qdisc: link " + link.name +
                    " must have the root qdisc tbf, has " + (root ? root->kind : "its default"));
  if (is_bucket_of(*root->bucket, limit, ticks)) return;
  const net::TokenBucket wanted = make_bucket(limit, ticks);
  const auto compare = [&](const char* what, std::uint64_t found, std::uint64_t must) {
    if (found != must)
      attach::differs(std::string(what) + " doesn't match: the tbf of link " + link.name + " has " +
                      std::to_string(found) + ", must be " + std::to_string(must));
  };
  compare("Rate", root->bucket->rate, wanted.rate);
  compare("Limit", root->bucket->limit, wanted.limit);
  compare("Buffer", root->bucket->buffer, wanted.buffer);
}

net::Link get_redirect_target(net::Netlink& host, const net::Link& end,
                              const firewall::Owner& owner) {
  const auto names = ifb_names(owner);
  for (const net::Redirect& redirect : net::list_redirects(host, end.index)) {
    const auto link = redirect.target == 0 ? std::nullopt : net::find_link(host, redirect.target);
    if (link && link->kind == "ifb" && std::ranges::find(names, link->name) != names.end() &&
        !is_marked_by_another(*link, owner))
      return *link;
  }
  attach::differs("packets of link " + end.name + " are not redirected to ifb " + names[0]);
}

}  // namespace

std::optional<net::Link> shape(net::Netlink& host, const net::Link& end,
                               const firewall::Owner& owner, const Plan& plan) {
  HostEnd host_end(host, end);
  base::Undo undo;
  std::optional<Ifb> ifb;
  if (plan.egress) {
    ifb = ensure_ifb(host, end, owner, undo);
    host_end.put_egress(*ifb, owner, *plan.egress);
  }
  if (plan.ingress) host_end.put_ingress(*plan.ingress);
  undo.add("remove the shaping of link " + end.name, [&] { host_end.undo(); });
  host_end.send(plan);
  undo.commit();
  return ifb ? std::optional(ifb->link) : std::nullopt;
}

void verify_shape(net::Netlink& host, const net::Link& end, const firewall::Owner& owner,
                  const Conf& conf) {
  const double ticks = net::ticks_per_microsecond();
  if (conf.ingress) verify_bucket(host, end, *conf.ingress, ticks);
  if (!conf.egress) return;
  const net::Link ifb = get_redirect_target(host, end, owner);
  if (!ifb.up) attach::differs("ifb " + ifb.name + " is down: packets from the pod are dropped");
  verify_bucket(host, ifb, *conf.egress, ticks);
}

void try_shape() {
  base::Netns::create().run([] {
    constexpr net::TokenBucket kAny{.rate = 125000, .buffer = 100000, .limit = 20000};
    net::Netlink netlink;
    const auto add = [&](const char* name) {
      const auto made = net::add_ifb(netlink, {.name = name});
      return made ? *made : net::get_link(netlink, name);
    };
    // Redirects packets of one ifb to the other: a link of any kind takes the same qdiscs.
    const net::Link end = add("end");
    shape(netlink, end, {.network = "status", .container_id = "status", .ifname = "eth0"},
          {.ingress = kAny, .egress = kAny});
  });
}

}  // namespace bandwidth
