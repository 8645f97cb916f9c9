#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace load {

/// Where a text stands in a TextStore.
struct StoredText {
    std::uint32_t at = 0;
    std::uint16_t size = 0, room = 0;
};

/// Short texts that are replaced now and then (tags, entity-tags, nonces), all in one piece of
/// memory. What is replaced by one that is no longer takes no memory.
class TextStore {
public:
    void reserve(std::size_t bytes) { bytes_.reserve(bytes); }
    std::string_view view(const StoredText& text) const {
        return {bytes_.data() + text.at, text.size};
    }
    /// False: too long to be kept.
    bool set(StoredText& text, std::string_view value) {
        if (value.size() > text.room) {
            if (value.size() > longest || bytes_.size() + value.size() > UINT32_MAX) return false;
            text.at = static_cast<std::uint32_t>(bytes_.size());
            text.room = static_cast<std::uint16_t>(value.size());
            bytes_.resize(bytes_.size() + value.size());
        }
        if (!value.empty()) std::memcpy(bytes_.data() + text.at, value.data(), value.size());
        text.size = static_cast<std::uint16_t>(value.size());
        return true;
    }

private:
    static constexpr std::size_t longest = 1'024;
    std::vector<char> bytes_;
};

}  // namespace load
