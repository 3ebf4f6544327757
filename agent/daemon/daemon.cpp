// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/daemon.h"

#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <exception>

#include "agent/config/version.h"
#include "agent/loop/log.h"
#include "libcni/base/sys_error.h"
#include "libcni/fabric/delta.h"
#include "libcni/fabric/forward.h"
#include "libcni/fabric/traffic.h"
#include "libcni/log/log.h"

namespace agent {
namespace {

using Needed = Reconciler::Needed;
/// The time for the source to answer before the node is programmed from the cache.
constexpr std::chrono::seconds kPatience(5);
/// The interval of checks without an event: removed files, chains and routes of other programs.
constexpr std::chrono::seconds kRegularLook(5);
constexpr std::size_t kWholeList = 1000;  ///< changes of the kernel

base::UniqueFd block_signals() {
  sigset_t handled;
  sigemptyset(&handled);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&handled, signal);
  if (::sigprocmask(SIG_BLOCK, &handled, nullptr) != 0) base::throw_errno("block signals");
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // RLIMIT_FSIZE: a write fails with EFBIG instead
  base::UniqueFd fd(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) base::throw_errno("create signalfd");
  return fd;
}

}  // namespace

Daemon::Daemon(const Config& config)
    : config_(config),
      signals_(block_signals()),
      files_(config),
      cache_(config.state_dir, loop_),
      planner_(config, netlink_),
      reconciler_(loop_, std::chrono::seconds(config.resync_seconds)),
      speaker_(config.bgp, loop_, netlink_, [this] { reconciler_.request_round(); }),
      watch_(netlink_, loop_,
             [this] {
               // Another program's device with our name is gone: retry at once.
               if (watch_.take_name_freed()) reconciler_.end_rests();
               if (has_snapshot_) reconciler_.request_round(true);
             }),
      kernel_(netlink_, watch_, config.run_dir),
      policies_(config, loop_,
                [this] {
                  reconciler_.end_rests();  // a file that could not be read may be right now
                  reconciler_.request_round();
                }),
      filter_watch_(loop_,
                    {.nft = [this](nft::Nft& nft) { return has_traffic_rules(nft); },
                     .legacy = [this] { return legacy_check_.is_right(planner_.plan()->kernel); }},
                    [this] { reconciler_.request_round(true); }),
      obstacles_(netlink_, planner_, config),
      source_(make_source(config, loop_, [this] { take_snapshot(); })),
      publication_(planner_, *source_),
      answers_({config_, netlink_, planner_, reconciler_, *source_, cache_, watch_, kernel_, files_,
                bridged_services_, speaker_, obstacles_, listener_problems_}),
      listeners_(
          config_, loop_, listener_problems_,
          {.commands =
               [this](const HttpQuestion& question) { return answers_.to_command(question); },
           .anyone =
               [this](const HttpQuestion& question) { return answers_.to_anyone(question); }}) {
  watch_signals();
  if (files_.restore()) log(LogLevel::debug, "files of the last run are in place");
  use_cache();
  add_drivers();
  loop_.after(kRegularLook, [this] { look_regularly(); });
}

Daemon::~Daemon() {
  loop_.forget(signals_.get());
}

Daemon::End Daemon::run() {
  log(LogLevel::info, std::string("plumbd ") + kVersion + " on node " + config_.node_name);
  if (config_.source == Config::SourceKind::etcd) announce();
  source_->start();
  loop_.run();
  cache_.flush();
  logging::report_repeats(true);
  log(LogLevel::info,
      end_ == End::stop ? "stopped; routes, tunnels and rules stay in the kernel" : "reloading");
  return end_;
}

void Daemon::watch_signals() {
  loop_.watch(signals_.get(), EPOLLIN, [this](Loop::Events) {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      end_ = info.ssi_signo == SIGHUP ? End::reload : End::stop;
      loop_.stop();
    }
  });
}

void Daemon::use_cache() {
  try {
    cached_ = cache_.load();
  } catch (const std::exception& error) {
    log(LogLevel::warning, std::string("cache is not used: ") + error.what());
  }
  if (!cached_) return;
  planner_.remember(cached_->nodes);
  ::malloc_trim(0);
  loop_.after(kPatience, [this] {
    if (has_snapshot_) return;
    log(LogLevel::warning,
        "the source has not answered yet (" + source_->status().state +
            "): this node is programmed from the cache, which may be out of date");
    has_snapshot_ = true;
    reconciler_.request_round();
  });
}

void Daemon::take_snapshot() {
  has_snapshot_ = true;
  cached_.reset();
  reconciler_.request_round();
}

void Daemon::add_drivers() {
  reconciler_.add("plan", Needed::always, [this] { return plan(); });
  if (config_.source != Config::SourceKind::file)
    reconciler_.add("publish", Needed::no, [this] { return publish(); });
  // A node whose policies were never loaded must not offer a network to pods.
  if (policies_.enabled())
    reconciler_.add("policy", Needed::once, [this] { return enforce_policies(); });
  reconciler_.add("kernel", Needed::once, [this] { return fix_kernel(); });
  reconciler_.add("files", Needed::no, [this] { return write_files(); });
  reconciler_.add("bird", Needed::no, [this] { return run_bird(); });
  reconciler_.set_done([this] { after_round(); });
}

/// Publishes this node before the first plan, also while the cache is in use: etcd gives it ranges
/// only after that.
void Daemon::announce() {
  try {
    publication_.run();
  } catch (const std::exception& error) {
    log(LogLevel::warning, std::string("cannot publish this node yet: ") + error.what());
  }
}

DriverRun Daemon::publish() {
  if (cached_) return {};
  return publication_.run();
}

DriverRun Daemon::enforce_policies() {
  return policies_.run({config_.node_name, planner_.state().self.ranges});
}

void Daemon::plan_again(Loop::TimerId& timer, std::optional<Loop::Clock::time_point> due) {
  loop_.cancel(timer);
  timer = 0;
  if (due)
    timer = loop_.after(std::chrono::ceil<std::chrono::milliseconds>(*due - loop_.now()),
                        [this] { reconciler_.request_round(); });
}

DriverRun Daemon::plan() {
  watch_.follow_everything();
  const bool stale = cached_.has_value();
  planner_.run(stale ? *cached_ : source_->snapshot(), stale);
  log_new_problems();
  plan_again(valve_timer_, planner_.valve().due());
  plan_again(former_timer_, planner_.former().due());
  if (!stale) cache_.save_soon([this]() -> const Snapshot& { return planner_.state().cluster; });
  return {.desired = planner_.state().cluster.nodes.size()};
}

DriverRun Daemon::fix_kernel() {
  const DriverRun run = kernel_.run(planner_);
  if (kernel_.report().changed > 0) obstacles_.expect_shadows();
  filter_watch_.start();
  return run;
}

DriverRun Daemon::run_bird() {
  const State& state = planner_.state();
  return speaker_.run(state.cluster, {state.self, state.underlay, state.options,
                                      fabric::routed_ranges(planner_.plan()->kernel)});
}

bool Daemon::has_traffic_rules(nft::Nft& nft) {
  const fabric::Desired& kernel = planner_.plan()->kernel;
  return fabric::has_traffic_rules(nft, kernel.traffic) && fabric::has_forward_rules(nft, kernel) &&
         policies_.is_right(nft);
}

DriverRun Daemon::write_files() {
  const State& state = planner_.state();
  if (state.self.ranges.size() == state.former.size())
    return {.problem = "this node has no pod range yet"};
  int written = files_.write(planner_.plan()->file);
  if (files_.write_conflist(state.self.ranges)) {
    log(LogLevel::info, "wrote " + config_.cni_conf);
    ++written;
  }
  return {.writes = static_cast<std::size_t>(written), .desired = 4};
}

void Daemon::look_regularly() {
  loop_.after(kRegularLook, [this] { look_regularly(); });
  logging::report_repeats();
  listeners_.look();
  const auto files = std::ranges::find(reconciler_.status(), "files", &DriverStatus::name);
  if (files->done_once && files->problem.empty() && !files_.present()) reconciler_.request_round();
  if (planner_.plan()) bridged_services_.look(netlink_, planner_.state().self.ranges);
  obstacles_.look();
  log_new_problems();
}

void Daemon::look_at_pods() {
  if (!planner_.plan()) return;
  bridged_services_.look(netlink_, planner_.state().self.ranges);
  obstacles_.look_at_wiring();
}

void Daemon::after_round() {
  if (watch_.take_gateway_added() || !bridged_services_.has_looked_at(planner_.state().self.ranges))
    look_at_pods();
  const Health health = answers_.health();
  const std::vector<std::string> lines = health.lines();
  source_->set_ready(health.ready(), health.ready() || lines.empty() ? "" : lines.front());
  if (planner_.plan()) log_new_problems();
  // Return the memory of a whole list: 3 MB with 5000 nodes. After a single change it would only be
  // allocated again.
  if (kernel_.report().changes.size() >= kWholeList) ::malloc_trim(0);
}

void Daemon::log_new_problems() {
  std::vector<std::string> now = planner_.problems();
  for (const auto& more : {speaker_.problems(), policies_.problems(), bridged_services_.problems(),
                           obstacles_.texts()})
    now.insert(now.end(), more.begin(), more.end());
  std::ranges::sort(now);
  for (const std::string& line : now)
    if (!std::ranges::binary_search(problems_, line)) log(LogLevel::warning, line);
  for (const std::string& line : problems_)
    if (!std::ranges::binary_search(now, line)) log(LogLevel::info, "no longer: " + line);
  problems_ = std::move(now);
}

}  // namespace agent
