// SPDX-License-Identifier: Apache-2.0
#include "libcni/plugin/environment.h"

#include <array>

#include "libcni/base/names.h"

namespace cni {
namespace {

constexpr std::array<std::string_view, 6> kVerbNames{"ADD", "DEL",    "CHECK",
                                                     "GC",  "STATUS", "VERSION"};

constexpr unsigned bit(Verb verb) {
  return 1u << static_cast<unsigned>(verb);
}

constexpr unsigned kAddCheck = bit(Verb::add) | bit(Verb::check);
constexpr unsigned kAttachment = kAddCheck | bit(Verb::del);
constexpr unsigned kAll = kAttachment | bit(Verb::gc) | bit(Verb::status);

std::string container_id_problem(std::string_view id) {
  return base::is_identifier(id) ? "" : "invalid characters in containerID";
}

struct Variable {
  const char* name;
  std::string Request::*field;
  unsigned read;      // verbs that read it
  unsigned required;  // verbs that fail without it
  std::string (*problem)(std::string_view);
};

// In the order in which an error names missing variables. The specification requires CNI_PATH for
// GC only, but every runtime sets it and the reference requires it for all verbs, see the last row.
constexpr std::array<Variable, 5> kVariables{{
    {"CNI_CONTAINERID", &Request::container_id, kAttachment, kAttachment, container_id_problem},
    {"CNI_NETNS", &Request::netns, kAttachment, kAddCheck, nullptr},
    {"CNI_IFNAME", &Request::ifname, kAttachment, kAttachment, base::ifname_problem},
    {"CNI_ARGS", &Request::args, kAttachment, 0, nullptr},
    {"CNI_PATH", &Request::path, kAll, kAll, nullptr},
}};

void append(std::string& list, const std::string& item, const char* separator) {
  list += (list.empty() ? "" : separator) + item;
}

}  // namespace

std::string_view verb_name(Verb verb) {
  return kVerbNames[static_cast<std::size_t>(verb)];
}

Verb parse_verb(std::string_view command) {
  for (std::size_t i = 0; i < kVerbNames.size(); ++i)
    if (kVerbNames[i] == command) return static_cast<Verb>(i);
  throw Error(Code::invalid_environment, "unknown CNI_COMMAND: " + std::string(command));
}

Request read_environment(Verb verb,
                         const std::function<std::optional<std::string>(const char*)>& getenv) {
  Request request{.verb = verb};
  std::string missing;
  std::string problems;
  std::string details;
  for (const auto& variable : kVariables) {
    if ((variable.read & bit(verb)) == 0) continue;
    std::string& value = request.*variable.field;
    value = getenv(variable.name).value_or("");
    if (value.empty()) {
      if ((variable.required & bit(verb)) != 0) append(missing, variable.name, ",");
      continue;
    }
    const std::string problem = variable.problem == nullptr ? "" : variable.problem(value);
    if (problem.empty()) continue;
    append(problems, std::string(variable.name) + ": " + problem, "; ");
    append(details, value, "; ");
  }
  if (missing.empty() && problems.empty()) return request;
  if (missing.empty()) throw Error(Code::invalid_environment, problems, details);
  std::string message = "required env variables [" + missing + "] missing";
  if (!problems.empty()) append(message, problems, "; ");
  throw Error(Code::invalid_environment, message, details);
}

}  // namespace cni
