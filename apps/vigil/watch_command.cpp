#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <span>

#include "apps/vigil/client_session.hpp"
#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/json_output.hpp"
#include "apps/vigil/presence_document.hpp"
#include "apps/vigil/text.hpp"
#include "presence/watcher_info/watcher_document.hpp"
#include "presence/watcher_info/watcher_table.hpp"
#include "sip/event/subscriber.hpp"

namespace vigil {

namespace {

using Traits = sip::EventPackage::Traits;

constexpr std::array<std::string_view, 1> presence_types{"application/pidf+xml"};
constexpr std::array<std::string_view, 1> watcher_types{presence::watcherinfo_type};

/// The packages that can be watched.
const std::array<Traits, 3> packages = [] {
    std::array<Traits, 3> all;
    all[0].name = "presence";
    all[0].accept = presence_types;
    all[1].name = "presence.winfo";
    all[2].name = "presence.winfo.winfo";
    for (Traits* traits : {&all[1], &all[2]}) {
        traits->accept = watcher_types;
        traits->forks = sip::EventPackage::Forks::merge;  // RFC 3857 4.9
    }
    return all;
}();

const Traits* find_package(const std::string& name) {
    const auto found = std::find_if(packages.begin(), packages.end(),
                                    [&](const Traits& each) { return each.name == name; });
    return found == packages.end() ? nullptr : found;
}

/// What is kept of somebody's watchers, and what a document of them may cost.
constexpr std::size_t arena_bytes = std::size_t{4} << 20;

/// One URI that is watched.
struct Watched {
    std::string uri;
    sip::WatchId id;
    bool over = false;
    bool heard = false;  ///< a NOTIFY came
    std::string state, reason;
    std::optional<std::string> document;               ///< that was printed last
    std::unique_ptr<presence::WatcherTable> watchers;  ///< where they are what is watched
};

class Watch {
public:
    Watch(const WatchOptions& options, ClientSession& session)
        : options_(options),
          session_(session),
          traits_(*find_package(options.event)),
          subscriber_(session.stack().core()) {
        subscriber_.attach_as(session.stack().attach(subscriber_, sip::Subscriber::methods));
    }

    ExitCode run() {
        if (!subscriber_.add_package(traits_)) return ExitCode::failed;
        for (const std::string& uri : options_.uris) subscribe(uri);
        if (all_over()) return ExitCode::failed;
        session_.on_timeout([this] { timed_out(); });
        return session_.run([this] { read_news(); }, [this] { leave(); });
    }

private:
    void subscribe(const std::string& uri) {
        watched_.push_back({uri, {}, false, false, {}, {}, {}, {}});
        Watched& watched = watched_.back();
        if (is_about_watchers())
            watched.watchers = std::make_unique<presence::WatcherTable>(
                memory_, session_.stack().shard().key, presence::WatcherTable::Limits{});
        sip::SubscribeOptions subscription;
        subscription.peer = session_.peer(watched.uri);
        subscription.event = traits_.name;
        subscription.expires_s =
            options_.once ? std::optional<std::uint32_t>(0) : options_.client.expires_s;
        const auto made = subscriber_.subscribe(session_.now(), subscription);
        if (made) {
            watched.id = *made;
            return;
        }
        watched.over = failed_ = true;
        session_.complain(uri, "SUBSCRIBE could not be sent: " + std::string(made.error().rule));
    }

    void read_news() {
        while (auto notice = subscriber_.next_notice()) take(*notice);
        if (all_over()) session_.finish(failed_ ? ExitCode::failed : ExitCode::done);
    }

    void take(const sip::SubscriptionNotice& notice) {
        const auto found = std::find_if(watched_.begin(), watched_.end(), [&](const Watched& each) {
            return !each.over && each.id == notice.watch;
        });
        if (found == watched_.end()) return;
        switch (notice.kind) {
            case sip::SubscriptionNotice::Kind::accepted: return;
            case sip::SubscriptionNotice::Kind::notified: notified(*found, notice); return;
            case sip::SubscriptionNotice::Kind::waiting: waits(*found, notice); return;
            case sip::SubscriptionNotice::Kind::ended: ended(*found, notice); return;
        }
    }

    void notified(Watched& watched, const sip::SubscriptionNotice& notice) {
        watched.heard = true;
        tell_state(watched, std::string(sip::name_of(notice.state)), notice);
        if (watched.watchers != nullptr && notice.has_document)
            tell_watchers(watched, notice);
        else if (notice.has_document && watched.document != notice.body.view())
            tell_presence(watched, notice);
        ++notifications_;
        if (options_.count && notifications_ >= *options_.count)
            session_.begin_to_leave(ExitCode::done);
        // Others may answer as well (RFC 3857 4.9), and nobody wants to wait 32 s for them.
        if (options_.once && is_about_watchers() && all_heard())
            session_.begin_to_leave(ExitCode::done);
    }

    void tell_state(Watched& watched, const std::string& state,
                    const sip::SubscriptionNotice& notice) {
        const std::string reason = notice.reason == sip::TerminationReason::none
                                       ? std::string()
                                       : std::string(sip::name_of(notice.reason));
        if (watched.state == state && watched.reason == reason) return;
        watched.state = state;
        watched.reason = reason;
        WatchFields fields;
        fields.time = time_text(wall_clock_ms());
        fields.uri = watched.uri;
        fields.state = state;
        fields.reason = reason;
        if (state != "terminated") fields.expires = notice.expires_s;
        if (session_.json()) {
            print_line(json_of(fields));
            return;
        }
        std::string line = fields.time + " " + escape(fields.uri) + " subscription " + state;
        if (fields.expires) line += " " + std::to_string(*fields.expires) + " s";
        if (!reason.empty()) line += " " + reason;
        print_line(line);
    }

    void tell_presence(Watched& watched, const sip::SubscriptionNotice& notice) {
        watched.document = std::string(notice.body.view());
        const auto summary = summarize(*watched.document);
        if (!summary) {
            complain_of_document(watched, summary.error());
            return;
        }
        WatchFields fields;
        fields.time = time_text(wall_clock_ms());
        fields.uri = watched.uri;
        fields.is_presence = true;
        fields.state = watched.state;
        fields.reason = watched.reason;
        fields.expires = notice.expires_s;
        fields.basic = summary->basic;
        fields.activities = summary->activities;
        fields.notes = summary->notes;
        fields.tuples = summary->tuples;
        if (options_.raw) fields.document = watched.document;
        print_line(session_.json() ? json_of(fields) : text_of(fields));
        if (options_.raw && !session_.json()) print_raw(*watched.document);
    }

    void tell_watchers(Watched& watched, const sip::SubscriptionNotice& notice) {
        pidf::Arena arena(memory_, arena_bytes);
        const auto info = presence::read_watcher_info(notice.body.view(), arena);
        if (!info) {
            complain_of_document(watched, info.error());
            return;
        }
        using Taken = presence::WatcherTable::Taken;
        bool any = false;
        const auto taken = watched.watchers->take(notice.fork, **info, [&](const auto& row) {
            tell_watcher(watched, row);
            any = true;
        });
        if (!taken) {
            session_.complain(watched.uri, std::string(taken.error().rule));
            return;
        }
        if (!any && watched.watchers->size() == 0 && *taken == Taken::processed && !session_.json())
            print_line(time_text(wall_clock_ms()) + " " + escape(watched.uri) + " no watchers");
        if (options_.raw && !session_.json()) print_raw(std::string(notice.body.view()));
        // RFC 3858 4: something was missed.
        if (*taken == Taken::with_gap && subscriber_.refresh(session_.now(), watched.id))
            watched.watchers->refreshing(notice.fork);
    }

    void tell_watcher(const Watched& watched, const presence::WatcherTable::Row& row) {
        WatcherFields fields;
        fields.time = time_text(wall_clock_ms());
        fields.uri = watched.uri;
        fields.watcher = std::string(row.uri);
        fields.package = std::string(row.package);
        fields.id = std::string(row.id);
        fields.display_name = std::string(row.display_name);
        fields.status = std::string(presence::watcher_machine::name_of(row.status));
        fields.cause = std::string(presence::watcher_machine::name_of(row.event));
        fields.expires = row.expiration;
        fields.duration = row.duration_subscribed;
        if (session_.json()) {
            print_line(json_of(fields));
            return;
        }
        std::string line = fields.time + " " + escape(fields.uri) + " watcher " +
                           escape(fields.watcher) + " " + fields.status + " " + fields.cause;
        if (fields.expires) line += " " + std::to_string(*fields.expires) + " s";
        if (!fields.display_name.empty()) line += " \"" + escape(fields.display_name) + "\"";
        print_line(line);
    }

    void complain_of_document(const Watched& watched, const sip::Error& error) {
        session_.complain(watched.uri,
                          "the document that came cannot be read: " + std::string(error.rule) +
                              " (byte " + std::to_string(error.offset) + ")");
    }

    static std::string text_of(const WatchFields& fields) {
        std::string activities, notes;
        for (const std::string& each : fields.activities)
            activities += (activities.empty() ? "" : ",") + escape(each);
        for (const std::string& each : fields.notes) notes += " \"" + escape(each) + "\"";
        return fields.time + " " + escape(fields.uri) + " " +
               (fields.basic.empty() ? "unknown" : fields.basic) + " " +
               (activities.empty() ? "-" : activities) + notes;
    }

    /// The document's own lines, each made harmless.
    static void print_raw(const std::string& document) {
        std::size_t at = 0;
        while (at < document.size()) {
            const std::size_t end = std::min(document.find('\n', at), document.size());
            std::string line = document.substr(at, end - at);
            if (line.ends_with('\r')) line.pop_back();
            print_line(escape(line, line.size() + 1));
            at = end + 1;
        }
    }

    void waits(Watched& watched, const sip::SubscriptionNotice& notice) {
        if (watched.watchers != nullptr) watched.watchers->forget(notice.fork);
        tell_state(watched, "terminated", notice);
        if (session_.is_leaving()) return;
        print_error(escape(watched.uri) + ": the subscription ended; trying again in " +
                    std::to_string(notice.retry_after_s) + " s");
    }

    void ended(Watched& watched, const sip::SubscriptionNotice& notice) {
        if (watched.watchers != nullptr) watched.watchers->forget(notice.fork);
        if (!notice.last) return;
        watched.over = true;
        const bool asked = session_.is_leaving() || options_.once;
        if (asked && watched.heard) {
            if (watched.state != "terminated") tell_state(watched, "terminated", notice);
            return;
        }
        failed_ = failed_ || !session_.is_leaving();
        if (notice.status >= 300)
            session_.complain(
                {"SUBSCRIBE", watched.uri, notice.status, std::string(notice.phrase.view())});
        else if (!session_.is_leaving())
            session_.complain(watched.uri,
                              "the server ended the subscription" +
                                  (watched.reason.empty() ? std::string() : ": " + watched.reason));
    }

    void timed_out() {
        const bool enough = all_heard() && !options_.count && !options_.once;
        if (!enough)
            for (const Watched& each : watched_)
                if (!each.over && (!each.heard || options_.count))
                    session_.complain(each.uri, each.heard
                                                    ? "--timeout is over before --count was reached"
                                                    : "no notification came before --timeout");
        session_.begin_to_leave(enough && !failed_ ? ExitCode::done : ExitCode::failed);
    }

    void leave() {
        for (const Watched& each : watched_)
            if (!each.over) (void)subscriber_.unsubscribe(session_.now(), each.id);
    }

    bool is_about_watchers() const { return &traits_ != &packages.front(); }
    bool all_heard() const {
        return std::all_of(watched_.begin(), watched_.end(),
                           [](const Watched& each) { return each.heard; });
    }
    bool all_over() const {
        return std::all_of(watched_.begin(), watched_.end(),
                           [](const Watched& each) { return each.over; });
    }

    const WatchOptions& options_;
    ClientSession& session_;
    const Traits& traits_;
    sip::Memory memory_;
    sip::Subscriber subscriber_;
    std::deque<Watched> watched_;
    std::uint64_t notifications_ = 0;
    bool failed_ = false;
};

}  // namespace

ExitCode run_watch(const WatchOptions& options) {
    const auto wrong = [&](const std::string& error) {
        return fail(ExitCode::wrong_usage, {"vigil " + options.command + ": " + error, {}, 0, {}},
                    options.client.json);
    };
    if (find_package(options.event) == nullptr)
        return wrong("--event " + escape(options.event, 60) +
                     ": not built in yet; there are presence, presence.winfo and "
                     "presence.winfo.winfo");
    if (options.count && *options.count == 0) return wrong("--count wants 1 or more");
    if (options.once && options.client.expires_s)
        return wrong("--once and --expires exclude one another");
    if (options.client.expires_s && *options.client.expires_s == 0)
        return wrong("--expires wants 1 or more; --once fetches the state");
    for (const std::string& uri : options.uris)
        if (const auto checked = check_address(uri); !checked) return wrong(checked.error());
    auto session = ClientSession::open(options.client, options.uris.front());
    if (!session)
        return fail(session.error().code,
                    {"vigil " + options.command + ": " + session.error().error, {}, 0, {}},
                    options.client.json);
    return Watch(options, **session).run();
}

}  // namespace vigil
