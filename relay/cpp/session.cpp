// See session.hpp.
#include "session.hpp"

#include <cstdio>

#include "digests.hpp"

namespace zerobuffer::relay {

Content content_of(const Frame& frame) {
  if (frame.type() != array_frame_type) return {frame.data(), std::nullopt};
  ArrayDescriptor descriptor = ArrayDescriptor::read(frame.data(), frame.sequence());
  const std::uint64_t size = descriptor.format.size();
  return {frame.data().first(size), std::move(descriptor)};
}

void Totals::add(std::uint64_t sequence, std::uint64_t bytes, std::uint64_t now_ns) noexcept {
  if (frames_ == 0) {
    first_sequence_ = sequence;
    first_bytes_ = bytes;
    first_ns_ = now_ns;
  }
  ++frames_;
  passed_over_ = 0;
  bytes_ += bytes;
  last_sequence_ = sequence;
  last_ns_ = now_ns;
}

void Totals::check_order(std::uint64_t sequence) {
  if (frames_ == 0 || sequence == last_sequence_ + 1 + passed_over_) return;
  if (sequence <= last_sequence_ + passed_over_) {
    throw Outcome{ExitCode::corrupt,
                  "frame " + std::to_string(sequence) + " came after frame " + std::to_string(last_sequence_)};
  }
  lost_ += sequence - last_sequence_ - 1 - passed_over_;
}

void Totals::report(Json& json) const {
  const double seconds = static_cast<double>(last_ns_ - first_ns_) * 1e-9;
  const bool timed = frames_ > 1 && last_ns_ > first_ns_;
  json["frames"] = frames_;
  json["bytes"] = bytes_;
  json["seconds"] = seconds;
  json["frames_per_second"] = timed ? static_cast<double>(frames_ - 1) / seconds : 0.0;
  json["bytes_per_second"] = timed ? static_cast<double>(bytes_ - first_bytes_) / seconds : 0.0;
  json["first_sequence"] = first_sequence_;
  json["last_sequence"] = last_sequence_;
}

void SeenMetadata::report(Json& json) const {
  json["metadata_size"] = bytes ? Json(bytes->size()) : Json(nullptr);
  json["metadata_crc"] = bytes ? Json(to_hex(crc32(*bytes))) : Json(nullptr);
}

void Session::note_frame(std::uint64_t sequence, FrameInfo info, std::size_t size) {
  if (options_.verbose) {
    std::cerr << program_ << ": frame " << sequence << " type " << info.type << " tag " << info.tag << " size " << size
              << "\n";
  }
  if (options_.log_interval_ms != 0) log();
}

bool Session::wait_hook(void* session) noexcept {
  auto& self = *static_cast<Session*>(session);
  if (self.options_.log_interval_ms != 0) self.log();
  return stop_requested();
}

void Session::log() {
  const std::uint64_t now = monotonic_ns();
  const std::uint64_t elapsed = now - last_log_ns_;
  if (elapsed / 1'000'000 < options_.log_interval_ms) return;
  const double seconds = static_cast<double>(elapsed) * 1e-9;
  std::fprintf(stderr, "%s: %llu frames, %.1f frames/s, %.1f MB/s\n", program_.c_str(),
               static_cast<unsigned long long>(totals.frames()),
               static_cast<double>(totals.frames() - logged_frames_) / seconds,
               static_cast<double>(totals.bytes() - logged_bytes_) / seconds * 1e-6);
  last_log_ns_ = now;
  logged_frames_ = totals.frames();
  logged_bytes_ = totals.bytes();
}

int Session::run(const std::function<void()>& work, const std::function<void()>& finish,
                 const std::function<void(Json&)>& report, bool json_to_standard_error) {
  Outcome outcome;
  const auto guarded = [&outcome](const std::function<void()>& step) {
    Outcome ended;
    try {
      step();
    } catch (const Outcome& early) {
      ended = early;
    } catch (const std::exception& error) {
      ended = {ExitCode::failed, error.what()};
    }
    if (outcome.code == ExitCode::ok) outcome = ended;
  };
  guarded(work);
  if (outcome.code == ExitCode::ok && stop_requested()) outcome.code = stop_exit_code();
  guarded(finish);
  if (outcome.code == ExitCode::ok && stop_requested()) outcome.code = stop_exit_code();  // while it lingered
  if (outcome.code == ExitCode::ok && totals.lost() != 0) {
    outcome = {ExitCode::lost_frames, std::to_string(totals.lost()) + " frames were lost"};
  }
  if (outcome.code == ExitCode::ok) outcome.message = remark;

  Json json{{"program", program_}, {"language", "cpp"}};
  json["status"] = to_string(outcome.code);
  json["exit_code"] = static_cast<int>(outcome.code);
  json["message"] = outcome.message;
  if (program_ == "relay") {
    json["side"] = outcome.side == Side::none ? Json(nullptr) : Json(outcome.side == Side::input ? "input" : "output");
  }
  totals.report(json);
  report(json);
  if (!outcome.message.empty()) std::cerr << program_ << ": " << outcome.message << "\n";
  if (options_.json) {
    (json_to_standard_error ? std::cerr : std::cout)
        << json.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
  } else {
    std::fprintf(stderr, "%s: %s, %llu frames, %llu bytes in %.3f s\n", program_.c_str(),
                 to_string(outcome.code).c_str(), static_cast<unsigned long long>(totals.frames()),
                 static_cast<unsigned long long>(totals.bytes()), json["seconds"].get<double>());
  }
  return static_cast<int>(outcome.code);
}

}  // namespace zerobuffer::relay
