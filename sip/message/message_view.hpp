#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sip/message/header_id.hpp"
#include "sip/message/method.hpp"

namespace sip {

/// One header field as it arrived: `value` is trimmed and may hold folds (CR LF SP), which count
/// as white space everywhere (RFC 3261 7.3.1).
struct HeaderField {
    HeaderId id = HeaderId::unknown;
    std::string_view name, value;
};

/// A parsed message. Every view points into the buffer that was scanned and lives as long as it
/// does; `headers` points into the slots the caller gave.
struct MessageView {
    std::string_view bytes;        ///< the whole message, header section and body
    std::string_view method_name;  ///< empty for a response
    Method method = Method::unknown;
    std::string_view request_uri;          ///< empty for a response
    std::uint16_t status = 0;              ///< 0 for a request, or when a response has a broken one
    std::string_view reason;               ///< may be empty
    std::span<const HeaderField> headers;  ///< in order of arrival, repeated ones separate
    std::string_view body;
    /// It is as `scan_message` made it: behind each view into the head stands white space.
    bool scanned = false;
    // What is known of `headers` beforehand, so that it need not be looked for there.
    HeaderIds may_have = HeaderIds::all(), may_repeat = HeaderIds::all();

    /// Where what can be read behind a view into the head ends; null when that is not known. Those
    /// who read values of fields are told, as it makes that cheaper.
    const char* limit() const { return scanned ? bytes.data() + bytes.size() : nullptr; }
    /// False for a response, and for a broken message whose method could not be read.
    bool is_request() const { return !method_name.empty(); }
    /// The first field of that name; null when there is none.
    const HeaderField* find(HeaderId id) const {
        if (!may_have.has(id)) return nullptr;
        for (const HeaderField& field : headers)
            if (field.id == id) return &field;
        return nullptr;
    }
    /// Its value, or an empty text.
    std::string_view value_of(HeaderId id) const {
        const HeaderField* field = find(id);
        return field == nullptr ? std::string_view{} : field->value;
    }
    bool has(HeaderId id) const { return find(id) != nullptr; }
    std::size_t count(HeaderId id) const {
        std::size_t n = 0;
        if (!may_have.has(id)) return n;
        for (const HeaderField& field : headers) n += field.id == id;
        return n;
    }
};

}  // namespace sip
