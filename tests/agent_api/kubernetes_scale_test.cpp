// SPDX-License-Identifier: Apache-2.0
// Thousands of nodes: what reading them costs in memory, and that every one arrives.
#include <malloc.h>

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/source/kubernetes/json_splitter.h"
#include "agent/source/kubernetes/node_store.h"

/// Heap size by the sanitizer's allocator, which does not support mallinfo2().
extern "C" std::size_t __sanitizer_get_current_allocated_bytes() __attribute__((weak));

namespace test {
namespace {

using agent::kubernetes::EventType;
using agent::kubernetes::JsonSplitter;
using agent::kubernetes::NodeStore;

std::size_t allocated_bytes() {
  if (&__sanitizer_get_current_allocated_bytes != nullptr)
    return __sanitizer_get_current_allocated_bytes();
  return ::mallinfo2().uordblks;
}

#ifdef __SANITIZE_ADDRESS__
constexpr int kImages = 8;  // an instrumented parser without optimisation reads 1 MB a second
#else
constexpr int kImages = 80;
#endif

/// A node of about 10 KB (1 KB with the sanitizer), most of which is of no interest, as in a real
/// cluster.
std::string node_text(int index) {
  static const std::string images = [] {
    std::string list;
    for (int i = 0; i < kImages; ++i)
      list += (i > 0 ? "," : "") + std::string(R"({"names":["registry.example/image@sha256:)") +
              std::string(64, 'a') + R"("],"sizeBytes":52428800})";
    return list;
  }();
  const std::string number = std::to_string(index);
  const std::string pair = std::to_string(index / 256) + "." + std::to_string(index % 256);
  return R"({"metadata":{"name":"node-)" + number + R"(","resourceVersion":")" + number +
         R"(","labels":{"kubernetes.io/hostname":"node-)" + number +
         R"("}},"spec":{"podCIDRs":["10.)" + pair +
         R"(.0/24"]},"status":{"addresses":[{"type":"InternalIP","address":"172.16.)" + pair +
         R"("}],"images":[)" + images + "]}}";
}

struct Cost {
  std::size_t bytes = 0;    ///< of the list
  std::size_t kept = 0;     ///< by the store when all is read
  std::size_t reading = 0;  ///< at most, beyond what is kept
};

Cost read_list(int nodes, std::size_t piece) {
  agent::Config config;
  config.node_name = "node-0";
  const std::size_t before = allocated_bytes();
  NodeStore store(
      config, [] {}, [] {});
  Cost cost;
  std::size_t peak = 0;
  JsonSplitter splitter(JsonSplitter::Unit::item, [&](std::string_view object) {
    visit_json(object, store.begin_object());
    store.end_object(EventType::listed);
  });
  store.begin_list();
  const auto feed = [&](std::string_view text) {
    cost.bytes += text.size();
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
      splitter.feed(text.substr(0, piece));
  };
  feed(R"({"kind":"NodeList","metadata":{"resourceVersion":"1"},"items":[)");
  for (int i = 0; i < nodes; ++i) {
    {
      const std::string text = (i > 0 ? "," : "") + node_text(i);
      feed(text);
    }
    peak = std::max(peak, allocated_bytes() - before);
  }
  feed("]}");
  store.end_list();
  EXPECT_EQ(store.nodes().size(), static_cast<std::size_t>(nodes));
  cost.kept = allocated_bytes() - before;
  cost.reading = peak > cost.kept ? peak - cost.kept : 0;
  return cost;
}

TEST(KubernetesScale, ReadingCostsTheSameHoweverLongTheListIs) {
  const Cost small = read_list(500, 16384);
  const Cost large = read_list(5000, 16384);
  EXPECT_GT(large.bytes, kImages * 500'000u) << "the list itself";
  EXPECT_LT(small.reading, 256u << 10);
  // A vector that grows holds its old and its new block for a moment.
  EXPECT_LT(large.reading, 3u << 20);
  EXPECT_LT(large.kept, 5u << 20) << "about 1 KB a node";
}

TEST(KubernetesScale, KeepsNoMoreAfterTheListHasComeAgain) {
  agent::Config config;
  NodeStore store(
      config, [] {}, [] {});
  std::size_t first = 0;
  for (int round = 0; round < 3; ++round) {
    store.begin_list();
    for (int i = 0; i < 300; ++i) {
      visit_json(node_text(i), store.begin_object());
      store.end_object(EventType::listed);
    }
    store.end_list();
    if (round == 0) first = allocated_bytes();
  }
  EXPECT_LT(allocated_bytes(), first + 4096);
}

}  // namespace
}  // namespace test
