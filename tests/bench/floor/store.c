/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/floor/floor.h"

static int open_locked(const char* directory) {
  int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0 && errno == ENOENT && mkdir(directory, 0755) == 0)
    dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) die("open the reservation directory");
  int lock = openat(dir, "lock", O_RDONLY | O_CREAT | O_CLOEXEC, 0750);
  if (lock < 0 || flock(lock, LOCK_EX) < 0) die("lock the reservation directory");
  return dir;
}

static void increment(uint8_t* address, size_t size) {
  while (size-- > 0 && ++address[size] == 0) {
  }
}

static void write_file(int dir, const char* name, int flags, const char* text) {
  int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) die("write a reservation");
  close(fd);
}

/* The address after the cursor whose file does not exist yet becomes ours by O_EXCL. */
static void reserve(int dir, int family, const struct request* r, void* address) {
  char cursor[] = "last_reserved_ip.0";
  if (family == AF_INET6) cursor[sizeof(cursor) - 2] = '1';
  char name[INET6_ADDRSTRLEN] = {0};
  int fd = openat(dir, cursor, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    if (read(fd, name, sizeof(name) - 1) < 0) die("read the cursor");
    close(fd);
  }
  if (inet_pton(family, name, address) != 1)
    inet_pton(family, family == AF_INET ? GATEWAY4 : GATEWAY6, address);
  char owner[512];
  snprintf(owner, sizeof(owner), "%s\r\n%s", r->container_id, r->ifname);
  do {
    increment(address, family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr));
    inet_ntop(family, address, name, sizeof(name));
    fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  } while (fd < 0 && errno == EEXIST);
  if (fd < 0 || write(fd, owner, strlen(owner)) < 0) die("write a reservation");
  close(fd);
  write_file(dir, cursor, O_TRUNC, name);
}

struct lease store_reserve(const struct request* r) {
  struct lease lease = {0};
  int dir = open_locked(r->store);
  reserve(dir, AF_INET, r, &lease.addr4);
  if (r->dual) reserve(dir, AF_INET6, r, &lease.addr6);
  return lease;
}

void store_release(const struct request* r) {
  int dir = open_locked(r->store);
  if (unlinkat(dir, r->addr4, 0) < 0 && errno != ENOENT) die("remove a reservation");
  if (r->dual && unlinkat(dir, r->addr6, 0) < 0 && errno != ENOENT) die("remove a reservation");
}
