// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/shape.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

namespace conformance {
namespace {

using Keys = std::vector<std::string>;

/// Collects faults; `where` is the path of the value that is being checked.
class Shape {
 public:
  explicit Shape(std::string version)
      : version_(std::move(version)), family_(family_of(version_)) {}

  std::vector<std::string> faults() && { return std::move(faults_); }

  void result(const Json& value) {
    if (!value.is_object()) return fault("result", "is not an object");
    if (value.value("cniVersion", "") != version_) fault("cniVersion", "is not " + version_);
    if (family_ == 0) {
      keys(value, "result", {"cniVersion", "ip4", "ip6", "dns"});
      if (!value.contains("ip4") && !value.contains("ip6"))
        fault("result", "has neither ip4 nor ip6");
      for (const char* key : {"ip4", "ip6"}) {
        if (value.contains(key)) old_address(value[key], key);
      }
    } else {
      keys(value, "result", {"cniVersion", "interfaces", "ips", "routes", "dns"});
      each(value, "interfaces", &Shape::interface);
      count_ = value.value("interfaces", Json::array()).size();
      each(value, "ips", &Shape::address);
      each(value, "routes", &Shape::route);
    }
    if (family_ < 2 && !value.contains("dns")) fault("dns", "is missing");
    if (family_ == 2 && value.contains("dns") && value["dns"].empty())
      fault("dns", "is present though empty");
    if (value.contains("dns")) dns(value["dns"]);
  }

 private:
  void fault(const std::string& where, const std::string& what) {
    faults_.push_back(where + " " + what);
  }

  void keys(const Json& value, const std::string& where, const Keys& known) {
    for (const auto& [key, member] : value.items()) {
      if (std::find(known.begin(), known.end(), key) == known.end())
        fault(where, "has unknown key " + key);
      if (member.is_null()) fault(where + "." + key, "is null");
    }
  }

  void each(const Json& value, const char* key,
            void (Shape::*check)(const Json&, const std::string&)) {
    if (!value.contains(key)) return;
    if (!value[key].is_array() || value[key].empty())
      return fault(key, "is not a list with elements");
    for (std::size_t i = 0; i < value[key].size(); ++i) {
      const std::string where = std::string(key) + "[" + std::to_string(i) + "]";
      if (!value[key][i].is_object()) {
        fault(where, "is not an object");
      } else {
        (this->*check)(value[key][i], where);
      }
    }
  }

  void interface(const Json& value, const std::string& where) {
    Keys known = {"name", "mac", "sandbox"};
    if (family_ == 2) known.insert(known.end(), {"mtu", "socketPath", "pciID"});
    keys(value, where, known);
    if (value.value("name", "").empty()) fault(where, "has no name");
    if (value.contains("mac")) mac(value["mac"], where);
    if (value.contains("mtu") && !(value["mtu"].is_number_unsigned() && value["mtu"] > 0))
      fault(where, "has a bad mtu");
  }

  void mac(const Json& value, const std::string& where) {
    const std::string text = value.is_string() ? value : Json("");
    const bool lower = std::none_of(text.begin(), text.end(),
                                    [](unsigned char c) { return std::isupper(c) != 0; });
    if (text.size() != 17 || text[2] != ':' || !lower)
      fault(where, "has a bad mac " + value.dump());
  }

  void address(const Json& value, const std::string& where) {
    Keys known = {"address", "gateway", "interface"};
    if (family_ == 1) known.push_back("version");
    keys(value, where, known);
    prefix(value, "address", where);
    if (value.contains("gateway")) plain(value["gateway"], where + ".gateway");
    if (value.contains("interface")) index(value["interface"], where);
    const bool v6 = value.value("address", "").find(':') != std::string::npos;
    if (family_ == 1 && value.value("version", Json()) != Json(v6 ? "6" : "4"))
      fault(where, "has no right version");
  }

  void index(const Json& value, const std::string& where) {
    if (!value.is_number_unsigned() || value.get<std::size_t>() >= count_)
      fault(where, "has a bad interface index");
  }

  void route(const Json& value, const std::string& where) {
    Keys known = {"dst", "gw"};
    const Keys extras = {"mtu", "advmss", "priority", "table", "scope"};
    if (family_ > 0) known.insert(known.end(), extras.begin(), extras.end());
    keys(value, where, known);
    prefix(value, "dst", where);
    if (value.contains("gw")) plain(value["gw"], where + ".gw");
    for (const std::string& extra : extras) {
      if (value.contains(extra) && !value[extra].is_number_unsigned())
        fault(where + "." + extra, "is not a count");
    }
  }

  void old_address(const Json& value, const std::string& where) {
    keys(value, where, {"ip", "gateway", "routes"});
    prefix(value, "ip", where);
    each(value, "routes", &Shape::route);
  }

  void dns(const Json& value) {
    keys(value, "dns", {"nameservers", "domain", "search", "options"});
    for (const auto& [key, member] : value.items()) {
      if (member.empty() || (member.is_string() && member == ""))
        fault("dns." + key, "is present though empty");
    }
  }

  void prefix(const Json& value, const char* key, const std::string& where) {
    if (!value.contains(key) || !value[key].is_string() || !is_canonical_prefix(value[key])) {
      fault(where, "has no right " + std::string(key));
    }
  }

  void plain(const Json& value, const std::string& where) {
    const std::string text = value.is_string() ? value : Json("");
    if (!is_canonical_prefix(text + (text.find(':') == std::string::npos ? "/32" : "/128"))) {
      fault(where, "is not an address");
    }
  }

  std::string version_;
  int family_;
  std::size_t count_ = 0;
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> shape_faults(const Json& result, const std::string& version) {
  Shape shape(version);
  shape.result(result);
  return std::move(shape).faults();
}

bool is_canonical_prefix(const std::string& address) {
  const std::size_t slash = address.find('/');
  if (slash == std::string::npos) return false;
  const std::string text = address.substr(0, slash);
  const std::string length = address.substr(slash + 1);
  const bool v6 = text.find(':') != std::string::npos;
  std::array<unsigned char, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  if (inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), bytes.data()) != 1) return false;
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), canonical.data(), canonical.size());
  const int bits = std::atoi(length.c_str());
  return text == canonical.data() && length == std::to_string(bits) && bits >= 0 &&
         bits <= (v6 ? 128 : 32);
}

}  // namespace conformance
