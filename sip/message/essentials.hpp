#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

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
    struct Unread {};
    Essentials()
        : via(),
          from(),
          to(),
          from_tag(),
          to_tag(),
          call_id(),
          cseq(),
          request_uri(),
          route(),
          contact() {}
    /// For what is decoded at once: the larger parts are written then, and not before.
    explicit Essentials(Unread) {}

    // Each is a union of one, so that it can be left unwritten: what is not there is.
    union {
        Via via;  ///< the top one
    };
    std::uint16_t via_count = 0;
    union {
        NameAddr from;
    };
    union {
        NameAddr to;
    };
    union {
        std::string_view from_tag;
    };
    union {
        std::string_view to_tag;
    };
    union {
        std::string_view call_id;
    };
    union {
        Cseq cseq;
    };
    union {
        Uri request_uri;  ///< requests only
    };
    std::uint8_t max_forwards = 70;
    union {
        NameAddr route;  ///< the topmost one
    };
    bool has_route = false;
    union {
        Contact contact;  ///< the first one
    };
    std::uint16_t contact_count = 0;
};
static_assert(std::is_trivially_copyable_v<Essentials>);

/// Decodes and checks: Via, From, To, Call-ID, CSeq, Max-Forwards are there, once each where only
/// one may be, and well-formed; no other single-value field is repeated; the CSeq method is the
/// request's (an unknown method with a wrong CSeq is `method_unknown`, RFC 4475 3.1.2.18); Contact,
/// Route, Record-Route and Path values parse; for requests the Request-URI does.
/// `offset` of an error counts from the start of the message.
Expected<Essentials> decode_essentials(const MessageView& message, const Leniency& leniency);
/// The same into a place that is there, new or `Unread`; what it holds after an error is of no use.
Expected<void> decode_essentials(Essentials& found, const MessageView& message,
                                 const Leniency& leniency);

/// The same in two steps. The first is what carries a message on: all
/// but Contact, and of Via and Route the topmost value. Of several faults in a
/// message, wherever they are, it tells the one that `decode_essentials` does.
Expected<void> decode_routing(Essentials& found, const MessageView& message,
                              const Leniency& leniency);
/// The second, when the first went well: `contact`, which is not there before, `via_count`, and
/// that all other addresses parse. The Contact of a 2xx to NOTIFY is as good as none: not read.
Expected<void> decode_addresses(Essentials& found, const MessageView& message,
                                const Leniency& leniency);

}  // namespace sip
