#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sip/base/buffer.hpp"
#include "sip/base/interner.hpp"
#include "sip/base/text.hpp"

namespace sip {

/// A canonical address-of-record, shared with whoever has the same one. It is kept as the URI that
/// dialogs mostly have of it, so that both are one text.
class InternedAddress {
public:
    static constexpr std::size_t size_max = 512;

    /// False: memory refused, or it is longer than `size_max`.
    [[nodiscard]] bool intern(Interner& texts, std::string_view address_of_record) {
        const Uri uri(address_of_record);
        return !uri.out.overflowed() && texts.intern(uri.out.view(), text_);
    }
    /// What `hash` will be.
    static std::uint64_t hash_of(const Interner& texts, std::string_view address_of_record) {
        return texts.hash_of(Uri(address_of_record).out.view());
    }
    /// With that known.
    [[nodiscard]] bool intern(Interner& texts, std::string_view address_of_record,
                              std::uint64_t hash) {
        const Uri uri(address_of_record);
        return !uri.out.overflowed() && texts.intern(uri.out.view(), hash, text_);
    }
    std::string_view view() const {
        const std::string_view uri = text_.view();
        return slice(uri, uri.empty() ? 0 : scheme.size());
    }
    /// A keyed one.
    std::uint64_t hash() const { return text_.hash(); }

private:
    static constexpr std::string_view scheme = "sip:";
    struct Uri {
        explicit Uri(std::string_view address_of_record) { out << scheme << address_of_record; }
        std::array<char, scheme.size() + size_max> room;
        Appender out{room};
    };

    Interned text_;
};

}  // namespace sip
