// SPDX-License-Identifier: Apache-2.0
// A runtime: attaches a network namespace to a network, checks the attachment, or detaches it.
//   attach add|check|del FILE NETNS CACHE_FOLDER PLUGIN_FOLDER...
#include <libcni/runtime/cni.h>
#include <libcni/runtime/conf_dir.h>

#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

namespace {

int run(int argc, char** argv) {
  if (argc < 6) {
    std::cerr << "usage: attach add|check|del FILE NETNS CACHE_FOLDER PLUGIN_FOLDER...\n";
    return 2;
  }
  const std::string verb = argv[1];
  const runtime::NetworkList network = runtime::load_file(argv[2]);
  const runtime::RuntimeConf attachment{
      .container_id = "example", .netns = argv[3], .ifname = "eth0"};
  const runtime::Cni cni(
      {.exec = {.plugin_dirs = {argv + 5, argv + argc}}, .cache_dir = argv[4], .rollback = true});
  if (verb == "add")
    std::cout << cni.add(network, attachment).result_text << '\n';
  else if (verb == "check")
    cni.check(network, attachment);
  else if (verb == "del")
    cni.del(network, attachment);
  else
    throw std::invalid_argument("the verb \"" + verb + "\" is not known: use add, check or del");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "attach: " << error.what() << '\n';
    return 1;
  }
}
