// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/qdisc.h"

#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <system_error>

#include "libcni/base/file.h"
#include "libcni/base/gone.h"
#include "libcni/base/sys_error.h"
#include "libcni/net/attributes.h"

namespace net {
namespace {

constexpr std::uint32_t kRootHandle = 0x00010000;     // 1:
constexpr std::uint32_t kIngressHandle = 0xFFFF0000;  // ffff:
constexpr std::uint32_t kMost32 = std::numeric_limits<std::uint32_t>::max();

bool is_present(int errnum) {
  return errnum == EEXIST;
}

tcmsg& put_header(Message& message, int index, std::uint32_t parent) {
  auto& header = message.extra<tcmsg>();
  header.tcm_ifindex = index;
  header.tcm_parent = parent;
  return header;
}

std::string of_link(int index) {
  return " of link " + std::to_string(index);
}

TokenBucket read_bucket(const nlattr& options) {
  TokenBucket bucket;
  std::optional<std::uint64_t> rate64;
  for_each_nested(options, [&](const nlattr& a) {
    const auto bytes = bytes_of(a);
    if (type_of(a) == TCA_TBF_PARMS && bytes.size() >= sizeof(tc_tbf_qopt)) {
      tc_tbf_qopt parameters{};
      std::memcpy(&parameters, bytes.data(), sizeof parameters);
      bucket = {parameters.rate.rate, parameters.buffer, parameters.limit};
    }
    if (type_of(a) == TCA_TBF_RATE64 && bytes.size() == sizeof(std::uint64_t))
      std::memcpy(&rate64.emplace(), bytes.data(), bytes.size());
  });
  if (rate64) bucket.rate = *rate64;
  return bucket;
}

Qdisc parse_qdisc(const nlmsghdr& reply) {
  Qdisc qdisc;
  const auto* header = header_of<tcmsg>(reply);
  if (header == nullptr) return qdisc;
  qdisc.link = header->tcm_ifindex;
  qdisc.handle = header->tcm_handle;
  qdisc.parent = header->tcm_parent;
  for_each_attribute<tcmsg>(reply, [&](const nlattr& a) {
    if (type_of(a) == TCA_KIND) qdisc.kind = text_of(a);
    if (type_of(a) == TCA_OPTIONS && qdisc.kind == "tbf") qdisc.bucket = read_bucket(a);
  });
  return qdisc;
}

bool remove(Netlink& netlink, Message& message, const std::string& attempted) try {
  netlink.request(message, attempted);
  return true;
} catch (const std::system_error& e) {
  if (base::is_gone(e.code().value(), base::Object::qdisc)) return false;
  throw;
}

}  // namespace

bool Qdisc::is_root() const {
  return parent == TC_H_ROOT;
}

double ticks_per_microsecond() {
  const std::string path = "/proc/net/psched";
  const std::string text = base::read_file(path, base::kMostInSmallFile);
  // Ticks are t2us / us2t of a unit that passes clock_res times in a second.
  std::array<unsigned, 3> numbers{};
  auto& [t2us, us2t, clock_res] = numbers;
  if (std::sscanf(text.c_str(), "%x %x %x", &t2us, &us2t, &clock_res) != 3 || us2t == 0)
    base::throw_errno("read three hexadecimal numbers from " + path, EINVAL);
  constexpr double kMicroseconds = 1e6;
  return static_cast<double>(t2us) / us2t * (clock_res / kMicroseconds);
}

std::size_t put_root_tbf(Batch& batch, int index, const TokenBucket& bucket, Existing existing) {
  const int mode = existing == Existing::replace ? NLM_F_REPLACE : NLM_F_EXCL;
  Message message(RTM_NEWQDISC, static_cast<std::uint16_t>(NLM_F_CREATE | mode));
  put_header(message, index, TC_H_ROOT).tcm_handle = kRootHandle;
  tc_tbf_qopt parameters{};
  parameters.rate.rate = static_cast<std::uint32_t>(std::min<std::uint64_t>(bucket.rate, kMost32));
  parameters.buffer = bucket.buffer;
  parameters.limit = bucket.limit;
  const auto bytes = [](const auto& value) {
    return std::span(reinterpret_cast<const std::uint8_t*>(&value), sizeof value);
  };
  message.put(TCA_KIND, "tbf");
  message.nest(TCA_OPTIONS, [&] {
    message.put(TCA_TBF_PARMS, bytes(parameters));
    if (bucket.rate > kMost32) message.put(TCA_TBF_RATE64, bytes(bucket.rate));
  });
  return batch.add(message, "create the qdisc tbf" + of_link(index), is_present);
}

std::optional<Qdisc> find_root_qdisc(Netlink& netlink, int index) {
  std::optional<Qdisc> found;
  // Kernels before 6.8 answer with an event, of which the sender gets a copy by NLM_F_ECHO.
  Message message(RTM_GETQDISC, NLM_F_ECHO);
  put_header(message, index, TC_H_ROOT);
  netlink.request(message, "look up the root qdisc" + of_link(index), [&](const nlmsghdr& reply) {
    Qdisc qdisc = parse_qdisc(reply);
    if (qdisc.handle != 0) found = std::move(qdisc);
  });
  return found;
}

std::vector<Qdisc> list_qdiscs(Netlink& netlink) {
  std::vector<Qdisc> qdiscs;
  Message message(RTM_GETQDISC, 0);
  message.extra<tcmsg>();
  netlink.dump(
      message, "list qdiscs",
      [&](const nlmsghdr& reply) {
        Qdisc qdisc = parse_qdisc(reply);
        if (qdisc.handle != 0) qdiscs.push_back(std::move(qdisc));
      },
      [&] { qdiscs.clear(); });
  return qdiscs;
}

bool remove_root_qdisc(Netlink& netlink, int index) {
  Message message(RTM_DELQDISC, 0);
  put_header(message, index, TC_H_ROOT);
  return remove(netlink, message, "delete the root qdisc" + of_link(index));
}

std::size_t put_ingress_qdisc(Batch& batch, int index) {
  Message message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
  put_header(message, index, TC_H_INGRESS).tcm_handle = kIngressHandle;
  message.put(TCA_KIND, "ingress");
  return batch.add(message, "create the qdisc ingress" + of_link(index), is_present);
}

bool remove_ingress_qdisc(Netlink& netlink, int index) {
  Message message(RTM_DELQDISC, 0);
  put_header(message, index, TC_H_INGRESS);
  return remove(netlink, message, "delete the qdisc ingress" + of_link(index));
}

}  // namespace net
