// SPDX-License-Identifier: Apache-2.0
// The answers of an API server, or of a program in its place: a list and a watch of any bytes, in
// pieces of any size. Two ways of cutting must give the same objects.
#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/source/kubernetes/event.h"
#include "agent/source/kubernetes/json_splitter.h"
#include "agent/source/kubernetes/node_record.h"
#include "agent/source/kubernetes/service_store.h"

namespace {

using namespace agent::kubernetes;

const agent::Config& config() {
  static const agent::Config config = [] {
    agent::Config it;
    it.node_name = "node1";
    it.kubernetes.annotation_prefix = "flannel.alpha.coreos.com";
    return it;
  }();
  return config;
}

/// The nodes that were read, one line each, and the errors that ended it.
class Nodes final : public Store {
 public:
  std::string read;
  void begin_list() override { read += "list\n"; }
  void end_list() override { read += "end\n"; }
  JsonVisitor& begin_object() override {
    visitor_.take();
    return visitor_;
  }
  void end_object(EventType what) override {
    const ReadNode node = read_node(visitor_.take(), config());
    read += std::to_string(static_cast<int>(what)) + " " + node.node.name;
    for (const base::Prefix& range : node.node.ranges) read += " " + range.text();
    for (const base::IpAddress& address : node.node.addresses) read += " " + address.text();
    if (node.node.mac) read += " " + node.node.mac->text();
    for (const std::string& problem : node.problems) read += "\n " + problem;
    read += "\n";
  }
  void notify() override {}

 private:
  const std::vector<std::string> label_keys_{"role"};
  NodeVisitor visitor_{config().kubernetes.annotation_prefix, label_keys_};
};

bool feed(JsonSplitter& splitter, std::string_view text, std::size_t piece) {
  try {
    for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
      splitter.feed(text.substr(0, piece));
  } catch (const std::invalid_argument&) {
    return false;
  }
  return true;
}

bool read_watch(Store& objects, std::string_view text, std::size_t piece) {
  JsonSplitter splitter(JsonSplitter::Unit::document, [&](std::string_view object) {
    const std::string type = read_event(object, objects.begin_object()).type;
    if (type == "ADDED") objects.end_object(EventType::added);
    if (type == "MODIFIED") objects.end_object(EventType::modified);
    if (type == "DELETED") objects.end_object(EventType::deleted);
  });
  return feed(splitter, text, piece);
}

bool read_list(Store& objects, std::string_view text, std::size_t piece) {
  JsonSplitter splitter(JsonSplitter::Unit::item, [&](std::string_view object) {
    visit_json(object, objects.begin_object());
    objects.end_object(EventType::listed);
  });
  objects.begin_list();
  const bool whole = feed(splitter, text, piece);
  objects.end_list();
  try {
    read_list_end(splitter.envelope());
  } catch (const std::invalid_argument&) {
    return false;
  }
  return whole;
}

std::string read_nodes(std::string_view text, std::size_t piece) {
  Nodes nodes;
  const bool listed = read_list(nodes, text, piece);
  const bool watched = read_watch(nodes, text, piece);
  return nodes.read + (listed ? "+" : "-") + (watched ? "+" : "-");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (read_nodes(text, size) != read_nodes(text, std::size_t{data[0]} + 1)) std::abort();
  ServiceStore services([] {});
  read_watch(services, text, size);
  EndpointStore endpoints([] {});
  read_watch(endpoints, text, size);
  endpoints.nodes_of("shop/web");
  message_of(std::string(text));
  return 0;
}
