// SPDX-License-Identifier: Apache-2.0
#include "plugins/firewall/bus_message.h"

#include <bit>
#include <cstring>

#include "libcni/base/sys_error.h"

namespace firewall_plugin {
namespace {

constexpr std::uint8_t kOwnOrder = std::endian::native == std::endian::little ? 'l' : 'B';
constexpr std::uint8_t kMethodCall = 1;
constexpr std::uint8_t kMethodReturn = 2;
constexpr std::uint8_t kError = 3;
constexpr std::uint8_t kNoAutoStart = 2;  // flag
constexpr std::uint8_t kProtocol = 1;
constexpr std::size_t kFixedSize = 16;  // the header up to the length of its fields
constexpr std::size_t kMostBytes = 16 << 20;

/// Codes of header fields.
enum Field : std::uint8_t {
  kPath = 1,
  kInterface = 2,
  kMember = 3,
  kErrorName = 4,
  kReplySerial = 5,
  kDestination = 6,
  kSignature = 8
};

[[noreturn]] void refuse() {
  base::throw_errno("read a message of the system's message bus", EBADMSG);
}

std::size_t padded(std::size_t size, std::size_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

class Writer {
 public:
  void pad(std::size_t alignment) { bytes.resize(padded(bytes.size(), alignment)); }
  void byte(std::uint8_t value) { bytes.push_back(value); }
  void number(std::uint32_t value) {
    pad(sizeof value);
    bytes.resize(bytes.size() + sizeof value);
    std::memcpy(bytes.data() + bytes.size() - sizeof value, &value, sizeof value);
  }
  void text(const std::string& value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes.insert(bytes.end(), value.begin(), value.end());
    byte(0);
  }
  void signature(const std::string& value) {
    byte(static_cast<std::uint8_t>(value.size()));
    bytes.insert(bytes.end(), value.begin(), value.end());
    byte(0);
  }
  /// A header field whose value is a text of `type` (s, o or g).
  void field(Field code, char type, const std::string& value) {
    pad(8);
    byte(code);
    signature(std::string(1, type));
    type == 'g' ? signature(value) : text(value);
  }
  std::vector<std::uint8_t> bytes;
};

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  bool at_end() const { return at_ >= bytes_.size(); }
  void pad(std::size_t alignment) { skip(padded(at_, alignment) - at_); }
  std::uint8_t byte() { return *take(1); }
  std::uint32_t number() {
    std::uint32_t value = 0;
    pad(sizeof value);
    std::memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }
  std::string text() { return characters(number()); }
  std::string signature() { return characters(byte()); }
  /// Nothing behind the next `size` bytes is read.
  void end_after(std::size_t size) {
    if (size > bytes_.size() - at_) refuse();
    bytes_ = bytes_.first(at_ + size);
  }

 private:
  const std::uint8_t* take(std::size_t size) {
    if (size > bytes_.size() - at_) refuse();
    at_ += size;
    return bytes_.data() + at_ - size;
  }
  void skip(std::size_t size) { take(size); }
  std::string characters(std::size_t size) {
    const auto* begin = reinterpret_cast<const char*>(take(size));
    skip(1);  // the terminating zero
    return {begin, size};
  }
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

/// The parts of a header that an answer needs.
struct Fields {
  std::uint32_t reply_serial = 0;
  std::string error = {};
  std::string signature = {};
};

/// `reader` stands at the first field, and ends behind the last.
Fields read_fields(Reader reader) {
  Fields fields;
  while (!reader.at_end()) {
    reader.pad(8);
    const std::uint8_t code = reader.byte();
    const std::string type = reader.signature();
    if (type == "u") {
      const std::uint32_t value = reader.number();
      if (code == kReplySerial) fields.reply_serial = value;
      continue;
    }
    if (type != "s" && type != "o" && type != "g") refuse();
    std::string value = type == "g" ? reader.signature() : reader.text();
    if (code == kErrorName)
      fields.error = std::move(value);
    else if (code == kSignature)
      fields.signature = std::move(value);
  }
  return fields;
}

/// The values that the plugin's calls return; others are left out.
void read_body(Reader body, const std::string& signature, BusAnswer& answer) {
  if (signature.starts_with("b")) answer.truth = body.number() != 0;
  if (signature.starts_with("s")) answer.texts.push_back(body.text());
  if (!signature.starts_with("as")) return;
  body.end_after(body.number());
  while (!body.at_end()) answer.texts.push_back(body.text());
}

std::uint32_t number_at(std::span<const std::uint8_t> bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::size_t header_size(std::span<const std::uint8_t> input) {
  return padded(kFixedSize + number_at(input, 12), 8);
}

}  // namespace

std::vector<std::uint8_t> bus_message(std::uint32_t serial, const BusCall& call) {
  Writer body;
  for (const std::string& argument : call.arguments) body.text(argument);
  Writer message;
  for (const std::uint8_t byte : {kOwnOrder, kMethodCall, kNoAutoStart, kProtocol})
    message.byte(byte);
  message.number(static_cast<std::uint32_t>(body.bytes.size()));
  message.number(serial);
  message.number(0);  // the length of the fields, once it is known
  message.field(kPath, 'o', call.path);
  message.field(kInterface, 's', call.interface);
  message.field(kMember, 's', call.member);
  message.field(kDestination, 's', call.destination);
  if (!call.arguments.empty())
    message.field(kSignature, 'g', std::string(call.arguments.size(), 's'));
  const auto length = static_cast<std::uint32_t>(message.bytes.size() - kFixedSize);
  std::memcpy(message.bytes.data() + 12, &length, sizeof length);
  message.pad(8);
  message.bytes.insert(message.bytes.end(), body.bytes.begin(), body.bytes.end());
  return message.bytes;
}

std::optional<std::size_t> bus_message_size(std::span<const std::uint8_t> input) {
  if (input.size() < kFixedSize) return std::nullopt;
  if (input[0] != kOwnOrder || input[3] != kProtocol) refuse();
  const std::size_t fields = number_at(input, 12);
  const std::size_t body = number_at(input, 4);
  if (fields > kMostBytes || body > kMostBytes) refuse();
  return header_size(input) + body;
}

ReceivedMessage read_bus_message(std::span<const std::uint8_t> message) {
  const std::uint8_t type = message[1];
  if (type != kMethodReturn && type != kError) return {};
  Reader header(message);
  for (int i = 0; i < 3; ++i) header.number();
  header.end_after(header.number());
  const Fields fields = read_fields(header);
  ReceivedMessage received{.answers = fields.reply_serial};
  if (type == kError) received.answer.error = fields.error.empty() ? "unnamed" : fields.error;
  read_body(Reader(message.subspan(header_size(message))), fields.signature, received.answer);
  return received;
}

}  // namespace firewall_plugin
