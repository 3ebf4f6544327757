// SPDX-License-Identifier: Apache-2.0
#include "agent/drivers/bird/render.h"

#include <sys/socket.h>

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "libcni/base/subprocess.h"
#include "libcni/spec/error.h"
#include "tests/support/temp_dir.h"

namespace agent::bird {
namespace {

using testing::HasSubstr;
using testing::Not;

base::IpAddress ip(const std::string& text) {
  return *base::IpAddress::parse(text);
}
base::Prefix net(const std::string& text) {
  return *base::Prefix::parse(text);
}

Session mesh_session() {
  return {.name = "node.n2.v4",
          .peer = "n2",
          .local = ip("192.0.2.1"),
          .local_as = 64512,
          .neighbor = ip("192.0.2.2"),
          .remote_as = 64512,
          .families = {AF_INET},
          .accepts = Accepts::node,
          .node_ranges = {net("10.244.2.0/24"), net("fd00:244:0:2::/64")}};
}

Session peer_session() {
  return {.name = "peer.tor-a.v4",
          .peer = "tor-a",
          .local = ip("192.0.2.1"),
          .local_as = 64600,
          .neighbor = ip("192.0.2.254"),
          .remote_as = 65000,
          .port = 1179,
          .external = true,
          .hops = 2,
          .hold = 90,
          .graceful_restart = false,
          .bfd = true,
          .ttl_security = true,
          .password_file = "/etc/tor",
          .communities = {"64512:100", "64512:1:100"},
          .families = {AF_INET},
          .import_ranges = {net("198.18.0.0/15"), net("fd00:9::/32")}};
}

Session client_session() {
  return {.name = "clients1",
          .peer = "fd00:a::/64",
          .local = ip("fd00:a::1"),
          .local_as = 64512,
          .range = net("fd00:a::/64"),
          .remote_as = 64512,
          .passive = true,
          .rr_client = true,
          .reflected = true,
          .ttl_security = true,
          .families = {AF_INET, AF_INET6},
          .accepts = Accepts::clients};
}

Configuration everything() {
  return {
      .router_id = 0xc0000201,
      .cluster_id = 0xc0000201,
      .underlay_interface = "eth0",
      .families = {{.family = AF_INET,
                    .own = {net("10.244.1.0/24")},
                    .refused = {net("192.0.2.0/24")},
                    .cluster = {net("10.244.0.0/16")},
                    .shortest = 24,
                    .longest = 26,
                    .floating = {net("10.250.0.0/16")},
                    .claimed = {{net("10.244.1.0/24"), net("10.244.2.0/24")}},
                    .clients = {{ip("192.0.2.2"), {net("10.244.2.0/24")}}, {ip("fd00:a::3"), {}}},
                    .services = {ip("10.96.0.1")}},
                   {.family = AF_INET6,
                    .own = {net("fd00:244:0:1::/64")},
                    .refused = {net("fd00:a::/64")},
                    .cluster = {net("fd00:244::/48")},
                    .shortest = 64,
                    .longest = 64}},
      .sessions = {client_session(), mesh_session(), peer_session()}};
}

/// BIRD's error for a configuration; empty when it accepts it.
std::string bird_says(const std::string& text) {
  const test::TempDir dir;
  base::Command command;
  command.path = "/bin/sh";
  command.argv = {"sh", "-c", "exec /usr/sbin/bird -p -c \"$0\" 2>&1", dir.file("bird.conf", text)};
  const base::Outcome outcome = base::run(command);
  return outcome.ok() ? outcome.output : "refused: " + outcome.output;
}

TEST(BirdRender, MatchesTheGoldenFile) {
  const std::string text = render(everything(), {{"/etc/tor", "a secret"}});
  const std::string golden = "drivers/bird/testdata/everything.conf";
  if (std::getenv("PLUMB_WRITE_GOLDEN") != nullptr) base::write_file_atomic(golden, text, 0644);
  EXPECT_EQ(text, base::read_file(golden));
}

TEST(BirdRender, BirdAcceptsEveryKindOfSession) {
  const Secrets secrets{{"/etc/tor", "a secret {;} #'"}};
  EXPECT_EQ(bird_says(render(everything(), secrets)), "");
  for (int kind = 0; kind < 4; ++kind)
    for (const bool bfd : {false, true})
      for (const int hops : {0, 3, 255}) {
        Session session = kind < 2 ? mesh_session() : kind == 2 ? peer_session() : client_session();
        session.bfd = bfd;
        session.graceful_restart = !bfd;
        session.hops = hops;
        session.rr_client = kind == 1 || kind == 3;
        session.ttl_security = session.ttl_security || hops == 0;
        Configuration desired = everything();
        desired.sessions = {session};
        EXPECT_EQ(bird_says(render(desired, secrets)), "") << kind << bfd << hops;
      }
}

TEST(BirdRender, BirdAcceptsANodeWithoutRangesOrOfOneFamily) {
  Configuration desired = everything();
  desired.sessions = {mesh_session()};
  desired.families.resize(1);
  EXPECT_EQ(bird_says(render(desired, {})), "");
  desired.families = {{.family = AF_INET}};
  EXPECT_EQ(bird_says(render(desired, {})), "");
  desired.families.clear();
  desired.sessions.clear();
  EXPECT_EQ(bird_says(render(desired, {})), "");
}

// S4
TEST(BirdRender, ASessionAcceptsTheRangesOfItsNodeAndFloatingAddresses) {
  Configuration desired = everything();
  desired.sessions = {mesh_session()};
  EXPECT_THAT(render(desired, {}),
              HasSubstr("import where !foreign4() && (floating4() || net ~ [ 10.244.2.0/24 ]);\n"));
  desired.sessions[0].node_ranges.clear();
  const std::string text = render(desired, {});
  EXPECT_EQ(bird_says(text), "");
  EXPECT_THAT(text, HasSubstr("import where !foreign4() && (floating4() || unclaimed4());\n"));
  EXPECT_THAT(text, HasSubstr("function unclaimed4() {\n  return net ~ [ 10.244.0.0/16{32,32} ] && "
                              "!(net ~ [ 10.244.1.0/24+, 10.244.2.0/24+ ]);\n}\n"));
  EXPECT_THAT(text, HasSubstr("function unclaimed6() {\n  return false;\n}\n"));
}

// S4
TEST(BirdRender, AReflectorAcceptsOfEachClientItsRanges) {
  EXPECT_THAT(render(everything(), {{"/etc/tor", "a"}}),
              HasSubstr("  case from {\n    192.0.2.2 : return net ~ [ 10.244.2.0/24 ];\n"
                        "    fd00:a::3 : return unclaimed4();\n    else: return false;\n"));
}

// S4
TEST(BirdRender, EverySessionHasALimitThatDoesNotEndIt) {
  const std::string text = render(everything(), {{"/etc/tor", "a"}});
  EXPECT_THAT(text, HasSubstr("net ~ [ 10.244.2.0/24 ]);\n    import limit 4096 action block;\n"));
  EXPECT_THAT(text, HasSubstr("of_client6());\n    import limit 4096 action block;\n"));
  EXPECT_THAT(text, HasSubstr("198.18.0.0/15+ ]);\n    import limit 200000 action block;\n"));
}

// K3
TEST(BirdRender, KeepsPlumbdsOwnDestinationsOutOfTheKernel) {
  Configuration desired = everything();
  EXPECT_THAT(render(desired, {{"/etc/tor", "a"}}), Not(HasSubstr("not_of_plumbd")));
  desired.families[0].routed = {net("10.244.2.0/24"), net("10.244.3.0/24")};
  desired.families[0].routed_longest = 31;
  desired.families[1].routed = {net("fd00:244:0:2::/64")};
  desired.families[1].routed_longest = 128;
  const std::string text = render(desired, {{"/etc/tor", "a"}});
  EXPECT_EQ(bird_says(text), "");
  EXPECT_THAT(text, HasSubstr("filter not_of_plumbd4 {\n  if source != RTS_BGP || net ~ [ "
                              "10.244.2.0/24{24,31}, 10.244.3.0/24{24,31} ] then reject;\n"));
  EXPECT_THAT(text, HasSubstr("net ~ [ fd00:244:0:2::/64{64,128} ] then reject;\n"));
  EXPECT_THAT(text, HasSubstr("export filter not_of_plumbd4;"));
  EXPECT_THAT(text, HasSubstr("export filter not_of_plumbd6;"));
}

// K3
TEST(BirdRender, KeepsSessionsOfAnEarlierConfigurationUnchanged) {
  Configuration desired = everything();
  const std::string before = render(desired, {{"/etc/tor", "a secret {;} #'"}});
  EXPECT_TRUE(is_rendered(before));
  EXPECT_TRUE(is_rendered("# BIRD has not checked this yet.\n" + before));
  EXPECT_FALSE(is_rendered("router id 192.0.2.1;\nprotocol device {\n}\n"));
  const auto sessions = find_sessions(before);
  ASSERT_EQ(sessions.size(), 3u);
  for (const auto& [name, text] : sessions) desired.kept.push_back(text);
  desired.sessions.clear();
  EXPECT_EQ(render(desired, {}), before);
}

TEST(BirdRender, BirdRefusesABrokenConfiguration) {
  Configuration desired = everything();
  desired.sessions = {mesh_session(), mesh_session()};
  EXPECT_THAT(bird_says(render(desired, {})), HasSubstr("refused: "));
}

TEST(BirdRender, FindsTheLinesThatTheOtherEndMustMatch) {
  Configuration desired;
  Session session = mesh_session();
  session.password_file = "secret";
  desired.sessions = {session};
  const auto agreement = [&](const std::string& password) {
    return find_agreement(render(desired, {{"secret", password}}), session.name);
  };
  const std::string before = agreement("old");
  EXPECT_THAT(before, HasSubstr("password \"old\""));
  EXPECT_NE(agreement("new"), before);
  desired.sessions[0].hold += 3;
  EXPECT_EQ(agreement("old"), before);
  desired.sessions[0].remote_as += 1;
  EXPECT_NE(agreement("old"), before);
  EXPECT_EQ(find_agreement(render(desired, {{"secret", "old"}}), "another"), "");
}

TEST(BirdRender, TtlSecurityMustMatchBetweenNodes) {
  for (Session session : {mesh_session(), peer_session()}) {
    const auto agreement = [&](bool ttl_security) {
      Configuration desired;
      session.ttl_security = ttl_security;
      desired.sessions = {session};
      return find_agreement(render(desired, {{"/etc/tor", "a"}}), session.name);
    };
    EXPECT_EQ(agreement(true) == agreement(false), session.external);
  }
}

class BirdSecrets : public testing::Test {
 protected:
  Configuration with_file(const std::string& content, mode_t mode) {
    const std::string path = dir.file("secret", content, mode);
    Configuration desired = everything();
    desired.sessions.back().password_file = path;
    return desired;
  }
  std::string refusal(const Configuration& desired) {
    try {
      read_secrets(desired);
    } catch (const cni::Error& error) {
      return error.what();
    }
    return "";
  }
  test::TempDir dir;
};

TEST_F(BirdSecrets, AreReadWithoutTheLineEnd) {
  EXPECT_EQ(read_secrets(with_file("s3cret\n", 0400)).begin()->second, "s3cret");
}

TEST_F(BirdSecrets, AreRefusedWhenOtherUsersCanReadThem) {
  for (const mode_t mode : {0644, 0640, 0604, 0620})
    EXPECT_THAT(refusal(with_file("s3cret", mode)), HasSubstr("set its mode to 0600")) << mode;
}

TEST_F(BirdSecrets, AreRefusedAndNotShownWhenBirdOrTcpCannotUseThem) {
  for (const std::string& content : {std::string("a\"b"), std::string("a\nb"), std::string(""),
                                     std::string(81, 'x'), std::string("caf\xc3\xa9")}) {
    const std::string message = refusal(with_file(content, 0600));
    EXPECT_THAT(message, HasSubstr("1 to 80 printable"));
    if (content.size() > 1) {
      EXPECT_THAT(message, Not(HasSubstr(content)));
    }
  }
}

TEST_F(BirdSecrets, AreNamedWhenMissing) {
  Configuration desired = everything();
  desired.sessions.back().password_file = "/nonexistent/tor";
  EXPECT_THAT(refusal(desired), HasSubstr("\"/nonexistent/tor\" cannot be read"));
}

}  // namespace
}  // namespace agent::bird
