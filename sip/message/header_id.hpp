#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
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

/// A set of them.
class HeaderIds {
public:
    constexpr HeaderIds() = default;
    constexpr HeaderIds(std::initializer_list<HeaderId> ids) {
        for (const HeaderId id : ids) add(id);
    }
    static constexpr HeaderIds all() {
        HeaderIds ids;
        ids.bits_ = ~std::uint64_t{0};
        return ids;
    }
    constexpr void add(HeaderId id) { bits_ |= bit(id); }
    constexpr void add(HeaderIds ids) { bits_ |= ids.bits_; }
    constexpr bool has(HeaderId id) const { return (bits_ & bit(id)) != 0; }
    constexpr bool has_any(HeaderIds ids) const { return (bits_ & ids.bits_) != 0; }
    /// `id` when it is one of them, and else none.
    constexpr HeaderIds only(HeaderId id) const {
        HeaderIds ids;
        ids.bits_ = bits_ & bit(id);
        return ids;
    }

private:
    static_assert(header_id_count <= 64);
    static constexpr std::uint64_t bit(HeaderId id) {
        return std::uint64_t{1} << static_cast<unsigned>(id);
    }

    std::uint64_t bits_ = 0;
};

/// By name or compact form (RFC 3261 7.3.3, RFC 6665 8.4, IANA), in any case: found by perfect
/// hash, then compared. `unknown` for every other name.
HeaderId header_id_of(std::string_view name);
/// The spelling that we write: "Call-ID", "WWW-Authenticate". Empty for `unknown`.
std::string_view name_of(HeaderId id);
/// The one-letter form, or 0 where there is none.
char compact_name_of(HeaderId id);
/// RFC 3261 7.3.1: header fields that must not stand twice in a message, because their grammar has
/// no list and their value steers what is done. Fields that only inform people (Subject, Server,
/// User-Agent, Organization, Priority) are left out: a second one of those is ignored.
inline constexpr HeaderIds single_values{HeaderId::call_id,
                                         HeaderId::content_disposition,
                                         HeaderId::content_length,
                                         HeaderId::content_type,
                                         HeaderId::cseq,
                                         HeaderId::date,
                                         HeaderId::event,
                                         HeaderId::expires,
                                         HeaderId::from,
                                         HeaderId::identity,
                                         HeaderId::max_forwards,
                                         HeaderId::mime_version,
                                         HeaderId::min_expires,
                                         HeaderId::refer_to,
                                         HeaderId::referred_by,
                                         HeaderId::reply_to,
                                         HeaderId::retry_after,
                                         HeaderId::session_expires,
                                         HeaderId::sip_etag,
                                         HeaderId::sip_if_match,
                                         HeaderId::subscription_state,
                                         HeaderId::timestamp,
                                         HeaderId::to};
bool is_single_value(HeaderId id);

}  // namespace sip
