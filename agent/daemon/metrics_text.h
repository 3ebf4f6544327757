// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/triggers/reconciler.h"

namespace agent {

struct MetricLabel {
  std::string name, value;
};
using MetricLabels = std::vector<MetricLabel>;

/// Metrics in Prometheus' text format 0.0.4. Every name gets the prefix `plumb_`; samples
/// of one name are added one after another, and only the first one's help counts.
class MetricsText {
 public:
  void counter(std::string_view name, std::string_view help, double value,
               const MetricLabels& labels = {});
  void gauge(std::string_view name, std::string_view help, double value,
             const MetricLabels& labels = {});
  void histogram(std::string_view name, std::string_view help, const Histogram& values);
  const std::string& text() const { return text_; }

 private:
  void begin(std::string_view name, std::string_view help, std::string_view type);
  void add(std::string_view suffix, double value, const MetricLabels& labels);

  std::string text_;
  std::string name_;  ///< of the last sample, without a histogram's suffix
};

}  // namespace agent
