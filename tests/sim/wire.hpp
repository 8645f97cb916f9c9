#pragma once

#include <cstdint>
#include <string_view>

namespace sim {

/// What the invariants need of a message on the wire. Read by code of its own, so that a fault of
/// the parser under test does not hide what it causes. For messages that our writer wrote.
struct Wire {
    bool is_request = false;
    int status = 0;           ///< of a response
    std::string_view method;  ///< of CSeq
    std::uint32_t cseq = 0;
    unsigned vias = 0;  ///< lines; of a request that is carried on for somebody, more than one
    std::string_view call_id, branch, from_tag, to_tag, from_user, to_user;
    std::string_view state;  ///< Subscription-State
    std::string_view event;
    std::string_view etag, if_match, expires, retry_after;
    std::string_view body;
    std::string_view start_line;
};
Wire read_wire(std::string_view text);

/// The text between the first `open` and the next `close` behind it; empty when there is none.
std::string_view between(std::string_view text, std::string_view open, std::string_view close);

}  // namespace sim
