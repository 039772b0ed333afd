// The states that an exhaustive search has seen, by their 64-bit hash, each with the largest budget that was left
// there. Knows nothing of what a state is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace zerobuffer::explorer {

class StateSet {
 public:
  StateSet() { clear(); }

  void clear() {
    keys_.assign(1 << 12, 0);
    budgets_.assign(1 << 12, 0);
    size_ = 0;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// False where the state was seen with at least that budget; else remembers it.
  bool enter(std::uint64_t key, std::uint8_t budget) {
    if (key == 0) key = 1;  // 0 marks a free place
    if (size_ * 2 >= keys_.size()) grow();
    const std::size_t at = find(key);
    if (keys_[at] == key) {
      if (budgets_[at] >= budget) return false;
      budgets_[at] = budget;
      return true;
    }
    keys_[at] = key;
    budgets_[at] = budget;
    ++size_;
    return true;
  }

 private:
  [[nodiscard]] std::size_t find(std::uint64_t key) const noexcept {
    const std::size_t mask = keys_.size() - 1;
    std::size_t at = static_cast<std::size_t>(key) & mask;
    while (keys_[at] != 0 && keys_[at] != key) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<std::uint64_t> keys(keys_.size() * 2, 0);
    std::vector<std::uint8_t> budgets(keys_.size() * 2, 0);
    keys.swap(keys_);
    budgets.swap(budgets_);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] == 0) continue;
      const std::size_t at = find(keys[i]);
      keys_[at] = keys[i];
      budgets_[at] = budgets[i];
    }
  }

  std::vector<std::uint64_t> keys_;
  std::vector<std::uint8_t> budgets_;
  std::size_t size_ = 0;
};

}  // namespace zerobuffer::explorer
