// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <span>
#include <string>
#include <system_error>

#include "libcni/base/interrupt.h"
#include "libcni/base/stdio.h"
#include "tools/cnitool/commands.h"
#include "tools/cnitool/conformance/conformance.h"
#include "tools/cnitool/failure.h"
#include "tools/cnitool/session.h"

namespace {

/// Shows on a terminal how far the suite is, in one line that the report replaces.
class Progress {
 public:
  void operator()(const std::string& row, std::size_t done, std::size_t all) const {
    if (shown_)
      std::cerr << "\r\033[K" << done << " of " << all << " rows (" << row << ")" << std::flush;
  }
  void end() const {
    if (shown_) std::cerr << "\r\033[K" << std::flush;
  }

 private:
  bool shown_ = ::isatty(STDERR_FILENO) == 1;
};

/// `words`: BINARY, the format (kJsonErrors, `json`, `text` or `verbose`), the file of the
/// configuration or nothing, rows.
int run(std::span<char*> words) {
  const Progress progress;
  conformance::SuiteOptions options{.binary = words[0], .on_row = progress};
  const std::string format = words[1], config = words[2];
  if (!config.empty()) options.config = cnitool::read_input(config);
  options.rows.assign(words.begin() + 3, words.end());
  const conformance::Report report = conformance::run(options);
  progress.end();
  std::cout << (format.starts_with("json") ? conformance::to_json(report)
                                           : conformance::to_text(report, format == "verbose"));
  base::flush_stdout();
  return report.passed() ? cnitool::kOk : cnitool::kFailed;
}

}  // namespace

/// The program behind `cnitool conformance`, which checks the arguments.
int main(int argc, char** argv) {
  conformance::maybe_act_as_recorder();
  base::fill_stdio();
  cnitool::begin_log();
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // RLIMIT_FSIZE: a write fails with EFBIG instead
  if (argc < 4) {
    std::cerr << "cnitool-conformance: this is a part of cnitool: run cnitool conformance BINARY\n";
    return cnitool::kUsage;
  }
  cnitool::Options errors;
  errors.json = argv[2] == std::string_view(cnitool::kJsonErrors);
  base::catch_termination_signals();
  try {
    return run({argv + 1, static_cast<std::size_t>(argc - 1)});
  } catch (const std::exception& error) {
    return cnitool::report(error, errors);
  }
}
