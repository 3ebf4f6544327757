// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/conformance.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <deque>

#include "libcni/base/sys_error.h"
#include "libcni/spec/error.h"
#include "tools/cnitool/conformance/rows.h"

namespace conformance {
namespace {

constexpr int kRowTimeoutMs = 180000;

/// A row's process. It writes its verdict into a memory file that it shares with this process.
struct Running {
  const Row* row;
  pid_t pid;
  base::UniqueFd handle;
  base::UniqueFd verdict;
};

void write_verdict(int fd, const Json& verdict) {
  const std::string text = verdict.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (write(fd, text.data(), text.size()) < 0) _exit(1);
}

Json verdict_of(const Context& context) {
  Json findings = Json::array();
  for (const Finding& finding : context.findings()) {
    findings.push_back({finding.row, finding.what, finding.expected, finding.seen});
  }
  return {{"findings", findings}, {"skipped", context.skipped()}};
}

/// The main function of a row's process. If the check itself throws, the row fails.
[[noreturn]] void run_row(const Subject& subject, const Row& row, int verdict) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  seal_inherited_descriptors();
  try {
    enter_new_world(subject.binary,
                    subject.is_chained() ? SandboxKind::attached : SandboxKind::empty);
    Context context(subject, row.id);
    row.check(context);
    write_verdict(verdict, verdict_of(context));
  } catch (const std::exception& error) {
    const Json finding = {row.id, "the check could not be completed", "an answer to judge",
                          error.what()};
    write_verdict(verdict, {{"findings", {finding}}, {"skipped", ""}});
  }
  _exit(0);
}

Running start_row(const Subject& subject, const Row& row) {
  Running running{&row, -1, {}, base::UniqueFd(memfd_create("verdict", MFD_CLOEXEC))};
  running.pid = fork();
  if (running.pid < 0) base::throw_errno("fork for row " + std::string(row.id));
  if (running.pid == 0) run_row(subject, row, running.verdict.get());
  running.handle = base::UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, running.pid, 0)));
  return running;
}

Json finish_row(const Running& running) {
  pollfd ended{running.handle.get(), POLLIN, 0};
  if (poll(&ended, 1, kRowTimeoutMs) == 0) kill(running.pid, SIGKILL);
  int status = 0;
  waitpid(running.pid, &status, 0);
  std::string text(static_cast<std::size_t>(lseek(running.verdict.get(), 0, SEEK_END)), '\0');
  if (pread(running.verdict.get(), text.data(), text.size(), 0) < 0) text.clear();
  const Json verdict = parse_json(text);
  if (verdict.is_object()) return verdict;
  const Json finding = {running.row->id, "the check did not come to an end", "a verdict",
                        "wait status " + std::to_string(status)};
  return {{"findings", {finding}}, {"skipped", ""}};
}

bool is_selected(const SuiteOptions& options, const std::string& id) {
  if (options.rows.empty()) return true;
  const std::string group = "A" + std::to_string(group_of(id));
  return std::any_of(options.rows.begin(), options.rows.end(),
                     [&](const std::string& wanted) { return wanted == id || wanted == group; });
}

RowReport& report_of(Report& report, const std::string& id) {
  const auto found = std::find_if(report.rows.begin(), report.rows.end(),
                                  [&](const RowReport& row) { return row.id == id; });
  if (found != report.rows.end()) return *found;
  for (const RowText& text : row_texts()) {
    if (text.id == id) {
      return report.rows.emplace_back(
          RowReport{id, std::string(text.level), std::string(text.gist)});
    }
  }
  throw cni::Error(cni::Code::internal, "row " + id + " is not in the requirement list");
}

/// Records a verdict. Each finding belongs to the row that it names, which may be another row than
/// the one that ran.
void file(Report& report, const std::string& id, const Json& verdict) {
  RowReport& own = report_of(report, id);
  own.reason = verdict["skipped"];
  if (!own.reason.empty()) own.state = State::skipped;
  for (const Json& finding : verdict["findings"]) {
    const std::string about = finding[0];
    RowReport& row = report_of(report, about);
    const std::string where = about == id ? "" : " (in " + id + ")";
    row.state = State::failed;
    row.findings.push_back({about, finding[1].get<std::string>() + where, finding[2], finding[3]});
  }
}

std::vector<Row> selected_rows(const SuiteOptions& options, const Subject& subject,
                               Report& report) {
  std::vector<Row> rows;
  bool any = false;
  for (const Row& row : all_rows()) {
    if (!is_selected(options, row.id)) continue;
    any = true;
    if (row.applies(subject)) {
      rows.push_back(row);
    } else {
      report_of(report, row.id).state = State::not_applicable;
    }
  }
  if (!any) throw cni::Error(cni::Code::invalid_config, "no row of that ID or group has a check");
  return rows;
}

}  // namespace

Report run(const SuiteOptions& options) {
  Report report{make_subject(options.binary, options.config), {}, options.required};
  if (geteuid() != 0) base::throw_errno("run conformance rows: namespaces need root", EPERM);
  const std::vector<Row> rows = selected_rows(options, report.subject, report);
  std::deque<Running> running;
  std::size_t done = 0;
  const auto finish_oldest = [&] {
    const Json verdict = finish_row(running.front());
    file(report, running.front().row->id, verdict);
    if (options.on_row) options.on_row(running.front().row->id, ++done, rows.size());
    running.pop_front();
  };
  for (const Row& row : rows) {
    if (running.size() >= std::max(1U, options.jobs)) finish_oldest();
    running.push_back(start_row(report.subject, row));
  }
  while (!running.empty()) finish_oldest();
  std::sort(report.rows.begin(), report.rows.end(),
            [](const RowReport& a, const RowReport& b) { return a.id < b.id; });
  return report;
}

}  // namespace conformance
