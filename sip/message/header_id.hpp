#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sip {

/// Header fields that are known by name. Their order here has no meaning.
enum class HeaderId : std::uint8_t {
    unknown,
    accept,
    accept_contact,
    accept_encoding,
    accept_language,
    alert_info,
    allow,
    allow_events,
    also,
    authentication_info,
    authorization,
    call_id,
    call_info,
    contact,
    content_disposition,
    content_encoding,
    content_language,
    content_length,
    content_type,
    cseq,
    date,
    error_info,
    event,
    expires,
    from,
    identity,
    in_reply_to,
    max_forwards,
    mime_version,
    min_expires,
    organization,
    p_asserted_identity,
    path,
    priority,
    privacy,
    proxy_authenticate,
    proxy_authorization,
    proxy_require,
    reason,
    record_route,
    refer_to,
    referred_by,
    reject_contact,
    reply_to,
    request_disposition,
    require,
    retry_after,
    route,
    server,
    service_route,
    session_expires,
    sip_etag,
    sip_if_match,
    subject,
    subscription_state,
    supported,
    timestamp,
    to,
    unsupported,
    user_agent,
    via,
    warning,
    www_authenticate,
};
inline constexpr std::size_t header_id_count =
    static_cast<std::size_t>(HeaderId::www_authenticate) + 1;

/// By name or compact form (RFC 3261 7.3.3, RFC 6665 8.4, IANA), in any case: found by perfect
/// hash, then compared. `unknown` for every other name.
HeaderId header_id_of(std::string_view name);
/// The spelling that we write: "Call-ID", "WWW-Authenticate". Empty for `unknown`.
std::string_view name_of(HeaderId id);
/// The one-letter form, or 0 where there is none.
char compact_name_of(HeaderId id);
/// RFC 3261 7.3.1: a header field that must not stand twice in a message, because its grammar has
/// no list and its value steers what is done: From, To, Call-ID, CSeq, Max-Forwards, Expires,
/// Event, the Content-* fields, SIP-ETag and the like. Fields that only inform people (Subject,
/// Server, User-Agent, Organization, Priority) are left out: a second one of those is ignored.
bool is_single_value(HeaderId id);

}  // namespace sip
