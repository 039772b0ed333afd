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

/// Of a field of every repetition, whatever finds it.
template <class Field>
double median_of(const std::vector<Measurement>& repetitions, Field field) {
  std::vector<double> values;
  for (const Measurement& repetition : repetitions) values.push_back(field(repetition));
  return spread_of(values).median;
}

Json latency_json(const Latency& latency) {
  Json curve = Json::array();
  for (std::size_t i = 0; i < curve_shares.size(); ++i) curve.push_back({curve_shares[i], latency.curve[i]});
  return {{"p50", latency.at(0.5)},
          {"p99", latency.at(0.99)},
          {"p999", latency.at(0.999)},
          {"mean", latency.mean},
          {"curve", curve}};
}

/// What the sides measured beside the figure.
void add_side_figures(Json& json, const std::vector<Measurement>& repetitions) {
  const std::array<const char*, 2> sides{"first", "second"};
  for (std::size_t i = 0; i < sides.size(); ++i) {
    if (repetitions.front().cpu[i] < 0) continue;
    json["cpu"][sides[i]] = median_of(repetitions, [i](const Measurement& one) { return one.cpu[i]; });
  }
  for (std::size_t i = 0; i < repetitions.front().notes.size(); ++i) {
    if (repetitions.front().notes[i].name[0] == 0) continue;
    json["notes"][repetitions.front().notes[i].name] =
        median_of(repetitions, [i](const Measurement& one) { return one.notes[i].value; });
  }
}

}  // namespace

std::vector<double> Record::values() const {
  std::vector<double> all;
  for (const Measurement& repetition : repetitions) all.push_back(repetition.value);
  return all;
}

Latency Record::latency() const {
  Latency latency;
  latency.mean = median_of(repetitions, [](const Measurement& one) { return one.latency.mean; });
  for (std::size_t i = 0; i < curve_shares.size(); ++i)
    latency.curve[i] = median_of(repetitions, [i](const Measurement& one) { return one.latency.curve[i]; });
  return latency;
}

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
            {"family", record.subject.family},
            {"unit", record.subject.unit},
            {"parameters", record.subject.parameters},
            {"repetitions", record.repetitions.size()},
            {"median", spread.median},
            {"spread", spread_json(spread)},
            {"values", record.values()}};
  if (const Latency latency = record.latency(); latency.taken()) json["latency"] = latency_json(latency);
  add_side_figures(json, record.repetitions);
  json["machine"] = machine;
  return json;
}

}  // namespace zerobuffer::cli::bench
