// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libcni/json/object.h"
#include "libcni/spec/error.h"
#include "libcni/spec/result.h"
#include "libcni/spec/version.h"

namespace json {

/// Reads a result of any supported version: its own `cniVersion`, else `assumed`. Throws
/// cni::Error: 1 for an unknown version, 6 for a wrong type or a null element. The address decides
/// the family, not `ips[].version`. In 0.3.0 `ips` may be called `ip`.
cni::Result parse_result(const Object& object, cni::Version assumed);
cni::Result parse_result(std::string_view text, cni::Version assumed, std::string_view what);

/// Reads the `routes` of `object`, a result or an IPAM configuration. Throws code `wrong` for an
/// invalid address.
std::vector<cni::Route> parse_routes(const Object& object, cni::Code wrong);
/// Reads `object`, the member `dns` of a result or an IPAM configuration.
cni::Dns parse_dns(const Object& object);

/// `result` in the shape of `version`, indented by 4, no final newline. Throws cni::Error(7) when
/// that version cannot express it.
std::string print_result(const cni::Result& result, cni::Version version);
/// The same on one line, for prevResult and cache files.
std::string print_result_compact(const cni::Result& result, cni::Version version);

/// Throws cni::Error(7) when `version` cannot express `result`: below 0.3.0, no address or two of
/// one family. Call it before side effects.
void require_expressible(const cni::Result& result, cni::Version version);

/// The error object: cniVersion, code, msg, details; always valid UTF-8.
std::string print_error(const cni::Error& error, cni::Version version);

/// Reads the error object of a plugin; nothing when `object` is not one (without an integer code).
std::optional<cni::Error> find_error(const Object& object);

/// `{"cniVersion":"1.1.0","supportedVersions":[...]}` with a newline.
std::string print_versions(std::span<const cni::Version> versions);

}  // namespace json
