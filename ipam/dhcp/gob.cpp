// SPDX-License-Identifier: Apache-2.0
#include "ipam/dhcp/gob.h"

#include <algorithm>
#include <limits>

#include "libcni/spec/error.h"

namespace ipam_dhcp::gob {
namespace {

constexpr std::size_t kMostInMessage = std::size_t{1} << 20;
constexpr std::size_t kMostTypes = 256;
constexpr int kMostDepth = 32;
// Types of gob itself that describe a type.
constexpr std::int64_t kArray = 0, kSlice = 1, kStruct = 2, kMap = 3;

[[noreturn]] void malformed(const std::string& why) {
  throw cni::Error(cni::Code::decoding_failure, "bytes on the DHCP socket are not gob: " + why);
}

std::string encode_uint(std::uint64_t value) {
  if (value < 128) return {static_cast<char>(value)};
  std::string bytes;
  for (; value > 0; value >>= 8) bytes.insert(bytes.begin(), static_cast<char>(value & 0xff));
  bytes.insert(bytes.begin(), static_cast<char>(-static_cast<int>(bytes.size())));
  return bytes;
}

std::string encode_int(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return encode_uint(value < 0 ? ~bits << 1 | 1 : bits << 1);
}

/// The number of bytes of the number that begins with `first`.
std::size_t size_of_uint(char first) {
  const auto byte = static_cast<signed char>(first);
  return byte >= 0 ? 1 : 1 + static_cast<std::size_t>(-byte);
}

const Value& empty_value() {
  static const Value kEmpty;
  return kEmpty;
}

}  // namespace

const Value& Value::at(const std::string& field) const {
  const auto found = fields.find(field);
  return found == fields.end() ? empty_value() : found->second;
}

/// Takes numbers and texts from the front of one message.
class Decoder::Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) malformed("a message ends in the middle of a value");
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::uint64_t number() {
    if (bytes_.empty()) malformed("a message ends where a number must be");
    const std::size_t size = size_of_uint(bytes_.front());
    if (size > 9) malformed("a number has more than 8 bytes");
    const std::string_view taken = take(size);
    if (size == 1) return static_cast<std::uint8_t>(taken.front());
    std::uint64_t value = 0;
    for (const char byte : taken.substr(1)) value = value << 8 | static_cast<std::uint8_t>(byte);
    return value;
  }
  std::int64_t integer() {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>((value & 1) != 0 ? ~(value >> 1) : value >> 1);
  }
  std::string text() { return std::string(take(number())); }
  /// A count of things that take at least one byte each.
  std::size_t count() {
    const std::uint64_t value = number();
    if (value > bytes_.size()) malformed("a list is longer than its message");
    return value;
  }
  /// Moves to the next field of a struct; false at its end.
  bool next_field(std::int64_t& field) {
    const std::uint64_t delta = number();
    if (delta > 1000) malformed("a struct has more than 1000 fields");
    field += static_cast<std::int64_t>(delta);
    return delta != 0;
  }

 private:
  std::string_view bytes_;
};

std::optional<Value> Decoder::next() {
  while (!buffer_.empty()) {
    const std::size_t header = size_of_uint(buffer_.front());
    if (buffer_.size() < std::min<std::size_t>(header, 9)) return std::nullopt;
    const std::uint64_t size = Reader(buffer_).number();
    if (size > kMostInMessage) malformed("a message is larger than 1 MiB");
    if (buffer_.size() < header + size) return std::nullopt;
    const std::string bytes = buffer_.substr(header, size);
    buffer_.erase(0, header + size);
    Reader reader(bytes);
    const std::int64_t type = reader.integer();
    if (type >= 0) return read(type, reader, 0);
    if (type == std::numeric_limits<std::int64_t>::min())
      malformed("a type has an impossible number");
    define(-type, reader);
  }
  return std::nullopt;
}

void Decoder::define(std::int64_t id, Reader& reader) {
  if (types_.size() >= kMostTypes) malformed("more than 256 types");
  Type type;
  std::int64_t which = -1;
  if (!reader.next_field(which)) malformed("a type without a kind");
  type.kind = which == kArray || which == kSlice ? Type::list
              : which == kStruct                 ? Type::structure
              : which == kMap                    ? Type::map
                                                 : Type::opaque;
  // The first field of each kind is its name and number; the others follow.
  for (std::int64_t field = -1; reader.next_field(field);) {
    if (field == 0) {
      for (std::int64_t each = -1; reader.next_field(each);)
        each == 0 ? static_cast<void>(reader.text()) : static_cast<void>(reader.integer());
    } else if (type.kind == Type::structure) {
      for (std::size_t left = reader.count(); left > 0; --left) {
        Field member{};
        for (std::int64_t each = -1; reader.next_field(each);)
          if (each == 0)
            member.name = reader.text();
          else
            member.type = reader.integer();
        type.fields.push_back(std::move(member));
      }
    } else {
      const std::int64_t number = reader.integer();
      if (type.kind == Type::map && field == 1)
        type.key = number;
      else if (field == (type.kind == Type::map ? 2 : 1))
        type.element = number;
    }
  }
  types_[id] = std::move(type);
}

Value Decoder::read_struct(const Type& type, Reader& reader, int depth) const {
  Value value;
  for (std::int64_t field = -1; reader.next_field(field);) {
    if (field >= std::ssize(type.fields)) malformed("a struct has a field that its type lacks");
    const Field& member = type.fields[static_cast<std::size_t>(field)];
    value.fields[member.name] = read(member.type, reader, depth + 1);
  }
  return value;
}

Value Decoder::read(std::int64_t id, Reader& reader, int depth) const {
  if (depth > kMostDepth) malformed("values nest more than 32 levels deep");
  if (id == kInt) return {.number = reader.integer()};
  if (id == kBool || id == kUint) return {.number = static_cast<std::int64_t>(reader.number())};
  if (id == kBytes || id == kString) return {.text = reader.text()};
  const auto found = types_.find(id);
  if (found == types_.end()) malformed("type " + std::to_string(id) + " is not defined");
  const Type& type = found->second;
  if (type.kind == Type::structure) return read_struct(type, reader, depth);
  if (type.kind == Type::opaque) return {.text = reader.text()};
  Value value;
  for (std::size_t left = reader.count(); left > 0; --left) {
    if (type.kind == Type::map) value.list.push_back(read(type.key, reader, depth + 1));
    value.list.push_back(read(type.element, reader, depth + 1));
  }
  return value;
}

void StructWriter::begin(int field) {
  bytes_ += encode_uint(static_cast<std::uint64_t>(field - last_));
  last_ = field;
}
StructWriter& StructWriter::raw(int field, std::string_view value) {
  begin(field);
  bytes_ += value;
  return *this;
}
StructWriter& StructWriter::text(int field, std::string_view value) {
  return value.empty() ? *this : raw(field, encode_text(value));
}
StructWriter& StructWriter::number(int field, std::int64_t value) {
  return value == 0 ? *this : raw(field, encode_int(value));
}
StructWriter& StructWriter::pointed(int field, std::int64_t value) {
  return raw(field, encode_int(value));
}

std::string encode_text(std::string_view text) {
  return encode_uint(text.size()) + std::string(text);
}

std::string encode_list(const std::vector<std::string>& elements) {
  std::string bytes = encode_uint(elements.size());
  for (const std::string& each : elements) bytes += each;
  return bytes;
}

std::string message(std::int64_t id, std::string_view value) {
  return encode_text(encode_int(id) + std::string(value));
}

std::string define_struct(std::int64_t id, std::string_view name,
                          const std::vector<FieldType>& fields) {
  StructWriter type;
  type.raw(0, StructWriter().text(0, name).number(1, id).end());
  std::vector<std::string> members;
  for (const FieldType& each : fields)
    members.push_back(StructWriter().text(0, each.name).number(1, each.type).end());
  if (!members.empty()) type.raw(1, encode_list(members));
  return message(-id, StructWriter().raw(kStruct, type.end()).end());
}

std::string define_list(std::int64_t id, std::string_view name, std::int64_t element) {
  StructWriter type;
  type.raw(0, StructWriter().text(0, name).number(1, id).end()).number(1, element);
  return message(-id, StructWriter().raw(kSlice, type.end()).end());
}

}  // namespace ipam_dhcp::gob
