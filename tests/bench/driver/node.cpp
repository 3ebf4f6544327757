// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/driver/node.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "libcni/base/sys_error.h"

namespace bench {
namespace {

constexpr char kSubnet4[] = "10.88.0.0/16";
constexpr char kSubnet6[] = "fd00:88::/64";
constexpr char kNetwork[] = "bench";
/// As the floor does it.
constexpr char kTuning[] =
    R"(,"sysctl":{"net.core.somaxconn":"1024","net.ipv4.conf.eth0.arp_filter":"1"},)"
    R"("mac":"02:00:00:00:00:09","mtu":1400,"promisc":true,"allmulti":true)";

constexpr char kLimits[] =
    R"(,"ingressRate":1000000000,"ingressBurst":10000000,"egressRate":1000000000,)"
    R"("egressBurst":10000000)";

const char* type_of(Kind kind) {
  switch (kind) {
    case Kind::kLoopback:
      return "loopback";
    case Kind::kBridge:
      return "bridge";
    case Kind::kPtp:
      return "ptp";
    case Kind::kMacvlan:
      return "macvlan";
    case Kind::kPortmap:
      return "portmap";
    case Kind::kTuning:
      return "tuning";
    case Kind::kFirewall:
      return "firewall";
    case Kind::kBandwidth:
      return "bandwidth";
    case Kind::kHostLocal:
      return "host-local";
  }
  return "";
}

/// The n-th address of the IPv4 subnet; 1 is the gateway.
std::string address4(size_t n) {
  return "10.88." + std::to_string(n / 256) + "." + std::to_string(n % 256);
}

void write_file(const std::string& path, const std::string& text) {
  const base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    base::throw_errno("write " + path);
}

void make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) < 0 && errno != EEXIST) base::throw_errno("create " + path);
}

/// The first address of a family in the floor program's result, which has no blanks.
std::string address_in(const std::string& result, const std::string& start) {
  const size_t at = result.find("\"address\":\"" + start);
  if (at == std::string::npos) return "";
  const size_t begin = at + sizeof("\"address\":\"") - 1;
  return result.substr(begin, result.find('/', begin) - begin);
}

/// The result that a bridge plugin would have printed for a pod without a link.
std::string made_up_result(const std::string& netns, const std::string& address) {
  return R"({"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":")" + netns +
         R"("}],"ips":[{"interface":0,"address":")" + address + R"(/16","gateway":"10.88.0.1"}]})";
}

void must_succeed(const Outcome& outcome, const std::string& what) {
  if (!outcome.ok) throw std::runtime_error(what + " failed: " + outcome.output);
}

}  // namespace

Node::Node(Side side, const Case& what, const Places& places)
    : side_(side), what_(what), places_(places), netns_(make_host_netns()) {
  const std::string name = what.name + "-" + to_string(side);
  // Stores whose size matters are on a disk, as on a node; all others are on tmpfs, so that the
  // disk adds no noise
  data_dir_ =
      (what.kind == Kind::kHostLocal ? places.scratch : "/var/lib/cni/networks") + ("/" + name);
  make_folder(data_dir_);
  make_folder(store());
  for (size_t i = 0; i < what.pods; ++i) {
    const std::string id = name + "-" + std::to_string(i);
    pods_.push_back({id, make_sandbox(id), "", 8080});
  }
}

std::string Node::store() const {
  return data_dir_ + "/" + kNetwork;
}

std::string Node::plugin() const {
  if (side_ == Side::kFloor) return places_.floor;
  return (side_ == Side::kOurs ? places_.ours : places_.reference) + "/" + type_of(what_.kind);
}

bool Node::available() const {
  return ::access(plugin().c_str(), X_OK) == 0;
}

/// The host link that macvlan needs. A dummy would do; not every kernel has them.
void Node::make_master() const {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"add", "lan0", "type", "veth", "peer", "name", "lan1"},
        {"set", "lan0", "up"},
        {"set", "lan1", "up"}}) {
    Call call{.argv = {"/usr/sbin/ip", "link"}, .environment = {}, .input = ""};
    call.argv.insert(call.argv.end(), words.begin(), words.end());
    call.host_netns = netns_.get();
    must_succeed(run(call), "ip link " + words.front());
  }
}

void Node::prepare() {
  if (what_.kind == Kind::kMacvlan) make_master();
  if (what_.reservations > 0) fill_store();
  if (!is_chained(what_.kind)) return;
  const Outcome link = run(make_call(Kind::kBridge, Verb::kAdd, pods_[0], ""));
  must_succeed(link, "bridge ADD before " + std::string(type_of(what_.kind)));
  pods_[0].result = link.output;
  fill_mappings();
  fill_limited();
}

void Node::renew() {
  if (what_.kind != Kind::kBandwidth) return;
  Pod& pod = pods_[0];
  must_succeed(run(make_call(Kind::kBridge, Verb::kDel, pod, pod.result)), "bridge DEL");
  const Outcome link = run(make_call(Kind::kBridge, Verb::kAdd, pod, ""));
  must_succeed(link, "bridge ADD");
  pod.result = link.output;
}

void Node::fill_store() const {
  for (size_t i = 0; i < what_.reservations; ++i)
    write_file(store() + "/" + address4(i + 2), "before-" + std::to_string(i) + "\r\neth0");
  write_file(store() + "/last_reserved_ip.0", address4(what_.reservations + 1));
}

void Node::fill_mappings() const {
  std::vector<Call> calls;
  for (size_t i = 0; i < what_.mappings; ++i) {
    Pod pod{"before-" + std::to_string(i), pods_[0].netns, "", static_cast<unsigned>(20000 + i)};
    const std::string address = address4(1000 + i);
    pod.result = side_ == Side::kFloor ? R"("address":")" + address + "/"
                                       : made_up_result(pod.netns, address);
    calls.push_back(make_call(what_.kind, Verb::kAdd, pod, pod.result));
  }
  for (const Call& call : calls) must_succeed(run(call), "ADD of the attachments before");
}

void Node::fill_limited() const {
  for (size_t i = 0; i < what_.limited; ++i) {
    Pod pod{.id = "before-" + std::to_string(i),
            .netns = pods_[0].netns,
            .result = "",
            .ifname = "before" + std::to_string(i)};
    const Outcome link = run(make_call(Kind::kBridge, Verb::kAdd, pod, ""));
    must_succeed(link, "bridge ADD of the attachments before");
    must_succeed(run(make_call(Kind::kBandwidth, Verb::kAdd, pod, link.output)),
                 "bandwidth ADD of the attachments before");
  }
}

std::vector<Kind> Node::kinds(Verb verb) const {
  std::vector<Kind> kinds{what_.kind};
  kinds.insert(kinds.end(), what_.behind.begin(), what_.behind.end());
  // Behind another plugin tuning has no keys, so that the kernel does not do anything for it.
  if (side_ == Side::kFloor && !what_.behind.empty()) std::erase(kinds, Kind::kTuning);
  if (verb == Verb::kDel) std::ranges::reverse(kinds);
  return kinds;
}

Call Node::call(Kind kind, Verb verb, size_t pod, const std::string& result) const {
  const Pod& p = pods_.at(pod);
  return make_call(kind, verb, p, is_chained(what_.kind) ? p.result : result);
}

Call Node::make_call(Kind kind, Verb verb, const Pod& pod, const std::string& result) const {
  if (side_ == Side::kFloor) return floor_call(kind, verb, pod, result);
  const std::string folder = side_ == Side::kOurs ? places_.ours : places_.reference;
  return {
      .argv = {folder + "/" + type_of(kind)},
      .environment = {std::string("CNI_COMMAND=") + to_string(verb), "CNI_CONTAINERID=" + pod.id,
                      "CNI_NETNS=" + pod.netns, "CNI_IFNAME=" + pod.ifname, "CNI_PATH=" + folder,
                      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      .input = config(kind, pod, result),
      .host_netns = netns_.get()};
}

Call Node::floor_call(Kind kind, Verb verb, const Pod& pod, const std::string& result) const {
  Call call{
      .argv = {places_.floor, type_of(kind)},
      .environment = {std::string("CNI_COMMAND=") + to_string(verb), "CNI_CONTAINERID=" + pod.id,
                      "CNI_NETNS=" + pod.netns, "CNI_IFNAME=" + pod.ifname},
      .input = "",
      .host_netns = netns_.get()};
  if (kind == Kind::kLoopback) return call;
  call.argv.push_back("store=" + store());
  if (what_.dual) call.argv.push_back("dual");
  if (what_.masq) call.argv.push_back("masq");
  if (kind == Kind::kPortmap) {
    call.argv.push_back("host-port=" + std::to_string(pod.host_port));
    call.argv.push_back("container-port=80");
  }
  if (verb == Verb::kAdd && !is_chained(kind)) return call;
  call.argv.push_back("addr4=" + address_in(result, "10.88."));
  if (what_.dual) call.argv.push_back("addr6=" + address_in(result, "fd00:88:"));
  return call;
}

std::string Node::config(Kind kind, const Pod& pod, const std::string& result) const {
  std::string text = R"({"cniVersion":"1.0.0","name":")" + std::string(kNetwork) + R"(","type":")" +
                     type_of(kind) + '"';
  if (kind == Kind::kBridge) text += R"(,"bridge":"cni0","isGateway":true)";
  if (kind == Kind::kBridge || kind == Kind::kPtp)
    text += std::string(R"(,"ipMasq":)") + (what_.masq ? "true" : "false");
  if (kind == Kind::kMacvlan) text += R"(,"master":"lan0")";
  if (what_.spoof_check) text += R"(,"spoofCheck":true)";
  if (kind == Kind::kPortmap)
    text += R"(,"runtimeConfig":{"portMappings":[{"hostPort":)" + std::to_string(pod.host_port) +
            R"(,"containerPort":80,"protocol":"tcp"}]})";
  if (kind == Kind::kTuning && what_.behind.empty()) text += kTuning;
  if (kind == Kind::kBandwidth) text += kLimits;
  if (kind != Kind::kLoopback && !is_chained(kind)) {
    text += R"(,"ipam":{"type":"host-local","dataDir":")" + data_dir_ +
            R"(","ranges":[[{"subnet":")" + kSubnet4 + R"("}])";
    if (what_.dual) text += std::string(R"(,[{"subnet":")") + kSubnet6 + R"("}])";
    text += R"(],"routes":[{"dst":"0.0.0.0/0"})";
    text += what_.dual ? R"(,{"dst":"::/0"}]})" : "]}";
  }
  if (!result.empty()) text += R"(,"prevResult":)" + result;
  return text + "}";
}

}  // namespace bench
