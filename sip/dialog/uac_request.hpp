#pragma once

#include "sip/dialog/uac.hpp"

namespace sip {

/// Builds and sends one request of a `Uac`: the request line, Via, Max-Forwards, From, To, Call-ID
/// and CSeq (RFC 3261 8.1.1, or 12.2.1.1 within `dialog`); the caller adds what else belongs in,
/// and sends. One at a time in a shard: it writes into the shard's scratch.
class UacRequest {
public:
    /// `cseq` is the number that the request bears, drawn by the caller. `attempt` says where it
    /// goes (Uac::find_way) and was redirected to.
    UacRequest(const Core& core, const Uac& uac, Method method, std::uint32_t cseq,
               const UacAttempt& attempt, const Dialog* dialog = nullptr);

    MessageWriter& writer() { return writer_; }
    UacRequest& header(HeaderId id, std::string_view value) {
        writer_.header(id, value);
        return *this;
    }
    UacRequest& header(HeaderId id, std::uint64_t value) {
        writer_.header(id, value);
        return *this;
    }
    /// The Contact at which a peer over there reaches us.
    UacRequest& contact();

    /// Signs it, and sends it in a transaction of part `user`, which gets `object` back with each
    /// response. A body is shared, not copied. What is over 1300 bytes goes by TCP instead of UDP,
    /// unless the peer is known to take UDP alone (RFC 3261 18.1.1). Errors: no way to the target,
    /// `too_large`, `overloaded`; nothing was sent then and nobody will be called.
    Expected<void> send(const Now& now, std::uint8_t user, Handle object, UacAttempt& attempt,
                        std::string_view content_type = {}, const SharedBytes& body = {});

private:
    void assert_identity();
    std::string_view request_uri() const;
    void prefer_stream(const Now& now, Target& target, UacAttempt& attempt);

    const Core& core_;
    const Uac& uac_;
    Method method_;
    bool in_dialog_;
    Branch branch_;
    Target target_;
    Appender out_;
    MessageWriter writer_;
};

}  // namespace sip
