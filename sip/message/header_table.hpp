#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sip/base/inline.hpp"
#include "sip/base/text.hpp"
#include "sip/message/header_id.hpp"
#include "sip/message/name_word.hpp"

/// The names of header fields and how they are found. `header_id.hpp` is what others use; this is
/// for the loop that asks for the name of every field.
namespace sip::detail {

struct HeaderEntry {
    HeaderId id;
    std::string_view name;
    char compact = 0;
};

// In the order of `HeaderId`.
inline constexpr std::array<HeaderEntry, header_id_count> header_entries = [] {
    using enum HeaderId;
    return std::array<HeaderEntry, header_id_count>{{
        {unknown, ""},
        {accept, "Accept"},
        {accept_contact, "Accept-Contact", 'a'},
        {accept_encoding, "Accept-Encoding"},
        {accept_language, "Accept-Language"},
        {alert_info, "Alert-Info"},
        {allow, "Allow"},
        {allow_events, "Allow-Events", 'u'},
        {also, "Also"},
        {authentication_info, "Authentication-Info"},
        {authorization, "Authorization"},
        {call_id, "Call-ID", 'i'},
        {call_info, "Call-Info"},
        {contact, "Contact", 'm'},
        {content_disposition, "Content-Disposition"},
        {content_encoding, "Content-Encoding", 'e'},
        {content_language, "Content-Language"},
        {content_length, "Content-Length", 'l'},
        {content_type, "Content-Type", 'c'},
        {cseq, "CSeq"},
        {date, "Date"},
        {error_info, "Error-Info"},
        {event, "Event", 'o'},
        {expires, "Expires"},
        {from, "From", 'f'},
        {identity, "Identity", 'y'},
        {in_reply_to, "In-Reply-To"},
        {max_forwards, "Max-Forwards"},
        {mime_version, "MIME-Version"},
        {min_expires, "Min-Expires"},
        {organization, "Organization"},
        {p_asserted_identity, "P-Asserted-Identity"},
        {path, "Path"},
        {priority, "Priority"},
        {privacy, "Privacy"},
        {proxy_authenticate, "Proxy-Authenticate"},
        {proxy_authorization, "Proxy-Authorization"},
        {proxy_require, "Proxy-Require"},
        {reason, "Reason"},
        {record_route, "Record-Route"},
        {refer_to, "Refer-To", 'r'},
        {referred_by, "Referred-By", 'b'},
        {reject_contact, "Reject-Contact", 'j'},
        {reply_to, "Reply-To"},
        {request_disposition, "Request-Disposition", 'd'},
        {require, "Require"},
        {retry_after, "Retry-After"},
        {route, "Route"},
        {server, "Server"},
        {service_route, "Service-Route"},
        {session_expires, "Session-Expires", 'x'},
        {sip_etag, "SIP-ETag"},
        {sip_if_match, "SIP-If-Match"},
        {subject, "Subject", 's'},
        {subscription_state, "Subscription-State"},
        {supported, "Supported", 'k'},
        {timestamp, "Timestamp"},
        {to, "To", 't'},
        {unsupported, "Unsupported"},
        {user_agent, "User-Agent"},
        {via, "Via", 'v'},
        {warning, "Warning"},
        {www_authenticate, "WWW-Authenticate"},
    }};
}();

/// A name as words, its letters small: its first eight bytes, with zeros behind a shorter one, and
/// of a longer one its last eight, which overlap with those.
struct NameWords {
    std::uint64_t first = 0, last = 0;
    friend constexpr bool operator==(const NameWords&, const NameWords&) = default;
};
/// The bytes of a word that a name of `size`, at most eight, has.
constexpr std::uint64_t bytes_of(std::size_t size) { return ~std::uint64_t{0} >> (64 - 8 * size); }
/// Names of two bytes and more.
constexpr NameWords words_of(std::string_view name) {
    if (name.size() <= 8) return {(word_of(name) | small_letters) & bytes_of(name.size()), 0};
    return {load_word<std::uint64_t>(name.data()) | small_letters,
            load_word<std::uint64_t>(name.data() + name.size() - 8) | small_letters};
}

// `multiplier` was searched so that the upper seven bits of the product are distinct for all names;
// a name that is added may call for another one, and the build says so.
inline constexpr std::uint64_t multiplier = 0xf01fe3516bf17b29;
inline constexpr std::size_t slot_count = 128, name_size_max = 24;

constexpr std::size_t slot_of(std::uint64_t first, std::uint64_t last) {
    return static_cast<std::size_t>((first + 3 * last) * multiplier >> 57);
}

struct HeaderTable {
    std::array<HeaderId, slot_count> ids{};
    std::array<HeaderId, 26> compact{};
    std::array<std::uint8_t, header_id_count> sizes{};
    bool perfect = true;
};

/// What of the entries is asked for while it runs.
inline constexpr std::array<const char*, header_id_count> header_names = [] {
    std::array<const char*, header_id_count> made{};
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = header_entries[i].name.data();
    return made;
}();
inline constexpr std::array<NameWords, header_id_count> header_words = [] {
    std::array<NameWords, header_id_count> made{};
    for (std::size_t i = 1; i < made.size(); ++i) made[i] = words_of(header_entries[i].name);
    return made;
}();

inline constexpr HeaderTable header_table = [] {
    HeaderTable made;
    for (std::size_t i = 1; i < header_entries.size(); ++i) {
        const HeaderEntry& entry = header_entries[i];
        if (entry.name.size() > name_size_max || entry.name.size() < 2) made.perfect = false;
        made.sizes[i] = static_cast<std::uint8_t>(entry.name.size());
        HeaderId& slot = made.ids[slot_of(header_words[i].first, header_words[i].last)];
        if (static_cast<std::size_t>(entry.id) != i || slot != HeaderId::unknown)
            made.perfect = false;
        slot = entry.id;
        if (entry.compact != 0)
            made.compact[static_cast<std::size_t>(entry.compact - 'a')] = entry.id;
    }
    return made;
}();
static_assert(header_table.perfect, "two names share a slot, or the entries are out of order");

HeaderId id_of_compact(char c);
/// What the words of a name of more than sixteen bytes leave out.
HeaderId id_of_long(std::string_view name, HeaderId id);

/// `header_id_of` for a name that is a token, behind which others stand: eight bytes can be read
/// from its start on. Without control bytes the words are as good as the name.
SIP_ALWAYS_INLINE HeaderId plain_header_id(const char* name, std::size_t size) {
    if constexpr (built_for_size) return header_id_of({name, size});
    if (size <= 8) {
        if (size < 2) return size == 1 ? id_of_compact(*name) : HeaderId::unknown;
        const std::uint64_t word =
            (load_word<std::uint64_t>(name) | small_letters) & bytes_of(size);
        const HeaderId id = header_table.ids[slot_of(word, 0)];
        // A word ends in the zeros that its name leaves, so that it tells the size too.
        if (header_words[static_cast<std::size_t>(id)].first != word) return HeaderId::unknown;
        if (id == HeaderId::unknown) __builtin_unreachable();  // has no bytes
        return id;
    }
    const std::uint64_t first = load_word<std::uint64_t>(name) | small_letters;
    const std::uint64_t last = load_word<std::uint64_t>(name + size - 8) | small_letters;
    const HeaderId id = header_table.ids[slot_of(first, last)];
    const auto at = static_cast<std::size_t>(id);
    if (header_table.sizes[at] != size || header_words[at].first != first ||
        header_words[at].last != last)
        return HeaderId::unknown;
    if (id == HeaderId::unknown) __builtin_unreachable();
    return size <= 16 ? id : id_of_long({name, size}, id);
}

}  // namespace sip::detail
