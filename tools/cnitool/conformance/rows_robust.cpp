// SPDX-License-Identifier: Apache-2.0
// A20: robustness, security, cost.
#include <elf.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargest = 2500 * 1024;
const std::string kNetwork = "/var/lib/cni/networks/net1";

void bears_user_namespaces(Context& c) {
  const std::string unshare = find_tool("unshare");
  if (unshare.empty()) return c.skip("needs the unshare tool");
  for (const char* verb : {"ADD", "DEL"}) {
    Call call = c.call(verb);
    call.process.arguments = {"--user", "--map-root-user", call.process.program};
    call.process.program = unshare;
    const Outcome outcome = c.run(call);
    if (!outcome.succeeded())
      c.expect_error(outcome, std::string(verb) + " as root of a user namespace", {});
  }
}

/// Returns whether the program needs a dynamic loader.
bool has_interpreter(const std::string& path) {
  const std::string content = read_text(path);
  Elf64_Ehdr header{};
  if (content.size() < sizeof header) return false;
  std::memcpy(&header, content.data(), sizeof header);
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part{};
    const std::size_t at = header.e_phoff + i * sizeof part;
    if (at + sizeof part > content.size()) return false;
    std::memcpy(&part, content.data() + at, sizeof part);
    if (part.p_type == PT_INTERP) return true;
  }
  return false;
}

void is_static_program(Context& c) {
  if (c.subject().instrumented) return c.skip("built with a sanitizer, which links dynamically");
  c.expect(!has_interpreter(c.subject().binary), "the binary", "statically linked",
           "it needs a dynamic loader");
}

void is_small(Context& c) {
  if (c.subject().instrumented) return c.skip("built with a sanitizer");
  const std::uintmax_t size = fs::file_size(c.subject().binary);
  c.expect(size <= kLargest, "the binary", "at most 2.5 MB", std::to_string(size) + " bytes");
}

void starts_quickly(Context& c) {
  if (c.subject().instrumented) return c.skip("built with a sanitizer");
  std::chrono::microseconds best = std::chrono::hours(1);
  long peak = 1L << 30;
  for (int i = 0; i < 20; ++i) {
    const Outcome outcome = c.run(c.call("VERSION"));
    best = std::min(best, outcome.cpu);
    peak = std::min(peak, outcome.peak_kib);
  }
  c.expect(best < std::chrono::milliseconds(5), "VERSION", "less than 5 ms",
           std::to_string(best.count()) + " us");
  // The kernel includes the memory of the suite's own process at the time of the fork.
  ProcessSetup nothing{find_tool("true")};
  const long floor = run_process(nothing).peak_kib;
  c.expect(peak < std::max(5L * 1024, floor + 512), "VERSION", "less than 5 MiB",
           std::to_string(peak) + " KiB");
}

/// Only the owner may write below the state folders.
void expect_private(Context& c, const std::string& top) {
  if (!fs::exists(top)) return;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(top)) {
    if (entry.is_symlink() || entry.path().string().starts_with("/run/netns") ||
        entry.path().string().starts_with(kWork))
      continue;
    const fs::perms open =
        entry.status().permissions() & (fs::perms::group_write | fs::perms::others_write);
    c.expect(open == fs::perms::none, entry.path(), "writable for its owner only",
             "wider permissions");
  }
}

void keeps_state_safely(Context& c) {
  const Json result = c.add();
  expect_private(c, "/var/lib/cni");
  expect_private(c, "/run");
  const auto damage = [](const std::string& text) {
    if (!fs::exists(kNetwork)) return;
    for (const fs::directory_entry& entry : fs::directory_iterator(kNetwork))
      write_text(entry.path(), text);
  };
  for (const std::string text : {"", "garbage"}) {
    damage(text);
    c.expect_ok(c.run(c.call("DEL").with("prevResult", result)),
                "DEL with state files holding `" + text + "`");
    const Outcome outcome = c.run(c.call("ADD"));
    c.expect_ok(outcome, "ADD with state files holding `" + text + "`");
    if (has_gc(c.subject())) {
      damage(text);
      c.expect_ok(c.run(c.call("GC").with("cni.dev/valid-attachments", Json::array())),
                  "GC with state files holding `" + text + "`");
    }
    c.run(c.call("DEL").with("prevResult", parse_json(outcome.out)));
  }
}

void reads_state_of_the_reference(Context& c) {
  fs::create_directories(kNetwork);
  write_text(kNetwork + "/10.88.0.2", "old\r\neth0");
  write_text(kNetwork + "/10.88.0.3", "older");
  write_text(kNetwork + "/last_reserved_ip.0", "10.88.0.1");
  write_text(kNetwork + "/lock", "");
  const std::string address = join(addresses_of(c.add()));
  c.expect(!address.starts_with("10.88.0.2/") && !address.starts_with("10.88.0.3/"),
           "ADD beside old reservations", "a free address", address);
  c.expect_ok(
      c.run(
          c.call("DEL").set("CNI_CONTAINERID", "old").set("CNI_IFNAME", "eth0").unset("CNI_NETNS")),
      "DEL of an old one");
  c.expect(!fs::exists(kNetwork + "/10.88.0.2"), "DEL of an old one", "its reservation gone",
           "kept");
  c.expect(fs::exists(kNetwork + "/10.88.0.3"), "DEL of an old one", "the other kept", "gone");
}

void refuses_symbolic_links(Context& c) {
  const std::string target = std::string(kScratch) + "/elsewhere";
  fs::create_directories(target);
  fs::create_directories("/var/lib/cni/networks");
  fs::create_directory_symlink(target, kNetwork);
  c.expect_error(c.run(c.call("ADD")), "ADD with a symbolic link as the network's folder", {});
  c.expect(fs::is_empty(target), "ADD with a symbolic link as the network's folder",
           "nothing behind it", "files");
}

/// Makes and removes many links while `body` runs again and again.
template <typename Body>
void during_churn(const Body& body) {
  std::string batch;
  for (int i = 0; i < 3000; ++i)
    batch += "link add churn0 type veth peer name churn1\nlink del churn0\n";
  ProcessSetup churn{find_tool("ip")};
  churn.arguments = {"-batch", "-"};
  churn.input = batch;
  churn.timeout = std::chrono::seconds(3);
  Process process(churn);
  for (int i = 0; i < 25; ++i) body();
  process.finish();
}

void bears_link_churn(Context& c) {
  if (find_tool("ip").empty()) return c.skip("needs the ip tool");
  during_churn([&] {
    if (!c.findings().empty()) return;
    const Json result = c.add();
    c.expect_ok(c.run(c.call("CHECK").with("prevResult", result)), "CHECK while links come and go");
    c.expect_ok(c.run(c.call("DEL").with("prevResult", result)), "DEL while links come and go");
  });
}

/// The trace without connections to the local socket that the plugin documents.
std::string without_documented_socket(const std::string& trace, const Subject& subject) {
  if (subject.type != "firewall") return trace;
  constexpr const char* kBus = "{sa_family=AF_UNIX, sun_path=\"/var/run/dbus/system_bus_socket\"}";
  std::istringstream lines(trace);
  std::string rest;
  for (std::string line; std::getline(lines, line);)
    if (line.find(kBus) == std::string::npos) rest += line + "\n";
  return rest;
}

void talks_to_the_kernel_only(Context& c) {
  const std::string strace = find_tool("strace");
  if (strace.empty()) return c.skip("needs the strace tool");
  const std::string trace = std::string(kScratch) + "/trace";
  Call add = c.call("ADD").set("ASAN_OPTIONS", "detect_leaks=0");
  add.process.arguments = {"-f", "-e",  "trace=socket,connect,openat",
                           "-o", trace, add.process.program};
  add.process.program = strace;
  c.expect_ok(c.run(add), "ADD under strace");
  const std::string seen = without_documented_socket(read_text(trace), c.subject());
  for (const char* foreign :
       {"socket(AF_INET,", "socket(AF_INET6", "connect(", "/etc/passwd", "/root", "/home"}) {
    const std::size_t at = seen.find(foreign);
    c.expect(at == std::string::npos, "ADD", "no " + std::string(foreign),
             at == std::string::npos ? "" : seen.substr(at, 100));
  }
}

bool stores(const Subject& subject) {
  return subject.config.value(Json::json_pointer("/ipam/type"), "") == "host-local";
}

bool checks(const Subject& subject) {
  return subject.supports("0.4.0");
}

}  // namespace

std::vector<Row> robustness_rows() {
  return {{"S-256", anyone, bears_user_namespaces},
          {"S-257", anyone, is_static_program},
          {"S-258", anyone, is_small},
          {"S-259", anyone, starts_quickly},
          {"S-261", stores, keeps_state_safely},
          {"S-262", stores, reads_state_of_the_reference},
          {"S-263", stores, refuses_symbolic_links},
          {"S-264", checks, bears_link_churn},
          {"S-265", anyone, talks_to_the_kernel_only}};
}

}  // namespace conformance
