// SPDX-License-Identifier: Apache-2.0
#include "libcni/net/netlink.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include <libmnl/libmnl.h>

#include "libcni/base/interrupt.h"
#include "libcni/base/sys_error.h"

namespace net {

Message::Message(std::uint16_t type, std::uint16_t flags)
    : header_(mnl_nlmsg_put_header(buffer_.data())) {
  header_->nlmsg_type = type;
  header_->nlmsg_flags = flags;
}

void* Message::extra(std::size_t size) {
  return mnl_nlmsg_put_extra_header(header_, size);
}

namespace {

void require_space(bool fits) {
  if (!fits) base::throw_errno("build netlink request", EMSGSIZE);
}

}  // namespace

Message& Message::put(std::uint16_t attribute, std::span<const std::uint8_t> bytes) {
  require_space(mnl_attr_put_check(header_, buffer_.size(), attribute, bytes.size(), bytes.data()));
  return *this;
}

Message& Message::put(std::uint16_t attribute, const std::string& text) {
  require_space(mnl_attr_put_strz_check(header_, buffer_.size(), attribute, text.c_str()));
  return *this;
}

Message& Message::put_u8(std::uint16_t attribute, std::uint8_t value) {
  require_space(mnl_attr_put_u8_check(header_, buffer_.size(), attribute, value));
  return *this;
}

Message& Message::put_u16(std::uint16_t attribute, std::uint16_t value) {
  require_space(mnl_attr_put_u16_check(header_, buffer_.size(), attribute, value));
  return *this;
}

Message& Message::put_u32(std::uint16_t attribute, std::uint32_t value) {
  require_space(mnl_attr_put_u32_check(header_, buffer_.size(), attribute, value));
  return *this;
}

Message& Message::nest(std::uint16_t attribute, const std::function<void()>& fill) {
  nlattr* start = mnl_attr_nest_start_check(header_, buffer_.size(), attribute);
  require_space(start != nullptr);
  fill();
  mnl_attr_nest_end(header_, start);
  return *this;
}

namespace {

/// The kernel's own explanation in an extended ACK (kernel 4.12), or empty.
std::string extack_text(const nlmsghdr& reply) {
  const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&reply));
  if ((reply.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  std::size_t offset = sizeof(nlmsgerr);
  if ((reply.nlmsg_flags & NLM_F_CAPPED) == 0) offset += error->msg.nlmsg_len - sizeof(nlmsghdr);
  if (offset > mnl_nlmsg_get_payload_len(&reply)) return {};
  const auto* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(&reply));
  const auto* attribute =
      static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(&reply, MNL_ALIGN(offset)));
  while (mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)))) {
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
        mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
      return mnl_attr_get_str(attribute);
    attribute = mnl_attr_next(attribute);
  }
  return {};
}

/// The kernel reports a negative errno; zero is the ACK.
int errno_of(const nlmsghdr& reply) {
  const int error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&reply))->error;
  return error <= 0 && error > -4096 ? -error : EPROTO;
}

enum class Done { no, yes, interrupted, absent };

bool is_no_device(const nlmsghdr& reply) {
  return reply.nlmsg_type == NLMSG_ERROR &&
         static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&reply))->error == -ENODEV;
}

/// Evaluates one reply to the request in flight; throws the kernel's error.
Done take(const nlmsghdr& reply, const std::string& attempted, const Netlink::OnReply& on_reply) {
  if ((reply.nlmsg_flags & NLM_F_DUMP_INTR) != 0) return Done::interrupted;
  if (reply.nlmsg_type == NLMSG_DONE) return Done::yes;
  if (reply.nlmsg_type != NLMSG_ERROR) {
    if (on_reply) on_reply(reply);
    return Done::no;
  }
  const int error = errno_of(reply);
  if (error == 0) return Done::yes;
  const std::string text = extack_text(reply);
  base::throw_errno(text.empty() ? attempted : attempted + " (" + text + ")", error);
}

/// Room for one reply. The kernel fills the messages of a dump up to the size of the reader's
/// buffer, 32 KiB at most. One buffer serves all sockets of a thread, and only the pages take
/// memory that a reply has filled; a reader that runs inside another one's callback gets its own.
class ReplyBuffer {
 public:
  static constexpr std::size_t kSize = 32768;
  ReplyBuffer() : own_(std::exchange(taken_, true) ? new char[kSize] : nullptr) {}
  ReplyBuffer(const ReplyBuffer&) = delete;
  ReplyBuffer& operator=(const ReplyBuffer&) = delete;
  ~ReplyBuffer() {
    if (!own_) taken_ = false;
  }
  char* data() { return own_ ? own_.get() : shared_; }

 private:
  alignas(nlmsghdr) static thread_local char shared_[kSize];
  static thread_local bool taken_;
  std::unique_ptr<char[]> own_;
};

alignas(nlmsghdr) thread_local char ReplyBuffer::shared_[kSize];
thread_local bool ReplyBuffer::taken_ = false;

}  // namespace

struct Netlink::Impl {
  std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket{
      mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC), mnl_socket_close};
  std::uint32_t sequence = 0;
  bool filters_dumps = false;
  bool shortens_refusals = false;

  /// Not bound here: the kernel chooses an address at the first request.
  Impl() {
    if (!socket) base::throw_errno("open rtnetlink socket");
    switch_on(NETLINK_EXT_ACK);  // the kernel's text in errors
  }

  /// Each option is optional: an old kernel refuses it, and the socket works without.
  void switch_on(int option) {
    int on = 1;
    mnl_socket_setsockopt(socket.get(), option, &on, sizeof on);
  }

  ssize_t receive_some(ReplyBuffer& buffer, const std::string& attempted) {
    for (;;) {
      const ssize_t received = mnl_socket_recvfrom(socket.get(), buffer.data(), ReplyBuffer::kSize);
      if (received >= 0) return received;
      if (errno != EINTR) base::throw_errno(attempted);
    }
  }

  void send(Message& message, std::uint16_t flags, const std::string& attempted) {
    base::throw_if_interrupted();
    nlmsghdr& header = message.header();
    header.nlmsg_flags = static_cast<std::uint16_t>(header.nlmsg_flags | NLM_F_REQUEST | flags);
    header.nlmsg_seq = ++sequence;
    while (mnl_socket_sendto(socket.get(), &header, header.nlmsg_len) < 0)
      if (errno != EINTR) base::throw_errno(attempted);
  }

  enum class Until { acknowledged, first_reply, found };

  /// Reads replies to the last request until it is done. An answer is never left unread: the
  /// request has been carried out, and its undo needs this socket.
  Done receive(const std::string& attempted, const OnReply& on_reply,
               Until until = Until::acknowledged) {
    ReplyBuffer buffer;
    bool interrupted = false;
    for (;;) {
      int left = static_cast<int>(receive_some(buffer, attempted));
      for (auto* reply = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(reply, left);
           reply = mnl_nlmsg_next(reply, &left)) {
        if (reply->nlmsg_seq != sequence) continue;
        // "Does not exist" is the usual answer when a name must be free. It is not reported by an
        // exception: in a static executable the first throw sorts every unwind table, which takes
        // longer than all of ADD's netlink messages (0.8 of 2.5 ms, gcc 12).
        if (until == Until::found && is_no_device(*reply)) return Done::absent;
        const Done done = take(*reply, attempted, on_reply);
        if (until != Until::acknowledged) return done;
        interrupted = interrupted || done == Done::interrupted;
        if (done == Done::yes || (interrupted && reply->nlmsg_type == NLMSG_DONE))
          return interrupted ? Done::interrupted : Done::yes;
      }
    }
  }

  /// Reads the answers to the requests from number `first` to the last one.
  void receive_answers(std::uint32_t first, const std::string& attempted,
                       const OnRefused& on_refused) {
    ReplyBuffer buffer;
    for (bool ended = false; !ended;) {
      int left = static_cast<int>(receive_some(buffer, attempted));
      for (auto* reply = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(reply, left);
           reply = mnl_nlmsg_next(reply, &left)) {
        const std::uint32_t index = reply->nlmsg_seq - first;
        if (reply->nlmsg_type != NLMSG_ERROR || index > sequence - first) continue;
        if (const int errnum = errno_of(*reply); errnum != 0)
          on_refused(index, errnum, extack_text(*reply));
        ended = ended || reply->nlmsg_seq == sequence;
      }
    }
  }
};

void Netlink::exchange(std::span<char> messages, const OnRefused& on_refused) {
  if (messages.empty()) return;
  base::throw_if_interrupted();
  // A hundred refusals fit into the socket's buffer if they do not repeat the requests.
  constexpr std::size_t kMany = 4096;
  if (messages.size() > kMany && !std::exchange(impl_->shortens_refusals, true))
    impl_->switch_on(NETLINK_CAP_ACK);
  const std::uint32_t first = impl_->sequence + 1;
  nlmsghdr* last = nullptr;
  int left = static_cast<int>(messages.size());
  for (auto* each = reinterpret_cast<nlmsghdr*>(messages.data()); mnl_nlmsg_ok(each, left);
       each = mnl_nlmsg_next(each, &left)) {
    each->nlmsg_seq = ++impl_->sequence;
    last = each;
  }
  // The kernel always answers a refused request; of the others only the last is answered, which
  // ends the wait.
  last->nlmsg_flags = static_cast<std::uint16_t>(last->nlmsg_flags | NLM_F_ACK);
  const std::string attempted = "send netlink requests";
  while (mnl_socket_sendto(impl_->socket.get(), messages.data(), messages.size()) < 0)
    if (errno != EINTR) base::throw_errno(attempted);
  impl_->receive_answers(first, attempted, on_refused);
}

Pipeline::Pipeline(Netlink& netlink, Netlink::OnRefused on_refused)
    : netlink_(netlink), on_refused_(std::move(on_refused)) {}

void Pipeline::add(Message& message) {
  nlmsghdr& header = message.header();
  header.nlmsg_flags = static_cast<std::uint16_t>(header.nlmsg_flags | NLM_F_REQUEST);
  const auto* bytes = reinterpret_cast<const char*>(&header);
  messages_.insert(messages_.end(), bytes, bytes + header.nlmsg_len);
  messages_.resize(NLMSG_ALIGN(messages_.size()));
  if (++waiting_ == kDepth) flush();
}

void Pipeline::flush() {
  netlink_.exchange(messages_, [&](std::size_t index, int errnum, const std::string& text) {
    on_refused_(sent_ + index, errnum, text);
  });
  sent_ += waiting_;
  waiting_ = 0;
  messages_.clear();
}

Netlink::Netlink() : impl_(std::make_unique<Impl>()) {}

Netlink::Netlink(const base::Netns& netns) {
  netns.run([this] { impl_ = std::make_unique<Impl>(); });
}

Netlink::~Netlink() = default;
Netlink::Netlink(Netlink&&) noexcept = default;
Netlink& Netlink::operator=(Netlink&&) noexcept = default;

void Netlink::request(Message& message, const std::string& attempted, const OnReply& on_reply) {
  impl_->send(message, NLM_F_ACK, attempted);
  impl_->receive(attempted, on_reply);
}

void Netlink::get(Message& message, const std::string& attempted, const OnReply& on_reply) {
  impl_->send(message, 0, attempted);
  impl_->receive(attempted, on_reply, Impl::Until::first_reply);
}

bool Netlink::find(Message& message, const std::string& attempted, const OnReply& on_reply) {
  impl_->send(message, 0, attempted);
  return impl_->receive(attempted, on_reply, Impl::Until::found) != Done::absent;
}

void Netlink::dump(Message& message, const std::string& attempted, const OnReply& on_reply,
                   const std::function<void()>& restart) {
  constexpr int kTries = 20;
  // Kernel 4.20: the kernel filters dumps by the attributes of the request, such as the link of
  // addresses.
  if (!std::exchange(impl_->filters_dumps, true)) impl_->switch_on(NETLINK_GET_STRICT_CHK);
  for (int i = 0; i < kTries; ++i) {
    restart();
    impl_->send(message, NLM_F_DUMP, attempted);
    if (impl_->receive(attempted, on_reply) == Done::yes) return;
  }
  base::throw_errno(attempted + ": the table kept changing", EAGAIN);
}

std::uint32_t Netlink::port() const {
  const int fd = mnl_socket_get_fd(impl_->socket.get());
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  // The kernel has chosen the address of a socket that has sent a request.
  if (impl_->sequence == 0 && ::bind(fd, generic, size) < 0)
    base::throw_errno("bind rtnetlink socket");
  if (::getsockname(fd, generic, &size) < 0)
    base::throw_errno("read the address of a rtnetlink socket");
  return address.nl_pid;
}

}  // namespace net
