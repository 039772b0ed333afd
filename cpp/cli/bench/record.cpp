// See record.hpp.
#include "bench/record.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>

#include "zerobuffer/version.hpp"

namespace zerobuffer::cli::bench {
namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

double median_of(const std::vector<Measurement>& repetitions, double Measurement::*field) {
  std::vector<double> values;
  for (const Measurement& repetition : repetitions) values.push_back(repetition.*field);
  return spread_of(values).median;
}

}  // namespace

std::vector<double> Record::values() const {
  std::vector<double> all;
  for (const Measurement& repetition : repetitions) all.push_back(repetition.value);
  return all;
}

double Record::p50() const { return median_of(repetitions, &Measurement::p50); }

Json describe_machine() {
  utsname names{};
  ::uname(&names);
  return {{"processor", processor_name()},
          {"cpus", ::sysconf(_SC_NPROCESSORS_ONLN)},
          {"architecture", names.machine},
          {"kernel", names.release},
          {"zerobuffer", std::string(library_version())}};
}

Json spread_json(const Spread& spread) {
  return {{"min", spread.min}, {"q1", spread.q1}, {"q3", spread.q3}, {"max", spread.max}};
}

Json record_json(const Record& record, const Json& machine) {
  const Spread spread = record.spread();
  Json json{{"system", record.subject.system},
            {"workload", record.subject.workload},
            {"unit", record.subject.unit},
            {"parameters", record.subject.parameters},
            {"repetitions", record.repetitions.size()},
            {"median", spread.median},
            {"spread", spread_json(spread)}};
  if (record.repetitions.front().p99 != 0) {
    json["latency"] = {{"mean", median_of(record.repetitions, &Measurement::mean)},
                       {"p99", median_of(record.repetitions, &Measurement::p99)},
                       {"p999", median_of(record.repetitions, &Measurement::p999)}};
    if (const double p50 = record.p50(); p50 != 0) json["latency"]["p50"] = p50;
  }
  json["machine"] = machine;
  return json;
}

}  // namespace zerobuffer::cli::bench
