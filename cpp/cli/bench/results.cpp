// See results.hpp.
#include "bench/results.hpp"

#include <algorithm>
#include <iomanip>
#include <iostream>

namespace zerobuffer::cli::bench {
namespace {

bool reached(const Comparison& comparison, double ratio) {
  return comparison.at_most ? ratio <= *comparison.target : ratio >= *comparison.target;
}

const char* word_of(const Placement& placement) { return placement.far() ? "far" : "near"; }

/// As wide as the longest name, and a little more.
template <class Things, class Name>
int width_of(const Things& things, Name name) {
  std::size_t longest = 20;
  for (const auto& thing : things) longest = std::max(longest, std::string(name(thing)).size());
  return static_cast<int>(longest) + 2;
}

}  // namespace

Results::Results(Plan chosen) : comparisons_(std::move(chosen.comparisons)) {
  for (Subject& subject : chosen.subjects) {
    std::string name = subject.workload;
    order_.push_back(name);
    records_.emplace(std::move(name), Record{std::move(subject), {}});
  }
}

void Results::print_table() const {
  const int width = width_of(order_, [](const std::string& name) { return name; });
  std::cout << std::left << std::setw(width) << "workload" << std::setw(6) << "unit" << std::right << std::setw(12)
            << "median" << std::setw(12) << "min" << std::setw(12) << "max"
            << "\n";
  for (const std::string& name : order_) {
    const Record& record = records_.at(name);
    if (record.repetitions.empty()) continue;
    const Spread spread = record.spread();
    std::cout << std::left << std::setw(width) << name << std::setw(6) << record.subject.unit << std::right
              << std::fixed << std::setprecision(2) << std::setw(12) << spread.median << std::setw(12) << spread.min
              << std::setw(12) << spread.max;
    const Latency latency = record.latency();
    if (latency.taken() && record.subject.unit != "ns")
      std::cout << "   (one: " << std::setprecision(0) << latency.at(0.5) << " ns)";
    std::cout << "\n";
  }
  for (const auto& [name, reason] : not_run_) std::cout << name << " not run: " << reason << "\n";
}

void Results::print_ratios(bool verdicts) const {
  const int width = width_of(comparisons_, [](const Comparison& comparison) { return comparison.ratio; });
  std::cout << "\n"
            << std::left << std::setw(width) << "ratio" << std::right << std::setw(8) << "median"
            << "   (min ... max)       target\n";
  for (const Comparison& comparison : comparisons_) {
    const auto found = ratios_.find(comparison.ratio);
    if (found == ratios_.end()) continue;
    const Spread spread = spread_of(found->second);
    std::cout << std::left << std::setw(width) << comparison.ratio << std::right << std::fixed << std::setprecision(2)
              << std::setw(8) << spread.median << "   (" << spread.min << " ... " << spread.max << ")";
    if (comparison.target) std::cout << (comparison.at_most ? "   <= " : "   >= ") << *comparison.target;
    if (comparison.target && verdicts) std::cout << (reached(comparison, spread.median) ? "  reached" : "  missed");
    std::cout << "\n";
  }
}

void Results::print(const Placement& placement, bool verdicts, double seconds) const {
  print_table();
  if (!ratios_.empty()) print_ratios(verdicts);
  std::cout << "\nplacement: " << word_of(placement) << " (one cache line there and back: " << std::fixed
            << std::setprecision(0) << placement.best_probe_ns() << " ns at best";
  if (placement.far()) std::cout << ", near is below " << Placement::near_ns << " ns; no verdict";
  std::cout << "), " << std::setprecision(1) << seconds << " s\n";
}

Json Results::closing(bool verdicts) const {
  Json ratios = Json::object();
  Json spreads = Json::object();
  Json values = Json::object();
  Json targets = Json::object();
  Json verdict = Json::object();
  for (const Comparison& comparison : comparisons_) {
    const std::string& name = comparison.ratio;
    targets[name] =
        comparison.target ? Json{{comparison.at_most ? "at_most" : "at_least", *comparison.target}} : Json(nullptr);
    ratios[name] = spreads[name] = values[name] = verdict[name] = nullptr;
    const auto found = ratios_.find(name);
    if (found == ratios_.end()) continue;
    const Spread spread = spread_of(found->second);
    ratios[name] = spread.median;
    spreads[name] = spread_json(spread);
    values[name] = found->second;
    if (comparison.target && verdicts) verdict[name] = reached(comparison, spread.median);
  }
  Json medians = Json::object();
  for (const std::string& name : order_) {
    const Record& record = records_.at(name);
    if (!record.repetitions.empty()) medians[name] = record.spread().median;
  }
  return {{"ratios", ratios},   {"medians", medians},     {"spread", spreads},  {"targets", targets},
          {"reached", verdict}, {"ratio_values", values}, {"not_run", not_run_}};
}

void Results::print_json_lines(const Placement& placement, bool verdicts, bool short_run, double seconds) const {
  const Json machine = describe_machine();
  for (const std::string& name : order_) {
    const Record& record = records_.at(name);
    if (!record.repetitions.empty()) print_json(record_json(record, machine));
  }
  Json last = closing(verdicts);
  last["placement"] = word_of(placement);
  last["one_line_ns"] = placement.best_probe_ns();
  last["cpus"] = {placement.cpus().first, placement.cpus().second};
  last["short"] = short_run;
  last["seconds"] = seconds;
  print_json(last);
}

}  // namespace zerobuffer::cli::bench
