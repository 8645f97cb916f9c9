#pragma once

#include <cstdint>
#include <string_view>

#include "sip/base/error.hpp"
#include "sip/message/method.hpp"

namespace sip {

/// RFC 3261 20.16.
struct Cseq {
    std::uint32_t number = 0;
    Method method = Method::unknown;
    std::string_view method_name;
};
/// A number above 2^32-1 is an error.
Expected<Cseq> parse_cseq(std::string_view value);
/// The same, into a place that is there. What is in it after an error is of no use.
bool read_cseq(Cseq& cseq, std::string_view value, Error& error);

}  // namespace sip
