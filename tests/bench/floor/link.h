/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <net/if.h>

#include "tests/bench/floor/floor.h"

#define MAC_SIZE 6
#define MAC_TEXT_SIZE 18

/** A veth pair about to exist: the host end's name and both addresses are drawn before, so none has
 * to be asked for. */
struct pair {
  char host[IFNAMSIZ];
  uint8_t host_mac[MAC_SIZE];
  uint8_t pod_mac[MAC_SIZE];
};

void pair_draw(struct pair* pair);
/** Adds the message that creates the pair, its other end in the sandbox, up and (master != 0) on a
 * bridge. */
void put_veth(struct batch* b, const struct request* r, const struct pair* pair, int sandbox,
              uint32_t master);
void put_link_up(struct batch* b, uint32_t index, uint16_t flags);
void put_address(struct batch* b, int family, uint32_t index, const void* address, int prefix,
                 uint32_t ifa_flags);

/** One route of the main table; zero members are left out. */
struct route {
  const void* dst;
  int prefix;
  const void* gateway;
  const void* src;
  uint32_t index;
  uint8_t scope;
};
void put_route(struct batch* b, int family, const struct route* route, uint16_t flags);

/** The index of a link by name in the namespace of the socket, 0 when there is none. */
uint32_t link_index(int socket, const char* name);
int open_netns(const char* path);
void enter_netns(int fd);
void mac_text(const uint8_t* mac, char* text);
/** DEL of a veth: enters the sandbox and deletes the link; the kernel takes the other end with it.
 */
void remove_pod_link(const struct request* r);
