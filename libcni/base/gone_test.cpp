// SPDX-License-Identifier: Apache-2.0
#include "libcni/base/gone.h"

#include <cerrno>
#include <set>

#include <gtest/gtest.h>

namespace base {
namespace {

constexpr Object kAll[] = {Object::file,  Object::netns,    Object::link, Object::address,
                           Object::route, Object::neighbor, Object::rule};

// S15
TEST(Gone, S15_ErrorsForAMissingObjectMeanAbsence) {
  const struct {
    Object object;
    std::set<int> gone;
  } table[] = {{Object::file, {ENOENT}},         {Object::netns, {ENOENT, ENOTDIR, ENXIO, EINVAL}},
               {Object::link, {ENODEV}},         {Object::address, {EADDRNOTAVAIL, ENODEV}},
               {Object::route, {ESRCH, ENODEV}}, {Object::neighbor, {ENOENT, ENODEV}},
               {Object::rule, {ENOENT}}};
  for (const auto& row : table)
    for (int errnum = 0; errnum < 134; ++errnum)
      EXPECT_EQ(is_gone(errnum, row.object), row.gone.contains(errnum)) << errnum;
}

TEST(Gone, S15_OtherErrorsNeverMeanAbsence) {
  for (const int errnum : {0, EINTR, EMFILE, ENFILE, ENOMEM, EACCES, EPERM, EIO, ENOBUFS, EAGAIN})
    for (const Object object : kAll) EXPECT_FALSE(is_gone(errnum, object)) << errnum;
}

}  // namespace
}  // namespace base
