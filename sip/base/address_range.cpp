#include "sip/base/address_range.hpp"

#include "sip/base/text.hpp"

namespace sip {
namespace {

constexpr std::uint8_t all_bits = 128, bits_before_v4 = 96;

/// Whether the first `bits` of both are alike.
bool alike(const Address& a, const Address& b, std::uint8_t bits) {
    for (std::size_t i = 0; i < a.bytes.size(); ++i) {
        if (bits <= 8 * i) return true;
        const std::size_t left = bits - 8 * i;
        const auto mask = static_cast<std::uint8_t>(left >= 8 ? 0xff : 0xff << (8 - left));
        if (((a.bytes[i] ^ b.bytes[i]) & mask) != 0) return false;
    }
    return true;
}

/// Whether all but the first `bits` are 0.
bool ends_in_zeros(const Address& address, std::uint8_t bits) {
    Address cut = address;
    for (std::size_t i = 0; i < cut.bytes.size(); ++i) {
        if (bits >= 8 * (i + 1)) continue;
        const std::size_t kept = bits > 8 * i ? bits - 8 * i : 0;
        cut.bytes[i] = static_cast<std::uint8_t>(cut.bytes[i] & (0xff00U >> kept));
    }
    return cut == address;
}

}  // namespace

bool AddressRange::contains(const Address& address) const { return alike(first, address, bits); }

std::optional<AddressRange> parse_address_range(std::string_view text) {
    const Halves halves = split_at(text, '/');
    auto address = parse_ipv4(halves.before);
    if (!address) address = parse_ipv6(halves.before);
    if (!address) return {};
    if (!halves.found) return AddressRange{*address, all_bits};
    const std::uint8_t before = address->is_v4() ? bits_before_v4 : 0;
    const auto bits = parse_decimal(halves.after, static_cast<std::uint64_t>(all_bits - before));
    if (!bits) return {};
    const AddressRange range{*address, static_cast<std::uint8_t>(before + *bits)};
    if (!ends_in_zeros(range.first, range.bits)) return {};
    return range;
}

}  // namespace sip
