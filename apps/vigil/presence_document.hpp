#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/edge/net/outcome.hpp"
#include "apps/vigil/json_output.hpp"
#include "sip/base/error.hpp"

namespace vigil {

/// What a person wants to know of a presence document.
struct PresenceSummary {
    std::string entity;
    std::string basic;  ///< open when any tuple is, else closed when any is, else empty
    std::vector<std::string> activities;
    std::vector<std::string> notes;  ///< of the document and all in it, each once
    std::vector<TupleFields> tuples;
};
/// Reads a PIDF document as a watcher does; the error's offset counts in `document`.
/// `strict`: the letter of RFC 3863 4.1, which not every client keeps.
sip::Expected<PresenceSummary> summarize(std::string_view document, bool strict = false);

/// What `vigil publish` was told to say.
struct PresenceWish {
    std::string entity;    ///< URI of the presentity
    std::string tuple_id;  ///< an XML name
    bool open = true;
    std::optional<std::string> activity, note, contact;
    std::int64_t wall_ms = 0;

    /// But for the time.
    bool same_as(const PresenceWish& other) const {
        return entity == other.entity && open == other.open && activity == other.activity &&
               note == other.note && contact == other.contact;
    }
};
/// What a person says in a line: `open`, `closed`, an activity of RFC 4480 (`away`), `none` (no
/// activity), `note TEXT`, `note` (none); nothing in an empty line. The error says what there is.
edge::Outcome<void> change_wish(PresenceWish& wish, std::string_view line);
/// Such a document: one tuple, and with an activity a person. Errors: `body_too_large`.
sip::Expected<std::string> make_document(const PresenceWish& wish);

}  // namespace vigil
