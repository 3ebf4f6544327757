// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libcni/plugin/plugin.h"

namespace flannel {

/// The folder with the delegate's configuration of each attachment, in the form of flannel's own
/// plugin: one file per container, named by its ID. A second attachment of the same container gets
/// a file of its own, `<container ID>:<interface>`, which can be no container's ID. A hash replaces
/// an ID that is too long for a name.
class Scratch {
 public:
  struct Saved {
    std::string path = {};
    std::string text = {};  ///< an empty JSON object when the file has none
  };

  Scratch(std::string folder, const cni::Request& request)
      : folder_(std::move(folder)), request_(request) {}

  /// Writes the configuration of a new attachment, safe against a power cut. Returns the path.
  std::string write(const std::string& text) const;
  /// The file that ADD wrote for this attachment.
  std::optional<Saved> find() const;
  /// The files of this network's attachments that GC's list does not name and that are older than
  /// this call. A file that is not a JSON object belongs to no network and is left out.
  std::vector<std::string> find_stale() const;
  /// Removes what a killed write() left, unless it may still be at work.
  void remove_temporary_files() const;

 private:
  std::string path_of_container() const;
  std::string path_of_attachment() const { return path_of_container() + ":" + request_.ifname; }
  bool is_valid(const std::string& file_name) const;
  void for_each_old_file(const std::function<void(const std::string& name)>& visit) const;
  std::string folder_;
  const cni::Request& request_;
};

}  // namespace flannel
