// SPDX-License-Identifier: Apache-2.0
#include "agent/source/source.h"

#include <stdexcept>

namespace agent {

std::unique_ptr<Source> make_source(const Config& config, Loop& loop, OnChange on_change) {
  switch (config.source) {
    case Config::SourceKind::file:
      return make_file_source(config, loop, std::move(on_change));
    case Config::SourceKind::etcd:
      return make_etcd_source(config, loop, std::move(on_change));
    case Config::SourceKind::kubernetes:
      return make_kubernetes_source(config, loop, std::move(on_change));
  }
  throw std::logic_error("an unknown source");
}

}  // namespace agent
