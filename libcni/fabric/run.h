// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "libcni/fabric/recorder.h"
#include "libcni/net/address.h"
#include "libcni/net/vxlan.h"
#include "libcni/nft/nft.h"

namespace fabric {

struct RunOptions {
  enum class Mode { write, dry } mode = Mode::write;
  /// Folder where sysctls are recorded before they change, and where a dry run records what it
  /// found right (TrafficRecord); empty: nothing is recorded.
  std::string record_folder = {};
  /// Destinations whose route of ours another program has replaced.
  std::vector<base::Prefix> replaced = {};
  /// Addresses of all links, for a dry run; empty: list_addresses() asks the kernel. They stay the
  /// caller's.
  std::span<const net::Address> addresses = {};
};

/// One pass of apply(), or of diff(), which writes nothing: the kernel's handles, and the way of
/// each change to the kernel and into the report.
class Run {
 public:
  Run(net::Netlink& netlink, const Desired& desired, RunOptions options = {})
      : netlink_(netlink),
        options_(std::move(options)),
        scope_(desired.scope),
        removes_(desired.complete),
        recorder_(is_dry() ? Recorder::Keep::all : Recorder::Keep::some) {}

  net::Netlink& netlink() { return netlink_; }
  /// One socket for all uses: each close waits for other processes' transactions. Opened at the
  /// first call; throws where nf_tables is missing.
  nft::Nft& nft() { return nft_ ? *nft_ : nft_.emplace(); }
  Recorder& recorder() { return recorder_; }
  /// Every VXLAN device. A dry run, which changes none, reads them once.
  const std::vector<net::VxlanLink>& list_vxlan();
  std::vector<net::Address> list_addresses(int index);

  bool is_dry() const { return options_.mode == RunOptions::Mode::dry; }
  /// True if change_all() removes objects that are not wanted.
  bool removes() const { return removes_; }
  const std::string& scope() const { return scope_; }
  const std::string& record_folder() const { return options_.record_folder; }
  const std::vector<base::Prefix>& replaced() const { return options_.replaced; }
  /// The alias of this scope's devices.
  std::string mark() const { return scope_.empty() ? "plumb:fabric" : "plumb:fabric:" + scope_; }

  /// Makes one change of `requests` netlink requests; false when the kernel refused it.
  bool change(Change::What what, const std::string& object, const std::function<void()>& make,
              std::size_t requests = 1);
  /// For the next change_all(): refusals for which `spared` (index, errno) is true are not errors.
  void spare(std::function<bool(std::size_t, int)> spared) { spared_ = std::move(spared); }
  /// Changes many objects that need one request each.
  template <typename Object, typename Describe, typename Send>
  void change_all(Change::What what, const std::vector<Object>& objects, Describe describe,
                  Send send) {
    refused_.clear();
    const auto spared = std::exchange(spared_, {});
    if (what == Change::What::remove && !removes_) return;
    const auto record_all = [&] {
      auto refused = refused_.begin();
      for (std::size_t i = 0; i < objects.size(); ++i)
        if (refused != refused_.end() && *refused == i)
          ++refused;
        else
          recorder_.change(what, [&] { return describe(objects[i]); });
    };
    if (is_dry() || objects.empty()) return record_all();
    net::Pipeline pipeline(netlink_, [&](std::size_t index, int errnum, const std::string& text) {
      if (!spared || !spared(index, errnum))
        recorder_.refuse({what, describe(objects[index])}, errnum, text);
      refused_.push_back(index);
    });
    for (const Object& object : objects) send(pipeline, object);
    pipeline.flush();
    recorder_.count(objects.size());
    record_all();
  }
  /// Indexes of the objects that the kernel refused in the last change_all().
  const std::vector<std::size_t>& refused() const { return refused_; }
  /// Commits as Nft::commit() and measures the time; does nothing in a dry run.
  void commit(const nft::Batch& batch, std::optional<std::uint32_t> generation);

 private:
  net::Netlink& netlink_;
  std::optional<nft::Nft> nft_;
  std::optional<std::vector<net::VxlanLink>> vxlan_;
  const RunOptions options_;
  const std::string& scope_;
  const bool removes_;
  Recorder recorder_;
  std::vector<std::size_t> refused_;
  std::function<bool(std::size_t, int)> spared_;
};

}  // namespace fabric
