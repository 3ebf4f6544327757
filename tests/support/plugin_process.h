// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libcni/plugin/plugin.h"

namespace test {

using cni::Attachment;
using cni::Edges;
using cni::Plugin;
using cni::Request;
using cni::Result;
using nlohmann::json;

/// One simulated process: its input and its output.
class PluginProcess : public testing::Test {
 protected:
  PluginProcess() {
    // The namespace is only opened, no socket is made in it: the tests need only a path in /proc
    // that can be opened.
    const int fd = sandbox.fd();
    environment["CNI_NETNS"] = "/proc/self/fd/" + std::to_string(fd);
    plugin.add = [this](const Request& request) {
      note("ADD", request);
      return result;
    };
    plugin.del = [this](const Request& request) { note("DEL", request); };
    plugin.check = [this](const Request& request) { note("CHECK", request); };
    plugin.gc = [this](const Request& request) { note("GC", request); };
    plugin.status = [this](const Request& request) { note("STATUS", request); };
  }

  void note(const std::string& verb, const Request& request) {
    calls.push_back(verb);
    had_sandbox = request.sandbox.has_value();
    prev_result = request.prev_result;
    attachments = request.valid_attachments;
    if (failure) failure();
  }

  int run(const std::string& verb) {
    environment["CNI_COMMAND"] = verb;
    return run();
  }
  int run() {
    output.clear();
    const Edges edges{.getenv = [this](const char* name) -> std::optional<std::string> {
                        const auto found = environment.find(name);
                        if (found == environment.end()) return std::nullopt;
                        return found->second;
                      },
                      .read_stdin =
                          [this] {
                            ++stdin_reads;
                            return input;
                          },
                      .write_stdout =
                          [this](std::string_view text) {
                            if (stdout_failure) stdout_failure();
                            output += text;
                          },
                      .write_stderr = [this](std::string_view text) { errors += text; }};
    return plugin_main(plugin, edges);
  }
  /// Runs `verb`, which must fail, and returns the error object.
  json failure_of(const std::string& verb) {
    EXPECT_EQ(run(verb), 1);
    const json error = json::parse(output);  // exactly one document
    EXPECT_FALSE(error.at("msg").get<std::string>().empty());
    return error;
  }
  unsigned code_of(const std::string& verb) { return failure_of(verb).at("code"); }
  void configure(const std::string& version, const std::string& more = "") {
    input = R"({"cniVersion":")" + version + R"(","name":"net1","type":"test")" + more + "}";
  }

  base::Netns sandbox = base::Netns::create();
  Plugin plugin{.name = "test", .add = {}};
  Result result{.ips = {{.address = *base::Prefix::parse("10.1.0.5/16")}}};
  std::function<void()> failure;
  std::function<void()> stdout_failure;
  std::map<std::string, std::string> environment{
      {"CNI_CONTAINERID", "c1"}, {"CNI_IFNAME", "eth0"}, {"CNI_PATH", "/opt/cni/bin"}};
  std::string input = R"({"cniVersion":"1.1.0","name":"net1","type":"test"})";

  std::vector<std::string> calls;
  bool had_sandbox = false;
  std::optional<Result> prev_result;
  std::vector<Attachment> attachments;
  int stdin_reads = 0;
  std::string output;
  std::string errors;
};

}  // namespace test
