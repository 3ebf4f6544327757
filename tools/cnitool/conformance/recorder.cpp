// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/conformance/recorder.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "libcni/base/sys_error.h"
#include "libcni/base/unique_fd.h"

extern char** environ;

namespace conformance {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string read_stdin() {
  std::string text;
  char buffer[65536];
  for (ssize_t got; (got = read(STDIN_FILENO, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void print(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t wrote = write(fd, text.data() + done, text.size() - done);
    if (wrote <= 0) return;
    done += static_cast<std::size_t>(wrote);
  }
}

/// One call, from the double's point of view.
struct Played {
  fs::path directory;
  std::string name;
  std::string verb;
  std::string input;
  std::size_t number = 1;

  /// The file to play, preferably the one for this call number; empty when there is none.
  std::string find(const std::string& what) const {
    const std::string stem = name + "." + verb + ".";
    for (const std::string& file : {stem + std::to_string(number) + "." + what, stem + what}) {
      if (fs::exists(directory / file)) return read_text(directory / file);
    }
    return {};
  }
  int number_of(const std::string& what) const { return std::atoi(find(what).c_str()); }
};

json open_descriptors() {
  std::vector<int> found;
  for (int fd = 0; fd < 256; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) found.push_back(fd);
  }
  return found;
}

json call_record(const Played& call, const json& descriptors) {
  json environment = json::object();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) environment[text.substr(0, equals)] = text.substr(equals + 1);
  }
  json argv = json::array();
  std::istringstream words(read_text("/proc/self/cmdline"));
  for (std::string word; std::getline(words, word, '\0');) argv.push_back(word);
  return {{"name", call.name},   {"verb", call.verb},
          {"argv", argv},        {"env", environment},
          {"stdin", call.input}, {"fds", descriptors},
          {"pid", getpid()},     {"cwd", fs::current_path().string()}};
}

std::size_t calls_before(const Played& call) {
  std::size_t count = 0;
  std::istringstream lines(read_text(call.directory / "log"));
  for (std::string line; std::getline(lines, line);) {
    const json entry = json::parse(line, nullptr, false);
    count += entry.is_object() && entry.value("name", "") == call.name &&
             entry.value("verb", "") == call.verb;
  }
  return count;
}

/// An address in the shape of the request's version.
json default_result(const json& request) {
  const json version = request.contains("cniVersion") ? request["cniVersion"] : json("0.1.0");
  json result = {{"cniVersion", version}};
  if (version == "0.1.0" || version == "0.2.0") {
    result["ip4"] = {{"ip", "10.77.0.2/24"}, {"gateway", "10.77.0.1"}};
    return result;
  }
  json address = {{"address", "10.77.0.2/24"}, {"gateway", "10.77.0.1"}};
  if (version != "1.0.0" && version != "1.1.0") address["version"] = "4";
  result["ips"] = json::array({address});
  return result;
}

std::string default_output(const Played& call) {
  if (call.verb == "VERSION") {
    return R"({"cniVersion":"1.1.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]})";
  }
  if (call.verb != "ADD") return {};
  const json request = json::parse(call.input, nullptr, false);
  if (!request.is_object()) return {};
  const std::string mode = call.find("mode");
  if (!request.contains("prevResult") && mode.empty()) return dump(default_result(request));
  json result = request.value("prevResult", json::object());
  if (mode.starts_with("dns")) result["dns"]["nameservers"] = {"192.0.2.53"};
  return dump(result);
}

[[noreturn]] void play(const Played& call) {
  if (const int seconds = call.number_of("grandchild"); seconds > 0 && fork() == 0) {
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
    _exit(0);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(call.number_of("sleep")));
  print(STDERR_FILENO, call.find("stderr"));
  const fs::path own = call.directory / (call.name + "." + call.verb + ".stdout");
  const std::string output = call.find("stdout");
  const int exit_code = call.number_of("exit");
  const bool silent = exit_code != 0 || fs::exists(own);
  print(STDOUT_FILENO, output.empty() && !silent ? default_output(call) : output);
  if (const int number = call.number_of("signal"); number > 0) {
    signal(number, SIG_DFL);
    kill(getpid(), number);
  }
  _exit(exit_code);
}

}  // namespace

void maybe_act_as_recorder() {
  const char* directory = std::getenv(kRecorderVariable);
  const char* verb = std::getenv("CNI_COMMAND");
  if (directory == nullptr || verb == nullptr) return;
  const json descriptors = open_descriptors();
  std::istringstream command(read_text("/proc/self/cmdline"));
  std::string program;
  std::getline(command, program, '\0');
  Played call{directory, fs::path(program).filename(), verb, read_stdin()};
  call.number = calls_before(call) + 1;
  const base::UniqueFd log(
      open((call.directory / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  print(log.get(), dump(call_record(call, descriptors)) + "\n");
  play(call);
}

Recorder::Recorder(std::string plugins, std::string directory)
    : plugins_(std::move(plugins)), directory_(std::move(directory)) {
  fs::create_directories(plugins_);
  fs::create_directories(directory_);
}

void Recorder::install(const std::string& name) const {
  const fs::path original = fs::path(directory_) / "program";
  if (!fs::exists(original)) {
    fs::copy_file("/proc/self/exe", original);
    fs::permissions(original,
                    fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  }
  fs::create_hard_link(original, fs::path(plugins_) / name);
}

void Recorder::play(const std::string& name, const std::string& what,
                    const std::string& text) const {
  std::ofstream(fs::path(directory_) / (name + "." + what), std::ios::binary) << text;
}

std::vector<json> Recorder::calls() const {
  std::vector<json> calls;
  std::istringstream lines(read_text(fs::path(directory_) / "log"));
  for (std::string line; std::getline(lines, line);) {
    calls.push_back(json::parse(line, nullptr, false));
  }
  return calls;
}

std::string Recorder::verbs() const {
  std::string verbs;
  for (const json& call : calls()) {
    verbs += (verbs.empty() ? "" : " ") + call.value("verb", std::string("?"));
  }
  return verbs;
}

void Recorder::reset() const {
  for (const fs::directory_entry& entry : fs::directory_iterator(directory_)) {
    if (entry.path().filename() != "program") fs::remove(entry.path());
  }
}

}  // namespace conformance
