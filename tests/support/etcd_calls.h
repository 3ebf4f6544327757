// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/source/etcd/calls.h"

namespace test {

/// Calls that the test answers: no etcd, no socket.
class EtcdCalls : public agent::etcd::Calls {
 public:
  Id call(std::string path, std::string body, OnResult on_result) override {
    made_.push_back({std::move(path), std::move(body), std::move(on_result)});
    return made_.size();
  }
  void cancel(Id id) override {
    if (id != 0) made_.at(id - 1).on_result = nullptr;
  }

  std::size_t count() const { return made_.size(); }
  const std::string& path() const { return made_.back().path; }  ///< of the last call
  const std::string& body() const { return made_.back().body; }
  bool is_waiting() const { return !made_.empty() && made_.back().on_result != nullptr; }
  /// Answers the last call, which must be waiting.
  void answer(const agent::etcd::CallResult& result) {
    const OnResult on_result = std::exchange(made_.back().on_result, nullptr);
    on_result(result);
  }
  void answer_body(const std::string& body) { answer(agent::etcd::CallResult{.body = body}); }

 private:
  struct Made {
    std::string path, body;
    OnResult on_result;
  };
  std::vector<Made> made_;
};

}  // namespace test
