// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/source/snapshot.h"

namespace agent {

/// Exit codes of plumbd; `--help` lists them. Those of questions about a node are exit_of() of a
/// Severity.
enum Exit { kOk = 0, kFailed = 1, kUsage = 2 };

/// A parsed command line.
struct CommandLine {
  std::string command;
  std::optional<std::string> config_file;  ///< not given: the default one, which may be missing
  std::vector<Override> overrides = {};
  std::vector<std::string> words = {};  ///< addresses, a node
  std::string from = {}, to = {};       ///< install
  std::string format = "nft";           ///< firewall
  std::string probe = {};               ///< status: `alive` or `ready`; empty: all of it
  bool json = false;
  bool force = false;
};

inline constexpr const char* kDefaultConfigFile = "/etc/plumb/plumbd.yaml";

/// File, environment and flags together. Throws cni::Error or std::system_error.
Config load_config(const CommandLine& command_line);
/// The same for commands that ask the running agent: mistakes in the file, and a file that cannot
/// be read, are warnings on standard error and stay in `problems`. Throws for mistakes in flags and
/// environment.
ConfigReading load_config_for_agent(const CommandLine& command_line);
/// The nodes and services that a command knows without the running agent.
struct Known {
  Snapshot snapshot;
  std::string file;    ///< the file that it was read from
  bool stale = false;  ///< read from the cache of an earlier agent
};
/// Reads the nodes file where that is the source and exists, else the cache. Throws
/// std::system_error or cni::Error.
Known known_cluster(const Config& config);

int run_agent(const CommandLine& command_line);
int check_config(const CommandLine& command_line);
int print_firewall(const CommandLine& command_line);
/// `policy list [FOLDER]` and `policy rules [FOLDER]`: from the objects, without the kernel.
int show_policy(const CommandLine& command_line);
int install(const CommandLine& command_line);

/// These ask the running agent.
int show_status(const CommandLine& command_line);
/// For a container's probes: 0 when the agent answers, or with `ready` when /readyz does with 200,
/// which a degraded agent does; else 1.
int answer_probe(const CommandLine& command_line);
int show_nodes(const CommandLine& command_line);
int resync(const CommandLine& command_line);
/// These, too; where no agent runs, they make a plan themselves and name the file that they used.
int show_plan(const CommandLine& command_line);
int show_diff(const CommandLine& command_line);
int show_explanation(const CommandLine& command_line);
/// `explain POD POD PORT`: what network policies say, from the folder of the configuration.
int explain_policies(const CommandLine& command_line);
/// Sends full-size packets that must not be fragmented.
int probe_node(const CommandLine& command_line);

/// A completion script for a shell.
int print_completion(const CommandLine& command_line);

/// Removes what plumbd made; refuses while one runs, unless forced.
int clean_up(const CommandLine& command_line);

}  // namespace agent
