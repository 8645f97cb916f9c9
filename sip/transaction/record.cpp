#include "sip/transaction/record.hpp"

#include <array>
#include <cstring>

#include "sip/base/text.hpp"

namespace sip {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t head_bytes = 7, field_head_bytes = 5, number_bytes = 8;
constexpr std::size_t endpoint_bytes = 18;

enum class Field : std::uint8_t {
    resource = 1,
    key,  ///< local tag, chain, id
    package,
    event_id,
    body_type,
    watcher,
    authenticated,
    call_id,
    remote_tag,
    local_uri,
    remote_uri,
    remote_target,
    routes,
    local_cseq,
    remote_cseq,
    direct,
    transport,
    listener,
    local,
    remote,
    expires_at,
    changed_at,
    etag,
    publisher,
    body,
    contact,
    path,
    parameters,
    cseq,
    q,
    has_q,
    display_name,
};
constexpr std::size_t fields_max = 33;

// The fields of each kind, for reading and for writing. `V` has text, number, time, endpoint.

template <class V, class R>
void visit_key(V& v, R& r) {
    v.text(Field::resource, r.resource);
    if constexpr (requires { r.display_name; }) {
        v.text(Field::watcher, r.watcher);
        v.text(Field::package, r.package);
        v.text(Field::event_id, r.event_id);
    } else if constexpr (requires { r.local_tag; }) {
        v.text(Field::key, r.local_tag);
    } else if constexpr (requires { r.chain; }) {
        v.number(Field::key, r.chain, UINT64_MAX);
    } else {
        v.number(Field::key, r.id, UINT64_MAX);
    }
}

/// `R` is SubscriptionRecord, const or not; and so on below.
template <class V, class R>
requires requires(R& r) { r.local_tag; }
void visit_values(V& v, R& r) {
    v.text(Field::package, r.package);
    v.text(Field::event_id, r.event_id);
    v.text(Field::body_type, r.body_type);
    v.text(Field::watcher, r.watcher);
    v.number(Field::authenticated, r.authenticated, 1);
    v.text(Field::call_id, r.call_id);
    v.text(Field::remote_tag, r.remote_tag);
    v.text(Field::local_uri, r.local_uri);
    v.text(Field::remote_uri, r.remote_uri);
    v.text(Field::remote_target, r.remote_target);
    v.text(Field::routes, r.routes);
    v.number(Field::local_cseq, r.local_cseq, UINT32_MAX);
    v.number(Field::remote_cseq, r.remote_cseq, UINT32_MAX);
    v.number(Field::direct, r.direct, 1);
    v.number(Field::transport, r.transport, static_cast<std::uint64_t>(Transport::wss));
    v.number(Field::listener, r.listener, UINT16_MAX);
    v.endpoint(Field::local, r.local);
    v.endpoint(Field::remote, r.remote);
    v.number(Field::expires_at, r.expires_at_ms, INT64_MAX);
}

template <class V, class R>
requires requires(R& r) { r.chain; }
void visit_values(V& v, R& r) {
    v.text(Field::package, r.package);
    v.text(Field::etag, r.etag);
    v.text(Field::publisher, r.publisher);
    v.text(Field::body, r.body);
    v.number(Field::changed_at, r.changed_at_ms, INT64_MAX);
    v.number(Field::expires_at, r.expires_at_ms, INT64_MAX);
}

template <class V, class R>
requires requires(R& r) { r.contact; }
void visit_values(V& v, R& r) {
    v.text(Field::contact, r.contact);
    v.text(Field::path, r.path);
    v.text(Field::call_id, r.call_id);
    v.text(Field::parameters, r.parameters);
    v.number(Field::cseq, r.cseq, UINT32_MAX);
    v.number(Field::q, r.q, 1000);
    v.number(Field::has_q, r.has_q, 1);
    v.number(Field::changed_at, r.changed_at_ms, INT64_MAX);
    v.number(Field::expires_at, r.expires_at_ms, INT64_MAX);
}

template <class V, class R>
requires requires(R& r) { r.display_name; }
void visit_values(V& v, R& r) {
    v.number(Field::authenticated, r.authenticated, 1);
    v.text(Field::display_name, r.display_name);
    v.number(Field::changed_at, r.changed_at_ms, INT64_MAX);
    v.number(Field::expires_at, r.expires_at_ms, INT64_MAX);
}

/// Writes what it visits.
struct Encoder {
    RecordWriter& out;

    void head(Field tag, std::size_t size) {
        out.put_number(static_cast<std::uint64_t>(tag), 1);
        out.put_number(size, 4);
    }
    void text(Field tag, std::string_view value) {
        head(tag, value.size());
        out.put(value);
    }
    template <class N>
    void number(Field tag, N value, std::uint64_t) {
        head(tag, number_bytes);
        out.put_number(static_cast<std::uint64_t>(value), number_bytes);
    }
    void endpoint(Field tag, const Endpoint& value) {
        head(tag, endpoint_bytes);
        for (std::uint8_t byte : value.address.bytes) out.put_number(byte, 1);
        out.put_number(value.port, 2);
    }
};

std::uint64_t number_of(std::string_view bytes) {
    std::uint64_t value = 0;
    for (char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

/// Fills what it visits from fields that were told apart. The first fault is kept.
struct Decoder {
    std::array<std::string_view, fields_max> values;
    std::uint64_t seen = 0;
    StaticText fault;

    bool take(Field tag, std::string_view& value) {
        const auto i = static_cast<std::size_t>(tag);
        if ((seen >> i & 1U) == 0) fault = "Record: a field is missing";
        value = values[i];
        return fault.empty();
    }
    void text(Field tag, std::string_view& value) { (void)take(tag, value); }
    template <class N>
    void number(Field tag, N& value, std::uint64_t most) {
        std::string_view bytes;
        if (!take(tag, bytes)) return;
        const std::uint64_t read = number_of(bytes);
        if (bytes.size() != number_bytes || read > most)
            fault = "Record: a number is out of range";
        else
            value = static_cast<N>(read);
    }
    void endpoint(Field tag, Endpoint& value) {
        std::string_view bytes;
        if (!take(tag, bytes)) return;
        if (bytes.size() != endpoint_bytes) {
            fault = "Record: an address is cut short";
            return;
        }
        std::memcpy(value.address.bytes.data(), bytes.data(), value.address.bytes.size());
        value.port = static_cast<std::uint16_t>(number_of(slice(bytes, 16)));
    }
};

/// Tells the fields apart. The offset of a fault counts from the first of them.
Expected<void> split_fields(std::string_view fields, Decoder& found) {
    std::size_t at = 0;
    while (at < fields.size()) {
        if (fields.size() - at < field_head_bytes)
            return failure(Condition::malformed, "Record: a field is cut short", at);
        const auto tag = static_cast<std::size_t>(number_of(slice(fields, at, 1)));
        const auto size = static_cast<std::size_t>(number_of(slice(fields, at + 1, 4)));
        if (size > fields.size() - at - field_head_bytes)
            return failure(Condition::malformed, "Record: a field is cut short", at);
        if (tag < fields_max) {
            if ((found.seen >> tag & 1U) != 0)
                return failure(Condition::malformed, "Record: a field stands twice", at);
            found.seen |= std::uint64_t{1} << tag;
            found.values[tag] = slice(fields, at + field_head_bytes, size);
        }
        at += field_head_bytes + size;
    }
    return {};
}

template <class R>
void decode(Decoder& from, Record& record) {
    R& read = record.of.emplace<R>();
    visit_key(from, read);
    if (record.change == RecordChange::put) visit_values(from, read);
}

template <class R>
constexpr std::uint8_t kind_of = 0;
template <>
constexpr std::uint8_t kind_of<SubscriptionRecord> = 1;
template <>
constexpr std::uint8_t kind_of<PublicationRecord> = 2;
template <>
constexpr std::uint8_t kind_of<BindingRecord> = 3;
template <>
constexpr std::uint8_t kind_of<WatcherRecord> = 4;

Expected<Record> read_record(std::string_view head, std::string_view fields) {
    if (number_of(slice(head, 0, 1)) != version)
        return failure(Condition::malformed, "Record: its version is not known", 0);
    const auto change = number_of(slice(head, 2, 1));
    if (change != 1 && change != 2)
        return failure(Condition::malformed, "Record: neither put nor remove", 2);
    Decoder found;
    if (auto split = split_fields(fields, found); !split) {
        split.error().offset += static_cast<std::uint32_t>(head_bytes);
        return tl::unexpected(split.error());
    }
    Record record;
    record.change = static_cast<RecordChange>(change);
    switch (number_of(slice(head, 1, 1))) {
        case kind_of<SubscriptionRecord>: decode<SubscriptionRecord>(found, record); break;
        case kind_of<PublicationRecord>: decode<PublicationRecord>(found, record); break;
        case kind_of<BindingRecord>: decode<BindingRecord>(found, record); break;
        case kind_of<WatcherRecord>: decode<WatcherRecord>(found, record); break;
        default: return failure(Condition::malformed, "Record: its kind is not known", 1);
    }
    if (!found.fault.empty()) return failure(Condition::malformed, found.fault, head_bytes);
    return record;
}

}  // namespace

std::optional<Expected<Record>> next_record(std::string_view& rest) {
    if (rest.empty()) return {};
    const std::string_view whole = rest;
    rest = {};
    if (whole.size() < head_bytes)
        return Expected<Record>(failure(Condition::malformed, "Record: it is cut short", 0));
    const auto size = static_cast<std::size_t>(number_of(slice(whole, 3, 4)));
    if (size > whole.size() - head_bytes)
        return Expected<Record>(failure(Condition::malformed, "Record: it is cut short", 3));
    auto record = read_record(slice(whole, 0, head_bytes), slice(whole, head_bytes, size));
    if (record) rest = slice(whole, head_bytes + size);
    return record;
}

void RecordWriter::put(std::string_view bytes) {
    if (!bytes.empty() && size_ <= room_.size() && bytes.size() <= room_.size() - size_)
        std::memcpy(room_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
}

void RecordWriter::put_number(std::uint64_t number, unsigned bytes) {
    while (bytes-- > 0) {
        const char byte = static_cast<char>(number >> (8 * bytes) & 0xff);
        put({&byte, 1});
    }
}

template <class R>
void RecordWriter::write_one(RecordChange change, const R& record) {
    const auto fields = [&](RecordWriter& out) {
        Encoder encoder{out};
        visit_key(encoder, record);
        if (change == RecordChange::put) visit_values(encoder, record);
    };
    RecordWriter measured;
    fields(measured);
    put_number(version, 1);
    put_number(kind_of<R>, 1);
    put_number(static_cast<std::uint64_t>(change), 1);
    put_number(measured.size(), 4);
    fields(*this);
}

void RecordWriter::write(RecordChange change, const SubscriptionRecord& record) {
    write_one(change, record);
}
void RecordWriter::write(RecordChange change, const PublicationRecord& record) {
    write_one(change, record);
}
void RecordWriter::write(RecordChange change, const BindingRecord& record) {
    write_one(change, record);
}
void RecordWriter::write(RecordChange change, const WatcherRecord& record) {
    write_one(change, record);
}

}  // namespace sip
