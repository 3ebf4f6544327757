// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "libcni/runtime/cache.h"
#include "libcni/runtime/request.h"
#include "libcni/spec/error.h"
#include "libcni/spec/result.h"

namespace runtime {

/// One plugin's part of an ADD.
struct AddStep {
  std::string type;
  cni::Result result;  ///< the plugin's answer
};

struct AddReport {
  cni::Result result;       ///< the last plugin's
  std::string version;      ///< the selected one
  std::string result_text;  ///< `result` in `version`, indented
  std::vector<AddStep> steps = {};
  std::vector<std::string> warnings = {};
};

struct DelReport {
  std::vector<std::string> deleted = {};  ///< plugin types, in the order they ran
  std::vector<std::string> skipped = {};  ///< types of missing executables
  bool was_attached = false;              ///< there was a cache entry
  std::vector<std::string> warnings = {};
};

struct CheckReport {
  bool disabled = false;  ///< disableCheck: nothing was run
  std::vector<std::string> checked = {};
  std::vector<std::string> warnings = {};
};

/// The input of GC.
struct GcArgs {
  ValidAttachments valid;
  /// Attachments of an earlier boot are stale even when listed, and forgotten even when their DEL
  /// fails.
  bool forget_earlier_boots = false;
};

/// A failure during GC: of the DEL of an attachment, or of one plugin's GC.
struct GcFailure {
  std::string plugin = {};  ///< type, when a plugin failed
  std::optional<cni::Attachment> attachment = {};
  std::string text;
  unsigned code = 0;
};

struct GcReport {
  bool disabled = false;  ///< disableGC: nothing was done
  bool supported = true;  ///< false: no plugin was called, because the version is below 1.1.0
  std::vector<cni::Attachment> deleted = {};
  std::vector<std::string> collected = {};  ///< plugin types that ran GC
  std::vector<GcFailure> failures = {};
  std::vector<std::string> warnings = {};
  std::string error_text() const;  ///< one failure per line
};

struct StatusReport {
  bool supported = true;  ///< false: no plugin was called, because the version is below 1.1.0
  std::vector<std::string> ready = {};
};

struct ValidateReport {
  std::vector<std::string> capabilities = {};  ///< enabled ones, each once, in order
  std::vector<std::string> errors = {};
  std::vector<std::string> warnings = {};
  std::string error_text() const;  ///< `[e1 e2]`
};

}  // namespace runtime
