// GStreamer: appsrc ! shmsink in one process, shmsrc ! appsink in the other. Frames are written into the sink's own
// shared memory (its allocator) and read where they lie.
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <sched.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

#include "byte_stream.hpp"
#include "peers.hpp"
#include "place.hpp"
#include "rows.hpp"

namespace zerobuffer::peers {
namespace {

/// Room in shared memory; so few that frames stay in the cache.
constexpr std::size_t frames_in_memory = 4;

struct Unref {
  void operator()(gpointer object) const { gst_object_unref(object); }
};
template <class T>
using Ref = std::unique_ptr<T, Unref>;

/// Only the two plugins needed, and no registry in somebody's home.
void start_gstreamer() {
  ::setenv("GST_REGISTRY_DISABLE", "yes", 1);
  ::setenv("GST_PLUGIN_SYSTEM_PATH_1_0", "", 1);
  ::setenv("GST_PLUGIN_PATH_1_0", "", 1);
  gst_init(nullptr, nullptr);
  for (const char* plugin : {"libgstapp.so", "libgstshm.so"}) {
    const std::string path = std::string(ZEROBUFFER_GSTREAMER_PLUGINS) + "/" + plugin;
    if (gst_plugin_load_file(path.c_str(), nullptr) == nullptr) throw std::runtime_error("cannot load " + path);
  }
}

class ShmSink {
 public:
  ShmSink(Session& session, bool first, std::size_t size) : path_(path_of(session, "shmsink")) {
    start_gstreamer();
    if (first) {
      link_ = path_of(session, "memory");
      if (::symlink(memory_of_this_process().c_str(), link_.c_str()) != 0) throw_errno("symlink");
      // A frame more than its size, since its memory is cut up with headers and alignment.
      start("appsrc name=end is-live=true format=bytes block=true max-bytes=" + std::to_string(2 * size) +
            " ! shmsink sync=false wait-for-connection=true socket-path=" + path_ +
            " shm-size=" + std::to_string(frames_in_memory * size + (64 << 10)));
      use_memory_of_sink();
      session.meet();
    } else {
      session.meet();
      start("shmsrc is-live=true socket-path=" + path_ +
            " ! appsink name=end sync=false max-buffers=2 wait-on-eos=false");
    }
    session.meet();
  }
  ~ShmSink() {
    if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
    if (memory_ != nullptr) gst_object_unref(memory_);
    ::unlink(link_.c_str());
  }
  ShmSink(const ShmSink&) = delete;
  ShmSink& operator=(const ShmSink&) = delete;

  void send(std::span<const std::byte> frame) {
    GstBuffer* buffer = gst_buffer_new_allocate(memory_, frame.size(), nullptr);
    // Where its shared memory is full the allocator takes other memory, and the sink would copy once more.
    while (buffer != nullptr && gst_buffer_peek_memory(buffer, 0)->allocator != memory_) {
      gst_buffer_unref(buffer);
      ::sched_yield();
      buffer = gst_buffer_new_allocate(memory_, frame.size(), nullptr);
    }
    if (buffer == nullptr) throw std::runtime_error("shmsink: no memory for a frame");
    gst_buffer_fill(buffer, 0, frame.data(), frame.size());
    if (gst_app_src_push_buffer(GST_APP_SRC(end_.get()), buffer) != GST_FLOW_OK) throw_failure();
  }
  template <class Visit>
  void receive(Visit&& visit) {
    GstSample* sample = gst_app_sink_pull_sample(GST_APP_SINK(end_.get()));
    if (sample == nullptr) throw_failure();
    GstBuffer* buffer = gst_sample_get_buffer(sample);
    GstMapInfo map;
    if (gst_buffer_map(buffer, &map, GST_MAP_READ) == 0) throw std::runtime_error("shmsrc: a frame cannot be mapped");
    visit(std::as_bytes(std::span(map.data, map.size)));
    gst_buffer_unmap(buffer, &map);
    gst_sample_unref(sample);
  }
  void flush() {}

 private:
  /// The name that the sink gives to its shared memory.
  static std::string memory_of_this_process() {
    char name[64];
    std::snprintf(name, sizeof name, "/dev/shm/shmpipe.%5d.%5d", ::getpid(), 0);
    return name;
  }
  void start(const std::string& description) {
    GError* error = nullptr;
    pipeline_.reset(gst_parse_launch(description.c_str(), &error));
    if (error != nullptr) throw std::runtime_error(std::string("GStreamer: ") + error->message);
    end_.reset(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "end"));
    if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) throw_failure();
  }
  /// What is allocated there need not be copied on its way.
  void use_memory_of_sink() {
    const Ref<GstPad> pad(gst_element_get_static_pad(end_.get(), "src"));
    GstCaps* caps = gst_caps_new_empty_simple("application/x-frame");
    GstQuery* query = gst_query_new_allocation(caps, 0);
    if (gst_pad_peer_query(pad.get(), query) != 0 && gst_query_get_n_allocation_params(query) > 0) {
      gst_query_parse_nth_allocation_param(query, 0, &memory_, nullptr);
    }
    gst_query_unref(query);
    gst_caps_unref(caps);
    if (memory_ == nullptr) throw std::runtime_error("shmsink offers no memory");
  }
  [[noreturn]] void throw_failure() const {
    const Ref<GstBus> bus(gst_element_get_bus(pipeline_.get()));
    GstMessage* message = gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR);
    std::string text = "GStreamer: the stream ended";
    if (message != nullptr) {
      GError* error = nullptr;
      gst_message_parse_error(message, &error, nullptr);
      text = std::string("GStreamer: ") + error->message;
      g_error_free(error);
      gst_message_unref(message);
    }
    throw std::runtime_error(text);
  }

  std::string path_;
  std::string link_;
  Ref<GstElement> pipeline_;
  Ref<GstElement> end_;
  GstAllocator* memory_ = nullptr;
};

}  // namespace

void add_shmsink(Plan& plan) {
  Rows rows(plan, "shmsink", Send::calls_kernel, [](std::size_t size) {
    return Json{{"shared_memory_bytes", frames_in_memory * size + (64 << 10)}, {"memory", "of the sink's allocator"}};
  });
  rows.frames<ShmSink>(Policy::standard);
}

}  // namespace zerobuffer::peers
