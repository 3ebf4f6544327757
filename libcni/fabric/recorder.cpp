// SPDX-License-Identifier: Apache-2.0
#include "libcni/fabric/recorder.h"

#include <cerrno>
#include <utility>

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

void Recorder::change(Change::What what, const std::function<std::string()>& describe) {
  ++report_.changed;
  if (what == Change::What::remove) ++report_.removed;
  if (keep_ == Keep::all || report_.changes.size() < kChangesKept)
    report_.changes.push_back({what, describe()});
}

void Recorder::fail(std::string error) {
  if (report_.errors.size() < kErrorsKept)
    report_.errors.push_back(std::move(error));
  else
    ++hidden_errors_;
}

void Recorder::fail(const std::string& what, const std::system_error& error) {
  if (error.code().value() == EINTR) throw;
  fail(what + ": " + error.what());
}

void Recorder::refuse(const Change& change, int errnum, const std::string& text) {
  if (change.what == Change::What::remove && means_gone(errnum)) return;
  contended_ = contended_ || errnum == EEXIST;
  std::string error = word_of(change.what) + change.object + ": ";
  if (change.what == Change::What::add && errnum == EEXIST)
    error += "another program has created it already";
  else
    error += std::generic_category().message(errnum);
  if (!text.empty()) error += " (" + text + ")";
  fail(std::move(error));
}

void Recorder::refuse(const Change& change, const std::system_error& error) {
  const int errnum = error.code().value();
  contended_ = contended_ || errnum == EEXIST || errnum == ENODEV;
  fail(word_of(change.what) + change.object, error);
}

Report Recorder::finish() {
  if (hidden_errors_ > 0)
    report_.errors.push_back("and " + std::to_string(hidden_errors_) + " more");
  return std::move(report_);
}

}  // namespace fabric
