#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sip/base/inline.hpp"
#include "sip/base/text.hpp"
#include "sip/message/method.hpp"
#include "sip/message/name_word.hpp"

/// The names of methods and how they are found in a message. `method.hpp` is what others use.
namespace sip::detail {

// In the order of `Method`.
inline constexpr std::array<std::string_view, method_count> method_names = {
    "",          "INVITE", "ACK",     "BYE",  "CANCEL", "OPTIONS", "REGISTER", "PRACK",
    "SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO", "REFER",  "MESSAGE", "UPDATE",
};

/// Each in its slot, found by its first three letters.
struct MethodTable {
    static constexpr std::size_t slot_count = 16;
    // Searched so that the upper four bits of the product are distinct for all names.
    static constexpr std::uint32_t multiplier = 0x10161d;

    /// The first eight bytes, which of them are the name's, and the last one.
    std::array<std::uint64_t, slot_count> first{}, mask{};
    std::array<std::uint8_t, slot_count> sizes{};
    std::array<char, slot_count> last{};
    std::array<Method, slot_count> methods{};
    bool perfect = true;

    static constexpr std::uint8_t no_size = 0xff;  ///< of a slot without a method: none has it
    static constexpr std::size_t slot_of(std::uint64_t first) {
        return (static_cast<std::uint32_t>(first) & 0xffffff) * multiplier >> 28;
    }
};

inline constexpr MethodTable method_table = [] {
    MethodTable made;
    made.sizes.fill(MethodTable::no_size);
    for (std::size_t i = 1; i < method_names.size(); ++i) {
        const std::string_view name = method_names[i];
        const std::uint64_t first = word_of(slice(name, 0, 8));
        const std::size_t at = MethodTable::slot_of(first);
        if (made.sizes[at] != MethodTable::no_size || name.size() < 3 || name.size() > 9)
            made.perfect = false;
        made.first[at] = first;
        made.mask[at] = ~std::uint64_t{0} >> (name.size() < 8 ? 64 - 8 * name.size() : 0);
        made.sizes[at] = static_cast<std::uint8_t>(name.size());
        made.last[at] = name.back();
        made.methods[at] = static_cast<Method>(i);
    }
    return made;
}();
static_assert(method_table.perfect, "two methods share a slot");

/// `method_of` for a name of `size` bytes, from whose start on eight can be read.
SIP_ALWAYS_INLINE Method method_at(const char* name, std::size_t size) {
    const auto first = load_word<std::uint64_t>(name);
    const std::size_t at = MethodTable::slot_of(first);
    return method_table.sizes[at] == size &&
                   (first & method_table.mask[at]) == method_table.first[at] &&
                   name[size - 1] == method_table.last[at]
               ? method_table.methods[at]
               : Method::unknown;
}

}  // namespace sip::detail
