#include "apps/vigil/control_records.hpp"

#include <algorithm>
#include <map>

#include "apps/edge/net/address.hpp"
#include "apps/edge/net/listen_spec.hpp"
#include "apps/vigil/presence_document.hpp"
#include "apps/vigil/text.hpp"

namespace vigil {

namespace {

using Snapshot = sip::Notifier::Snapshot;

/// Of an entity-tag: whoever has the whole can change the publication.
constexpr std::size_t etag_shown = 8;

std::string uri_of(std::string_view address_of_record) {
    return "sip:" + std::string(address_of_record);
}

Record begin(const sip::Now& now, std::string_view kind, std::string_view presentity) {
    Record out;
    out.set("time", time_text(now.wall_ms)).set("kind", std::string(kind));
    if (!presentity.empty()) out.set("uri", uri_of(presentity));
    return out;
}

std::string_view name_of(sip::Notifier::Told told) {
    using Told = sip::Notifier::Told;
    switch (told) {
        case Told::nothing: break;
        case Told::on_its_way: return "on-its-way";
        case Told::answered: return "answered";
        case Told::timeout: return "timeout";
        case Told::failed: return "failed";
        case Told::withdrawn: return "withdrawn";
        case Told::not_sent: return "not-sent";
    }
    return "none";
}

std::int64_t seconds_until(const sip::Now& now, sip::Instant at) {
    return sip::seconds_left(now.mono, at);
}

/// Never negative: a clock that is read later than an input.
std::int64_t age_s(const sip::Now& now, sip::Instant since) {
    const auto age = std::chrono::duration_cast<sip::seconds>(now.mono - since).count();
    return age < 0 ? 0 : age;
}

std::string wall_text(const sip::Now& now, sip::Instant at) {
    return time_text(sip::wall_ms_at(now, at));
}

void set_notify(Record& out, const sip::Now& now, const Snapshot& s) {
    out.set("notify", std::string(name_of(s.told)));
    if (s.told != sip::Notifier::Told::nothing)
        out.set("notify_time", wall_text(now, s.told_at))
            .set("notify_age", age_s(now, s.told_at))
            .set("notify_cseq", std::int64_t{s.cseq})
            .set("notify_bytes", static_cast<std::int64_t>(s.body_bytes));
    if (s.status != 0) out.set("notify_status", std::int64_t{s.status});
    out.set("notify_due", s.due);
    if (!s.next.empty())
        out.set("next", std::string(s.next)).set("next_in", seconds_until(now, s.next_at));
}

/// Remembers which publication of the composition is which.
class Listener final : public presence::CompositionObserver {
public:
    Listener(const sip::Now& now, std::string_view presentity, std::vector<Record>& out)
        : now_(now), presentity_(presentity), out_(out) {}

    void knows(std::uint64_t chain, std::string_view etag) {
        etags_[chain] = std::string(etag.substr(0, etag_shown));
    }
    void left_out(const LeftOut& what) override {
        Record& line = out_.emplace_back(begin(now_, "left-out", presentity_));
        line.set("what", std::string(what.what)).set("name", std::string(what.name));
        if (what.chain != 0) line.set("of", etag_of(what.chain));
        line.set("because", std::string(what.because));
        if (what.in_favour != 0) line.set("in_favour_of", etag_of(what.in_favour));
    }

private:
    /// What this server says of itself has no entity-tag.
    std::string etag_of(std::uint64_t chain) const {
        const auto found = etags_.find(chain);
        return found == etags_.end() ? "local state" : found->second;
    }

    sip::Now now_;
    std::string_view presentity_;
    std::vector<Record>& out_;
    std::map<std::uint64_t, std::string> etags_;
};

/// What to answer: the status of a SUBSCRIBE that is decided so.
std::int64_t status_of(sip::SubscriptionDecision state) {
    return state == sip::SubscriptionDecision::rejected ? 403 : 200;
}

std::string_view name_of(sip::SubscriptionDecision state) {
    switch (state) {
        case sip::SubscriptionDecision::active: return "active";
        case sip::SubscriptionDecision::pending: return "pending";
        case sip::SubscriptionDecision::rejected: break;
    }
    return "rejected";
}

}  // namespace

Record record_of(const sip::Now& now, const Snapshot& s) {
    Record out = begin(now, "subscription", s.resource);
    out.set("watcher", uri_of(s.watcher)).set("package", std::string(s.package));
    if (!s.event_id.empty()) out.set("event_id", std::string(s.event_id));
    out.set("state", std::string(s.state));
    if (!s.reason.empty()) out.set("reason", std::string(s.reason));
    out.set("authenticated", s.authenticated)
        .set("proved_by", std::string(sip::name_of(s.proved_by)))
        .set("because", std::string(s.because))
        .set("sees", s.sees ? std::string(presence::PresencePackage::name_of(s.view)) : "nothing")
        .set("granted", std::int64_t{s.granted_s})
        .set("expires", std::int64_t{s.expires_s})
        .set("since", wall_text(now, s.since))
        .set("remote", edge::to_text(s.transport, s.remote))
        .set("connection", std::string(s.silent    ? "silent"
                                       : s.suspect ? "lost"
                                                   : "up"));
    set_notify(out, now, s);
    return out;
}

Record record_of(const sip::Now& now, std::string_view presentity,
                 const sip::Compositor::Publication& publication) {
    Record out = begin(now, "publication", presentity);
    out.set("etag", std::string(publication.etag.substr(0, etag_shown)))
        .set("publisher", uri_of(publication.publisher))
        .set("changed", time_text(publication.changed_wall_ms))
        .set("age", age_s(now, publication.changed))
        .set("expires", seconds_until(now, publication.expires_at))
        .set("bytes", static_cast<std::int64_t>(publication.body.size()));
    if (const auto summary = summarize(publication.body)) {
        out.set("basic", summary->basic).set("activities", summary->activities);
        out.set("notes", summary->notes);
    }
    return out;
}

Record record_of(const sip::Now& now, std::string_view address,
                 const sip::Registrar::Binding& binding) {
    Record out = begin(now, "registration", address);
    out.set("contact", std::string(binding.contact));
    if (binding.has_q) out.set("q", std::int64_t{binding.q});
    out.set("capabilities", std::string(binding.parameters))
        .set("expires", seconds_until(now, binding.expires_at))
        .set("changed", time_text(binding.changed_wall_ms))
        .set("age", age_s(now, binding.changed))
        .set("connection", binding.flow != sip::FlowId{});
    if (binding.reg_id != 0) out.set("reg_id", std::int64_t{binding.reg_id});
    if (!binding.path.empty()) out.set("path", std::string(binding.path));
    if (binding.behind_nat.port != 0)
        out.set("behind_nat", edge::to_text(sip::Transport::udp, binding.behind_nat));
    return out;
}

Record record_of(const sip::Now& now, const RecentDecisions::Entry& entry) {
    Record out = begin(now, "refusal", entry.about);
    out.set("watcher", uri_of(entry.subject))
        .set("what", entry.what)
        .set("because", entry.reason)
        .set("last", time_text(entry.last_wall_ms))
        .set("age", std::max<std::int64_t>(0, (now.wall_ms - entry.last_wall_ms) / 1000))
        .set("count", static_cast<std::int64_t>(entry.count));
    if (entry.status != 0) out.set("status", std::int64_t{entry.status});
    return out;
}

Record address_record(const sip::Now& now, presence::Server& server, std::string_view presentity) {
    const auto force = server.package().policy_for(presentity);
    Record out = begin(now, "presentity", presentity);
    out.set("exists", server.package().exists(presentity))
        .set("policy", std::string(presence::name_of(force.policy)))
        .set("own_policy", force.own)
        .set("local_state", server.package().has_local_state(presentity));
    return out;
}

Record decision_record(const sip::Now& now, presence::Server& server, std::string_view watcher,
                       std::string_view presentity) {
    Record out = begin(now, "decision", presentity);
    out.set("watcher", uri_of(watcher));
    if (!server.package().exists(presentity))
        return out.set("state", std::string("rejected"))
            .set("because", std::string("no such address"))
            .set("sees", std::string("nothing"))
            .set("status", std::int64_t{404});
    const sip::Decision decision = server.decision_for(now, watcher, presentity);
    const bool sees = decision.state == sip::SubscriptionDecision::active;
    return out.set("state", std::string(name_of(decision.state)))
        .set("because", std::string(decision.because))
        .set("sees", sees ? std::string(presence::PresencePackage::name_of(decision.view))
                          : std::string("nothing"))
        .set("status", status_of(decision.state));
}

std::vector<Record> compose_records(const sip::Now& now, presence::Server& server,
                                    std::string_view presentity, bool raw) {
    std::vector<Record> out;
    Listener listener(now, presentity, out);
    if (const sip::ResourceId id = server.resource_of(presentity))
        server.compositor().for_each(id, [&](const sip::Compositor::Publication& each) {
            listener.knows(each.chain, each.etag);
        });
    std::string room(server.stack().shard().limits.notify_body_bytes, '\0');
    const auto size = server.compose(now, presentity, &listener, {room.data(), room.size()});
    Record& line = out.emplace_back(begin(now, "document", presentity));
    if (!size) {
        line.set("failed", std::string(size.error().rule));
        return out;
    }
    room.resize(*size);
    line.set("bytes", static_cast<std::int64_t>(*size));
    if (const auto summary = summarize(room)) {
        line.set("basic", summary->basic).set("activities", summary->activities);
        line.set("notes", summary->notes);
        line.set("tuples", static_cast<std::int64_t>(summary->tuples.size()));
    }
    if (raw) line.set("document", room);
    return out;
}

}  // namespace vigil
