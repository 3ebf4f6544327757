// SPDX-License-Identifier: Apache-2.0
#include "plugins/dummy/apply.h"

#include "plugins/dummy/conf.h"

namespace dummy {

cni::Result add(const cni::Request& request) {
  return attach::add_upper(request, parse_conf(request));
}

void remove(const cni::Request& request) {
  attach::remove_upper(request, "dummy");
}

void verify(const cni::Request& request) {
  net::Netlink sandbox(*request.sandbox);
  attach::verify_upper(request, sandbox, parse_conf(request));
}

void collect_garbage(const cni::Request& request) {
  attach::collect_upper_garbage(request);
}

void report_status(const cni::Request& request) {
  attach::report_upper_status(request, parse_conf(request), false);
}

}  // namespace dummy
