// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace cnitool {

enum class Format { automatic, json, table, wide, name };

/// The values of the command line and the environment, checked for syntax only. One struct for all
/// commands, so that a command is a plain function of it. Command-line options beat the
/// environment.
struct Options {
  std::string command;               ///< canonical name: `plugins` also for `version`
  std::vector<std::string> words;    ///< positional arguments after the command
  std::vector<std::string> program;  ///< the words after `--`

  std::string conf_dir;                  ///< --conf-dir, NETCONFPATH
  std::string conf;                      ///< --conf: a list's file, `-` for standard input
  std::vector<std::string> plugin_dirs;  ///< --plugin-path, CNI_PATH
  std::string cache_dir;                 ///< --cache-dir

  std::string container_id;  ///< --container-id; empty: derived from the namespace
  std::string netns;         ///< --netns: path, name or PID; empty: a positional argument
  std::vector<std::string>
      ifnames;  ///< -i, CNI_IFNAME, eth0; one per network, further names count up
  bool create_netns = false;
  bool remove_netns = false;      ///< --rm
  std::vector<std::string> args;  ///< --args K=V
  std::vector<std::string> caps;  ///< --cap NAME=VALUE
  std::string cap_file;

  bool all = false;
  bool keep_going = false;  ///< --continue
  bool force = false;
  bool keep_failed = false;  ///< keep everything that a failed ADD made
  bool dry_run = false;
  bool steps = false;
  std::optional<std::chrono::milliseconds> timeout;
  int retry = 0;  ///< further attempts after code 11

  std::vector<std::string> keep;  ///< gc --keep ID:IFNAME
  std::string keep_from;
  std::string prev_result;        ///< exec --prev-result FILE
  std::string network;            ///< exec --network NAME
  std::vector<std::string> rows;  ///< conformance --row

  Format format = Format::automatic;
  bool json = false;           ///< --json: also errors are an object on standard output
  std::string result_version;  ///< --result-version
  int verbose = 0;             ///< 1: steps with timings; 2: requests and replies too
};

/// `5`, `5s`, `500ms`, `2m`. Throws UsageError naming the option otherwise.
std::chrono::milliseconds parse_duration(const std::string& text);

}  // namespace cnitool
