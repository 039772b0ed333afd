// See runner.hpp.
#include "bench/runner.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <stdexcept>

#include "bench/placement.hpp"
#include "bench/results.hpp"
#include "clock.hpp"
#include "report.hpp"
#include "signals.hpp"

namespace zerobuffer::cli::bench {
namespace {

/// For the brief plan, where nobody asked for another limit.
constexpr double brief_limit_s = 48;

bool is_brief(const BenchOptions& options) { return options.only.empty() && options.groups.empty() && !options.all; }

/// How long and how often; a short run shows that everything works, and measures badly.
struct Effort {
  std::chrono::milliseconds half;
  std::size_t repetitions;
  std::size_t fresh;  ///< of what is a ratio in itself
};

Effort effort_of(const BenchOptions& options) {
  if (options.short_run) {
    const std::size_t repetitions = is_brief(options) ? 2 : 1;
    return {std::chrono::milliseconds(10), repetitions, repetitions};
  }
  return {std::chrono::milliseconds(60), options.repetitions, std::max<std::size_t>(15, options.repetitions)};
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_names(const Plan& plan, const BenchOptions& options) {
  std::set<std::string> names;
  std::set<std::string> families;
  for (const Subject& subject : plan.subjects) {
    if (!names.insert(subject.workload).second) throw std::logic_error("two workloads are called " + subject.workload);
    families.insert(subject.family);
  }
  std::set<std::string> known = names;
  for (const Comparison& comparison : plan.comparisons) {
    if (!known.insert(comparison.ratio).second && names.count(comparison.ratio) == 0)
      throw std::logic_error("two ratios are called " + comparison.ratio);
    for (const std::string& name : {comparison.ours, comparison.floor})
      if (!name.empty() && names.count(name) == 0) throw std::logic_error("no workload is called " + name);
  }
  const auto refuse = [](const std::string& what, const std::set<std::string>& there) {
    std::string text = what + "; there are:";
    for (const std::string& name : there) text += " " + name;
    throw std::invalid_argument(text);
  };
  for (const std::string& name : options.only)
    if (known.count(name) == 0) refuse("no workload is called " + name, names);
  for (const std::string& name : options.groups)
    if (families.count(name) == 0) refuse("no group is called " + name, families);
}

/// The part of the plan that was asked for: workloads, what they are compared with, and these comparisons.
Plan chosen_from(const Plan& plan, const BenchOptions& options) {
  check_names(plan, options);
  std::map<std::string, const Subject*> subjects;
  for (const Subject& subject : plan.subjects) subjects[subject.workload] = &subject;
  const auto wanted = [&](const Subject& subject) {
    return options.all || (is_brief(options) && subject.brief) || contains(options.only, subject.workload) ||
           contains(options.groups, subject.family);
  };
  Plan chosen;
  std::set<std::string> needed;
  for (const Comparison& comparison : plan.comparisons) {
    const Subject& ours = *subjects.at(comparison.ours);
    const Subject* floor = comparison.floor.empty() ? nullptr : subjects.at(comparison.floor);
    if (!wanted(ours) && !contains(options.only, comparison.ratio)) continue;
    if (is_brief(options) && floor != nullptr && !floor->brief) continue;
    needed.insert(comparison.ours);
    if (floor != nullptr) needed.insert(comparison.floor);
    chosen.comparisons.push_back(comparison);
  }
  for (const Subject& subject : plan.subjects)
    if (wanted(subject) || needed.count(subject.workload) != 0) chosen.subjects.push_back(subject);
  return chosen;
}

/// Steps of a repetition: pairs that are measured directly one after the other, and single workloads.
struct Step {
  const Comparison* comparison = nullptr;
  std::vector<std::string> workloads;
};

class BenchRun {
 public:
  BenchRun(const Plan& plan, const BenchOptions& options)
      : options_(options),
        start_ns_(monotonic_ns()),
        effort_(effort_of(options)),
        results_(chosen_from(plan, options)),
        placement_(options.short_run ? std::chrono::seconds(0) : Placement::patience) {
    std::set<std::string> covered;
    for (const Comparison& comparison : results_.comparisons()) {
      Step step{&comparison, {comparison.ours}};
      if (!comparison.floor.empty()) step.workloads.push_back(comparison.floor);
      covered.insert(step.workloads.begin(), step.workloads.end());
      steps_.push_back(std::move(step));
    }
    for (const std::string& name : results_.names())
      if (covered.count(name) == 0) steps_.push_back({nullptr, {name}});
  }

  void run() {
    for (std::size_t repetition = 0; repetition < std::max(effort_.repetitions, effort_.fresh); ++repetition) {
      for (const Step& step : steps_) {
        const bool in_itself = step.comparison != nullptr && step.comparison->floor.empty();
        if (repetition >= (in_itself ? effort_.fresh : effort_.repetitions)) continue;
        // Everything is measured once; then the time counts, and the records say how many repetitions there were.
        if (repetition > 0 && out_of_time()) return;
        take(step, repetition);
      }
    }
  }

  void report() const {
    const bool verdicts = !placement_.far() && !options_.short_run;
    if (options_.json) {
      results_.print_json_lines(placement_, verdicts, options_.short_run, seconds());
    } else {
      results_.print(placement_, verdicts, seconds());
    }
  }

 private:
  [[nodiscard]] double seconds() const { return static_cast<double>(monotonic_ns() - start_ns_) * 1e-9; }

  [[nodiscard]] bool out_of_time() const {
    const double limit = options_.limit_s == 0 && is_brief(options_) ? brief_limit_s : options_.limit_s;
    return limit != 0 && seconds() > limit;
  }

  void take(const Step& step, std::size_t repetition) {
    std::map<std::string, double> values;
    // Who goes first changes from one repetition to the next.
    std::vector<std::string> workloads = step.workloads;
    if (repetition % 2 == 0) std::reverse(workloads.begin(), workloads.end());
    for (const std::string& name : workloads) {
      if (results_.is_not_run(name)) continue;
      if (options_.short_run && results_.repetitions(name) > repetition) {
        values[name] = results_.last(name);  // once has shown that it works
        continue;
      }
      show_progress(name, repetition);
      try {
        const Measurement measurement = placement_.measure(results_.subject(name).sides, effort_.half);
        results_.add(name, measurement);
        values[name] = measurement.value;
      } catch (const NotRun& reason) {
        results_.add_not_run(name, reason.what());
      } catch (const std::runtime_error& error) {
        throw std::runtime_error(name + ": " + error.what());
      }
    }
    if (step.comparison == nullptr || values.size() < step.workloads.size()) return;
    const double floor = step.comparison->floor.empty() ? 1 : values.at(step.comparison->floor);
    results_.add_ratio(step.comparison->ratio, values.at(step.comparison->ours) / floor);
  }

  static void show_progress(const std::string& name, std::size_t repetition) {
    if (isatty(STDERR_FILENO) != 1) return;
    std::fprintf(stderr, "\rbench: repetition %zu: %s\x1b[K", repetition + 1, name.c_str());
    std::fflush(stderr);
  }

  const BenchOptions& options_;
  std::uint64_t start_ns_;  // before the placement, since looking for near CPUs takes its time too
  Effort effort_;
  Results results_;
  Placement placement_;
  std::vector<Step> steps_;
};

}  // namespace

void add_bench_options(CLI::App& command, BenchOptions& options) {
  command.add_option("--only", options.only, "Only this workload, and what it is compared with (repeatable)")
      ->type_name("WORKLOAD");
  command.add_option("--group", options.groups, "All workloads of this family, and their floors (repeatable)")
      ->type_name("FAMILY");
  command.add_flag("--all", options.all, "All workloads");
  command.add_option("--repetitions", options.repetitions, "Measure each pair so often, at least 7")
      ->check(CLI::Range(7, 1000))
      ->capture_default_str();
  command
      .add_option("--limit-s", options.limit_s,
                  "After so many seconds nothing is measured again (48 where neither workloads nor families are named)")
      ->check(CLI::PositiveNumber)
      ->type_name("SECONDS");
  command.add_flag("--short", options.short_run, "Show only that everything works; the figures are worth nothing");
  command.add_flag("--json", options.json, "A JSON line for each workload and a closing one with the ratios");
  command.footer(exit_code_table());
}

ExitCode run_plan(const Plan& plan, const BenchOptions& options) {
  Outcome outcome;
  try {
    BenchRun bench(plan, options);
    bench.run();
    if (isatty(STDERR_FILENO) == 1) std::fputs("\r\x1b[K", stderr);
    bench.report();
  } catch (const std::invalid_argument& error) {
    outcome = {ExitCode::usage, "invalid_argument", error.what()};
  } catch (const std::exception& error) {
    if (stop_requested()) return stop_exit_code();
    outcome = {ExitCode::failed, "failed", error.what()};
  }
  print_message("bench", "", outcome);
  return outcome.exit_code;
}

}  // namespace zerobuffer::cli::bench
