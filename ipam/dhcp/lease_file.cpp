// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>

#include <cerrno>
#include <memory>

#include "ipam/dhcp/lease.h"
#include "libcni/base/file.h"
#include "libcni/base/log.h"
#include "libcni/base/names.h"
#include "libcni/base/sys_error.h"
#include "libcni/json/object.h"
#include "libcni/json/writer.h"

namespace ipam_dhcp {
namespace {

constexpr std::string_view kSuffix = ".json";
constexpr std::size_t kMostInLease = std::size_t{2} << 20;  // the configuration is in it

std::string file_of(const std::string& folder, const std::string& key) {
  return folder + "/" + base::sha512_hex(key).substr(0, 32) + std::string(kSuffix);
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char each : bytes) {
    const auto byte = static_cast<std::uint8_t>(each);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string from_hex(std::string_view text) {
  const auto digit = [](char c) { return c >= 'a' ? c - 'a' + 10 : c - '0'; };
  std::string bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2)
    bytes += static_cast<char>(digit(text[at]) * 16 + digit(text[at + 1]));
  return bytes;
}

SavedLease parse(const std::string& text, const std::string& path) {
  const json::Object file = json::Object::parse(text, "lease file " + path);
  const auto ack = parse_packet(from_hex(file.get_string("ack")));
  const auto mac = base::Mac::parse(file.get_string("mac"));
  if (!ack || !mac)
    throw cni::Error(cni::Code::decoding_failure,
                     "lease file " + path + " holds no DHCPACK or no MAC address",
                     "remove the file; the pod gets a new lease when it is restarted");
  return {.call = {.method = std::string(kAllocate),
                   .container_id = file.get_string("containerId"),
                   .netns = file.get_string("netns"),
                   .ifname = file.get_string("ifname"),
                   .args = file.get_string("args"),
                   .stdin_text = file.get_string("config")},
          .mac = *mac,
          .ack = *ack,
          .obtained = base::BootTime(file.find_int("obtained").value_or(0))};
}

}  // namespace

std::string folder_of(const std::string& socket) {
  constexpr std::string_view kSock = ".sock";
  return socket.ends_with(kSock) ? socket.substr(0, socket.size() - kSock.size()) : socket + ".d";
}

void save(const std::string& folder, const std::string& key, const SavedLease& lease) {
  base::ensure_directory(folder, 0700);
  json::Writer writer;
  writer.open('{');
  writer.member("containerId", lease.call.container_id);
  writer.member("ifname", lease.call.ifname);
  writer.member("netns", lease.call.netns);
  writer.member("args", lease.call.args);
  writer.member("config", lease.call.stdin_text);
  writer.member("mac", lease.mac.text());
  writer.member("obtained", static_cast<std::int64_t>(lease.obtained.count()));
  writer.member("ack", to_hex(print_packet(lease.ack)));
  writer.close();
  base::write_file_atomic(file_of(folder, key), writer.text(), 0600);
}

void forget(const std::string& folder, const std::string& key) {
  base::remove_file(file_of(folder, key));
}

std::optional<SavedLease> find_saved(const std::string& folder, const std::string& key) {
  const std::string path = file_of(folder, key);
  const auto text = base::find_file(path, kMostInLease);
  if (!text) return std::nullopt;
  return parse(*text, path);
}

std::vector<SavedLease> list_saved(const std::string& folder) {
  std::vector<SavedLease> leases;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
  if (!open) {
    if (errno != ENOENT) base::throw_errno("read folder " + folder);
    return leases;
  }
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string name = entry->d_name;
    if (!name.ends_with(kSuffix)) continue;
    const std::string path = folder + "/" + name;
    try {
      if (const auto text = base::find_file(path, kMostInLease))
        leases.push_back(parse(*text, path));
    } catch (const std::exception& error) {
      base::log(error.what());
    }
  }
  return leases;
}

}  // namespace ipam_dhcp
