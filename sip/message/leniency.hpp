#pragma once

namespace sip {

/// Where real clients differ from the letter of the RFCs. Each is one rule with its reason: on by
/// default where a client is known that needs it, off otherwise; `strict()` (the option --strict)
/// turns all of them off.
struct Leniency {
    /// liblinphone sends no Content-Length on requests without body over UDP (legal there); some
    /// peers leave it out on streams too when there is no body: taken as 0 where the header
    /// section is followed by the next message.
    bool stream_without_content_length = false;
    /// Several SP between the elements of a Request-Line, or SP at its end (RFC 4475 3.1.2.9 and
    /// 3.1.2.10 allow both answers). Off by default: nothing real needs it.
    bool spaces_in_request_line = false;
    /// Net::SIP and old phones: URI parameters outside <> belong to the header field (the RFC's
    /// own rule), and a bare URI that holds "?" is taken all the same.
    bool bare_uri_with_headers = false;
    /// No Max-Forwards (RFC 2543 peers): taken as 70.
    bool no_max_forwards = true;
    /// No From tag or no branch with the magic cookie (RFC 2543 peers).
    bool rfc2543 = true;
    /// `received` with brackets around IPv6 (RFC 5118 4.5), ":::" before an IPv4 suffix (4.10).
    bool ipv6_spellings = true;
    /// A datagram that ends behind a whole header line, without the empty line that closes the
    /// header section (two messages of RFC 5118 4.10 are like that): it has no body.
    bool datagram_without_empty_line = true;
    /// Bare LF as line end. Off: nothing listed sends it, and it invites smuggling.
    bool bare_line_feed = false;
    /// UTF-8 in display names and parameters without quotes (Asterisk, phones with names).
    bool utf8_in_tokens = true;
    /// RFC 5630 3.1.4, 5.1.2, not followed: our SIP Contact towards a peer that came by TLS says
    /// transport=tls. A phone that follows a SIP Contact without it refreshes by UDP, in the clear.
    bool transport_tls_in_contact = true;

    static constexpr Leniency strict() {
        Leniency none;
        none.no_max_forwards = none.rfc2543 = false;
        none.datagram_without_empty_line = false;
        none.ipv6_spellings = none.utf8_in_tokens = false;
        none.transport_tls_in_contact = false;
        return none;
    }
};

}  // namespace sip
