// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "libcni/spec/error.h"

namespace runtime {

/// The folder is missing or holds no configuration file.
class NoConfigs : public cni::Error {
 public:
  explicit NoConfigs(const std::string& dir);
};

/// No readable file of the folder has the network; details() lists the files that were skipped
///
class NetworkNotFound : public cni::Error {
 public:
  NetworkNotFound(const std::string& dir, const std::string& name,
                  const std::vector<std::string>& skipped);
};

/// No plugin directory has the executable.
class PluginNotFound : public cni::Error {
 public:
  /// `prefix` leads the message.
  PluginNotFound(std::string type, const std::vector<std::string>& dirs, const std::string& prefix);
  const std::string& type() const { return type_; }

 private:
  std::string type_;
};

/// Which call of which plugin failed.
struct Call {
  std::string type;
  std::string name = {};  ///< the plugin object's own name, mostly empty
  std::string verb = {};  ///< CNI_COMMAND
};

/// A plugin failed, or answered what cannot be understood. what() is the reference's text with its
/// prefix, reason() the plugin's own error object; code() and details() are its
/// too.
class PluginError : public cni::Error {
 public:
  PluginError(Call call, cni::Error reason, std::string stderr_text);
  const Call& call() const { return call_; }
  const cni::Error& reason() const { return reason_; }
  const std::string& stderr_text() const { return stderr_text_; }  ///< all it wrote (R-068)

 private:
  Call call_;
  cni::Error reason_;
  std::string stderr_text_;
};

/// The deadline passed and the plugin was killed.
class Timeout : public PluginError {
 public:
  using PluginError::PluginError;
};

/// CHECK of a configuration older than 0.4.0.
class CheckUnsupported : public cni::Error {
 public:
  explicit CheckUnsupported(const std::string& version);
};

/// ADD of what the cache says is attached already.
class AlreadyAttached : public cni::Error {
 public:
  using cni::Error::Error;
};

/// CHECK of what the cache does not know.
class NotAttached : public cni::Error {
 public:
  using cni::Error::Error;
};

/// GC on a host where this runtime has attached nothing.
class NotOwner : public cni::Error {
 public:
  using cni::Error::Error;
};

/// Another process kept the lock until the deadline. Code 11.
class LockTimeout : public cni::Error {
 public:
  using cni::Error::Error;
};

/// `plugin type="T" name="N" failed (add): ` as the verb has it; empty for STATUS and VERSION
///
std::string prefix_of(const Call& call);

/// `msg; details`, or `msg` alone.
std::string error_text(const cni::Error& error);

}  // namespace runtime
