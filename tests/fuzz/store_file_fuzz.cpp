// SPDX-License-Identifier: Apache-2.0
// The possible files in host-local's folders after a crash or changes by another program: the
// index, an address file and a cursor with any content.
#include <fcntl.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "ipam/store/index.h"
#include "ipam/store/store.h"
#include "libcni/base/file.h"
#include "libcni/base/sys_error.h"

namespace {

const std::string& data_dir() {
  static const std::string path = [] {
    std::string name = std::filesystem::temp_directory_path() / "store-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) base::throw_errno("create " + name);
    return name;
  }();
  return path;
}

void write(const std::string& path, std::string_view text) {
  const base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  base::write_all(fd.get(), text, path);
}

/// The index with the stamp that it should have, so that the rest of it is read.
void use_index(std::string_view text) {
  constexpr std::size_t kStampOffset = 24;  // after magic, capacity, used, free, padding
  ipam::Stamp stamp;
  if (text.size() < kStampOffset + sizeof stamp) return;
  std::memcpy(&stamp, text.data() + kStampOffset, sizeof stamp);
  write(data_dir() + "/index", text);
  const base::UniqueFd folder(::open(data_dir().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto index = ipam::Index::find(folder.get(), "index", stamp);
  if (!index) return;
  const auto address = *base::IpAddress::parse("10.0.0.2");
  index->contains(address);
  index->find_owner(ipam::hash_owner("c1\r\neth0"));
  index->insert({.address = address, .owner = 1});
  index->erase(*base::IpAddress::parse("10.0.0.3"));
  index->load();
  index->contains(address);
  index->save(folder.get(), "index", stamp);
}

void use_store(std::string_view text) {
  const std::string folder_path = data_dir() + "/net";
  base::ensure_directory(folder_path, 0755);
  write(folder_path + "/10.0.0.2", text);
  write(folder_path + "/last_reserved_ip.0", text);
  auto folder = ipam::Folder::ensure(data_dir(), "net");
  std::vector<ipam::AddressFile> files;
  folder.scan([&](ipam::AddressFile file) { files.push_back(std::move(file)); });
  auto lock = folder.lock(1);
  if (!lock) std::abort();
  ipam::Store store(std::move(folder), std::move(*lock));
  const ipam::Owner owner{"c1", "eth0"};
  store.last_reserved(0);
  store.find_owned(owner);
  if (!store.is_taken(*base::IpAddress::parse("10.0.0.2")) && !ipam::trim(text).empty())
    std::abort();
  store.release(owner);
  store.release_unchanged(files);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  use_index(text);
  use_store(text);
  return 0;
}
