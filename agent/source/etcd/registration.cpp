// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/registration.h"

#include <sys/socket.h>

#include <algorithm>
#include <set>
#include <utility>

#include "agent/source/etcd/network.h"
#include "agent/source/etcd/range_file.h"
#include "libcni/spec/error.h"

namespace agent::etcd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// More often than a lease needs, because it also detects a member that hangs.
constexpr milliseconds kKeepaliveAtMost = seconds(60);

std::string text_of(const std::vector<base::Prefix>& ranges) {
  std::string text;
  for (const base::Prefix& range : ranges) text += (text.empty() ? "" : ", ") + range.text();
  return text;
}

}  // namespace

Registration::Registration(const Config& config, Client& client, Loop& loop,
                           std::function<void()> on_change)
    : config_(config), client_(client), loop_(loop), on_change_(std::move(on_change)) {
  node_ = {.name = config.node_name, .addresses = config.addresses};
  identity_ = {.name = config.node_name,
               .addresses = config.addresses,
               .ranges = read_range_file(config.state_dir)};
}

Registration::~Registration() {
  for (const Loop::TimerId timer : {retry_timer_, keepalive_timer_}) loop_.cancel(timer);
  for (const Client::Id call : {call_, keepalive_}) client_.cancel(call);
}

void Registration::publish(const fabric::Node& self) {
  node_ = self;
  node_.name = config_.node_name;
  told_ = std::move(node_.ranges);
  node_.ranges.clear();
  identity_.addresses = self.addresses;
  step();
}

void Registration::look(const View& view, bool listed) {
  view_ = &view;
  // A list contains all earlier writes, even if the store's revisions began anew.
  if (listed) awaited_ = 0;
  step();
}

std::optional<fabric::Node> Registration::self() const {
  if (!claimed_ || identity_.ranges.empty()) return std::nullopt;
  fabric::Node self = node_;
  self.ranges = identity_.ranges;
  return self;
}

std::string Registration::state() const {
  return identity_.addresses.empty() ? "waiting for this node's address" : state_;
}

std::vector<std::string> Registration::problems() const {
  std::vector<std::string> problems;
  for (const std::string& problem : {choice_problem_, loss_problem_})
    if (!problem.empty()) problems.push_back(problem);
  return problems;
}

Supply Registration::supply() const {
  Supply supply{.pinned = config_.ranges, .pools = pools_of(config_)};
  if (supply.pools.empty() && view_->network()) supply.pools = view_->network()->pools;
  return supply;
}

RecordOptions Registration::record_options() const {
  const fabric::Options options =
      view_->network() ? with_defaults(config_.fabric, view_->network()->defaults) : config_.fabric;
  return {.backend = options.backend, .vni = options.vni};
}

/// The published record of this node.
std::string Registration::record() const {
  fabric::Node node = node_;
  std::erase_if(node.former_ranges, [&](const base::Prefix& range) {
    return std::ranges::count(identity_.ranges, range) > 0;
  });
  return record_of(node, record_options());
}

/// Does the next step, which follows from the view; one at a time.
void Registration::step() {
  if (view_ == nullptr || call_ != 0 || retry_timer_ != 0) return;
  if (view_->revision() < awaited_ || identity_.addresses.empty()) return;
  try {
    if (const auto* own = find_own())
      keep(own->first, own->second);
    else
      claim();
  } catch (const std::exception& error) {  // the configuration's pools do not fit
    set_problem(choice_problem_, error.what());
  }
}

const std::pair<const std::string, Entry>* Registration::find_own() {
  const auto& entries = view_->entries();
  const Supply wanted = supply();
  const auto ours = [&](const auto& entry) {
    return owns(identity_, entry.second) && fits(wanted, entry.second.ranges());
  };
  const auto last = entries.find(own_key_);
  if (last != entries.end() && ours(*last)) return &*last;
  // Prefer the entry with the ranges that this node had last, then the newest.
  const std::pair<const std::string, Entry>* best = nullptr;
  const auto rank = [&](const auto& entry) {
    return std::pair(key_of(entry.second.ranges()) == key_of(identity_.ranges),
                     entry.second.mod_revision);
  };
  for (const auto& entry : entries)
    if (ours(entry) && (best == nullptr || rank(entry) > rank(*best))) best = &entry;
  return best;
}

void Registration::keep(const std::string& key, const Entry& entry) {
  own_key_ = key;
  const std::string whole_key = view_->subnets() + key;
  if (entry.lease != 0 && lease_ == 0) {
    check_lease(entry.lease);
    return;
  }
  keep_macs(entry.record.node);
  remember(entry.ranges());
  set_problem(choice_problem_, "");
  forget_losses();
  const std::int64_t lease = entry.lease == 0 ? 0 : lease_;  // a reservation stays one
  const std::string value = record();
  const bool repeat = misses_a_namesake(key, entry);
  if (hash_of(value) == entry.value_hash && lease == entry.lease && !repeat) {
    state_ = "range " + text_of(identity_.ranges);
    conditions_.set("etcd", {}, LogLevel::info, "the record of this node is right again");
    failures_.answered();
    if (lease != 0 && keepalive_timer_ == 0) schedule_keepalive();
    remove_former(key, {.key = whole_key, .value = value, .lease = lease});
    return;
  }
  put({{.target = Compare::Target::modified_at, .key = whole_key, .value = entry.mod_revision}},
      {.key = whole_key, .value = value, .lease = lease}, [this] { namesakes_gone_ = false; });
}

/// Keeps the MAC that flannel wrote, because the other nodes send to it. A MAC made of an address
/// is not kept: it changes with the address.
void Registration::keep_macs(const fabric::Node& recorded) {
  const auto keep = [&](int family, const auto& before, auto& mac) {
    const auto address = recorded.address_of(family);
    if (!mac && before && address && *before != fabric::vtep_mac(*address)) mac = before;
  };
  keep(AF_INET, recorded.mac, node_.mac);
  keep(AF_INET6, recorded.mac_v6, node_.mac_v6);
}

/// Returns whether another key with an address of this node was removed, and our key was not
/// written since. A flannel node that sees such a removal deletes the FDB entry of address and MAC,
/// which is this node's entry as well: only a new event of our key restores it.
bool Registration::misses_a_namesake(const std::string& own, const Entry& entry) {
  std::set<std::string> present;
  for (const auto& [key, other] : view_->entries())
    if (key != own && !other.bad() && shares_address(identity_, other)) present.insert(key);
  namesakes_gone_ =
      namesakes_gone_ || !std::ranges::includes(present, std::exchange(namesakes_, present));
  // Before this process began, a key may have been removed whose range our record has as a former
  // one.
  if (!std::exchange(compared_, true))
    for (const base::Prefix& range : entry.record.node.former_ranges)
      namesakes_gone_ = namesakes_gone_ || holder_of(range, {}, *view_).empty();
  return namesakes_gone_;
}

/// Removes the key of this node's former ranges once they have no pods. Until then flannel routes
/// them by that key, as long as its lease lasts; plumbd also reads them from the new record. Our
/// own key is written again in the same transaction: see misses_a_namesake().
void Registration::remove_former(const std::string& kept, const KeyValue& own) {
  const auto is_told = [&](const base::Prefix& range) {
    return std::ranges::count(told_, range) > 0;
  };
  if (!std::ranges::all_of(identity_.ranges, is_told)) return;  // not planned yet
  const auto is_former = [&](const base::Prefix& range) {
    return std::ranges::count(node_.former_ranges, range) > 0;
  };
  const auto& entries = view_->entries();
  const auto former = std::ranges::find_if(entries, [&](const auto& each) {
    const auto& [key, entry] = each;
    return key != kept && entry.lease != 0 && entry.record.author == Author::plumbd &&
           owns(identity_, entry) && std::ranges::none_of(entry.ranges(), is_former);
  });
  if (former == entries.end()) return;
  const std::string key = view_->subnets() + former->first;
  using Target = Compare::Target;
  commit(
      replacement_request(
          {{.target = Target::modified_at, .key = key, .value = former->second.mod_revision},
           {.target = Target::modified_at, .key = own.key, .value = entries.at(kept).mod_revision}},
          key, own),
      [this, name = former->first] { namesakes_.erase(name); });
}

void Registration::claim() {
  take_other_ranges();
  const Choice choice = choose(identity_, supply(), *view_, random_());
  set_problem(choice_problem_, choice.ranges.empty() ? choice.problem : "");
  if (choice.ranges.empty()) {
    state_ = "without a range: " + choice.problem;
    return;
  }
  if (!choice.problem.empty()) {
    taken_ = identity_.ranges;
    set_problem(loss_problem_, choice.problem);
  }
  // A key of ours that does not fit any more runs out with the lease that it has.
  const auto former = view_->entries().find(own_key_);
  if (former != view_->entries().end() && former->second.lease == lease_) lease_ = 0;
  if (lease_ == 0) {
    grant();
    return;
  }
  const std::string prefix = view_->subnets(), name = key_of(choice.ranges), key = prefix + name;
  put({{.target = Compare::Target::version_is, .key = key, .value = 0},
       {.target = Compare::Target::modified_before,
        .key = prefix,
        .end = end_of_prefix(prefix),
        .value = view_->revision() + 1}},
      {.key = key, .value = record(), .lease = lease_}, [this, name, ranges = choice.ranges] {
        own_key_ = name;
        log(LogLevel::info,
            "etcd: node \"" + config_.node_name + "\" has range " + text_of(ranges));
        remember(ranges);
      });
}

/// Gives up ranges that another node took while our lease had run out.
void Registration::take_other_ranges() {
  if (!claimed_) return;
  std::vector<base::Prefix> kept;
  for (const base::Prefix& range : identity_.ranges) {
    const std::string holder = holder_of(range, identity_, *view_);
    if (holder.empty()) {
      kept.push_back(range);
      continue;
    }
    taken_.push_back(range);
    set_problem(loss_problem_, "range " + range.text() +
                                   " of this node was taken when its lease had run out, by " +
                                   holder + ": pods with its addresses are cut off");
  }
  if (kept.size() == identity_.ranges.size()) return;
  identity_.ranges = std::move(kept);
  on_change_();
}

/// Clears the problem of lost ranges that no other node holds any more.
void Registration::forget_losses() {
  std::erase_if(taken_, [&](const base::Prefix& range) {
    return holder_of(range, identity_, *view_).empty();
  });
  if (taken_.empty()) set_problem(loss_problem_, "");
}

void Registration::call(const char* path, std::string body,
                        std::function<void(const std::string&)> done) {
  call_ = client_.call(path, std::move(body), [this, done = std::move(done)](const Answer& answer) {
    call_ = 0;
    if (!answer.error.empty()) return fail(answer.error);
    try {
      done(answer.body);
    } catch (const cni::Error& error) {  // not JSON, such as a proxy's page
      fail(error.what());
    }
  });
}

void Registration::put(const std::vector<Compare>& conditions, const KeyValue& record,
                       std::function<void()> won) {
  commit(txn_request(conditions, record), std::move(won));
}

void Registration::commit(std::string transaction, std::function<void()> won) {
  call("/v3/kv/txn", std::move(transaction), [this, won = std::move(won)](const std::string& body) {
    const TxnReply reply = parse_txn(body);
    if (!reply.succeeded) return try_again(race_.next());
    race_.reset();
    failures_.answered();
    awaited_ = reply.header.revision;
    won();
    step();
  });
}

void Registration::grant() {
  call("/v3/lease/grant", grant_request(config_.etcd.lease_seconds),
       [this](const std::string& body) {
         lease_ = parse_grant(body).id;
         schedule_keepalive();
         step();
       });
}

/// Takes over the lease of a record found in the store, if it has the configured length.
void Registration::check_lease(std::int64_t lease) {
  call("/v3/lease/keepalive", lease_request(lease), [this, lease](const std::string& body) {
    if (parse_keepalive(body).ttl != config_.etcd.lease_seconds) return grant();
    lease_ = lease;
    schedule_keepalive();
    step();
  });
}

Registration::Milliseconds Registration::keepalive_pause() const {
  return std::min<milliseconds>(seconds(config_.etcd.lease_seconds) / 3, kKeepaliveAtMost);
}

void Registration::schedule_keepalive() {
  keepalive_in(keepalive_pause());
}

void Registration::keepalive_in(Milliseconds delay) {
  loop_.cancel(keepalive_timer_);
  keepalive_timer_ = loop_.after(delay, [this] {
    keepalive_timer_ = 0;
    keepalive();
  });
}

void Registration::keepalive() {
  if (lease_ == 0) return;
  keepalive_ = client_.call("/v3/lease/keepalive", lease_request(lease_),
                            [this, lease = lease_](const Answer& answer) {
                              keepalive_ = 0;
                              if (lease == lease_) keepalive_answered(answer);
                            });
}

void Registration::keepalive_answered(const Answer& answer) {
  std::int64_t ttl = 0;
  try {
    if (!answer.error.empty()) throw cni::Error(cni::Code::try_again_later, answer.error);
    ttl = parse_keepalive(answer.body).ttl;
  } catch (const cni::Error&) {
    ++errors_;
    // After an outage etcd gives each lease its full time again.
    keepalive_in(std::min(keepalive_failures_.next(), keepalive_pause()));
    return;
  }
  keepalive_failures_.answered();
  if (ttl > 0) return schedule_keepalive();
  log(LogLevel::warning, "etcd: the lease of node \"" + config_.node_name + "\" has run out");
  lease_ = 0;
  step();
}

void Registration::fail(const std::string& error) {
  ++errors_;
  state_ = error;
  conditions_.set("etcd", error, LogLevel::warning);
  if (error.find("requested lease not found") != std::string::npos) lease_ = 0;
  try_again(failures_.next());
}

void Registration::try_again(Milliseconds delay) {
  loop_.cancel(retry_timer_);
  retry_timer_ = loop_.after(delay, [this] {
    retry_timer_ = 0;
    step();
  });
}

void Registration::set_problem(std::string& problem, const std::string& text) {
  if (problem == text) return;
  problem = text;
  on_change_();
}

void Registration::remember(const std::vector<base::Prefix>& ranges) {
  if (claimed_ && identity_.ranges == ranges) return;
  claimed_ = true;
  identity_.ranges = ranges;
  write_range_file(config_.state_dir, ranges);
  on_change_();
}

}  // namespace agent::etcd
