// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/loop/backoff.h"
#include "agent/loop/log.h"
#include "agent/source/kubernetes/api.h"
#include "agent/source/kubernetes/event.h"
#include "agent/source/kubernetes/json_splitter.h"
#include "agent/source/kubernetes/pause.h"

namespace agent::kubernetes {

/// Keeps the wanted fields of the objects of one resource.
class Store {
 public:
  virtual ~Store() = default;
  virtual void begin_list() = 0;  ///< the new list is kept apart until end_list()
  virtual void end_list() = 0;    ///< the new list replaces the old one
  virtual JsonVisitor& begin_object() = 0;
  virtual void end_object(EventType what) = 0;  ///< after an object was visited
  /// Calls the callbacks; all objects of one piece of an answer are applied.
  virtual void notify() = 0;
};

/// The state of a ListWatch.
struct ListWatchStatus {
  bool listed = false;         ///< a list was complete at least once
  bool following = false;      ///< the watch was opened, and nothing has failed since
  bool forbidden = false;      ///< RBAC refuses
  std::string trouble = {};    ///< the last failure; empty while the watch works or is being opened
  std::string state = "idle";  ///< for people
  std::uint64_t relists = 0, watch_restarts = 0, parsed_bytes = 0, errors = 0;
  Loop::Clock::time_point last_word = {};  ///< when data last came
};

/// Lists a resource in pages and watches it from that version on. After a broken connection the
/// watch continues from the last version seen; after "410 Gone" a new list begins.
class ListWatch {
 public:
  /// `resource`: `nodes`; `path`: `/api/v1/nodes`.
  struct What {
    std::string resource;
    std::string path;
  };
  /// `on_status` is called when a list is complete and when something failed.
  ListWatch(Api& api, What what, Store& store, std::function<void()> on_status);
  ListWatch(const ListWatch&) = delete;
  ListWatch& operator=(const ListWatch&) = delete;
  ~ListWatch();

  void start() { list(""); }
  const ListWatchStatus& status() const { return status_; }

 private:
  enum class Phase { list, watch };
  void list(const std::string& page);
  void list_ended(const HttpResult& result);
  void watch();
  void watch_event(std::string_view document);
  void watch_ended(const HttpResult& result);
  void open(const std::string& query, JsonSplitter::Unit unit, std::chrono::seconds limit);
  void opened(long status);
  void data(std::string_view piece);
  void ended(const HttpResult& result);
  void retry(Phase phase, std::chrono::milliseconds delay, std::uint64_t rejected = 0);
  /// Records a failure and goes on with `next`, after a pause or `at_once`.
  void fail(const HttpResult& result, Phase next, bool at_once = false);
  bool may_list_at_once() { return !std::exchange(listed_at_once_, true); }
  std::string text_of(const HttpResult& result) const;
  void note(const std::string& trouble);

  Api& api_;
  const What what_;
  Store& store_;
  const std::function<void()> on_status_;
  ListWatchStatus status_;
  Conditions conditions_;  ///< its trouble, as it is logged
  Phase phase_ = Phase::list;
  HttpClient::Id request_ = 0;
  Pause pause_;
  std::optional<JsonSplitter> splitter_;
  std::string resource_version_;
  bool first_page_ = true;
  std::optional<Event> error_event_;
  bool malformed_ = false;        ///< this answer could not be parsed
  int fruitless_ = 0;             ///< watches in a row that ended without an event
  std::uint64_t generation_ = 0;  ///< of the credentials of this request
  /// A version was gone, and no event has come since the list that followed at once.
  bool listed_at_once_ = false;
  Loop::Clock::time_point opened_{};
  std::uint64_t events_ = 0;  ///< of this watch
  Backoff backoff_;
};

}  // namespace agent::kubernetes
