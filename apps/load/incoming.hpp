#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace load {

/// What the generator needs of a message that came, found in one pass over its lines. Every view
/// lies in the message.
struct Incoming {
    static constexpr std::size_t copied_max = 16;
    static constexpr std::size_t routes_max = 16;

    std::uint16_t status = 0;   ///< 0: a request
    std::string_view method;    ///< of a request
    std::string_view from, to;  ///< values
    std::string_view call_id;   ///< value
    std::uint32_t cseq = 0;     ///< its number
    std::string_view cseq_method;
    std::string_view contact;     ///< the URI
    std::string_view entity_tag;  ///< SIP-ETag
    std::string_view state;       ///< Subscription-State
    std::string_view expires;
    std::string_view challenge;  ///< WWW-Authenticate or Proxy-Authenticate, the first
    bool proxy_challenge = false;
    std::array<std::string_view, routes_max> routes{};  ///< Record-Route, a value each line
    std::size_t route_count = 0;
    /// The lines that a response repeats (RFC 3261 8.2.6.2), as they stand, adjacent ones joined.
    std::array<std::string_view, copied_max> copied{};
    std::size_t copied_count = 0;
    std::size_t head_bytes = 0;  ///< the empty line included
    std::size_t body_bytes = 0;  ///< Content-Length
    bool has_length = false;

    bool is_terminated() const { return state.starts_with("terminated"); }
};

/// Nothing: this is no SIP message, or its head does not end in `text`.
std::optional<Incoming> read_incoming(std::string_view text);

/// The value of the tag parameter of a From or To; empty: there is none.
std::string_view tag_of(std::string_view from_or_to);
/// The URI of a name-addr or addr-spec.
std::string_view uri_of(std::string_view value);
/// A decimal number at the start of `text`.
std::uint32_t number_of(std::string_view text);

/// Whom a message is about: the Call-IDs that we give are `KINDINDEX.LIFE-RUN@host`, which tells
/// ours from those of an earlier run, and an ended dialog from the one that came after it.
struct CallId {
    char kind = 0;            ///< 's' subscription, 'p' publication, 'o' OPTIONS
    std::uint32_t index = 0;  ///< 8 hexadecimal digits
    std::uint16_t life = 0;   ///< 4 hexadecimal digits

    static constexpr std::size_t size = 14;
    void write(char* to) const;
    /// Nothing: not one of this run.
    static std::optional<CallId> read(std::string_view text, std::string_view run);
};

}  // namespace load
