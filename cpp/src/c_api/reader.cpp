// The reading half of the C interface: each function is one call of zerobuffer::Reader.
#include "zerobuffer/reader.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>

#include "c_api/answer.hpp"
#include "c_api/config.hpp"
#include "c_api/handover.hpp"
#include "c_api/sized.hpp"

using namespace zerobuffer;
using namespace zerobuffer::c_api;

namespace {

template <class Make>
zb_status make_reader(const zb_buffer_config* config, zb_reader** out, Make&& make) noexcept {
  return guarded([&] {
    if (out == nullptr) return invalid("there is nowhere to put the reader (NULL)");
    *out = nullptr;
    Result<BufferConfig> with = to_cpp(config);
    if (!with) return answer(with);
    auto handle = std::make_unique<zb_reader>();
    Result<Reader> made = make(*with);
    if (!made) return answer(made);
    handle->end = std::move(*made);
    *out = handle.release();
    return ZB_OK;
  });
}

template <class Read>
[[gnu::always_inline]] inline zb_status read_into(zb_reader* reader, zb_frame* out, Read&& read) noexcept {
  if (out == nullptr) [[unlikely]] {
    return invalid("there is nowhere to put the frame (NULL)");
  }
  out->owner = nullptr;
  if (reader == nullptr) [[unlikely]] {
    return failed(Status::handle_closed);
  }
  Result<Frame> frame = read(reader->end);
  if (!frame) return answer(frame);
  *out = Handover::give(std::move(*frame));
  return ZB_OK;
}

}  // namespace

zb_status zb_reader_create(const char* name, const zb_buffer_config* config, zb_reader** reader) {
  return make_reader(config, reader, [&](const BufferConfig& with) -> Result<Reader> {
    if (name == nullptr) return no_name();
    return Reader::create(name, with);
  });
}
zb_status zb_reader_open(const char* name, int64_t timeout_ns, const zb_buffer_config* config, zb_reader** reader) {
  return make_reader(config, reader, [&](const BufferConfig& with) -> Result<Reader> {
    if (name == nullptr) return no_name();
    return Reader::open(name, to_timeout(timeout_ns), with);
  });
}
zb_status zb_reader_create_anonymous(const zb_buffer_config* config, zb_reader** reader) {
  return make_reader(config, reader, [](const BufferConfig& with) { return Reader::create_anonymous(with); });
}
zb_status zb_reader_open_fd(int fd, const zb_buffer_config* config, zb_reader** reader) {
  return make_reader(config, reader, [&](const BufferConfig& with) { return Reader::open_fd(fd, with); });
}

zb_status zb_reader_read(zb_reader* reader, int64_t timeout_ns, zb_frame* frame) {
  return read_into(reader, frame, [&](Reader& end) { return end.read(to_timeout(timeout_ns)); });
}
zb_status zb_reader_try_read(zb_reader* reader, zb_frame* frame) {
  return read_into(reader, frame, [](Reader& end) { return end.try_read(); });
}
zb_status zb_reader_read_newest(zb_reader* reader, int64_t timeout_ns, zb_frame* frame) {
  return read_into(reader, frame, [&](Reader& end) { return end.read_newest(to_timeout(timeout_ns)); });
}

zb_status zb_reader_read_many(zb_reader* reader, int64_t timeout_ns, zb_frame* frames, size_t capacity, size_t* count) {
  if (count == nullptr) return invalid("there is nowhere to put the count (NULL)");
  *count = 0;
  if (reader == nullptr) return failed(Status::handle_closed);
  if (frames == nullptr || capacity == 0) return invalid("there is no room for a frame (NULL, or a capacity of 0)");
  // the caller's memory serves as room for the C++ frames first
  static_assert(sizeof(Frame) == sizeof(zb_frame));
  static_assert(alignof(Frame) == alignof(zb_frame));
  auto* const cpp_frames = reinterpret_cast<Frame*>(frames);
  std::uninitialized_default_construct_n(cpp_frames, capacity);
  Result<std::size_t> taken = reader->end.read_many({cpp_frames, capacity}, to_timeout(timeout_ns));
  for (std::size_t i = 0; i < capacity; ++i) {
    const zb_frame frame = Handover::give(std::move(cpp_frames[i]));
    std::destroy_at(cpp_frames + i);
    new (frames + i) zb_frame(frame);
  }
  if (!taken) return answer(taken);
  *count = *taken;
  return ZB_OK;
}

zb_status zb_reader_read_messages(zb_reader* reader, int64_t timeout_ns, void* messages, size_t message_size,
                                  size_t capacity, size_t* count) {
  if (count == nullptr) return invalid("there is nowhere to put the count (NULL)");
  *count = 0;
  if (reader == nullptr) return failed(Status::handle_closed);
  if (messages == nullptr || capacity == 0) return invalid("there is no room for a message (NULL, or a capacity of 0)");
  if (message_size == 0 || capacity > SIZE_MAX / message_size) return invalid("the message size is 0, or impossible");
  const std::span<std::byte> into{static_cast<std::byte*>(messages), message_size * capacity};
  Result<std::size_t> copied = reader->end.read_messages(into, message_size, to_timeout(timeout_ns));
  if (!copied) return answer(copied);
  *count = *copied;
  return ZB_OK;
}

void zb_frame_release(zb_frame* frame) {
  if (frame == nullptr) return;
  Handover::take(*frame).release();
  frame->data = nullptr;
  frame->size = 0;
}

zb_status zb_reader_metadata(zb_reader* reader, int64_t timeout_ns, void* buffer, size_t capacity, size_t* size) {
  if (size == nullptr) return invalid("there is nowhere to put the size (NULL)");
  *size = 0;
  if (reader == nullptr) return failed(Status::handle_closed);
  if (buffer == nullptr && capacity != 0) return invalid("the buffer is NULL and its capacity is not 0");
  return guarded([&] {
    Result<std::vector<std::byte>> metadata = reader->end.metadata(to_timeout(timeout_ns));
    if (!metadata) return answer(metadata);
    *size = metadata->size();
    if (const std::size_t length = std::min(metadata->size(), capacity); length != 0) {
      std::memcpy(buffer, metadata->data(), length);
    }
    return ZB_OK;
  });
}

zb_status zb_reader_when_ready(zb_reader* reader, zb_ready_callback callback, void* context) {
  if (reader == nullptr) return failed(Status::handle_closed);
  return guarded([&] {
    Result<void> asked = reader->end.when_ready(callback, context);
    return answer(asked);
  });
}
zb_status zb_reader_when_metadata(zb_reader* reader, zb_ready_callback callback, void* context) {
  if (reader == nullptr) return failed(Status::handle_closed);
  return guarded([&] {
    Result<void> asked = reader->end.when_metadata(callback, context);
    return answer(asked);
  });
}
bool zb_reader_cancel_when(zb_reader* reader) { return reader != nullptr && reader->end.cancel_when(); }

void zb_reader_interrupt(zb_reader* reader) {
  if (reader != nullptr) reader->end.interrupt();
}
void zb_reader_set_wait_hook(zb_reader* reader, zb_wait_hook hook, void* context) {
  if (reader != nullptr) reader->end.set_wait_hook(hook, context);
}

zb_status zb_reader_get_stats(const zb_reader* reader, zb_reader_stats* stats) {
  if (reader == nullptr) return failed(Status::handle_closed);
  const ReaderStats cpp = reader->end.stats();
  zb_reader_stats c{};
  c.frames = cpp.frames;
  c.bytes = cpp.bytes;
  c.lost = cpp.lost;
  c.skipped = cpp.skipped;
  c.dropped = cpp.dropped;
  c.sleeps = cpp.sleeps;
  c.barriers = cpp.barriers;
  c.wakes = cpp.wakes;
  c.liveness_checks = cpp.liveness_checks;
  c.unread_bytes = cpp.unread_bytes;
  c.held = cpp.held;
  c.shared_frames = cpp.shared_frames;
  c.shared_copied_bytes = cpp.shared_copied_bytes;
  return store_sized(c, stats) ? ZB_OK : invalid("the stats are NULL, or their struct_size was not set");
}
zb_status zb_reader_get_info(const zb_reader* reader, zb_buffer_info* info) {
  return reader != nullptr ? store_info(reader->end.info(), info) : failed(Status::handle_closed);
}
zb_mapping* zb_reader_mapping(const zb_reader* reader) {
  return reader != nullptr ? keep(reader->end.mapping()) : nullptr;
}
void zb_mapping_release(zb_mapping* mapping) { delete mapping; }
int zb_reader_fd(const zb_reader* reader) { return reader != nullptr ? reader->end.fd() : -1; }

void zb_reader_close(zb_reader* reader) { delete reader; }
