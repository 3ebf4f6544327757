// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/run.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <iterator>

#include "libcni/base/gone.h"

namespace fabric {
namespace {

constexpr std::size_t kChangesKept = 100;
constexpr std::size_t kErrorsKept = 20;

const char* word_of(Change::What what) {
  switch (what) {
    case Change::What::add:
      return "add ";
    case Change::What::replace:
      return "replace ";
    case Change::What::remove:
      break;
  }
  return "remove ";
}

/// True if the error means that the object to remove does not exist.
bool means_gone(int errnum) {
  return base::is_gone(errnum, base::Object::route) ||
         base::is_gone(errnum, base::Object::neighbor);
}

}  // namespace

const std::vector<net::VxlanLink>& Run::list_vxlan() {
  if (!vxlan_ || !is_dry()) vxlan_ = net::list_vxlan(netlink_);
  return *vxlan_;
}

std::vector<net::Address> Run::list_addresses(int index) {
  if (addresses_.empty()) return net::list_addresses(netlink_, index);
  std::vector<net::Address> found;
  std::ranges::copy_if(addresses_, std::back_inserter(found),
                       [&](const net::Address& each) { return each.index == index; });
  return found;
}

void Run::fail(std::string error) {
  if (report_.errors.size() < kErrorsKept)
    report_.errors.push_back(std::move(error));
  else
    ++hidden_errors_;
}

void Run::fail(const std::string& what, const std::system_error& error) {
  if (error.code().value() == EINTR) throw;
  fail(what + ": " + error.what());
}

void Run::record(Change::What what, const std::function<std::string()>& describe) {
  ++report_.changed;
  if (what == Change::What::remove) ++report_.removed;
  if (is_dry() || report_.changes.size() < kChangesKept)
    report_.changes.push_back({what, describe()});
}

void Run::refuse(Change::What what, const std::string& object, const Refusal& refusal) {
  if (what == Change::What::remove && means_gone(refusal.errnum)) return;
  contended_ = contended_ || refusal.errnum == EEXIST;
  std::string error = word_of(what) + object + ": ";
  if (what == Change::What::add && refusal.errnum == EEXIST)
    error += "another program has created it already";
  else
    error += std::generic_category().message(refusal.errnum);
  if (!refusal.text.empty()) error += " (" + refusal.text + ")";
  fail(std::move(error));
}

void Run::commit(const nft::Batch& batch, std::optional<std::uint32_t> generation) {
  if (is_dry() || batch.size() == 0) return;
  const auto begun = std::chrono::steady_clock::now();
  nft().commit(batch, generation);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  report_.filter_seconds += took.count();
}

bool Run::change(Change::What what, const std::string& object, const std::function<void()>& make,
                 std::size_t requests) {
  if (!is_dry()) try {
      report_.requests += requests;
      make();
    } catch (const std::system_error& e) {
      contended_ = contended_ || e.code().value() == EEXIST || e.code().value() == ENODEV;
      fail(word_of(what) + object, e);
      return false;
    }
  record(what, [&] { return object; });
  return true;
}

Report Run::finish() {
  if (hidden_errors_ > 0)
    report_.errors.push_back("and " + std::to_string(hidden_errors_) + " more");
  return std::move(report_);
}

}  // namespace fabric
