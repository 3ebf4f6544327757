// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tests/bench/driver/bars.h"
#include "tests/bench/driver/model.h"

namespace bench {

/// The machine and the time of the run.
struct Setting {
  std::string date;     ///< UTC, to the minute
  std::string machine;  ///< processors, memory, kernel
  double load = 0;      ///< load average of the last minute, before the run
  bool busy = false;    ///< more than half the processors had other work
  std::string disk;     ///< file system of the host-local cases
  std::string reference_version;
};

/// The table on a terminal is printed line by line, as soon as each is known.
std::string text_head(const Setting& setting);
std::string as_text(const Row& row);
std::string as_json(const Setting& setting, const std::vector<Row>& rows,
                    const std::vector<Bar>& bars);
std::string as_text(const std::vector<Bar>& bars);

}  // namespace bench
