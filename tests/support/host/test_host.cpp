// SPDX-License-Identifier: Apache-2.0
#include "tests/support/host/test_host.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <thread>

#include "libcni/base/file.h"
#include "libcni/base/sys_error.h"
#include "libcni/net/link.h"

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
  std::error_code exists;
  std::filesystem::create_symlink("fake", dir_.path() + "/long-name-of-fake", exists);
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
  const auto takes = [](const oracle::Lines& routes, const std::string& name,
                        const std::string& address) {
    return std::ranges::any_of(routes, [&](const std::string& route) {
      return route.starts_with("local local " + address + " dev " + name + " ");
    });
  };
  const auto ip = std::ranges::find_if(
      result.ips, [](const cni::IpConfig& each) { return !each.address.address.is_v4(); });
  return takes(read_in(sandbox, &oracle::routes), "eth0", ip->address.address.text()) &&
         takes(oracle::routes(), link, gateway);
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

oracle::Lines read_in(const TestHost::Sandbox& sandbox, oracle::Lines (*read)()) {
  oracle::Lines lines;
  sandbox.netns.run([&] { lines = read(); });
  return lines;
}

oracle::Lines wait_in(const TestHost::Sandbox& sandbox, oracle::Lines (*read)(),
                      const std::string& part) {
  oracle::Lines lines;
  for (int i = 0; i < 200 && lines.empty(); ++i) {
    if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    lines = oracle::lines_with(read_in(sandbox, read), part);
  }
  return lines;
}

std::string text_in(const TestHost::Sandbox& sandbox, oracle::Lines (*read)()) {
  return oracle::text_of(read_in(sandbox, read));
}

std::string overlay_state() {
  using namespace oracle;
  return text_of(lines_without(addresses(), " fe80::")) +
         text_of(lines_with(neighbours(), " permanent")) + text_of(lines_with(fdb(), " dst ")) +
         text_of(lines_without(lines_without(routes(), " fe80::"), "local "));
}

std::string links() {
  return oracle::text_of(oracle::links());
}

std::string routed_state() {
  return links() + oracle::text_of(oracle::routes()) + output_of("nft list ruleset | grep c1");
}

}  // namespace test
