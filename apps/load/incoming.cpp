#include "apps/load/incoming.hpp"

#include <algorithm>
#include <cstring>

#include "apps/load/template.hpp"

namespace load {

namespace {

enum class Field : std::uint8_t {
    other,
    via,
    from,
    to,
    call_id,
    cseq,
    contact,
    entity_tag,
    state,
    expires,
    challenge,
    proxy_challenge,
    record_route,
    length,
};
struct Name {
    std::string_view name;  ///< lower case
    char compact;           ///< 0: has none
    Field field;
};
// By length: most names that are not wanted are told by it alone.
constexpr std::array names{
    Name{"to", 't', Field::to},
    Name{"via", 'v', Field::via},
    Name{"from", 'f', Field::from},
    Name{"cseq", 0, Field::cseq},
    Name{"call-id", 'i', Field::call_id},
    Name{"contact", 'm', Field::contact},
    Name{"expires", 0, Field::expires},
    Name{"sip-etag", 0, Field::entity_tag},
    Name{"record-route", 0, Field::record_route},
    Name{"content-length", 'l', Field::length},
    Name{"www-authenticate", 0, Field::challenge},
    Name{"proxy-authenticate", 0, Field::proxy_challenge},
    Name{"subscription-state", 0, Field::state},
};
constexpr std::size_t longest_name = 18;
/// Where the names of a length begin; those of the next length end them.
constexpr auto begins = [] {
    std::array<std::uint8_t, longest_name + 2> table{};
    for (std::size_t length = 0; length < table.size(); ++length)
        for (const Name& each : names)
            if (each.name.size() < length) ++table[length];
    return table;
}();

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

Field field_of(std::string_view name) {
    const char first = lower(name[0]);
    if (name.size() == 1) {
        for (const Name& each : names)
            if (each.compact == first) return each.field;
        return Field::other;
    }
    if (name.size() > longest_name) return Field::other;
    for (std::size_t i = begins[name.size()]; i < begins[name.size() + 1]; ++i) {
        const std::string_view wanted = names[i].name;
        std::size_t same = wanted[0] == first ? 1 : 0;
        while (same > 0 && same < name.size() && lower(name[same]) == wanted[same]) ++same;
        if (same == name.size()) return names[i].field;
    }
    return Field::other;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
        text.remove_suffix(1);
    return text;
}

bool is_repeated(Field field) { return field >= Field::via && field <= Field::cseq; }

void repeat(Incoming& in, std::string_view line) {
    if (in.copied_count > 0) {
        std::string_view& last = in.copied[in.copied_count - 1];
        if (last.data() + last.size() == line.data()) {
            last = {last.data(), last.size() + line.size()};
            return;
        }
    }
    if (in.copied_count < Incoming::copied_max) in.copied[in.copied_count++] = line;
}

void take(Incoming& in, Field field, std::string_view value) {
    switch (field) {
        case Field::other:
        case Field::via: break;
        case Field::from: in.from = value; break;
        case Field::to: in.to = value; break;
        case Field::call_id: in.call_id = value; break;
        case Field::cseq: {
            in.cseq = number_of(value);
            const auto space = value.find_first_of(" \t");
            if (space != std::string_view::npos) in.cseq_method = trimmed(value.substr(space));
            break;
        }
        case Field::contact: in.contact = uri_of(value); break;
        case Field::entity_tag: in.entity_tag = value; break;
        case Field::state: in.state = value; break;
        case Field::expires: in.expires = value; break;
        case Field::challenge:
        case Field::proxy_challenge:
            if (!in.challenge.empty()) break;
            in.challenge = value;
            in.proxy_challenge = field == Field::proxy_challenge;
            break;
        case Field::record_route:
            if (in.route_count < Incoming::routes_max) in.routes[in.route_count++] = value;
            break;
        case Field::length:
            in.body_bytes = number_of(value);
            in.has_length = true;
            break;
    }
}

bool take_start(Incoming& in, std::string_view line) {
    constexpr std::string_view version = "SIP/2.0 ";
    line = trimmed(line);
    if (line.starts_with(version)) {
        in.status = static_cast<std::uint16_t>(number_of(line.substr(version.size())) % 1000);
        return in.status >= 100;
    }
    in.method = line.substr(0, line.find(' '));
    return line.ends_with(" SIP/2.0");
}

}  // namespace

std::optional<Incoming> read_incoming(std::string_view text) {
    Incoming in;
    bool begun = false, repeating = false;
    std::size_t at = 0;
    while (at < text.size()) {
        const void* found = std::memchr(text.data() + at, '\n', text.size() - at);
        if (found == nullptr) return {};
        const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
        const std::string_view line = text.substr(at, end + 1 - at);
        at = end + 1;
        if (line.size() <= 2 && (line.size() == 1 || line[0] == '\r')) {
            if (!begun) return {};
            in.head_bytes = at;
            return in;
        }
        if (!begun) {
            if (!take_start(in, line.substr(0, line.size() - 1))) return {};
            begun = true;
            continue;
        }
        if (line[0] == ' ' || line[0] == '\t') {  // a folded line goes with the one before it
            if (repeating) repeat(in, line);
            continue;
        }
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return {};
        const std::string_view name = trimmed(line.substr(0, colon));
        const Field field = name.empty() ? Field::other : field_of(name);
        repeating = is_repeated(field);
        if (repeating) repeat(in, line);
        take(in, field, trimmed(line.substr(colon + 1, line.size() - colon - 2)));
    }
    return {};
}

std::string_view tag_of(std::string_view value) {
    const auto angle = value.rfind('>');
    if (angle != std::string_view::npos) value.remove_prefix(angle + 1);
    const auto found = value.find(";tag=");
    if (found == std::string_view::npos) return {};
    value.remove_prefix(found + 5);
    return value.substr(0, value.find_first_of("; \t"));
}

std::string_view uri_of(std::string_view value) {
    const auto open = value.find('<');
    if (open == std::string_view::npos) return trimmed(value.substr(0, value.find(';')));
    const auto close = value.find('>', open);
    if (close == std::string_view::npos) return {};
    return value.substr(open + 1, close - open - 1);
}

std::uint32_t number_of(std::string_view text) {
    std::uint32_t number = 0;
    for (char c : text) {
        if (c < '0' || c > '9') break;
        number = number * 10 + static_cast<std::uint32_t>(c - '0');
    }
    return number;
}

void CallId::write(char* to) const {
    to[0] = kind;
    write_fixed(index, to + 1, 8, 16);
    to[9] = '.';
    write_fixed(life, to + 10, 4, 16);
}

std::optional<CallId> CallId::read(std::string_view text, std::string_view run) {
    const auto hexadecimal = [](std::string_view digits) {
        std::uint32_t number = 0;
        for (char c : digits) {
            const bool digit = c >= '0' && c <= '9';
            if (!digit && !(c >= 'a' && c <= 'f')) return std::optional<std::uint32_t>{};
            number = number << 4 | static_cast<std::uint32_t>(digit ? c - '0' : c - 'a' + 10);
        }
        return std::optional<std::uint32_t>{number};
    };
    if (text.size() < size + 1 + run.size() || text[9] != '.' || text[size] != '-' ||
        text.substr(size + 1, run.size()) != run)
        return {};
    const auto index = hexadecimal(text.substr(1, 8)), life = hexadecimal(text.substr(10, 4));
    if (!index || !life) return {};
    return CallId{text[0], *index, static_cast<std::uint16_t>(*life)};
}

}  // namespace load
