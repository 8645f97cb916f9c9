#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sip/base/buffer.hpp"

namespace presence {

inline constexpr std::string_view watcherinfo_type = "application/watcherinfo+xml";
inline constexpr std::string_view watcherinfo_namespace = "urn:ietf:params:xml:ns:watcherinfo";

/// One row of a document, RFC 3858 3.
struct WatcherEntry {
    std::string_view id;                               ///< a token
    std::string_view status;                           ///< pending, active, waiting, terminated
    std::string_view event;                            ///< that brought it there
    std::string_view display_name;                     ///< empty: none
    std::optional<std::uint64_t> expiration;           ///< seconds left
    std::optional<std::uint64_t> duration_subscribed;  ///< seconds since the SUBSCRIBE
    std::string_view uri;                              ///< of the watcher
};

/// Writes documents of one list (RFC 3858): XML 1.0 in UTF-8, row by row. What does not fit is left
/// out whole, and the document ends in order all the same.
class WatcherDocument {
public:
    struct Head {
        std::uint32_t version = 0;
        bool full = true;
        std::string_view resource;  ///< canonical address-of-record
        std::string_view package;   ///< that is watched
    };
    /// `fits` is false when there is no room even for a document without rows.
    WatcherDocument(std::span<char> room, const Head& head);
    bool fits() const { return fits_; }
    /// `entry.uri` is taken for an address-of-record, "sip:" goes before it. False: it did not fit,
    /// and nothing of it was written.
    [[nodiscard]] bool add(const WatcherEntry& entry);
    /// The size of the whole.
    std::size_t finish();

private:
    std::span<char> room_;
    sip::Appender out_;
    bool fits_ = false;
};

}  // namespace presence
