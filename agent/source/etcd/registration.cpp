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

std::string text_of(const std::vector<base::Prefix>& ranges) {
  std::string text;
  for (const base::Prefix& range : ranges) text += (text.empty() ? "" : ", ") + range.text();
  return text;
}

/// Gives `node` the MACs that flannel wrote, because the other nodes send to them. A MAC made of an
/// address is not taken: it changes with the address.
void keep_macs(fabric::Node& node, const fabric::Node& recorded) {
  const auto keep = [&](int family, const auto& before, auto& mac) {
    const auto address = recorded.address_of(family);
    if (!mac && before && address && *before != fabric::vtep_mac(*address)) mac = before;
  };
  keep(AF_INET, recorded.mac, node.mac);
  keep(AF_INET6, recorded.mac_v6, node.mac_v6);
}

}  // namespace

Registration::Registration(const Config& config, Calls& calls, Loop& loop,
                           std::function<void()> on_change)
    : config_(config),
      calls_(calls),
      loop_(loop),
      on_change_(std::move(on_change)),
      lease_(calls, loop, std::chrono::seconds(config.etcd.lease_seconds),
             {.acquired = [this] { step(); },
              .failed = [this](const std::string& error) { fail(error); },
              .expired =
                  [this] {
                    log(LogLevel::warning,
                        "etcd: the lease of node \"" + config_.node_name + "\" has run out");
                    step();
                  }}) {
  node_ = {.name = config.node_name, .addresses = config.addresses};
  identity_ = {.name = config.node_name,
               .addresses = config.addresses,
               .ranges = read_range_file(config.state_dir)};
}

Registration::~Registration() {
  loop_.cancel(retry_timer_);
  calls_.cancel(call_);
}

void Registration::publish(const fabric::Node& self) {
  node_ = self;
  node_.name = config_.node_name;
  planned_ = std::move(node_.ranges);
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
  for (const auto& [topic, problem] : problems_) problems.push_back(problem);
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
  if (view_ == nullptr || call_ != 0 || lease_.is_pending() || retry_timer_ != 0) return;
  if (view_->revision() < awaited_ || identity_.addresses.empty()) return;
  try {
    if (const auto* own = find_own(identity_, supply(), *view_, own_key_))
      keep(own->first, own->second);
    else
      claim();
  } catch (const std::exception& error) {  // the configuration's pools do not fit
    set_problem(Topic::choice, error.what());
  }
}

void Registration::keep(const std::string& key, const Entry& entry) {
  own_key_ = key;
  const std::string whole_key = view_->subnets() + key;
  if (entry.lease != 0 && lease_.id() == 0) return lease_.check(entry.lease);
  keep_macs(node_, entry.record.node);
  remember(entry.ranges());
  set_problem(Topic::choice, "");
  forget_taken();
  const std::int64_t lease = entry.lease == 0 ? 0 : lease_.id();  // a reservation stays one
  const std::string value = record();
  const bool repeat = namesakes_.look(identity_, *view_, key);
  if (hash_of(value) == entry.value_hash && lease == entry.lease && !repeat) {
    state_ = "range " + text_of(identity_.ranges);
    conditions_.set("etcd", {}, LogLevel::info, "the record of this node is right again");
    failures_.answered();
    remove_given_up(key, {.key = whole_key, .value = value, .lease = lease});
    return;
  }
  put({{.target = Compare::Target::modified_at, .key = whole_key, .value = entry.mod_revision}},
      {.key = whole_key, .value = value, .lease = lease}, [this] { namesakes_.written(); });
}

/// Removes the key of this node's former ranges once they have no pods. Until then flannel routes
/// them by that key, as long as its lease lasts; plumbd also reads them from the new record. Our
/// own key is written again in the same transaction: see Namesakes.
void Registration::remove_given_up(const std::string& kept, const KeyValue& own) {
  const auto is_planned = [&](const base::Prefix& range) {
    return std::ranges::count(planned_, range) > 0;
  };
  if (!std::ranges::all_of(identity_.ranges, is_planned)) return;
  const KeyedEntry* given_up = find_given_up(identity_, *view_, kept, node_.former_ranges);
  if (given_up == nullptr) return;
  const auto& [name, entry] = *given_up;
  const std::string key = view_->subnets() + name;
  const std::int64_t own_revision = view_->entries().at(kept).mod_revision;
  using Target = Compare::Target;
  commit(
      replacement_request({{.target = Target::modified_at, .key = key, .value = entry.mod_revision},
                           {.target = Target::modified_at, .key = own.key, .value = own_revision}},
                          key, own),
      [this, removed = given_up->first] { namesakes_.removed_with_own(removed); });
}

void Registration::claim() {
  take_other_ranges();
  const Choice choice = choose(identity_, supply(), *view_, random_());
  set_problem(Topic::choice, choice.ranges.empty() ? choice.problem : "");
  if (choice.ranges.empty()) {
    state_ = "without a range: " + choice.problem;
    return;
  }
  if (!choice.problem.empty()) {
    taken_ = identity_.ranges;
    set_problem(Topic::taken, choice.problem);
  }
  // A key of ours that does not fit any more runs out with the lease that it has.
  const auto former = view_->entries().find(own_key_);
  if (former != view_->entries().end() && former->second.lease == lease_.id()) lease_.abandon();
  if (lease_.id() == 0) return lease_.grant();
  const std::string prefix = view_->subnets(), name = key_of(choice.ranges), key = prefix + name;
  put({{.target = Compare::Target::version_is, .key = key, .value = 0},
       {.target = Compare::Target::modified_before,
        .key = prefix,
        .end = end_of_prefix(prefix),
        .value = view_->revision() + 1}},
      {.key = key, .value = record(), .lease = lease_.id()}, [this, name, ranges = choice.ranges] {
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
    set_problem(Topic::taken, "range " + range.text() +
                                  " of this node was taken when its lease had run out, by " +
                                  holder + ": pods with its addresses are cut off");
  }
  if (kept.size() == identity_.ranges.size()) return;
  identity_.ranges = std::move(kept);
  on_change_();
}

/// Clears the problem of lost ranges that no other node holds any more.
void Registration::forget_taken() {
  std::erase_if(taken_, [&](const base::Prefix& range) {
    return holder_of(range, identity_, *view_).empty();
  });
  if (taken_.empty()) set_problem(Topic::taken, "");
}

void Registration::put(const std::vector<Compare>& conditions, const KeyValue& record,
                       std::function<void()> won) {
  commit(txn_request(conditions, record), std::move(won));
}

void Registration::commit(std::string transaction, std::function<void()> won) {
  call_ = calls_.call("/v3/kv/txn", std::move(transaction),
                      [this, won = std::move(won)](const CallResult& result) {
                        call_ = 0;
                        committed(result, won);
                      });
}

void Registration::committed(const CallResult& result, const std::function<void()>& won) {
  if (result.code == kNotFound) lease_.abandon();
  if (!result.error.empty()) return fail(result.error);
  TxnReply reply;
  try {
    reply = parse_txn(result.body);
  } catch (const cni::Error& error) {  // not JSON, such as a proxy's page
    return fail(error.what());
  }
  if (!reply.succeeded) return try_again(race_.next());
  race_.reset();
  failures_.answered();
  awaited_ = reply.header.revision;
  won();
  step();
}

void Registration::fail(const std::string& error) {
  ++errors_;
  state_ = error;
  conditions_.set("etcd", error, LogLevel::warning);
  try_again(failures_.next());
}

void Registration::try_again(Milliseconds delay) {
  loop_.cancel(retry_timer_);
  retry_timer_ = loop_.after(delay, [this] {
    retry_timer_ = 0;
    step();
  });
}

void Registration::set_problem(Topic topic, const std::string& text) {
  const auto found = problems_.find(topic);
  if (text == (found == problems_.end() ? "" : found->second)) return;
  if (text.empty())
    problems_.erase(found);
  else
    problems_[topic] = text;
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
