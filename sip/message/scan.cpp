#include "sip/message/scan.hpp"

namespace sip::scan {

std::uint64_t word_ends(const char* begin, const char* at, const char* end) {
    return all_ends<Word>(begin, at, end);
}

}  // namespace sip::scan
