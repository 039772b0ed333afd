// What a handle of C is, and how a Frame or a Claim changes hands between its C++ object and its C struct: exactly one
// of the two holds it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "zerobuffer/reader.hpp"
#include "zerobuffer/writer.hpp"
#include "zerobuffer/zerobuffer.h"

struct zb_reader {
  zerobuffer::Reader end;
};
struct zb_writer {
  zerobuffer::Writer end;
  std::optional<zerobuffer::Batch> batch;  // goes before `end`
};
struct zb_mapping {
  std::shared_ptr<const void> memory;
};

namespace zerobuffer::c_api {

struct Handover {
  static zb_frame give(Frame&& frame) noexcept {
    return {std::exchange(frame.core_, nullptr),
            frame.data_,
            frame.size_,
            frame.sequence_,
            frame.tag_,
            frame.held_,
            frame.type_,
            0};
  }
  static Frame take(zb_frame& frame) noexcept {
    return {static_cast<stream::ReaderCore*>(std::exchange(frame.owner, nullptr)),
            {static_cast<const std::byte*>(frame.data), frame.size},
            frame.sequence,
            frame.tag,
            frame.slot,
            frame.type};
  }
  static zb_claim give(Claim&& claim) noexcept {
    return {std::exchange(claim.core_, nullptr), claim.data_, claim.size_};
  }
  static Claim take(zb_claim& claim) noexcept {
    return {static_cast<stream::WriterCore*>(std::exchange(claim.owner, nullptr)), static_cast<std::byte*>(claim.data),
            claim.size};
  }
};

[[nodiscard]] inline zb_mapping* keep(std::shared_ptr<const void> memory) noexcept {
  return memory ? new (std::nothrow) zb_mapping{std::move(memory)} : nullptr;
}

/// A timeout of C; what is negative counts as 0.
[[nodiscard]] constexpr std::chrono::nanoseconds to_timeout(std::int64_t nanoseconds) noexcept {
  return std::chrono::nanoseconds(nanoseconds > 0 ? nanoseconds : 0);
}

}  // namespace zerobuffer::c_api
