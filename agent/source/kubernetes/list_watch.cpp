// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes/list_watch.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <random>
#include <stdexcept>

#include "libcni/base/random.h"

namespace agent::kubernetes {
namespace {

constexpr int kPageSize = 500;
constexpr int kMaxFruitless = 3;

std::string clock_text() {
  std::array<char, 16> text{};
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::strftime(text.data(), text.size(), "%H:%M:%S", &local);
  return text.data();
}

/// The server's timeout in seconds: 300 to 600, so that a cluster's watches do not end together.
int watch_seconds() {
  static std::minstd_rand random{static_cast<std::minstd_rand::result_type>(base::random_seed())};
  return std::uniform_int_distribution<int>(300, 600)(random);
}

}  // namespace

ListWatch::ListWatch(Api& api, What what, Store& store, std::function<void()> on_status)
    : api_(api),
      what_(std::move(what)),
      store_(store),
      on_status_(std::move(on_status)),
      pause_(api),
      backoff_(api.timing().retry_least, api.timing().retry_most) {}

ListWatch::~ListWatch() {
  api_.client().cancel(request_);
}

void ListWatch::list(const std::string& page) {
  phase_ = Phase::list;
  first_page_ = page.empty();
  if (first_page_) {
    store_.begin_list();
    status_.state = "listing";
  }
  open("?limit=" + std::to_string(kPageSize) +
           (first_page_ ? "" : "&continue=" + encode_query(page)),
       JsonSplitter::Unit::item, std::chrono::seconds(60));
}

void ListWatch::watch() {
  phase_ = Phase::watch;
  const int seconds = watch_seconds();
  // If the server does not end the watch, this client does half a minute later.
  open("?watch=1&allowWatchBookmarks=true&resourceVersion=" + encode_query(resource_version_) +
           "&timeoutSeconds=" + std::to_string(seconds),
       JsonSplitter::Unit::document, std::chrono::seconds(seconds + 30));
}

void ListWatch::open(const std::string& query, JsonSplitter::Unit unit,
                     std::chrono::seconds limit) {
  splitter_.emplace(unit, [this](std::string_view object) {
    if (phase_ == Phase::watch) return watch_event(object);
    visit_json(object, store_.begin_object());
    store_.end_object(EventType::listed);
  });
  error_event_.reset();
  malformed_ = false;
  events_ = 0;
  opened_ = api_.loop().now();
  HttpRequest request;
  try {
    request = api_.request(what_.path + query);
    generation_ = api_.generation();
  } catch (const std::exception& error) {
    return fail({.error = error.what()}, phase_);
  }
  request.total_timeout = limit;
  request_ = api_.client().start(std::move(request),
                                 {.on_data = [this](std::string_view piece) { data(piece); },
                                  .on_done = [this](const HttpResult& result) { ended(result); },
                                  .on_status = [this](long status) { opened(status); }});
}

void ListWatch::opened(long status) {
  // Address and credentials are right: a later failure is a temporary outage.
  if (status == 200) backoff_.limit(api_.timing().retry_known);
  if (status != 200 || phase_ != Phase::watch) return;
  note("");
  status_.following = true;
  status_.forbidden = false;
  status_.state = "watching since " + clock_text();
}

void ListWatch::data(std::string_view piece) {
  status_.parsed_bytes += piece.size();
  status_.last_word = api_.loop().now();
  try {
    splitter_->feed(piece);
  } catch (const std::invalid_argument&) {
    malformed_ = true;
    throw;  // ends the request
  }
  store_.notify();
}

void ListWatch::ended(const HttpResult& result) {
  request_ = 0;
  // Events before a malformed one were applied and have to be reported.
  store_.notify();
  if (result.status == 401 && api_.has_others_than(generation_))
    return retry(phase_, std::chrono::milliseconds(0));
  if (phase_ == Phase::list)
    list_ended(result);
  else
    watch_ended(result);
}

void ListWatch::list_ended(const HttpResult& result) {
  if (!result.ok()) return fail(result, Phase::list, result.status == 410 && may_list_at_once());
  ListEnd end;
  try {
    if (!splitter_->is_complete()) throw std::invalid_argument("the list is truncated");
    end = read_list_end(splitter_->envelope());
  } catch (const std::invalid_argument& error) {
    return fail({.error = error.what()}, Phase::list);
  }
  if (!end.next_page.empty()) return list(end.next_page);
  resource_version_ = end.resource_version;
  store_.end_list();
  status_.relists += status_.listed ? 1 : 0;
  status_.listed = true;
  status_.forbidden = false;
  note("");
  store_.notify();
  on_status_();
  watch();
}

void ListWatch::watch_event(std::string_view document) {
  Event event = read_event(document, store_.begin_object());
  if (event.type == "ERROR") {
    error_event_ = std::move(event);
    throw std::runtime_error(error_event_->message);
  }
  if (!event.resource_version.empty()) resource_version_ = event.resource_version;
  if (++events_ == 1) {
    backoff_.reset();
    fruitless_ = 0;
    listed_at_once_ = false;
  }
  if (event.type == "ADDED") store_.end_object(EventType::added);
  if (event.type == "MODIFIED") store_.end_object(EventType::modified);
  if (event.type == "DELETED") store_.end_object(EventType::deleted);
}

void ListWatch::watch_ended(const HttpResult& result) {
  ++status_.watch_restarts;
  const bool long_enough = api_.loop().now() - opened_ >= 5 * api_.timing().retry_least;
  if (result.ok() && (events_ > 0 || long_enough)) {
    backoff_.reset();
    listed_at_once_ = false;
    return retry(Phase::watch, std::chrono::milliseconds(0));
  }
  if (error_event_) {
    const long code = static_cast<long>(error_event_->code);
    return fail({.status = code, .error = {}, .refusal = error_event_->message}, Phase::list,
                code == 410 && may_list_at_once());
  }
  // After a restore from a backup the version may be newer than the server's: each watch ends at
  // once.
  if (result.ok() || malformed_) ++fruitless_;
  const bool lost = result.status == 410 || fruitless_ >= kMaxFruitless;
  if (lost) fruitless_ = 0;
  fail(result, lost ? Phase::list : Phase::watch, result.status == 410 && may_list_at_once());
}

void ListWatch::retry(Phase phase, std::chrono::milliseconds delay, std::uint64_t rejected) {
  pause_.begin(delay, rejected, [this, phase] {
    if (phase == Phase::list)
      list("");
    else
      watch();
  });
}

void ListWatch::fail(const HttpResult& result, Phase next, bool at_once) {
  ++status_.errors;
  status_.following = false;
  status_.forbidden = result.status == 403;
  const auto delay = at_once ? std::chrono::milliseconds(0) : pause_after(result, backoff_);
  const std::string text = text_of(result);
  note(text);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(delay).count();
  status_.state = "retry in " + std::to_string(seconds) + " s: " + text;
  on_status_();
  retry(next, delay, result.status == 401 ? generation_ : 0);
}

std::string ListWatch::text_of(const HttpResult& result) const {
  const std::string verb = phase_ == Phase::list ? "list" : "watch";
  const std::string what = verb + " " + what_.resource;
  if (!result.error.empty()) return what + ": " + result.error;
  if (result.status == 200) return what + ": it ended without data";
  return what + ": " + refusal_of(result, verb, what_.resource);
}

void ListWatch::note(const std::string& trouble) {
  conditions_.set("kubernetes", trouble, LogLevel::warning, what_.resource + " are followed again");
  status_.trouble = trouble;
}

}  // namespace agent::kubernetes
