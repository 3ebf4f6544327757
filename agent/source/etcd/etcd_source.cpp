// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/etcd_source.h"

#include <malloc.h>

#include <array>
#include <ctime>
#include <utility>

#include "agent/source/etcd/credentials.h"
#include "agent/source/etcd/merge.h"
#include "libcni/spec/error.h"

namespace agent {
namespace etcd {
namespace {

using std::chrono::milliseconds;

// The longest wait for a member's answer to a watch request.
constexpr std::chrono::seconds kOpening{10};
// A page of flannel's records is about 100 kB of text, and ten times that while it is parsed.
constexpr std::int64_t kPageSize = 250;

std::string clock_text() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%H:%M:%S", &local);
  return text.data();
}

std::string seconds_text(milliseconds delay) {
  return std::to_string((delay.count() + 999) / 1000) + " s";
}

/// `/a/b` for `a/b/`, as flannel writes it.
std::string clean(std::string prefix) {
  while (prefix.ends_with('/')) prefix.pop_back();
  return prefix.starts_with('/') ? prefix : "/" + prefix;
}

}  // namespace

EtcdSource::EtcdSource(const Config& config, Loop& loop, OnChange on_change)
    : config_(config),
      loop_(loop),
      on_change_(std::move(on_change)),
      client_(config_.etcd, loop,
              [this] {
                if (watch_ != 0) begin_again("etcd does not answer", false);
              }),
      view_(empty_view()),
      listing_(empty_view()),
      registration_(config_, client_, loop, [this] { schedule_change(); }) {}

EtcdSource::~EtcdSource() {
  for (const Loop::TimerId timer : {retry_timer_, change_timer_}) loop_.cancel(timer);
}

View EtcdSource::empty_view() const {
  return {clean(config_.etcd.prefix), {.label_keys = label_keys(config_)}};
}

std::string EtcdSource::before() const {
  const std::string trouble = problems_.text_of("etcd");
  return trouble.empty() ? "" : "; before: " + trouble;
}

SourceStatus EtcdSource::status() const {
  SourceStatus status = status_;
  status.state += "; " + registration_.state();
  status.parsed_bytes = client_.received_bytes();
  status.last_word = client_.last_received();
  status.errors += registration_.errors();
  return status;
}

void EtcdSource::list() {
  listing_ = empty_view();
  list_revision_ = 0;
  status_.state = "listing" + before();
  if (complete_) ++status_.relists;
  try {
    if (!config_.etcd.key_file.empty()) check_key(config_.etcd.key_file);
  } catch (const cni::Error& error) {
    begin_again(error.what(), true);
    return;
  }
  page(clean(config_.etcd.prefix) + "/");
}

void EtcdSource::page(std::string from) {
  call_ = client_.call("/v3/kv/range",
                       range_request({.key = std::move(from),
                                      .end = end_of_prefix(clean(config_.etcd.prefix) + "/"),
                                      .limit = kPageSize,
                                      .revision = list_revision_}),
                       [this](const CallResult& result) {
                         call_ = 0;
                         listed(result);
                       });
}

void EtcdSource::listed(const CallResult& result) {
  if (!result.error.empty()) return begin_again(result.error, true);
  try {
    const RangeReply reply = parse_range(result.body);
    if (list_revision_ == 0) list_revision_ = reply.header.revision;
    for (const KeyValue& kv : reply.kvs) listing_.put(kv);
    if (reply.more && !reply.kvs.empty()) {
      page(reply.kvs.back().key + '\0');  // the first key after it
      return;
    }
    cluster_ = reply.header.cluster_id;
    backoff_.limit(kRetryKnown);
  } catch (const cni::Error& error) {
    return begin_again(error.what(), true);
  }
  complete();
}

void EtcdSource::complete() {
  listing_.advance(list_revision_);
  listing_.inherit_network(view_);
  view_ = std::exchange(listing_, empty_view());
  ::malloc_trim(0);  // of the pages
  complete_ = true;
  fresh_list_ = true;
  registration_.look(view_, true);
  schedule_change();
  watch();
}

void EtcdSource::watch() {
  const std::string prefix = clean(config_.etcd.prefix) + "/";
  status_.state = "opening the watch" + before();
  watch_ = client_.stream(
      "/v3/watch", watch_request(prefix, end_of_prefix(prefix), view_.revision() + 1),
      [this](std::string_view text) { line(text); },
      [this](const CallResult& result) {
        watch_ = 0;
        begin_again(result.error.empty() ? "etcd closed the watch" : result.error, false);
      });
  loop_.cancel(retry_timer_);
  retry_timer_ = loop_.after(kOpening, [this] {
    retry_timer_ = 0;
    const std::string silent = client_.endpoint();
    client_.next_endpoint();
    begin_again(silent + " does not answer the watch", false);
  });
}

void EtcdSource::line(std::string_view text) {
  const WatchReply reply = parse_watch(text);
  if (reply.canceled) {
    if (wants_new_token(reply.reason)) client_.forget_token();
    return begin_again(reply.compact_revision != 0 ? "history was compacted" : reply.reason,
                       reply.compact_revision != 0);
  }
  // In another cluster, or one restored from a backup, revisions begin anew: the watch would wait
  // for a revision of the past. Right after a list the reason can only be a member that lags
  // behind.
  const bool other = reply.header.cluster_id != cluster_ ||
                     (reply.created && reply.header.revision < view_.revision() && !fresh_list_);
  if (other)
    return begin_again(
        "etcd has another history than before: it is another cluster, or was restored from a "
        "backup",
        true);
  if (reply.created) {
    loop_.cancel(std::exchange(retry_timer_, 0));
    problems_.set("etcd", {}, LogLevel::info, "watching again");
    status_.in_sync = true;
    status_.state = "watching since " + clock_text();
    backoff_.reset();
    fresh_list_ = false;
    registration_.look(view_, false);
    return;
  }
  for (const Event& event : reply.events)
    event.removed ? view_.remove(event.kv) : view_.put(event.kv);
  // A progress notification without events: nothing is missing up to its revision.
  if (reply.events.empty()) view_.advance(reply.header.revision);
  registration_.look(view_, false);
  if (!reply.events.empty()) schedule_change();
}

void EtcdSource::begin_again(const std::string& why, bool relist) {
  client_.cancel(std::exchange(watch_, 0));
  client_.cancel(std::exchange(call_, 0));
  registration_.suspend();
  ++status_.errors;
  if (!relist) ++status_.watch_restarts;
  problems_.set("etcd", why, LogLevel::warning);
  status_.in_sync = false;
  const auto delay = backoff_.next();
  status_.state = "retry in " + seconds_text(delay) + ": " + why;
  loop_.cancel(retry_timer_);
  retry_timer_ = loop_.after(delay, [this, relist] {
    retry_timer_ = 0;
    relist ? list() : watch();
  });
}

void EtcdSource::schedule_change() {
  if (change_timer_ == 0 && complete_)
    change_timer_ = loop_.after(milliseconds(0), [this] { change(); });
}

void EtcdSource::change() {
  change_timer_ = 0;
  Snapshot snapshot = make_snapshot(view_, registration_.identity(), registration_.self());
  for (std::string& problem : registration_.problems())
    snapshot.problems.push_back(std::move(problem));
  if (reported_ && snapshot == snapshot_) return;
  snapshot_ = std::move(snapshot);
  reported_ = true;
  on_change_();
}

}  // namespace etcd

std::unique_ptr<Source> make_etcd_source(const Config& config, Loop& loop, OnChange on_change) {
  return std::make_unique<etcd::EtcdSource>(config, loop, std::move(on_change));
}

}  // namespace agent
