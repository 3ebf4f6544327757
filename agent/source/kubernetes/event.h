// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/http/client.h"
#include "agent/source/kubernetes/visit_json.h"

namespace agent::kubernetes {

/// The change of an object in a watch; `listed` is an object of a list.
enum class EventType { listed, added, modified, deleted };

/// An event of a watch, beside the object's own fields.
struct Event {
  std::string type;                 ///< ADDED, MODIFIED, DELETED, BOOKMARK, ERROR
  std::string resource_version;     ///< of the object
  bool initial_events_end = false;  ///< of a BOOKMARK: all existing objects have been sent
  std::int64_t code = 0;            ///< of an ERROR: 410 is gone
  std::string message = {};         ///< of an ERROR
};

/// Parses `{"type":...,"object":{...}}`; the fields of the object go to `object`, with paths that
/// begin there. Throws std::invalid_argument.
Event read_event(std::string_view document, JsonVisitor& object);

/// `metadata` of a list.
struct ListEnd {
  std::string resource_version;
  std::string next_page;  ///< the `continue` token; empty: this was the last page
};
/// Throws std::invalid_argument when it is malformed or has no resourceVersion.
ListEnd read_list_end(std::string_view envelope);

/// The `message` of the Status object that refuses a request, or the first line of any other text.
/// Quoted, at most 300 bytes.
std::string message_of(const std::string& refusal);

/// Why the server refused to `verb` the `resource`, for people: `429 "Too many requests, ..."`.
std::string refusal_of(const HttpResult& result, const std::string& verb,
                       const std::string& resource);

}  // namespace agent::kubernetes
