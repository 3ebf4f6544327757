// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libcni/base/unique_fd.h"

namespace firewall_plugin {

/// A call of a method whose arguments are all texts.
struct BusCall {
  std::string destination;
  std::string path;
  std::string interface;
  std::string member;
  std::vector<std::string> arguments = {};
};

/// The answer to a call: a result, or an error with its name and text.
struct BusAnswer {
  std::string error = {};               ///< name of the error; empty: the call succeeded
  std::vector<std::string> texts = {};  ///< the text, or the list of texts; an error's text
  bool truth = false;                   ///< the truth value
};

struct ReceivedMessage;

/// A connection to the system's message bus (D-Bus), for the few calls that the plugin makes. It
/// speaks the protocol itself: libdbus and sd-bus do not come as static libraries of its size.
/// Calls do not start a service that does not run.
class Bus {
 public:
  /// Nothing where no bus listens at $DBUS_SYSTEM_BUS_ADDRESS, or at its usual place. Throws as
  /// call() does.
  static std::optional<Bus> find();

  /// Makes the calls at once and returns their answers in that order. Throws std::system_error when
  /// the bus refuses this process, breaks the connection, or takes longer than 25 s.
  std::vector<BusAnswer> call(std::span<const BusCall> calls);
  BusAnswer call(const BusCall& single) { return call({&single, 1}).front(); }

 private:
  Bus(base::UniqueFd fd, std::chrono::steady_clock::time_point deadline);
  void log_in();
  void send(const std::vector<std::uint8_t>& bytes);
  void receive();
  std::string read_line();
  ReceivedMessage read_message();

  base::UniqueFd fd_;
  std::chrono::steady_clock::time_point deadline_;  ///< until which a call may block
  std::vector<std::uint8_t> input_;                 ///< received and not read yet
  std::uint32_t serial_ = 0;
};

}  // namespace firewall_plugin
