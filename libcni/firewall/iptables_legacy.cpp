// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <string_view>

#include "libcni/base/file.h"
#include "libcni/base/gone.h"
#include "libcni/base/sys_error.h"
#include "libcni/base/unique_fd.h"
#include "libcni/firewall/iptables.h"
#include "libcni/nft/xt.h"

namespace firewall {
namespace {

constexpr const char* kHooks[] = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};

/// A legacy table and the hooks that it has chains for.
struct LegacyTable {
  const char* name;
  unsigned hooks;
};
constexpr LegacyTable kNat{"nat", 1u << 0 | 1u << 1 | 1u << 3 | 1u << 4};
constexpr LegacyTable kFilter{"filter", 1u << 1 | 1u << 2 | 1u << 3};

static_assert(IPT_INV_VIA_OUT == IP6T_INV_VIA_OUT);

/// The links in the header of an entry; a mask that ends before the name's zero means `name+`.
template <typename Header>
void read_links(const Header& header, NatRule& rule) {
  const auto read = [&](const char(&name)[IFNAMSIZ], const unsigned char(&mask)[IFNAMSIZ],
                        std::string& link) {
    if (name[0] == '\0') return;
    link.assign(name, ::strnlen(name, sizeof name));
    rule.has_more = true;
    if (link.size() == sizeof name || mask[link.size()] == 0) rule.set_unread();
  };
  read(header.iniface, header.iniface_mask, rule.input_link);
  read(header.outiface, header.outiface_mask, rule.output_link);
  rule.excludes_output_link = (header.invflags & IPT_INV_VIA_OUT) != 0;
}

/// The differences between the interfaces of the two families.
struct V4 {
  using Info = ipt_getinfo;
  using Entries = ipt_get_entries;
  using Entry = ipt_entry;
  static constexpr int kDomain = AF_INET;
  static constexpr int kLevel = IPPROTO_IP;
  static constexpr int kGetInfo = IPT_SO_GET_INFO;
  static constexpr int kGetEntries = IPT_SO_GET_ENTRIES;
  static const void* source(const Entry& e) { return &e.ip.src; }
  static const void* source_mask(const Entry& e) { return &e.ip.smsk; }
  static const void* destination(const Entry& e) { return &e.ip.dst; }
  static const void* destination_mask(const Entry& e) { return &e.ip.dmsk; }
  static void read_header(const Entry& e, NatRule& rule) {
    rule.protocol = static_cast<std::uint8_t>(e.ip.proto);
    rule.excludes_destination = (e.ip.invflags & IPT_INV_DSTIP) != 0;
    read_links(e.ip, rule);
    constexpr int kRead = IPT_INV_DSTIP | IPT_INV_VIA_OUT;
    if ((e.ip.invflags & ~kRead) != 0 || (e.ip.flags & IPT_F_FRAG) != 0) rule.set_unread();
  }
};
struct V6 {
  using Info = ip6t_getinfo;
  using Entries = ip6t_get_entries;
  using Entry = ip6t_entry;
  static constexpr int kDomain = AF_INET6;
  static constexpr int kLevel = IPPROTO_IPV6;
  static constexpr int kGetInfo = IP6T_SO_GET_INFO;
  static constexpr int kGetEntries = IP6T_SO_GET_ENTRIES;
  static const void* source(const Entry& e) { return &e.ipv6.src; }
  static const void* source_mask(const Entry& e) { return &e.ipv6.smsk; }
  static const void* destination(const Entry& e) { return &e.ipv6.dst; }
  static const void* destination_mask(const Entry& e) { return &e.ipv6.dmsk; }
  static void read_header(const Entry& e, NatRule& rule) {
    rule.protocol = static_cast<std::uint8_t>(e.ipv6.proto);
    rule.excludes_destination = (e.ipv6.invflags & IP6T_INV_DSTIP) != 0;
    read_links(e.ipv6, rule);
    constexpr int kRead = IP6T_INV_DSTIP | IP6T_INV_VIA_OUT;
    if ((e.ipv6.invflags & ~kRead) != 0) rule.set_unread();
  }
};

std::optional<base::Prefix> prefix_of(const void* address, const void* mask, int domain) {
  const std::size_t size = domain == AF_INET ? 4 : 16;
  const auto* bits = static_cast<const std::uint8_t*>(mask);
  int length = 0;
  for (std::size_t i = 0; i < size; ++i) length += std::popcount(bits[i]);
  if (length == 0) return std::nullopt;
  return base::Prefix{
      *base::IpAddress::from_bytes({static_cast<const std::uint8_t*>(address), size}), length};
}

/// A table in the kernel's format: one blob of entries.
template <typename F>
class Blob {
 public:
  explicit Blob(const LegacyTable& table) : table_(table) {
    // iptables' sockets are raw ones, whatever their protocol.
    fd_ = base::UniqueFd(::socket(F::kDomain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
    if (!fd_) base::throw_errno("open a raw socket to read the " + text());
  }

  LegacySize size() {
    std::strcpy(info_.name, table_.name);
    socklen_t size = sizeof info_;
    if (::getsockopt(fd_.get(), F::kLevel, F::kGetInfo, &info_, &size) < 0)
      base::throw_errno("read the size of the " + text());
    return {info_.num_entries, info_.size};
  }

  Blob& read() {
    // The table can grow between the two calls; the kernel then answers EAGAIN.
    for (int round = 0; round < 10; ++round)
      if (try_to_read()) return *this;
    base::throw_errno("read the " + text(), EAGAIN);
  }

  std::vector<NatChain> chains() const {
    const std::map<std::uint32_t, std::string> starts = chain_starts();
    std::vector<NatChain> found;
    for (std::uint32_t offset = 0; offset < entries()->size;) {
      const auto* entry = at(offset);
      if (const auto start = starts.find(offset); start != starts.end())
        found.push_back({start->second});
      if (!is_header(*entry) && !found.empty())
        found.back().rules.push_back(read_rule(*entry, starts));
      offset += entry->next_offset;
    }
    return found;
  }

 private:
  using Entry = typename F::Entry;

  std::string text() const { return std::string("legacy table ") + table_.name; }

  bool try_to_read() {
    size();
    buffer_.assign(sizeof(typename F::Entries) + info_.size, 0);
    auto* request = reinterpret_cast<typename F::Entries*>(buffer_.data());
    std::strcpy(request->name, table_.name);
    request->size = info_.size;
    auto length = static_cast<socklen_t>(buffer_.size());
    if (::getsockopt(fd_.get(), F::kLevel, F::kGetEntries, request, &length) == 0) return true;
    if (errno != EAGAIN) base::throw_errno("read the " + text());
    return false;
  }

  const typename F::Entries* entries() const {
    return reinterpret_cast<const typename F::Entries*>(buffer_.data());
  }
  const Entry* at(std::uint32_t offset) const {
    return reinterpret_cast<const Entry*>(buffer_.data() + sizeof(typename F::Entries) + offset);
  }
  static const xt_entry_target* target(const Entry& entry) {
    return reinterpret_cast<const xt_entry_target*>(reinterpret_cast<const char*>(&entry) +
                                                    entry.target_offset);
  }
  static bool is_header(const Entry& entry) {
    return std::string_view(target(entry)->u.user.name) == XT_ERROR_TARGET;
  }

  /// Offset of each chain's first rule, which jumps refer to.
  std::map<std::uint32_t, std::string> chain_starts() const {
    std::map<std::uint32_t, std::string> starts;
    for (std::size_t hook = 0; hook < std::size(kHooks); ++hook)
      if ((table_.hooks >> hook & 1) != 0) starts[info_.hook_entry[hook]] = kHooks[hook];
    for (std::uint32_t offset = 0; offset < entries()->size;) {
      const auto* entry = at(offset);
      const auto* error = reinterpret_cast<const xt_error_target*>(target(*entry));
      offset += entry->next_offset;
      if (is_header(*entry) && offset < entries()->size) starts[offset] = error->errorname;
    }
    return starts;
  }

  static NatRule read_rule(const Entry& entry, const std::map<std::uint32_t, std::string>& starts) {
    NatRule rule;
    F::read_header(entry, rule);
    rule.source = prefix_of(F::source(entry), F::source_mask(entry), F::kDomain);
    rule.destination = prefix_of(F::destination(entry), F::destination_mask(entry), F::kDomain);
    const auto* begin = reinterpret_cast<const char*>(&entry);
    for (std::uint32_t offset = sizeof(Entry); offset < entry.target_offset;) {
      const auto* match = reinterpret_cast<const xt_entry_match*>(begin + offset);
      read_xt_match(part_of(*match, match->u.match_size), rule);
      offset += match->u.match_size;
    }
    read_target(*target(entry), starts, rule);
    return rule;
  }

  static NatRule::Verdict verdict_of(int verdict) {
    using enum NatRule::Verdict;
    if (verdict == -NF_ACCEPT - 1) return accept;
    if (verdict == -NF_DROP - 1) return drop;
    return verdict == XT_RETURN ? give_back : none;
  }

  static void read_target(const xt_entry_target& target,
                          const std::map<std::uint32_t, std::string>& starts, NatRule& rule) {
    read_xt_target(part_of(target, target.u.target_size), F::kDomain, rule);
    if (!rule.target.empty()) return;
    const int verdict = reinterpret_cast<const xt_standard_target*>(&target)->verdict;
    rule.verdict = verdict_of(verdict);
    const auto jump = verdict < 0 ? starts.end() : starts.find(static_cast<std::uint32_t>(verdict));
    if (jump != starts.end()) rule.target = jump->second;
  }

  /// A match or a target of `size` bytes; they begin alike.
  template <typename Part>
  static nft::XtPart part_of(const Part& part, std::size_t size) {
    return {.name = part.u.user.name,
            .revision = part.u.user.revision,
            .data = {part.data, std::max(size, sizeof part) - sizeof part}};
  }

  LegacyTable table_;
  base::UniqueFd fd_;
  typename F::Info info_{};
  std::vector<char> buffer_;
};

/// Asking for a table by name makes the kernel create it, so the list of existing tables is read
/// first.
bool exists(int family, const LegacyTable& table) {
  const std::string path =
      family == AF_INET ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names";
  // Not find_file(): each ADD of portmap looks, and /proc has no FIFO to be asked for.
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && base::is_gone(errno, base::Object::file)) return false;
  if (!fd) base::throw_errno("open " + path);
  const std::string line = std::string("\n") + table.name + "\n";
  return ("\n" + base::read_all(fd.get(), path)).find(line) != std::string::npos;
}

std::vector<NatChain> read_legacy(int family, const LegacyTable& table) {
  if (!exists(family, table)) return {};
  return family == AF_INET ? Blob<V4>(table).read().chains() : Blob<V6>(table).read().chains();
}

std::optional<LegacySize> find_legacy_size(int family, const LegacyTable& table) {
  if (!exists(family, table)) return std::nullopt;
  return family == AF_INET ? Blob<V4>(table).size() : Blob<V6>(table).size();
}

}  // namespace

std::vector<NatChain> read_legacy_nat(int family) {
  return read_legacy(family, kNat);
}

std::vector<NatChain> read_legacy_filter(int family) {
  return read_legacy(family, kFilter);
}

std::optional<LegacySize> find_legacy_filter_size(int family) {
  return find_legacy_size(family, kFilter);
}

std::optional<LegacySize> find_legacy_nat_size(int family) {
  return find_legacy_size(family, kNat);
}

}  // namespace firewall
