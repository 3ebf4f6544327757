// SPDX-License-Identifier: Apache-2.0
#include "agent/source.h"

#include "libcni/spec/error.h"

namespace agent {

std::unique_ptr<Source> make_source(const Config& config, Loop& loop, OnChange on_change) {
  switch (config.source) {
    case Config::SourceKind::file:
      return make_file_source(config, loop, std::move(on_change));
    case Config::SourceKind::etcd:
      return make_etcd_source(config, loop, std::move(on_change));
    case Config::SourceKind::kubernetes:
      break;
  }
  throw cni::Error(cni::Code::invalid_config,
                   "key \"source\" must be file or etcd in this version");
}

}  // namespace agent
