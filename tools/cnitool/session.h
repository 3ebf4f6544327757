// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libcni/runtime/cni.h"
#include "tools/cnitool/options.h"

namespace cnitool {

/// One network and the attachment to make, check or remove.
struct Target {
  runtime::NetworkList list;
  runtime::RuntimeConf conf;
};

/// The positional words of a verb, by meaning.
struct Words {
  std::vector<std::string> networks;
  std::string netns;  ///< absolute; empty when none was given
};

/// Runtime options, with an observer that forwards plugins' standard error and logs steps.
runtime::RuntimeOptions runtime_options(const Options& options);

/// `NET[,NET...] NETNS`, with --netns only networks, with --all or --conf only NETNS. Throws
/// UsageError with the usage line when something is missing.
Words read_words(const Options& options);

/// The networks that the first word names.
std::vector<std::string> networks_of(const Options& options);

/// The network `name` of the configuration directory, or of --conf. Its warnings go to standard
/// error.
runtime::NetworkList load_network(const Options& options, const std::string& name);

/// Every valid network of the configuration directory, in the order of the files.
std::vector<runtime::NetworkList> load_all_networks(const Options& options);

/// CAP_ARGS, --cap-file and --cap, then CNI_ARGS and --args, into `conf`: in this order, so that
/// the first reported mistake is the same as with the reference.
void read_arguments(const Options& options, runtime::RuntimeConf& conf);

/// The interface name of the `index`th network: the given one, else the last one with its number
/// counted up.
std::string ifname_of(const Options& options, std::size_t index);

/// Networks and attachments of ADD, CHECK and DEL in order. DEL and CHECK take a network from the
/// cache if its file is missing, and with --all always.
std::vector<Target> resolve_targets(const Options& options);

/// Writes a line to standard error: `cnitool: ...`, and `cnitool: warning: ...`.
void note(const std::string& line);
void warn(const std::string& line);

/// Reads the file; `-` is standard input. Throws NotFound when the file does not exist.
std::string read_input(const std::string& file);

}  // namespace cnitool
