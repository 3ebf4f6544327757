// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libcni/base/unique_fd.h"
#include "libcni/plugin/plugin.h"

namespace flannel {

/// The folder with the delegate's configuration of each attachment, in the form of flannel's own
/// plugin: one file per container, named by its ID. A second attachment of the same container gets
/// a file of its own, `<container ID>:<interface>`, which cannot be a container ID. A hash replaces
/// an ID that is too long for a name. An extended attribute of the file names the interface.
class Scratch {
 public:
  struct Saved {
    std::string path = {};
    std::string text = {};  ///< an empty JSON object when the file is damaged
  };
  struct Written {
    std::string path = {};
    std::function<void()> undo = {};  ///< brings back the former content, or removes the file
  };

  Scratch(std::string folder, const cni::Request& request)
      : folder_(std::move(folder)), request_(request) {}

  /// Writes the configuration of an attachment; it is on the disk when this returns. Never replaces
  /// the file of another attachment.
  Written write(const std::string& text) const;
  /// The file that ADD wrote for this attachment. A file of flannel's own plugin names no interface
  /// and counts for any.
  std::optional<Saved> find() const;
  /// The files of this network's attachments that GC's list does not name and that are older than
  /// this call. A damaged file belongs to no network and is left out.
  std::vector<Saved> find_stale() const;
  /// Removes the files that a killed write() left, unless it may still be at work.
  void remove_temporary_files() const;

 private:
  std::string path_of_container() const;
  std::string path_of_attachment() const { return path_of_container() + ":" + request_.ifname; }
  std::optional<std::string> find_own_path() const;
  struct New {
    std::string path;
    base::UniqueFd fd;
  };
  New create() const;
  void mark(const std::string& path) const;
  bool is_valid(const std::string& file_name) const;
  void for_each_old_file(const std::function<void(const std::string& name)>& visit) const;
  std::string folder_;
  const cni::Request& request_;
};

}  // namespace flannel
