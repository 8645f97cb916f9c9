#include "sip/message/header_id.hpp"

#include <array>

#include "sip/base/text.hpp"

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

// The hash looks at the length and at three letters, which are distinct for all names and compact
// forms. `multiplier` was searched so that the upper nine bits of the product are distinct too; a
// name that is added may call for another one, and the build says so.
constexpr std::uint32_t multiplier = 0x254b0c4f;
constexpr std::size_t slot_count = 512;

constexpr std::size_t slot_of(std::string_view name) {
    const auto letter = [name](std::size_t at) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(name[at])) | 0x20u;
    };
    const std::size_t size = name.size();
    const std::uint32_t key = static_cast<std::uint32_t>(size & 0xff) | letter(0) << 8 |
                              letter(size / 2) << 16 | letter(size - 1) << 24;
    return key * multiplier >> 23;
}

struct Table {
    std::array<HeaderId, slot_count> ids{};
    bool perfect = true;

    constexpr void put(std::string_view name, HeaderId id) {
        HeaderId& slot = ids[slot_of(name)];
        if (slot != HeaderId::unknown) perfect = false;
        slot = id;
    }
};

constexpr Table table = [] {
    Table made;
    for (std::size_t i = 1; i < entries.size(); ++i) {
        const Entry& entry = entries[i];
        if (static_cast<std::size_t>(entry.id) != i) made.perfect = false;
        made.put(entry.name, entry.id);
        if (entry.compact != 0) made.put({&entry.compact, 1}, entry.id);
    }
    return made;
}();
static_assert(table.perfect, "two names share a slot, or the entries are out of order");

const Entry& entry_of(HeaderId id) { return entries[static_cast<std::size_t>(id)]; }

}  // namespace

HeaderId header_id_of(std::string_view name) {
    if (name.empty()) return HeaderId::unknown;
    const Entry& entry = entry_of(table.ids[slot_of(name)]);
    const bool same = name.size() == 1 ? to_lower(name[0]) == entry.compact
                                       : equal_ignoring_case(name, entry.name);
    return same ? entry.id : HeaderId::unknown;
}

std::string_view name_of(HeaderId id) { return entry_of(id).name; }

char compact_name_of(HeaderId id) { return entry_of(id).compact; }

bool is_single_value(HeaderId id) {
    switch (id) {
        using enum HeaderId;
        case call_id:
        case content_disposition:
        case content_length:
        case content_type:
        case cseq:
        case date:
        case event:
        case expires:
        case from:
        case identity:
        case max_forwards:
        case mime_version:
        case min_expires:
        case refer_to:
        case referred_by:
        case reply_to:
        case retry_after:
        case session_expires:
        case sip_etag:
        case sip_if_match:
        case subscription_state:
        case timestamp:
        case to: return true;
        default: return false;
    }
}

}  // namespace sip
