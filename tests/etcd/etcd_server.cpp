// SPDX-License-Identifier: Apache-2.0
#include "tests/etcd/etcd_server.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "libcni/base/sys_error.h"

namespace test {
namespace {

const std::string kMakeCertificates = ETCD_TEST_DIR "/../agent_api/make_certificates";

std::string quoted(const std::string& text) {
  return "'" + text + "'";  // no test has an apostrophe
}

}  // namespace

EtcdServer::EtcdServer(std::vector<std::string> options, bool tls)
    : options_(std::move(options)), tls_(tls) {
  if (tls_) {
    make_certificates();
    for (const char* option : {"--cert-file=", "--key-file=", "--trusted-ca-file="}) {
      const std::string name = option;
      const char* file = name == "--cert-file="  ? "server.crt"
                         : name == "--key-file=" ? "server.key"
                                                 : "ca.crt";
      options_.push_back(name + (folder_ / file));
    }
  }
  start();
}

void EtcdServer::make_certificates() const {
  if (std::system((kMakeCertificates + " " + folder_.path()).c_str()) != 0)
    throw std::runtime_error("make_certificates failed");
}

std::string EtcdServer::url() const {
  return std::string(tls_ ? "https" : "http") + "://127.0.0.1:2379";
}

void EtcdServer::start() {
  std::vector<std::string> arguments{"etcd",
                                     "--data-dir=" + (folder_ / "data"),
                                     "--listen-client-urls=" + url(),
                                     "--advertise-client-urls=" + url(),
                                     "--listen-peer-urls=http://127.0.0.1:2380",
                                     "--initial-advertise-peer-urls=http://127.0.0.1:2380",
                                     "--initial-cluster=default=http://127.0.0.1:2380"};
  arguments.insert(arguments.end(), options_.begin(), options_.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const std::string log = folder_ / "log";
  pid_ = ::fork();
  if (pid_ < 0) base::throw_errno("start etcd");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int fd = ::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0644);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
    ::execvp("etcd", argv.data());
    ::_exit(127);
  }
  // etcdctl itself waits for the server, at most so long.
  ctl("--dial-timeout=30s --command-timeout=30s get /ready");
}

void EtcdServer::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void EtcdServer::signal(int number) {
  ::kill(pid_, number);
}

void EtcdServer::lose_data() {
  std::filesystem::remove_all(folder_ / "data");
}

std::string EtcdServer::ctl(const std::string& arguments) const {
  std::string command = "ETCDCTL_API=3 etcdctl --endpoints=" + url() + " ";
  if (tls_)
    command += "--cacert=" + (folder_ / "ca.crt") + " --cert=" + (folder_ / "client.crt") +
               " --key=" + (folder_ / "client.key") + " ";
  if (!user.empty()) command += "--user=" + user + " ";
  const std::string errors = folder_ / "ctl";
  FILE* pipe = ::popen((command + arguments + " 2>" + errors).c_str(), "re");
  if (pipe == nullptr) base::throw_errno("run etcdctl");
  std::string output;
  std::array<char, 4096> buffer;
  for (std::size_t n; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    output.append(buffer.data(), n);
  if (::pclose(pipe) == 0) return output;
  std::stringstream why;
  why << std::ifstream(errors).rdbuf() << std::ifstream(folder_ / "log").rdbuf();
  throw std::runtime_error("etcdctl " + arguments + ": " + why.str());
}

void EtcdServer::put(const std::string& key, const std::string& value,
                     const std::string& options) const {
  ctl("put " + options + " -- " + quoted(key) + " " + quoted(value));
}

void EtcdServer::remove(const std::string& key) const {
  ctl("del " + quoted(key));
}

std::string EtcdServer::value_of(const std::string& key) const {
  std::string value = ctl("get --print-value-only " + quoted(key));
  if (value.ends_with('\n')) value.pop_back();
  return value;
}

std::vector<std::string> EtcdServer::keys() const {
  std::stringstream lines(ctl("get --prefix --keys-only " + kSubnets));
  std::vector<std::string> keys;
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) keys.push_back(line.substr(kSubnets.size()));
  return keys;
}

long EtcdServer::number_of(const std::string& key, const std::string& member) const {
  const auto reply = nlohmann::json::parse(ctl("get --write-out=json " + quoted(key)));
  return reply.at("kvs").at(0).value(member, 0L);
}

}  // namespace test
