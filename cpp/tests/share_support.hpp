// What the tests of payload sharing have in common: a buffer A, a relay, a buffer B and its reader, in one process.
#pragma once

#include "crash_points.hpp"
#include "support.hpp"

namespace zerobuffer::support {

[[nodiscard]] inline BufferConfig sharing(std::uint64_t payload_size = 32 << 10, std::uint32_t readers = 1) {
  BufferConfig config = ring_of(payload_size);
  config.share_slots = 4;
  config.max_readers = readers;
  return config;
}

/// A, the relay's two ends, and B's reader.
struct Chain {
  explicit Chain(const BufferConfig& a = sharing(), const BufferConfig& b = sharing())
      : a_name(unique_name()),
        b_name(unique_name()),
        a_writer(Writer::create(a_name, a).value()),
        source(Reader::open(a_name, generous, a).value()),
        output(Writer::create(b_name, b).value()),
        b_reader(Reader::open(b_name, generous, b).value()),
        shared(SharedWriter::over(output, source).value()) {}

  /// The next frame of A goes into B.
  Result<Forwarded> forward(Reader::Timeout timeout = generous) {
    auto frame = source.read(timeout);
    if (!frame) return frame.take_failure();
    return shared.forward(std::move(*frame), timeout);
  }
  /// A frame of `size` bytes that only `seed` gives.
  Result<void> write(std::uint64_t seed, std::size_t size, Writer::Timeout timeout = generous) {
    return a_writer.write(payload(size, seed), timeout);
  }

  std::string a_name;
  std::string b_name;
  Writer a_writer;
  Reader source;
  Writer output;
  Reader b_reader;
  SharedWriter shared;
};

}  // namespace zerobuffer::support
