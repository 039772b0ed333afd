// The writing half of the C interface: each function is one call of zerobuffer::Writer.
#include "zerobuffer/writer.hpp"

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
zb_status make_writer(const zb_buffer_config* config, zb_writer** out, Make&& make) noexcept {
  return guarded([&] {
    if (out == nullptr) return invalid("there is nowhere to put the writer (NULL)");
    *out = nullptr;
    Result<BufferConfig> with = to_cpp(config);
    if (!with) return answer(with);
    auto handle = std::make_unique<zb_writer>();
    Result<Writer> made = make(*with);
    if (!made) return answer(made);
    handle->end = std::move(*made);
    *out = handle.release();
    return ZB_OK;
  });
}

template <class Take>
[[gnu::always_inline]] inline zb_status claim_into(zb_writer* writer, zb_claim* out, Take&& take) noexcept {
  if (out == nullptr) [[unlikely]] {
    return invalid("there is nowhere to put the claim (NULL)");
  }
  out->owner = nullptr;
  if (writer == nullptr) [[unlikely]] {
    return failed(Status::handle_closed);
  }
  Result<Claim> claim = take(writer->end);
  if (!claim) return answer(claim);
  *out = Handover::give(std::move(*claim));
  return ZB_OK;
}

/// One call of the writer with nothing to hand out.
template <class Call>
[[gnu::always_inline]] inline zb_status on(zb_writer* writer, Call&& call) noexcept {
  if (writer == nullptr) [[unlikely]] {
    return failed(Status::handle_closed);
  }
  auto result = call(writer->end);
  return answer(result);
}

std::span<const std::byte> bytes(const void* data, std::size_t size) noexcept {
  return {static_cast<const std::byte*>(data), size};
}

}  // namespace

zb_status zb_writer_create(const char* name, const zb_buffer_config* config, zb_writer** writer) {
  return make_writer(config, writer, [&](const BufferConfig& with) -> Result<Writer> {
    if (name == nullptr) return no_name();
    return Writer::create(name, with);
  });
}
zb_status zb_writer_open(const char* name, int64_t timeout_ns, const zb_buffer_config* config, zb_writer** writer) {
  return make_writer(config, writer, [&](const BufferConfig& with) -> Result<Writer> {
    if (name == nullptr) return no_name();
    return Writer::open(name, to_timeout(timeout_ns), with);
  });
}
zb_status zb_writer_create_anonymous(const zb_buffer_config* config, zb_writer** writer) {
  return make_writer(config, writer, [](const BufferConfig& with) { return Writer::create_anonymous(with); });
}
zb_status zb_writer_open_fd(int fd, const zb_buffer_config* config, zb_writer** writer) {
  return make_writer(config, writer, [&](const BufferConfig& with) { return Writer::open_fd(fd, with); });
}

zb_status zb_writer_claim(zb_writer* writer, size_t size, int64_t timeout_ns, zb_claim* claim) {
  return claim_into(writer, claim, [&](Writer& end) { return end.claim(size, to_timeout(timeout_ns)); });
}
zb_status zb_writer_try_claim(zb_writer* writer, size_t size, zb_claim* claim) {
  return claim_into(writer, claim, [&](Writer& end) { return end.try_claim(size); });
}

zb_status zb_claim_commit(zb_claim* claim, size_t n, uint16_t type, uint64_t tag) {
  if (claim == nullptr) return failed(Status::handle_closed);
  Claim cpp = Handover::take(*claim);
  Result<void> committed = cpp.commit(n, {type, tag});
  if (cpp.valid()) {
    *claim = Handover::give(std::move(cpp));  // n was too large
  } else {
    *claim = {};
  }
  return answer(committed);
}
void zb_claim_discard(zb_claim* claim) {
  if (claim == nullptr) return;
  Handover::take(*claim).discard();
  *claim = {};
}

zb_status zb_writer_write(zb_writer* writer, const void* data, size_t size, int64_t timeout_ns, uint16_t type,
                          uint64_t tag) {
  if (data == nullptr && size != 0) return invalid("the data is NULL and its size is not 0");
  return on(writer, [&](Writer& end) { return end.write(bytes(data, size), to_timeout(timeout_ns), {type, tag}); });
}
zb_status zb_writer_try_write(zb_writer* writer, const void* data, size_t size, uint16_t type, uint64_t tag) {
  if (data == nullptr && size != 0) return invalid("the data is NULL and its size is not 0");
  return on(writer, [&](Writer& end) { return end.try_write(bytes(data, size), {type, tag}); });
}

zb_status zb_writer_write_messages(zb_writer* writer, const void* messages, size_t message_size, size_t count,
                                   int64_t timeout_ns, uint16_t type, uint64_t tag, size_t* written) {
  if (written == nullptr) return invalid("there is nowhere to put how many were written (NULL)");
  *written = 0;
  if (writer == nullptr) return failed(Status::handle_closed);
  if (messages == nullptr && count != 0) return invalid("the messages are NULL and their number is not 0");
  if (message_size == 0 || count > SIZE_MAX / message_size) return invalid("the message size is 0, or impossible");
  Result<std::size_t> sent = writer->end.write_messages(bytes(messages, count * message_size), message_size,
                                                        to_timeout(timeout_ns), {type, tag});
  if (!sent) return answer(sent);
  *written = *sent;
  return ZB_OK;
}

void zb_writer_begin_batch(zb_writer* writer) {
  if (writer == nullptr) return;
  if (!writer->batch) writer->batch.emplace(writer->end.batch());
}
void zb_writer_end_batch(zb_writer* writer) {
  if (writer != nullptr) writer->batch.reset();
}

zb_status zb_writer_write_metadata(zb_writer* writer, const void* metadata, size_t size) {
  if (metadata == nullptr && size != 0) return invalid("the metadata is NULL and its size is not 0");
  return on(writer, [&](Writer& end) { return end.write_metadata(bytes(metadata, size)); });
}
zb_status zb_writer_wait_for_readers(zb_writer* writer, uint32_t n, int64_t timeout_ns) {
  return on(writer, [&](Writer& end) { return end.wait_for_readers(n, to_timeout(timeout_ns)); });
}
zb_status zb_writer_drain(zb_writer* writer, int64_t timeout_ns) {
  return on(writer, [&](Writer& end) { return end.drain(to_timeout(timeout_ns)); });
}
zb_status zb_writer_forget_dead_readers(zb_writer* writer, uint32_t* freed) {
  if (freed != nullptr) *freed = 0;
  if (writer == nullptr) return failed(Status::handle_closed);
  Result<std::uint32_t> count = writer->end.forget_dead_readers();
  if (count && freed != nullptr) *freed = *count;
  return answer(count);
}

zb_status zb_writer_when_ready(zb_writer* writer, size_t size, zb_ready_callback callback, void* context) {
  if (writer == nullptr) return failed(Status::handle_closed);
  return guarded([&] {
    Result<void> asked = writer->end.when_ready(size, callback, context);
    return answer(asked);
  });
}
bool zb_writer_cancel_when(zb_writer* writer) { return writer != nullptr && writer->end.cancel_when(); }

void zb_writer_interrupt(zb_writer* writer) {
  if (writer != nullptr) writer->end.interrupt();
}
void zb_writer_set_wait_hook(zb_writer* writer, zb_wait_hook hook, void* context) {
  if (writer != nullptr) writer->end.set_wait_hook(hook, context);
}

zb_status zb_writer_get_stats(const zb_writer* writer, zb_writer_stats* stats) {
  if (writer == nullptr) return failed(Status::handle_closed);
  const WriterStats cpp = writer->end.stats();
  zb_writer_stats c{};
  c.frames = cpp.frames;
  c.bytes = cpp.bytes;
  c.dropped = cpp.dropped;
  c.wraps = cpp.wraps;
  c.early_restarts = cpp.early_restarts;
  c.blocked_count = cpp.blocked_count;
  c.blocked_ns = static_cast<std::uint64_t>(cpp.blocked_time.count());
  c.readers_lost = cpp.readers_lost;
  c.sleeps = cpp.sleeps;
  c.barriers = cpp.barriers;
  c.wakes = cpp.wakes;
  c.liveness_checks = cpp.liveness_checks;
  c.unread_bytes = cpp.unread_bytes;
  c.readers = cpp.readers;
  return store_sized(c, stats) ? ZB_OK : invalid("the stats are NULL, or their struct_size was not set");
}
zb_status zb_writer_get_info(const zb_writer* writer, zb_buffer_info* info) {
  return writer != nullptr ? store_info(writer->end.info(), info) : failed(Status::handle_closed);
}
zb_mapping* zb_writer_mapping(const zb_writer* writer) {
  return writer != nullptr ? keep(writer->end.mapping()) : nullptr;
}
int zb_writer_fd(const zb_writer* writer) { return writer != nullptr ? writer->end.fd() : -1; }

zb_status zb_writer_close(zb_writer* writer, int64_t linger_ns, uint64_t* unread) {
  if (unread != nullptr) *unread = 0;
  if (writer == nullptr) return ZB_OK;
  const std::unique_ptr<zb_writer> handle(writer);
  handle->batch.reset();
  Result<std::uint64_t> left = handle->end.close(to_timeout(linger_ns));
  if (left && unread != nullptr) *unread = *left;
  return answer(left);
}
