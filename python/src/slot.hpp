// A claimed place in the ring as a writable Python buffer. Views of it keep the mapping alive, never the place: after
// the slot was published, discarded, or its writer closed, a view that was kept can be written without a fault, to no
// good.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "writer_handle.hpp"
#include "zerobuffer/frame.hpp"

namespace zerobuffer::python {

class Slot {
 public:
  Slot(std::shared_ptr<WriterHandle> writer, std::uint64_t ticket, std::span<std::byte> data, FrameInfo info)
      : writer_(std::move(writer)), mapping_(writer_->mapping()), ticket_(ticket), data_(data), info_(info) {}
  ~Slot() { writer_->discard(ticket_); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

  [[nodiscard]] std::span<std::byte> data() const noexcept { return data_; }
  [[nodiscard]] bool open() const noexcept { return writer_->has_claim(ticket_); }
  /// Publishes the first n bytes; all of them without n.
  void commit(std::optional<std::size_t> n) {
    writer_->commit(ticket_, n.value_or(data_.size()), info_);
    done_ = true;
  }
  void discard() {
    writer_->discard(ticket_);
    done_ = true;
  }
  /// Leaving the block: publishes, or gives up, what was neither published nor discarded inside.
  void leave(bool failed) {
    if (done_) return;
    if (failed) {
      discard();
    } else {
      commit(std::nullopt);
    }
  }

 private:
  std::shared_ptr<WriterHandle> writer_;
  std::shared_ptr<const void> mapping_;
  std::uint64_t ticket_;
  std::span<std::byte> data_;
  FrameInfo info_;
  bool done_ = false;
};

void bind_slot(pybind11::module_& module);

}  // namespace zerobuffer::python
