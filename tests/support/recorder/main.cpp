// SPDX-License-Identifier: Apache-2.0
// A plugin that records its calls and plays the files that the test puts beside it: see
// ../recorder.h.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace {

std::string read_all(int fd) {
  std::string text;
  char buffer[65536];
  for (ssize_t got = 0; (got = ::read(fd, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  return text;
}

std::optional<std::string> find_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string text = read_all(fd);
  ::close(fd);
  return text;
}

void write_all(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t put = ::write(fd, text.data() + done, text.size() - done);
    if (put < 0) return;
    done += static_cast<std::size_t>(put);
  }
}

void sleep_ms(long ms) {
  timespec left{ms / 1000, ms % 1000 * 1'000'000};
  while (::nanosleep(&left, &left) != 0) {
  }
}

/// The number of files in the folder whose names end with `ending`.
int count_calls(const std::string& folder, const std::string& ending) {
  int count = 0;
  DIR* dir = ::opendir(folder.c_str());
  if (!dir) return 0;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string name = entry->d_name;
    if (name.size() >= ending.size() &&
        name.compare(name.size() - ending.size(), ending.size(), ending) == 0)
      ++count;
  }
  ::closedir(dir);
  return count;
}

/// Takes the next number of the log, which keeps the order of calls.
void record(const std::string& folder, const std::string& call, const std::string& content) {
  for (int number = 0; number < 10000; ++number) {
    char claim[32];
    std::snprintf(claim, sizeof claim, "/claim-%04d", number);
    const int taken =
        ::open((folder + claim).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (taken < 0) continue;
    ::close(taken);
    const int fd =
        ::open((folder + claim + "." + call).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    write_all(fd, content);
    ::close(fd);
    return;
  }
}

/// The answer of a plugin that does nothing.
std::string default_answer(const std::string& verb, const std::string& input) {
  if (verb == "VERSION")
    return R"({"cniVersion":"1.1.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]})";
  if (verb != "ADD") return {};
  const auto request = nlohmann::json::parse(input, nullptr, false);
  if (!request.is_object()) return {};
  if (request.contains("prevResult")) return request["prevResult"].dump();
  const std::string version = request.value("cniVersion", "");
  const std::string head = "{\"cniVersion\":\"" + version + "\",";
  if (version < "0.3.0") return head + R"("ip4":{"ip":"10.0.0.2/24"}})";
  if (version < "1.0.0") return head + R"("ips":[{"version":"4","address":"10.0.0.2/24"}]})";
  return head + R"("ips":[{"address":"10.0.0.2/24"}]})";
}

class Script {
 public:
  Script(std::string base, int nth) : base_(std::move(base)), nth_("." + std::to_string(nth)) {}
  std::optional<std::string> find(const char* what) const {
    if (auto text = find_file(base_ + nth_ + "." + what)) return text;
    return find_file(base_ + "." + what);
  }
  long number(const char* what) const {
    const auto text = find(what);
    return text ? std::atol(text->c_str()) : 0;
  }

 private:
  std::string base_;
  std::string nth_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string path = argv[0];
  const auto slash = path.rfind('/');
  const std::string folder = path.substr(0, slash);
  const char* command = std::getenv("CNI_COMMAND");
  const std::string call = path.substr(slash + 1) + "." + (command ? command : "");
  const std::string input = read_all(0);

  std::string content;
  for (int i = 0; i < argc; ++i) content += argv[i] + std::string(1, '\0');
  content += '\0';
  for (char** pair = environ; *pair; ++pair) content += *pair + std::string(1, '\0');
  int death_signal = 0;
  ::prctl(PR_GET_PDEATHSIG, &death_signal);
  content += "REC_PDEATHSIG=" + std::to_string(death_signal) + std::string(1, '\0');
  content += "REC_PID=" + std::to_string(::getpid()) + std::string(2, '\0');
  content += input;
  record(folder + "/calls", call, content);

  const Script script(folder + "/play/" + call, count_calls(folder + "/calls", "." + call));
  if (const auto mode = script.find("claim")) {
    const int fd = ::open((folder + "/claimed").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (::flock(fd, (*mode == "shared" ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) return 99;
  }
  if (const long ms = script.number("fork"); ms > 0 && ::fork() == 0) {
    sleep_ms(ms);
    ::_exit(0);
  }
  write_all(2, script.find("stderr").value_or(""));
  if (const long ms = script.number("sleep"); ms > 0) sleep_ms(ms);
  write_all(1, script.find("stdout").value_or(default_answer(command ? command : "", input)));
  if (const long number = script.number("kill"); number > 0)
    ::kill(::getpid(), static_cast<int>(number));
  return static_cast<int>(script.number("exit"));
}
