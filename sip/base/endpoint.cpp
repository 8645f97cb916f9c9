#include "sip/base/endpoint.hpp"

#include <array>
#include <cstring>

#include "sip/base/inline.hpp"
#include "sip/base/ranges.hpp"
#include "sip/base/text.hpp"

namespace sip {

bool Address::is_loopback() const {
    if (is_v4()) return bytes[12] == 127;
    return all_of(std::span(bytes).first(15), [](auto b) { return b == 0; }) && bytes[15] == 1;
}

bool Address::is_unspecified() const {
    const auto zero = [](auto b) { return b == 0; };
    return is_v4() ? all_of(std::span(bytes).subspan(12), zero) : all_of(bytes, zero);
}

std::uint64_t site_hash(const HashKey& key, const Address& address) {
    const auto* bytes = reinterpret_cast<const char*>(address.bytes.data());
    KeyedHash hash(key);
    hash.add(load_word(bytes));
    if (address.is_v4()) hash.add(load_word(bytes + 8));
    return hash.finish();
}

std::optional<Address> parse_ipv4(std::string_view text) {
    constexpr std::size_t size_most = 15;
    if (text.size() > size_most) return {};
    std::array<std::uint8_t, 4> parts{};
    std::size_t part = 0, digits = 0;
    unsigned value = 0;
    for (const char c : text) {
        if (is_digit(c)) {
            value = value * 10 + static_cast<unsigned>(c - '0');
            if (++digits > 3 || value > 255) return {};
            continue;
        }
        if (c != '.' || digits == 0 || part == 3) return {};
        parts[part++] = static_cast<std::uint8_t>(value);
        value = 0;
        digits = 0;
    }
    if (part != 3 || digits == 0) return {};
    return Address::v4(parts[0], parts[1], parts[2], static_cast<std::uint8_t>(value));
}

namespace {

/// Groups of one side of "::" (or of the whole address), an IPv4 suffix counting as two.
/// Returns how many 16-bit groups were read, or -1.
int parse_groups(std::string_view text, std::array<std::uint16_t, 8>& groups) {
    int count = 0;
    if (text.empty()) return 0;
    for (;;) {
        const Halves halves = split_at(text, ':');
        if (!halves.found && halves.before.find('.') != std::string_view::npos) {
            const auto v4 = parse_ipv4(halves.before);
            if (!v4 || count > 6) return -1;
            const auto& b = v4->bytes;
            groups[static_cast<std::size_t>(count++)] =
                static_cast<std::uint16_t>(b[12] << 8 | b[13]);
            groups[static_cast<std::size_t>(count++)] =
                static_cast<std::uint16_t>(b[14] << 8 | b[15]);
            return count;
        }
        if (halves.before.empty() || halves.before.size() > 4 || count > 7) return -1;
        unsigned value = 0;
        for (char c : halves.before) {
            const int digit = hex_value(c);
            if (digit < 0) return -1;
            value = value * 16 + static_cast<unsigned>(digit);
        }
        groups[static_cast<std::size_t>(count++)] = static_cast<std::uint16_t>(value);
        if (!halves.found) return count;
        text = halves.after;
    }
}

}  // namespace

std::optional<Address> parse_ipv6(std::string_view text) {
    if (text.size() > 46) return {};
    std::array<std::uint16_t, 8> front{}, back{};
    const auto gap = text.find("::");
    int before = 0, after = 0;
    if (gap == std::string_view::npos) {
        before = parse_groups(text, front);
        if (before != 8) return {};
    } else {
        std::string_view rest = slice(text, gap + 2);
        // RFC 5118 4.10: the old grammar allowed ":::" before an IPv4 suffix.
        if (rest.starts_with(':') && rest.find('.') != std::string_view::npos)
            rest.remove_prefix(1);
        before = parse_groups(slice(text, 0, gap), front);
        after = parse_groups(rest, back);
        if (before < 0 || after < 0 || before + after > 7) return {};
        if (slice(text, 0, gap).find('.') != std::string_view::npos) return {};
    }
    Address address;
    const auto put = [&](std::size_t group, std::uint16_t value) {
        address.bytes[2 * group] = static_cast<std::uint8_t>(value >> 8);
        address.bytes[2 * group + 1] = static_cast<std::uint8_t>(value & 0xff);
    };
    for (int i = 0; i < before; ++i)
        put(static_cast<std::size_t>(i), front[static_cast<std::size_t>(i)]);
    for (int i = 0; i < after; ++i)
        put(static_cast<std::size_t>(8 - after + i), back[static_cast<std::size_t>(i)]);
    return address;
}

std::optional<Address> parse_numeric_host(std::string_view host) {
    // A name, nearly always: no address starts so.
    if (host.empty() || (hex_value(host.front()) < 0 && host.front() != '[' && host.front() != ':'))
        return {};
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
        return parse_ipv6(slice(host, 1, host.size() - 2));
    if (host.find(':') != std::string_view::npos) return parse_ipv6(host);
    return parse_ipv4(host);
}

namespace {

/// A byte's digits and the dot behind them.
struct Octet {
    std::array<char, 4> text{};
    std::uint32_t size = 0;
};
constexpr std::size_t octet_count = built_for_size ? 1 : 256;
constexpr std::array<Octet, octet_count> octets = [] {
    std::array<Octet, octet_count> made{};
    for (std::size_t i = 0; i < octet_count; ++i) {
        Octet& octet = made[i];
        for (std::size_t unit = i >= 100 ? 100 : i >= 10 ? 10 : 1; unit > 0; unit /= 10)
            octet.text[octet.size++] = static_cast<char>('0' + i / unit % 10);
        octet.text[octet.size++] = '.';
    }
    return made;
}();

/// Each byte and a dot behind it, with room for sixteen: the end.
char* put_octets(char* to, std::span<const std::uint8_t> bytes) {
    for (const std::uint8_t byte : bytes) {
        std::memcpy(to, octets[byte].text.data(), 4);
        to += octets[byte].size;
    }
    return to;
}

void write_ipv4(Appender& out, std::span<const std::uint8_t> bytes) {
    std::array<char, 16> text;
    if constexpr (!built_for_size) {
        const char* const end = put_octets(text.data(), bytes);
        out << std::string_view(text.data(), static_cast<std::size_t>(end - text.data()) - 1);
        return;
    }
    std::size_t size = 0;
    const auto digit = [&](unsigned value) { text[size++] = static_cast<char>('0' + value); };
    for (const std::uint8_t byte : bytes) {
        if (byte >= 100) digit(byte / 100U);
        if (byte >= 10) digit(byte / 10U % 10);
        digit(byte % 10U);
        text[size++] = '.';
    }
    out << std::string_view(text.data(), size - 1);
}

}  // namespace

void write_address(Appender& out, const Address& address, Brackets brackets) {
    const auto& b = address.bytes;
    if (address.is_v4()) {
        write_ipv4(out, std::span(b).last<4>());
        return;
    }
    std::array<std::uint16_t, 8> groups{};
    for (std::size_t i = 0; i < 8; ++i)
        groups[i] = static_cast<std::uint16_t>(b[2 * i] << 8 | b[2 * i + 1]);
    // RFC 5952 4.2: the longest run of two or more zero groups, the first of equals.
    std::size_t best = 8, best_length = 1;
    for (std::size_t i = 0; i < 8; ++i) {
        std::size_t end = i;
        while (end < 8 && groups[end] == 0) ++end;
        if (end - i > best_length) {
            best = i;
            best_length = end - i;
        }
        if (end > i) i = end - 1;
    }
    if (brackets == Brackets::ipv6) out << '[';
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == best) {
            out << "::";
            i += best_length - 1;
            continue;
        }
        if (i > 0 && i != best + best_length) out << ':';
        unsigned digits = 1;
        while (digits < 4 && groups[i] >> (4 * digits) != 0) ++digits;
        out.hex(groups[i], digits);
    }
    if (brackets == Brackets::ipv6) out << ']';
}

void write_endpoint(Appender& out, const Endpoint& endpoint) {
    if constexpr (!built_for_size)
        if (char* const start = endpoint.address.is_v4() ? out.room_for(24) : nullptr) {
            char* const to = put_octets(start, std::span(endpoint.address.bytes).last<4>());
            to[-1] = ':';
            out.added(static_cast<std::size_t>(write_decimal(to, endpoint.port) - start));
            return;
        }
    write_address(out, endpoint.address, Brackets::ipv6);
    out << ':';
    out << endpoint.port;
}

}  // namespace sip
