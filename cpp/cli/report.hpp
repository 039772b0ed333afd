// How a command ends in words: a message on standard error for people, a JSON object on standard output for programs.
// Must not know single commands.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "exit_code.hpp"
#include "zerobuffer/status.hpp"

namespace zerobuffer::cli {

using Json = nlohmann::ordered_json;

/// How a command ended.
struct Outcome {
  ExitCode exit_code = ExitCode::ok;
  std::string status = "ok";  ///< A Status of the library by its name, or a word of the command's own.
  std::string message;        ///< Empty where nothing is wrong.

  [[nodiscard]] static Outcome of(const Failure& failure);
  [[nodiscard]] bool ok() const noexcept { return exit_code == ExitCode::ok; }
};

/// "zerobuffer COMMAND: SUBJECT: MESSAGE" on standard error, where there is a message.
void print_message(std::string_view command, std::string_view subject, const Outcome& outcome);

/// One line of JSON. @param to_standard_error for a command whose standard output carries frames
void print_json(const Json& value, bool to_standard_error = false);

/// Adds exit_code, status and, where there is one, message.
void add_outcome(Json& summary, const Outcome& outcome);

}  // namespace zerobuffer::cli
