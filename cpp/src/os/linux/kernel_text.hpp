// The text files in which the kernel tells about the machine and the process (/proc, /sys/fs/cgroup). Not by streams,
// which lock the program's locale: a forked child could find that lock taken for ever.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zerobuffer::os {

/// What the file says; empty where it cannot be read.
[[nodiscard]] std::string read_kernel_text(const std::string& path);

/// Takes the next line, without its end, or the next word off the front of `text`; empty where there is none.
std::string_view take_line(std::string_view& text) noexcept;
std::string_view take_word(std::string_view& text) noexcept;

/// The number that `word` begins with; nothing where it begins with none ("max") or with one below 0.
[[nodiscard]] std::optional<std::uint64_t> number_in(std::string_view word, int base = 10) noexcept;

/// The number in the word after the word `key`.
[[nodiscard]] std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) noexcept;

}  // namespace zerobuffer::os
