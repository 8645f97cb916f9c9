#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "sip/base/inline.hpp"
#include "sip/base/memory.hpp"

namespace sip {

/// Counted, immutable bytes of one shard. The counter is plain: a shard is one thread. Every
/// handle must be gone before the Memory that the bytes came from.
class SharedBytes {
public:
    SharedBytes() = default;
    /// A copy of `text`; empty when memory refused (see `operator bool`).
    SIP_CALL_FOR_SIZE static SharedBytes copy(Memory& memory, std::string_view text) {
        return make(memory, text.size(), [&](std::span<char> room) {
            if (!text.empty()) std::memcpy(room.data(), text.data(), text.size());
        });
    }
    /// The same with `size` bytes that `fill(std::span<char>)` writes.
    template <class Fill>
    static SharedBytes make(Memory& memory, std::size_t size, Fill fill) {
        SharedBytes made;
        void* raw = memory.allocate(sizeof(Header) + size);
        if (raw == nullptr) return made;
        made.header_ = new (raw) Header{&memory, 1, static_cast<std::uint32_t>(size)};
        fill(std::span<char>(reinterpret_cast<char*>(made.header_ + 1), size));
        return made;
    }
    SharedBytes(const SharedBytes& other) : header_(other.header_) {
        if (header_ != nullptr) ++header_->count;
    }
    SharedBytes(SharedBytes&& other) noexcept : header_(std::exchange(other.header_, nullptr)) {}
    SIP_CALL_FOR_SIZE SharedBytes& operator=(const SharedBytes& other) noexcept {
        return *this = SharedBytes(other);
    }
    SIP_CALL_FOR_SIZE SharedBytes& operator=(SharedBytes&& other) noexcept {
        SharedBytes taken(std::move(other));
        std::swap(header_, taken.header_);
        return *this;
    }
    ~SharedBytes() {
        if (header_ != nullptr && --header_->count == 0)
            header_->memory->release(header_, sizeof(Header) + header_->size);
    }
    std::string_view view() const {
        if (header_ == nullptr) return {};
        return {reinterpret_cast<const char*>(header_ + 1), header_->size};
    }
    explicit operator bool() const { return header_ != nullptr; }

private:
    struct Header {
        Memory* memory;
        std::uint32_t count;
        std::uint32_t size;
    };
    Header* header_ = nullptr;
};

/// A message on its way out: its head and, where many messages share it, its body.
struct Packet {
    Packet() = default;
    Packet(SharedBytes of_head, SharedBytes of_body, std::uint16_t of_repeatable = 0,
           std::uint16_t at_tag_end = 0)
        : head(std::move(of_head)),
          body(std::move(of_body)),
          repeatable(of_repeatable),
          tag_end(at_tag_end) {}
    Packet(const Packet&) = default;
    Packet(Packet&&) noexcept = default;
    Packet& operator=(const Packet&) = default;
    Packet& operator=(Packet&&) noexcept = default;
    SIP_CALL_FOR_SIZE ~Packet() {}

    SharedBytes head;
    SharedBytes body;
    /// Of a response: so many bytes of the head can be made again from a copy of the request, its
    /// To tag and the status line (see Reply). 0: none.
    std::uint16_t repeatable = 0;
    std::uint16_t tag_end = 0;  ///< where the To tag that we added ends; 0: none was
    std::size_t size() const { return head.view().size() + body.view().size(); }
    explicit operator bool() const { return static_cast<bool>(head); }
};

}  // namespace sip
