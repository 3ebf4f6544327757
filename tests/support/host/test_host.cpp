// SPDX-License-Identifier: Apache-2.0
#include "tests/support/host/test_host.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "libcni/base/file.h"
#include "libcni/base/sys_error.h"
#include "libcni/net/link.h"
#include "libcni/net/route.h"

namespace test {

TestHost::TestHost() {
  if (::unshare(CLONE_NEWNET) != 0) base::throw_errno("move the test into a network namespace");
  net::Netlink netlink;
  net::set_up(netlink, net::get_link(netlink, "lo").index);
}

TestHost::Sandbox TestHost::add_sandbox() {
  base::Netns netns = base::Netns::create();
  const std::string path = "/proc/self/fd/" + std::to_string(netns.fd());
  return {std::move(netns), path};
}

void TestHost::install_ipam(const std::string& script) {
  const std::string file = dir_.path() + "/fake";
  base::write_file_atomic(file, "#!/bin/sh\nDIR=" + dir_.path() + "\n" + script, 0755);
}

std::string TestHost::read(const std::string& name) const {
  return base::find_file(dir_.path() + "/" + name).value_or("");
}

cni::Request TestHost::request(cni::Verb verb, const std::string& config,
                               const Sandbox& sandbox) const {
  constexpr std::array<const char*, 6> kVerbs{"ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"};
  ::setenv("CNI_COMMAND", kVerbs[static_cast<std::size_t>(verb)], 1);
  ::setenv("CNI_PATH", dir_.path().c_str(), 1);
  cni::Request request{.verb = verb,
                       .container_id = "c1",
                       .ifname = "eth0",
                       .netns = sandbox.path,
                       .path = dir_.path(),
                       .stdin_text = config,
                       .config = json::Object::parse(config, "test configuration"),
                       .network = "net1",
                       .version = cni::kNewestVersion};
  request.sandbox = base::Netns::find(sandbox.path);
  return request;
}

bool takes_ipv6(const TestHost::Sandbox& sandbox, const cni::Result& result,
                const std::string& link, const std::string& gateway) {
  net::Netlink host;
  net::Netlink inside(sandbox.netns);
  const auto takes = [](net::Netlink& netlink, const std::string& name,
                        const base::IpAddress& address) {
    return net::is_local(netlink, address, net::get_link(netlink, name).index);
  };
  const auto ip = std::ranges::find_if(
      result.ips, [](const cni::IpConfig& each) { return !each.address.address.is_v4(); });
  return takes(host, link, base::IpAddress::parse(gateway).value()) &&
         takes(inside, "eth0", ip->address.address);
}

std::string output_of(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "re");
  if (pipe == nullptr) base::throw_errno("run " + command);
  std::string output;
  std::array<char, 4096> buffer;
  for (std::size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    output.append(buffer.data(), n);
  ::pclose(pipe);
  return output;
}

std::string output_in(const TestHost::Sandbox& sandbox, const std::string& command) {
  std::string output;
  sandbox.netns.run([&] { output = output_of(command); });
  return output;
}

std::string links() {
  return output_of(
      "ip -o link 2>/dev/null | sed -E 's/NO-CARRIER,|,M-DOWN|,LOWER_UP//g; s/ state [A-Z]+//'");
}

std::string routed_state() {
  return links() +
         output_of("ip route show table all | sed 's/ linkdown//'; nft list ruleset | grep c1");
}

}  // namespace test
