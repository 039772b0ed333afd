// A user's program: sends one frame to itself through a buffer and prints the library's version. Knows public headers
// only.
#include <zerobuffer/zerobuffer.hpp>

#include <chrono>
#include <iostream>
#include <span>
#include <string>

int main(int argc, char** argv) {
  using namespace std::chrono_literals;
  const std::string name = argc > 1 ? argv[1] : "consumer";
  zerobuffer::BufferConfig config;
  config.payload_size = 4096;
  zerobuffer::Reader reader = zerobuffer::Reader::create(name, config).value();
  zerobuffer::Writer writer = zerobuffer::Writer::open(name, 5s).value();
  const std::string text = "hello";
  writer.write(std::as_bytes(std::span(text)), 5s).value();
  const zerobuffer::Frame frame = reader.read(5s).value();
  const std::string got(reinterpret_cast<const char*>(frame.data().data()), frame.size());
  std::cout << got << ' ' << zerobuffer::library_version() << '\n';
  return got == text ? 0 : 1;
}
