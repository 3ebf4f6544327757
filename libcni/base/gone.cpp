// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/gone.h"

#include <cerrno>

namespace base {

bool is_gone(int errnum, Object object) {
  switch (object) {
    case Object::file:
    case Object::rule:
      return errnum == ENOENT;
    case Object::netns:
      // ENXIO: a socket is in the place of the namespace. EINVAL: from Netns itself, for a file
      // that is not a network namespace.
      return errnum == ENOENT || errnum == ENOTDIR || errnum == ENXIO || errnum == EINVAL;
    case Object::link:
      return errnum == ENODEV;
    case Object::address:
      return errnum == EADDRNOTAVAIL || errnum == ENODEV;
    case Object::route:
      return errnum == ESRCH || errnum == ENODEV;
    case Object::neighbor:
    case Object::qdisc:
      return errnum == ENOENT || errnum == ENODEV;
  }
  return false;
}

}  // namespace base
