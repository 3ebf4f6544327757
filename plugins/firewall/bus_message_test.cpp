// SPDX-License-Identifier: Apache-2.0
#include "plugins/firewall/bus_message.h"

#include <string>
#include <system_error>

#include <gtest/gtest.h>

#include "tests/support/host/bus_answers.h"

namespace firewall_plugin {
namespace {

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
