// SPDX-License-Identifier: Apache-2.0
#include <sched.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "plugins/tuning/apply.h"
#include "plugins/tuning/backup.h"
#include "tests/support/host/test_host.h"

namespace tuning {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;

constexpr const char* kAll =
    R"("mac":"02:AB:00:00:00:01","promisc":true,"mtu":1400,"allmulti":true,"txQLen":77)";

class TuningApply : public ::testing::Test {
 protected:
  TuningApply() {
    // An interface plugin of any suite has made the link.
    run("ip link add eth0 address 02:00:00:00:00:aa txqueuelen 1000 type veth peer name peer0");
    run("ip link set eth0 up");
  }
  std::string run(const std::string& command) { return test::output_in(sandbox_, command); }
  std::string link() {
    const auto lines =
        test::oracle::lines_with(read_in(sandbox_, &test::oracle::settings), "eth0 ");
    return test::oracle::text_of(lines);
  }
  std::string sysctl(const std::string& key) { return run("sysctl -n " + key); }

  cni::Request request(cni::Verb verb, const std::string& keys) {
    auto made = host_.request(verb,
                              R"({"cniVersion":"1.1.0","name":"net1","type":"tuning","dataDir":")" +
                                  data_dir_ + "\"" + (keys.empty() ? "" : ",") + keys + "}",
                              sandbox_);
    if (verb == cni::Verb::add || verb == cni::Verb::check) made.prev_result = previous_;
    return made;
  }
  cni::Result add_with(const std::string& keys) { return add(request(cni::Verb::add, keys)); }
  void check(const std::string& keys) { verify(request(cni::Verb::check, keys)); }
  std::string check_failure(const std::string& keys) {
    try {
      check(keys);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "passed";
  }
  void del() { remove(request(cni::Verb::del, "")); }
  std::string backup() { return host_.read("data/c1_eth0.json"); }

  test::TestHost host_;
  std::string data_dir_ = host_.path() + "/data";
  test::TestHost::Sandbox sandbox_ = host_.add_sandbox();
  cni::Result previous_{
      .interfaces = {{.name = "eth0", .mac = "02:00:00:00:00:01"},
                     {.name = "eth0", .mac = "02:00:00:00:00:aa", .mtu = 1500, .sandbox = "/pod"}},
      .ips = {{.address = *base::Prefix::parse("10.1.0.5/16"), .interface = 1}}};
};

constexpr const char* kUntuned =
    "eth0 mtu 1500 qlen 1000 mac 02:00:00:00:00:aa promiscuity 0 allmulti 0\n";

TEST_F(TuningApply, SetsEveryPropertyAndDelSetsThemBack) {
  ASSERT_EQ(link(), kUntuned);
  add_with(kAll);
  EXPECT_EQ(link(), "eth0 mtu 1400 qlen 77 mac 02:ab:00:00:00:01 promiscuity 1 allmulti 1\n");
  EXPECT_NO_THROW(check(kAll));
  del();
  EXPECT_EQ(link(), kUntuned);
  EXPECT_TRUE(fs::is_empty(data_dir_));
  del();  // S-164
}

TEST_F(TuningApply, S221_ResultNamesTheNewMacAsWrittenAndTheMtu) {
  const cni::Result result = add_with(kAll);
  ASSERT_EQ(result.interfaces.size(), 2u);
  EXPECT_EQ(result.interfaces[0], previous_.interfaces[0]);  // of the host
  EXPECT_EQ(result.interfaces[1].mac, "02:AB:00:00:00:01");
  EXPECT_EQ(result.interfaces[1].mtu, 1400u);
  EXPECT_EQ(result.ips, previous_.ips);
  previous_.interfaces[1].sandbox.clear();  // as results of old plugins
  EXPECT_EQ(add_with(kAll).interfaces[0].mac, "02:AB:00:00:00:01");
}

TEST_F(TuningApply, S223_ResultStaysWithoutAMac) {
  EXPECT_EQ(add_with(""), previous_);
  EXPECT_EQ(add_with(R"("sysctl":{"net.core.somaxconn":"500"},"promisc":true)"), previous_);
}

TEST_F(TuningApply, BackupFileIsTheReferencesByteForByte) {
  add_with(kAll);
  EXPECT_EQ(backup(),
            "{\n \"mac\": \"02:00:00:00:00:aa\",\n \"promisc\": false,\n \"mtu\": 1500,\n"
            " \"allmulti\": false,\n \"txQLen\": 1000\n}");
  struct stat status {};
  ASSERT_EQ(::stat((data_dir_ + "/c1_eth0.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  del();
  add_with(R"("mtu":1400)");
  EXPECT_EQ(backup(), "{\n \"mtu\": 1500\n}");
}

TEST_F(TuningApply, SysctlsNeedNoBackup) {
  add_with(R"("sysctl":{"net.core.somaxconn":"500","net.ipv4.conf.IFNAME.rp_filter":"2"})");
  EXPECT_EQ(sysctl("net.core.somaxconn net.ipv4.conf.eth0.rp_filter"), "500\n2\n");
  EXPECT_FALSE(fs::exists(data_dir_));
}

TEST_F(TuningApply, SysctlsReachThePodAndNotTheHost) {
  const std::string before = test::output_of("sysctl -n net.core.somaxconn net.ipv4.ip_forward");
  add_with(R"("sysctl":{"net.core.somaxconn":"501","net/ipv4/ip_forward":"1"})");
  EXPECT_EQ(sysctl("net.core.somaxconn net.ipv4.ip_forward"), "501\n1\n");
  EXPECT_EQ(test::output_of("sysctl -n net.core.somaxconn net.ipv4.ip_forward"), before);
}

TEST_F(TuningApply, SysctlsAreWrittenInTheOrderOfTheConfiguration) {
  // `all` sets the link's value, too.
  for (const bool all_last : {true, false}) {
    const std::string all = R"("net.ipv6.conf.all.disable_ipv6":"1")";
    const std::string own = R"("net.ipv6.conf.IFNAME.disable_ipv6":"0")";
    add_with(R"("sysctl":{)" + (all_last ? own + "," + all : all + "," + own) + "}");
    EXPECT_EQ(sysctl("net.ipv6.conf.eth0.disable_ipv6"), all_last ? "1\n" : "0\n");
  }
}

TEST_F(TuningApply, AValueOfAllReachesTheLinksAlsoWhenAllHasIt) {
  run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.eth0.disable_ipv6=0");
  add_with(R"("sysctl":{"net.ipv6.conf.all.disable_ipv6":"1"})");
  EXPECT_EQ(sysctl("net.ipv6.conf.eth0.disable_ipv6"), "1\n");
}

TEST_F(TuningApply, AReadOnlySysctlThatHasItsValueIsAccepted) {
  run("sysctl -qw net.core.somaxconn=512");
  ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
  test::output_of("mount --make-rprivate /; mount --bind -o ro /proc/sys /proc/sys");
  auto made = request(cni::Verb::add, R"("sysctl":{"net.core.somaxconn":"0x200"})");
  EXPECT_NO_THROW(add(made));
  made.verb = cni::Verb::del;  // of an undelivered result: nothing has to be set back
  EXPECT_NO_THROW(remove(made));
  EXPECT_THAT([&] { add_with(R"("sysctl":{"net.core.somaxconn":"513"})"); },
              ThrowsMessage<std::system_error>(HasSubstr("Read-only file system")));
}

TEST_F(TuningApply, SysctlThatCanOnlyBeWrittenIsWritten) {
  EXPECT_NO_THROW(add_with(R"("sysctl":{"net.ipv4.route.flush":"1"})"));
  EXPECT_NO_THROW(check(R"("sysctl":{"net.ipv4.route.flush":"1"})"));
}

TEST_F(TuningApply, S152_AFailureSetsEverythingBack) {
  run("sysctl -qw net.core.somaxconn=300 net.ipv4.ip_local_reserved_ports=");
  const std::string keys = std::string(kAll) +
                           R"(,"sysctl":{"net.core.somaxconn":"500",)"
                           R"("net/core/somaxconn":"501","net.ipv4.ip_local_reserved_ports":"80")";
  const auto unchanged = [&] {
    EXPECT_EQ(sysctl("net.core.somaxconn net.ipv4.ip_local_reserved_ports"), "300\n\n");
    EXPECT_EQ(link(), kUntuned);
    EXPECT_EQ(backup(), "");
  };
  // A sysctl is refused, or does not exist.
  EXPECT_THROW(add_with(keys + R"(,"net.ipv4.ip_forward":"many"})"), std::system_error);
  unchanged();
  EXPECT_THROW(add_with(keys + R"(,"net.core.nothing":"1"})"), std::system_error);
  unchanged();
  // The kernel refuses one of several changes of the link: a MAC address for groups.
  EXPECT_THAT([&] { add_with(keys + R"(},"args":{"cni":{"mac":"03:00:00:00:00:01"}})"); },
              ThrowsMessage<std::system_error>(HasSubstr("set MAC address 03:00:00:00:00:01")));
  unchanged();
}

TEST_F(TuningApply, S089_DelOfAnUndeliveredResultSetsSysctlsBack) {
  run("sysctl -qw net.core.somaxconn=300");
  auto first = request(cni::Verb::add, R"("sysctl":{"net.core.somaxconn":"500"})");
  add(first);
  del();  // of a runtime: it leaves them, as the reference
  EXPECT_EQ(sysctl("net.core.somaxconn"), "500\n");
  first.verb = cni::Verb::del;
  remove(first);
  EXPECT_EQ(sysctl("net.core.somaxconn"), "300\n");
}

TEST_F(TuningApply, RefusesALinkThatDoesNotExist) {
  run("ip link del eth0");
  EXPECT_THAT([&] { add_with(R"("mtu":1400)"); },
              ThrowsMessage<std::system_error>(HasSubstr("\"eth0\": Link not found")));
  EXPECT_FALSE(fs::exists(data_dir_));
  EXPECT_EQ(check_failure(R"("mtu":1400)"), "Cannot find container link eth0");
  EXPECT_NO_THROW(add_with(R"("sysctl":{"net.core.somaxconn":"500"})"));
}

TEST_F(TuningApply, RefusesAnMtuThatWouldEndIpv6) {
  EXPECT_NO_THROW(add_with(R"("mtu":1279)"));
  previous_.ips.push_back({.address = *base::Prefix::parse("fd00::5/64"), .interface = 1});
  EXPECT_THROW(add_with(R"("mtu":1279)"), cni::Error);
  EXPECT_NO_THROW(add_with(R"("mtu":1280)"));
}

TEST_F(TuningApply, ASecondAddKeepsTheFirstValuesInTheBackup) {
  add_with(R"("mtu":1400)");
  add_with(R"("mtu":1300,"promisc":true)");
  EXPECT_EQ(backup(), "{\n \"promisc\": false,\n \"mtu\": 1500\n}");
  // A failed one sets link and file back to where it found them.
  EXPECT_THROW(add_with(R"("mtu":1350,"txQLen":9,"mac":"03:00:00:00:00:01")"), std::system_error);
  EXPECT_EQ(backup(), "{\n \"promisc\": false,\n \"mtu\": 1500\n}");
  EXPECT_THAT(link(), HasSubstr(" mtu 1300 qlen 1000 "));
  del();
  EXPECT_EQ(link(), kUntuned);
}

TEST_F(TuningApply, AFailedAddLeavesTheMarkOfAnEarlierBackup) {
  const auto failed_add = [&] {
    EXPECT_THROW(add_with(R"("mac":"03:00:00:00:00:01")"), std::system_error);
    return BackupFolder::find(data_dir_)->find_network("c1_eth0.json");
  };
  fs::create_directory(data_dir_);
  base::write_file_atomic(data_dir_ + "/c1_eth0.json", "{}", 0600);  // of the reference
  EXPECT_EQ(failed_add(), std::nullopt);
  BackupFolder::find(data_dir_)->write("c1_eth0.json", "{}", "net2");
  EXPECT_EQ(failed_add(), "net2");
  EXPECT_EQ(backup(), "{}");
}

TEST_F(TuningApply, ABackupThatWasNotWrittenIsNotSetBack) {
  fs::create_directory(data_dir_);
  base::write_file_atomic(data_dir_ + "/c1_eth0.json", "{}", 0600);
  fs::create_directory(data_dir_ + "/.plumb-new");  // in the way of a write
  ::testing::internal::CaptureStderr();
  EXPECT_THROW(add_with(R"("mtu":1400)"), std::system_error);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), Not(HasSubstr("set back")));
  EXPECT_EQ(link(), kUntuned);
}

TEST_F(TuningApply, P1_DelOfAnotherNetworkLeavesLinkAndFile) {
  add_with(R"("mtu":1400)");
  auto other = request(cni::Verb::del, "");
  other.network = "net2";
  remove(other);
  EXPECT_THAT(link(), HasSubstr("mtu 1400"));
  EXPECT_NE(backup(), "");
}

TEST_F(TuningApply, S194_GcRemovesTheFilesOfAttachmentsThatAreGone) {
  add_with(R"("mtu":1400)");
  auto gc = request(cni::Verb::gc, "");
  gc.began += std::chrono::seconds(1);
  gc.started += std::chrono::seconds(1);
  gc.valid_attachments = {{"c1", "eth0"}};
  collect_garbage(gc);
  EXPECT_NE(backup(), "");
  gc.valid_attachments = {{"c1", "eth1"}, {"c2", "eth0"}};
  collect_garbage(gc);
  EXPECT_EQ(backup(), "");
  EXPECT_THAT(link(), HasSubstr("mtu 1400"));  // nothing names the link any longer
}

TEST_F(TuningApply, S191_GcWithoutFolderSucceeds) {
  EXPECT_NO_THROW(collect_garbage(request(cni::Verb::gc, "")));
}

TEST_F(TuningApply, StatusNamesWhatAddCannotDo) {
  const auto status = [&](const std::string& keys) -> std::pair<cni::Code, std::string> {
    try {
      report_status(request(cni::Verb::status, keys));
    } catch (const cni::Error& error) {
      return {error.code(), error.what()};
    }
    return {};
  };
  EXPECT_EQ(status(kAll).second, "");
  base::write_file_atomic(host_.path() + "/file", "", 0600);
  data_dir_ = host_.path() + "/file/tuning";
  EXPECT_EQ(status(kAll),
            std::pair(cni::Code::not_available, "cannot write backup files in " + data_dir_));
  EXPECT_EQ(status(R"("sysctl":{"net.core.somaxconn":"1"})").second, "");
}

TEST_F(TuningApply, DelReadsABackupOfTheReference) {
  fs::create_directory(data_dir_);
  run("ip link set eth0 mtu 1400 promisc on allmulticast on");
  base::write_file_atomic(data_dir_ + "/c1_eth0.json",
                          "{\n \"promisc\": false,\n \"mtu\": 1500,\n \"allmulti\": false\n}",
                          0600);
  del();
  EXPECT_EQ(link(), kUntuned);
  EXPECT_TRUE(fs::is_empty(data_dir_));
}

TEST_F(TuningApply, S166_DelRemovesTheFileWhenNamespaceOrLinkIsGone) {
  add_with(kAll);
  run("ip link del eth0");
  del();
  EXPECT_TRUE(fs::is_empty(data_dir_));
  base::write_file_atomic(data_dir_ + "/c1_eth0.json", "{\n \"mtu\": 1500\n}", 0600);
  auto gone = request(cni::Verb::del, "");
  gone.sandbox.reset();
  remove(gone);
  EXPECT_TRUE(fs::is_empty(data_dir_));
}

TEST_F(TuningApply, DelWorksWithAConfigurationThatAddRefuses) {
  add_with(R"("mtu":1400)");
  remove(request(cni::Verb::del, R"("mac":"zz","sysctl":{"kernel.x":1},"mtu":"no")"));
  EXPECT_EQ(link(), kUntuned);
}

TEST_F(TuningApply, DelGivesUpAValueThatTheLinkRefuses) {
  fs::create_directory(data_dir_);
  run("ip link set eth0 promisc on");
  base::write_file_atomic(data_dir_ + "/c1_eth0.json",
                          R"({"mac":"03:00:00:00:00:01","promisc":false,"mtu":1400})", 0600);
  del();
  EXPECT_THAT(link(), AllOf(HasSubstr("mtu 1400"), HasSubstr("promiscuity 0")));
  EXPECT_TRUE(fs::is_empty(data_dir_));
}

TEST_F(TuningApply, DelRemovesABackupThatCannotBeRead) {
  fs::create_directory(data_dir_);
  for (const char* text : {"", "{", "[]", R"({"mtu":"x"})", R"({"mtu":99999999999})"}) {
    base::write_file_atomic(data_dir_ + "/c1_eth0.json", text, 0600);
    EXPECT_NO_THROW(del()) << text;
    EXPECT_TRUE(fs::is_empty(data_dir_)) << text;
  }
  EXPECT_EQ(link(), kUntuned);
}

TEST_F(TuningApply, CheckComparesEveryPropertyThatIsConfigured) {
  add_with(kAll);
  const auto after = [&](const std::string& change, const std::string& back) {
    run(change);
    const std::string failure = check_failure(kAll);
    run(back);
    return failure;
  };
  EXPECT_EQ(after("ip link set eth0 address 02:ab:00:00:00:02",
                  "ip link set eth0 address 02:ab:00:00:00:01"),
            "Error: Tuning configured Ethernet of eth0 is 02:AB:00:00:00:01, current value is "
            "02:ab:00:00:00:02");
  EXPECT_EQ(after("ip link set eth0 promisc off", "ip link set eth0 promisc on"),
            "Error: Tuning link eth0 configured promisc is true, current value is 0");
  EXPECT_EQ(after("ip link set eth0 mtu 1401", "ip link set eth0 mtu 1400"),
            "Error: Tuning configured MTU of eth0 is 1400, current value is 1401");
  EXPECT_EQ(after("ip link set eth0 allmulticast off", "ip link set eth0 allmulticast on"),
            "Error: Tuning configured all-multicast mode of eth0 is true, current value is false");
  EXPECT_EQ(after("ip link set eth0 txqueuelen 78", "ip link set eth0 txqueuelen 77"),
            "Error: Tuning configured Transmit Queue Length of eth0 is 77, current value is 78");
  EXPECT_EQ(check_failure(kAll), "passed");
}

TEST_F(TuningApply, CheckComparesSysctlsAsTheKernelDoes) {
  const std::string keys =
      R"("sysctl":{"net.ipv4.tcp_rmem":"4096 87380 6291456","net.core.somaxconn":"0x200",)"
      R"("net.ipv4.ip_local_reserved_ports":"9148,8080,8081"})";
  add_with(keys);
  EXPECT_EQ(check_failure(keys), "passed");
  run("sysctl -qw net.core.somaxconn=513");
  EXPECT_EQ(check_failure(keys),
            "Error: Tuning configured value of /proc/sys/net/core/somaxconn is 0x200, "
            "current value is 513");
  EXPECT_EQ(check_failure(R"("sysctl":{"net.core.nothing":"1"})"),
            "sysctl net/core/nothing does not exist, must be 1");
}

TEST_F(TuningApply, CheckComparesASysctlOfManyBytes) {
  std::string ports = "1";
  for (int port = 3; port < 1500; port += 2) ports += "," + std::to_string(port);
  const std::string keys = R"("sysctl":{"net.ipv4.ip_local_reserved_ports":")" + ports + "\"}";
  add_with(keys);
  EXPECT_EQ(check_failure(keys), "passed");
  run("sysctl -qw net.ipv4.ip_local_reserved_ports=" + ports + ",1501");
  EXPECT_NE(check_failure(keys), "passed");
}

TEST_F(TuningApply, S182_CheckAcceptsWhatALaterPluginChanged) {
  add_with(kAll);
  run("ip link set eth0 mtu 1350 address 02:00:00:00:00:99");
  previous_.interfaces[1].mac = "02:00:00:00:00:99";
  previous_.interfaces[1].mtu = 1350;
  EXPECT_EQ(check_failure(kAll), "passed");
}

TEST_F(TuningApply, CheckAcceptsMoreThanWasAskedFor) {
  add_with(R"("mtu":1400,"allmulti":false)");
  run("ip link set eth0 promisc on txqueuelen 5");
  EXPECT_EQ(check_failure(R"("mtu":1400,"allmulti":false,"promisc":false)"), "passed");
}

}  // namespace
}  // namespace tuning
