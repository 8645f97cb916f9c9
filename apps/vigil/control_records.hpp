#pragma once

#include <string_view>
#include <vector>

#include "apps/vigil/json_output.hpp"
#include "apps/vigil/recent_decisions.hpp"
#include "presence/server.hpp"

namespace vigil {

// What the core knows, as the lines of the control socket. docs/vigil.1 has the keys.

Record record_of(const sip::Now& now, const sip::Notifier::Snapshot& subscription);
Record record_of(const sip::Now& now, std::string_view presentity,
                 const sip::Compositor::Publication& publication);
Record record_of(const sip::Now& now, std::string_view address,
                 const sip::Registrar::Binding& binding);
Record record_of(const sip::Now& now, const RecentDecisions::Entry& entry);

/// Whether there is such an address, and what holds for those whom it has not decided about.
Record address_record(const sip::Now& now, presence::Server& server, std::string_view presentity);
/// What a SUBSCRIBE of `watcher` would come to.
Record decision_record(const sip::Now& now, presence::Server& server, std::string_view watcher,
                       std::string_view presentity);
/// What a composition leaves out, a line each, and the document that it makes; whole if `raw`.
std::vector<Record> compose_records(const sip::Now& now, presence::Server& server,
                                    std::string_view presentity, bool raw);

}  // namespace vigil
