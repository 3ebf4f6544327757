// SPDX-License-Identifier: Apache-2.0
// Files in the store that other programs wrote, and what the index records in addition to the
// files.
#include <chrono>
#include <filesystem>
#include <system_error>

#include <gmock/gmock.h>

#include "tests/support/store_fixture.h"

namespace ipam {
namespace {

using testing::ElementsAre;

// R5: a file that is written in place leaves the folder's times as they were, and so the index.
TEST_F(StoreTest, R5_ReleasesAFileThatWasRewrittenInPlace) {
  open().reserve(c1, {ip("10.0.0.2")});
  put("10.0.0.2", "c2\r\neth0");
  EXPECT_EQ(open().release(c2), 1u);
  EXPECT_FALSE(fs::exists(path("10.0.0.2")));
}

TEST_F(StoreTest, R5_AHintThatItsFileContradictsCausesARescan) {
  open().reserve(c1, {ip("10.0.0.2"), ip("10.0.0.3")});
  open().reserve(c2, {ip("10.0.0.4")});
  put("10.0.0.2", "c2\r\neth0");
  put("10.0.0.4", "c1\r\neth0");
  EXPECT_EQ(open().release(c1), 2u);
  EXPECT_THAT(exact(c2), ElementsAre("10.0.0.2"));
}

// S11
TEST_F(StoreTest, S11_PassesOverAFileThatIsTooLargeToBeAReservation) {
  open().reserve(c1, {ip("10.0.0.2")});
  put("10.0.0.3", "");
  fs::resize_file(path("10.0.0.3"), std::uintmax_t{1} << 30);
  put("10.0.0.4", std::string(Folder::kMostInFile + 1, 'x'));
  const auto start = std::chrono::steady_clock::now();
  for (const char* name : {"10.0.0.3", "10.0.0.4"}) {
    EXPECT_TRUE(open().is_taken(ip(name)));
    EXPECT_THROW(open().reserve(c2, {ip(name)}), std::system_error);
  }
  open().reserve(c2, {ip("10.0.0.5")});
  EXPECT_EQ(open().release(c1), 1u);
  for (const AddressFile& file : scan())
    EXPECT_EQ(file.regular, file.address == ip("10.0.0.5")) << file.address.text();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST_F(StoreTest, S11_RefusesAnOwnerThatItCouldNotReadAgain) {
  EXPECT_THROW(open().reserve({std::string(Folder::kMostInFile, 'x'), "eth0"}, {ip("10.0.0.2")}),
               std::system_error);
  EXPECT_FALSE(fs::exists(path("10.0.0.2")));
}

// S20
TEST_F(StoreTest, S20_RemovesOrNamesAFolderInPlaceOfTheTemporaryFile) {
  open().reserve(c2, {ip("10.0.0.9")});
  fs::create_directory(path(".plumb-new"));
  open().reserve(c1, {ip("10.0.0.2")});
  fs::create_directories(path(".plumb-new/full"));
  try {
    open().reserve(c1, {ip("10.0.0.3")});
    ADD_FAILURE() << "reserved";
  } catch (const std::system_error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("remove " + path(".plumb-new")));
  }
}

// P9
TEST_F(StoreTest, P9_KnowsTheReservationsSinceBoot) {
  put("10.0.0.3", "c2\r\neth0");
  open().reserve(c1, {ip("10.0.0.2")});
  EXPECT_TRUE(open().is_recent(ip("10.0.0.2")));
  EXPECT_FALSE(open().is_recent(ip("10.0.0.3")));
  EXPECT_FALSE(open().is_recent(ip("10.0.0.4")));
  Store store = open();
  EXPECT_TRUE(store.rescan());
  EXPECT_TRUE(store.is_recent(ip("10.0.0.2"))) << "a scan of the same moment forgets nothing";
  EXPECT_FALSE(store.rescan());
}

}  // namespace
}  // namespace ipam
