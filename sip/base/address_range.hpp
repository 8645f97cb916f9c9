#pragma once

#include <optional>
#include <string_view>

#include "sip/base/endpoint.hpp"
#include "sip/base/small_vector.hpp"

namespace sip {

/// All addresses that begin with the first `bits` of `first`; IPv4 counts as the last 32 of 128.
struct AddressRange {
    Address first;
    std::uint8_t bits = 128;

    bool contains(const Address& address) const;
    friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

/// "192.0.2.0/24", "2001:db8::/32", an address alone for that one. Nothing when it is none, or
/// when bits behind the prefix are set: then it is not what was meant.
std::optional<AddressRange> parse_address_range(std::string_view text);

/// A short list of them.
class AddressRanges {
public:
    static constexpr std::size_t capacity = 64;

    /// False: the list is full.
    [[nodiscard]] bool add(const AddressRange& range) { return ranges_.push(range); }
    bool contains(const Address& address) const {
        for (const AddressRange& range : ranges_)
            if (range.contains(address)) return true;
        return false;
    }
    bool empty() const { return ranges_.empty(); }

private:
    SmallVector<AddressRange, capacity> ranges_;
};

}  // namespace sip
