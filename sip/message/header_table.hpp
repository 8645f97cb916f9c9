#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

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

/// A name as words: its first eight bytes and its last, which overlap.
struct NameWords {
    std::uint64_t first = 0, last = 0;
};
constexpr NameWords words_of(std::string_view name) {
    if (name.size() <= 8) return {word_of(name), 0};
    return {load_word<std::uint64_t>(name.data()),
            load_word<std::uint64_t>(name.data() + name.size() - 8)};
}

// `multiplier` was searched so that the upper eight bits of the product are distinct for all names;
// a name that is added may call for another one, and the build says so.
inline constexpr std::uint64_t multiplier = 0xf78047cfd788c7cd;
inline constexpr std::size_t slot_count = 256, name_size_max = 24;

constexpr std::size_t slot_of(const NameWords& words) {
    const std::uint64_t first = words.first | small_letters, last = words.last | small_letters;
    return static_cast<std::size_t>((first + 3 * last) * multiplier >> 56);
}

/// A name with its letters small, and the bit of each letter that its case is. Where the words are
/// longer than the name there are spaces: its size is compared too.
struct KnownName {
    NameWords small, cases;

    constexpr KnownName() = default;
    constexpr explicit KnownName(std::string_view name) {
        std::array<char, name_size_max> letters{}, bits{};
        letters.fill(' ');
        bits.fill(' ');
        for (std::size_t i = 0; i < name.size(); ++i) {
            letters[i] = to_lower(name[i]);
            bits[i] = is_alpha(name[i]) ? ' ' : 0;
        }
        small = padded(letters.data(), name.size());
        cases = padded(bits.data(), name.size());
    }
    constexpr bool is(const NameWords& words) const {
        return (((words.first | cases.first) ^ small.first) |
                ((words.last | cases.last) ^ small.last)) == 0;
    }
    /// The same for words without control bytes, all of whose bytes have the bit of small letters.
    constexpr bool is_small(const NameWords& words) const {
        return ((words.first ^ small.first) | (words.last ^ small.last)) == 0;
    }

private:
    static constexpr NameWords padded(const char* at, std::size_t size) {
        if (size <= 8) return {load_word<std::uint64_t>(at), small_letters};
        return words_of({at, size});
    }
};
struct HeaderTable {
    std::array<HeaderId, slot_count> ids{};
    std::array<HeaderId, 26> compact{};
    std::array<KnownName, header_id_count> names{};
    std::array<std::uint8_t, header_id_count> sizes{};
    bool perfect = true;
};

inline constexpr HeaderTable header_table = [] {
    HeaderTable made;
    for (std::size_t i = 1; i < header_entries.size(); ++i) {
        const HeaderEntry& entry = header_entries[i];
        if (entry.name.size() > name_size_max) made.perfect = false;
        made.names[i] = KnownName(entry.name);
        made.sizes[i] = static_cast<std::uint8_t>(entry.name.size());
        HeaderId& slot = made.ids[slot_of(made.names[i].small)];
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

/// `header_id_of` by words.
inline HeaderId header_id(std::string_view name, const NameWords& words) {
    const HeaderId id = header_table.ids[slot_of(words)];
    const auto at = static_cast<std::size_t>(id);
    if (header_table.sizes[at] != name.size() || !header_table.names[at].is(words))
        return HeaderId::unknown;
    return name.size() <= 16 ? id : id_of_long(name, id);
}
/// The same of a name without control bytes behind which others stand: eight can be read from its
/// start on.
inline HeaderId plain_header_id(const char* name, std::size_t size) {
    if (size < 2) return size == 1 ? id_of_compact(*name) : HeaderId::unknown;
    NameWords words{load_word<std::uint64_t>(name), small_letters};
    if (size <= 8)
        words.first &= ~std::uint64_t{0} >> (64 - 8 * size);
    else
        words.last |= load_word<std::uint64_t>(name + size - 8);
    words.first |= small_letters;
    const HeaderId id = header_table.ids[slot_of(words)];
    const auto at = static_cast<std::size_t>(id);
    if (header_table.sizes[at] != size || !header_table.names[at].is_small(words))
        return HeaderId::unknown;
    return size <= 16 ? id : id_of_long({name, size}, id);
}

}  // namespace sip::detail
