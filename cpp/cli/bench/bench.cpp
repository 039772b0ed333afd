// The command `bench`: runs the plan, floor and ours in turn, and reports medians of paired ratios.
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <map>
#include <set>
#include <stdexcept>

#include "bench/placement.hpp"
#include "bench/plan.hpp"
#include "bench/record.hpp"
#include "clock.hpp"
#include "command.hpp"
#include "report.hpp"
#include "signals.hpp"

namespace zerobuffer::cli {
namespace bench {
namespace {

struct BenchOptions {
  std::string only;
  unsigned repetitions = 11;
  bool short_run = false;
  bool json = false;
};

/// How long and how often; a short run shows that everything works, and measures badly.
struct Effort {
  std::chrono::milliseconds half;
  std::size_t repetitions;
  std::size_t fresh_rings;
};

Effort effort_of(const BenchOptions& options) {
  if (options.short_run) return {std::chrono::milliseconds(10), 2, 3};
  return {std::chrono::milliseconds(60), options.repetitions, std::max<std::size_t>(15, options.repetitions)};
}

/// No new repetition is begun after this time.
constexpr std::uint64_t longest_run_ns = 48'000'000'000;

/// Steps of a repetition: pairs that are measured directly one after the other, and single workloads.
struct Step {
  const Comparison* comparison = nullptr;
  std::vector<std::string> workloads;
};

class BenchRun {
 public:
  explicit BenchRun(const BenchOptions& options)
      : start_ns_(monotonic_ns()),
        options_(options),
        effort_(effort_of(options)),
        comparisons_(all_comparisons()),
        placement_(options.short_run ? std::chrono::seconds(0) : Placement::patience) {
    for (Subject& subject : all_subjects()) {
      std::string name = subject.workload;
      order_.push_back(name);
      records_.emplace(std::move(name), Record{std::move(subject), {}});
    }
  }

  void run() {
    const std::vector<Step> steps = make_steps();
    for (std::size_t repetition = 0; repetition < std::max(effort_.repetitions, effort_.fresh_rings); ++repetition) {
      for (const Step& step : steps) {
        const bool in_itself = step.comparison != nullptr && step.comparison->floor.empty();
        if (repetition < (in_itself ? effort_.fresh_rings : effort_.repetitions)) take(step, repetition);
      }
      // A busy machine must not make it endless; the records say how many repetitions there were.
      if (monotonic_ns() - start_ns_ > longest_run_ns) break;
    }
    seconds_ = static_cast<double>(monotonic_ns() - start_ns_) * 1e-9;
  }

  void report() const {
    const Json machine = describe_machine();
    if (!options_.json) std::cout << "workload                 unit        median         min         max\n";
    for (const std::string& name : order_) {
      const Record& record = records_.at(name);
      if (record.repetitions.empty()) continue;
      if (options_.json) {
        print_json(record_json(record, machine));
      } else {
        const Spread spread = record.spread();
        std::cout << std::left << std::setw(25) << name << std::setw(6) << record.subject.unit << std::right
                  << std::fixed << std::setprecision(2) << std::setw(12) << spread.median << std::setw(12) << spread.min
                  << std::setw(12) << spread.max;
        if (const double p50 = record.p50(); p50 != 0)
          std::cout << "   (one: " << std::setprecision(0) << p50 << " ns)";
        std::cout << "\n";
      }
    }
    if (options_.json) {
      print_json(closing());
    } else {
      print_ratios();
    }
  }

 private:
  [[nodiscard]] std::vector<Step> make_steps() const {
    const auto wanted = [&](const std::string& name) { return options_.only.empty() || options_.only == name; };
    std::vector<Step> steps;
    std::set<std::string> covered;
    for (const Comparison& comparison : comparisons_) {
      if (!wanted(comparison.ours) && !wanted(comparison.ratio)) continue;
      Step step{&comparison, {comparison.ours}};
      if (!comparison.floor.empty()) step.workloads.push_back(comparison.floor);
      covered.insert(step.workloads.begin(), step.workloads.end());
      steps.push_back(std::move(step));
    }
    for (const std::string& name : order_) {
      if (wanted(name) && covered.count(name) == 0) steps.push_back({nullptr, {name}});
    }
    if (steps.empty()) {
      std::string names;
      for (const std::string& name : order_) names += " " + name;
      throw std::invalid_argument("no workload is called " + options_.only + "; there are:" + names);
    }
    return steps;
  }

  void take(const Step& step, std::size_t repetition) {
    std::map<std::string, double> values;
    // Who goes first changes from one repetition to the next.
    std::vector<std::string> workloads = step.workloads;
    if (repetition % 2 == 0) std::reverse(workloads.begin(), workloads.end());
    for (const std::string& name : workloads) {
      show_progress(name, repetition);
      Record& record = records_.at(name);
      record.repetitions.push_back(placement_.measure(record.subject.sides, effort_.half));
      values[name] = record.repetitions.back().value;
    }
    if (step.comparison == nullptr) return;
    const double floor = step.comparison->floor.empty() ? 1 : values.at(step.comparison->floor);
    ratios_[step.comparison->ratio].push_back(values.at(step.comparison->ours) / floor);
  }

  static void show_progress(const std::string& name, std::size_t repetition) {
    if (isatty(STDERR_FILENO) != 1) return;
    std::fprintf(stderr, "\rbench: repetition %zu: %s\x1b[K", repetition + 1, name.c_str());
    std::fflush(stderr);
  }

  [[nodiscard]] const char* placement() const { return placement_.far() ? "far" : "near"; }

  [[nodiscard]] static bool reached(const Comparison& comparison, double ratio) {
    return comparison.at_most ? ratio <= *comparison.target : ratio >= *comparison.target;
  }

  [[nodiscard]] bool gives_verdict(const Comparison& comparison) const {
    return comparison.target && !placement_.far() && !options_.short_run;
  }

  [[nodiscard]] Json closing() const {
    Json ratios = Json::object();
    Json spreads = Json::object();
    Json targets = Json::object();
    Json verdict = Json::object();
    for (const Comparison& comparison : comparisons_) {
      targets[comparison.ratio] =
          comparison.target ? Json{{comparison.at_most ? "at_most" : "at_least", *comparison.target}} : Json(nullptr);
      const auto found = ratios_.find(comparison.ratio);
      if (found == ratios_.end()) {
        ratios[comparison.ratio] = spreads[comparison.ratio] = verdict[comparison.ratio] = nullptr;
        continue;
      }
      const Spread spread = spread_of(found->second);
      ratios[comparison.ratio] = spread.median;
      spreads[comparison.ratio] = spread_json(spread);
      verdict[comparison.ratio] = gives_verdict(comparison) ? Json(reached(comparison, spread.median)) : Json(nullptr);
    }
    Json medians = Json::object();
    for (const std::string& name : order_) {
      const Record& record = records_.at(name);
      if (!record.repetitions.empty()) medians[name] = record.spread().median;
    }
    return {{"ratios", ratios},
            {"medians", medians},
            {"spread", spreads},
            {"placement", placement()},
            {"one_line_ns", placement_.best_probe_ns()},
            {"cpus", {placement_.cpus().first, placement_.cpus().second}},
            {"targets", targets},
            {"reached", verdict},
            {"short", options_.short_run},
            {"seconds", seconds_}};
  }

  void print_ratios() const {
    std::cout << "\nratio                                  median   (min ... max)       target\n";
    for (const Comparison& comparison : comparisons_) {
      const auto found = ratios_.find(comparison.ratio);
      if (found == ratios_.end()) continue;
      const Spread spread = spread_of(found->second);
      std::cout << std::left << std::setw(38) << comparison.ratio << std::right << std::fixed << std::setprecision(2)
                << std::setw(7) << spread.median << "   (" << spread.min << " ... " << spread.max << ")";
      if (comparison.target) std::cout << (comparison.at_most ? "   <= " : "   >= ") << *comparison.target;
      if (gives_verdict(comparison)) std::cout << (reached(comparison, spread.median) ? "  reached" : "  missed");
      std::cout << "\n";
    }
    std::cout << "\nplacement: " << placement() << " (one cache line there and back: " << std::setprecision(0)
              << placement_.best_probe_ns() << " ns at best";
    if (placement_.far()) std::cout << ", near is below " << Placement::near_ns << " ns; no verdict";
    std::cout << "), " << std::setprecision(1) << seconds_ << " s\n";
  }

  std::uint64_t start_ns_;  // first, since looking for near CPUs takes its time too
  const BenchOptions& options_;
  Effort effort_;
  std::vector<Comparison> comparisons_;
  Placement placement_;
  std::vector<std::string> order_;
  std::map<std::string, Record> records_;
  std::map<std::string, std::vector<double>> ratios_;
  double seconds_ = 0;
};

ExitCode run_bench(const BenchOptions& options) {
  Outcome outcome;
  try {
    BenchRun bench(options);
    bench.run();
    if (isatty(STDERR_FILENO) == 1) std::fputs("\r\x1b[K", stderr);
    bench.report();
  } catch (const std::invalid_argument& error) {
    outcome = {ExitCode::usage, "invalid_argument", error.what()};
  } catch (const std::runtime_error& error) {
    if (stop_requested()) return stop_exit_code();
    outcome = {ExitCode::failed, "failed", error.what()};
  }
  print_message("bench", "", outcome);
  return outcome.exit_code;
}

}  // namespace
}  // namespace bench

void add_bench_command(CLI::App& program, ExitCode& exit_code) {
  auto options = std::make_shared<bench::BenchOptions>();
  CLI::App* command = program.add_subcommand(
      "bench", "Measure between two processes what the machine can do and what the library makes of it");
  command->add_option("--only", options->only, "Only this workload (and what it is compared with)")
      ->type_name("WORKLOAD");
  command->add_option("--repetitions", options->repetitions, "Measure each pair so often, at least 7")
      ->check(CLI::Range(7, 1000))
      ->capture_default_str();
  command->add_flag("--short", options->short_run, "Show only that everything works; the figures are worth nothing");
  command->add_flag("--json", options->json, "A JSON line for each workload and a closing one with the ratios");
  command->footer(exit_code_table());
  command->callback([options, &exit_code] { exit_code = bench::run_bench(*options); });
}

}  // namespace zerobuffer::cli
