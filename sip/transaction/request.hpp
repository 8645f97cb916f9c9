#pragma once

#include <cstdint>
#include <string_view>

#include "sip/base/siphash.hpp"
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

/// 128 bits of keyed hash stand for the strings of a key: nobody without the secret makes two keys
/// meet.
struct RequestKey {
    std::uint64_t a = 0, b = 0;
    friend bool operator==(const RequestKey&, const RequestKey&) = default;
};

/// What a request is found by in tables, computed once (ServerTransactions::keys_of).
struct RequestKeys {
    RequestKey branch;          ///< RFC 3261 17.2.3 items 1 and 2, or the RFC 2543 fields
    std::uint64_t content = 0;  ///< Request-URI, From URI, To tag, Call-ID, CSeq number
    std::uint64_t method = 0;
    std::uint64_t merge = 0;  ///< 8.2.2.2: From tag and URI, Call-ID, CSeq; 0 in a dialog

    /// One request and no other.
    RequestKey request() const { return request_of(method); }
    RequestKey request_of(std::uint64_t other_method) const {
        return {mix(mix(branch.a, content), other_method), branch.b};
    }
    /// A method that is known stands for itself.
    static std::uint64_t method_key(Method known) { return static_cast<std::uint64_t>(known) + 1; }
};

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
    RequestKeys keys;  ///< of one that came in just now
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
