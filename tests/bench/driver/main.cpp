// SPDX-License-Identifier: Apache-2.0
// Started by scripts/bench, which documents the options.
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <stdexcept>

#include "libcni/base/sys_error.h"
#include "tests/bench/driver/cases.h"
#include "tests/bench/driver/measure.h"
#include "tests/bench/driver/report.h"

namespace bench {
namespace {

struct BenchOptions {
  Places places;
  std::vector<std::string> cases;
  std::string json;
  std::string reference_version = "unknown version";
  bool quick = false;
  bool check = false;
  bool against = false;  ///< the reference side is an earlier build of ours
};

BenchOptions parse(int argc, char** argv) {
  BenchOptions o;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&] {
      if (i + 1 == argc) throw std::invalid_argument(name + " needs a value");
      return std::string(argv[++i]);
    };
    if (name == "--reference")
      o.places.reference = value();
    else if (name == "--against") {
      o.places.reference = value();
      o.against = true;
    } else if (name == "--ours")
      o.places.ours = value();
    else if (name == "--floor")
      o.places.floor = value();
    else if (name == "--scratch")
      o.places.scratch = value();
    else if (name == "--reference-version")
      o.reference_version = value();
    else if (name == "--case")
      o.cases.push_back(value());
    else if (name == "--json")
      o.json = value();
    else if (name == "--quick")
      o.quick = true;
    else if (name == "--check")
      o.check = true;
    else
      throw std::invalid_argument("unknown option " + name);
  }
  // 150 000 files take half a minute on a disk; the quick run keeps them in memory, and the report
  // says so
  if (o.quick) o.places.scratch = "/var/lib/cni/networks";
  return o;
}

std::vector<Case> chosen_cases(const std::vector<std::string>& names) {
  std::vector<Case> all = all_cases();
  std::string known;
  for (const Case& c : all) known += " " + c.name;
  for (const std::string& name : names)
    if (std::none_of(all.begin(), all.end(), [&](const Case& c) { return c.name == name; }))
      throw std::invalid_argument("no case \"" + name + "\"; there are:" + known);
  if (!names.empty())
    std::erase_if(all, [&](const Case& c) {
      return std::find(names.begin(), names.end(), c.name) == names.end();
    });
  return all;
}

Setting describe(const BenchOptions& options) {
  Setting setting;
  const time_t now = ::time(nullptr);
  char date[32];
  std::strftime(date, sizeof(date), "%Y-%m-%d %H:%M", ::gmtime(&now));
  setting.date = date;
  utsname kernel{};
  ::uname(&kernel);
  struct sysinfo info {};
  ::sysinfo(&info);
  const unsigned long gib = (info.totalram * info.mem_unit + (1UL << 29)) >> 30;
  setting.machine = std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)) + " processors, " +
                    std::to_string(gib) + " GiB, Linux " + kernel.release;
  const auto processors = static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN));
  if (::getloadavg(&setting.load, 1) != 1) setting.load = 0;
  setting.busy = setting.load > processors / 2;
  setting.disk = describe_filesystem(options.places.scratch);
  setting.reference_version = options.reference_version;
  return setting;
}

/// The file is opened before the process enters its namespaces: its folder may not be visible
/// inside.
void write_report(std::ofstream& file, const std::string& text) {
  if (file.is_open() && !(file << text << std::flush))
    throw std::runtime_error("cannot write the report file");
}

std::ofstream open_report(const std::string& path) {
  std::ofstream file;
  if (path.empty()) return file;
  file.open(path);
  if (!file) base::throw_errno("open " + path);
  return file;
}

void say(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

/// A quick run leaves cases out; in a full run a case that was not measured counts as missed.
bool all_met(const std::vector<Bar>& bars, bool quick) {
  return std::all_of(bars.begin(), bars.end(), [&](const Bar& bar) {
    return bar.state == Bar::State::kMet || (quick && bar.state == Bar::State::kNotMeasured);
  });
}

bool any_broken(const std::vector<Row>& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const Row& row) {
    return std::any_of(row.cells.begin(), row.cells.end(),
                       [](const auto& cell) { return cell.second.broken; });
  });
}

/// 1: a bar is missed; 3: a plugin call failed.
int run_all(const BenchOptions& options) {
  std::ofstream json = open_report(options.json);
  const std::vector<Case> cases = chosen_cases(options.cases);
  enter_private_world();
  // All sides inherit it, so that other work of the machine changes the ratios less
  ::setpriority(PRIO_PROCESS, 0, -20);
  const Setting setting = describe(options);
  std::vector<Row> rows;
  say(text_head(setting));
  for (const Case& c : cases) {
    rows.push_back(measure(c, options.places, options.quick));
    say(as_text(rows.back()));
  }
  const std::vector<Bar> bars = options.against ? judge_against(rows) : judge(rows);
  say("\nbars\n" + as_text(bars));
  write_report(json, as_json(setting, rows, bars));
  if (any_broken(rows)) return 3;
  return options.check && !all_met(bars, options.quick) ? 1 : 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  try {
    return bench::run_all(bench::parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return 2;
  }
}
