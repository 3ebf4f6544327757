// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "libcni/json/object.h"
#include "libcni/json/result.h"
#include "tools/cnitool/commands.h"
#include "tools/cnitool/failure.h"
#include "tools/cnitool/result_view.h"
#include "tools/cnitool/session.h"

namespace cnitool {

int run_convert(const Options& options) {
  const std::string file = options.words.empty() ? "-" : options.words.front();
  const std::string what = file == "-" ? "standard input" : file;
  // A result without a version has the oldest format, as in the cache files of old runtimes.
  const auto result = json::parse_result(read_input(file), cni::kVersions.front(), what);
  print_json(print_result_as(result, cni::kNewestVersion.text(), options));
  return kOk;
}

}  // namespace cnitool
