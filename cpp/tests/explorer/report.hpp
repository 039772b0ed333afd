// How the tests speak of an outcome, and the time and seed that the environment gives for random schedules:
// ZEROBUFFER_EXPLORER_SECONDS for each random scenario, ZEROBUFFER_EXPLORER_SEED to begin with a certain schedule.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "explorer/explorer.hpp"

namespace zerobuffer::explorer {

inline std::string counts(const Outcome& outcome) {
  return std::to_string(outcome.executions) + " executions, " + std::to_string(outcome.states) + " states";
}

/// Every schedule within the bounds was tried and none broke a rule.
inline testing::AssertionResult holds(const Outcome& outcome) {
  std::printf("  exhaustive: %s\n", counts(outcome).c_str());
  if (outcome.failed) return testing::AssertionFailure() << outcome.what << "\n" << outcome.trace;
  if (!outcome.exhausted) return testing::AssertionFailure() << "not exhaustive after " << counts(outcome);
  return testing::AssertionSuccess();
}

/// The seeded error was found, and it shows itself like this.
inline testing::AssertionResult found(const Outcome& outcome, const std::string& what) {
  std::printf("  found after %s: %s\n", counts(outcome).c_str(), outcome.what.c_str());
  if (!outcome.failed) return testing::AssertionFailure() << "not found in " << counts(outcome);
  if (outcome.what.find(what) == std::string::npos) {
    return testing::AssertionFailure() << "something else was found: " << outcome.what << "\n" << outcome.trace;
  }
  return testing::AssertionSuccess();
}

inline std::uint64_t environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Random schedules of a scenario that is too large to be searched through.
inline testing::AssertionResult survives(const Explorer::Scenario& scenario, const Bounds& bounds) {
  const auto clock = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  const std::uint64_t seed = environment("ZEROBUFFER_EXPLORER_SEED", clock);
  const std::chrono::seconds time(environment("ZEROBUFFER_EXPLORER_SECONDS", 1));
  const Outcome outcome = Explorer::wander(scenario, bounds, seed, time);
  std::printf("  random: %s from seed %llu\n", counts(outcome).c_str(), static_cast<unsigned long long>(seed));
  if (outcome.failed) return testing::AssertionFailure() << outcome.what << "\n" << outcome.trace;
  return testing::AssertionSuccess();
}

}  // namespace zerobuffer::explorer
