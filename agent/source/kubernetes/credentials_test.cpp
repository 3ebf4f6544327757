// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes/credentials.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/runtime/base64.h"
#include "libcni/spec/error.h"
#include "tests/support/temp_dir.h"

namespace agent::kubernetes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class KubeconfigTest : public testing::Test {
 protected:
  /// A kubeconfig with these members of its cluster and of its user.
  std::string file(const std::string& cluster, const std::string& user, unsigned mode = 0600) {
    return dir.file("conf/config",
                    "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
                    "contexts:\n- name: other\n  context: {cluster: none, user: none}\n"
                    "- name: here\n  context: {cluster: c1, user: u1}\n"
                    "clusters:\n- name: c1\n  cluster: {server: 'https://10.0.0.1:6443/'" +
                        cluster + "}\nusers:\n- name: u1\n  user: {" + user + "}\n",
                    mode);
  }
  Credentials load(const std::string& cluster, const std::string& user) {
    return load_kubeconfig(file(cluster, user));
  }
  std::string refusal(const std::string& path) {
    try {
      load_kubeconfig(path);
    } catch (const cni::Error& error) {
      return error.what();
    }
    return "(accepted)";
  }

  test::TempDir dir;
};

TEST_F(KubeconfigTest, TakesTheCurrentContextsServerAndToken) {
  const Credentials credentials = load("", "token: abc");
  EXPECT_EQ(credentials.server, "https://10.0.0.1:6443");
  EXPECT_EQ(credentials.token, "abc");
  EXPECT_THAT(credentials.warnings, IsEmpty());
}

TEST_F(KubeconfigTest, FindsFilesBesideIt) {
  dir.file("conf/pki/ca.crt", "CA");
  dir.file("conf/me.crt", "C");
  dir.file("conf/me.key", "K");
  dir.file("conf/token", "from-file\n");
  const Credentials credentials = load(
      ", certificate-authority: pki/ca.crt",
      "client-certificate: me.crt, client-key: " + (dir / "conf/me.key") + ", tokenFile: token");
  EXPECT_EQ(credentials.ca.file, dir / "conf/pki/ca.crt");
  EXPECT_EQ(credentials.certificate.file, dir / "conf/me.crt");
  EXPECT_EQ(credentials.key.file, dir / "conf/me.key");
  EXPECT_EQ(credentials.token, "from-file");
}

TEST_F(KubeconfigTest, DecodesInlineData) {
  const auto data = [](const char* text) { return runtime::encode_base64(text); };
  const Credentials credentials =
      load(", certificate-authority-data: " + data("CA"),
           "client-certificate-data: " + data("C") + ", client-key-data: " + data("K"));
  EXPECT_EQ(credentials.ca.text, "CA");
  EXPECT_EQ(credentials.certificate.text, "C");
  EXPECT_EQ(credentials.key.text, "K");
}

TEST_F(KubeconfigTest, TakesTheClustersProxy) {
  EXPECT_EQ(load(", proxy-url: 'http://proxy:3128'", "token: a").proxy, "http://proxy:3128");
  EXPECT_EQ(load("", "token: a").proxy, "");
  EXPECT_THAT(refusal(file(", proxy-url: 'proxy:3128'", "token: a")),
              HasSubstr("proxy-url \"proxy:3128\" must be http://"));
}

TEST_F(KubeconfigTest, RefusesUnsupportedMembers) {
  EXPECT_THAT(refusal(file("", "exec: {command: aws}")), HasSubstr("exec, which is refused"));
  EXPECT_THAT(refusal(file("", "auth-provider: {name: gcp}")), HasSubstr("auth-provider"));
  EXPECT_THAT(refusal(file(", insecure-skip-tls-verify: true", "token: a")),
              HasSubstr("give certificate-authority instead"));
  EXPECT_EQ(refusal(file(", insecure-skip-tls-verify: false", "token: a")), "(accepted)");
  EXPECT_THAT(refusal(file(", certificate-authority-data: '*'", "token: a")), HasSubstr("base64"));
  EXPECT_THAT(refusal(file("", "client-certificate-data: " + runtime::encode_base64("C"))),
              HasSubstr("must have both client-certificate and client-key"));
  EXPECT_THAT(refusal(dir.file("a", "current-context: x\n")), HasSubstr("\"x\" in contexts"));
  EXPECT_THAT(refusal(dir.file("b", "- 1\n")), HasSubstr("not a kubeconfig"));
  EXPECT_THAT(refusal(dir.file("c", "{")), HasSubstr("not YAML"));
  EXPECT_THROW(load_kubeconfig(dir / "nowhere"), std::system_error);
  EXPECT_THROW(load(", certificate-authority: gone.crt", "token: a"), std::system_error);
}

// S21
TEST_F(KubeconfigTest, SendsSecretsUnencryptedOnlyWithInsecure) {
  struct Row {
    const char *server, *more, *user;
    bool refused;
  };
  for (const Row& row :
       {Row{"http://192.0.2.1:8080", "", "token: a", true},
        Row{"http://example.net", "", "username: a, password: b", true},
        Row{"http://127.0.0.1.example.net", "", "token: a", true},
        Row{"http://127.0.0.1@192.0.2.1", "", "token: a", true},
        Row{"http://[fd00::1]:80", "", "token: a", true},
        Row{"http://127.0.0.1:8001", ", proxy-url: 'http://192.0.2.9:3128'", "token: a", true},
        Row{"http://192.0.2.1:8080", "", "", false},
        Row{"http://127.0.0.1:8001", "", "token: a", false},
        Row{"http://127.9.9.9", "", "token: a", false},
        Row{"http://localhost:8001/", "", "token: a", false},
        Row{"http://[::1]:8001", "", "token: a", false},
        Row{"https://192.0.2.1", "", "token: a", false}}) {
    const std::string path =
        dir.file("conf/clear",
                 "current-context: here\ncontexts: [{name: here, context: {cluster: c, user: u}}]\n"
                 "clusters: [{name: c, cluster: {server: '" +
                     std::string(row.server) + "'" + row.more + "}}]\nusers: [{name: u, user: {" +
                     row.user + "}}]\n",
                 0600);
    const auto load = [&](bool insecure) {
      return load_credentials({.kubeconfig = path, .insecure = insecure});
    };
    EXPECT_NO_THROW(load(true)) << row.server;
    if (!row.refused)
      EXPECT_NO_THROW(load(false)) << row.server;
    else
      EXPECT_THAT([&] { load(false); },
                  testing::ThrowsMessage<cni::Error>(HasSubstr("`kubernetes.insecure: true`")))
          << row.server;
  }
}

TEST_F(KubeconfigTest, WarnsThatOtherUsersCanReadTheSecrets) {
  EXPECT_THAT(load_kubeconfig(file("", "token: a", 0644)).warnings,
              ElementsAre(HasSubstr("chmod 600")));
  const std::string certificate = dir.file("c", "C"), key = dir.file("k", "K", 0640);
  const std::string user = "client-certificate: " + certificate + ", client-key: " + key;
  EXPECT_THAT(load("", user).warnings, ElementsAre(HasSubstr("client-key \"" + key + "\"")));
  const std::string token = dir.file("t", "T", 0604);
  EXPECT_THAT(load("", "tokenFile: " + token).warnings,
              ElementsAre(HasSubstr("tokenFile \"" + token + "\" can be read by other users")));
  dir.file("k", "K", 0600);
  EXPECT_THAT(load("", user).warnings, IsEmpty());
}

TEST(ServiceAccount, IsReadFromItsFolderAndTheEnvironment) {
  const test::TempDir dir;
  dir.file("token", "abc\n");
  KubernetesConfig config{.service_account = dir.path()};
  ::unsetenv("KUBERNETES_SERVICE_HOST");
  EXPECT_THROW(load_credentials(config), cni::Error);
  ::setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
  ::setenv("KUBERNETES_SERVICE_PORT", "443", 1);
  const Credentials credentials = load_credentials(config);
  ::unsetenv("KUBERNETES_SERVICE_HOST");
  ::unsetenv("KUBERNETES_SERVICE_PORT");
  EXPECT_EQ(credentials.server, "https://[fd00::1]:443");
  EXPECT_EQ(credentials.ca.file, dir / "ca.crt");
  EXPECT_EQ(credentials.token, "abc");
}

// S21
TEST(ServiceAccount, SendsItsTokenUnencryptedOnlyWithInsecure) {
  const test::TempDir dir;
  dir.file("token", "abc\n");
  KubernetesConfig config{.service_account = dir.path(), .server = "http://192.0.2.1:8080"};
  EXPECT_THROW(load_credentials(config), cni::Error);
  config.insecure = true;
  EXPECT_EQ(load_credentials(config).token, "abc");
}

TEST(ServiceAccount, WithoutATokenIsRefused) {
  const test::TempDir dir;
  dir.file("token", "\n");
  EXPECT_THROW(load_credentials({.service_account = dir.path(), .server = "https://127.0.0.1:1"}),
               cni::Error);
}

}  // namespace
}  // namespace agent::kubernetes
