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

/// Reads a result of any supported version: its own `cniVersion`, else `assumed` (S-215, R-076).
/// Throws cni::Error: 1 for an unknown version, 6 for a wrong type or a null element (S-148, H-9).
/// `ips[].version` is not trusted, the address is (S-147); `ip` is `ips` in 0.3.0 (S-149).
cni::Result parse_result(const Object& object, cni::Version assumed);
cni::Result parse_result(std::string_view text, cni::Version assumed, std::string_view what);

/// The `routes` of `object`, a result or an IPAM configuration. Addresses that are none end with
/// code `wrong`.
std::vector<cni::Route> parse_routes(const Object& object, cni::Code wrong);
/// `object` as the member `dns` of such.
cni::Dns parse_dns(const Object& object);

/// `result` in the shape of `version`, indented by 4, no final newline (S-094, S-113 to S-120,
/// S-137 to S-145). Throws cni::Error(7) when that version cannot express it (S-144).
std::string print_result(const cni::Result& result, cni::Version version);
/// The same on one line, for prevResult and cache files.
std::string print_result_compact(const cni::Result& result, cni::Version version);

/// Throws cni::Error(7) when `version` cannot express `result`: no address, or two of one family,
/// below 0.3.0 (S-077). Call it before side effects.
void require_expressible(const cni::Result& result, cni::Version version);

/// The error object: cniVersion, code, msg, details (S-095); always valid UTF-8 (S-111).
std::string print_error(const cni::Error& error, cni::Version version);

/// A plugin's error object: nothing when `object` is none (no integer code).
std::optional<cni::Error> find_error(const Object& object);

/// `{"cniVersion":"1.1.0","supportedVersions":[...]}` with a newline (S-078).
std::string print_versions(std::span<const cni::Version> versions);

}  // namespace json
