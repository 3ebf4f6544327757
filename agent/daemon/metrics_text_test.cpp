// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/metrics_text.h"

#include <gtest/gtest.h>

namespace agent {
namespace {

TEST(MetricsText, NamesHelpAndTypeOnceForAllSamplesOfAName) {
  MetricsText out;
  out.gauge("bgp_peer_up", "1 while it is up.", 1, {{"peer", "a"}, {"address", "fd00::1"}});
  out.gauge("bgp_peer_up", "", 0, {{"peer", "b"}, {"address", "192.0.2.2"}});
  out.counter("source_errors_total", "Failures.", 3);
  EXPECT_EQ(out.text(),
            "# HELP plumb_bgp_peer_up 1 while it is up.\n"
            "# TYPE plumb_bgp_peer_up gauge\n"
            "plumb_bgp_peer_up{peer=\"a\",address=\"fd00::1\"} 1\n"
            "plumb_bgp_peer_up{peer=\"b\",address=\"192.0.2.2\"} 0\n"
            "# HELP plumb_source_errors_total Failures.\n"
            "# TYPE plumb_source_errors_total counter\n"
            "plumb_source_errors_total 3\n");
}

TEST(MetricsText, CountsAHistogramsBucketsUpToInfinity) {
  MetricsText out;
  Histogram values;
  values.add(0.03);
  values.add(7);
  out.histogram("event_to_kernel_seconds", "Spans.", values);
  EXPECT_EQ(out.text(),
            "# HELP plumb_event_to_kernel_seconds Spans.\n"
            "# TYPE plumb_event_to_kernel_seconds histogram\n"
            "plumb_event_to_kernel_seconds_bucket{le=\"0.005\"} 0\n"
            "plumb_event_to_kernel_seconds_bucket{le=\"0.01\"} 0\n"
            "plumb_event_to_kernel_seconds_bucket{le=\"0.025\"} 0\n"
            "plumb_event_to_kernel_seconds_bucket{le=\"0.05\"} 1\n"
            "plumb_event_to_kernel_seconds_bucket{le=\"0.1\"} 1\n"
            "plumb_event_to_kernel_seconds_bucket{le=\"0.25\"} 1\n"
            "plumb_event_to_kernel_seconds_bucket{le=\"0.5\"} 1\n"
            "plumb_event_to_kernel_seconds_bucket{le=\"1\"} 1\n"
            "plumb_event_to_kernel_seconds_bucket{le=\"2.5\"} 1\n"
            "plumb_event_to_kernel_seconds_bucket{le=\"+Inf\"} 2\n"
            "plumb_event_to_kernel_seconds_sum 7.03\n"
            "plumb_event_to_kernel_seconds_count 2\n");
}

TEST(MetricsText, EscapesForbiddenCharactersInLabels) {
  MetricsText out;
  out.gauge("info", "Names.", 1e9, {{"node", "a\\b\"c\nd"}});
  EXPECT_NE(out.text().find("plumb_info{node=\"a\\\\b\\\"c\\nd\"} 1e+09\n"), std::string::npos)
      << out.text();
}

}  // namespace
}  // namespace agent
