#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace sip {

/// Cuts what comes in pieces of any size into blocks of `Size` bytes for a hash function, and
/// counts the bytes for its padding.
template <std::size_t Size>
class BlockBuffer {
public:
    /// Calls `block(const std::uint8_t*)` for each whole block.
    template <class OnBlock>
    void add(std::string_view bytes, OnBlock on_block) {
        total_ += bytes.size();
        while (!bytes.empty()) {
            std::size_t take = Size - filled_;
            if (take > bytes.size()) take = bytes.size();
            std::memcpy(block_.data() + filled_, bytes.data(), take);
            filled_ += take;
            bytes.remove_prefix(take);
            if (filled_ == Size) {
                filled_ = 0;
                on_block(block_.data());
            }
        }
    }
    /// The 0x80 byte and zeros, until `length_size` bytes are left in the last block; those are
    /// the caller's to fill: `write_length(std::uint8_t*)`.
    template <class OnBlock, class WriteLength>
    void pad(std::size_t length_size, OnBlock on_block, WriteLength write_length) {
        block_[filled_++] = 0x80;
        if (filled_ > Size - length_size) {
            std::memset(block_.data() + filled_, 0, Size - filled_);
            on_block(block_.data());
            filled_ = 0;
        }
        std::memset(block_.data() + filled_, 0, Size - filled_);
        write_length(block_.data() + Size - length_size);
        on_block(block_.data());
    }
    std::uint64_t bits() const { return total_ * 8; }

private:
    std::array<std::uint8_t, Size> block_{};
    std::size_t filled_ = 0;
    std::uint64_t total_ = 0;
};

}  // namespace sip
