#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sip/transport/name_records.hpp"

namespace edge {

/// What a name server's message says to one question.
struct ParsedNameAnswer {
    struct Record {
        sip::NameRecord record;  ///< without its texts
        std::string target, flags, service, regexp;
    };
    sip::NameAnswer::Kind kind = sip::NameAnswer::Kind::failed;
    std::uint32_t negative_ttl_s = 0;
    std::vector<Record> records;

    /// Calls `tell(const sip::NameAnswer&)` with what is said, as the answer to `id`.
    template <class Tell>
    void give(sip::LookupId id, Tell tell) const {
        std::vector<sip::NameRecord> list;
        for (const Record& each : records) {
            list.push_back(each.record);
            list.back().target = each.target;
            list.back().flags = each.flags;
            list.back().service = each.service;
            list.back().regexp = each.regexp;
        }
        tell(sip::NameAnswer{id, kind, negative_ttl_s, list});
    }
};

/// Reads a message of a name server (RFC 1035 4.1, 2308, 2782, 3403, 3596) as the answer to
/// `name` and `type`: records of that type and class IN whose owner is the name, or what its CNAMEs
/// lead to. Any bytes may be given. A message that breaks off has failed as a whole.
ParsedNameAnswer parse_name_answer(std::span<const unsigned char> message, sip::RecordType type,
                                   std::string_view name);

/// The number of a type in the name system (RFC 1035 3.2.2).
std::uint16_t number_of(sip::RecordType type);

}  // namespace edge
