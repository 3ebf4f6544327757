// SPDX-License-Identifier: Apache-2.0
#include "plugins/firewall/bus_message.h"

#include <cstring>
#include <string>
#include <system_error>

#include <gtest/gtest.h>

namespace firewall_plugin {
namespace {

using Bytes = std::vector<std::uint8_t>;

void append(Bytes& bytes, std::uint32_t value) {
  bytes.resize((bytes.size() + 3) / 4 * 4 + 4);
  std::memcpy(bytes.data() + bytes.size() - 4, &value, 4);
}
void append(Bytes& bytes, const std::string& text) {
  append(bytes, static_cast<std::uint32_t>(text.size()));
  bytes.insert(bytes.end(), text.begin(), text.end());
  bytes.push_back(0);
}
void append_field(Bytes& bytes, std::uint8_t code, char type) {
  bytes.resize((bytes.size() + 7) / 8 * 8);
  bytes.insert(bytes.end(), {code, 1, static_cast<std::uint8_t>(type), 0});
}

/// An answer to call 7: a result, or an error where `error` is not empty.
Bytes answer_of(const std::string& signature, const Bytes& body, const std::string& error = "") {
  Bytes message{bus_message(1, {}).front(), static_cast<std::uint8_t>(error.empty() ? 2 : 3), 0, 1};
  append(message, static_cast<std::uint32_t>(body.size()));
  append(message, 99);
  append(message, 0);
  append_field(message, 5, 'u');
  append(message, 7);
  if (!error.empty()) {
    append_field(message, 4, 's');
    append(message, error);
  }
  append_field(message, 8, 'g');
  message.push_back(static_cast<std::uint8_t>(signature.size()));
  message.insert(message.end(), signature.begin(), signature.end());
  message.push_back(0);
  const auto fields = static_cast<std::uint32_t>(message.size() - 16);
  std::memcpy(message.data() + 12, &fields, 4);
  message.resize((message.size() + 7) / 8 * 8);
  message.insert(message.end(), body.begin(), body.end());
  return message;
}

Bytes list_body() {
  Bytes items;
  for (const char* source : {"10.1.1.2/32", "fd00::2/128"}) append(items, source);
  Bytes body;
  append(body, static_cast<std::uint32_t>(items.size()));
  body.insert(body.end(), items.begin(), items.end());
  return body;
}

TEST(BusMessage, ReadsAListOfTexts) {
  const Bytes message = answer_of("as", list_body());
  EXPECT_EQ(bus_message_size(message), message.size());
  const ReceivedMessage received = read_bus_message(message);
  EXPECT_EQ(received.answers, 7u);
  EXPECT_EQ(received.answer.error, "");
  EXPECT_EQ(received.answer.texts, (std::vector<std::string>{"10.1.1.2/32", "fd00::2/128"}));
}

TEST(BusMessage, ReadsTruthValuesAndErrors) {
  Bytes yes;
  append(yes, 1);
  EXPECT_TRUE(read_bus_message(answer_of("b", yes)).answer.truth);
  Bytes why;
  append(why, "ZONE_ALREADY_SET: x");
  const BusAnswer refused = read_bus_message(answer_of("s", why, "org.example.Exception")).answer;
  EXPECT_EQ(refused.error, "org.example.Exception");
  EXPECT_EQ(refused.texts, std::vector<std::string>{"ZONE_ALREADY_SET: x"});
}

TEST(BusMessage, LeavesSignalsAndCallsToOthers) {
  EXPECT_EQ(read_bus_message(bus_message(7, {"a.b", "/", "a.b", "C", {"x"}})).answers, 0u);
}

TEST(BusMessage, WaitsForTheWholeHeader) {
  const Bytes message = answer_of("as", list_body());
  for (std::size_t size = 0; size < 16; ++size)
    EXPECT_EQ(bus_message_size(std::span(message).first(size)), std::nullopt);
}

TEST(BusMessage, RefusesAnyMessageThatIsCutOrChanged) {
  const Bytes message = answer_of("as", list_body());
  // An error, or another answer, but never memory beyond the message.
  for (std::size_t at = 0; at < message.size(); ++at)
    for (const int value : {0, 1, 2, 0x7f, 0x80, 0xff}) {
      Bytes changed = message;
      changed[at] = static_cast<std::uint8_t>(value);
      try {
        const auto size = bus_message_size(changed);
        if (size && *size <= changed.size()) read_bus_message(std::span(changed).first(*size));
      } catch (const std::system_error& error) {
        EXPECT_EQ(error.code().value(), EBADMSG);
      }
    }
  Bytes long_list;
  append(long_list, 0xfffffff0);
  EXPECT_THROW(read_bus_message(answer_of("as", long_list)), std::system_error);
}

}  // namespace
}  // namespace firewall_plugin
