// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace base {

/// What a call looks for or removes, as far as the kernel's answers differ.
enum class Object {
  file,
  netns,     ///< opened by path
  link,      ///< by rtnetlink, as are the next three
  address,   ///< or its link
  route,     ///< or its link
  neighbor,  ///< or an FDB entry, or their link
  rule,      ///< a table, chain, rule, set or element of nf_tables, or a connection of conntrack
};

/// Whether `errnum` says that the object is not there, or not any more. Every other errno, such as
/// EINTR, EMFILE, ENOMEM and EACCES, says only that the call could not look.
bool is_gone(int errnum, Object object);

}  // namespace base
