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

inline constexpr HeaderTable header_table = [] {
    HeaderTable made;
    for (std::size_t i = 1; i < header_entries.size(); ++i) {
        const HeaderEntry& entry = header_entries[i];
        if (entry.name.size() > name_size_max || entry.name.size() < 2) made.perfect = false;
        made.sizes[i] = static_cast<std::uint8_t>(entry.name.size());
        const NameWords words = words_of(entry.name);
        HeaderId& slot = made.ids[slot_of(words.first, words.last)];
        if (static_cast<std::size_t>(entry.id) != i || slot != HeaderId::unknown)
            made.perfect = false;
        slot = entry.id;
        if (entry.compact != 0)
            made.compact[static_cast<std::size_t>(entry.compact - 'a')] = entry.id;
    }
    return made;
}();
static_assert(header_table.perfect, "two names share a slot, or the entries are out of order");

/// The same for names of at most fourteen bytes and compact forms with ": " behind, each in its
/// slot as it is compared: the bytes before the eighth and those from there on, and which of their
/// bits count, of letters not the one that makes them small.
struct ShortNames {
    static constexpr std::size_t size_max = 14, slot_count = 128;
    // Searched as the other one, for the upper seven bits of its 32.
    static constexpr std::uint32_t multiplier = 0x25412109;

    struct Words {
        std::array<std::uint64_t, slot_count> text{}, counts{};

        constexpr void set(std::size_t at, std::uint64_t word, std::uint64_t bits) {
            text[at] = word & bits;
            counts[at] = bits;
        }
        constexpr bool has(std::size_t at, std::uint64_t word) const {
            return (word & counts[at]) == text[at];
        }
    };
    Words first, last;
    std::array<HeaderId, slot_count> ids{};
    bool perfect = true;

    /// By what a name and the colon and space behind it start with, and its size.
    static constexpr std::size_t slot_of(std::uint64_t first, std::size_t size) {
        const auto letters = static_cast<std::uint32_t>(first) & 0xdfdfdf;
        return (letters + 4 * static_cast<std::uint32_t>(size)) * multiplier >> 25;
    }
    constexpr void add(std::string_view name, HeaderId id) {
        std::array<char, 16> text{}, counts{};
        for (std::size_t i = 0; i < name.size(); ++i) {
            text[i] = name[i];
            counts[i] = static_cast<char>(name[i] == '-' ? 0xff : 0xdf);
        }
        text[name.size()] = ':';
        text[name.size() + 1] = ' ';
        counts[name.size()] = counts[name.size() + 1] = static_cast<char>(0xff);
        const std::uint64_t word = load_word<std::uint64_t>(text.data());
        const std::size_t at = slot_of(word, name.size());
        if (ids[at] != HeaderId::unknown) perfect = false;
        first.set(at, word, load_word<std::uint64_t>(counts.data()));
        last.set(at, load_word<std::uint64_t>(text.data() + 8),
                 load_word<std::uint64_t>(counts.data() + 8));
        ids[at] = id;
    }
};

inline constexpr ShortNames short_names = [] {
    ShortNames made;
    made.first.text.fill(1);  // where there is no name no bits count, and nothing is like that
    for (const HeaderEntry& entry : header_entries) {
        if (entry.id == HeaderId::unknown) continue;
        if (entry.name.size() <= ShortNames::size_max) made.add(entry.name, entry.id);
        if (entry.compact != 0) made.add({&entry.compact, 1}, entry.id);
    }
    return made;
}();
static_assert(short_names.perfect, "two short names share a slot");

/// `header_id_of` for a name of `size` bytes, at most sixteen, that stands before a colon and a
/// space; from its start on sixteen bytes can be read. `unknown` for every other one.
SIP_ALWAYS_INLINE HeaderId short_header_id(const char* name, std::size_t size) {
    const auto first = load_word<std::uint64_t>(name), last = load_word<std::uint64_t>(name + 8);
    const std::size_t at = ShortNames::slot_of(first, size);
    if (!short_names.first.has(at, first) || !short_names.last.has(at, last)) [[unlikely]]
        return HeaderId::unknown;
    const HeaderId id = short_names.ids[at];
    if (id == HeaderId::unknown) __builtin_unreachable();
    return id;
}

/// The same for one of more than eight bytes, whatever stands behind it.
inline HeaderId long_header_id(const char* name, std::size_t size) {
    if (size > name_size_max) return HeaderId::unknown;
    const auto word = [](const char* at) { return load_word<std::uint64_t>(at) | small_letters; };
    const std::uint64_t first = word(name), last = word(name + size - 8);
    const HeaderId id = header_table.ids[slot_of(first, last)];
    const char* const known = header_names[static_cast<std::size_t>(id)];
    const bool is_known = header_table.sizes[static_cast<std::size_t>(id)] == size &&
                          word(known) == first && word(known + size - 8) == last &&
                          (size <= 16 || word(known + 8) == word(name + 8));
    return is_known ? id : HeaderId::unknown;
}

}  // namespace sip::detail
