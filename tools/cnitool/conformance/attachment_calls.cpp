// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/attachment_calls.h"

namespace conformance {

Call on_network(Call call, int number) {
  const std::string digits = std::to_string(number);
  call.config["name"] = "net" + digits;
  if (call.config.contains("bridge")) call.config["bridge"] = "cnibr" + digits;
  const Json::json_pointer subnet("/ipam/ranges/0/0/subnet");
  if (call.config.contains(subnet))
    call.config[subnet] = "10." + std::to_string(88 + number) + ".0.0/16";
  const Json::json_pointer address("/ipam/addresses");
  if (call.config.contains(address)) {
    call.config[address] = {{{"address", "10." + std::to_string(1 + number) + ".0.5/16"}}};
  }
  const Json::json_pointer port("/runtimeConfig/portMappings/0/hostPort");
  if (call.config.contains(port)) call.config[port] = 8080 + number;
  return call;
}

Call without_routes(Call call) {
  if (call.config.contains("ipam")) call.config["ipam"].erase("routes");
  return call;
}

Call for_attachment(Call call, const std::string& container_id, const std::string& ifname) {
  call.environment["CNI_CONTAINERID"] = container_id;
  call.environment["CNI_IFNAME"] = ifname;
  return call;
}

}  // namespace conformance
