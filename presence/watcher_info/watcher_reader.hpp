#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "pidf/xml.hpp"
#include "presence/watcher_info/watcher_machine.hpp"

namespace presence {

/// One watcher of a document that was read (RFC 3858 3).
struct ReadWatcher {
    std::string_view id;
    watcher_machine::State status = watcher_machine::State::pending;
    watcher_machine::Event event = watcher_machine::Event::subscribe;
    std::string_view display_name, uri;
    std::optional<std::uint64_t> expiration, duration_subscribed;
    ReadWatcher* next = nullptr;
};

struct ReadWatcherList {
    std::string_view resource, package;
    pidf::List<ReadWatcher> watchers;
    ReadWatcherList* next = nullptr;
};

struct ReadWatcherInfo {
    std::uint32_t version = 0;
    bool full = false;
    pidf::List<ReadWatcherList> lists;
};

/// Reads application/watcherinfo+xml. Elements and attributes of other namespaces are passed over.
/// A number that is none, in an attribute that says nothing of the state, is left out. Views live
/// as long as `arena`. Errors: those of parse_xml, and `malformed` where RFC 3858 3 is broken.
sip::Expected<ReadWatcherInfo*> read_watcher_info(std::string_view bytes, pidf::Arena& arena,
                                                  const pidf::XmlLimits& limits = {});

}  // namespace presence
