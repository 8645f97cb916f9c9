#include "sip/base/text.hpp"

namespace sip {

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    unsigned char difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference = static_cast<unsigned char>(
            difference | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i])));
        asm volatile("" : "+r"(difference));  // keeps the loop from ending early
    }
    return difference == 0;
}

}  // namespace sip
