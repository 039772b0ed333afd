// What is behind a SharedWriter: which frames can be shared, the descriptor for each, and the frames that are kept
// until the output's readers have passed them.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "share/kept_frames.hpp"
#include "share/lent_frames.hpp"
#include "stream/watcher.hpp"
#include "zerobuffer/shared_writer.hpp"

namespace zerobuffer::stream {
class ReaderCore;
class WriterCore;
}  // namespace zerobuffer::stream

namespace zerobuffer::share {

/// Lives from over() to close(), and keeps the WriterCore alive as long.
class RelayCore final : public stream::Watched {
 public:
  static Result<RelayCore*> make(stream::WriterCore& output, stream::ReaderCore& source);

  Result<Forwarded> forward(Frame& frame, std::chrono::nanoseconds timeout, const FrameInfo* info) noexcept;
  [[nodiscard]] bool can_share() const noexcept { return why_not_.empty(); }
  [[nodiscard]] const std::string& why_not() const noexcept { return why_not_; }
  std::uint32_t release_passed() noexcept;
  [[nodiscard]] SharedWriterStats stats() const noexcept;
  Result<std::uint64_t> close(std::chrono::nanoseconds linger) noexcept;

 private:
  RelayCore(stream::WriterCore& output, std::shared_ptr<KeptFrames> kept, std::string why_not);
  ~RelayCore() = default;

  // What the waiting thread asks.
  bool worth_a_look(std::int64_t now) noexcept override;
  std::uint32_t arm() noexcept override;
  void disarm() noexcept override {}
  std::uint32_t& word() noexcept override;
  std::int64_t longest_first_sleep() noexcept override;

  /// Fills the descriptor; false where the frame cannot be shared.
  [[nodiscard]] bool describe(const Frame& frame, protocol::Descriptor& descriptor) noexcept;

  stream::WriterCore& output_;
  std::shared_ptr<KeptFrames> kept_;
  std::string why_not_;
  std::int64_t looked_at_ = 0;
  stream::Counter shared_frames_;
  stream::Counter shared_bytes_;
  stream::Counter copied_frames_;
  stream::Counter copied_bytes_;
};

}  // namespace zerobuffer::share
