// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon.h"

#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <exception>

#include "agent/log.h"
#include "agent/version.h"
#include "libcni/base/sys_error.h"
#include "libcni/fabric/forward.h"
#include "libcni/fabric/hasten.h"
#include "libcni/fabric/traffic.h"

namespace agent {
namespace {

using Needed = Reconciler::Needed;
/// How long the source may take before the node is programmed from the cache.
constexpr std::chrono::seconds kPatience(5);
/// Somebody who clears /run is found out within this time.
constexpr std::chrono::seconds kLookAfterFiles(5);
/// Each look reads all routes of the kernel; after a change of plumbd's own it comes earlier.
constexpr std::chrono::milliseconds kLookForShadowsSoon(9000);
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

std::string count_of(const fabric::Report& report, fabric::Change::What what) {
  return std::to_string(std::ranges::count(report.changes, what, &fabric::Change::what));
}

}  // namespace

Daemon::Daemon(const Config& config)
    : config_(config),
      signals_(block_signals()),
      files_(config),
      cache_(config.state_dir, loop_),
      planning_(config, netlink_),
      reconciler_(loop_, std::chrono::seconds(config.resync_seconds)),
      speaker_(config.bgp, loop_, netlink_, [this] { reconciler_.poke(); }),
      watch_(netlink_, loop_,
             [this] {
               // A device of another program under the name of ours is gone: no rest for that.
               if (watch_.take_name_freed()) reconciler_.end_rests();
               if (has_snapshot_) reconciler_.poke(true);
             }),
      filter_watch_(loop_,
                    {.nft =
                         [this](net::nft::Nft& nft) {
                           const fabric::Desired& kernel = planning_.plan()->kernel;
                           return fabric::has_traffic_rules(nft, kernel.traffic) &&
                                  fabric::has_forward_rules(nft, kernel);
                         },
                     .legacy = [this] { return legacy_check_.is_right(planning_.plan()->kernel); }},
                    [this] { reconciler_.poke(true); }),
      old_wiring_(config.cni_conf),
      source_(make_source(config, loop_, [this] { take_snapshot(); })) {
  watch_signals();
  if (files_.restore()) log(LogLevel::debug, "files of the last run are in place");
  use_cache();
  add_drivers();
  listen_to_commands();
  listen();
  loop_.after(kLookAfterFiles, [this] { look_after_files(); });
}

Daemon::~Daemon() {
  loop_.forget(signals_.get());
}

Daemon::End Daemon::run() {
  log(LogLevel::info, std::string("plumbd ") + kVersion + " on node " + config_.node_name);
  if (config_.source == Config::SourceKind::etcd) publish();
  source_->start();
  loop_.run();
  cache_.flush();
  log(LogLevel::info, end_ == End::stop ? "stopped; the kernel stays as it is" : "reloading");
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
  planning_.remember(cached_->nodes);
  ::malloc_trim(0);
  loop_.after(kPatience, [this] {
    if (has_snapshot_) return;
    log(LogLevel::warning, "no source yet (" + source_->status().state +
                               "): this node is programmed from the cache, which is stale");
    has_snapshot_ = true;
    reconciler_.poke();
  });
}

void Daemon::take_snapshot() {
  has_snapshot_ = true;
  cached_.reset();
  reconciler_.poke();
}

void Daemon::add_drivers() {
  reconciler_.add("plan", Needed::always, [this] { return plan(); });
  reconciler_.add("kernel", Needed::once, [this] { return fix_kernel(); });
  reconciler_.add("files", Needed::no, [this] { return write_files(); });
  reconciler_.add("bird", Needed::no, [this] {
    const State& state = planning_.state();
    return speaker_.run(state.cluster, {state.self, state.underlay, state.options,
                                        fabric::routed_ranges(planning_.plan()->kernel)});
  });
  reconciler_.set_done([this] { after_round(); });
}

void Daemon::publish() {
  try {
    const fabric::Node self = planning_.find_self(source_->snapshot());
    if (self == published_) return;
    source_->publish(self);
    published_ = self;
  } catch (const std::exception& error) {
    log(LogLevel::warning, std::string("this node is not announced yet: ") + error.what());
  }
}

void Daemon::plan_again(Loop::TimerId& timer, std::optional<Loop::Clock::time_point> due) {
  loop_.cancel(timer);
  timer = 0;
  if (due)
    timer = loop_.after(std::chrono::ceil<std::chrono::milliseconds>(*due - Loop::Clock::now()),
                        [this] { reconciler_.poke(); });
}

DriverRun Daemon::plan() {
  watch_.follow_everything();
  const bool stale = cached_.has_value();
  planning_.run(stale ? *cached_ : source_->snapshot(), stale);
  log_new_problems();
  plan_again(valve_timer_, planning_.valve().due());
  plan_again(former_timer_, planning_.former().due());
  if (!stale) {
    publish();
    cache_.save_soon([this]() -> const Snapshot& { return planning_.state().cluster; });
  }
  return {.desired = planning_.state().cluster.nodes.size()};
}

DriverRun Daemon::fix_kernel() {
  kernel_read_ = false;
  const auto take_replaced = [this] {
    watch_.read();
    return watch_.take_lost_routes();
  };
  const fabric::Desired& kernel = planning_.plan()->kernel;
  fabric::Report earlier;
  if (const auto before = planning_.take_before())
    earlier = fabric::hasten(netlink_, *before, kernel);
  const auto apply = [&](const std::vector<base::Prefix>& lost) {
    report_ = fabric::apply(netlink_, kernel, config_.run_dir, lost);
    report_.changes.insert(report_.changes.begin(), earlier.changes.begin(), earlier.changes.end());
    report_.changed += earlier.changed;
    report_.removed += earlier.removed;
    report_.filter_seconds += earlier.filter_seconds;
  };
  apply(take_replaced());
  // What was replaced meanwhile had been ours, too.
  if (const auto lost = take_replaced(); !lost.empty()) {
    earlier = report_;
    apply(lost);
  }
  watch_.follow(planning_.state(), *planning_.plan(), report_.blocked);
  log_changes(report_);
  removed_ += report_.removed;
  routes_changed_ = routes_changed_ || report_.changed > 0;
  if (report_.filter_seconds > 0) filter_transactions_.add(report_.filter_seconds);
  filter_watch_.start();
  kernel_read_ = true;
  DriverRun run{.writes = report_.changed, .desired = report_.desired};
  if (!report_.errors.empty()) run.problem = report_.errors.front();
  if (report_.errors.size() > 1)
    run.problem += " (and " + std::to_string(report_.errors.size() - 1) + " more)";
  return run;
}

DriverRun Daemon::write_files() {
  const State& state = planning_.state();
  if (state.self.ranges.size() == state.former.size())
    return {.problem = "this node has no pod range yet"};
  int written = files_.write(planning_.plan()->file);
  if (files_.write_conflist(state.self.ranges)) {
    log(LogLevel::info, "wrote " + config_.cni_conf);
    ++written;
  }
  return {.writes = static_cast<std::size_t>(written), .desired = 4};
}

void Daemon::look_after_files() {
  loop_.after(kLookAfterFiles, [this] { look_after_files(); });
  listen_again();
  const auto files = std::ranges::find(reconciler_.status(), "files", &DriverStatus::name);
  if (files->done_once && files->problem.empty() && !files_.present()) reconciler_.poke();
  look_for_drops({});
  look_at_pods();
  const bool soon = routes_changed_ || !route_shadows_.problem().empty();
  look_for_shadows(soon ? kLookForShadowsSoon : std::chrono::seconds(config_.resync_seconds));
  log_new_problems();
}

void Daemon::look_for_shadows(std::chrono::milliseconds at_least) {
  if (!planning_.plan()) return;
  if (route_shadows_.look(netlink_, planning_.plan()->kernel, at_least)) routes_changed_ = false;
}

void Daemon::look_for_drops(std::chrono::milliseconds at_least) {
  if (!planning_.plan()) return;
  const auto& traffic = planning_.plan()->kernel.traffic;
  std::optional<fabric::Traffic> ranges;
  if (traffic)
    ranges = {.own_ranges = traffic->own_ranges, .cluster_ranges = traffic->cluster_ranges};
  forward_drops_.look(ranges, at_least);
}

void Daemon::look_at_pods() {
  if (!planning_.plan()) return;
  bridged_services_.look(netlink_, planning_.state().self.ranges);
  old_wiring_.look(netlink_, planning_.state().self.ranges);
}

void Daemon::after_round() {
  if (watch_.take_gateway_added() || !bridged_services_.knows(planning_.state().self.ranges))
    look_at_pods();
  const Health health(facts());
  const std::vector<std::string> lines = health.lines();
  source_->set_ready(health.ready(), health.ready() || lines.empty() ? "" : lines.front());
  if (planning_.plan()) log_new_problems();
  // What a whole list leaves behind: 3 MB with 5000 nodes. A single change would only have it
  // again.
  if (report_.changes.size() >= kWholeList) ::malloc_trim(0);
}

void Daemon::log_changes(const fabric::Report& report) {
  using What = fabric::Change::What;
  constexpr std::size_t kFew = 8;
  if (report.changes.empty()) return;
  if (report.changes.size() > kFew)
    return log(LogLevel::info, "kernel: " + count_of(report, What::add) + " added, " +
                                   count_of(report, What::replace) + " replaced, " +
                                   count_of(report, What::remove) + " removed");
  for (const fabric::Change& change : report.changes) {
    const char* verb = change.what == What::add       ? "added "
                       : change.what == What::replace ? "replaced "
                                                      : "removed ";
    log(LogLevel::info, std::string("kernel: ") + verb + change.object);
  }
}

std::vector<std::string> Daemon::all_problems() const {
  std::vector<std::string> all = planning_.problems();
  all.insert(all.end(), speaker_.problems().begin(), speaker_.problems().end());
  all.insert(all.end(), forward_drops_.texts().begin(), forward_drops_.texts().end());
  all.insert(all.end(), bridged_services_.problems().begin(), bridged_services_.problems().end());
  if (!old_wiring_.problem().empty()) all.push_back(old_wiring_.problem());
  all.insert(all.end(), route_shadows_.texts().begin(), route_shadows_.texts().end());
  std::ranges::sort(all);
  return all;
}

void Daemon::log_new_problems() {
  std::vector<std::string> now = all_problems();
  for (const std::string& line : now)
    if (!std::ranges::binary_search(problems_, line)) log(LogLevel::warning, line);
  for (const std::string& line : problems_)
    if (!std::ranges::binary_search(now, line)) log(LogLevel::info, "no longer: " + line);
  problems_ = std::move(now);
}

}  // namespace agent
