// SPDX-License-Identifier: Apache-2.0
#include "libcni/nft/nft.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/membarrier.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>

#include "libcni/base/gone.h"
#include "libcni/base/sys_error.h"
#include "libcni/net/attributes.h"
#include "libcni/nft/comment.h"
#include "libcni/nft/socket.h"

namespace nft {
namespace {

constexpr int kConflictRounds = 200;
std::atomic<std::uint32_t> commit_count = 0;
constexpr std::size_t kFrameSize = 64;  // begin and end of a batch

int type_of_message(int message) {
  return NFNL_SUBSYS_NFTABLES << 8 | message;
}
int address_family(Family family) {
  return family == Family::ipv6 ? AF_INET6 : AF_INET;
}

bool means_conflict(int errnum) {
  return errnum == ERESTART || errnum == ENOENT || errnum == EEXIST || errnum == EBUSY;
}

/// The netlink attributes that name an object of a table.
struct Naming {
  std::uint16_t table, name, userdata;
};

/// The name of the object in `answer` if it belongs to table `wanted`; otherwise empty.
ChainInfo read_named(const nlmsghdr& answer, const std::string& wanted, const Naming& naming) {
  std::string of;
  ChainInfo info;
  net::for_each_attribute<nfgenmsg>(answer, [&](const nlattr& attribute) {
    const int type = net::type_of(attribute);
    if (type == naming.table) of = net::text_of(attribute);
    if (type == naming.name) info.name = net::text_of(attribute);
    if (type == naming.userdata) info.comment = read_comment(net::bytes_of(attribute));
  });
  return of == wanted ? info : ChainInfo{};
}

/// Nothing for a chain without a hook, and for chains of other families.
std::optional<BaseChain> read_base_chain(const nlmsghdr& answer) {
  BaseChain chain;
  bool is_base = false;
  net::for_each_attribute<nfgenmsg>(answer, [&](const nlattr& attribute) {
    switch (net::type_of(attribute)) {
      case NFTA_CHAIN_TABLE:
        chain.table.name = net::text_of(attribute);
        break;
      case NFTA_CHAIN_NAME:
        chain.name = net::text_of(attribute);
        break;
      case NFTA_CHAIN_POLICY:
        chain.drops = ntohl(net::u32_of(attribute)) == NF_DROP;
        break;
      case NFTA_CHAIN_HOOK:
        is_base = true;
        net::for_each_nested(attribute, [&](const nlattr& part) {
          if (net::type_of(part) == NFTA_HOOK_HOOKNUM) chain.hook = ntohl(net::u32_of(part));
        });
        break;
    }
  });
  if (!is_base || chain.name.empty()) return std::nullopt;
  const int family = net::header_of<nfgenmsg>(answer)->nfgen_family;
  if (family != NFPROTO_INET && family != NFPROTO_IPV4 && family != NFPROTO_IPV6)
    return std::nullopt;
  chain.table.family = static_cast<Family>(family);
  return chain;
}

/// A kind of object that a table has, and the request that lists them.
struct Kind {
  const char* plural;
  int message;
  Naming naming;
};

/// Name and comment of each object.
std::vector<ChainInfo> list_named(NetfilterSocket& socket, const Table& table, const Kind& kind) {
  std::vector<ChainInfo> objects;
  socket.dump(
      [&] {
        nlmsghdr* request =
            socket.start(type_of_message(kind.message), static_cast<int>(table.family), NLM_F_DUMP);
        mnl_attr_put_strz(request, kind.naming.table, table.name.c_str());
        return request;
      },
      "list " + std::string(kind.plural) + " of nf_tables table \"" + table.name + "\"",
      [&](const nlmsghdr& answer) {
        ChainInfo info = read_named(answer, table.name, kind.naming);
        if (!info.name.empty()) objects.push_back(std::move(info));
      },
      [&] { objects.clear(); });
  return objects;
}

/// The request that lists the rules of a chain, or of the table.
nlmsghdr* start_list_rules(NetfilterSocket& socket, const Table& table, const std::string& chain) {
  nlmsghdr* request =
      socket.start(type_of_message(NFT_MSG_GETRULE), static_cast<int>(table.family), NLM_F_DUMP);
  mnl_attr_put_strz(request, NFTA_RULE_TABLE, table.name.c_str());
  if (!chain.empty()) mnl_attr_put_strz(request, NFTA_RULE_CHAIN, chain.c_str());
  return request;
}

/// A rule, reduced to what tells its owner.
struct MarkedRule {
  std::uint64_t handle = 0;
  std::string chain = {};
  std::string note = {};
};

MarkedRule read_marked_rule(const nlmsghdr& answer) {
  MarkedRule rule;
  net::for_each_attribute<nfgenmsg>(answer, [&](const nlattr& attribute) {
    const int type = net::type_of(attribute);
    if (type == NFTA_RULE_CHAIN) rule.chain = net::text_of(attribute);
    if (type == NFTA_RULE_HANDLE) rule.handle = be64toh(mnl_attr_get_u64(&attribute));
    if (type == NFTA_RULE_USERDATA) rule.note = read_text(net::bytes_of(attribute), kNote);
  });
  return rule;
}

/// Returns whether the kernel has the object that `request` asks for.
bool exists(NetfilterSocket& socket, nlmsghdr* request, const std::string& attempted) {
  const int errnum = socket.ask(request, attempted, [](const nlmsghdr&) {});
  if (errnum != 0 && !base::is_gone(errnum, base::Object::rule))
    base::throw_errno(attempted, errnum);
  return errnum == 0;
}

}  // namespace

Nft::Nft() : socket_(std::make_unique<NetfilterSocket>()) {}
Nft::~Nft() = default;

std::uint32_t Nft::generation() {
  std::uint32_t number = 0;
  const std::string attempted = "read the nf_tables generation";
  nlmsghdr* request = socket_->start(type_of_message(NFT_MSG_GETGEN), NFPROTO_UNSPEC, 0);
  const int errnum = socket_->ask(request, attempted, [&](const nlmsghdr& answer) {
    net::for_each_attribute<nfgenmsg>(answer, [&](const nlattr& attribute) {
      if (net::type_of(attribute) == NFTA_GEN_ID) number = ntohl(net::u32_of(attribute));
    });
  });
  if (errnum != 0) base::throw_errno(attempted, errnum);
  return number;
}

std::optional<std::uint64_t> Nft::namespace_cookie() const {
  return socket_->namespace_cookie();
}

void Nft::commit(const Batch& batch, std::optional<std::uint32_t> generation) {
  if (batch.empty()) return;
  alignas(8) std::array<char, kFrameSize> begin{};
  alignas(8) std::array<char, kFrameSize> end{};
  nlmsghdr* first = nftnl_batch_begin(begin.data(), 0);
  if (generation) mnl_attr_put_u32(first, NFNL_BATCH_GENID, htonl(*generation));
  nlmsghdr* last =
      nftnl_batch_end(end.data(), static_cast<std::uint32_t>(batch.attempts_.size() + 1));
  const std::array<iovec, 3> parts{
      iovec{first, first->nlmsg_len},
      iovec{const_cast<char*>(batch.messages_.data()), batch.messages_.size()},
      iovec{last, last->nlmsg_len}};
  int errnum = 0;
  std::uint32_t failed = 0;
  socket_->send_batch(parts, batch.attempts_.front(), [&](const nlmsghdr& answer) {
    if (answer.nlmsg_type != NLMSG_ERROR || errnum != 0) return;
    errnum = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&answer))->error;
    failed = answer.nlmsg_seq;
  });
  if (errnum == 0) {
    ++commit_count;
    return;
  }
  const bool known = failed >= 1 && failed <= batch.attempts_.size();
  base::throw_errno(known ? batch.attempts_[failed - 1] : "commit an nf_tables transaction",
                    errnum);
}

std::uint32_t Nft::commits() noexcept {
  return commit_count;
}

void Nft::settle() noexcept {
  // nft_rcv_nl_event() flushes the destruction of removed objects under commit_mutex (Linux 4.16 to
  // 6.18): 32 parallel removals took 430 ms without this and 20 to 90 ms with it; a single removal
  // takes equally long with and without it.
  ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

bool Nft::has_table(const Table& table) {
  nlmsghdr* request =
      socket_->start(type_of_message(NFT_MSG_GETTABLE), static_cast<int>(table.family), 0);
  mnl_attr_put_strz(request, NFTA_TABLE_NAME, table.name.c_str());
  return exists(*socket_, request, "look for nf_tables table \"" + table.name + "\"");
}

bool Nft::has_chain(const Table& table, const std::string& chain) {
  return count_rules(table, chain).has_value();
}

std::optional<std::uint32_t> Nft::count_rules(const Table& table, const std::string& chain) {
  nlmsghdr* request =
      socket_->start(type_of_message(NFT_MSG_GETCHAIN), static_cast<int>(table.family), 0);
  mnl_attr_put_strz(request, NFTA_CHAIN_TABLE, table.name.c_str());
  mnl_attr_put_strz(request, NFTA_CHAIN_NAME, chain.c_str());
  const std::string attempted = "look for nf_tables chain \"" + chain + "\"";
  std::uint32_t count = 0;
  const int errnum = socket_->ask(request, attempted, [&](const nlmsghdr& answer) {
    net::for_each_attribute<nfgenmsg>(answer, [&](const nlattr& attribute) {
      if (net::type_of(attribute) == NFTA_CHAIN_USE) count = ntohl(net::u32_of(attribute));
    });
  });
  if (errnum == 0) return count;
  if (!base::is_gone(errnum, base::Object::rule)) base::throw_errno(attempted, errnum);
  return std::nullopt;
}

std::vector<ChainInfo> Nft::list_chains(const Table& table) {
  return list_named(
      *socket_, table,
      {"chains", NFT_MSG_GETCHAIN, {NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_USERDATA}});
}

std::vector<std::string> Nft::list_sets(const Table& table) {
  std::vector<std::string> names;
  for (ChainInfo& set :
       list_named(*socket_, table,
                  {"sets", NFT_MSG_GETSET, {NFTA_SET_TABLE, NFTA_SET_NAME, NFTA_SET_USERDATA}}))
    names.push_back(std::move(set.name));
  return names;
}

std::vector<ChainInfo> Nft::list_comments(const Table& table) {
  return list_named(
      *socket_, table,
      {"rules", NFT_MSG_GETRULE, {NFTA_RULE_TABLE, NFTA_RULE_CHAIN, NFTA_RULE_USERDATA}});
}

std::vector<BaseChain> Nft::list_base_chains() {
  std::vector<BaseChain> chains;
  socket_->dump(
      [&] { return socket_->start(type_of_message(NFT_MSG_GETCHAIN), NFPROTO_UNSPEC, NLM_F_DUMP); },
      "list chains of nf_tables",
      [&](const nlmsghdr& answer) {
        if (auto chain = read_base_chain(answer)) chains.push_back(std::move(*chain));
      },
      [&] { chains.clear(); });
  return chains;
}

void Nft::visit_rules(const Table& table, const std::string& chain,
                      const std::function<void(const nftnl_rule&)>& visit,
                      const std::function<void()>& restart) {
  socket_->dump([&] { return start_list_rules(*socket_, table, chain); },
                "list rules of nf_tables table \"" + table.name + "\"",
                [&](const nlmsghdr& answer) {
                  const std::unique_ptr<nftnl_rule, decltype(&nftnl_rule_free)> rule(
                      nftnl_rule_alloc(), nftnl_rule_free);
                  if (rule && nftnl_rule_nlmsg_parse(&answer, rule.get()) >= 0) visit(*rule);
                },
                restart);
}

std::vector<std::uint64_t> Nft::list_handles(const Table& table, const std::string& chain,
                                             const std::function<bool(std::string_view)>& wanted) {
  std::vector<std::uint64_t> handles;
  socket_->dump([&] { return start_list_rules(*socket_, table, chain); },
                "list rules of nf_tables chain \"" + chain + "\"",
                [&](const nlmsghdr& answer) {
                  const MarkedRule rule = read_marked_rule(answer);
                  if (!rule.note.empty() && rule.chain == chain && wanted(rule.note))
                    handles.push_back(rule.handle);
                },
                [&] { handles.clear(); });
  return handles;
}

std::vector<RuleInfo> Nft::list_rules(const Table& table, const std::string& chain) {
  std::vector<RuleInfo> rules;
  visit_rules(
      table, chain,
      [&](const nftnl_rule& rule) {
        rules.push_back(read_rule(&rule, address_family(table.family)));
      },
      [&] { rules.clear(); });
  return rules;
}

void retry_on_conflict(const std::function<void()>& attempt) {
  for (int round = 1;; ++round) {
    try {
      return attempt();
    } catch (const std::system_error& error) {
      if (!means_conflict(error.code().value()) || round >= kConflictRounds) throw;
    }
    ::sched_yield();  // let the other process finish
  }
}

}  // namespace nft
