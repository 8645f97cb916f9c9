#include "sip/base/siphash.hpp"

namespace sip {

std::uint64_t siphash(const HashKey& key, std::string_view text) {
    SipState s(key);
    const char* at = text.data();
    std::size_t left = text.size();
    for (; left >= 8; left -= 8, at += 8) {
        const std::uint64_t word = load_word(at);
        s.v3 ^= word;
        s.round();
        s.round();
        s.v0 ^= word;
    }
    const std::uint64_t last = static_cast<std::uint64_t>(text.size()) << 56 | load_rest(at, left);
    s.v3 ^= last;
    s.round();
    s.round();
    s.v0 ^= last;
    s.v2 ^= 0xff;
    for (int i = 0; i < 4; ++i) s.round();
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

std::uint64_t table_hash(const HashKey& key, std::string_view text) {
    return KeyedHash(key).add(text).finish();
}

}  // namespace sip
