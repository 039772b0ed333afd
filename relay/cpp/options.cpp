// See options.hpp.
#include "options.hpp"

#include <functional>
#include <limits>
#include <map>
#include <stdexcept>

#include "numbers.hpp"

namespace zerobuffer::relay {
namespace {

/// Adds an option whose text is taken by `take`; what that throws is a usage error.
CLI::Option* add(CLI::App& verb, const std::string& name, const std::string& type, const std::string& text,
                 std::function<void(const std::string&)> take) {
  return verb
      .add_option_function<std::string>(
          name,
          [name, take = std::move(take)](const std::string& value) {
            try {
              take(value);
            } catch (const std::invalid_argument& error) {
              throw CLI::ValidationError(name, error.what());
            }
          },
          text)
      ->type_name(type);
}

CLI::Option* add_number(CLI::App& verb, const std::string& name, std::uint64_t& target, const std::string& text,
                        std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
  return add(verb, name, "N", text, [&target, most](const std::string& value) {
    target = parse_number(value);
    if (target > most) throw std::invalid_argument(value + " is more than " + std::to_string(most));
  });
}

CLI::Option* add_size(CLI::App& verb, const std::string& name, std::uint64_t& target, const std::string& text) {
  return add(verb, name, "SIZE", text, [&target](const std::string& value) { target = parse_size(value); });
}

std::int64_t parse_signed(const std::string& text) {
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const bool negative = text.starts_with('-');
  const std::uint64_t value = parse_number(std::string_view(text).substr(negative ? 1 : 0));
  if (value > most) throw std::invalid_argument("'" + text + "' is no signed number of 64 bits");
  return negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
}

CLI::Option* add_timeout(CLI::App& verb, const std::string& name, std::int64_t& target, const std::string& text) {
  return add(verb, name, "MS", text + "; -1: for ever", [&target](const std::string& value) {
    target = parse_signed(value);
    if (target < -1) throw std::invalid_argument(value + " is neither -1 nor a time");
  });
}

CLI::Option* add_pattern(CLI::App& verb, const std::string& name, std::string& target, const std::string& text) {
  return verb.add_option(name, target, text)->check(CLI::IsMember({"zeros", "ones", "sequential", "random"}));
}

CLI::Option* add_sizes(CLI::App& verb, std::vector<std::uint64_t>& target) {
  return add(verb, "--size", "SIZES", "Sizes of the content: N, A..B, or a list of both",
             [&target](const std::string& value) { target = parse_sizes(value); });
}

template <class Value>
CLI::Option* add_choice(CLI::App& verb, const std::string& name, Value& target, std::map<std::string, Value> choices,
                        const std::string& text) {
  return add(verb, name, "CHOICE", text, [&target, choices = std::move(choices)](const std::string& value) {
    const auto found = choices.find(value);
    if (found == choices.end()) throw std::invalid_argument("'" + value + "' is none of the choices");
    target = found->second;
  });
}

void add_transform(CLI::App& verb, Transform& transform, std::uint64_t& xor_key) {
  add_choice<Transform>(verb, "--transform", transform,
                        {{"none", Transform::none}, {"reverse", Transform::reverse}, {"xor", Transform::exclusive_or}},
                        "Of the content: none, reverse, xor");
  add_number(verb, "--xor-key", xor_key, "0 to 255", 255);
}

CLI::Option* add_positive(CLI::App& verb, const std::string& name, std::uint64_t& target, const std::string& text) {
  return add(verb, name, "N", text, [&target](const std::string& value) {
    target = parse_number(value);
    if (target == 0 || target > 65535) throw std::invalid_argument(value + " is not between 1 and 65535");
  });
}

}  // namespace

void CommonOptions::add_to(CLI::App& verb, bool streams) {
  if (streams) {
    add_size(verb, "--buffer-size", buffer_size, "Payload size of the buffer made");
    add_size(verb, "--metadata-size", metadata_size, "Metadata block of the buffer made");
    add_number(verb, "--max-readers", max_readers, "Reader places of the buffer made",
               std::numeric_limits<std::uint32_t>::max());
    add_number(verb, "--share-slots", share_slots, "Readers of other buffers that can look into the buffer made",
               std::numeric_limits<std::uint32_t>::max());
  }
  add_number(verb, "--frames", frames, "Stop after N frames; 0: no limit");
  add_timeout(verb, "--timeout-ms", timeout_ms, "Longest wait");
  add_number(verb, "--log-interval", log_interval_ms, "Milliseconds between lines of progress; 0: none");
  verb.add_flag("--json", json, "Report as one JSON object");
  verb.add_flag("--verbose", verbose, "A line for each buffer and frame");
}

BufferConfig CommonOptions::config() const {
  BufferConfig config;
  config.payload_size = buffer_size;
  config.metadata_size = metadata_size;
  config.max_readers = static_cast<std::uint32_t>(max_readers);
  config.share_slots = static_cast<std::uint32_t>(share_slots);
  return config;
}

std::chrono::nanoseconds CommonOptions::timeout() const { return to_timeout(timeout_ms); }

void RelayOptions::add_to(CLI::App& verb) {
  common.add_to(verb);
  verb.add_option("--input", input, "Buffer to read")->required()->type_name("NAME");
  verb.add_option("--output", output, "Buffer to write")->required()->type_name("NAME");
  verb.add_flag("--create-output", create_output, "Make the output buffer");
  add_transform(verb, transform, xor_key);
  add_number(verb, "--wait-readers", wait_readers, "Wait for N readers of the output first",
             std::numeric_limits<std::uint32_t>::max());
  add_timeout(verb, "--linger-ms", linger_ms, "At the end wait so long for the readers");
  verb.add_flag("--share", share, "Frames go on as descriptors, without a copy, where that can be");
  verb.callback([this] {
    if (input == output) throw CLI::ValidationError("--output", "input and output are the same buffer");
    if (share && transform != Transform::none) throw CLI::ValidationError("--share", "only with --transform none");
  });
}

void WriteOptions::add_to(CLI::App& verb) {
  common.add_to(verb);
  verb.add_option("name", name, "Buffer")->required();
  verb.add_flag("--create", create, "Make the buffer");
  auto* text = verb.add_option("--metadata", metadata_text, "Metadata, as text");
  verb.add_option("--metadata-file", metadata_file, "Metadata, from a file")->excludes(text);
  auto* size = add_sizes(verb, sizes);
  auto* made_up = add_pattern(verb, "--pattern", pattern, "zeros, ones, sequential, random");
  add_number(verb, "--seed", seed, "Of the random pattern");
  verb.add_option("--input", input, "Content from a file, - for standard input")->excludes(made_up);
  auto* type_option = add_number(verb, "--type", type, "Type of the frames", 65535);
  auto* array = verb.add_option_function<std::vector<std::string>>(
      "--array",
      [this](const std::vector<std::string>& specs) {
        try {
          for (const std::string& spec : specs) arrays.push_back(ArrayFormat::parse(spec));
        } catch (const std::invalid_argument& error) {
          throw CLI::ValidationError("--array", error.what());
        }
      },
      "Array frames: DTYPE:SHAPE[:F]; repeatable");
  array->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->excludes(size)->excludes(type_option);
  add(verb, "--timestamp", "NS", "Capture time in array frames", [this](const std::string& value) {
    timestamp_ns = parse_signed(value);
  })->needs(array);
  add(verb, "--tag", "N", "Tag of the frames, or 'sequence'", [this](const std::string& value) {
    tag_is_sequence = value == "sequence";
    if (!tag_is_sequence) tag = parse_number(value);
  });
  add(verb, "--batch", "N", "Frames published together", [this](const std::string& value) {
    batch = parse_number(value);
    if (batch == 0) throw std::invalid_argument("a batch has at least one frame");
  });
  add_number(verb, "--delay-us", delay_us, "Pause after each batch");
  add_number(verb, "--wait-readers", wait_readers, "Wait for N readers first",
             std::numeric_limits<std::uint32_t>::max());
  add_timeout(verb, "--linger-ms", linger_ms, "At the end wait so long for the readers");
  verb.add_flag("--checksum", checksum, "CRC of all contents in the report");
  verb.add_option("--digests", digests, "A line per frame into this file");
}

void ReadOptions::add_to(CLI::App& verb) {
  common.add_to(verb);
  verb.add_option("name", name, "Buffer")->required();
  verb.add_flag("--create", create, "Make the buffer");
  add_choice<JoinAt>(
      verb, "--join", join,
      {{"automatic", JoinAt::automatic}, {"now", JoinAt::now}, {"oldest", JoinAt::oldest}, {"resume", JoinAt::resume}},
      "automatic, now, oldest, resume");
  auto* compared = add_pattern(verb, "--verify", verify, "Compare each byte with this pattern");
  add_choice<bool>(verb, "--verify-by", verify_by_tag, {{"sequence", false}, {"tag", true}}, "sequence or tag");
  add_number(verb, "--seed", seed, "Of the random pattern");
  add_sizes(verb, sizes)->needs(compared);
  verb.add_option("--expect-metadata", expected_metadata, "Compared with the metadata");
  verb.add_flag("--checksum", checksum, "CRC of all contents in the report");
  verb.add_option("--digests", digests, "A line per frame into this file");
  verb.add_option("--output", output, "Content into a file, - for standard output");
  verb.add_flag("--array", arrays, "Report the kinds of arrays seen");
  add_number(verb, "--delay-us", delay_us, "Pause before each frame is given back");
  add_number(verb, "--hold", hold, "Keep the last N frames", 65535);
}

void ChannelOptions::add_to(CLI::App& verb) {
  add_transform(verb, transform, xor_key);
  add_positive(verb, "--threads", threads, "So many threads");
  add_number(verb, "--delay-us", delay_us, "Pause at each answer");
}

void ServeOptions::add_to(CLI::App& verb) {
  common.add_to(verb, false);
  channel.add_to(verb);
  verb.add_option("name", name, "Channel")->required();
  verb.add_flag("--in-place", in_place, "Answers lie where the requests lay");
  verb.add_flag("--exist-ok", exist_ok, "Succeed a server that died");
  verb.add_flag("--call-back", call_back, "Call the client before each answer");
  add_size(verb, "--request-size", request_size, "Largest request");
  add_size(verb, "--response-size", response_size, "Largest answer, not in place");
  add_number(verb, "--lanes", lanes, "Calls at the same time", std::numeric_limits<std::uint32_t>::max());
  verb.add_option_function<std::vector<std::string>>(
          "--fail-type",
          [this](const std::vector<std::string>& values) {
            try {
              for (const std::string& value : values) {
                fail_types.push_back(parse_number(value));
                if (fail_types.back() > 65535) throw std::invalid_argument(value + " is more than 65535");
              }
            } catch (const std::invalid_argument& error) {
              throw CLI::ValidationError("--fail-type", error.what());
            }
          },
          "Answer requests of this type with an error; repeatable")
      ->type_name("N")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void CallOptions::add_to(CLI::App& verb) {
  common.add_to(verb, false);
  channel.add_to(verb);
  verb.add_option("name", name, "Channel")->required();
  add_sizes(verb, sizes);
  add_pattern(verb, "--pattern", pattern, "zeros, ones, sequential, random");
  add_number(verb, "--seed", seed, "Of the random pattern");
  add_number(verb, "--type", type, "Type of the requests", 65535);
  add_positive(verb, "--in-flight", in_flight, "Requests sent before their answers are taken");
  verb.add_flag("--claim", claim, "Build requests in the channel");
  verb.add_flag("--allow-errors", allow_errors, "Count error answers");
  verb.add_flag("--answer-callbacks", answer_callbacks, "Answer calls of the server");
  verb.callback([this] {
    if (common.frames == 0) throw CLI::ValidationError("--frames", "how many calls? at least 1");
    if (in_flight > 1 && channel.threads > 1) throw CLI::ValidationError("--threads", "only with --in-flight 1");
  });
}

std::chrono::nanoseconds to_timeout(std::int64_t milliseconds) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 1'000'000;
  if (milliseconds < 0 || milliseconds >= most) return forever;
  return std::chrono::milliseconds(milliseconds);
}

nlohmann::ordered_json defaults() {
  const CommonOptions common;
  const RelayOptions relay;
  const WriteOptions write;
  const ReadOptions read;
  const ServeOptions serve;
  const CallOptions call;
  return {{"buffer_size", common.buffer_size},
          {"metadata_size", common.metadata_size},
          {"max_readers", common.max_readers},
          {"frame_size", write.sizes.front()},
          {"frames", common.frames},
          {"timeout_ms", common.timeout_ms},
          {"linger_ms", write.linger_ms},
          {"pattern", write.pattern},
          {"seed", write.seed},
          {"type", write.type},
          {"tag", write.tag},
          {"batch", write.batch},
          {"delay_us", write.delay_us},
          {"wait_readers", write.wait_readers},
          {"hold", read.hold},
          {"join", read.join == JoinAt::automatic ? "automatic" : "other"},
          {"verify_by", read.verify_by_tag ? "tag" : "sequence"},
          {"transform", relay.transform == Transform::none ? "none" : "other"},
          {"xor_key", relay.xor_key},
          {"log_interval_ms", common.log_interval_ms},
          {"share_slots", common.share_slots},
          {"request_size", serve.request_size},
          {"response_size", serve.response_size},
          {"lanes", serve.lanes},
          {"threads", serve.channel.threads},
          {"in_flight", call.in_flight}};
}

}  // namespace zerobuffer::relay
