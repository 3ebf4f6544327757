// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libcni/runtime/cni.h"
#include "tests/support/recorder.h"

namespace test {

/// Runs `body` and returns the `E` that it throws; a failure when it throws none.
template <typename E, typename Body>
E thrown(Body body) {
  try {
    body();
  } catch (const E& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  throw std::logic_error("nothing was thrown");
}

/// The runtime side with recorders `pa`, `pb`, `pc` as plugins and a cache of its own.
class RuntimeWorld : public testing::Test {
 protected:
  RuntimeWorld() {
    for (const char* type : {"pa", "pb", "pc"}) rec.install(type);
    options.exec.plugin_dirs = {rec.dir()};
    options.exec.observer.on_note = [this](std::string_view text) {
      notes += std::string(text) + "\n";
    };
    options.cache_dir = files / "cache";
  }

  runtime::Cni cni() const { return runtime::Cni(options); }
  std::string results() const { return options.cache_dir + "/results"; }
  std::string cache_file() const { return results() + "/net1-c1-eth0"; }

  /// Network `net1` with plugins {"type": "pa"}, ... or whole objects, separated by spaces; `keys`
  /// go before them.
  static runtime::NetworkList net1(const std::string& version, const std::string& plugins = "pa pb",
                                   const std::string& keys = "") {
    std::string objects;
    for (std::size_t start = 0; start < plugins.size();) {
      const auto end = std::min(plugins.find(' ', start), plugins.size());
      const std::string word = plugins.substr(start, end - start);
      objects += (objects.empty() ? "" : ",") +
                 (word.starts_with('{') ? word : "{\"type\":\"" + word + "\"}");
      start = end + 1;
    }
    const std::string cni_version = version.empty() ? "" : "\"cniVersion\":\"" + version + "\",";
    return runtime::parse_list("{" + cni_version + "\"name\":\"net1\"," + keys + "\"plugins\":[" +
                               objects + "]}");
  }

  /// The request of the only call `call`, such as "pa.ADD".
  nlohmann::json request(const std::string& call) const {
    const auto calls = rec.calls_of(call);
    EXPECT_EQ(calls.size(), 1u) << call << " in " << rec.log();
    return calls.empty() ? nlohmann::json() : nlohmann::json::parse(calls.front().input);
  }

  /// `call` fails with this error object.
  void fail_with(const std::string& call, unsigned code, const std::string& message) const {
    rec.play(call, "stdout", "{\"code\":" + std::to_string(code) + ",\"msg\":\"" + message + "\"}");
    rec.play(call, "exit", "1");
  }

  Recorder rec;
  TempDir files;
  std::string notes;
  runtime::RuntimeOptions options;
  runtime::RuntimeConf conf{.container_id = "c1", .netns = "/run/netns/t", .ifname = "eth0"};
};

}  // namespace test
