// SPDX-License-Identifier: Apache-2.0
#include "libcni/runtime/cache.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "libcni/base/file.h"
#include "libcni/base/names.h"
#include "libcni/base/sys_error.h"
#include "libcni/spec/error.h"

namespace runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestName = 255;     // NAME_MAX
constexpr std::size_t kLongestWritten = 240;  // leaves room for the name of the temporary file

struct Names {
  std::string plain;
  std::string hashed;
};

Names names_of(const std::string& network, const RuntimeConf& conf) {
  if (network.empty() || conf.container_id.empty() || conf.ifname.empty())
    throw cni::Error(cni::Code::invalid_environment,
                     "cache file path requires network name (" + network + "), container ID (" +
                         conf.container_id + "), and interface name (" + conf.ifname + ")");
  const std::string plain = network + "-" + conf.container_id + "-" + conf.ifname;
  if (plain.find('/') != std::string::npos)
    throw cni::Error(cni::Code::invalid_environment,
                     "cache file name \"" + plain + "\" has a path separator");
  const std::string unambiguous = network + "/" + conf.container_id + "/" + conf.ifname;
  return {plain, "hashed-" + base::sha512_hex(unambiguous).substr(0, 40)};
}

bool is_of(const CacheEntry& entry, const std::string& network, const RuntimeConf& conf) {
  return entry.legacy ||
         (entry.network == network && entry.conf.container_id == conf.container_id &&
          entry.conf.ifname == conf.ifname);
}

/// A file's text, or nothing when it is missing or cannot be read.
std::optional<std::string> find_text(const std::string& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return std::nullopt;
  try {
    return base::find_file(path);
  } catch (const std::system_error&) {
    return std::nullopt;
  }
}

/// The entry in `path`; nothing when it is missing or cannot be parsed.
std::optional<CacheEntry> find_entry(const std::string& path) {
  const auto text = find_text(path);
  if (!text) return std::nullopt;
  try {
    CacheEntry entry = parse_entry(*text, path);
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) entry.written_at = status.st_mtim.tv_sec;
    return entry;
  } catch (const cni::Error&) {
    return std::nullopt;
  }
}

bool is_anonymous(const CacheEntry& entry) {
  return entry.network.empty() || entry.conf.container_id.empty() || entry.conf.ifname.empty();
}

/// Returns whether the file belongs to another attachment.
bool is_foreign(const std::string& path, const std::string& network, const RuntimeConf& conf) {
  const auto entry = find_entry(path);
  return entry && !is_anonymous(*entry) && !is_of(*entry, network, conf);
}

std::vector<std::string> list_names(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  auto it = fs::directory_iterator(folder, error);
  if (error == std::errc::no_such_file_or_directory) return {};
  for (; !error && it != fs::directory_iterator(); it.increment(error))
    names.push_back(it->path().filename());
  if (error) base::throw_errno("read the cache folder \"" + folder + "\"", error.value());
  return names;
}

/// Removes temporary files of writers that were killed.
void remove_temporaries(const std::string& results, const Names& names, const std::string& network,
                        const RuntimeConf& conf) {
  for (const std::string& name : list_names(results)) {
    const bool ours =
        base::is_temporary_name(name, names.plain) || base::is_temporary_name(name, names.hashed);
    if (ours && !is_foreign(results + name, network, conf)) base::remove_file(results + name);
  }
}

}  // namespace

std::string Cache::path_of(const std::string& network, const RuntimeConf& conf) const {
  const Names names = names_of(network, conf);
  const std::string results = dir_ + "/results/";
  if (names.plain.size() > kLongestWritten || is_foreign(results + names.plain, network, conf))
    return results + names.hashed;
  return results + names.plain;
}

void Cache::write(const CacheEntry& entry) const {
  const std::string path = path_of(entry.network, entry.conf);
  base::ensure_directory(dir_ + "/results", 0700);
  base::write_file_atomic(path, print_entry(entry), 0600);
}

std::optional<CacheEntry> Cache::find(const std::string& network, const RuntimeConf& conf) const {
  const Names names = names_of(network, conf);
  for (const std::string& name : {names.plain, names.hashed}) {
    const std::string path = dir_ + "/results/" + name;
    if (name.size() > kLongestName) continue;
    const auto text = find_text(path);
    if (!text) continue;
    CacheEntry entry = parse_entry(*text, path);
    if (!is_of(entry, network, conf)) continue;
    if (entry.legacy) {
      entry.network = network;
      entry.conf = conf;
    }
    return entry;
  }
  return std::nullopt;
}

bool Cache::remove(const std::string& network, const RuntimeConf& conf) const {
  const Names names = names_of(network, conf);
  const std::string results = dir_ + "/results/";
  bool removed = false;
  for (const std::string& name : {names.plain, names.hashed}) {
    if (name.size() > kLongestName || is_foreign(results + name, network, conf)) continue;
    removed = base::remove_file(results + name) || removed;
  }
  remove_temporaries(results, names, network, conf);
  return removed;
}

std::vector<CacheEntry> Cache::list(const std::string& container_id) const {
  const std::string results = dir_ + "/results/";
  std::vector<std::string> names = list_names(results);
  std::ranges::sort(names);
  std::vector<CacheEntry> entries;
  for (const std::string& name : names) {
    auto entry = find_entry(results + name);
    if (!entry || entry->legacy || is_anonymous(*entry)) continue;
    // Skips a temporary file that a crash left behind: it contains an entry, but under another
    // name.
    const Names expected = names_of(entry->network, entry->conf);
    if (name != expected.plain && name != expected.hashed) continue;
    if (container_id.empty() || entry->conf.container_id == container_id)
      entries.push_back(*std::move(entry));
  }
  return entries;
}

std::optional<CachedConfig> find_cached_config(const Cache& cache, const std::string& network,
                                               const RuntimeConf& conf) {
  const auto entry = cache.find(network, conf);
  if (!entry) return std::nullopt;
  if (entry->legacy)
    throw cni::Error(cni::Code::decoding_failure,
                     "cache file " + entry->file + " is not of kind cniCacheV1");
  CachedConfig cached{entry->config, conf};
  if (!entry->conf.args.empty()) cached.conf.args = entry->conf.args;
  cached.conf.capability_args = entry->conf.capability_args;
  return cached;
}

}  // namespace runtime
