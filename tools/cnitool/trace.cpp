// SPDX-License-Identifier: Apache-2.0
#include "tools/cnitool/trace.h"

#include <array>
#include <cctype>
#include <cstdio>
#include <iostream>

#include <nlohmann/json.hpp>

#include "tools/cnitool/session.h"

namespace cnitool {
namespace {

/// Indents JSON without changing numbers or strings, so that the output shows the bytes that were
/// sent.
std::string indented(const std::string& json) {
  std::string shown;
  int depth = 0;
  bool quoted = false;
  const auto new_line = [&] {
    shown += '\n' + std::string(static_cast<std::size_t>(depth) * 2 + 2, ' ');
  };
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (!quoted && std::isspace(static_cast<unsigned char>(c)) != 0) continue;
    const bool opened = !quoted && !shown.empty() && (shown.back() == '{' || shown.back() == '[');
    const bool closes = !quoted && (c == '}' || c == ']');
    if (closes) --depth;
    if (opened != closes) new_line();
    shown += c;
    if (quoted && c == '\\') shown += json[++i];
    if (c == '"') quoted = !quoted;
    if (quoted || c == '"') continue;
    if (c == '{' || c == '[') ++depth;
    if (c == ',') new_line();
    if (c == ':') shown += ' ';
  }
  return shown;
}

/// Prints JSON indented and anything else unchanged; always ends with a newline.
std::string readable(const std::string& text) {
  std::string shown = text;
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  const bool structured = start != std::string::npos && (text[start] == '{' || text[start] == '[');
  if (structured && nlohmann::json::accept(text)) shown = "  " + indented(text);
  if (!shown.empty() && shown.back() != '\n') shown += '\n';
  return shown;
}

std::string section(const std::string& title, const std::string& body) {
  return title + (body.empty() ? ": (empty)\n" : ":\n" + body);
}

void log_start(const runtime::PluginRun& call, int verbose) {
  if (verbose >= 2) std::cerr << request_text(call) << std::flush;
}

void log_finish(const runtime::PluginRun& call, int verbose) {
  if (verbose >= 2) std::cerr << reply_text(call) << std::flush;
  if (verbose == 1) {
    note(call.verb + " " + call.type + ": " + ending_text(call) + " after " +
         duration_text(call.duration));
  }
}

}  // namespace

runtime::Observer make_observer(const Options& options) {
  runtime::Observer observer;
  const int verbose = options.verbose;
  observer.on_start = [verbose](const runtime::PluginRun& call) { log_start(call, verbose); };
  observer.on_finish = [verbose](const runtime::PluginRun& call) { log_finish(call, verbose); };
  observer.on_note = [](std::string_view text) { note(std::string(text)); };
  // With --trace the reply contains all of it.
  if (verbose < 2) {
    observer.on_stderr = [](const runtime::PluginRun&, std::string_view chunk) {
      std::cerr << chunk << std::flush;
    };
  }
  return observer;
}

std::string duration_text(std::chrono::microseconds duration) {
  const double milliseconds = static_cast<double>(duration.count()) / 1000;
  std::array<char, 32> text{};
  if (milliseconds < 1000) {
    std::snprintf(text.data(), text.size(), "%.*f ms", milliseconds < 10 ? 2 : 1, milliseconds);
  } else {
    std::snprintf(text.data(), text.size(), "%.2f s", milliseconds / 1000);
  }
  return text.data();
}

std::string ending_text(const runtime::PluginRun& call) {
  if (call.timed_out) return "timed out";
  if (call.signal != 0) return "killed by signal " + std::to_string(call.signal);
  return "exit " + std::to_string(call.exit_code);
}

std::string request_text(const runtime::PluginRun& call) {
  std::string environment;
  for (const auto& variable : call.environment) {
    if (variable.starts_with("CNI_")) environment += "  " + variable + "\n";
  }
  return call.verb + " " + call.path + "\n" + section("environment", environment) +
         section("stdin", readable(call.input));
}

std::string reply_text(const runtime::PluginRun& call) {
  std::string text = section("stdout", readable(call.output));
  if (!call.errors.empty()) text += section("stderr", readable(call.errors));
  return text + "ended: " + ending_text(call) + " after " + duration_text(call.duration) + "\n";
}

}  // namespace cnitool
