// The verb `write`: frames from a pattern or a file, filled in place.
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "digests.hpp"
#include "files.hpp"
#include "pattern.hpp"
#include "session.hpp"
#include "verbs.hpp"

namespace zerobuffer::relay {
namespace {

class Write {
 public:
  explicit Write(const WriteOptions& options)
      : options_(options), session_("write", options.common), pattern_(options.pattern, options.seed) {}

  int run() {
    return session_.run([this] { write_all(); }, [this] { finish(); }, [this](Json& json) { report(json); });
  }

 private:
  void write_all() {
    // What can be wrong with files is found before a place in the buffer is taken.
    if (!options_.input.empty()) input_.emplace(options_.input, File::Use::read);
    digests_.emplace(options_.digests, options_.checksum);
    std::optional<std::vector<std::byte>> metadata = own_metadata();

    writer_ = session_.attach<Writer>(options_.name, options_.create, options_.common.config());
    if (metadata) {
      check(writer_.write_metadata(*metadata));
      metadata_.bytes = std::move(metadata);
    } else if (!options_.arrays.empty()) {
      announce(options_.arrays.front());
    }
    if (options_.wait_readers != 0) {
      check(writer_.wait_for_readers(static_cast<std::uint32_t>(options_.wait_readers), options_.common.timeout()));
    }
    std::uint64_t sequence = writer_.stats().frames + 1;
    for (bool more = true; more;) {
      {
        const Batch batch = options_.batch > 1 ? writer_.batch() : Batch();
        for (std::uint64_t i = 0; i < options_.batch && more; ++i) {
          more = !options_.common.reached(session_.totals.frames()) && write_one(sequence);
          if (more) ++sequence;
        }
      }
      if (more && options_.delay_us != 0) sleep_us(options_.delay_us);
    }
  }

  [[nodiscard]] std::optional<std::vector<std::byte>> own_metadata() const {
    std::string text = options_.metadata_text.value_or("");
    if (!options_.metadata_file.empty()) {
      std::ifstream file(options_.metadata_file, std::ios::binary);
      if (!file) throw Outcome{ExitCode::failed, options_.metadata_file + ": " + std::strerror(errno)};
      text.assign(std::istreambuf_iterator<char>(file), {});
    } else if (!options_.metadata_text) {
      return std::nullopt;
    }
    const auto bytes = std::as_bytes(std::span(text));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  }

  /// Describes the stream's arrays in the metadata. Where that cannot be, every frame describes its own.
  void announce(const ArrayFormat& format) {
    const std::string text = format.metadata();
    const Result<void> written = writer_.write_metadata(std::as_bytes(std::span(text)));
    if (written) {
      const auto bytes = std::as_bytes(std::span(text));
      metadata_.bytes.emplace(bytes.begin(), bytes.end());
    } else if (written.status() != Status::metadata_exists && written.status() != Status::metadata_in_use &&
               written.status() != Status::metadata_too_large) {
      check(written);
    }
  }

  /// @return false where there is nothing more to write
  bool write_one(std::uint64_t sequence) {
    if (stop_requested() || (input_ && !input_->has_more())) return false;
    const ArrayFormat* array =
        options_.arrays.empty() ? nullptr : &options_.arrays[(sequence - 1) % options_.arrays.size()];
    const std::uint64_t size =
        array != nullptr ? array->size() : options_.sizes[(sequence - 1) % options_.sizes.size()];
    const bool described = array != nullptr && (options_.timestamp_ns || !announced(*array));
    const std::uint64_t frame_size = described ? ArrayDescriptor::frame_size(*array) : size;

    Result<Claim> claim = writer_.claim(frame_size, options_.common.timeout());
    if (!claim) throw Outcome::of(claim.failure(), options_.name);
    const std::span<std::byte> content = claim->data().first(size);
    if (!input_) {
      pattern_.fill(content, sequence);
    } else if (const std::size_t filled = input_->read(content); filled < size) {
      if (stop_requested()) return false;
      throw Outcome{ExitCode::short_frame, options_.input + ": ended after " + std::to_string(filled) + " of the " +
                                               std::to_string(size) + " bytes of a frame, which was not sent"};
    }
    const FrameInfo info{described ? array_frame_type : static_cast<std::uint16_t>(options_.type),
                         options_.tag_is_sequence ? sequence : options_.tag};
    digests_->add(sequence, info.type, info.tag, content);
    if (described) {
      const auto now = static_cast<std::int64_t>(monotonic_ns());
      ArrayDescriptor{*array, options_.timestamp_ns, now}.write(claim->data());
    }
    check(claim->commit(frame_size, info));
    session_.totals.add(sequence, frame_size, monotonic_ns());
    session_.note_frame(sequence, info, frame_size);
    return true;
  }

  /// Whether the metadata says already what this array is.
  [[nodiscard]] bool announced(const ArrayFormat& format) {
    if (!known_ && metadata_.bytes) known_ = ArrayFormat::of_metadata(*metadata_.bytes);
    return known_ == format;
  }

  void finish() {
    if (digests_) digests_->close();
    if (!writer_.is_open()) return;
    Result<void> drained;
    if (!stop_requested()) drained = writer_.drain(to_timeout(options_.linger_ms));
    stats_ = writer_.stats();
    unread_ = writer_.close().value();
    if (drained.status() == Status::peer_dead) check(drained);
    if (unread_ != 0 && !stop_requested()) {
      throw Outcome{ExitCode::unread, options_.name + ": " + std::to_string(unread_) + " frames that nobody will read"};
    }
  }

  void report(Json& json) const {
    metadata_.report(json);
    json["blocked_count"] = stats_.blocked_count;
    json["blocked_seconds"] = std::chrono::duration<double>(stats_.blocked_time).count();
    json["unread"] = unread_;
    if (options_.checksum && digests_) json["checksum"] = digests_->checksum();
  }

  void check(const Result<void>& result) const {
    if (!result) throw Outcome::of(result.failure(), options_.name);
  }

  const WriteOptions& options_;
  Session session_;
  Pattern pattern_;
  std::optional<File> input_;
  std::optional<Digests> digests_;
  Writer writer_;
  SeenMetadata metadata_;
  std::optional<ArrayFormat> known_;
  WriterStats stats_;
  std::uint64_t unread_ = 0;
};

}  // namespace

int run(const WriteOptions& options) { return Write(options).run(); }

}  // namespace zerobuffer::relay
