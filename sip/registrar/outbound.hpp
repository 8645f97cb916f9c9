#pragma once

#include <cstdint>
#include <string_view>

#include "sip/message/contact.hpp"
#include "sip/transaction/request.hpp"

namespace sip {

/// What a Contact of REGISTER says of the flow that it is to be reached by (RFC 5626 4.2.1).
struct OutboundContact {
    std::string_view instance;  ///< of "+sip.instance", its quotes off; empty: none
    /// Which of the instance's flows; 0: none, or one that counts for nothing (no instance beside
    /// it, or not a number from 1 to 2^31).
    std::uint32_t reg_id = 0;
};
OutboundContact read_outbound(const Parameters& contact);

/// Whether a REGISTER with a reg-id is for a flow (RFC 5626 6).
enum class OutboundVerdict : std::uint8_t {
    ignored,  ///< an ordinary registration
    applied,  ///< instance and reg-id name the binding, and its flow leads to it
    lacking,  ///< the first hop cannot do it, and the UA counts on it: 439
};
/// The first hop is we ourselves, by a connection (over UDP it would take STUN: ignored); or a
/// proxy whose Path value, the one nearest to the UA, has "ob".
OutboundVerdict judge_outbound(const Request& request, const Leniency& leniency);

/// It came from the UA itself, with nothing between.
bool is_first_hop(const Request& request);

}  // namespace sip
