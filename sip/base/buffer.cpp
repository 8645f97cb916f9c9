#include "sip/base/buffer.hpp"

namespace sip {
namespace {

constexpr std::size_t pair_count = built_for_size ? 1 : 100;
constexpr std::array<char, 2 * pair_count> pairs = [] {
    std::array<char, 2 * pair_count> made{};
    for (std::size_t i = 0; i < pair_count; ++i) {
        made[2 * i] = static_cast<char>('0' + i / 10);
        made[2 * i + 1] = static_cast<char>('0' + i % 10);
    }
    return made;
}();

char* write_digit(char* to, std::uint32_t number) {
    *to = static_cast<char>('0' + number);
    return to + 1;
}
char* write_pair(char* to, std::uint32_t number) {
    std::memcpy(to, pairs.data() + std::size_t{2} * number, 2);
    return to + 2;
}

/// Below 100,000.
char* write_small(char* to, std::uint32_t number) {
    if (number < 100) return number < 10 ? write_digit(to, number) : write_pair(to, number);
    if (number >= 10'000) {
        to = write_digit(to, number / 10'000);
        number %= 10'000;
        to = write_pair(to, number / 100);
    } else {
        to = number < 1'000 ? write_digit(to, number / 100) : write_pair(to, number / 100);
    }
    return write_pair(to, number % 100);
}

}  // namespace

char* write_decimal(char* to, std::uint64_t number) {
    if constexpr (!built_for_size)
        if (number < 100'000) return write_small(to, static_cast<std::uint32_t>(number));
    std::size_t size = 1;
    for (std::uint64_t rest = number; rest >= 10; rest /= 10) ++size;
    for (std::size_t i = size; i-- > 0; number /= 10) to[i] = static_cast<char>('0' + number % 10);
    return to + size;
}

}  // namespace sip
