// The verb `read`: frames are compared, digested, written to a file, held for a while, and given back.
#include <algorithm>
#include <deque>
#include <utility>

#include "digests.hpp"
#include "files.hpp"
#include "latency_histogram.hpp"
#include "pattern.hpp"
#include "session.hpp"
#include "verbs.hpp"

namespace zerobuffer::relay {
namespace {

class Read {
  static constexpr std::chrono::milliseconds longest_hold{500};

 public:
  explicit Read(const ReadOptions& options)
      : options_(options), session_("read", options.common), pattern_(options.verify, options.seed) {}

  int run() {
    return session_.run([this] { read_all(); }, [this] { finish(); }, [this](Json& json) { report(json); },
                        options_.output == "-");
  }

 private:
  void read_all() {
    if (!options_.output.empty()) output_.emplace(options_.output, File::Use::write);
    digests_.emplace(options_.digests, options_.checksum);
    BufferConfig config = options_.common.config();
    config.join = options_.join;
    config.max_held = std::max(config.max_held, static_cast<std::uint32_t>(options_.hold) + 1);
    reader_ = session_.attach<Reader>(options_.name, options_.create, config);

    while (!options_.common.reached(session_.totals.frames()) && !stop_requested()) {
      Result<Frame> frame = next();
      const std::uint64_t now = monotonic_ns();
      if (session_.totals.frames() == 0 && (frame || frame.status() == Status::closed)) check_metadata();
      if (frame.status() == Status::closed) {
        if (options_.common.frames == 0) break;
        throw Outcome{ExitCode::closed_early, options_.name + ": the source closed early"};
      }
      if (frame.status() == Status::frame_lost) {
        session_.totals.pass_over();
        continue;
      }
      if (!frame) throw Outcome::of(frame.failure(), options_.name);
      look_at(std::move(*frame), now);
    }
    while (!held_.empty()) give_back();
  }

  /// The next frame. While nothing comes, a writer may be waiting for what is held: it is given back.
  Result<Frame> next() {
    const auto timeout = options_.common.timeout();
    if (held_.empty() || timeout <= longest_hold) return reader_.read(timeout);
    Result<Frame> frame = reader_.read(longest_hold);
    if (frame.status() != Status::timeout) return frame;
    while (!held_.empty()) give_back();
    return reader_.read(timeout == forever ? forever : timeout - longest_hold);
  }

  void check_metadata() {
    Result<std::vector<std::byte>> metadata = reader_.metadata(std::chrono::nanoseconds::zero());
    if (metadata.status() == Status::corrupt) throw Outcome::of(metadata.failure(), options_.name);
    if (metadata) metadata_.bytes = std::move(*metadata);
    if (!options_.expected_metadata) return;
    const auto expected = std::as_bytes(std::span(*options_.expected_metadata));
    if (!metadata_.bytes || !std::ranges::equal(*metadata_.bytes, expected)) {
      throw Outcome{
          ExitCode::verification_failed,
          options_.name + ": the metadata " +
              (metadata_.bytes ? "(" + std::to_string(metadata_.bytes->size()) + " bytes) is not the expected one"
                               : "that is expected is not there")};
    }
  }

  void look_at(Frame frame, std::uint64_t now) {
    session_.totals.check_order(frame.sequence());
    const Content content = content_of(frame);
    session_.totals.add(frame.sequence(), frame.size(), now);
    if (content.descriptor && content.descriptor->send_time_ns) {
      const auto sent_ns = static_cast<std::uint64_t>(*content.descriptor->send_time_ns);
      since_send_.add(now > sent_ns ? now - sent_ns : 0);
    }
    if (!options_.verify.empty()) verify(frame, content);
    digests_->add(frame.sequence(), frame.type(), frame.tag(), content.bytes);
    if (output_) output_->write(content.bytes);
    if (options_.arrays) count_array(frame, content);
    const std::uint32_t crc = options_.hold != 0 ? crc32(frame.data()) : 0;
    session_.note_frame(frame.sequence(), {frame.type(), frame.tag()}, frame.size());
    held_.push_back({std::move(frame), crc});
    while (held_.size() > options_.hold) give_back();
  }

  void verify(const Frame& frame, const Content& content) {
    const std::uint64_t s = options_.verify_by_tag ? frame.tag() : frame.sequence();
    if (!options_.sizes.empty() && !content.descriptor) {
      const std::uint64_t expected = options_.sizes[(s - 1) % options_.sizes.size()];
      if (content.bytes.size() != expected) {
        fail_verification(
            frame, "has " + std::to_string(content.bytes.size()) + " bytes, expected " + std::to_string(expected));
      }
    }
    if (const auto wrong = pattern_.compare(content.bytes, s)) {
      fail_verification(frame, "byte " + std::to_string(wrong->offset) + " is " +
                                   std::to_string(std::to_integer<int>(wrong->found)) + ", expected " +
                                   std::to_string(std::to_integer<int>(wrong->expected)));
    }
  }

  void give_back() {
    if (options_.delay_us != 0) sleep_us(options_.delay_us);
    const Held held = std::move(held_.front());
    held_.pop_front();
    if (options_.hold != 0 && crc32(held.frame.data()) != held.crc)
      fail_verification(held.frame, "changed while it was held");
  }

  [[noreturn]] void fail_verification(const Frame& frame, const std::string& what) const {
    throw Outcome{ExitCode::verification_failed,
                  options_.name + ": frame " + std::to_string(frame.sequence()) + " " + what};
  }

  void count_array(const Frame& frame, const Content& content) {
    if (!known_looked_at_ && metadata_.bytes) known_ = ArrayFormat::of_metadata(*metadata_.bytes);
    known_looked_at_ = true;
    ArrayFormat format{.shape = {frame.size()}};
    if (content.descriptor) {
      format = content.descriptor->format;
    } else if (frame.type() == 0 && known_) {
      format = *known_;
      if (format.size() != frame.size()) {
        throw Outcome{ExitCode::corrupt, options_.name + ": frame " + std::to_string(frame.sequence()) + " has " +
                                             std::to_string(frame.size()) + " bytes, the metadata says " +
                                             std::to_string(format.size())};
      }
    }
    const auto same = std::ranges::find(arrays_, format, &std::pair<ArrayFormat, std::uint64_t>::first);
    if (same == arrays_.end()) {
      arrays_.emplace_back(std::move(format), 1);
    } else {
      ++same->second;
    }
  }

  void finish() {
    held_.clear();
    if (reader_.is_open()) session_.totals.add_lost(reader_.stats().lost);
    reader_.close();
    if (digests_) digests_->close();
  }

  void report(Json& json) const {
    json["lost"] = session_.totals.lost();
    metadata_.report(json);
    json["since_send_us"] = since_send_.to_json();
    if (options_.checksum && digests_) json["checksum"] = digests_->checksum();
    if (!options_.arrays) return;
    json["arrays"] = Json::array();
    for (const auto& [format, frames] : arrays_) {
      json["arrays"].push_back(Json{{"dtype", format.dtype},
                                    {"shape", format.shape},
                                    {"order", std::string(1, format.order)},
                                    {"frames", frames}});
    }
  }

  struct Held {
    Frame frame;
    std::uint32_t crc;
  };

  const ReadOptions& options_;
  Session session_;
  Pattern pattern_;
  std::optional<File> output_;
  std::optional<Digests> digests_;
  Reader reader_;
  std::deque<Held> held_;
  SeenMetadata metadata_;
  LatencyHistogram since_send_;
  std::optional<ArrayFormat> known_;
  bool known_looked_at_ = false;
  std::vector<std::pair<ArrayFormat, std::uint64_t>> arrays_;
};

}  // namespace

int run(const ReadOptions& options) { return Read(options).run(); }

}  // namespace zerobuffer::relay
