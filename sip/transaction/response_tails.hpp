#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sip/base/buffer.hpp"
#include "sip/base/hash_index.hpp"
#include "sip/base/packet.hpp"
#include "sip/base/slab.hpp"
#include "sip/transport/shard.hpp"

namespace sip {

/// What a response says beyond what every response takes from its request: the reason phrase, and
/// the bytes behind CSeq. Most are alike but for an entity-tag and an expiry, so those two are kept
/// apart, and the rest is kept once for all that have it (a form); what few have is kept whole.
class ResponseTails {
public:
    explicit ResponseTails(Shard& shard);
    ~ResponseTails();

    /// Moves with what owns it. Given back with `release`.
    struct Tail {
        SharedBytes whole;                   ///< reason, "\n", bytes; where `form` is none
        std::uint32_t expires = 0;           ///< where the form has a place for it
        std::array<std::uint8_t, 12> tag{};  ///< the same
        std::uint16_t form = no_form;
    };
    static constexpr std::uint16_t no_form = UINT16_MAX;

    /// False: memory refused.
    [[nodiscard]] bool keep(std::string_view reason, std::string_view bytes, Tail& tail);
    /// The reason, then the bytes behind it go to `out`, as they were.
    std::string_view reason_of(const Tail& tail) const;
    void write(Appender& out, const Tail& tail) const;
    void release(Tail& tail);
    std::size_t forms() const { return forms_.size(); }
    /// Gives its memory back if it is empty.
    void trim();

private:
    /// Goes with the last tail that has it.
    struct Form {
        std::uint64_t hash = 0;
        SharedBytes text;  ///< reason, "\n", bytes with marks in the places of what differs
        std::uint32_t used = 0;
    };
    std::string_view text_of(const Tail& tail) const;
    std::uint16_t find_form(std::string_view text);

    Shard& shard_;
    Slab<Form> forms_;
    HashIndex by_text_;
    /// Of texts that were seen lately: one that comes once does not become a form.
    std::array<std::uint32_t, 256> seen_{};
};

}  // namespace sip
