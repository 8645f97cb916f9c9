#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "sip/base/hexadecimal.hpp"
#include "sip/base/inline.hpp"
#include "sip/base/scan.hpp"

namespace sip {

/// Writes `number` at `to`, where there is room for it, twenty digits at most: the end of it.
char* write_decimal(char* to, std::uint64_t number);

/// Appends text to a caller's buffer. Past the end nothing is written and `overflowed` says so, so
/// that writers need one check at the end and never a partial one in the middle.
class Appender {
public:
    SIP_CALL_FOR_SIZE explicit Appender(std::span<char> room) : room_(room) {}

    Appender& operator<<(std::string_view text) {
        if (text.size() > room_.size() - size_) {
            fail();
        } else if (!text.empty()) {
            std::memcpy(room_.data() + size_, text.data(), text.size());
            size_ += text.size();
        }
        return *this;
    }
    /// Where the next `size` bytes go, to be written there and told to `added`; null when there is
    /// no room for as many.
    char* room_for(std::size_t size) {
        return size > room_.size() - size_ ? nullptr : room_.data() + size_;
    }
    void added(std::size_t size) { size_ += size; }
    char* end() { return room_.data() + size_; }
    /// The same text with its letters of ASCII in lower case.
    Appender& lower(std::string_view text) {
        const std::size_t begin = size_;
        *this << text;
        if (!overflowed_) scan::make_lower(room_.data() + begin, size_ - begin);
        return *this;
    }
    Appender& operator<<(const char* text) { return *this << std::string_view(text); }
    Appender& operator<<(char c) { return *this << std::string_view(&c, 1); }
    Appender& operator<<(std::uint64_t number) { return decimal(number); }
    Appender& operator<<(std::uint32_t number) { return decimal(number); }
    Appender& operator<<(std::uint16_t number) { return decimal(number); }
    Appender& decimal(std::uint64_t number) {
        if constexpr (!built_for_size)
            if (char* const to = room_for(20)) {
                added(static_cast<std::size_t>(write_decimal(to, number) - to));
                return *this;
            }
        char digits[20];
        const char* const end = write_decimal(digits, number);
        return *this << std::string_view(digits, static_cast<std::size_t>(end - digits));
    }
    /// Lower-case hexadecimal, exactly `digits` of them.
    Appender& hex(std::uint64_t number, unsigned digits = 16) {
        if (hexadecimal::by_words && digits == 16) {
            if (char* const to = room_for(16)) {
                hexadecimal::write(to, number);
                added(16);
            } else {
                fail();
            }
            return *this;
        }
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

/// An Appender with the room that it writes to, of at most `most` bytes.
template <std::size_t most>
class Room : public Appender {
public:
    Room() : Appender(room_) {}
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;

private:
    std::array<char, most> room_;
};

}  // namespace sip
