// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "tests/bench/driver/model.h"
#include "tests/bench/driver/spawn.h"
#include "tests/bench/driver/world.h"

namespace bench {

/// The folders of the three sides' programs, and of big stores.
struct Places {
  std::string reference;  ///< folder
  std::string ours;       ///< folder
  std::string floor;      ///< executable
  std::string scratch;    ///< folder on a real disk
};

/// One side's machine in one case: a host namespace, its sandboxes, its store, and the objects made
/// before the first timed call.
class Node {
 public:
  Node(Side side, const Case& what, const Places& places);

  /// The preconditions of the case: stored reservations, mapped ports, the link of a chained
  /// plugin. Not timed. Throws std::runtime_error with the plugin's output when a call fails.
  void prepare();
  /// Gives the pod another link before the next ADD, where a second ADD on the same link is another
  /// matter. Not timed.
  void renew();

  /// The calls of one attachment, in the order of `verb`.
  std::vector<Kind> kinds(Verb verb) const;
  /// The call of `verb` for a pod. `result` is the output of ADD; DEL, and ADD of a plugin behind
  /// another, get it as prevResult.
  Call call(Kind kind, Verb verb, size_t pod, const std::string& result) const;

  /// Returns whether the plugin or floor program that `call` starts exists.
  bool available() const;

 private:
  /// One attachment, as far as calls differ by it.
  struct Pod {
    std::string id;
    std::string netns;
    std::string result;  ///< of the plugin before a chained one
    unsigned host_port = 8080;
    std::string ifname = "eth0";
  };

  std::string plugin() const;
  Call make_call(Kind kind, Verb verb, const Pod& pod, const std::string& result) const;
  Call floor_call(Kind kind, Verb verb, const Pod& pod, const std::string& result) const;
  std::string config(Kind kind, const Pod& pod, const std::string& result) const;
  std::string store() const;
  void make_master() const;
  void fill_store() const;
  void fill_mappings() const;
  void fill_limited() const;

  Side side_;
  Case what_;
  Places places_;
  std::string data_dir_;
  base::UniqueFd netns_;
  std::vector<Pod> pods_;
};

}  // namespace bench
