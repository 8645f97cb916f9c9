#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace sip {

/// Appends text to a caller's buffer. Past the end nothing is written and `overflowed` says so, so
/// that writers need one check at the end and never a partial one in the middle.
class Appender {
public:
    explicit Appender(std::span<char> room) : room_(room) {}

    Appender& operator<<(std::string_view text) {
        if (text.size() > room_.size() - size_) {
            fail();
        } else if (!text.empty()) {
            std::memcpy(room_.data() + size_, text.data(), text.size());
            size_ += text.size();
        }
        return *this;
    }
    /// The first `size` bytes of `text`. The others may be written too where there is room, and are
    /// written over: a copy of a known size costs less.
    template <std::size_t N>
    Appender& put(const std::array<char, N>& text, std::size_t size) {
        if (room_.size() - size_ < N) return *this << std::string_view(text.data(), size);
        std::memcpy(room_.data() + size_, text.data(), N);
        size_ += size;
        return *this;
    }
    /// The same text with its letters of ASCII in lower case.
    Appender& lower(std::string_view text) {
        const std::size_t begin = size_;
        *this << text;
        for (std::size_t at = begin; !overflowed_ && at < size_; ++at)
            if (const char c = room_[at]; c >= 'A' && c <= 'Z')
                room_[at] = static_cast<char>(c + 32);
        return *this;
    }
    Appender& operator<<(const char* text) { return *this << std::string_view(text); }
    Appender& operator<<(char c) { return *this << std::string_view(&c, 1); }
    Appender& operator<<(std::uint64_t number) { return decimal(number); }
    Appender& operator<<(std::uint32_t number) { return decimal(number); }
    Appender& operator<<(std::uint16_t number) { return decimal(number); }
    Appender& decimal(std::uint64_t number) {
        char digits[20];
        std::size_t at = sizeof digits;
        do {
            digits[--at] = static_cast<char>('0' + number % 10);
            number /= 10;
        } while (number != 0);
        return *this << std::string_view(digits + at, sizeof digits - at);
    }
    /// Lower-case hexadecimal, exactly `digits` of them.
    Appender& hex(std::uint64_t number, unsigned digits = 16) {
        while (digits-- > 0) *this << "0123456789abcdef"[(number >> (4 * digits)) & 15];
        return *this;
    }

    /// From now on as if the room had run out: what is being written must not be used.
    void fail() {
        overflowed_ = true;
        size_ = room_.size();
    }

    bool overflowed() const { return overflowed_; }
    std::size_t size() const { return size_; }
    std::string_view view() const { return {room_.data(), size_}; }
    /// What was written behind the first `size` bytes, to be edited in place.
    std::span<char> behind(std::size_t size) { return room_.subspan(size, size_ - size); }
    std::size_t room_left() const { return room_.size() - size_; }
    /// Forgets what was written after `size`; used to take back a part that did not fit.
    void rewind(std::size_t size) {
        size_ = size;
        overflowed_ = false;
    }

private:
    std::span<char> room_;
    std::size_t size_ = 0;
    bool overflowed_ = false;
};

}  // namespace sip
