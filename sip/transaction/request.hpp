#pragma once

#include <cstdint>
#include <string_view>

#include "sip/base/slab.hpp"
#include "sip/message/essentials.hpp"
#include "sip/message/message_view.hpp"
#include "sip/transport/source.hpp"

namespace sip {

/// Names a server transaction. False: none was made.
struct ServerTransactionId {
    Handle handle;
    explicit operator bool() const { return static_cast<bool>(handle); }
};
/// Names a client transaction.
struct ClientTransactionId {
    Handle handle;
    explicit operator bool() const { return static_cast<bool>(handle); }
};

/// Who sent a request, as far as that was proved.
struct Identity {
    /// "user@domain" of the authenticated user; with no authentication, of the From URI.
    std::string_view address_of_record;
    bool authenticated = false;
};

class Gate;

/// A request on its way through the checks to its user. All views last until the handling ends.
struct Request {
    const MessageView& message;
    const Essentials& essentials;
    Source source;
    Identity identity;
    ServerTransactionId transaction;
    /// The To tag of our answers: the request's own, or one made for it. 16 hex digits at most
    /// where it is ours.
    std::string_view local_tag;
    /// Who let it in, as long as he remembers what it brought: null once it has waited.
    Gate* admitted_by = nullptr;
};

/// A final or provisional response to a request of ours.
struct Response {
    const MessageView& message;
    const Essentials& essentials;
    Source source;
    ClientTransactionId transaction;
    std::uint16_t status = 0;
};

/// Why a request of ours got no response. RFC 3261 8.1.3.1: to be taken as 408 and 503.
enum class Failure : std::uint8_t { timeout, transport };

}  // namespace sip
