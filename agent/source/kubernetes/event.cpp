// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes/event.h"

#include <stdexcept>
#include <utility>

#include "libcni/json/object.h"

namespace agent::kubernetes {
namespace {

class EventVisitor final : public JsonVisitor {
 public:
  explicit EventVisitor(JsonVisitor& object) : object_(object) {}
  Event event;

  void text(Path path, std::string& value) override {
    if (is_at(path, {"type"})) event.type = value;
    if (is_at(path, {"object", "metadata", "resourceVersion"})) event.resource_version = value;
    if (is_at(path, {"object", "message"})) event.message = value;
    if (is_at(path, {"object", "metadata", "annotations", "k8s.io/initial-events-end"}))
      event.initial_events_end = value == "true";
    if (inside(path)) object_.text(path.subspan(1), value);
  }
  void number(Path path, std::int64_t value) override {
    if (is_at(path, {"object", "code"})) event.code = value;
    if (inside(path)) object_.number(path.subspan(1), value);
  }
  void boolean(Path path, bool value) override {
    if (inside(path)) object_.boolean(path.subspan(1), value);
  }
  void end_object(Path path) override {
    if (inside(path)) object_.end_object(path.subspan(1));
  }

 private:
  static bool inside(Path path) { return path.size() > 1 && path.front() == "object"; }
  JsonVisitor& object_;
};

class ListVisitor final : public JsonVisitor {
 public:
  ListEnd end;
  void text(Path path, std::string& value) override {
    if (is_at(path, {"metadata", "resourceVersion"})) end.resource_version = value;
    if (is_at(path, {"metadata", "continue"})) end.next_page = value;
  }
};

class StatusVisitor final : public JsonVisitor {
 public:
  std::string message;
  void text(Path path, std::string& value) override {
    if (is_at(path, {"message"})) message = value;
  }
};

}  // namespace

Event read_event(std::string_view document, JsonVisitor& object) {
  EventVisitor visitor(object);
  visit_json(document, visitor);
  if (visitor.event.type.empty()) throw std::invalid_argument("a watch event has no type");
  return std::move(visitor.event);
}

ListEnd read_list_end(std::string_view envelope) {
  ListVisitor visitor;
  visit_json(envelope, visitor);
  if (visitor.end.resource_version.empty())
    throw std::invalid_argument("the list has no metadata.resourceVersion");
  return std::move(visitor.end);
}

std::string message_of(const std::string& refusal) {
  constexpr std::size_t kLongest = 300;
  std::string text = refusal.substr(0, refusal.find('\n'));
  try {
    StatusVisitor visitor;
    visit_json(refusal, visitor);
    if (!visitor.message.empty()) text = std::move(visitor.message);
  } catch (const std::invalid_argument&) {
    // Plain text, which the server sends with 429, or a proxy's page.
  }
  return json::quote(text.substr(0, kLongest)) + (text.size() > kLongest ? "..." : "");
}

std::string refusal_of(const HttpResult& result, const std::string& verb,
                       const std::string& resource) {
  const std::string status = std::to_string(result.status), message = message_of(result.refusal);
  const auto names = [&](const char* words) {
    return result.refusal.find(words) != std::string::npos;
  };
  // An admission policy without a reason denies with 422.
  if ((result.status == 403 || result.status == 422) && names("ValidatingAdmissionPolicy"))
    return status + " denied by an admission policy: " + message;
  if (result.status == 403 && names("system:anonymous"))
    return "forbidden; the server treats this client as anonymous, so no token or certificate "
           "has reached it: " +
           message;
  if (result.status == 403)
    return "forbidden; the ClusterRole lacks verb \"" + verb + "\" on \"" + resource +
           "\": " + message;
  if (result.status == 401) return "the token or certificate is not accepted: " + message;
  return status + " " + message;
}

}  // namespace agent::kubernetes
