// See report.hpp.
#include "report.hpp"

#include <iostream>

namespace zerobuffer::cli {

Outcome Outcome::of(const Failure& failure) {
  const bool quiet = failure.status() == Status::interrupted || failure.status() == Status::closed;
  return {exit_code_of(failure.status()), std::string(to_string(failure.status())),
          quiet ? std::string() : failure.message()};
}

void print_message(std::string_view command, std::string_view subject, const Outcome& outcome) {
  if (outcome.message.empty()) return;
  std::cerr << "zerobuffer " << command << ": ";
  if (!subject.empty()) std::cerr << subject << ": ";
  std::cerr << outcome.message << "\n";
}

void print_json(const Json& value, bool to_standard_error) {
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  (to_standard_error ? std::cerr : std::cout) << text << std::endl;
}

void add_outcome(Json& summary, const Outcome& outcome) {
  summary["status"] = outcome.status;
  if (!outcome.message.empty()) summary["message"] = outcome.message;
  summary["exit_code"] = static_cast<int>(outcome.exit_code);
}

}  // namespace zerobuffer::cli
