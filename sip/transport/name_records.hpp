#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sip/base/clock.hpp"
#include "sip/base/endpoint.hpp"
#include "sip/base/ids.hpp"

namespace sip {

/// What the name system is asked for (RFC 1035, 2782, 3403, 3596).
enum class RecordType : std::uint8_t { a, aaaa, srv, naptr };

/// One record of an answer; only the members of its type mean anything. Names are without a final
/// dot; of the root ("." in SRV: the service is not offered) nothing is left.
struct NameRecord {
    std::uint32_t ttl_s = 0;
    Address address;                          ///< A, AAAA
    std::uint16_t priority = 0;               ///< SRV; NAPTR: order
    std::uint16_t weight = 0;                 ///< SRV; NAPTR: preference
    std::uint16_t port = 0;                   ///< SRV
    std::string_view target;                  ///< SRV; NAPTR: replacement
    std::string_view flags, service, regexp;  ///< NAPTR
};

/// What came of a Resolve effect. No byte of it is trusted: it comes from the network.
struct NameAnswer {
    enum class Kind : std::uint8_t {
        found,
        nothing,  ///< no such name, or no such record: true for `negative_ttl_s`
        failed,   ///< no answer, or none that says anything
    };
    LookupId id{};
    Kind kind = Kind::failed;
    std::uint32_t negative_ttl_s = 0;
    std::span<const NameRecord> records;
};

}  // namespace sip
