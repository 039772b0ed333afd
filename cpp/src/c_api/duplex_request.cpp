// A taken request and its answer, for C.
#include "c_api/answer.hpp"
#include "c_api/duplex_handover.hpp"

using namespace zerobuffer;
using namespace zerobuffer::c_api;

namespace {

/// One use of a request. It stays in the struct until it is answered.
template <class Use>
[[gnu::always_inline]] inline auto use_request(zb_request* request, Use&& use) noexcept {
  Request cpp = DuplexHandover::take(*request);
  auto result = use(cpp);
  if (cpp.valid()) {
    *request = DuplexHandover::give(std::move(cpp));
  } else {
    request->data = nullptr;
    request->size = 0;
    request->bytes = nullptr;
  }
  return result;
}

}  // namespace

zb_status zb_request_claim(zb_request* request, size_t size, void** room) {
  if (room == nullptr) return invalid("there is nowhere to put the room (NULL)");
  *room = nullptr;
  if (request == nullptr) return failed(Status::handle_closed);
  Result<std::span<std::byte>> claimed = use_request(request, [&](Request& cpp) { return cpp.claim(size); });
  if (claimed) *room = claimed->data();
  return answer(claimed);
}
zb_status zb_request_respond(zb_request* request, size_t n, uint16_t type) {
  if (request == nullptr) return failed(Status::handle_closed);
  Result<void> answered = use_request(request, [&](Request& cpp) { return cpp.respond(n, type); });
  return answer(answered);
}
zb_status zb_request_write(zb_request* request, const void* answer_bytes, size_t size, uint16_t type) {
  if (request == nullptr) return failed(Status::handle_closed);
  if (missing(answer_bytes, size)) return invalid("the answer is NULL and its size is not 0");
  Result<void> answered =
      use_request(request, [&](Request& cpp) { return cpp.write(bytes_of(answer_bytes, size), type); });
  return answer(answered);
}
void zb_request_fail(zb_request* request, const char* text) {
  if (request == nullptr) return;
  use_request(request, [&](Request& cpp) {
    cpp.fail(text != nullptr ? text : "");
    return true;
  });
}
void zb_request_finish(zb_request* request) {
  if (request == nullptr) return;
  use_request(request, [](Request& cpp) {
    cpp = Request();
    return true;
  });
}
