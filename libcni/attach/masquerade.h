// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/firewall/masquerade.h"

namespace attach {

/// Parses `ipMasqBackend` of a configuration; empty means the default. Throws cni::Error 7 for an
/// unknown word.
firewall::MasqueradeBackend parse_masquerade_backend(const std::string& text);

}  // namespace attach
