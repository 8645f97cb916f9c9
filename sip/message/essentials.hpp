#pragma once

#include <cstdint>
#include <string_view>

#include "sip/base/error.hpp"
#include "sip/message/contact.hpp"
#include "sip/message/cseq.hpp"
#include "sip/message/leniency.hpp"
#include "sip/message/message_view.hpp"
#include "sip/message/name_addr.hpp"
#include "sip/message/via.hpp"

namespace sip {

/// What every layer needs of a message, decoded once (RFC 3261 8.1.1).
struct Essentials {
    Via via;  ///< the top one
    std::uint16_t via_count = 0;
    NameAddr from, to;
    std::string_view from_tag, to_tag;
    std::string_view call_id;
    Cseq cseq;
    Uri request_uri;  ///< requests only
    std::uint8_t max_forwards = 70;
    Contact contact;  ///< the first one
    std::uint16_t contact_count = 0;
};

/// Decodes and checks: Via, From, To, Call-ID, CSeq, Max-Forwards are there, once each where only
/// one may be, and well-formed; no other single-value field is repeated; the CSeq method is the
/// request's (an unknown method with a wrong CSeq is `method_unknown`, RFC 4475 3.1.2.18); Contact,
/// Route, Record-Route and Path values parse; for requests the Request-URI does.
/// `offset` of an error counts from the start of the message.
Expected<Essentials> decode_essentials(const MessageView& message, const Leniency& leniency);

}  // namespace sip
