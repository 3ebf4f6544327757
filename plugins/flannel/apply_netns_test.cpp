// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libcni/base/file.h"
#include "plugins/flannel/apply.h"
#include "plugins/flannel/conf.h"
#include "tests/support/host/test_host.h"

namespace flannel {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr const char* kSubnet =
    "FLANNEL_NETWORK=10.200.0.0/16\nFLANNEL_SUBNET=10.200.3.1/24\nFLANNEL_MTU=1450\n"
    "FLANNEL_IPMASQ=true\n";
/// A delegate that logs its verb and configuration, and fails as long as the file `broken` exists.
constexpr const char* kDelegate = R"(
cat > $DIR/$CNI_COMMAND; echo $CNI_COMMAND $CNI_IFNAME >> $DIR/calls
[ -e $DIR/broken ] && echo '{"code":7,"msg":"broken"}' && exit 1
[ "$CNI_COMMAND" = ADD ] && echo '{"cniVersion":"1.1.0","ips":[{"address":"10.200.3.5/24"}]}'
exit 0)";

class FlannelApply : public ::testing::Test {
 protected:
  FlannelApply() {
    host_.install_ipam(kDelegate);
    write("subnet.env", kSubnet);
  }
  void write(const std::string& name, const std::string& text) {
    base::write_file_atomic(host_.path() + "/" + name, text, 0644);
  }
  cni::Request request(cni::Verb verb, const std::string& network = "fl") {
    const std::string config = R"({"cniVersion":"1.1.0","name":")" + network +
                               R"(","type":"flannel","dataDir":")" + data_dir() +
                               R"(","subnetFile":")" + host_.path() +
                               R"(/subnet.env","delegate":{"type":"fake"}})";
    cni::Request request = host_.request(verb, config, sandbox_);
    request.network = network;
    return request;
  }
  cni::Request second(cni::Verb verb) {
    cni::Request request = this->request(verb);
    request.ifname = "eth1";
    ::setenv("CNI_IFNAME", "eth1", 1);
    return request;
  }
  std::string data_dir() const { return host_.path() + "/data"; }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(data_dir()))
      names.push_back(entry.path().filename());
    return names;
  }
  /// GC counts only files that are older than its own start.
  void make_old() const {
    for (const auto& entry : std::filesystem::directory_iterator(data_dir()))
      std::filesystem::last_write_time(
          entry.path(), std::filesystem::last_write_time(entry.path()) - std::chrono::hours(1));
  }

  test::TestHost host_;
  test::TestHost::Sandbox sandbox_ = host_.add_sandbox();
};

TEST_F(FlannelApply, RunsTheDelegateWithTheNodesSubnetAndKeepsItsConfiguration) {
  EXPECT_EQ(add(request(cni::Verb::add)).ips.at(0).address.text(), "10.200.3.5/24");
  const std::string saved = base::read_file(data_dir() + "/c1");
  EXPECT_EQ(saved, host_.read("ADD"));
  EXPECT_THAT(saved, HasSubstr(R"({"ranges":[[{"subnet":"10.200.3.0/24"}]])"));
  struct stat status {};
  ASSERT_EQ(::stat((data_dir() + "/c1").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(FlannelApply, AFailedAddLeavesNoFile) {
  write("broken", "");
  EXPECT_THROW(add(request(cni::Verb::add)), cni::Error);
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(FlannelApply, DelUsesWhatAddSavedAlthoughTheSubnetIsAnother) {
  add(request(cni::Verb::add));
  const std::string saved = base::read_file(data_dir() + "/c1");
  write("subnet.env", "nonsense");
  remove(request(cni::Verb::del));
  EXPECT_EQ(host_.read("DEL"), saved);
  EXPECT_THAT(files(), IsEmpty());
  EXPECT_NO_THROW(remove(request(cni::Verb::del)));
}

// Flannel's own plugin removes the file also when the delegate failed, and leaks the attachment.
TEST_F(FlannelApply, AFailedDelCanBeRepeated) {
  add(request(cni::Verb::add));
  write("broken", "");
  EXPECT_THROW(remove(request(cni::Verb::del)), cni::Error);
  EXPECT_THAT(files(), UnorderedElementsAre("c1"));
  std::filesystem::remove(host_.path() + "/broken");
  remove(request(cni::Verb::del));
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(FlannelApply, DelWithADamagedFileGoesByTheConfiguration) {
  base::ensure_directory(data_dir(), 0700);
  for (const char* text : {"", "{\"type\":", "[]", "{\"name\":5}", "{\"type\":5}"}) {
    base::write_file_atomic(data_dir() + "/c1", text, 0600);
    remove(request(cni::Verb::del));
    EXPECT_THAT(files(), IsEmpty()) << text;
    EXPECT_THAT(host_.read("DEL"), HasSubstr(R"("type":"fake")"));
  }
}

TEST_F(FlannelApply, ASecondAttachmentOfAContainerHasAFileOfItsOwn) {
  add(request(cni::Verb::add));
  add(second(cni::Verb::add));
  EXPECT_THAT(files(), UnorderedElementsAre("c1", "c1:eth1"));
  remove(second(cni::Verb::del));
  EXPECT_THAT(files(), UnorderedElementsAre("c1"));
}

TEST_F(FlannelApply, AFailedSecondAttachmentLeavesTheFileOfTheFirst) {
  add(request(cni::Verb::add));
  write("broken", "");
  EXPECT_THROW(add(second(cni::Verb::add)), cni::Error);
  std::filesystem::remove(host_.path() + "/broken");
  remove(second(cni::Verb::del));
  EXPECT_THAT(files(), UnorderedElementsAre("c1"));
  remove(second(cni::Verb::del));
  EXPECT_THAT(files(), UnorderedElementsAre("c1"));
}

TEST_F(FlannelApply, ARefusedRepetitionLeavesTheFormerFile) {
  add(request(cni::Verb::add));
  add(second(cni::Verb::add));
  const std::string saved = base::read_file(data_dir() + "/c1:eth1");
  write("subnet.env",
        "FLANNEL_NETWORK=10.9.0.0/16\nFLANNEL_SUBNET=10.9.1.1/24\n"
        "FLANNEL_MTU=1400\nFLANNEL_IPMASQ=true\n");
  write("broken", "");
  EXPECT_THROW(add(second(cni::Verb::add)), cni::Error);
  EXPECT_THROW(add(request(cni::Verb::add)), cni::Error);
  EXPECT_THAT(files(), UnorderedElementsAre("c1", "c1:eth1"));
  EXPECT_EQ(base::read_file(data_dir() + "/c1:eth1"), saved);
  EXPECT_EQ(base::read_file(data_dir() + "/c1"), saved);
}

TEST_F(FlannelApply, DelLeavesTheFileOfAnotherNetwork) {
  add(request(cni::Verb::add, "other"));
  remove(request(cni::Verb::del));
  EXPECT_THAT(files(), UnorderedElementsAre("c1"));
}

TEST_F(FlannelApply, CheckGivesTheDelegateWhatAddSavedAndThePrevResult) {
  add(request(cni::Verb::add));
  cni::Request check = request(cni::Verb::check);
  check.config = json::Object::parse(check.config.text_with({{"prevResult", "{\"x\":1}"}}), "test");
  verify(check);
  EXPECT_THAT(host_.read("CHECK"), AllOf(HasSubstr(R"("prevResult":{"x":1})"),
                                         HasSubstr(R"("subnet":"10.200.3.0/24")")));
  base::remove_file(data_dir() + "/c1");
  EXPECT_THROW(verify(check), cni::Error);
}

TEST_F(FlannelApply, GcRemovesTheFilesOfAttachmentsThatAreGone) {
  add(request(cni::Verb::add));
  add(second(cni::Verb::add));
  base::write_file_atomic(data_dir() + "/c2", R"({"name":"fl","type":"fake"})", 0600);
  base::write_file_atomic(data_dir() + "/c3", R"({"name":"other","type":"fake"})", 0600);
  base::write_file_atomic(data_dir() + "/c4", "", 0600);
  base::write_file_atomic(data_dir() + "/c5.tmp-abcdef", "{", 0600);
  base::write_file_atomic(data_dir() + "/c7.tmp-abcdef", R"({"name":"other","type":"fake"})", 0600);
  base::write_file_atomic(data_dir() + "/c8", R"({"name":5})", 0600);
  make_old();
  cni::Request gc = request(cni::Verb::gc);
  base::write_file_atomic(data_dir() + "/c6", R"({"name":"fl","type":"fake"})", 0600);
  gc.valid_attachments = {{.container_id = "c1", .ifname = "eth0"}};
  collect_garbage(gc);
  EXPECT_THAT(files(), UnorderedElementsAre("c1", "c3", "c4", "c6", "c7.tmp-abcdef", "c8"));
  EXPECT_THAT(host_.read("calls"), HasSubstr("GC"));
}

TEST_F(FlannelApply, GcKeepsTheFilesWhenTheDelegateFails) {
  add(request(cni::Verb::add));
  make_old();
  write("broken", "");
  EXPECT_ANY_THROW(collect_garbage(request(cni::Verb::gc)));
  EXPECT_THAT(files(), UnorderedElementsAre("c1"));
}

TEST_F(FlannelApply, GcRunsTheDelegateThatAddRan) {
  add(request(cni::Verb::add));
  make_old();
  cni::Request gc = request(cni::Verb::gc);
  gc.config =
      json::Object::parse(gc.config.text_with({{"delegate", R"({"type":"bridge"})"}}), "test");
  gc.path = "/nonexistent:" + host_.path();
  EXPECT_THROW(collect_garbage(gc), cni::Error);  // no bridge in the path
  EXPECT_THAT(host_.read("calls"), HasSubstr("GC"));
  EXPECT_THAT(files(), UnorderedElementsAre("c1"));
}

TEST_F(FlannelApply, StatusIsNotAvailableWithoutASubnet) {
  EXPECT_NO_THROW(report_status(request(cni::Verb::status)));
  std::filesystem::remove(host_.path() + "/subnet.env");
  try {
    report_status(request(cni::Verb::status));
    FAIL();
  } catch (const cni::Error& error) {
    EXPECT_EQ(error.code(), cni::Code::not_available);
  }
}

}  // namespace
}  // namespace flannel
