// One participant of a segment: its place (the writer's, or a reader's slot) and the kernel lock that says it lives.
// Making, opening, joining, leaving, probing the others. Knows nothing of frames or waiting.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "buffer/segment.hpp"
#include "os/locks.hpp"
#include "os/process.hpp"
#include "ring/signal.hpp"
#include "ring/slots.hpp"
#include "ring/writer.hpp"
#include "zerobuffer/config.hpp"

namespace zerobuffer::buffer {

/// A stream has a writer and readers. A duplex segment has a server, whose place is the writer's, and clients, each of
/// whose lanes is a reader's slot. A pin is a reader of another buffer, which looks at frames of this one.
enum class Role : std::uint8_t { writer, reader, server, client, pin };

class Attachment {
 public:
  /// A new named buffer with ourselves in it; stale ones of that name are taken over; exist_ok opens a living one.
  static Result<Attachment> create(std::string_view name, const BufferConfig& config, Role role);
  /// A server with the geometry of its segment; `config` says how it behaves. With exist_ok it succeeds a dead one.
  static Result<Attachment> create(std::string_view name, const BufferConfig& config, Role role,
                                   const Geometry& geometry);
  static Result<Attachment> create_anonymous(const BufferConfig& config, Role role);
  static Result<Attachment> open(std::string_view name, std::chrono::nanoseconds timeout, const BufferConfig& config,
                                 Role role);
  static Result<Attachment> open_fd(int fd, const BufferConfig& config, Role role);
  /// Another place in a segment that one is attached to: one more lane of a client.
  static Result<Attachment> open_again(const Attachment& first, const BufferConfig& config);
  /// A buffer whose frames another buffer's reader will look at: mapped, the payload read-only; no place is taken yet.
  /// @return not_found where no buffer of this name has this id and shares its frames; else as open().
  static Result<Attachment> open_source(std::string_view name, std::span<const std::uint8_t, 16> segment_id,
                                        const BufferConfig& config);

  [[nodiscard]] const Segment& segment() const noexcept { return segment_; }
  /// A ring of a duplex segment: where its control block, slots and records are in this process.
  Result<ring::RingMemory> map_ring(std::uint32_t index, const BufferConfig& config, os::Access access);
  [[nodiscard]] protocol::Oieb& oieb() const noexcept { return segment_.oieb(); }
  [[nodiscard]] BufferInfo info() const noexcept;
  [[nodiscard]] bool created() const noexcept { return created_; }
  [[nodiscard]] bool named() const noexcept { return !name_.empty(); }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Not the process that attached any more: a forked child, or exit() has given the place up.
  [[nodiscard]] bool forked() const noexcept {
    return os::forked_since(ring::NativeAtomics::load_relaxed(generation_));
  }
  [[nodiscard]] ring::Barriers barriers() const noexcept { return barriers_; }

  // A reader's own place.
  [[nodiscard]] std::uint32_t slot_index() const noexcept { return slot_; }
  [[nodiscard]] std::uint64_t slot_bit() const noexcept { return std::uint64_t{1} << slot_; }
  [[nodiscard]] protocol::ReaderSlot& slot() const noexcept { return segment_.slots()[slot_]; }
  [[nodiscard]] protocol::PlaceWord place() const noexcept { return place_; }
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  /// Where the reader resumed too late: the sequence of the last frame its predecessor let go.
  [[nodiscard]] std::optional<std::uint64_t> resumed_after() const noexcept { return resumed_after_; }
  /// False once the writer has taken the slot away.
  [[nodiscard]] bool owns_slot() const noexcept;
  /// No reader any more for end of stream and death; what it holds stays pinned.
  void begin_leave() noexcept;

  // A pin's own place.
  /// Takes a pin's slot, which is parked then. False where none is free, or the buffer is being removed.
  [[nodiscard]] bool take_pin(std::span<const std::uint8_t, 16> pinned_for);
  [[nodiscard]] bool has_pin() const noexcept { return !left_; }
  [[nodiscard]] protocol::ReaderSlot& pin() const noexcept { return segment_.pins()[slot_]; }
  /// Gives it back; it may be taken again.
  void leave_pin() noexcept;

  /// Gives the place up and the lock with it; the last one out removes the name. Again is harmless.
  void leave() noexcept;
  /// The same for the end of the process: every later use of this is refused as in a forked child.
  void leave_at_exit() noexcept;

  // The others.
  [[nodiscard]] protocol::PlaceWord writer_place() const noexcept;
  [[nodiscard]] bool writer_lock_held() const noexcept;
  [[nodiscard]] bool slot_lock_held(std::uint32_t slot) const noexcept;
  /// The writer: frees a slot whose owner is dead, whose word was `seen` before its lock was found free.
  bool free_dead_slot(std::uint32_t slot, protocol::PlaceWord seen) noexcept;
  /// The writer: takes its place away from a living reader whose position cannot be.
  bool evict_slot(std::uint32_t slot, protocol::PlaceWord seen) noexcept;
  // The same for pins.
  [[nodiscard]] bool pin_lock_held(std::uint32_t pin) const noexcept;
  bool free_dead_pin(std::uint32_t pin, protocol::PlaceWord seen) noexcept;
  bool evict_pin(std::uint32_t pin, protocol::PlaceWord seen) noexcept;

 private:
  static constexpr std::uint64_t process_ending = ~std::uint64_t{0};  // a generation that no process has

  Attachment() = default;

  /// @param wanted geometry that the buffer must have, where one is asked for (exist_ok)
  static Result<Attachment> open_named(std::string_view name, std::chrono::nanoseconds timeout,
                                       const BufferConfig& config, Role role, const std::optional<Geometry>& wanted);
  Result<void> attach(os::File file, const BufferConfig& config, Role role, const std::string& what,
                      const std::optional<Geometry>& wanted);
  Result<void> build(os::File file, const BufferConfig& config, Role role, const Geometry& geometry);
  Result<void> take_writer_place(const std::string& what);
  Result<void> take_slot(JoinAt join, const std::string& what);
  bool try_slot(std::uint32_t index, JoinAt join, bool take_dead);
  bool try_pin(std::uint32_t index);
  [[nodiscard]] std::uint64_t frames_before(std::uint64_t position) const noexcept;
  void set_up_barriers();
  [[nodiscard]] bool writes() const noexcept { return role_ == Role::writer || role_ == Role::server; }
  [[nodiscard]] bool in_duplex() const noexcept { return role_ == Role::server || role_ == Role::client; }
  [[nodiscard]] std::uint64_t slot_byte(std::uint32_t slot) const noexcept;
  [[nodiscard]] std::uint64_t pin_byte(std::uint32_t pin) const noexcept;
  void give_up_place(const Segment& segment) noexcept;

  Segment segment_;
  os::LockFile locks_;
  std::string name_;
  Role role_ = Role::writer;
  bool created_ = false;
  bool left_ = true;  // nothing to leave yet
  std::uint32_t slot_ = 0;
  protocol::PlaceWord place_;
  std::uint64_t position_ = 0;
  std::optional<std::uint64_t> resumed_after_;
  ring::Barriers barriers_;
  bool sleeps_always_ = false;  // asks for fences: a membarrier at each sleep would stop the other side where it runs
  std::uint64_t generation_ = 0;
};

}  // namespace zerobuffer::buffer
