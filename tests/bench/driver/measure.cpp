// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/driver/measure.h"

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace bench {
namespace {

constexpr int kWarmUps = 2;

/// One side while its case runs.
struct Runner {
  Side side = Side::kFloor;
  std::unique_ptr<Node> node;
  std::vector<std::string> results;  ///< by pod, of the last ADD
  bool out = false;
};

class Measurement {
 public:
  Measurement(const Case& what, const Places& places, bool quick)
      : what_(what), quick_(quick), iterations_(quick ? what.quick_iterations : what.iterations) {
    row_.what = what;
    for (const Side side : kSides) {
      for (const Verb verb : kVerbs) row_.cells[{verb, side}];
      add_runner(side, places);
    }
  }

  Row run() {
    for (int i = -kWarmUps; i < iterations_; ++i) iterate(i);
    if (what_.pods == 1) count_all();
    return std::move(row_);
  }

 private:
  void add_runner(Side side, const Places& places) {
    Runner runner{side, std::make_unique<Node>(side, what_, places), {}, false};
    runner.results.resize(what_.pods);
    if (quick_ && !what_.quick_reference && side == Side::kReference) {
      leave_out(runner, "left out by --quick");
    } else if (!runner.node->available()) {
      leave_out(runner, "not built");
    } else {
      guarded(runner, [&] { runner.node->prepare(); });
    }
    runners_.push_back(std::move(runner));
  }

  void iterate(int iteration) {
    for (const Verb verb : kVerbs)
      for (size_t i = 0; i < runners_.size(); ++i) {
        Runner& runner =
            runners_[(i + static_cast<size_t>(iteration + kWarmUps)) % runners_.size()];
        if (runner.out) continue;
        guarded(runner, [&] {
          const bool one = iteration < 0 || what_.pods == 1;
          const Sample sample = one ? single(runner, verb) : batch(runner, verb);
          if (iteration >= 0) row_.cells[{verb, runner.side}].samples.push_back(sample);
        });
      }
  }

  static Sample single(Runner& runner, Verb verb) {
    if (verb == Verb::kAdd) runner.node->renew();
    Sample whole;
    attach(runner, verb, [&](const Call& call) {
      Outcome outcome = bench::run(call);
      whole.wall_ms += outcome.cost.wall_ms;
      whole.cpu_ms += outcome.cost.cpu_ms;
      return outcome;
    });
    return whole;
  }

  /// Calls the plugins of the first pod's attachment by `run`, which returns an Outcome.
  template <typename Run>
  static void attach(Runner& runner, Verb verb, const Run& run) {
    const std::string added = runner.results[0];
    for (const Kind kind : runner.node->kinds(verb)) {
      const std::string& result = verb == Verb::kAdd ? runner.results[0] : added;
      keep(runner, verb, 0, run(runner.node->call(kind, verb, 0, result)));
    }
  }

  Sample batch(Runner& runner, Verb verb) const {
    std::vector<Call> calls;
    for (size_t pod = 0; pod < what_.pods; ++pod)
      calls.push_back(runner.node->call(what_.kind, verb, pod, runner.results[pod]));
    const Batch done = run_parallel(calls, kParallel);
    for (size_t pod = 0; pod < what_.pods; ++pod) keep(runner, verb, pod, done.outcomes[pod]);
    return done.cost;
  }

  static void keep(Runner& runner, Verb verb, size_t pod, const Outcome& outcome) {
    if (!outcome.ok) throw std::runtime_error(std::string(to_string(verb)) + ": " + outcome.output);
    runner.results[pod] = verb == Verb::kAdd ? outcome.output : "";
  }

  void count_all() {
    for (Runner& runner : runners_) {
      // under ptrace the reference takes half a minute to read a full store
      const bool too_long = quick_ && runner.side == Side::kReference && what_.reservations > 0;
      if (runner.out || too_long) continue;
      guarded(runner, [&] {
        for (const Verb verb : kVerbs) {
          if (verb == Verb::kAdd) runner.node->renew();
          Footprint& whole = row_.cells[{verb, runner.side}].footprint;
          attach(runner, verb, [&](const Call& call) {
            const Counted counted = count(call);
            whole.processes += counted.footprint.processes;
            whole.syscalls += counted.footprint.syscalls;
            whole.peak_kib = std::max(whole.peak_kib, counted.footprint.peak_kib);
            return counted.outcome;
          });
        }
      });
    }
  }

  template <typename Body>
  void guarded(Runner& runner, const Body& body) {
    try {
      body();
    } catch (const std::runtime_error& error) {
      leave_out(runner, error.what());
      for (const Verb verb : kVerbs) row_.cells[{verb, runner.side}].broken = true;
    }
  }

  void leave_out(Runner& runner, const std::string& why) {
    runner.out = true;
    for (const Verb verb : kVerbs)
      row_.cells[{verb, runner.side}] = {.samples = {}, .footprint = {}, .failure = why};
  }

  Case what_;
  bool quick_;
  int iterations_;
  Row row_;
  std::vector<Runner> runners_;
};

}  // namespace

Row measure(const Case& what, const Places& places, bool quick) {
  return Measurement(what, places, quick).run();
}

}  // namespace bench
