#include <unistd.h>

#include <algorithm>
#include <array>

#include "apps/edge/net/line_reader.hpp"
#include "apps/vigil/client_session.hpp"
#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/json_output.hpp"
#include "apps/vigil/password.hpp"
#include "apps/vigil/presence_document.hpp"
#include "apps/vigil/text.hpp"
#include "apps/vigil/version.hpp"
#include "presence/server.hpp"
#include "sip/base/text.hpp"
#include "sip/message/contact.hpp"
#include "sip/message/uri.hpp"
#include "sip/registrar/registrant.hpp"

namespace vigil {

namespace {

using edge::failure;
using edge::Outcome;

// So long may the server take to answer that we are going; then the watchers are told anyway.
constexpr sip::Duration removal_timeout = sip::milliseconds{800};

/// Who we are, and whom we believe: what the core is made with.
struct Identity {
    std::string address;  ///< canonical address-of-record
    std::string user;     ///< without escapes, as digest has it
    std::string domain;
    std::string password;
    presence::Policy policy = presence::Policy::allow;
    std::vector<sip::AddressRange> networks;
    std::vector<std::string> names;  ///< of certificates
};

std::string written(void (*write)(sip::Appender&, std::string_view), std::string_view text) {
    std::string room(3 * text.size(), '\0');
    sip::Appender out(std::span(room.data(), room.size()));
    write(out, text);
    room.resize(out.size());
    return room;
}

std::string canonical(const sip::Uri& uri) {
    std::array<char, 512> room{};
    sip::Appender out(room);
    sip::write_address_of_record(out, uri);
    return out.overflowed() ? std::string() : std::string(out.view());
}

Outcome<void> read_trust(const EdgeOptions& options, Identity& out) {
    for (std::string text : options.trust) {
        if (text == "none" && options.trust.size() == 1) return {};
        if (const auto range = sip::parse_address_range(text)) {
            out.networks.push_back(*range);
            continue;
        }
        if (text.empty() || text.find_first_of("/: ") != std::string::npos)
            return failure("--trust " + escape(text, 100) +
                           ": it wants a network, as 192.0.2.0/24, an address, the name of a "
                           "certificate, or none");
        std::transform(text.begin(), text.end(), text.begin(), sip::to_lower);
        out.names.push_back(text);
    }
    if (out.networks.size() > sip::AddressRanges::capacity)
        return failure("--trust: too many networks");
    if (!options.trust.empty()) return {};
    // The server that we register with: by what it proves, else by where it is.
    if (named_server(options.client.server)) {
        if (options.client.server.starts_with("tls:"))
            out.names.emplace_back(
                sip::split_at(std::string_view(options.client.server).substr(4), ':').before);
        return {};
    }
    const auto server = choose_server(options.client.server, options.uri);
    if (!server) return failure(server.error());
    if (sip::is_secure(server->transport) && !options.client.server_name.empty())
        out.names.push_back(options.client.server_name);
    else
        out.networks.push_back({server->address, 128});
    return {};
}

Outcome<Identity> read_identity(const EdgeOptions& options) {
    Identity out;
    const auto uri = sip::parse_uri(options.uri);
    if (!uri || !uri->is_sip()) return failure(options.uri + ": write it as sip:alice@example.com");
    out.address = canonical(*uri);
    if (out.address.empty()) return failure(escape(options.uri, 100) + ": it is too long");
    out.domain = out.address.substr(out.address.rfind('@') + 1);
    out.user = written(sip::write_unescaped, uri->user);
    if (options.client.password_env) {
        const auto value = password_from_environment(*options.client.password_env);
        if (!value) return failure(value.error());
        out.password = *value;
    } else if (options.client.password) {
        out.password = *options.client.password;
    }
    if (!presence::parse_policy(options.policy, out.policy))
        return failure("--policy " + escape(options.policy, 100) +
                       ": use allow, confirm, polite-block or block");
    if (const auto trust = read_trust(options, out); !trust) return failure(trust.error());
    return out;
}

/// What our user's other devices prove themselves with: the one secret that we have.
class OwnPassword final : public sip::CredentialSource {
public:
    explicit OwnPassword(const Identity& who) : who_(who) {}
    bool find(std::string_view user, std::string_view realm, sip::DigestAlgorithm base,
              sip::Ha1& out) const override {
        if (who_.password.empty() || user != who_.user ||
            !sip::equal_ignoring_case(realm, who_.domain))
            return false;
        out = sip::make_ha1(base, user, realm, who_.password);
        return true;
    }

private:
    const Identity& who_;
};

/// What our user says of himself.
class OwnState final : public presence::LocalStates {
public:
    OwnState(std::string address, PresenceWish wish)
        : address_(std::move(address)), wish_(std::move(wish)) {}

    const PresenceWish& wish() const { return wish_; }
    Outcome<void> set(const sip::Now& now, PresenceWish wish) {
        wish.wall_ms = now.wall_ms;
        auto document = make_document(wish);
        if (!document) return failure(std::string(document.error().rule));
        wish_ = std::move(wish);
        document_ = std::move(*document);
        changed_ = now;
        return {};
    }
    std::optional<State> state_of(std::string_view presentity) const override {
        if (presentity != address_) return {};
        return State{document_, changed_.mono, changed_.wall_ms};
    }

private:
    std::string address_, document_;
    PresenceWish wish_;
    sip::Now changed_{};
};

/// Tells who watches.
class WatcherTracer final : public sip::Tracer {
public:
    explicit WatcherTracer(bool json) : json_(json) {}
    void subscription(const sip::Now& now, const sip::TraceSubscription& what) override {
        const std::string watcher = "sip:" + std::string(what.watcher);
        const std::string state(what.state), reason(what.reason);
        if (json_)
            print_line(json_of(EdgeWatcherFields{time_text(now.wall_ms),
                                                 "sip:" + std::string(what.resource), watcher,
                                                 state, reason}));
        else
            print_line("watcher " + escape(watcher) + " " + state +
                       (reason.empty() ? "" : " " + reason));
    }

private:
    bool json_;
};

/// What everything else stands on; made before the session, which drives its stack.
struct Agent {
    Agent(Identity who, const EdgeOptions& given, PresenceWish wish)
        : identity(std::move(who)),
          domain(identity.domain),
          names(identity.names.begin(), identity.names.end()),
          password(identity),
          state(identity.address, std::move(wish)),
          tracer(given.client.json),
          server(options(given), entropy) {}

    presence::ServerOptions options(const EdgeOptions& given) {
        presence::ServerOptions made;
        made.domains = {&domain, 1};
        made.edge_of = identity.address;
        made.credentials = &password;
        for (const auto& network : identity.networks) (void)made.trusted.networks.add(network);
        made.trusted.names = names;
        made.policy = identity.policy;
        made.local_states = &state;
        made.notify_interval = std::chrono::duration_cast<sip::Duration>(
            std::chrono::duration<double>(given.notify_interval_s));
        made.expires_max_s = given.watch_expires_s;
        made.expires_min_s = std::min<std::uint32_t>(made.expires_min_s, made.expires_max_s);
        made.tracer = &tracer;
        made.server_name = product();
        return made;
    }

    Identity identity;
    std::string_view domain;
    std::vector<std::string_view> names;
    OwnPassword password;
    OwnState state;
    WatcherTracer tracer;
    edge::OsEntropy entropy;
    presence::Server server;
};

class Edge {
public:
    Edge(const EdgeOptions& options, Agent& agent, ClientSession& session)
        : options_(options), agent_(agent), session_(session), registrant_(session.stack().core()) {
        registrant_.attach_as(session.stack().attach(registrant_, sip::Registrant::methods));
    }

    ExitCode run() {
        sip::RegisterOptions registration;
        registration.peer = session_.peer(options_.uri);
        if (options_.client.expires_s) registration.expires_s = *options_.client.expires_s;
        registration.instance = options_.client.instance;
        // RFC 3840: the two together say that we are a presence agent (RFC 3856 6.11.2).
        registration.capabilities = ";methods=\"SUBSCRIBE,OPTIONS\";events=\"presence\"";
        registration.peer.keep_alive = registration.instance.empty();
        if (options_.contact) registration.contact = *options_.contact;
        const auto made = registrant_.register_contact(session_.now(), registration);
        if (!made) {
            session_.complain(options_.uri,
                              "REGISTER could not be sent: " + std::string(made.error().rule));
            return ExitCode::failed;
        }
        id_ = *made;
        session_.on_timeout([this] { timed_out(); });
        return session_.run([this] { read_news(); }, [this] { leave(); });
    }

private:
    void read_news() {
        while (auto notice = registrant_.next_notice()) take(*notice);
        if (ending_ && agent_.server.idle() && gone_) session_.finish(ExitCode::done);
    }

    void take(const sip::RegistrationNotice& notice) {
        using Kind = sip::RegistrationNotice::Kind;
        switch (notice.kind) {
            case Kind::registered: registered(notice); return;
            case Kind::waiting:
                if (!session_.is_leaving())
                    print_error(escape(options_.uri) + ": REGISTER failed with " +
                                std::to_string(notice.status) + "; trying again in " +
                                std::to_string(notice.retry_after_s) + " s");
                return;
            case Kind::removed: break;
            case Kind::failed:
                session_.complain(
                    {"REGISTER", options_.uri, notice.status, std::string(notice.phrase.view())});
                session_.begin_to_leave(ExitCode::failed);
                break;
        }
        gone_ = true;
        end_subscriptions();
    }

    void registered(const sip::RegistrationNotice& notice) {
        if (registered_) return;
        registered_ = true;
        if (session_.json()) {
            RegisterFields fields{time_text(wall_clock_ms()), options_.uri, notice.status, {}};
            std::string_view rest = notice.contacts.view();
            while (const auto contact = sip::next_contact(rest)) {
                if (!*contact) break;
                fields.contacts.emplace_back((*contact)->address.uri.text);
            }
            print_line(json_of(fields));
        } else {
            print_line(session_.driver().ready_line());
        }
        tell_state();
        reader_.emplace(session_.driver().loop(), STDIN_FILENO,
                        edge::LineReader::User{[this](std::string_view line) { change(line); },
                                               [] { print_error("the line is too long"); }});
    }

    void change(std::string_view line) {
        if (session_.is_leaving()) return;
        PresenceWish wish = agent_.state.wish();
        auto changed = change_wish(wish, line);
        if (changed && wish.same_as(agent_.state.wish())) return;
        const sip::Now now = session_.now();
        if (changed) changed = agent_.state.set(now, std::move(wish));
        if (!changed) {
            print_error(changed.error());
            return;
        }
        agent_.server.state_changed(now, agent_.identity.address);
        tell_state();
    }

    void tell_state() const {
        const PresenceWish& wish = agent_.state.wish();
        const std::string basic = wish.open ? "open" : "closed";
        if (session_.json()) {
            WatchFields fields{time_text(wall_clock_ms()),
                               options_.uri,
                               true,
                               "own",
                               {},
                               {},
                               basic,
                               {},
                               {},
                               {},
                               {}};
            if (wish.activity) fields.activities.push_back(*wish.activity);
            if (wish.note) fields.notes.push_back(*wish.note);
            print_line(json_of(fields));
            return;
        }
        print_line("state " + basic + (wish.activity ? " " + escape(*wish.activity) : "") +
                   (wish.note ? " note " + escape(*wish.note) : ""));
    }

    void timed_out() {
        if (!registered_)
            session_.complain(options_.uri, "no answer to REGISTER came before --timeout");
        session_.begin_to_leave(registered_ ? ExitCode::done : ExitCode::failed);
    }

    /// The contact goes first: who subscribes again is not to be sent here once more.
    void leave() {
        gone_ = gone_ || !registrant_.unregister(session_.now(), id_);
        if (gone_)
            end_subscriptions();
        else
            session_.driver().after(removal_timeout, [this] { end_subscriptions(); });
    }

    void end_subscriptions() {
        if (ending_) return;
        ending_ = true;
        agent_.server.shut_down(session_.now(), presence::Server::Stop::deactivate);
    }

    const EdgeOptions& options_;
    Agent& agent_;
    ClientSession& session_;
    sip::Registrant registrant_;
    sip::RegistrationId id_;
    std::optional<edge::LineReader> reader_;
    bool registered_ = false;
    bool gone_ = false;    ///< nothing of ours stands at the registrar, as far as we know
    bool ending_ = false;  ///< the watchers were told
};

Outcome<PresenceWish> first_wish(const EdgeOptions& options, const Identity& who) {
    PresenceWish wish;
    wish.entity = "sip:" + who.address;
    wish.tuple_id = "t" + std::to_string(::getpid());
    if (options.status != "open" && options.status != "closed")
        return failure("--status " + escape(options.status, 100) + ": use open or closed");
    wish.open = options.status == "open";
    wish.activity = options.activity;
    wish.note = options.note;
    return wish;
}

}  // namespace

ExitCode run_edge(const EdgeOptions& options) {
    const auto wrong = [&](const std::string& error, ExitCode code = ExitCode::wrong_usage) {
        return fail(code, {"vigil edge: " + error, {}, 0, {}}, options.client.json);
    };
    if (const auto checked = check_address(options.uri); !checked) return wrong(checked.error());
    if (!options.client.as.empty()) return wrong("--as: an edge presence server speaks for itself");
    if (options.client.expires_s && *options.client.expires_s == 0)
        return wrong("--expires wants 1 or more; a registration is taken away by Ctrl-C");
    if (options.watch_expires_s == 0) return wrong("--max-expires wants 1 or more");
    if (!(options.notify_interval_s >= 0 && options.notify_interval_s <= 3600))
        return wrong("--notify-interval wants seconds from 0 to 3600");
    if (options.contact)
        if (const auto contact = sip::parse_uri(*options.contact); !contact)
            return wrong("--contact \"" + escape(*options.contact, 100) +
                         "\": " + std::string(contact.error().rule));
    auto identity = read_identity(options);
    if (!identity) return wrong(identity.error());
    const auto wish = first_wish(options, *identity);
    if (!wish) return wrong(wish.error());
    if (identity->networks.empty() && identity->names.empty())
        print_error("warning: nobody's word is taken about who watches; give --trust");
    const auto agent = std::make_unique<Agent>(std::move(*identity), options, *wish);
    if (const auto set = agent->state.set(edge::read_clocks(), *wish); !set)
        return wrong(set.error());
    auto session = ClientSession::open(options.client, options.uri, &agent->server.stack());
    if (!session) return wrong(session.error().error, session.error().code);
    return Edge(options, *agent, **session).run();
}

}  // namespace vigil
