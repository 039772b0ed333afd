// What a run has found out so far, and how it is told: a table for people, or JSON lines with a closing object. Must
// not know how anything was measured.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/plan.hpp"

namespace zerobuffer::cli::bench {

class Results {
 public:
  /// @param chosen what is to be measured, in the order in which it is told
  explicit Results(Plan chosen);

  [[nodiscard]] const std::vector<Comparison>& comparisons() const noexcept { return comparisons_; }
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return order_; }
  [[nodiscard]] const Subject& subject(const std::string& name) const { return records_.at(name).subject; }
  void add(const std::string& name, const Measurement& measurement) {
    records_.at(name).repetitions.push_back(measurement);
  }
  [[nodiscard]] std::size_t repetitions(const std::string& name) const { return records_.at(name).repetitions.size(); }
  /// The figure measured last.
  [[nodiscard]] double last(const std::string& name) const { return records_.at(name).repetitions.back().value; }
  void add_ratio(const std::string& ratio, double value) { ratios_[ratio].push_back(value); }
  void add_not_run(const std::string& name, const std::string& reason) { not_run_[name] = reason; }
  [[nodiscard]] bool is_not_run(const std::string& name) const { return not_run_.count(name) != 0; }

  /// @param verdicts whether ratios are judged
  void print(const Placement& placement, bool verdicts, double seconds) const;
  void print_json_lines(const Placement& placement, bool verdicts, bool short_run, double seconds) const;

 private:
  void print_table() const;
  void print_ratios(bool verdicts) const;
  [[nodiscard]] Json closing(bool verdicts) const;

  std::vector<Comparison> comparisons_;
  std::vector<std::string> order_;
  std::map<std::string, Record> records_;
  std::map<std::string, std::vector<double>> ratios_;
  std::map<std::string, std::string> not_run_;
};

}  // namespace zerobuffer::cli::bench
