// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "libcni/base/netns.h"

struct nlmsghdr;
struct nlattr;

namespace net {

/// One rtnetlink request under construction: header, family header, attributes.
class Message {
 public:
  /// `type` is RTM_*; NLM_F_REQUEST and NLM_F_ACK are added on sending.
  Message(std::uint16_t type, std::uint16_t flags);
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  /// Reserves and zeroes the family header (ifinfomsg, ifaddrmsg, rtmsg, ...).
  template <typename Header>
  Header& extra() {
    return *static_cast<Header*>(extra(sizeof(Header)));
  }
  Message& put(std::uint16_t attribute, std::span<const std::uint8_t> bytes);
  Message& put(std::uint16_t attribute, const std::string& text);  ///< with a final NUL
  Message& put_u8(std::uint16_t attribute, std::uint8_t value);
  Message& put_u16(std::uint16_t attribute, std::uint16_t value);
  Message& put_u32(std::uint16_t attribute, std::uint32_t value);
  /// Puts the attributes that `fill` adds inside `attribute`.
  Message& nest(std::uint16_t attribute, const std::function<void()>& fill);

  nlmsghdr& header() { return *header_; }

 private:
  void* extra(std::size_t size);
  alignas(8) std::array<char, 2048> buffer_{};
  nlmsghdr* header_;
};

/// One rtnetlink socket; it stays in the namespace it was opened in.
class Netlink {
 public:
  Netlink();
  explicit Netlink(const base::Netns& netns);
  ~Netlink();
  Netlink(Netlink&&) noexcept;
  Netlink& operator=(Netlink&&) noexcept;

  using OnReply = std::function<void(const nlmsghdr&)>;
  /// Sends one request and waits for its ACK; replies before it go to `on_reply`. Throws
  /// std::system_error with the kernel's errno; its message is `attempted` and the kernel's own
  /// text, if any.
  void request(Message& message, const std::string& attempted, const OnReply& on_reply = {});
  /// Asks for one object: its only reply goes to `on_reply`, without a following ACK.
  void get(Message& message, const std::string& attempted, const OnReply& on_reply);
  /// The same, but returns false when the kernel answers ENODEV.
  bool find(Message& message, const std::string& attempted, const OnReply& on_reply);
  /// Sends a dump request. `on_reply` can see entries twice: an interrupted dump (NLM_F_DUMP_INTR)
  /// is started over after `restart()`.
  void dump(Message& message, const std::string& attempted, const OnReply& on_reply,
            const std::function<void()>& restart);

  /// The kernel's refusal of request number `index`: errno and, if any, text.
  using OnRefused = std::function<void(std::size_t index, int errnum, const std::string& text)>;
  /// Sends `messages`, complete requests one after another, in one system call and reads the
  /// refusals. Their answers must fit into the socket's buffer: see Pipeline.
  void exchange(std::span<char> messages, const OnRefused& on_refused);

  /// The address of this socket: events that its requests cause carry it.
  std::uint32_t port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Many independent requests: they are sent a hundred at a time, and a refused request does not
/// stop the rest.
class Pipeline {
 public:
  static constexpr std::size_t kDepth = 100;  ///< as many refusals as fit into a receive buffer

  /// `on_refused` gets the number of the request, counted by add().
  Pipeline(Netlink& netlink, Netlink::OnRefused on_refused);
  void add(Message& message);
  void flush();  ///< sends the rest; not done by the destructor, because it throws
  std::size_t count() const { return sent_ + waiting_; }

 private:
  Netlink& netlink_;
  Netlink::OnRefused on_refused_;
  std::vector<char> messages_;
  std::size_t waiting_ = 0;
  std::size_t sent_ = 0;
};

}  // namespace net
