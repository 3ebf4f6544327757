// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/selector.h"

#include <algorithm>

#include "libcni/json/object.h"

namespace agent::policy {
namespace {

bool holds(const Requirement& requirement, const Labels& labels) {
  const auto found = labels.find(requirement.key);
  const bool present = found != labels.end();
  const auto listed = [&] { return std::ranges::binary_search(requirement.values, found->second); };
  switch (requirement.what) {
    case Operator::in:
      return present && listed();
    case Operator::not_in:
      return !present || !listed();
    case Operator::exists:
      return present;
    case Operator::does_not_exist:
      return !present;
  }
  return false;
}

const char* word_of(Operator what) {
  switch (what) {
    case Operator::in:
      return " in (";
    case Operator::not_in:
      return " notin (";
    case Operator::exists:
      return " exists (";
    case Operator::does_not_exist:
      return " absent (";
  }
  return "";
}

}  // namespace

bool selects(const Selector& selector, const Labels& labels) {
  return selector.readable &&
         std::ranges::all_of(selector.requirements,
                             [&](const Requirement& each) { return holds(each, labels); });
}

std::string text_of(const Selector& selector) {
  if (!selector.readable) return "nothing";
  std::string text;
  for (const Requirement& each : selector.requirements) {
    text += (text.empty() ? "" : ", ") + json::quote(each.key) + word_of(each.what);
    for (const std::string& value : each.values) text += json::quote(value) + " ";
    text += ")";
  }
  return "[" + text + "]";
}

}  // namespace agent::policy
