// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace agent::kubernetes {

/// Cuts JSON that arrives in pieces of any size into whole objects, holding one at a time: the
/// documents of a watch, or the elements of a list's `items`. Checks brackets only; the receiver of
/// an object parses it. Memory: the largest object, whatever the length of the stream.
class JsonSplitter {
 public:
  /// The objects to cut out.
  enum class Unit {
    document,  ///< a watch: one after another, white space between
    item       ///< a list: objects in an array that is a member of the document
  };
  static constexpr std::size_t kMaxSize = 8 << 20;  ///< etcd refuses objects above 1.5 MiB

  JsonSplitter(Unit unit, std::function<void(std::string_view)> on_object)
      : unit_(unit), on_object_(std::move(on_object)) {}

  /// Calls on_object() for each object that is complete now. Throws std::invalid_argument when
  /// brackets do not match or an object is larger than kMaxSize; do not use the splitter after
  /// that.
  void feed(std::string_view piece);
  /// True between two documents, when no document is incomplete.
  bool is_complete() const { return depth_.empty() && begun_; }
  /// The document without its items, `{"metadata":{...},"items":[]}`; of Unit::item.
  const std::string& envelope() const { return envelope_; }

 private:
  void open(char bracket);
  void close(char bracket);
  bool in_item() const { return item_depth_ != 0; }
  void append(std::string_view text);

  Unit unit_;
  std::function<void(std::string_view)> on_object_;
  std::string depth_;  ///< the open brackets
  std::size_t item_depth_ =
      0;  ///< number of open brackets when the object began; 0: no object has begun
  std::string object_;
  std::string envelope_;
  bool in_string_ = false;
  bool escaped_ = false;
  bool begun_ = false;
  bool after_item_ = false;  ///< the comma that follows stays out of the envelope
};

}  // namespace agent::kubernetes
