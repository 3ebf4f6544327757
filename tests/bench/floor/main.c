/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel floor: what the kernel work of one CNI verb costs when nothing else is done. One
 * static process, no JSON, no configuration, no IPAM process. tests/bench/README.md says how to
 * read it. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/floor/floor.h"

static void parse_option(struct request* r, const char* option) {
  if (!strcmp(option, "dual"))
    r->dual = true;
  else if (!strcmp(option, "masq"))
    r->masq = true;
  else if (!strncmp(option, "store=", 6))
    r->store = option + 6;
  else if (!strncmp(option, "addr4=", 6))
    r->addr4 = option + 6;
  else if (!strncmp(option, "addr6=", 6))
    r->addr6 = option + 6;
  else if (!strncmp(option, "host-port=", 10))
    r->host_port = (uint16_t)atoi(option + 10);
  else if (!strncmp(option, "container-port=", 15))
    r->container_port = (uint16_t)atoi(option + 15);
  else {
    errno = EINVAL;
    die(option);
  }
}

static const char* variable(const char* name) {
  const char* value = getenv(name);
  if (value) return value;
  errno = EINVAL;
  die(name);
}

int main(int argc, char** argv) {
  static const struct {
    const char* name;
    void (*run)(const struct request*);
  } cases[] = {
      {"loopback", run_loopback}, {"bridge", run_bridge},       {"ptp", run_ptp},
      {"macvlan", run_macvlan},   {"portmap", run_portmap},     {"tuning", run_tuning},
      {"firewall", run_firewall}, {"bandwidth", run_bandwidth}, {"host-local", run_host_local}};
  struct request r = {.del = !strcmp(variable("CNI_COMMAND"), "DEL"),
                      .ifname = variable("CNI_IFNAME"),
                      .container_id = variable("CNI_CONTAINERID"),
                      .netns = variable("CNI_NETNS")};
  for (int i = 2; i < argc; ++i) parse_option(&r, argv[i]);
  for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); ++i) {
    if (strcmp(argv[1], cases[i].name)) continue;
    cases[i].run(&r);
    return 0;
  }
  dprintf(STDERR_FILENO,
          "usage: floor loopback|bridge|ptp|macvlan|portmap|tuning|firewall|bandwidth|host-local "
          "[dual] [masq] "
          "[KEY=VALUE]...\n");
  return 2;
}
