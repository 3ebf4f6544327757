// SPDX-License-Identifier: Apache-2.0
#include "agent/source/cache.h"

#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <thread>

#include "agent/source/json_text.h"
#include "libcni/base/file.h"
#include "libcni/base/sys_error.h"
#include "libcni/json/object.h"
#include "libcni/nodes/node_list.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr std::chrono::seconds kFirstPause(1);
constexpr std::chrono::seconds kLongestPause(10);

std::vector<base::IpAddress> parse_addresses(const json::Object& object, std::string_view key) {
  std::vector<base::IpAddress> addresses;
  for (const std::string& text : object.find_strings(key).value_or(std::vector<std::string>{})) {
    const auto address = base::IpAddress::parse(text);
    if (!address) object.refuse(key, "a list of IP addresses");
    addresses.push_back(*address);
  }
  return addresses;
}

Service parse_service(const json::Object& object) {
  return {
      .name = object.get_string("name"),
      .cluster_ips = parse_addresses(object, "clusterIPs"),
      .external_ips = parse_addresses(object, "externalIPs"),
      .load_balancer_ips = parse_addresses(object, "loadBalancerIPs"),
      .local_policy = object.get_bool("localPolicy"),
      .internal_local_policy = object.get_bool("internalLocalPolicy"),
      .endpoint_nodes = object.find_strings("endpointNodes").value_or(std::vector<std::string>{})};
}

void print_network(json::Writer& out, const NetworkDefaults& network) {
  out.open("network", '{');
  out.open("ranges", '[');
  for (const base::Prefix& range : network.cluster_ranges) out.element(range.text());
  out.close();
  if (network.backend) out.member("backend", fabric::word_of(*network.backend));
  if (network.vni) out.member("vni", std::uint64_t{*network.vni});
  if (network.port) out.member("port", std::uint64_t{*network.port});
  if (network.underlay_mtu)
    out.member("underlayMtu", static_cast<std::uint64_t>(*network.underlay_mtu));
  out.close();
}

NetworkDefaults parse_network(const json::Object& object) {
  NetworkDefaults network;
  for (const std::string& text : object.find_strings("ranges").value_or(std::vector<std::string>{}))
    network.cluster_ranges.push_back(nodes::parse_range("ranges", text));
  if (const auto word = object.find_string("backend"))
    network.backend = fabric::find_backend(*word);
  if (const auto vni = object.find_uint("vni")) network.vni = static_cast<std::uint32_t>(*vni);
  if (const auto port = object.find_uint("port")) network.port = static_cast<std::uint16_t>(*port);
  if (const auto mtu = object.find_uint("underlayMtu"))
    network.underlay_mtu = static_cast<int>(*mtu);
  return network;
}

/// Returns memory to the system: the text of 5000 nodes is a megabyte, not needed for ten seconds.
void give_back(std::string text) {
  text = {};
  ::malloc_trim(0);
}

}  // namespace

std::string print_snapshot(const Snapshot& snapshot) {
  json::Writer out;
  out.open('{');
  out.member("version", kVersion);
  out.open("nodes", '[');
  for (const fabric::Node& node : snapshot.nodes) print_node(out, node);
  out.close();
  out.open("services", '[');
  for (const Service& service : snapshot.services) print_service(out, service);
  out.close();
  print_network(out, snapshot.network);
  out.close();
  return out.text() + '\n';
}

Snapshot parse_snapshot(std::string_view text, const std::string& file_name) {
  const auto document = json::Object::parse(text, file_name);
  if (document.find_int("version") != kVersion) document.refuse("version", "1");
  Snapshot snapshot;
  for (const auto& node : document.find_objects("nodes").value_or(std::vector<json::Object>{}))
    snapshot.nodes.push_back(nodes::parse_node(node));
  for (const auto& service :
       document.find_objects("services").value_or(std::vector<json::Object>{}))
    snapshot.services.push_back(parse_service(service));
  snapshot.network = parse_network(document.get_object("network"));
  nodes::sort_by_name(snapshot.nodes);
  return snapshot;
}

/// One write on its thread; the event tells the loop that it has ended.
struct SnapshotCache::Writing {
  base::UniqueFd done{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::string failure = {};
  std::thread thread = {};

  Writing(const std::string& path, std::string text) {
    if (!done) base::throw_errno("create event for the snapshot's writer");
    thread = std::thread([this, path, content = std::move(text)] {
      try {
        base::write_file_atomic(path, content, 0600);
      } catch (const std::exception& error) {
        failure = error.what();
      }
      const std::uint64_t one = 1;
      [[maybe_unused]] const ssize_t written = ::write(done.get(), &one, sizeof one);
    });
  }
  ~Writing() { thread.join(); }
};

SnapshotCache::SnapshotCache(const std::string& state_directory, Loop& loop)
    : path_(state_directory + "/snapshot.json"), loop_(loop), pause_(kFirstPause) {}

SnapshotCache::~SnapshotCache() {
  loop_.cancel(timer_);
  if (writing_) loop_.forget(writing_->done.get());
}

std::optional<Snapshot> SnapshotCache::load() const {
  const auto text = base::find_file(path_);
  if (!text) return std::nullopt;
  return parse_snapshot(*text, path_);
}

void SnapshotCache::save_soon(std::function<const Snapshot&()> latest) {
  latest_ = std::move(latest);
  if (timer_ != 0 || writing_) return;
  const auto now = loop_.now();
  const auto wait = std::max(earliest_ - now, Loop::Clock::duration::zero());
  timer_ = loop_.after(std::chrono::ceil<std::chrono::milliseconds>(wait), [this] {
    timer_ = 0;
    write();
  });
}

void SnapshotCache::write() {
  std::string text = print_snapshot(latest_());
  const std::size_t hash = std::hash<std::string>{}(text);
  if (hash == written_hash_) return give_back(std::move(text));
  earliest_ = loop_.now() + pause_;
  pause_ = std::min(pause_ * 2, kLongestPause);
  writing_ = std::make_unique<Writing>(path_, std::move(text));
  loop_.watch(writing_->done.get(), EPOLLIN, [this, hash](Loop::Events) {
    loop_.forget(writing_->done.get());
    const std::string failure = writing_->failure;
    writing_.reset();
    give_back({});  // the writer's memory
    if (failure.empty()) written_hash_ = hash;
    problems_.set("cache", failure, LogLevel::warning);
    // Saves a snapshot that came in the meantime; an unchanged one costs nothing.
    save_soon(latest_);
  });
}

void SnapshotCache::flush() {
  if (!latest_) return;
  if (writing_) {
    loop_.forget(writing_->done.get());
    writing_.reset();
  }
  const std::string text = print_snapshot(latest_());
  if (std::hash<std::string>{}(text) == written_hash_) return;
  try {
    base::write_file_atomic(path_, text, 0600);
  } catch (const std::exception& error) {
    problems_.set("cache", error.what(), LogLevel::warning);
  }
}

}  // namespace agent
