// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "libcni/firewall/masquerade.h"

namespace attach {

/// `ipMasqBackend` of a configuration; empty means ours to choose. Throws cni::Error 7 for others.
firewall::MasqueradeBackend parse_masquerade_backend(const std::string& text);

}  // namespace attach
