#include "sip/message/header_id.hpp"

#include <array>

#include "sip/base/text.hpp"
#include "sip/message/name_word.hpp"

namespace sip {
namespace {

struct Entry {
    HeaderId id;
    std::string_view name;
    char compact = 0;
};

// In the order of `HeaderId`.
constexpr std::array<Entry, header_id_count> entries = [] {
    using enum HeaderId;
    return std::array<Entry, header_id_count>{{
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
struct Words {
    std::uint64_t first = 0, last = 0;
};
constexpr Words words_of(std::string_view name) {
    if (name.size() <= 8) return {word_of(name)};
    return {load_word<std::uint64_t>(name.data()),
            load_word<std::uint64_t>(name.data() + name.size() - 8)};
}

// `multiplier` was searched so that the upper eight bits of the product are distinct for all names;
// a name that is added may call for another one, and the build says so.
constexpr std::uint64_t multiplier = 0xf78047cfd788c7cd;
constexpr std::size_t slot_count = 256, name_size_max = 24;

constexpr std::size_t slot_of(const Words& words) {
    const std::uint64_t first = words.first | small_letters, last = words.last | small_letters;
    return static_cast<std::size_t>((first + 3 * last) * multiplier >> 56);
}

/// A name with its letters small, and the bit of each letter that its case is.
struct Known {
    Words small, cases;

    constexpr Known() = default;
    constexpr explicit Known(std::string_view name) {
        const std::size_t size = name.size();
        std::array<char, name_size_max> letters{}, bits{};
        for (std::size_t i = 0; i < size; ++i) {
            letters[i] = to_lower(name[i]);
            bits[i] = is_alpha(name[i]) ? ' ' : 0;
        }
        small = words_of({letters.data(), size});
        cases = words_of({bits.data(), size});
    }
    constexpr bool is(const Words& words) const {
        return (((words.first | cases.first) ^ small.first) |
                ((words.last | cases.last) ^ small.last)) == 0;
    }
};
struct Table {
    std::array<HeaderId, slot_count> ids{};
    std::array<HeaderId, 26> compact{};
    std::array<Known, header_id_count> names{};
    std::array<std::uint8_t, header_id_count> sizes{};
    bool perfect = true;
};

constexpr Table table = [] {
    Table made;
    for (std::size_t i = 1; i < entries.size(); ++i) {
        const Entry& entry = entries[i];
        if (entry.name.size() > name_size_max) made.perfect = false;
        made.names[i] = Known(entry.name);
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
static_assert(table.perfect, "two names share a slot, or the entries are out of order");

constexpr std::array<HeaderStart, header_id_count> starts = [] {
    std::array<HeaderStart, header_id_count> made{};
    for (std::size_t i = 1; i < entries.size(); ++i) {
        HeaderStart& start = made[i];
        for (const std::string_view part : {entries[i].name, std::string_view(": ")})
            for (const char c : part) start.text[start.size++] = c;
    }
    return made;
}();

const Entry& entry_of(HeaderId id) { return entries[static_cast<std::size_t>(id)]; }

}  // namespace

namespace {

[[gnu::noinline]] HeaderId id_of_compact(char c) {
    const auto letter = static_cast<unsigned>(to_lower(c) - 'a');
    return letter < table.compact.size() ? table.compact[letter] : HeaderId::unknown;
}

/// What the words of a name of more than sixteen bytes leave out.
[[gnu::noinline]] HeaderId id_of_long(std::string_view name, HeaderId id) {
    const std::size_t middle = name.size() - 16;
    const bool same =
        equal_ignoring_case(name.substr(8, middle), entry_of(id).name.substr(8, middle));
    return same ? id : HeaderId::unknown;
}

}  // namespace

HeaderId header_id_of(std::string_view name) {
    if (name.size() == 1) return id_of_compact(name.front());
    const Words words = words_of(name);
    const HeaderId id = table.ids[slot_of(words)];
    const auto at = static_cast<std::size_t>(id);
    if (table.sizes[at] != name.size() || !table.names[at].is(words)) return HeaderId::unknown;
    return name.size() <= 16 ? id : id_of_long(name, id);
}

std::string_view name_of(HeaderId id) { return entry_of(id).name; }

const HeaderStart& start_of(HeaderId id) { return starts[static_cast<std::size_t>(id)]; }

char compact_name_of(HeaderId id) { return entry_of(id).compact; }

bool is_single_value(HeaderId id) { return single_values.has(id); }

}  // namespace sip
