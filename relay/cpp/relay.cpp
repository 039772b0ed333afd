// The verb `relay`: frames of one buffer into another, transformed in the one pass that copies them, or shared.
#include <array>

#include "latency_histogram.hpp"
#include "session.hpp"
#include "verbs.hpp"
#include "zerobuffer/shared_writer.hpp"

namespace zerobuffer::relay {
namespace {

class Relay {
 public:
  explicit Relay(const RelayOptions& options) : options_(options), session_("relay", options.common) {}

  int run() {
    return session_.run([this] { pass_on(); }, [this] { finish(); }, [this](Json& json) { report(json); });
  }

 private:
  void pass_on() {
    writer_ = session_.attach<Writer>(options_.output, options_.create_output, options_.common.config(), Side::output);
    reader_ = session_.attach<Reader>(options_.input, false, options_.common.config(), Side::input);
    if (options_.wait_readers != 0) {
      check(writer_.wait_for_readers(static_cast<std::uint32_t>(options_.wait_readers), options_.common.timeout()),
            Side::output);
    }
    if (options_.share) {
      Result<SharedWriter> shared = SharedWriter::over(writer_, reader_);
      if (!shared) throw Outcome::of(shared.failure(), options_.output, Side::output);
      shared_ = std::move(*shared);
    }
    while (!options_.common.reached(session_.totals.frames()) && !stop_requested()) {
      Result<Frame> frame = next();
      if (frame.status() == Status::closed) {
        if (options_.common.frames != 0) {
          throw Outcome{ExitCode::closed_early, options_.input + ": the source closed early", Side::input};
        }
        return;
      }
      if (frame.status() == Status::frame_lost) {
        session_.totals.pass_over();
        continue;
      }
      if (!frame) throw Outcome::of(frame.failure(), options_.input, Side::input);
      pass(*frame);
    }
  }

  /// The next frame. Until the first one has come, the metadata is looked for between short waits.
  Result<Frame> next() {
    using namespace std::chrono_literals;
    auto left = options_.common.timeout();
    for (;;) {
      const bool waits_for_metadata = !metadata_.bytes && session_.totals.frames() == 0;
      const auto slice = waits_for_metadata ? std::min<std::chrono::nanoseconds>(left, 20ms) : left;
      Result<Frame> frame = reader_.read(slice);
      if (waits_for_metadata) pass_metadata();
      if (frame.status() != Status::timeout || left <= slice) return frame;
      if (left != forever) left -= slice;
    }
  }

  void pass_metadata() {
    Result<std::vector<std::byte>> metadata = reader_.metadata(std::chrono::nanoseconds::zero());
    if (metadata.status() == Status::corrupt) throw Outcome::of(metadata.failure(), options_.input, Side::input);
    if (!metadata) return;
    metadata_.bytes = std::move(*metadata);
    check(writer_.write_metadata(*metadata_.bytes), Side::output);
  }

  void pass(Frame& frame) {
    const std::uint64_t received_ns = monotonic_ns();
    session_.totals.check_order(frame.sequence());
    const Content content = content_of(frame);
    if (content.descriptor && content.descriptor->send_time_ns) {
      const auto sent_ns = static_cast<std::uint64_t>(*content.descriptor->send_time_ns);
      since_send_.add(received_ns > sent_ns ? received_ns - sent_ns : 0);
    }
    const std::uint64_t sequence = frame.sequence();
    const std::size_t size = frame.size();
    const FrameInfo info{frame.type(), frame.tag()};
    if (options_.share) {
      const Result<Forwarded> forwarded = shared_.forward(std::move(frame), options_.common.timeout());
      if (!forwarded) throw Outcome::of(forwarded.failure(), options_.output, Side::output);
    } else {
      transform(frame, content.bytes);
    }
    const std::uint64_t published_ns = monotonic_ns();
    latency_.add(published_ns - received_ns);
    session_.totals.add(sequence, size, published_ns);
    session_.note_frame(sequence, info, size);
  }

  void transform(const Frame& frame, std::span<const std::byte> content) {
    Result<Claim> claim = writer_.claim(frame.size(), options_.common.timeout());
    if (!claim) throw Outcome::of(claim.failure(), options_.output, Side::output);
    const std::size_t size = content.size();
    apply(options_.transform, static_cast<std::byte>(options_.xor_key), content, claim->data().first(size));
    apply(Transform::none, std::byte{0}, frame.data().subspan(size), claim->data().subspan(size));
    check(claim->commit(frame.size(), {frame.type(), frame.tag()}), Side::output);
  }

  void finish() {
    if (reader_.is_open()) session_.totals.add_lost(reader_.stats().lost);
    if (!shared_.is_open())
      reader_.close();  // shared frames stay in the source until the output's readers have passed them
    if (!writer_.is_open()) return;
    Result<void> drained;
    if (!stop_requested()) drained = writer_.drain(to_timeout(options_.linger_ms));
    stop_sharing();
    stats_ = writer_.stats();
    unread_ = writer_.close().value();
    if (drained.status() == Status::peer_dead) throw Outcome::of(drained.failure(), options_.output, Side::output);
    if (unread_ != 0 && !stop_requested()) {
      throw Outcome{ExitCode::unread,
                    options_.output + ": " + std::to_string(unread_) + " frames that nobody will read", Side::output};
    }
  }

  void stop_sharing() {
    if (!shared_.is_open()) return;
    shared_stats_ = shared_.stats();
    if (shared_stats_.copied_frames != 0) {
      const std::string why = shared_.why_not();
      session_.remark = std::to_string(shared_stats_.copied_frames) +
                        " frames were copied: " + (why.empty() ? "they lie in buffers that cannot be shared" : why);
    }
    static_cast<void>(shared_.close());
    reader_.close();
  }

  void report(Json& json) const {
    json["output_last_sequence"] = stats_.frames;
    json["lost"] = session_.totals.lost();
    metadata_.report(json);
    json["relay_latency_us"] = latency_.to_json();
    json["since_send_us"] = since_send_.to_json();
    json["blocked_count"] = stats_.blocked_count;
    json["blocked_seconds"] = std::chrono::duration<double>(stats_.blocked_time).count();
    json["unread"] = unread_;
    if (!options_.share) return;
    json["shared"] = shared_stats_.shared_frames;
    json["copied"] = shared_stats_.copied_frames;
  }

  void check(const Result<void>& result, Side side) const {
    if (!result) throw Outcome::of(result.failure(), side == Side::input ? options_.input : options_.output, side);
  }

  const RelayOptions& options_;
  Session session_;
  Writer writer_;
  Reader reader_;
  SharedWriter shared_;
  SeenMetadata metadata_;
  LatencyHistogram latency_;
  LatencyHistogram since_send_;
  WriterStats stats_;
  SharedWriterStats shared_stats_;
  std::uint64_t unread_ = 0;
};

}  // namespace

int run(const RelayOptions& options) { return Relay(options).run(); }

}  // namespace zerobuffer::relay
