// SPDX-License-Identifier: Apache-2.0
#include "agent/config/problems.h"

#include <algorithm>

#include "libcni/spec/error.h"

namespace agent {

void ProblemCollector::add(std::string_view key, const std::string& text) {
  auto found = lines.find(key);
  while (found == lines.end() && !key.empty()) {
    const auto end = key.find_last_of(".[");
    key = key.substr(0, end == key.npos ? 0 : end);
    found = lines.find(key);
  }
  add_at(found == lines.end() ? 0 : found->second, text);
}

void ProblemCollector::add_at(int line, const std::string& text) {
  problems_.push_back({line, text});
}

bool ProblemCollector::mentions(std::string_view word) const {
  return std::ranges::any_of(problems_, [&](const ConfigProblem& problem) {
    return problem.text.find(word) != std::string::npos;
  });
}

std::vector<ConfigProblem> ProblemCollector::sorted() const {
  std::vector<ConfigProblem> all = problems_;
  std::ranges::stable_sort(all, {}, &ConfigProblem::line);
  for (ConfigProblem& problem : all)
    if (problem.line != 0)
      problem.text = file_ + ":" + std::to_string(problem.line) + ": " + problem.text;
  return all;
}

void require_sound(const std::vector<ConfigProblem>& problems) {
  std::string lines;
  for (const ConfigProblem& problem : problems) lines += (lines.empty() ? "" : "\n") + problem.text;
  if (!lines.empty()) throw cni::Error(cni::Code::invalid_config, lines);
}

}  // namespace agent
