// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace base {

/// The kinds of object that a call looks for or removes, for which the kernel's answers differ.
enum class Object {
  file,
  netns,     ///< opened by path
  link,      ///< by rtnetlink, as the next four
  address,   ///< or its link
  route,     ///< or its link
  neighbor,  ///< or an FDB entry, or the link of either
  qdisc,     ///< or a filter of one, or the link of either
  rule,      ///< a table, chain, rule, set or element of nf_tables, or a connection of conntrack
};

/// Returns whether `errnum` means that the object does not exist, or no longer. Every other errno,
/// such as EINTR, EMFILE, ENOMEM and EACCES, means only that the call failed.
bool is_gone(int errnum, Object object);

}  // namespace base
