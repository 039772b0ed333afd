// Looking from outside, for C.
#include "zerobuffer/inspect.hpp"

#include "c_api/answer.hpp"

using namespace zerobuffer;
using namespace zerobuffer::c_api;

zb_status zb_list_buffers(bool (*visit)(const char* name, void* context), void* context) {
  if (visit == nullptr) return invalid("there is no function to visit the names (NULL)");
  return guarded([&] {
    Result<std::vector<std::string>> names = list_buffers();
    if (!names) return answer(names);
    for (const std::string& name : *names) {
      if (!visit(name.c_str(), context)) break;
    }
    return ZB_OK;
  });
}

zb_status zb_remove_dead(const char* name) {
  return guarded([&] {
    if (name == nullptr) return failed(no_name());
    Result<void> removed = remove_dead(name);
    return answer(removed);
  });
}
