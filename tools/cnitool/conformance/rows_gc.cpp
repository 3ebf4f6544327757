// SPDX-License-Identifier: Apache-2.0
// A15: the meaning of GC.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "tools/cnitool/conformance/attachment_calls.h"
#include "tools/cnitool/conformance/observed_state.h"
#include "tools/cnitool/conformance/rows.h"
#include "tools/cnitool/conformance/text.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;

constexpr const char* kValid = "cni.dev/valid-attachments";
constexpr const char* kOldValid = "cni.dev/attachments";

bool has_state(const Subject& subject) {
  const bool stores = subject.config.value(Json::json_pointer("/ipam/type"), "") == "host-local";
  return has_gc(subject) && (stores || is_portmap(subject));
}

bool has_no_state(const Subject& subject) {
  return has_gc(subject) && !has_state(subject);
}

bool has_delegate(const Subject& subject) {
  return has_gc(subject) && subject.delegates();
}

bool is_modern_host_local(const Subject& subject) {
  return has_gc(subject) && is_host_local(subject);
}

std::string container(int number) {
  return "gc" + std::to_string(number);
}

/// The ADD of attachment `number`, in a sandbox of its own.
Call numbered(const Context& c, int number) {
  Call add = c.call("ADD").set("CNI_CONTAINERID", container(number));
  add.set("CNI_NETNS", "/run/netns/" + container(number));
  const Json::json_pointer port("/runtimeConfig/portMappings/0/hostPort");
  if (add.config.contains(port)) add.config[port] = 8500 + number;
  return add;
}

void attach(Context& c, int count) {
  for (int i = 0; i < count; ++i) {
    make_sandbox("/run/netns/" + container(i));
    c.add(numbered(c, i));
  }
}

/// Returns whether the host holds something for attachment `number`: a reservation, or its port in
/// a rule.
bool is_held(const Context& c, int number, const std::string& network = "net1") {
  if (is_portmap(c.subject())) {
    return nft_json().dump().find(std::to_string(8500 + number)) != std::string::npos;
  }
  const std::vector<std::string> held = reservations(network);
  return std::any_of(held.begin(), held.end(), [&](const std::string& address) {
    return read_text("/var/lib/cni/networks/" + network + "/" + address)
        .starts_with(container(number) + "\r\n");
  });
}

void expect_held(Context& c, const std::string& what, int count, const std::vector<int>& numbers) {
  for (int i = 0; i < count; ++i) {
    const bool wanted = std::find(numbers.begin(), numbers.end(), i) != numbers.end();
    c.expect(is_held(c, i) == wanted, what, container(i) + (wanted ? " kept" : " gone"),
             wanted ? "gone" : "kept");
  }
}

Json entry(const Context& c, int number) {
  return {{"containerID", container(number)}, {"ifname", c.subject().ifname}};
}

Call gc(const Context& c) {
  return c.call("GC")
      .unset("CNI_CONTAINERID")
      .unset("CNI_NETNS")
      .unset("CNI_IFNAME")
      .without("prevResult")
      .without("runtimeConfig");
}

void reads_the_list(Context& c) {
  attach(c, 2);
  c.expect_ok(c.run(gc(c).with(kValid, Json::array({entry(c, 1)}))), "GC");
  expect_held(c, "GC with one of two listed", 2, {1});
}

void falls_back_to_the_old_key(Context& c) {
  attach(c, 3);
  c.expect_ok(c.run(gc(c).with(kOldValid, Json::array({entry(c, 1), entry(c, 2)}))),
              "GC with cni.dev/attachments only");
  expect_held(c, "GC with cni.dev/attachments only", 3, {1, 2});
  const Call both =
      gc(c).with(kOldValid, Json::array({entry(c, 1)})).with(kValid, Json::array({entry(c, 2)}));
  c.expect_ok(c.run(both), "GC with both keys");
  expect_held(c, "GC with both keys", 3, {2});
}

void takes_nothing_for_none_valid(Context& c) {
  for (const char* list : {"null", "[]", "absent"}) {
    attach(c, 2);
    Call call = gc(c);
    if (list != std::string("absent")) call.with(kValid, Json::parse(list));
    c.expect_ok(c.run(call), "GC with the list " + std::string(list));
    expect_held(c, "GC with the list " + std::string(list), 2, {});
    for (int i = 0; i < 2; ++i) {
      c.run(numbered(c, i).set("CNI_COMMAND", "DEL"));
      remove_sandbox("/run/netns/" + container(i));
    }
  }
}

void removes_nothing_by_a_malformed_list(Context& c) {
  attach(c, 2);
  const Snapshot before = c.snapshot();
  for (const char* list :
       {R"("x")", "{}", "7", "[null]", "[7]", "[{}]", R"([{"containerID":"gc0"}])",
        R"([{"ifname":"eth0"}])", R"([{"containerID":1,"ifname":"eth0"}])",
        R"([{"containerID":"gc0","ifname":null}])"}) {
    c.expect_error(c.run(gc(c).with(kValid, Json::parse(list))),
                   "GC with the list " + std::string(list), {7});
  }
  c.expect_unchanged(before, "GC with malformed lists");
}

void removes_all_that_is_stale(Context& c) {
  attach(c, 5);
  make_sandbox("/run/netns/" + container(9));
  c.add(on_network(numbered(c, 9), 2));
  // The namespaces of stale attachments are usually gone.
  remove_sandbox("/run/netns/" + container(0));
  c.expect_ok(c.run(gc(c).with(kValid, Json::array({entry(c, 1), entry(c, 3)}))), "GC");
  expect_held(c, "GC with two of five listed", 5, {1, 3});
  c.expect(is_portmap(c.subject()) || is_held(c, 9, "net2"), "GC of net1", "net2 untouched",
           "its attachment gone");
}

void touches_its_network_only(Context& c) {
  make_sandbox("/run/netns/" + container(0));
  c.add(on_network(numbered(c, 0), 2));
  const Snapshot before = c.snapshot();
  c.expect_ok(c.run(gc(c).with(kValid, Json::array())), "GC of net1");
  c.expect_unchanged(before, "GC of a network without attachments");
}

void is_forwarded(Context& c) {
  const std::string text = c.delegated("GC").with(kValid, Json::array({entry(c, 1)})).config.dump();
  c.expect_ok(c.run(c.delegated("GC").input(text)), "GC");
  const std::vector<Json> calls = c.recorder().calls();
  const bool once = calls.size() == 1 && calls[0].value("verb", "") == "GC";
  if (!c.expect(once, "GC", "one GC at the delegate", c.recorder().verbs())) return;
  c.expect(calls[0].value("stdin", "") == text, "stdin of the delegate", text,
           calls[0].value("stdin", ""));
}

void goes_on_after_errors(Context& c) {
  attach(c, 2);
  c.delegated("GC");
  c.recorder().play("ipam", "GC.exit", "1");
  c.recorder().play("ipam", "GC.stdout",
                    R"({"cniVersion":"1.1.0","code":123,"msg":"delegate says no"})");
  const Outcome outcome = c.run(c.delegated("GC").with(kValid, Json::array()));
  c.expect_error(outcome, "GC with a failing delegate", {}, {"delegate says no"});
  if (!is_bridge(c.subject())) return;
  c.expect(find_link("eth0", "/run/netns/" + container(0)).is_null(), "GC with a failing delegate",
           "its own work done all the same", "stale attachments are still there");
}

void spares_live_attachments(Context& c) {
  attach(c, 2);
  c.expect_ok(c.run(gc(c).with(kValid, Json::array({entry(c, 0), entry(c, 1)}))),
              "GC with all listed");
  expect_held(c, "GC with all listed", 2, {0, 1});
}

void ignores_unknown_entries(Context& c) {
  attach(c, 1);
  const Json list = {
      entry(c, 0), entry(c, 77), {{"containerID", "x"}, {"ifname", "y"}, {"more", true}}};
  c.expect_ok(c.run(gc(c).with(kValid, list)), "GC with unknown entries");
  expect_held(c, "GC with unknown entries", 1, {0});
}

void repeats(Context& c) {
  attach(c, 3);
  for (const Json& list :
       {Json{entry(c, 2), entry(c, 1), entry(c, 2)}, Json{entry(c, 1), entry(c, 2)}}) {
    const Outcome outcome = c.run(gc(c).with(kValid, list));
    c.expect(outcome.succeeded() && outcome.out.empty(), "GC", "exit 0 and no output",
             describe(outcome));
    expect_held(c, "GC", 3, {1, 2});
  }
}

void accepts_gc(Context& c) {
  const Snapshot before = c.snapshot();
  c.expect_ok(c.run(gc(c).with(kValid, Json::array())), "GC");
  c.expect_unchanged(before, "GC");
}

void honours_old_files(Context& c) {
  const std::string folder = "/var/lib/cni/networks/net1/";
  attach(c, 1);
  write_text(folder + "10.88.0.50", "old-and-live");
  write_text(folder + "10.88.0.51", "old-and-stale");
  write_text(folder + "10.88.0.52", "old-and-live\r\neth1");
  write_text(folder + "last_reserved_ip.7", "10.88.0.52");
  const Json list = {{{"containerID", "old-and-live"}, {"ifname", "eth0"}}, entry(c, 0)};
  c.expect_ok(c.run(gc(c).with(kValid, list)), "GC");
  c.expect(is_held(c, 0), "GC", "a listed reservation kept", "gone");
  c.expect(fs::exists(folder + "10.88.0.50"), "GC", "a listed reservation without ifname kept",
           "gone");
  c.expect(!fs::exists(folder + "10.88.0.51"), "GC", "a stale reservation without ifname gone",
           "kept");
  c.expect(!fs::exists(folder + "10.88.0.52"), "GC", "the reservation of another ifname gone",
           "kept");
  c.expect(fs::exists(folder + "last_reserved_ip.7") && fs::exists(folder + "lock"), "GC",
           "lock and cursors kept", "gone");
}

/// Waits until `pid` runs the plugin and sleeps, which means that it reads its input.
void wait_until_it_reads(const Context& c, pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (std::chrono::steady_clock::now() < deadline) {
    std::error_code error;
    const bool running = fs::read_symlink(folder + "/exe", error).filename() == c.subject().type;
    const std::string state = read_text(folder + "/stat");
    if (running && state.find(") S ") != std::string::npos) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void takes_nothing_new(Context& c) {
  Call collect = gc(c).with(kValid, Json::array());
  collect.process.chunk = 1 << 16;
  for (int i = 0; i < 5; ++i) {
    Process collecting(c.prepare(collect));
    wait_until_it_reads(c, collecting.pid());
    const Call add = numbered(c, i).set("CNI_NETNS", kSandbox);
    c.add(add);
    c.expect_ok(collecting.finish(), "GC beside ADD");
    if (!c.expect(is_held(c, i), "an address reserved after GC started", "kept", "released"))
      return;
    c.run(numbered(c, i).set("CNI_NETNS", kSandbox).set("CNI_COMMAND", "DEL"));
  }
}

}  // namespace

std::vector<Row> gc_rows() {
  return {{"S-190", has_state, reads_the_list},
          {"S-191", has_state, falls_back_to_the_old_key},
          {"S-192", has_state, takes_nothing_for_none_valid},
          {"S-193", has_state, removes_nothing_by_a_malformed_list},
          {"S-194", has_state, removes_all_that_is_stale},
          {"S-195", has_state, touches_its_network_only},
          {"S-196", has_delegate, is_forwarded},
          {"S-197", has_delegate, goes_on_after_errors},
          {"S-198", has_state, spares_live_attachments},
          {"S-199", has_state, ignores_unknown_entries},
          {"S-200", has_state, repeats},
          {"S-201", has_no_state, accepts_gc},
          {"S-202", is_modern_host_local, honours_old_files},
          {"S-203", is_modern_host_local, takes_nothing_new},
          {"S-204", has_state, removes_all_that_is_stale}};
}

}  // namespace conformance
