// Forwarding without copying, for C: each function is one call of zerobuffer::SharedWriter.
#include "zerobuffer/shared_writer.hpp"

#include <memory>

#include "c_api/answer.hpp"
#include "c_api/handover.hpp"
#include "c_api/sized.hpp"

using namespace zerobuffer;
using namespace zerobuffer::c_api;

struct zb_shared_writer {
  SharedWriter end;
};

namespace {
static_assert(ZB_FORWARDED_SHARED == static_cast<int>(Forwarded::shared));
static_assert(ZB_FORWARDED_COPIED == static_cast<int>(Forwarded::copied));

/// One attempt to forward. The frame comes back where it was refused.
template <class Forward>
[[gnu::always_inline]] inline zb_status forward_frame(zb_shared_writer* shared, zb_frame* frame, uint32_t* how,
                                                      Forward&& forward) noexcept {
  if (shared == nullptr) return failed(Status::handle_closed);
  if (frame == nullptr) return invalid("there is no frame (NULL)");
  Frame cpp = Handover::take(*frame);
  Result<Forwarded> forwarded = forward(shared->end, std::move(cpp));
  if (cpp.valid()) {  // NOLINT(bugprone-use-after-move): forward() leaves a frame that it refuses where it was
    *frame = Handover::give(std::move(cpp));
  } else {
    frame->data = nullptr;
    frame->size = 0;
  }
  if (forwarded && how != nullptr) *how = static_cast<uint32_t>(*forwarded);
  return answer(forwarded);
}
}  // namespace

zb_status zb_shared_writer_create(zb_writer* output, zb_reader* source, zb_shared_writer** shared) {
  return guarded([&] {
    if (shared == nullptr) return invalid("there is nowhere to put the shared writer (NULL)");
    *shared = nullptr;
    if (output == nullptr || source == nullptr) return failed(Status::handle_closed);
    auto handle = std::make_unique<zb_shared_writer>();
    Result<SharedWriter> made = SharedWriter::over(output->end, source->end);
    if (!made) return answer(made);
    handle->end = std::move(*made);
    *shared = handle.release();
    return ZB_OK;
  });
}

zb_status zb_shared_writer_forward(zb_shared_writer* shared, zb_frame* frame, int64_t timeout_ns, uint32_t* how) {
  return forward_frame(shared, frame, how, [&](SharedWriter& end, Frame&& cpp) {
    return end.forward(std::move(cpp), to_timeout(timeout_ns));
  });
}
zb_status zb_shared_writer_forward_as(zb_shared_writer* shared, zb_frame* frame, int64_t timeout_ns, uint16_t type,
                                      uint64_t tag, uint32_t* how) {
  return forward_frame(shared, frame, how, [&](SharedWriter& end, Frame&& cpp) {
    return end.forward(std::move(cpp), to_timeout(timeout_ns), {type, tag});
  });
}

bool zb_shared_writer_can_share(const zb_shared_writer* shared) { return shared != nullptr && shared->end.can_share(); }
size_t zb_shared_writer_why_not(const zb_shared_writer* shared, char* buffer, size_t size) {
  return write_text(buffer, size, [&] { return shared != nullptr ? shared->end.why_not() : std::string(); });
}
uint32_t zb_shared_writer_release_passed(zb_shared_writer* shared) {
  return shared != nullptr ? shared->end.release_passed() : 0;
}

zb_status zb_shared_writer_get_stats(const zb_shared_writer* shared, zb_shared_writer_stats* stats) {
  if (shared == nullptr) return failed(Status::handle_closed);
  const SharedWriterStats cpp = shared->end.stats();
  zb_shared_writer_stats c{};
  c.shared_frames = cpp.shared_frames;
  c.shared_bytes = cpp.shared_bytes;
  c.copied_frames = cpp.copied_frames;
  c.copied_bytes = cpp.copied_bytes;
  c.given_up = cpp.given_up;
  c.kept = cpp.kept;
  return store_sized(c, stats) ? ZB_OK : invalid("the stats are NULL, or their struct_size was not set");
}

zb_status zb_shared_writer_close(zb_shared_writer* shared, int64_t linger_ns, uint64_t* given_up) {
  if (given_up != nullptr) *given_up = 0;
  if (shared == nullptr) return ZB_OK;
  const std::unique_ptr<zb_shared_writer> handle(shared);
  Result<std::uint64_t> left = handle->end.close(to_timeout(linger_ns));
  if (left && given_up != nullptr) *given_up = *left;
  return answer(left);
}
