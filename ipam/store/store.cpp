// SPDX-License-Identifier: Apache-2.0
#include "ipam/store/store.h"

#include <cerrno>
#include <system_error>

#include "libcni/base/sys_error.h"
#include "libcni/base/undo.h"

namespace ipam {
namespace {

/// The number of questions after which reading the whole index is cheaper.
constexpr unsigned kManyQuestions = 64;

std::string cursor_name(std::size_t set) {
  return "last_reserved_ip." + std::to_string(set);
}

/// Beside the folder, not in it: the reference reads every file below the folder, at any depth.
std::string index_name(const Folder& folder) {
  return ".plumb-" + folder.network();
}

}  // namespace

std::string Owner::text() const {
  return trim(container_id) + "\r\n" + ifname;
}

Store::Store(Folder folder, Lock lock) : folder_(std::move(folder)), lock_(std::move(lock)) {}

Index& Store::index() {
  if (!index_) stamp_ = find_stamp(folder_.fd());
  if (!index_ && stamp_) index_ = Index::find(folder_.data_dir_fd(), index_name(folder_), *stamp_);
  if (!index_ || index_->damaged()) build_index();
  return *index_;
}

void Store::build_index() {
  std::optional<Index> earlier = std::move(index_);
  if (earlier) earlier->load();
  scanned_ = true;
  std::size_t count = 0;
  folder_.list([&](const base::IpAddress&) { ++count; });
  index_ = Index::sized_for(count);
  folder_.scan([&](const AddressFile& file) {
    // A blank file has no owner: its writer died, and no other process writes while we hold the
    // lock.
    if (!file.owner.empty() || !file.regular)
      index_->insert({.address = file.address,
                      .owner = hash_owner(file.owner),
                      .recent = earlier && earlier->is_recent(file.address)});
  });
}

bool Store::rescan() {
  index();
  if (scanned_) return false;
  build_index();
  return true;
}

template <typename Question>
auto Store::ask(const Question& question) {
  if (++questions_ == kManyQuestions) index().load();
  auto answer = question(index());
  return index_->damaged() ? question(index()) : answer;
}

std::vector<base::IpAddress> Store::find_files_of(const std::string& owner) {
  std::vector<base::IpAddress> found;
  const auto hints = ask([&](Index& index) { return index.find_owner(hash_owner(owner)); });
  for (const base::IpAddress& hint : hints)
    if (trim(folder_.find_file(hint.text()).value_or("")) == owner) found.push_back(hint);
  // The file contradicts the index: another program has written into files, perhaps into others
  // too.
  if (found.size() < hints.size() && rescan()) return find_files_of(owner);
  return found;
}

Store::Owned Store::find_owned(const Owner& owner) {
  return {.exact = find_files_of(owner.text()),
          .by_id_only = find_files_of(trim(owner.container_id))};
}

bool Store::is_taken(const base::IpAddress& address) {
  return ask([&](Index& index) { return index.contains(address); });
}

bool Store::is_recent(const base::IpAddress& address) {
  return ask([&](Index& index) { return index.is_recent(address); });
}

const std::optional<std::string>& Store::cursor(std::size_t set) {
  const auto known = cursors_.find(set);
  if (known != cursors_.end()) return known->second;
  return cursors_[set] = folder_.find_file(cursor_name(set));
}

std::optional<base::IpAddress> Store::last_reserved(std::size_t set) {
  return base::IpAddress::parse(cursor(set).value_or(""));
}

void Store::reserve(const Owner& owner, const std::vector<base::IpAddress>& addresses) {
  Index& index = this->index();
  if (owner.text().size() > Folder::kMostInFile)
    base::throw_errno(
        "reserve for a container ID of " + std::to_string(owner.container_id.size()) + " bytes",
        ENAMETOOLONG);
  base::Undo undo;
  for (const base::IpAddress& address : addresses) {
    const std::string name = address.text();
    if (!folder_.publish(name, owner.text()))
      base::throw_errno("reserve " + folder_.path_of(name), EEXIST);
    undo.add("remove " + folder_.path_of(name), [this, name] { folder_.remove(name); });
  }
  for (std::size_t set = 0; set < addresses.size(); ++set) {
    const std::string name = cursor_name(set);
    undo.add("restore " + folder_.path_of(name), [this, name, before = cursor(set)] {
      before ? folder_.overwrite(name, *before) : void(folder_.remove(name));
    });
    folder_.overwrite(name, addresses[set].text());
  }
  undo.commit();
  cursors_.clear();
  for (const base::IpAddress& address : addresses)
    index.insert({.address = address, .owner = hash_owner(owner.text()), .recent = true});
  commit();
}

std::size_t Store::release(const Owner& owner) {
  Owned owned = find_owned(owner);
  if (owned.exact.empty() && owned.by_id_only.empty() && rescan()) owned = find_owned(owner);
  return remove(owned.exact.empty() ? owned.by_id_only : owned.exact,
                [](const base::IpAddress&) { return true; });
}

std::size_t Store::release_unchanged(const std::vector<AddressFile>& files) {
  std::map<base::IpAddress, std::string> owners;
  std::vector<base::IpAddress> addresses;
  for (const AddressFile& file : files) {
    owners[file.address] = file.owner;
    addresses.push_back(file.address);
  }
  return remove(addresses, [&](const base::IpAddress& address) {
    const auto content = folder_.find_file(address.text());
    return content && trim(*content) == owners[address];
  });
}

template <typename Condition>
std::size_t Store::remove(const std::vector<base::IpAddress>& addresses,
                          const Condition& condition) {
  Index& index = this->index();
  std::size_t removed = 0;
  std::error_code why;
  std::string failed;
  for (const base::IpAddress& address : addresses) {
    try {
      if (!condition(address)) continue;
      removed += folder_.remove(address.text());
      index.erase(address);
    } catch (const std::system_error& e) {
      if (!why) why = e.code();
      failed += (failed.empty() ? "remove " : ", ") + folder_.path_of(address.text());
    }
  }
  if (removed != 0 || index.in_memory_only()) commit();
  if (why) throw std::system_error(why, failed);  // all that failed, in one message
  return removed;
}

void Store::commit() {
  if (index_->damaged()) return;
  if (index_->in_memory_only()) folder_.remove_leftovers();
  if (const auto stamp = stamp_ ? mark_moment(folder_.fd(), *stamp_) : std::nullopt)
    index_->save(folder_.data_dir_fd(), index_name(folder_), *stamp);
}

}  // namespace ipam
