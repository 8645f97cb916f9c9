#include "fuzz/scripts/parties.hpp"

#include <cstdio>
#include <cstdlib>

#include "tests/sim/wire.hpp"

namespace scripts {
namespace {

using sim::millisecond;
using sim::second;
using sim::Step;

constexpr unsigned streams_max = 4;
constexpr std::size_t heard_max = 8, under_way_max = 200;
constexpr sim::Time way = 5 * millisecond, passed_max = 6 * 3600 * second;
constexpr std::size_t script_max = 4'096;
/// What a server grants at most.
constexpr sim::Time expires_max = 7'200 * second;

constexpr std::array<std::string_view, 5> names{"alice", "bob", "carol", "dave", "erin"};
constexpr std::array<std::string_view, 3> strangers{"mallory", "trudy", "oscar"};
constexpr std::array<std::string_view, 8> methods{"SUBSCRIBE", "PUBLISH", "REGISTER", "OPTIONS",
                                                  "NOTIFY",    "MESSAGE", "INVITE",   "CANCEL"};

sip::Endpoint endpoint_of(unsigned stranger) {
    return {sip::Address::v4(198, 51, 100, static_cast<std::uint8_t>(1 + stranger)), 5060};
}

std::string pidf(std::string_view kind) {
    if (kind == "empty" || kind.empty()) return {};
    if (kind == "broken") return "<presence";
    const std::string note = kind == "large" ? std::string(1'400, 'x') : std::string(kind);
    return "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:u0@d0.example\">"
           "<tuple id=\"s\"><status><basic>" +
           std::string(kind == "closed" ? "closed" : "open") + "</basic></status></tuple><note>" +
           note + "</note></presence>";
}

}  // namespace

// The world ---------------------------------------------------------------------------------------

sim::Setup Parties::setup_of(std::string_view script) {
    sim::Setup setup;
    setup.servers = 1;
    setup.users = 4;
    setup.phones = 5;
    setup.expires_s = 1'800;
    setup.digest = setup.hostile = false;
    setup.tcp_percent = setup.nat_percent = 0;
    setup.drift_max = 0;
    constexpr Command<sim::Setup> table[] = {
        {"setup", [](sim::Setup& s, Words& words) {
             while (!words.rest().empty()) {
                 if (words.takes("store"))
                     s.store = true;
                 else if (words.takes("digest"))
                     s.digest = true;
                 else if (words.takes("tight"))
                     s.tight = true;
                 else if (words.takes("tcp"))
                     s.tcp_percent = 50;
                 else if (words.takes("nat"))
                     s.nat_percent = 50;
                 else if (words.takes("drift"))
                     s.drift_max = 2'000;
                 else if (words.takes("hostile"))
                     s.digest = s.hostile = true;
                 else if (words.takes("servers"))
                     s.servers = static_cast<unsigned>(words.number(1, 2, 1));
                 else if (words.takes("expires"))
                     s.expires_s = static_cast<std::uint32_t>(words.number(600, 3'600, 1'800));
                 else if (words.takes("seed"))
                     s.seed = static_cast<std::uint64_t>(words.number(0, INT64_MAX, 1));
                 else
                     words.word();
             }
         }}};
    scripts::run<sim::Setup>(script, table, setup, [] {});
    return setup;
}

Parties::Parties(std::string_view script, Pieces pieces)
    : Simulation(setup_of(script), 0), pieces_(pieces) {
    world_.weather = {};
    world_.on_datagram = [this](const sip::Endpoint& source, const sip::Endpoint& to,
                                std::shared_ptr<const std::string> text) {
        take_datagram(source, to, std::move(text));
    };
    world_.on_transmit = [this](const sim::Host& from, const sip::Transmit& out,
                                const std::string& text) {
        if (&from != servers_[0].get()) return;
        print_ = sim::Random::scramble(print_ ^ sip::siphash({3, 4}, text) ^
                                       static_cast<std::uint64_t>(world_.now));
        const auto* flow = std::get_if<sip::FlowId>(&out.where);
        if (flow == nullptr) return;
        for (const Stream& stream : streams_)
            if (stream.flow == *flow && stream.boot == servers_[0]->boot) hear({text, {}, *flow});
    };
    for (unsigned i = 0; setup_.store && i < setup_.servers; ++i)
        servers_[i]->on_commit_wanted = [this, i](sip::CommitId id) {
            commits_.push_back({i, servers_[i]->boot, id});
        };
    watch_timers();
    check();
}

void Parties::check() {
    if (!world_.failed()) return;
    const sim::Failure& failure = world_.failure();
    std::fprintf(stderr, "broken at %.3f s: %s: %s\n", static_cast<double>(failure.at) / 1e9,
                 failure.invariant.c_str(), failure.detail.c_str());
    std::abort();
}

void Parties::pass(sim::Time by) {
    by = std::min(by, passed_max - passed_);
    passed_ += by;
    world_.run_until(world_.now + by);
}

void Parties::take_datagram(const sip::Endpoint& source, const sip::Endpoint& to,
                            std::shared_ptr<const std::string> text) {
    if (world_.host_at(to.address) == nullptr) {
        hear({*text, to, {}});
        return;
    }
    if (under_way_.size() < under_way_max)
        send_on(world_.now + way, {++next_id_, 0, source, to, std::move(text)});
}

void Parties::send_on(sim::Time at, UnderWay what) {
    what.at = at;
    world_.at(at, [this, id = what.id] { arrive(id); });
    under_way_.push_back(std::move(what));
}

void Parties::arrive(std::uint64_t id) {
    const auto found = std::find_if(under_way_.begin(), under_way_.end(), [&](const UnderWay& u) {
        return u.id == id && u.at <= world_.now;
    });
    if (found == under_way_.end()) return;
    const UnderWay what = std::move(*found);
    under_way_.erase(found);
    world_.deliver(what.source, what.to, what.text);
}

void Parties::settle_commit(bool durable) {
    if (commits_.empty()) return;
    const Wanted wanted = commits_.front();
    commits_.pop_front();
    sim::ServerHost& server = *servers_[wanted.server];
    if (!server.is_up() || server.boot != wanted.boot) return;
    if (durable)
        server.server()->committed(server.here(), wanted.id);
    else
        server.server()->failed(server.here(), wanted.id);
    world_.drain(server);
}

// Strangers ---------------------------------------------------------------------------------------

void Parties::hear(Heard heard) {
    if (heard.flow != sip::FlowId{} && heard.text.starts_with("SIP/2.0 ")) {
        const sim::Wire wire = sim::read_wire(heard.text);
        answers_ += std::to_string(wire.status) + " " + std::string(wire.method) + " " +
                    std::to_string(wire.cseq) + " " + std::string(wire.call_id) + "\n";
    }
    heard_.push_back(std::move(heard));
    if (heard_.size() > heard_max) heard_.pop_front();
}

/// METHOD WHOM, and then in any order: Name:value (a header field, _ for a blank), =open (a body),
/// from:NAME, in-dialog (the one that was heard of last), tag:last (If-Match), bare (no Contact),
/// tcp, again (the Call-ID before).
std::string Parties::request_of(unsigned stranger, Words& words) {
    const std::string_view method = methods[words.one_of(methods)];
    const std::string whom = setup_.presentity(words.one_of(names) % setup_.users);
    std::string uri = "sip:" + (method == "REGISTER" ? setup_.domain_of(0) : whom);
    std::string from = "sip:" + setup_.address_of(3 % setup_.users, 0), to_tag, fields, body;
    std::string transport = "UDP", contact = "sip:x@198.51.100." + std::to_string(1 + stranger);
    std::string call_id = "call" + std::to_string(++requests_);
    for (std::string_view word = words.word(); !word.empty(); word = words.word()) {
        const auto colon = word.find(':');
        if (word == "bare") {
            contact.clear();
        } else if (word == "tcp") {
            transport = "TCP";
        } else if (word == "in-dialog" || word == "tag:last") {
            for (const Heard& heard : heard_) {
                const sim::Wire wire = sim::read_wire(heard.text);
                if (word == "tag:last" && !wire.etag.empty()) {
                    fields += "SIP-If-Match: " + std::string(wire.etag) + "\r\n";
                } else if (word == "in-dialog" && !wire.is_request && !wire.to_tag.empty()) {
                    to_tag = ";tag=" + std::string(wire.to_tag);
                    call_id = wire.call_id;
                }
            }
        } else if (word[0] == '=') {
            body = pidf(word.substr(1));
            fields += "Content-Type: application/pidf+xml\r\n";
        } else if (word.starts_with("from:")) {
            Words name(word.substr(5));
            from = "sip:" + setup_.address_of(name.one_of(names) % setup_.users, 0);
        } else if (colon != std::string_view::npos) {
            std::string value = bytes_of(word.substr(colon + 1));
            std::replace(value.begin(), value.end(), '_', ' ');
            std::erase(value, '\r');
            std::erase(value, '\n');
            fields += std::string(word.substr(0, colon)) + ": " + value + "\r\n";
        }
    }
    const std::string number = std::to_string(requests_);
    std::string text = std::string(method) + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/" + transport +
                       " 198.51.100." + std::to_string(1 + stranger) + ";branch=z9hG4bK" + number +
                       "\r\nMax-Forwards: 70\r\nFrom: <" + from + ">;tag=s\r\nTo: <sip:" + whom +
                       ">" + to_tag + "\r\nCall-ID: " + call_id + "\r\nCSeq: " + number + " " +
                       std::string(method) + "\r\n";
    if (!contact.empty()) text += "Contact: <" + contact + ">\r\n";
    if (fields.find("Event:") == std::string::npos && fields.find("o:") == std::string::npos)
        text += "Event: presence\r\n";
    return text + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string Parties::response_to(const Heard& request, unsigned status) const {
    std::string text = "SIP/2.0 " + std::to_string(status) + " Said\r\n";
    for (const std::string_view name : {"Via", "From", "To", "Call-ID", "CSeq"}) {
        const std::string_view value =
            sim::between(request.text, "\r\n" + std::string(name) + ": ", "\r\n");
        text += std::string(name) + ": " + std::string(value) + "\r\n";
    }
    if (status == 401) text += "WWW-Authenticate: Digest realm=\"d0.example\", nonce=\"n\"\r\n";
    if (status == 503) text += "Retry-After: 3\r\n";
    return text + "Content-Length: 0\r\n\r\n";
}

void Parties::say(unsigned stranger, const std::string& text) {
    strangers_spoke_ = true;
    world_.datagram(nullptr, endpoint_of(stranger), servers_[0]->at, text);
}

void Parties::connect(unsigned number) {
    sim::ServerHost& server = *servers_[0];
    if (!server.is_up()) return;
    hang_up(number);
    streams_.resize(std::max<std::size_t>(streams_.size(), number + 1));
    streams_[number] = {server.server()->accepted(server.here(), sip::Transport::tcp, server.at,
                                                  endpoint_of(number % strangers.size())),
                        server.boot};
    world_.drain(server);
}

void Parties::hang_up(unsigned number) {
    sim::ServerHost& server = *servers_[0];
    if (number >= streams_.size() || streams_[number].flow == sip::FlowId{}) return;
    const Stream stream = std::exchange(streams_[number], {});
    if (!server.is_up() || server.boot != stream.boot) return;
    server.server()->closed(server.here(), stream.flow);
    world_.drain(server);
}

/// The bytes may come for a connection that the server has closed: an edge's reader can be late.
void Parties::say_by_stream(unsigned number, const std::string& text) {
    sim::ServerHost& server = *servers_[0];
    if (number >= streams_.size() || !server.is_up()) return;
    const Stream stream = streams_[number];
    if (stream.flow == sip::FlowId{} || stream.boot != server.boot) return;
    used_streams_ = strangers_spoke_ = true;
    server.on_arrival(text);
    const std::size_t piece = pieces_.size == 0 ? text.size() : pieces_.size;
    for (std::size_t i = 0; i < text.size(); i += piece) {
        const auto first = text.begin() + static_cast<std::ptrdiff_t>(i);
        const std::vector<char> bytes(
            first, first + static_cast<std::ptrdiff_t>(std::min(piece, text.size() - i)));
        server.stack()->input(server.here(), sip::Chunk{stream.flow, bytes});
        if (pieces_.poll) world_.drain(server);
        if (world_.failed()) return;
    }
    world_.drain(server);
}

// At the end --------------------------------------------------------------------------------------

void Parties::finish() {
    for (unsigned i = 0; i < streams_max; ++i) hang_up(i);
    for (sim::Host* host : world_.hosts())
        if (host->is_up()) host->stack()->shard().memory.refuse_none();
    world_.on_datagram = nullptr;
    for (auto& server : servers_) server->on_commit_wanted = nullptr;
    while (!commits_.empty()) settle_commit(true);
    heal();
    // Not everybody is served then, and who is not asks again and again.
    for (auto& phone : phones_)
        if (setup_.tight) phone->leave();
    // By then whatever strangers left has run out, and phones have found what a crash took.
    world_.run_until(world_.now + 2 * static_cast<sim::Time>(setup_.expires_s) * second +
                     700 * second + (strangers_spoke_ ? expires_max : 0));
    check();
    if (!setup_.tight && !phone_refused_) {
        check_views("at rest");
        check_counts();
    }
    check();
    check_empty();
    check();
}

// The commands ------------------------------------------------------------------------------------

struct Commands {
    static unsigned phone(Words& words) { return words.one_of(names); }
    static unsigned user(Parties& p, Words& words) { return words.one_of(names) % p.setup_.users; }
    static void step(Parties& p, Step::Kind kind, unsigned who, unsigned whom = 0,
                     std::int64_t value = 0) {
        p.apply(Step{p.world_.now, kind, who, whom, value});
    }
    /// A step of a phone alone.
    template <Step::Kind kind>
    static void of_phone(Parties& p, Words& words) {
        step(p, kind, phone(words));
    }
    /// A step of a phone towards a user.
    template <Step::Kind kind>
    static void towards(Parties& p, Words& words) {
        const unsigned who = phone(words);
        step(p, kind, who, user(p, words));
    }
    /// A step of a server that lasts a while.
    template <Step::Kind kind>
    static void of_server(Parties& p, Words& words) {
        step(p, kind, p.setup_.servers - 1, 0, words.number(1, 600'000, 1'000));
    }
    /// A step of a neighbour.
    template <Step::Kind kind>
    static void hostile(Parties& p, Words& words) {
        step(p, kind, 0, 0, words.number(0, INT64_MAX, 1));
    }
    template <bool durable>
    static void settle(Parties& p, Words&) {
        p.settle_commit(durable);
    }
    static void publish(Parties& p, Words& words) {
        const unsigned who = phone(words);
        const std::int64_t open = words.takes("closed") ? 0 : 1;
        step(p, Step::Kind::publish, who, 0, open + (words.rest() == "large" ? 2 : 0));
    }
    static void policy(Parties& p, Words& words) {
        constexpr std::array<std::string_view, 4> all{"allow", "confirm", "polite-block", "block"};
        const unsigned who = user(p, words);
        step(p, Step::Kind::policy, who, 0, words.one_of(all));
    }
    static void crash(Parties& p, Words& words) {
        const unsigned who = phone(words);
        step(p, Step::Kind::crash_phone, who, 0, words.number(1, 600'000, 1'000));
    }
    static void jump(Parties& p, Words& words) {
        const auto who = words.number(0, static_cast<std::int64_t>(p.world_.hosts().size()) - 1, 0);
        step(p, Step::Kind::jump, static_cast<unsigned>(who), 0,
             words.number(-400'000'000'000, 400'000'000'000, 3'600'000));
    }
    static void partition(Parties& p, Words& words) {
        const unsigned who = phone(words);
        step(p, Step::Kind::partition, who, 0, words.number(1, 300'000, 1'000));
    }
    static void cut(Parties& p, Words& words) {
        const unsigned who = phone(words);
        step(p, Step::Kind::cut, who, 0, words.takes("silently") ? 1 : 0);
    }
    static void piece(Parties& p, Words& words) {
        step(p, Step::Kind::piece, 0, 0, words.number(0, 2'000, 1));
    }
    static void pass(Parties& p, Words& words) {
        p.pass(words.number(0, 7'300'000, 10) * millisecond);
    }
    /// The server's memory, or a phone's, is refused once, that many allocations from now.
    static void refuse(Parties& p, Words& words) {
        const bool is_phone = !words.takes("server");
        sim::Host* host = p.servers_[0].get();
        if (is_phone) host = p.phones_[phone(words)].get();
        if (!host->is_up()) return;
        host->stack()->shard().memory.refuse_after(
            static_cast<std::uint64_t>(words.number(0, 1'000, 0)));
        p.refused_ = true;
        p.phone_refused_ |= is_phone;
    }
    static void leave(Parties& p, Words& words) { p.phones_[phone(words)]->leave(); }

    // What is under way.
    static std::size_t which(Parties& p, Words& words) {
        const std::size_t count = p.under_way_.size();
        return count == 0 ? 0 : static_cast<std::size_t>(words.number(0, 999, 0)) % count;
    }
    static void lose(Parties& p, Words& words) {
        if (p.under_way_.empty()) return;
        p.under_way_.erase(p.under_way_.begin() + static_cast<std::ptrdiff_t>(which(p, words)));
    }
    static void twice(Parties& p, Words& words) {
        if (p.under_way_.empty()) return;
        Parties::UnderWay copy = p.under_way_[which(p, words)];
        copy.id = ++p.next_id_;
        p.send_on(p.world_.now + words.number(0, 60'000, 7) * millisecond, std::move(copy));
    }
    static void late(Parties& p, Words& words) {
        if (p.under_way_.empty()) return;
        const std::size_t i = which(p, words);
        Parties::UnderWay what = p.under_way_[i];
        p.under_way_.erase(p.under_way_.begin() + static_cast<std::ptrdiff_t>(i));
        p.send_on(p.world_.now + words.number(0, 60'000, 700) * millisecond, std::move(what));
    }
    static void deliver(Parties& p, Words& words) {
        if (p.under_way_.empty()) return;
        Parties::UnderWay& what = p.under_way_[which(p, words)];
        what.at = p.world_.now;
        p.arrive(what.id);
    }

    // Strangers.
    static unsigned stranger(Words& words) { return words.one_of(strangers); }
    static unsigned stream(Words& words) {
        return static_cast<unsigned>(words.number(0, streams_max - 1, 0));
    }
    static void ask(Parties& p, Words& words) {
        const unsigned who = stranger(words);
        p.said_ = p.request_of(who, words);
        p.say(who, p.said_);
    }
    /// Written, and not sent: for `chunk`.
    static void compose(Parties& p, Words& words) {
        const unsigned who = stranger(words);
        p.composed_ += p.request_of(who, words);
        if (p.composed_.size() > 20'000) p.composed_.resize(20'000);
    }
    static void again(Parties& p, Words& words) { p.say(stranger(words), p.said_); }
    /// What was said last, after some accidents.
    static void bend(Parties& p, Words& words) {
        const unsigned who = stranger(words);
        p.servers_[0]->strangers_speak();
        p.say(who, bent(p.said_, static_cast<std::uint64_t>(words.number(0, INT64_MAX, 1))));
    }
    static void bytes(Parties& p, Words& words) {
        const unsigned who = stranger(words);
        p.servers_[0]->strangers_speak();
        p.say(who, bytes_of(words.rest()));
    }
    static void answer(Parties& p, Words& words) {
        const auto status = static_cast<unsigned>(words.number(100, 699, 200));
        const auto last = std::find_if(p.heard_.rbegin(), p.heard_.rend(), [](const auto& heard) {
            return !heard.text.starts_with("SIP/2.0 ");
        });
        if (last == p.heard_.rend()) return;
        const Parties::Heard request = *last;
        const std::string text = p.response_to(request, status);
        if (request.flow == sip::FlowId{}) {
            p.world_.datagram(nullptr, request.by, p.servers_[0]->at, text);
            return;
        }
        for (unsigned i = 0; i < p.streams_.size(); ++i)
            if (p.streams_[i].flow == request.flow) p.say_by_stream(i, text);
    }
    static void connect(Parties& p, Words& words) { p.connect(stream(words)); }
    static void hang_up(Parties& p, Words& words) { p.hang_up(stream(words)); }
    /// What was composed, by a stream.
    static void chunk(Parties& p, Words& words) {
        p.say_by_stream(stream(words), std::exchange(p.composed_, {}));
    }
    static void stream_bytes(Parties& p, Words& words) {
        const unsigned number = stream(words);
        p.servers_[0]->strangers_speak();
        p.say_by_stream(number, bytes_of(words.rest()));
    }
};

namespace {

using Kind = Step::Kind;
constexpr Command<Parties> table[] = {
    // Phones do what their users want. A phone is named as its user; erin is alice's second.
    {"watch", Commands::towards<Kind::watch>},
    {"unwatch", Commands::towards<Kind::unwatch>},
    {"refresh", Commands::towards<Kind::refresh>},
    {"publish", Commands::publish},
    {"unpublish", Commands::of_phone<Kind::unpublish>},
    {"register", Commands::of_phone<Kind::register_contact>},
    {"unregister", Commands::of_phone<Kind::unregister>},
    {"policy", Commands::policy},
    {"leave", Commands::leave},
    // Time, in milliseconds.
    {"pass", Commands::pass},
    {"jump", Commands::jump},
    // The datagrams under way, the oldest or that number.
    {"lose", Commands::lose},
    {"twice", Commands::twice},
    {"late", Commands::late},
    {"deliver", Commands::deliver},
    // What fails.
    {"refuse", Commands::refuse},
    {"commit", Commands::settle<true>},
    {"fail", Commands::settle<false>},
    {"crash", Commands::crash},
    {"crash-server", Commands::of_server<Kind::crash_server>},
    {"stop-server", Commands::of_server<Kind::stop_server>},
    {"partition", Commands::partition},
    {"rebind", Commands::of_phone<Kind::rebind>},
    {"cut", Commands::cut},
    {"piece", Commands::piece},
    // Neighbours of the simulator.
    {"garbage", Commands::hostile<Kind::garbage>},
    {"replay", Commands::hostile<Kind::replay>},
    {"forge-notify", Commands::hostile<Kind::forged_notify>},
    {"forge-response", Commands::hostile<Kind::forged_response>},
    {"flood", Commands::hostile<Kind::flood>},
    // Strangers with messages of their own.
    {"ask", Commands::ask},
    {"again", Commands::again},
    {"bend", Commands::bend},
    {"bytes", Commands::bytes},
    {"answer", Commands::answer},
    {"connect", Commands::connect},
    {"compose", Commands::compose},
    {"chunk", Commands::chunk},
    {"stream", Commands::stream_bytes},
    {"hang-up", Commands::hang_up},
};

}  // namespace

void Parties::run(std::string_view script) {
    scripts::run<Parties>(script, table, *this, [this] {
        world_.run_until(world_.now);
        check();
    });
}

bool fits(std::string_view script) { return script.size() <= script_max; }

}  // namespace scripts
