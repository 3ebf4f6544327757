// SPDX-License-Identifier: Apache-2.0
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/http/client.h"
#include "libcni/base/file.h"
#include "libcni/base/netns.h"
#include "tests/agent_api/replay_server.h"

using namespace std::chrono_literals;
using agent::HttpClient;
using agent::HttpHandlers;
using agent::HttpRequest;
using agent::HttpResult;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

class HttpClientTest : public testing::Test {
 protected:
  /// Turns the loop until `done`, at most 20 s.
  template <typename Done>
  void turn_until(Done done) {
    const auto deadline = agent::Loop::Clock::now() + 20s;
    while (!done() && agent::Loop::Clock::now() < deadline) loop.turn(50ms);
    ASSERT_TRUE(done()) << "nothing happened in 20 s";
  }
  HttpHandlers handlers() {
    return {.on_data = [this](std::string_view piece) { body += piece; },
            .on_done = [this](const HttpResult& end) { result = end; },
            .on_status = [this](long status) { statuses.push_back(status); }};
  }
  HttpResult get(HttpRequest request) {
    body.clear();
    statuses.clear();
    result.reset();
    client.start(std::move(request), handlers());
    turn_until([this] { return result.has_value(); });
    return result.value_or(HttpResult{.error = "no end"});
  }

  agent::Loop loop;
  HttpClient client{loop};
  std::string body;
  std::vector<long> statuses;
  std::optional<HttpResult> result;
};

nlohmann::json tls_of(const test::Certificates& files) {
  return {{"cert", files / "server.crt"}, {"key", files / "server.key"}};
}

}  // namespace

TEST_F(HttpClientTest, PassesOnABodyInPiecesOfAnySize) {
  test::ReplayServer server;
  for (const int chunk : {1, 7, 1000}) {
    server.replay("/watch", "nodes-watchlist-200.http", {{"chunk", chunk}, {"after", "close"}});
    const HttpResult end = get({.url = server.url("/watch")});
    EXPECT_EQ(end.status, 200);
    EXPECT_EQ(body, test::fixture_body("nodes-watchlist-200.http")) << "chunk " << chunk;
    EXPECT_THAT(statuses, testing::ElementsAre(200));
  }
}

TEST_F(HttpClientTest, SendsMethodHeadersBodyAndToken) {
  test::ReplayServer server;
  server.respond("/x", "200 OK", "{}", {{"times", 0}});
  EXPECT_TRUE(get({.method = "PATCH",
                   .url = server.url("/x"),
                   .headers = {"Content-Type: application/merge-patch+json"},
                   .body = "{\"a\":1}",
                   .bearer = "secret"})
                  .ok());
  EXPECT_TRUE(get({.method = "POST", .url = server.url("/x"), .user = "u", .password = "p"}).ok());
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0]["method"], "PATCH");
  EXPECT_EQ(requests[0]["body"], "{\"a\":1}");
  EXPECT_EQ(requests[0]["headers"]["content-type"], "application/merge-patch+json");
  EXPECT_EQ(requests[0]["headers"]["authorization"], "Bearer secret");
  EXPECT_EQ(requests[1]["headers"]["authorization"], "Basic dTpw");
  EXPECT_EQ(requests[1]["headers"]["content-length"], "0");
}

TEST_F(HttpClientTest, UsesAConfiguredProxy) {
  test::ReplayServer proxy;
  proxy.respond("http://api.invalid/x", "200 OK", "hi");
  proxy.respond("api.invalid:6443", "403 Forbidden", "", {{"method", "CONNECT"}});
  EXPECT_TRUE(get({.url = "http://api.invalid/x", .proxy = proxy.url()}).ok());
  EXPECT_EQ(body, "hi");
  EXPECT_THAT(get({.url = "https://api.invalid:6443/x", .proxy = proxy.url()}).error,
              HasSubstr("403"));
}

TEST_F(HttpClientTest, KeepsTheBodyOfARefusalApart) {
  test::ReplayServer server;
  server.respond("/x", "429 Too Many Requests", "slow down", {{"headers", "Retry-After: 7\n"}});
  const HttpResult end = get({.url = server.url("/x")});
  EXPECT_EQ(end.status, 429);
  EXPECT_FALSE(end.ok());
  EXPECT_THAT(end.error, IsEmpty());
  EXPECT_EQ(end.retry_after, 7s);
  EXPECT_EQ(end.refusal, "slow down");
  EXPECT_THAT(body, IsEmpty());
}

TEST_F(HttpClientTest, SpeaksTlsOnlyToAServerThatItsCaSigned) {
  const test::Certificates files;
  test::ReplayServer server(tls_of(files));
  server.respond("/x", "200 OK", "hi", {{"times", 0}});
  EXPECT_TRUE(get({.url = server.url("/x"), .ca = {.file = files / "ca.crt"}}).ok());
  EXPECT_EQ(body, "hi");
  EXPECT_TRUE(
      get({.url = server.url("/x"), .ca = {.text = base::read_file(files / "ca.crt")}}).ok());
  const HttpResult end = get({.url = server.url("/x"), .ca = {.file = files / "other.crt"}});
  EXPECT_EQ(end.status, 0);
  EXPECT_THAT(end.error, HasSubstr("certificate"));
  EXPECT_FALSE(get({.url = server.url("/x")}).ok()) << "the system's CAs do not know it";
}

TEST_F(HttpClientTest, ShowsItsCertificateFromFilesAndInline) {
  const test::Certificates files;
  auto where = tls_of(files);
  where["client_ca"] = files / "ca.crt";
  test::ReplayServer server(where);
  server.respond("/x", "200 OK", "hi", {{"times", 0}, {"after", "close"}});
  const agent::Pem ca{.file = files / "ca.crt"};
  EXPECT_TRUE(get({.url = server.url("/x"),
                   .ca = ca,
                   .certificate = {.file = files / "client.crt"},
                   .key = {.file = files / "client.key"}})
                  .ok());
  EXPECT_TRUE(get({.url = server.url("/x"),
                   .ca = ca,
                   .certificate = {.text = base::read_file(files / "client.crt")},
                   .key = {.text = base::read_file(files / "client.key")}})
                  .ok());
  for (const auto& request : server.requests()) EXPECT_EQ(request["client"], "client");
  EXPECT_FALSE(get({.url = server.url("/x"), .ca = ca}).ok()) << "without a certificate";
}

TEST_F(HttpClientTest, ReachesAUnixSocket) {
  const test::TempDir dir;
  test::ReplayServer server(nlohmann::json{{"unix", dir / "api.sock"}});
  server.respond("/x", "200 OK", "hi");
  EXPECT_TRUE(get({.url = "http://localhost/x", .unix_socket = dir / "api.sock"}).ok());
  EXPECT_EQ(body, "hi");
}

TEST_F(HttpClientTest, ReportsAnIncompleteAnswer) {
  test::ReplayServer server;
  server.replay("/x", "nodes-list-200.http", {{"cut", 900}, {"after", "close"}});
  server.replay("/y", "nodes-watch-200.http", {{"cut", 900}, {"after", "reset"}});
  for (const char* target : {"/x", "/y"}) {
    const HttpResult end = get({.url = server.url(target)});
    EXPECT_EQ(end.status, 200);
    EXPECT_FALSE(end.ok());
    EXPECT_THAT(end.error, testing::StartsWith("GET " + server.url(target) + ": "));
  }
}

TEST_F(HttpClientTest, GivesUpAfterTheTotalTimeout) {
  test::ReplayServer server;
  server.replay("/x", "nodes-list-200.http", {{"cut", 600}, {"after", "hold"}});
  const HttpResult end = get({.url = server.url("/x"), .total_timeout = 200ms});
  EXPECT_THAT(end.error, HasSubstr("timed out"));
}

TEST_F(HttpClientTest, ReportsWhyThereIsNoConnection) {
  EXPECT_THAT(get({.url = "http://127.0.0.1:1/x?secret=1"}).error,
              testing::AllOf(HasSubstr("GET http://127.0.0.1:1/x: "),
                             testing::EndsWith(": Connection refused")));
  EXPECT_THAT(get({.url = "ftp://127.0.0.1/x"}).error, HasSubstr("ftp"));
  EXPECT_FALSE(get({.url = "http://name.invalid/"}).ok());
}

TEST_F(HttpClientTest, EndsARequestWhoseHandlerThrows) {
  test::ReplayServer server;
  server.respond("/x", "200 OK", "hi");
  std::optional<HttpResult> end;
  client.start({.url = server.url("/x")},
               {.on_data = [](std::string_view) { throw std::runtime_error("not JSON"); },
                .on_done = [&](const HttpResult& it) { end = it; }});
  turn_until([&] { return end.has_value(); });
  EXPECT_THAT(end->error, testing::EndsWith("/x: not JSON"));
}

TEST_F(HttpClientTest, CallsNoHandlerAfterCancel) {
  test::ReplayServer server;
  server.replay("/x", "nodes-watch-200.http", {{"times", 0}, {"after", "hold"}});
  server.respond("/y", "200 OK", "hi");
  client.cancel(client.start({.url = server.url("/x")}, handlers()));  // before it was sent
  HttpClient::Id id = 0;
  int pieces = 0;
  id = client.start({.url = server.url("/x")}, {.on_data =
                                                    [&](std::string_view) {
                                                      ++pieces;
                                                      client.cancel(id);  // inside libcurl
                                                    },
                                                .on_done = handlers().on_done});
  turn_until([&] { return pieces > 0; });
  EXPECT_FALSE(result);
  EXPECT_TRUE(get({.url = server.url("/y")}).ok());
  EXPECT_EQ(pieces, 1);
  EXPECT_EQ(body, "hi");
}

TEST_F(HttpClientTest, StartsTheNextRequestFromAHandler) {
  test::ReplayServer server;
  server.respond("/x", "200 OK", "one");
  server.respond("/y", "200 OK", "two");
  client.start(
      {.url = server.url("/x")},
      {.on_data = [&](std::string_view) { client.start({.url = server.url("/y")}, handlers()); },
       .on_done = [](const HttpResult&) {}});
  turn_until([this] { return result.has_value(); });
  EXPECT_EQ(body, "two");
}

TEST_F(HttpClientTest, NoticesAPeerThatVanishedSilently) {
  const base::Netns world = base::Netns::create();
  const auto set_loopback = [](bool up) {
    const base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{.ifr_ifrn = {.ifrn_name = "lo"},
                  .ifr_ifru = {.ifru_flags = static_cast<short>(up ? IFF_UP : 0)}};
    ASSERT_EQ(::ioctl(fd.get(), SIOCSIFFLAGS, &request), 0);
  };
  world.run([&] {
    set_loopback(true);
    test::ReplayServer server;
    server.replay("/x", "nodes-watch-200.http", {{"after", "hold"}});
    client.start({.url = server.url("/x"), .total_timeout = 0ms, .dead_after = 2s}, handlers());
    turn_until([this] { return !body.empty(); });
    set_loopback(false);  // from here on packets are lost without an error
    turn_until([this] { return result.has_value(); });
    EXPECT_FALSE(result->ok());
    EXPECT_EQ(result->status, 200);
  });
}
