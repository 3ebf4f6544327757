// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The part of Go's encoding/gob that net/rpc needs: structs of strings, bytes, integers and lists.
namespace ipam_dhcp::gob {

/// Type IDs that both sides know, and the first that a stream defines.
inline constexpr std::int64_t kBool = 1, kInt = 2, kUint = 3, kBytes = 5, kString = 6,
                              kFirstOwn = 64;

/// A received value. Which member counts depends on its type; an absent field is an empty value.
struct Value {
  std::int64_t number = 0;
  std::string text = {};  ///< of a string or bytes
  std::vector<Value> list = {};
  std::map<std::string, Value> fields = {};

  const Value& at(const std::string& field) const;  ///< empty where the sender left it out
};

/// Reads one direction of a stream. Throws cni::Error code 6 for bytes that are not gob.
class Decoder {
 public:
  void feed(std::string_view bytes) { buffer_ += bytes; }
  /// The next value; nothing while its bytes have not all arrived.
  std::optional<Value> next();

 private:
  struct Field {
    std::string name;
    std::int64_t type;
  };
  struct Type {
    enum Kind { list, structure, map, opaque } kind = structure;
    std::int64_t element = 0;
    std::int64_t key = 0;
    std::vector<Field> fields = {};
  };
  class Reader;
  void define(std::int64_t id, Reader& reader);
  Value read(std::int64_t type, Reader& reader, int depth) const;
  Value read_struct(const Type& type, Reader& reader, int depth) const;
  std::string buffer_;
  std::map<std::int64_t, Type> types_;
};

struct FieldType {
  std::string_view name;
  std::int64_t type;
};
/// The message that defines a type.
std::string define_struct(std::int64_t id, std::string_view name,
                          const std::vector<FieldType>& fields);
std::string define_list(std::int64_t id, std::string_view name, std::int64_t element);

/// Writes a struct field by field, in their order; zero values are left out, as gob requires.
class StructWriter {
 public:
  StructWriter& text(int field, std::string_view value);
  StructWriter& number(int field, std::int64_t value);
  /// A field whose encoding is `value`.
  StructWriter& raw(int field, std::string_view value);
  /// A number that is there although it is 0, as a pointer that is not nil.
  StructWriter& pointed(int field, std::int64_t value);
  std::string end() const { return bytes_ + '\0'; }

 private:
  void begin(int field);
  std::string bytes_;
  int last_ = -1;
};

/// The encoding of a list from those of its elements.
std::string encode_list(const std::vector<std::string>& elements);
std::string encode_text(std::string_view text);
/// The message with a struct of type `id`.
std::string message(std::int64_t id, std::string_view value);

}  // namespace ipam_dhcp::gob
