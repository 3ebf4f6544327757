// SPDX-License-Identifier: Apache-2.0
#include "agent/source/etcd/range_file.h"

#include <exception>

#include "agent/loop/log.h"
#include "libcni/base/file.h"
#include "libcni/json/object.h"
#include "libcni/json/writer.h"

namespace agent::etcd {
namespace {

std::string path_in(const std::string& state_dir) {
  return state_dir + "/etcd-ranges.json";
}

}  // namespace

std::vector<base::Prefix> read_range_file(const std::string& state_dir) {
  std::vector<base::Prefix> ranges;
  const std::string path = path_in(state_dir);
  try {
    const auto text = base::find_file(path);
    if (!text) return {};
    const auto file = json::Object::parse(*text, path);
    for (const std::string& range :
         file.find_strings("ranges").value_or(std::vector<std::string>{})) {
      const auto prefix = base::Prefix::parse(range);
      if (!prefix) file.refuse("ranges", "ranges such as 10.5.52.0/24");
      ranges.push_back(prefix->network());
    }
    return ranges;
  } catch (const std::exception& error) {
    log(LogLevel::warning, "etcd: " + path + " is not used: " + error.what());
    return {};
  }
}

void write_range_file(const std::string& state_dir, const std::vector<base::Prefix>& ranges) {
  json::Writer writer;
  writer.open('{');
  writer.open("ranges", '[');
  for (const base::Prefix& range : ranges) writer.element(range.text());
  writer.close();
  writer.close();
  try {
    base::ensure_directory(state_dir, 0755);
    base::write_file_atomic(path_in(state_dir), writer.text() + "\n", 0644);
  } catch (const std::exception& error) {
    log(LogLevel::warning, std::string("etcd: ") + error.what());
  }
}

}  // namespace agent::etcd
