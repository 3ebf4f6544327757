// SPDX-License-Identifier: Apache-2.0
#include "libcni/attach/masquerade.h"

#include "libcni/spec/error.h"

namespace attach {

firewall::MasqueradeBackend parse_masquerade_backend(const std::string& text) {
  const auto backend = firewall::find_masquerade_backend(text);
  if (!backend)
    throw cni::Error(cni::Code::invalid_config, "unknown ipmasq backend \"" + text + "\"",
                     "key ipMasqBackend: must be \"nftables\" or \"iptables\"");
  return *backend;
}

}  // namespace attach
