#pragma once

#include <array>
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

/// Where the first header field of each name stands, as the scan of a message met them.
class HeaderPlaces {
public:
    /// Of so many fields it can be told.
    static constexpr std::size_t fields_max = 255;

    /// Told each field in its order, which one it is counted from 1. False: the name was met
    /// before.
    bool meet(HeaderId id, std::size_t which) {
        std::uint8_t& first = first_[static_cast<std::size_t>(id)];
        if (first != 0) return false;
        first = static_cast<std::uint8_t>(which);
        return true;
    }
    /// The last that it was told is none.
    void take_back(HeaderId id, std::size_t which) {
        std::uint8_t& first = first_[static_cast<std::size_t>(id)];
        if (first == which) first = 0;
    }
    /// The first of `fields` of that name; null when none was met.
    const HeaderField* first_of(HeaderId id, const HeaderField* fields) const {
        const std::size_t which = first_[static_cast<std::size_t>(id)];
        if (which == 0) return nullptr;
        const HeaderField* const field = fields + which - 1;
        if (field == nullptr) __builtin_unreachable();
        return field;
    }

private:
    std::array<std::uint8_t, header_id_count> first_{};  ///< which one it is; 0: not met
};

/// A parsed message. Every view points into the buffer that was scanned and lives as long as it
/// does; `headers` points into the slots the caller gave.
struct MessageView {
    std::string_view bytes;        ///< the whole message, header section and body
    std::string_view method_name;  ///< empty for a response
    std::string_view request_uri;  ///< empty for a response
    std::string_view reason;       ///< may be empty
    std::string_view body;
    std::span<const HeaderField> headers;  ///< in order of arrival, repeated ones separate
    Method method = Method::unknown;
    std::uint16_t status = 0;  ///< 0 for a request, or when a response has a broken one
    /// It is as `scan_message` made it: behind each view into the head stands white space.
    bool scanned = false;
    // What the scan met in `headers`, so that it need not be looked for there.
    bool indexed = false;  ///< `places` has what is there, and each stands once but for `repeated`
    HeaderPlaces places;
    HeaderIds repeated;

    /// Where what can be read behind a view into the head ends; null when that is not known. Those
    /// who read values of fields are told, as it makes that cheaper.
    const char* limit() const { return scanned ? bytes.data() + bytes.size() : nullptr; }
    /// False for a response, and for a broken message whose method could not be read.
    bool is_request() const { return !method_name.empty(); }
    /// The first field of that name; null when there is none.
    const HeaderField* find(HeaderId id) const {
        if (indexed) return places.first_of(id, headers.data());
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
        if (indexed && !repeated.has(id)) return find(id) == nullptr ? 0 : 1;
        std::size_t n = 0;
        for (const HeaderField& field : headers) n += field.id == id;
        return n;
    }
};

}  // namespace sip
