// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/log.h"
#include "libcni/json/result.h"
#include "libcni/plugin/delegate.h"
#include "libcni/plugin/reserved.h"

namespace cni {

bool ipam_uses_link(const Request& request) noexcept {
  try {
    return request.config.get_object("ipam").get_string("type") == "dhcp";
  } catch (const Error&) {
    return false;
  }
}

Ipam::Ipam(const Request& request)
    : request_(request),
      delegate_(request, request.config.get_object("ipam").get_string("type"),
                {.key = "ipam.type", .what = "IPAM plugin"}) {}

Result Ipam::add_in_process(const Plugin& own, const std::function<bool()>& is_alive) const {
  try {
    return own.add(request_);
  } catch (const StillReserved& reserved) {
    if (!is_alive || is_alive()) throw;
    base::log(std::string(reserved.what()) +
              "; released it: nothing of the attachment is left on this host");
  }
  delegate_.run(Verb::del);
  return own.add(request_);
}

Result Ipam::add(const std::function<bool()>& is_alive) const {
  return delegate_.add(
      {.in_process = [&](const Plugin& own) { return add_in_process(own, is_alive); },
       .accept =
           [&](const json::Object& answer, const Result& result) {
             if (!result.ips.empty()) return;
             if (const auto error = json::find_error(answer)) throw *error;
             throw Error(Code::invalid_config, "IPAM plugin returned missing IP config",
                         "IPAM plugin \"" + type() + "\" gave no address");
           }});
}

void Ipam::del() const {
  if (configured()) delegate_.run(Verb::del);
}
void Ipam::check() const {
  delegate_.run(Verb::check);
}
void Ipam::gc() const {
  if (configured()) delegate_.run(Verb::gc);
}
void Ipam::status() const {
  delegate_.run(Verb::status);
}

}  // namespace cni
