#include "apps/edge/net/name_answer.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "sip/base/text.hpp"

namespace edge {

namespace {

using Kind = sip::NameAnswer::Kind;

constexpr std::size_t header_bytes = 12;
constexpr std::size_t name_bytes_max = 255;
constexpr std::size_t records_max = 512;
constexpr std::size_t aliases_max = 16;
constexpr std::uint16_t type_cname = 5, type_soa = 6, class_in = 1;

/// Goes through a message; past its end everything is refused.
class Reader {
public:
    explicit Reader(std::span<const unsigned char> message, std::size_t at = 0)
        : message_(message), at_(at) {}

    std::optional<std::uint32_t> number(std::size_t bytes) {
        if (!has(bytes)) return {};
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | message_[at_++];
        return value;
    }
    std::optional<std::span<const unsigned char>> take(std::size_t bytes) {
        if (!has(bytes)) return {};
        at_ += bytes;
        return message_.subspan(at_ - bytes, bytes);
    }
    /// RFC 1035 3.3: a length and so many bytes.
    std::optional<std::string> text() {
        const auto size = number(1);
        if (!size) return {};
        const auto bytes = take(*size);
        if (!bytes) return {};
        return std::string(bytes->begin(), bytes->end());
    }
    struct Name {
        std::string text;   ///< without a final dot
        bool plain = true;  ///< no byte in a label that would be another in a text
    };
    /// RFC 1035 4.1.4: each pointer leads further back, so an end is reached.
    std::optional<Name> name() {
        Name found;
        if (over_) return {};
        std::size_t at = at_, least = at_;
        bool jumped = false;
        for (;;) {
            if (at >= message_.size()) return {};
            const unsigned size = message_[at++];
            if ((size & 0xc0U) == 0xc0U) {
                if (at >= message_.size()) return {};
                const std::size_t to = (size & 0x3fU) << 8 | message_[at++];
                if (!jumped) at_ = at;
                jumped = true;
                if (to >= least) return {};
                at = least = to;
                continue;
            }
            if (size > 63) return {};
            if (size == 0) break;
            if (!found.text.empty()) found.text += '.';
            // On the wire there are two bytes more: the first length and the end.
            if (message_.size() - at < size || found.text.size() + size + 2 > name_bytes_max)
                return {};
            for (unsigned i = 0; i < size; ++i) {
                const char c = static_cast<char>(message_[at++]);
                if (c == '.' || c <= ' ' || c > '~') found.plain = false;
                found.text += c;
            }
        }
        if (!jumped) at_ = at;
        return found;
    }
    std::size_t at() const { return at_; }

private:
    /// Once something was refused, all that follows is.
    bool has(std::size_t bytes) {
        over_ = over_ || message_.size() - at_ < bytes;
        return !over_;
    }
    bool over_ = false;
    std::span<const unsigned char> message_;
    std::size_t at_;
};

struct ResourceRecord {
    Reader::Name owner;
    std::uint16_t type = 0;
    std::uint32_t ttl_s = 0;
    std::size_t data_at = 0, data_size = 0;
};

std::optional<ResourceRecord> next_record(Reader& reader) {
    ResourceRecord record;
    auto owner = reader.name();
    if (!owner) return {};
    record.owner = std::move(*owner);
    const auto type = reader.number(2), name_class = reader.number(2), ttl_s = reader.number(4),
               size = reader.number(2);
    if (!size) return {};
    // Of another class it is none of ours.
    record.type = *name_class == class_in ? static_cast<std::uint16_t>(*type) : std::uint16_t{0};
    record.ttl_s = *ttl_s;
    record.data_at = reader.at();
    record.data_size = *size;
    if (!reader.take(*size)) return {};
    return record;
}

std::optional<sip::Address> address_of(std::span<const unsigned char> data) {
    if (data.size() == 4) return sip::Address::v4(data[0], data[1], data[2], data[3]);
    if (data.size() != 16) return {};
    sip::Address address;
    std::copy(data.begin(), data.end(), address.bytes.begin());
    return address;
}

/// The data of a record of the type that was asked for; nothing: it cannot be read, or used.
std::optional<ParsedNameAnswer::Record> read_data(std::span<const unsigned char> message,
                                                  const ResourceRecord& from,
                                                  sip::RecordType type) {
    ParsedNameAnswer::Record made;
    // Names in the data may lead back into the message, and end where the data ends.
    Reader reader(message.first(from.data_at + from.data_size), from.data_at);
    if (type == sip::RecordType::a || type == sip::RecordType::aaaa) {
        if (from.data_size != (type == sip::RecordType::a ? 4U : 16U)) return {};
        const auto address = address_of(message.subspan(from.data_at, from.data_size));
        made.record.address = *address;
        return made;
    }
    const auto first = reader.number(2), second = reader.number(2);
    if (!first || !second) return {};
    made.record.priority = static_cast<std::uint16_t>(*first);
    made.record.weight = static_cast<std::uint16_t>(*second);
    if (type == sip::RecordType::srv) {
        const auto port = reader.number(2);
        if (!port) return {};
        made.record.port = static_cast<std::uint16_t>(*port);
    } else {
        auto flags = reader.text(), service = reader.text(), regexp = reader.text();
        if (!flags || !service || !regexp) return {};
        made.flags = std::move(*flags);
        made.service = std::move(*service);
        made.regexp = std::move(*regexp);
    }
    auto target = reader.name();
    if (!target || !target->plain) return {};
    made.target = std::move(target->text);
    return made;
}

struct Sections {
    std::vector<ResourceRecord> answers, authorities;
};

/// The records of a message, or nothing: it breaks off, or is no answer.
std::optional<Sections> read_sections(std::span<const unsigned char> message) {
    Reader reader(message);
    const auto head = reader.take(4);
    const auto questions = reader.number(2), answers = reader.number(2),
               authorities = reader.number(2), additions = reader.number(2);
    if (!head || !additions) return {};
    for (std::uint32_t i = 0; i < *questions; ++i)
        if (!reader.name() || !reader.take(4)) return {};
    Sections sections;
    for (std::uint32_t i = 0; i < *answers + *authorities; ++i) {
        auto record = next_record(reader);
        if (!record) return {};
        (i < *answers ? sections.answers : sections.authorities).push_back(std::move(*record));
    }
    return sections;
}

/// RFC 2308 5: the less of the SOA's own time and its minimum.
std::uint32_t negative_ttl(std::span<const unsigned char> message,
                           const std::vector<ResourceRecord>& authorities) {
    for (const ResourceRecord& each : authorities) {
        if (each.type != type_soa) continue;
        Reader reader(message.first(each.data_at + each.data_size), each.data_at);
        if (!reader.name() || !reader.name() || !reader.take(16)) continue;
        if (const auto minimum = reader.number(4)) return std::min(*minimum, each.ttl_s);
    }
    return 0;
}

}  // namespace

std::uint16_t number_of(sip::RecordType type) {
    constexpr std::array<std::uint16_t, 4> numbers{1, 28, 33, 35};
    return numbers[static_cast<std::size_t>(type)];
}

ParsedNameAnswer parse_name_answer(std::span<const unsigned char> message, sip::RecordType type,
                                   std::string_view name) {
    ParsedNameAnswer answer;
    if (message.size() < header_bytes) return answer;
    const bool is_response = (message[2] & 0x80U) != 0, is_cut = (message[2] & 0x02U) != 0;
    const unsigned code = message[3] & 0x0fU;
    if (!is_response || is_cut || (code != 0 && code != 3)) return answer;
    const auto sections = read_sections(message);
    if (!sections) return answer;
    // RFC 1035 3.6.2: an alias leads on, wherever in the section it stands.
    std::string current(name);
    std::uint32_t ttl_s = UINT32_MAX;
    for (std::size_t i = 0; i < aliases_max; ++i) {
        const auto alias = std::find_if(
            sections->answers.begin(), sections->answers.end(), [&](const ResourceRecord& each) {
                return each.type == type_cname && each.owner.plain &&
                       sip::equal_ignoring_case(each.owner.text, current);
            });
        if (alias == sections->answers.end()) break;
        Reader reader(message.first(alias->data_at + alias->data_size), alias->data_at);
        auto target = reader.name();
        if (!target || !target->plain) return answer;
        current = std::move(target->text);
        ttl_s = std::min(ttl_s, alias->ttl_s);
    }
    bool any = false;
    for (const ResourceRecord& each : sections->answers) {
        if (each.type != number_of(type) || !each.owner.plain ||
            !sip::equal_ignoring_case(each.owner.text, current))
            continue;
        any = true;
        auto record = read_data(message, each, type);
        if (!record || answer.records.size() == records_max) continue;
        record->record.ttl_s = std::min(ttl_s, each.ttl_s);
        answer.records.push_back(std::move(*record));
    }
    answer.kind = any ? Kind::found : Kind::nothing;
    if (!any) answer.negative_ttl_s = negative_ttl(message, sections->authorities);
    return answer;
}

}  // namespace edge
