// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/metrics_text.h"

#include <array>
#include <charconv>

namespace agent {
namespace {

/// The shortest text that reads back as `value`, which is finite.
std::string text_of(double value) {
  std::array<char, 32> digits;  // a double needs 24
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

std::string escape(std::string_view value) {
  std::string escaped;
  for (const char c : value) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n')
      escaped += "\\n";
    else
      escaped += c;
  }
  return escaped;
}

}  // namespace

void MetricsText::begin(std::string_view name, std::string_view help, std::string_view type) {
  const std::string whole = "plumb_" + std::string(name);
  if (name_ == whole) return;
  name_ = whole;
  text_.append("# HELP ").append(name_).append(" ").append(help);
  text_.append("\n# TYPE ").append(name_).append(" ").append(type).append("\n");
}

void MetricsText::add(std::string_view suffix, double value, const MetricLabels& labels) {
  text_.append(name_).append(suffix);
  char before = '{';
  for (const MetricLabel& label : labels) {
    text_ += before;
    text_.append(label.name).append("=\"").append(escape(label.value)).append("\"");
    before = ',';
  }
  if (!labels.empty()) text_ += '}';
  text_.append(" ").append(text_of(value)).append("\n");
}

void MetricsText::counter(std::string_view name, std::string_view help, double value,
                          const MetricLabels& labels) {
  begin(name, help, "counter");
  add("", value, labels);
}

void MetricsText::gauge(std::string_view name, std::string_view help, double value,
                        const MetricLabels& labels) {
  begin(name, help, "gauge");
  add("", value, labels);
}

void MetricsText::histogram(std::string_view name, std::string_view help, const Histogram& values) {
  begin(name, help, "histogram");
  const auto count = static_cast<double>(values.count);
  for (std::size_t i = 0; i < Histogram::kBounds.size(); ++i)
    add("_bucket", static_cast<double>(values.at_most[i]),
        {{"le", text_of(Histogram::kBounds[i])}});
  add("_bucket", count, {{"le", "+Inf"}});
  add("_sum", values.sum, {});
  add("_count", count, {});
}

}  // namespace agent
