// SPDX-License-Identifier: Apache-2.0
// A chained plugin: adds the domains in its key `search` to the result of the plugins before it.
#include <libcni/plugin/plugin.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

std::vector<std::string> read_domains(const cni::Request& request) {
  const auto domains = request.config.find_strings("search");
  if (!domains || domains->empty()) request.config.refuse("search", "a list of domains");
  return *domains;
}

cni::Result add(const cni::Request& request) {
  cni::Result result = cni::require_prev_result(request);
  for (const std::string& domain : read_domains(request)) result.dns.search.push_back(domain);
  return result;
}

void check(const cni::Request& request) {
  const cni::Result& result = cni::require_prev_result(request);
  for (const std::string& domain : read_domains(request))
    if (std::ranges::find(result.dns.search, domain) == result.dns.search.end())
      throw cni::Error(cni::Code::internal, "domain " + domain + " is missing from the result");
}

}  // namespace

int main(int argc, char** argv) {
  const cni::Plugin plugin{.name = "search-domain",
                           .add = add,
                           .check = check,
                           .chained = true,
                           .parse = [](const cni::Request& request) { read_domains(request); },
                           .keys = "search[]:string",
                           .opens_sandbox = false};
  return cni::plugin_main(plugin, argc, argv);
}
