// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/subject.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "libcni/spec/error.h"
#include "tools/cnitool/conformance/example.h"
#include "tools/cnitool/conformance/process.h"
#include "tools/cnitool/conformance/world.h"

namespace conformance {
namespace {

using nlohmann::json;

json parse_config(const std::string& type, const std::string& text) {
  json config = text.empty() ? find_example(type) : json::parse(text, nullptr, false);
  if (text.empty() && config.is_null()) {
    throw cni::Error(cni::Code::invalid_config, "no configuration is known for plugin \"" + type +
                                                    "\"; give one with --config");
  }
  if (!config.is_object()) {
    throw cni::Error(cni::Code::decoding_failure,
                     "the configuration for \"" + type + "\" is not a JSON object");
  }
  return config;
}

/// Removes a key of the suite itself from the configuration.
bool take_flag(json& config, const char* key) {
  const bool set = config.value(key, false);
  config.erase(key);
  return set;
}

std::vector<std::string> ask_versions(const std::string& binary) {
  ProcessSetup setup{binary};
  setup.environment = {"CNI_COMMAND=VERSION"};
  setup.input = R"({"cniVersion":"1.1.0"})";
  const json reply = json::parse(run_process(setup).out, nullptr, false);
  std::vector<std::string> versions;
  if (!reply.is_object() || !reply.contains("supportedVersions")) return versions;
  for (const json& version : reply["supportedVersions"]) {
    if (version.is_string()) versions.push_back(version);
  }
  return versions;
}

bool is_instrumented(const std::string& binary) {
  std::ifstream file(binary, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  return content.find("__asan_init") != std::string::npos ||
         content.find("__tsan_init") != std::string::npos;
}

}  // namespace

const std::vector<std::string>& all_versions() {
  static const std::vector<std::string> versions = {"0.1.0", "0.2.0", "0.3.0", "0.3.1",
                                                    "0.4.0", "1.0.0", "1.1.0"};
  return versions;
}

int family_of(const std::string& version) {
  if (version == "0.1.0" || version == "0.2.0") return 0;
  return version.starts_with("0.") ? 1 : 2;
}

json make_prev_result(const std::string& version, const std::string& sandbox) {
  if (family_of(version) == 0) {
    return {{"cniVersion", version},
            {"ip4", {{"ip", kPrevAddress}, {"gateway", "10.99.0.1"}}},
            {"dns", json::object()}};
  }
  json address = {{"address", kPrevAddress}, {"gateway", "10.99.0.1"}, {"interface", 0}};
  json result = {{"cniVersion", version},
                 {"interfaces",
                  {{{"name", "eth0"}, {"mac", kPrevMac}, {"sandbox", sandbox}},
                   {{"name", host_end_of(sandbox, "eth0")}, {"mac", kPrevHostMac}}}}};
  if (family_of(version) == 1) {
    address["version"] = "4";
    result["dns"] = json::object();
  }
  result["ips"] = json::array({address});
  return result;
}

bool Subject::is_ipam() const {
  return config.value(json::json_pointer("/ipam/type"), "") == type;
}

bool Subject::delegates() const {
  return !is_ipam() && !config.value(json::json_pointer("/ipam/type"), "").empty();
}

bool Subject::makes_link() const {
  return !is_ipam() && !chained && ifname != "lo";
}

bool Subject::keeps_subnets() const {
  return type != "bgp";
}

bool Subject::supports(const std::string& version) const {
  return std::find(versions.begin(), versions.end(), version) != versions.end();
}

json Subject::config_for(const std::string& version) const {
  json complete = config;
  complete["cniVersion"] = version;
  complete["name"] = "net1";
  complete["type"] = type;
  if (chained) complete["prevResult"] = make_prev_result(version, kSandbox);
  return complete;
}

Subject make_subject(const std::string& binary, const std::string& config) {
  Subject subject;
  subject.binary = std::filesystem::absolute(binary);
  subject.type = std::filesystem::path(binary).filename();
  if (!std::filesystem::is_regular_file(binary)) {
    throw cni::Error(cni::Code::invalid_environment, "no plugin at \"" + binary + "\"");
  }
  subject.ifname = subject.type == "loopback" ? "lo" : "eth0";
  subject.config = parse_config(subject.type, config);
  subject.reads_arguments = take_flag(subject.config, "readsArguments");
  subject.needs_addresses = take_flag(subject.config, "needsAddresses");
  subject.stays_in_sandbox = take_flag(subject.config, "staysInSandbox");
  subject.chained = subject.config.erase("prevResult") > 0;
  subject.versions = ask_versions(subject.binary);
  subject.newest = subject.versions.empty() ? "1.1.0" : subject.versions.back();
  subject.instrumented = is_instrumented(subject.binary);
  return subject;
}

}  // namespace conformance
