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

/// What an identity rests on.
enum class ProvedBy : std::uint8_t {
    nothing,
    digest,    ///< credentials (RFC 3261 22)
    asserted,  ///< the word of a trusted peer (RFC 3325)
    from,      ///< nobody is asked here: From is believed
};
constexpr std::string_view name_of(ProvedBy proved_by) {
    switch (proved_by) {
        case ProvedBy::nothing: break;
        case ProvedBy::digest: return "digest";
        case ProvedBy::asserted: return "asserted";
        case ProvedBy::from: return "from";
    }
    return "nothing";
}

/// Who sent a request, as far as that was proved.
struct Identity {
    /// "user@domain" of the authenticated user; with no authentication, of the From URI.
    std::string_view address_of_record;
    bool authenticated = false;
    ProvedBy proved_by = ProvedBy::nothing;
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
