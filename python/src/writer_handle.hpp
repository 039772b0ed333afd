// An open writer with its one claim and its one batch, which live here so that closing ends them in the right order.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "array_layout.hpp"
#include "handle.hpp"
#include "zerobuffer/writer.hpp"

namespace zerobuffer::python {

class WriterHandle final : public Handle {
 public:
  WriterHandle(Writer&& end, FullPolicy full);

  static std::shared_ptr<WriterHandle> make(bool create, const std::optional<std::string>& name, std::optional<int> fd,
                                            const pybind11::object& timeout, const BufferConfig& config);

  /// Takes a claim; its number, by which a Slot names it, and its bytes.
  std::pair<std::uint64_t, std::span<std::byte>> keep(Claim&& claim);
  [[nodiscard]] bool has_claim(std::uint64_t ticket) const noexcept {
    return open() && claim_.valid() && ticket == ticket_;
  }
  void commit(std::uint64_t ticket, std::size_t n, FrameInfo info);
  void discard(std::uint64_t ticket) noexcept;

  bool write(pybind11::handle data, const pybind11::object& timeout, FrameInfo info);
  bool try_write(pybind11::handle data, FrameInfo info);
  /// Sends an array that is as the metadata says of all; nothing where it is not.
  std::optional<bool> write_known(pybind11::handle array, const pybind11::object& timeout, FrameInfo info);
  /// What the metadata says of every plain frame; null: nothing that this class knows.
  void know(std::shared_ptr<ArrayLayout> layout) noexcept { known_ = std::move(layout); }
  std::size_t write_messages(pybind11::handle messages, pybind11::handle message_size, const pybind11::object& timeout,
                             FrameInfo info);
  void write_metadata(pybind11::handle metadata);
  bool wait_for_readers(std::uint32_t n, const pybind11::object& timeout);
  bool drain(const pybind11::object& timeout);
  std::uint32_t forget_dead_readers();
  std::uint64_t close_after(const pybind11::object& linger);
  void interrupt();
  /// The wait of a task for room; see Handle::begin_wait.
  int ask(std::size_t size);
  void begin_batch();
  void end_batch() noexcept;

  /// Whether a frame without room is dropped rather than waited with.
  [[nodiscard]] bool drops() const noexcept { return full_ == FullPolicy::drop; }
  [[nodiscard]] Writer& end() noexcept { return end_; }
  [[nodiscard]] std::shared_ptr<const void> mapping() const { return mapping_; }
  [[nodiscard]] WriterStats stats() const { return open() ? end_.stats() : stats_; }
  [[nodiscard]] BufferInfo info() const { return open() ? end_.info() : info_; }
  [[nodiscard]] int fileno() const { return open() ? end_.fd() : -1; }

 private:
  void interrupt_end() noexcept override { end_.interrupt(); }
  void set_hook(WaitHook hook, void* context) noexcept override { end_.set_wait_hook(hook, context); }
  void close_end() override;
  void cancel_wish() noexcept override { end_.cancel_when(); }
  void after_use() noexcept override;
  bool write_bytes(std::span<const std::byte> bytes, const pybind11::object& timeout, FrameInfo info);

  Writer end_;
  Claim claim_;                 // ends before end_ does
  std::optional<Batch> batch_;  // likewise
  std::shared_ptr<const void> mapping_;
  FullPolicy full_;
  BufferInfo info_;
  std::shared_ptr<const ArrayLayout> known_;
  WriterStats stats_;
  std::uint64_t ticket_ = 0;
  std::uint64_t unread_ = 0;    // what close() answered
  bool discard_later_ = false;  // the claim was given up while another thread was inside a call
};

}  // namespace zerobuffer::python
