// SPDX-License-Identifier: Apache-2.0
#include "agent/source/kubernetes/source.h"

#include <utility>

namespace agent::kubernetes {

KubernetesSource::KubernetesSource(const Config& config, Loop& loop, OnChange on_change,
                                   Timing timing)
    : config_(config),
      loop_(loop),
      on_change_(std::move(on_change)),
      api_(config_.kubernetes, timing, loop),
      nodes_(
          config_, [this] { changed(); }, [this] { publisher_.shown(nodes_.self()); }),
      services_([this] { changed(); }),
      endpoints_([this] { changed(); }),
      publisher_(api_, config_),
      node_watch_(api_, {"nodes", "/api/v1/nodes"}, nodes_, [this] { changed(); }),
      service_watch_(api_, {"services", "/api/v1/services"}, services_, [this] { changed(); }),
      endpoint_watch_(api_, {"endpointslices", "/apis/discovery.k8s.io/v1/endpointslices"},
                      endpoints_, [this] { changed(); }) {}

KubernetesSource::~KubernetesSource() {
  loop_.cancel(timer_);
}

void KubernetesSource::start() {
  node_watch_.start();
  if (!config_.kubernetes.watch_services) return;
  service_watch_.start();
  endpoint_watch_.start();
}

bool KubernetesSource::is_complete() const {
  // Without the right to list services the list never comes: nodes do not wait for it.
  const auto known = [](const ListWatchStatus& status) {
    return status.listed || status.forbidden;
  };
  return node_watch_.status().listed &&
         (!config_.kubernetes.watch_services ||
          (known(service_watch_.status()) && known(endpoint_watch_.status())));
}

// Called while an answer is read; the pieces of one turn become one snapshot.
void KubernetesSource::changed() {
  if (timer_ != 0) return;
  timer_ = loop_.after(std::chrono::milliseconds(0), [this] {
    timer_ = 0;
    rebuild();
  });
}

void KubernetesSource::rebuild() {
  if (!is_complete()) return;
  Snapshot fresh{.problems = nodes_.problems()};
  const auto& warnings = api_.warnings();
  fresh.problems.insert(fresh.problems.end(), warnings.begin(), warnings.end());
  for (const ListWatch* watch : {&service_watch_, &endpoint_watch_})
    if (watch->status().forbidden) fresh.problems.push_back(watch->status().trouble);
  for (const auto& [name, service] : services_.services()) {
    fresh.services.push_back(service);
    if (service.local_policy || service.internal_local_policy)
      fresh.services.back().endpoint_nodes = endpoints_.nodes_of(name);
  }
  const bool same = fresh.problems == snapshot_.problems && fresh.services == snapshot_.services &&
                    nodes_.nodes() == snapshot_.nodes;
  if (std::exchange(reported_, true) && same) return;
  snapshot_.problems = std::move(fresh.problems);
  snapshot_.services = std::move(fresh.services);
  publisher_.peers(nodes_.nodes());
  snapshot_.nodes = nodes_.nodes();  // in place: another 5000 of them would be 1.2 MB for a moment
  on_change_();
}

std::vector<const ListWatch*> KubernetesSource::watches() const {
  if (!config_.kubernetes.watch_services) return {&node_watch_};
  return {&node_watch_, &service_watch_, &endpoint_watch_};
}

SourceStatus KubernetesSource::status() const {
  SourceStatus status{.in_sync = is_complete()};
  for (const ListWatch* watch : watches()) {
    const ListWatchStatus& of = watch->status();
    status.in_sync = status.in_sync && of.following;
    status.relists += of.relists;
    status.watch_restarts += of.watch_restarts;
    status.parsed_bytes += of.parsed_bytes;
    // The time of the watch that has been silent longest.
    status.last_word =
        watch == watches().front() ? of.last_word : std::min(status.last_word, of.last_word);
    status.errors += of.errors;
    if (!of.trouble.empty()) status.state += (status.state.empty() ? "" : "; ") + of.state;
  }
  if (status.state.empty()) status.state = node_watch_.status().state;
  if (!publisher_.trouble().empty()) status.state += "; " + publisher_.trouble();
  return status;
}

}  // namespace agent::kubernetes

namespace agent {

std::unique_ptr<Source> make_kubernetes_source(const Config& config, Loop& loop,
                                               OnChange on_change) {
  return std::make_unique<kubernetes::KubernetesSource>(config, loop, std::move(on_change));
}

}  // namespace agent
