// SPDX-License-Identifier: Apache-2.0
#include "tests/support/recorder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace test {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Takes words ended by NUL up to an empty one.
std::vector<std::string> take_words(std::string_view& text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto end = text.find('\0');
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (word.empty()) break;
    words.emplace_back(word);
  }
  return words;
}

RecordedCall parse(const fs::path& path) {
  RecordedCall call;
  const std::string name = path.filename();  // claim-0000.pa.ADD
  const auto first = name.find('.');
  const auto last = name.rfind('.');
  call.plugin = name.substr(first + 1, last - first - 1);
  call.verb = name.substr(last + 1);
  const std::string content = read(path);
  std::string_view rest = content;
  call.argv = take_words(rest);
  call.environment = take_words(rest);
  call.input = rest;
  return call;
}

}  // namespace

std::string RecordedCall::env(std::string_view name) const {
  std::string value = "(unset)";
  for (const std::string& pair : environment) {
    if (pair.compare(0, name.size(), name) != 0 || pair[name.size()] != '=') continue;
    value = value == "(unset)" ? pair.substr(name.size() + 1) : "(twice)";
  }
  return value;
}

Recorder::Recorder() : dir_(root_ / "bin") {
  fs::create_directories(dir_ + "/calls");
  fs::create_directories(dir_ + "/play");
}

void Recorder::install(const std::string& type) const {
  fs::create_symlink(RECORDER_PROGRAM, dir_ + "/" + type);
}

void Recorder::play(const std::string& call, const std::string& what,
                    const std::string& content) const {
  std::ofstream(dir_ + "/play/" + call + "." + what, std::ios::binary) << content;
}

std::vector<RecordedCall> Recorder::calls() const {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(dir_ + "/calls"))
    if (entry.path().has_extension()) paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<RecordedCall> calls;
  for (const fs::path& path : paths) calls.push_back(parse(path));
  return calls;
}

std::string Recorder::log() const {
  std::string text;
  for (const RecordedCall& call : calls())
    text += (text.empty() ? "" : " ") + call.plugin + "." + call.verb;
  return text;
}

std::vector<RecordedCall> Recorder::calls_of(const std::string& call) const {
  auto found = calls();
  std::erase_if(found,
                [&](const RecordedCall& each) { return each.plugin + "." + each.verb != call; });
  return found;
}

void Recorder::forget_calls() const {
  fs::remove_all(dir_ + "/calls");
  fs::create_directories(dir_ + "/calls");
}

}  // namespace test
