// SPDX-License-Identifier: Apache-2.0
#include "libcni/plugin/own_build.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>

#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include "libcni/base/unique_fd.h"

namespace cni {
namespace {

constexpr char kId[] = PLUMB_BUILD_ID;

struct Note {
  ElfW(Nhdr) header;
  char owner[8];
  char id[sizeof kId];
};

// The linker collects .note sections into a PT_NOTE segment near the start of the file.
[[gnu::used, gnu::section(".note.plumb"), gnu::aligned(4)]] constexpr Note kNote{
    {.n_namesz = 6, .n_descsz = sizeof kId, .n_type = 1}, "Plumb", PLUMB_BUILD_ID};

/// The first bytes of a file, from which structures can be read.
class Head {
 public:
  explicit Head(const std::string& path) {
    const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const ssize_t got = fd ? ::pread(fd.get(), bytes_.data(), bytes_.size(), 0) : 0;
    text_ = {bytes_.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
  }
  template <typename T>
  std::optional<T> at(std::size_t offset) const {
    if (offset > text_.size() || text_.size() - offset < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, text_.data() + offset, sizeof value);
    return value;
  }
  std::string_view range(std::size_t offset, std::size_t size) const {
    return offset > text_.size() ? std::string_view() : text_.substr(offset, size);
  }

 private:
  std::array<char, 4096> bytes_;
  std::string_view text_;
};

/// Returns whether `segment` contains a note that equals ours byte for byte.
bool holds_our_note(std::string_view segment) {
  const std::string_view ours(reinterpret_cast<const char*>(&kNote), sizeof kNote);
  return segment.find(ours) != std::string_view::npos;
}

}  // namespace

std::string_view build_id() {
  return kNote.id;
}

bool is_own_build(const std::string& path) {
  const Head head(path);
  const auto elf = head.at<ElfW(Ehdr)>(0);
  if (!elf || std::memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0) return false;
  for (std::size_t i = 0; i < elf->e_phnum; ++i) {
    const auto segment = head.at<ElfW(Phdr)>(elf->e_phoff + i * sizeof(ElfW(Phdr)));
    if (!segment) return false;
    if (segment->p_type == PT_NOTE &&
        holds_our_note(head.range(segment->p_offset, segment->p_filesz)))
      return true;
  }
  return false;
}

}  // namespace cni
