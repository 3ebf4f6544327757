// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "libcni/fabric/apply.h"
#include "libcni/net/address.h"
#include "libcni/net/vxlan.h"
#include "libcni/nft/nft.h"

namespace fabric {

/// One pass of apply(), or of diff(), which writes nothing: makes changes and keeps the report.
class Run {
 public:
  enum class Mode { write, dry };
  Run(net::Netlink& netlink, Mode mode, const Desired& desired)
      : netlink_(netlink), mode_(mode), scope_(desired.scope), removes_(desired.complete) {}

  net::Netlink& netlink() { return netlink_; }
  /// One socket for all uses: each close waits for other processes' transactions. Opened at the
  /// first call; throws where nf_tables is missing.
  nft::Nft& nft() { return nft_ ? *nft_ : nft_.emplace(); }
  /// Every VXLAN device. A dry run, which changes none, reads them once.
  const std::vector<net::VxlanLink>& list_vxlan();
  /// Addresses of all links, for a dry run; empty: list_addresses() asks the kernel.
  void set_addresses(std::span<const net::Address> addresses) { addresses_ = addresses; }
  std::vector<net::Address> list_addresses(int index);
  bool is_dry() const { return mode_ == Mode::dry; }
  /// True if change_all() removes objects that are not wanted.
  bool removes() const { return removes_; }
  const std::string& scope() const { return scope_; }
  /// Folder where sysctls are recorded before they change, and where a dry run records what it
  /// found right (TrafficRecord); empty: nothing is recorded.
  void set_record_folder(std::string folder) { record_folder_ = std::move(folder); }
  const std::string& record_folder() const { return record_folder_; }
  /// Destinations whose route of ours another program has replaced.
  void set_replaced(std::vector<base::Prefix> lost) { replaced_ = std::move(lost); }
  const std::vector<base::Prefix>& replaced() const { return replaced_; }
  void block(const base::Prefix& destination) { report_.blocked.push_back(destination); }
  /// The alias of this scope's devices.
  std::string mark() const { return scope_.empty() ? "plumb:fabric" : "plumb:fabric:" + scope_; }

  void want(std::size_t objects) { report_.desired += objects; }
  /// The number of objects that were not right so far.
  std::size_t findings() const { return report_.changed + report_.errors.size() + hidden_errors_; }
  void fail(std::string error);
  /// For a catch clause: records that `what` was refused. Rethrows an error that ends the whole
  /// run, such as a termination signal.
  void fail(const std::string& what, const std::system_error& error);
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
          record(what, [&] { return describe(objects[i]); });
    };
    if (is_dry() || objects.empty()) return record_all();
    net::Pipeline pipeline(netlink_, [&](std::size_t index, int errnum, const std::string& text) {
      if (!spared || !spared(index, errnum)) refuse(what, describe(objects[index]), {errnum, text});
      refused_.push_back(index);
    });
    for (const Object& object : objects) send(pipeline, object);
    pipeline.flush();
    report_.requests += objects.size();
    record_all();
  }
  /// Indexes of the objects that the kernel refused in the last change_all().
  const std::vector<std::size_t>& refused() const { return refused_; }
  void count(std::size_t requests) { report_.requests += requests; }
  /// Commits as Nft::commit() and measures the time; does nothing in a dry run.
  void commit(const nft::Batch& batch, std::optional<std::uint32_t> generation);
  /// An object existed already that was missing when it was read: another apply() may be running.
  bool was_contended() const { return contended_; }
  Report finish();

 private:
  struct Refusal {
    int errnum;
    std::string text;  ///< the kernel's, or empty
  };
  void record(Change::What what, const std::function<std::string()>& describe);
  void refuse(Change::What what, const std::string& object, const Refusal& refusal);

  net::Netlink& netlink_;
  std::optional<nft::Nft> nft_;
  std::optional<std::vector<net::VxlanLink>> vxlan_;
  std::span<const net::Address> addresses_;
  Mode mode_;
  const std::string& scope_;
  bool removes_;
  std::vector<base::Prefix> replaced_;
  std::vector<std::size_t> refused_;
  std::function<bool(std::size_t, int)> spared_;
  std::string record_folder_;
  Report report_;
  std::size_t hidden_errors_ = 0;
  bool contended_ = false;
};

}  // namespace fabric
