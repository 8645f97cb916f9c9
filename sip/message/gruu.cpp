#include "sip/message/gruu.hpp"

#include <array>

#include "sip/base/text.hpp"

namespace sip {
namespace {

constexpr std::string_view temporary_prefix = "tgruu.";
constexpr std::size_t half_digits = 16;

/// A permutation of 128 bits that nobody without the key can run: four rounds of a Feistel network
/// over SipHash (Luby and Rackoff).
struct Word128 {
    std::uint64_t left = 0, right = 0;
};

std::uint64_t round_of(const HashKey& key, std::uint64_t value, int round) {
    std::array<char, 9> text{};
    for (std::size_t i = 0; i < 8; ++i) text[i] = static_cast<char>(value >> 8 * i & 0xff);
    text[8] = static_cast<char>(round);
    return siphash(key, {text.data(), text.size()});
}

Word128 hide(const HashKey& key, Word128 halves) {
    for (int round = 0; round < 4; ++round)
        halves = {halves.right, halves.left ^ round_of(key, halves.right, round)};
    return halves;
}

Word128 unhide(const HashKey& key, Word128 halves) {
    for (int round = 3; round >= 0; --round)
        halves = {halves.right ^ round_of(key, halves.left, round), halves.left};
    return halves;
}

/// RFC 3261 25.1 paramchar, unescaped.
bool may_stand_in_uri(char c) {
    constexpr std::string_view marks = "-_.!~*'()[]/:&+$";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
}

}  // namespace

std::string_view gruu_instance(std::string_view instance) {
    if (instance.size() < 3 || instance.front() != '<' || instance.back() != '>') return {};
    instance = slice(instance, 1, instance.size() - 2);
    for (char c : instance)
        if (!may_stand_in_uri(c)) return {};
    return instance;
}

void write_public_gruu(Appender& out, std::string_view address_of_record,
                       std::string_view instance_urn) {
    out << "sip:" << address_of_record << ";gr=" << instance_urn;
}

void write_temporary_gruu(Appender& out, const HashKey& key, const TemporaryGruu& gruu,
                          std::string_view domain) {
    // The low half of the number's word is zero, by which a made-up one is known.
    const Word128 hidden = hide(key, {gruu.binding, std::uint64_t{gruu.number} << 32});
    out << "sip:" << temporary_prefix;
    out.hex(hidden.left).hex(hidden.right) << '@' << domain << ";gr";
}

std::optional<TemporaryGruu> read_temporary_gruu(const HashKey& key, const Uri& uri) {
    std::string_view user = uri.user;
    if (!is_gruu(uri) || !user.starts_with(temporary_prefix)) return {};
    user.remove_prefix(temporary_prefix.size());
    if (user.size() != 2 * half_digits) return {};
    const auto left = parse_hexadecimal(slice(user, 0, half_digits));
    const auto right = parse_hexadecimal(slice(user, half_digits));
    if (!left || !right) return {};
    const Word128 shown = unhide(key, {*left, *right});
    if ((shown.right & UINT32_MAX) != 0) return {};
    return TemporaryGruu{shown.left, static_cast<std::uint32_t>(shown.right >> 32)};
}

}  // namespace sip
