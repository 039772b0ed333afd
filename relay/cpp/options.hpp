// The options of the verbs with their defaults, as relay/README.md states them, and how they are added to the
// parser. Must not know what is done with them.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "array_format.hpp"
#include "transform.hpp"
#include "zerobuffer/config.hpp"

namespace zerobuffer::relay {

struct CommonOptions {
  std::uint64_t buffer_size = std::uint64_t{256} << 20;
  std::uint64_t metadata_size = 4096;
  std::uint64_t max_readers = 1;
  std::uint64_t share_slots = 0;
  std::uint64_t frames = 0;
  std::int64_t timeout_ms = 5000;
  std::uint64_t log_interval_ms = 0;
  bool json = false;
  bool verbose = false;

  /// Those of all verbs; `streams` adds those of a buffer's geometry.
  void add_to(CLI::App& verb, bool streams = true);
  [[nodiscard]] BufferConfig config() const;
  [[nodiscard]] std::chrono::nanoseconds timeout() const;
  [[nodiscard]] bool reached(std::uint64_t count) const { return frames != 0 && count >= frames; }
};

struct RelayOptions {
  CommonOptions common;
  std::string input;
  std::string output;
  bool create_output = false;
  Transform transform = Transform::none;
  std::uint64_t xor_key = 255;
  std::uint64_t wait_readers = 0;
  std::int64_t linger_ms = 5000;
  bool share = false;

  void add_to(CLI::App& verb);
};

struct WriteOptions {
  CommonOptions common;
  std::string name;
  bool create = false;
  std::optional<std::string> metadata_text;
  std::string metadata_file;
  std::vector<std::uint64_t> sizes{1024};
  std::string pattern = "sequential";
  std::uint64_t seed = 1;
  std::string input;
  std::vector<ArrayFormat> arrays;
  std::optional<std::int64_t> timestamp_ns;
  std::uint64_t type = 0;
  std::uint64_t tag = 0;
  bool tag_is_sequence = false;
  std::uint64_t batch = 1;
  std::uint64_t delay_us = 0;
  std::uint64_t wait_readers = 0;
  std::int64_t linger_ms = 5000;
  bool checksum = false;
  std::string digests;

  void add_to(CLI::App& verb);
};

struct ReadOptions {
  CommonOptions common;
  std::string name;
  bool create = false;
  JoinAt join = JoinAt::automatic;
  std::string verify;
  bool verify_by_tag = false;
  std::uint64_t seed = 1;
  std::vector<std::uint64_t> sizes;
  std::optional<std::string> expected_metadata;
  bool checksum = false;
  std::string digests;
  std::string output;
  bool arrays = false;
  std::uint64_t delay_us = 0;
  std::uint64_t hold = 0;

  void add_to(CLI::App& verb);
};

struct ChannelOptions {
  Transform transform = Transform::none;
  std::uint64_t xor_key = 255;
  std::uint64_t threads = 1;
  std::uint64_t delay_us = 0;

  void add_to(CLI::App& verb);
};

struct ServeOptions {
  CommonOptions common;
  ChannelOptions channel;
  std::string name;
  bool in_place = false;
  bool exist_ok = false;
  bool call_back = false;
  std::uint64_t request_size = 1 << 20;
  std::uint64_t response_size = 1 << 20;
  std::uint64_t lanes = 8;
  std::vector<std::uint64_t> fail_types;

  void add_to(CLI::App& verb);
};

struct CallOptions {
  CommonOptions common;
  ChannelOptions channel;
  std::string name;
  std::vector<std::uint64_t> sizes{1024};
  std::string pattern = "sequential";
  std::uint64_t seed = 1;
  std::uint64_t type = 0;
  std::uint64_t in_flight = 1;
  bool claim = false;
  bool allow_errors = false;
  bool answer_callbacks = false;

  void add_to(CLI::App& verb);
};

/// -1 is for ever.
[[nodiscard]] std::chrono::nanoseconds to_timeout(std::int64_t milliseconds);

/// The table of defaults.
[[nodiscard]] nlohmann::ordered_json defaults();

}  // namespace zerobuffer::relay
