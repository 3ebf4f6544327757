// SPDX-License-Identifier: Apache-2.0
#include "libcni/plugin/plugin.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "libcni/base/file.h"
#include "libcni/base/interrupt.h"
#include "libcni/base/log.h"
#include "libcni/base/stdio.h"
#include "libcni/base/undo.h"
#include "libcni/json/attachments.h"
#include "libcni/json/result.h"
#include "libcni/plugin/environment.h"
#include "libcni/plugin/own_build.h"
#include "libcni/plugin/request.h"
#include "libcni/plugin/validate.h"

namespace cni {
namespace {

bool is_true(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return static_cast<char>(std::tolower(c)); });
  return text == "1" || text == "true";
}

void call(const std::function<void(const Request&)>& function, const Request& request) {
  if (function) function(request);
}

std::string about(const Plugin& plugin) {
  std::string text = "CNI " + std::string(plugin.name) + " plugin " PLUMB_VERSION "\n";
  text += "CNI protocol versions supported: ";
  for (const auto& version : plugin.versions)
    text += (version == plugin.versions.front() ? "" : ", ") + version.text();
  return text + "\n";
}

/// One run of the process, from the environment to the last byte of standard output.
class Invocation {
 public:
  Invocation(const Plugin& plugin, const Edges& edges)
      : plugin_(plugin), edges_(edges), version_of_errors_(plugin.versions.back()) {}

  void run() {
    const std::string command = edges_.getenv("CNI_COMMAND").value_or("");
    if (command.empty()) return edges_.write_stderr(about(plugin_));
    const Verb verb = parse_verb(command);
    if (verb == Verb::version) return edges_.write_stdout(json::print_versions(plugin_.versions));
    Request request = read_environment(verb, edges_.getenv);
    request.stdin_text = edges_.read_stdin();
    request.config = json::Object::parse(request.stdin_text, "error unmarshall network config");
    version_of_errors_ = answer_version(request.config, plugin_.versions);
    read_config(request, plugin_.versions);
    const bool own_netns = open_sandbox(
        request, is_true(edges_.getenv("CNI_NETNS_OVERRIDE").value_or("")), plugin_.opens_sandbox);
    if (own_netns && verb == Verb::add) refuse_own_netns();
    read_prev_result(request);
    if (verb == Verb::gc) {
      request.valid_attachments = json::parse_attachments(request.config);
      request.began = std::min(request.began, edges_.process_start());
    }
    perform(request);
    // At this point DEL has released everything outside of the namespace.
    if (own_netns) refuse_own_netns();
  }

  Version version_of_errors() const { return version_of_errors_; }

 private:
  void perform(Request& request) {
    const bool adds_or_checks = request.verb == Verb::add || request.verb == Verb::check;
    if (plugin_.chained && adds_or_checks) require_prev_result(request);
    switch (request.verb) {
      case Verb::add:
        return add(request);
      case Verb::del:
        return call(plugin_.del, request);
      case Verb::check:
        return call(plugin_.check, request);
      case Verb::gc:
        return call(plugin_.gc, request);
      case Verb::status:
        return call(plugin_.status, request);
      case Verb::version:
        break;  // answered without a request
    }
  }

  /// If the result cannot be written to the runtime, the work of ADD is undone.
  void add(Request& request) {
    const Result result = plugin_.add(request);
    base::Undo undo;
    undo.add("ADD", [&] {
      request.verb = Verb::del;
      call(plugin_.del, request);
    });
    const std::string text = json::print_result(result, request.version);
    base::throw_if_interrupted();
    edges_.write_stdout(text);
    undo.commit();
  }

  [[noreturn]] static void refuse_own_netns() {
    throw Error(Code::invalid_netns,
                "plugin's netns and netns from CNI_NETNS should not be the same",
                "CNI_NETNS_OVERRIDE=1 turns this check off");
  }

  const Plugin& plugin_;
  const Edges& edges_;
  Version version_of_errors_;
};

/// Returns whether the failure concerns files or standard input, not the kernel's network state.
bool is_storage_failure(int errnum) {
  constexpr std::array kStorage{EIO,    ENOSPC,  EDQUOT, EROFS,        EACCES,
                                EISDIR, ENOTDIR, ELOOP,  ENAMETOOLONG, EFBIG};
  return std::ranges::find(kStorage, errnum) != kStorage.end();
}

/// Shortens a msg to less than 200 bytes: file names can be long, and the failure is named at the
/// end.
std::string shortened(const std::string& message) {
  constexpr std::size_t kHead = 120;
  constexpr std::size_t kTail = 70;
  if (message.size() <= kHead + kTail) return message;
  return message.substr(0, kHead) + "..." + message.substr(message.size() - kTail);
}

Error describe(const std::system_error& error) {
  const int errnum = error.code().value();
  const char* name = ::strerrorname_np(errnum);
  const std::string details = (name == nullptr ? std::to_string(errnum) : std::string(name)) +
                              ": " + error.code().message();
  const Code code = errnum == EINTR              ? Code::try_again_later
                    : is_storage_failure(errnum) ? Code::io_failure
                                                 : Code::internal;
  const std::string message = shortened(error.what());
  return {code, message, message == error.what() ? details : details + "; " + error.what()};
}

/// Turns the exception that is being handled into the error object for the runtime.
Error describe_current_exception() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::system_error& error) {
    return describe(error);
  } catch (const std::exception& error) {
    const std::string message = shortened(error.what());
    return {Code::internal, message, message == error.what() ? "" : error.what()};
  } catch (...) {
    return {Code::internal, "unknown failure"};
  }
}

int report(const Edges& edges, Version version) {
  try {
    const Error error = describe_current_exception();
    edges.write_stdout(json::print_error(error, version));
  } catch (const std::exception& error) {
    base::log(error.what());
  }
  return 1;
}

/// The text for a person's command line; nothing when a runtime calls the plugin.
std::optional<std::string> find_answer(const Plugin& plugin, const Edges& edges, int argc,
                                       char** argv) {
  const char* command = std::getenv("CNI_COMMAND");
  if (argc < 2 || (command != nullptr && *command != '\0')) return std::nullopt;
  const std::string_view option = argv[1];
  const std::string name(plugin.name);
  if (option == "--version")
    return name + " " PLUMB_VERSION " (build " + std::string(build_id()) + ")\n";
  if (option == "--validate") return validate(plugin, edges.read_stdin());
  if (option == "--keys") return list_keys(plugin);
  if (option == "--help")
    return "usage: CNI_COMMAND=ADD|DEL|CHECK|GC|STATUS|VERSION ... " + name +
           " < configuration\n\n" +
           "A plugin of the Container Network Interface: container runtimes run it.\n" +
           "To try it by hand, use cnitool. \"" + name +
           " --validate < configuration\" only checks the configuration,\n" + "\"" + name +
           " --keys\" lists its keys with their types.\n\n" + about(plugin);
  return std::nullopt;
}

}  // namespace

int plugin_main(const Plugin& plugin, const Edges& edges) {
  Invocation invocation(plugin, edges);
  try {
    invocation.run();
    return 0;
  } catch (...) {
    return report(edges, invocation.version_of_errors());
  }
}

int plugin_main(const Plugin& plugin, int argc, char** argv) {
  base::fill_stdio();
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // RLIMIT_FSIZE: the write fails with EFBIG, and ADD is undone
  base::catch_termination_signals();
  const Edges edges{
      .getenv = [](const char* name) -> std::optional<std::string> {
        const char* value = std::getenv(name);
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
      },
      .read_stdin = [] { return base::read_all(STDIN_FILENO, "standard input"); },
      .write_stdout =
          [](std::string_view text) { base::write_all(STDOUT_FILENO, text, "standard output"); },
      .write_stderr =
          [](std::string_view text) { base::write_all(STDERR_FILENO, text, "standard error"); },
      .process_start = base::process_start,
  };
  try {
    if (const auto answer = find_answer(plugin, edges, argc, argv)) {
      edges.write_stdout(*answer);
      return 0;
    }
  } catch (const std::exception& error) {
    base::log(error.what());
    return 1;
  }
  return plugin_main(plugin, edges);
}

}  // namespace cni
