// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/cnitool/options.h"

namespace cnitool {

// One function per command; each returns the exit code and throws for main to report.

int run_add(const Options& options);
int run_check(const Options& options);
int run_del(const Options& options);
int run_gc(const Options& options);
int run_status(const Options& options);
int run_list(const Options& options);
int run_validate(const Options& options);
int run_plugins(const Options& options);
int run_attachments(const Options& options);
int run_exec(const Options& options);
int run_convert(const Options& options);
/// Does not return where it can run `cnitool-conformance`, the program beside cnitool that holds
/// the suite: it is as large as the rest of cnitool.
int run_conformance(const Options& options);
/// The format that makes cnitool-conformance write its errors as objects, too.
inline constexpr const char* kJsonErrors = "json-errors";
int run_completion(const Options& options);

}  // namespace cnitool
