// SPDX-License-Identifier: Apache-2.0
#include "agent/commands/install.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>

#include "libcni/base/file.h"
#include "libcni/spec/error.h"

namespace agent {
namespace {

namespace fs = std::filesystem;

/// The machine that an executable runs on; nothing when `file` is not an executable.
struct Machine {
  unsigned char width = 0;
  unsigned char order = 0;
  Elf64_Half architecture = 0;
  bool operator==(const Machine&) const = default;
};

/// The fields read here have the same offsets in ELF files of 32 and 64 bits.
std::optional<Machine> machine_of(std::string_view file) {
  Elf64_Ehdr header{};
  if (file.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, file.data(), sizeof(header));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return std::nullopt;
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) return std::nullopt;
  return Machine{.width = header.e_ident[EI_CLASS],
                 .order = header.e_ident[EI_DATA],
                 .architecture = header.e_machine};
}

/// The most bytes in an executable, for debug builds.
constexpr std::size_t kMostInExecutable = std::size_t{1} << 30;

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file()) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

void require_executables(const std::string& from, const std::vector<std::string>& names) {
  if (names.empty())
    throw cni::Error(cni::Code::invalid_config, "no plugins to install in " + from);
  const std::optional<Machine> own =
      machine_of(base::read_file("/proc/self/exe", kMostInExecutable));
  for (const std::string& name : names) {
    const std::string path = from + "/" + name;
    const std::optional<Machine> machine = machine_of(base::read_file(path, kMostInExecutable));
    if (!machine)
      throw cni::Error(cni::Code::invalid_config,
                       path + " is not an ELF executable; nothing was installed");
    if (machine != own)
      throw cni::Error(cni::Code::invalid_config,
                       path + " was built for another kind of machine; nothing was installed");
  }
}

/// Removes temporary files that a killed installation left beside `name`.
void remove_leftovers(const std::string& folder, const std::string& name) {
  for (const std::string& other : names_in(folder))
    if (base::is_temporary_name(other, name)) base::remove_file(folder + "/" + other);
}

}  // namespace

std::vector<std::string> install_plugins(const std::string& from, const std::string& to) {
  const std::vector<std::string> names = names_in(from);
  require_executables(from, names);
  base::ensure_directory(to, 0755);
  for (const std::string& name : names) {
    remove_leftovers(to, name);
    base::write_file_atomic(to + "/" + name, base::read_file(from + "/" + name, kMostInExecutable),
                            0755);
  }
  return names;
}

}  // namespace agent
