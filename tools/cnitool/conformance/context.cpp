// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/context.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <thread>

#include "libcni/base/names.h"

namespace conformance {
namespace {

constexpr std::size_t kLongestQuote = 300;

std::string shortened(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  if (text.size() <= kLongestQuote) return text;
  return text.substr(0, kLongestQuote) + "...";
}

std::string compact(const std::string& text) {
  const Json value = parse_json(text);
  return value.is_discarded() ? text : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string value_of(const Call& call, const std::string& name) {
  const auto found = call.environment.find(name);
  return found == call.environment.end() ? "" : found->second;
}

constexpr int kFirstVlan = 100;  // above those of configurations

/// Numbers attachments in the order of their first calls. Each row is a process of its own.
int number_of(const std::string& attachment) {
  static std::map<std::string, int> numbers;
  return numbers.emplace(attachment, static_cast<int>(numbers.size())).first->second;
}

bool is_reserved(int code) {
  return code == 9 || code == 10 || (code >= 12 && code <= 49) || (code >= 52 && code <= 99);
}

}  // namespace

Call& Call::set(const std::string& name, const std::string& value) {
  environment[name] = value;
  return *this;
}

Call& Call::unset(const std::string& name) {
  environment.erase(name);
  return *this;
}

Call& Call::with(const std::string& key, const Json& value) {
  config[key] = value;
  return *this;
}

Call& Call::merge(const Json& patch) {
  config.merge_patch(patch);
  return *this;
}

Call& Call::without(const std::string& key) {
  config.erase(key);
  return *this;
}

Call& Call::input(const std::string& text) {
  raw = text;
  process.input_path = text.empty() ? "/dev/null" : "";
  return *this;
}

Call& Call::from_doubles() {
  foreign = true;
  return *this;
}

std::string Call::verb() const {
  return value_of(*this, "CNI_COMMAND");
}

Context::Context(const Subject& subject, std::string row)
    : subject_(subject), row_(std::move(row)), recorder_(kDoubles, kRecords) {
  if (const std::string device = subject.config.value("device", ""); !device.empty())
    add_device(device);
}

Call Context::call(const std::string& verb) const {
  return call(verb, subject_.newest);
}

Call Context::call(const std::string& verb, const std::string& version) const {
  Call call;
  call.environment = {{"CNI_COMMAND", verb},        {"CNI_CONTAINERID", "c1"},
                      {"CNI_NETNS", kSandbox},      {"CNI_IFNAME", subject_.ifname},
                      {"CNI_PATH", kPlugins},       {"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"},
                      {kRecorderVariable, kRecords}};
  call.config = subject_.config_for(version);
  call.process.program = std::string(kPlugins) + "/" + subject_.type;
  return call;
}

Call Context::delegated(const std::string& verb) const {
  if (!std::filesystem::exists(std::string(kDoubles) + "/ipam")) recorder_.install("ipam");
  return call(verb)
      .from_doubles()
      .set("CNI_PATH", std::string(kDoubles) + ":" + kPlugins)
      .with("ipam", {{"type", "ipam"}});
}

Json Context::chained_config(const Call& call) const {
  const std::string ifname = value_of(call, "CNI_IFNAME");
  const std::string netns = value_of(call, "CNI_NETNS");
  const bool own = namespace_id(netns) == namespace_id("/proc/self/ns/net");
  if (call.verb() == "ADD" && !own && open_namespace(netns)) attach_sandbox(netns, ifname);
  Json config = call.config;
  const Json version = config.value("cniVersion", Json());
  if (netns.empty() || !version.is_string()) return config;
  if (config.value("prevResult", Json()) != make_prev_result(version, kSandbox)) return config;
  Json& previous = config["prevResult"] = make_prev_result(version, netns);
  if (previous.contains("interfaces")) {
    previous["interfaces"][0]["name"] = ifname;
    previous["interfaces"][1]["name"] = host_end_of(netns, ifname);
  }
  return config;
}

Json Context::config_of_attachment(const Call& call) const {
  Json config = call.config;
  const std::string container = value_of(call, "CNI_CONTAINERID");
  const std::string ifname = value_of(call, "CNI_IFNAME");
  const bool is_first = container == "c1" && ifname == subject_.ifname;
  const auto is_as_given = [&](const char* key) {
    return config.contains(key) && config[key] == subject_.config.value(key, Json());
  };
  if (is_as_given("device") && config["device"].is_string()) {
    if (!is_first)
      config["device"] = "dev-" + base::sha512_hex(container + ":" + ifname).substr(0, 8);
    if (call.verb() == "ADD") add_device(config["device"]);
  }
  if (is_as_given("vlanId") && !is_first)
    config["vlanId"] = kFirstVlan + number_of(container + ":" + ifname);
  return config;
}

ProcessSetup Context::prepare(const Call& call) const {
  ProcessSetup setup = call.process;
  for (const auto& [name, value] : call.environment)
    setup.environment.push_back(name + "=" + value);
  const Json config = subject_.is_chained() ? chained_config(call) : config_of_attachment(call);
  setup.input =
      call.raw.empty() ? config.dump(-1, ' ', false, Json::error_handler_t::ignore) : call.raw;
  return setup;
}

Outcome Context::run(const Call& call) {
  const Outcome outcome = run_process(prepare(call));
  if (call.process.kill_signal != 0 || !call.process.output_path.empty()) return outcome;
  if (outcome.timed_out) note("S-052", "it hangs", outcome);
  if (outcome.signal != 0) note("S-091", "it dies of a signal", outcome);
  if (outcome.exit_code == 0) inspect_success(call, outcome);
  if (outcome.exit_code > 0) inspect_error(call, outcome);
  return outcome;
}

void Context::inspect_success(const Call& call, const Outcome& outcome) {
  const std::string verb = call.verb();
  if (verb == "DEL" || verb == "CHECK" || verb == "GC" || verb == "STATUS") {
    if (!outcome.out.empty()) note("S-084", verb + " prints something", outcome);
  }
  if (verb != "ADD") return;
  const Json result = parse_json(outcome.out);
  if (!result.is_object()) {
    note("S-083", "ADD does not print exactly one object", outcome);
  } else if (result.contains("code") && result.contains("msg")) {
    note("S-085", "an error object with exit code 0", outcome);
  }
}

void Context::inspect_error(const Call& call, const Outcome& outcome) {
  const Json error = parse_json(outcome.out);
  if (!error.is_object()) {
    const bool several = outcome.out.find("\"code\"") != std::string::npos;
    note(several ? "S-086" : "S-085", "a failure without exactly one error object", outcome);
    return;
  }
  if (!error.contains("code") || !error["code"].is_number_unsigned()) {
    note("S-095", "an error object without an unsigned code", outcome);
    return;
  }
  if (!error.contains("cniVersion") || !error["cniVersion"].is_string()) {
    note("S-095", "an error object without cniVersion", outcome);
  }
  const std::string message =
      error.contains("msg") && error["msg"].is_string() ? error["msg"] : Json("");
  if (message.empty()) note("S-095", "an error object without msg", outcome);
  if (call.foreign) return;
  if (message.find('\n') != std::string::npos || message.size() >= 200) {
    note("S-112", "a msg that is not one short line", outcome);
  }
  const int code = code_of(outcome);
  const std::string verb = call.verb();
  if (code == 0) note("S-109", "code 0", outcome);
  if (is_reserved(code)) note("S-107", "a reserved code", outcome);
  if (code == 3 && (verb == "ADD" || verb == "DEL")) note("S-099", "code 3 from " + verb, outcome);
  if ((code == 50 || code == 51) && verb != "STATUS")
    note("S-106", "a STATUS code from " + verb, outcome);
}

void Context::note(const std::string& row, const std::string& what, const Outcome& outcome) {
  const auto same = [&](const Finding& finding) {
    return finding.row == row && finding.what == what;
  };
  if (std::any_of(findings_.begin(), findings_.end(), same)) return;
  findings_.push_back({row, what, "as every answer must be", describe(outcome)});
}

Json Context::add(const Call& call) {
  const Outcome outcome = run(call);
  if (!expect_ok(outcome, "ADD")) return nullptr;
  return parse_json(outcome.out);
}

void Context::warm_up() {
  const Json result = add(call("ADD").set("CNI_CONTAINERID", "warm"));
  expect_ok(run(call("DEL").set("CNI_CONTAINERID", "warm").with("prevResult", result)), "DEL");
}

void Context::fail(const std::string& what, const std::string& expected, const std::string& seen) {
  findings_.push_back({row_, what, expected, shortened(seen)});
}

bool Context::expect(bool met, const std::string& what, const std::string& expected,
                     const std::string& seen) {
  if (!met) fail(what, expected, seen);
  return met;
}

bool Context::expect_ok(const Outcome& outcome, const std::string& what) {
  return expect(outcome.succeeded(), what, "exit 0", describe(outcome));
}

bool Context::expect_error(const Outcome& outcome, const std::string& what,
                           const std::vector<int>& codes, const std::vector<std::string>& texts) {
  std::string wanted = "an error";
  for (const int code : codes)
    wanted += (code == codes.front() ? " with code " : " or ") + std::to_string(code);
  const Json error = parse_json(outcome.out);
  bool met = outcome.exit_code > 0 && error.is_object();
  const int code = code_of(outcome);
  met = met && code >= 0 &&
        (codes.empty() || std::find(codes.begin(), codes.end(), code) != codes.end());
  std::string said;
  if (error.is_object()) {
    for (const char* key : {"msg", "details"}) {
      if (error.contains(key) && error[key].is_string())
        said += error[key].get<std::string>() + "\n";
    }
  }
  for (const std::string& text : texts) {
    wanted += ", naming " + text;
    met = met && said.find(text) != std::string::npos;
  }
  return expect(met, what, wanted, describe(outcome));
}

void Context::expect_unchanged(const Snapshot& before, const std::string& what) {
  const std::string difference = before.difference(snapshot());
  expect(difference.empty(), what, "nothing changed", difference);
}

void Context::expect_restored(const Snapshot& before, const std::string& what) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  while (!before.difference(snapshot()).empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  expect_unchanged(before, what);
}

Json parse_json(const std::string& text) {
  return Json::parse(text, nullptr, false);
}

std::string describe(const Outcome& outcome) {
  std::string text = "exit " + std::to_string(outcome.exit_code);
  if (outcome.signal != 0) text = "killed by signal " + std::to_string(outcome.signal);
  if (outcome.timed_out) text = "no end within the time given";
  if (!outcome.out.empty()) text += ", stdout " + shortened(compact(outcome.out));
  if (!outcome.err.empty()) text += ", stderr " + shortened(outcome.err);
  return text;
}

int code_of(const Outcome& outcome) {
  const Json error = parse_json(outcome.out);
  if (!error.is_object() || !error.contains("code") || !error["code"].is_number_integer())
    return -1;
  return error["code"].get<int>();
}

}  // namespace conformance
