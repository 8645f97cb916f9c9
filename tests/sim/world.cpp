#include "tests/sim/world.hpp"

#include <algorithm>
#include <cstring>

#include "sip/transport/certificate_names.hpp"
#include "tests/sim/host.hpp"
#include "tests/sim/wire.hpp"

namespace sim {
namespace {

std::uint64_t key_of(const sip::Address& address) {
    std::uint64_t low = 0;
    std::memcpy(&low, address.bytes.data() + 8, sizeof low);
    return low;
}

std::string text_of(const sip::Endpoint& endpoint) {
    char room[64];
    sip::Appender out(room);
    sip::write_endpoint(out, endpoint);
    return std::string(out.view());
}

/// One line of a ladder for one message.
std::string summary_of(std::string_view text) {
    if (text.starts_with('?')) return std::string(text);  // a question to the name system
    const Wire wire = read_wire(text);
    if (wire.method.empty()) return std::to_string(text.size()) + " bytes";
    std::string line(wire.is_request ? wire.method : wire.start_line.substr(8));
    if (!wire.is_request) line += " (" + std::string(wire.method) + ")";
    line += " " + std::to_string(wire.cseq) + " of " + std::string(wire.call_id.substr(0, 6));
    if (!wire.state.empty()) line += " " + std::string(wire.state);
    if (!wire.expires.empty()) line += " expires " + std::string(wire.expires);
    if (!wire.if_match.empty()) line += " if " + std::string(wire.if_match.substr(0, 6));
    if (!wire.etag.empty()) line += " etag " + std::string(wire.etag.substr(0, 6));
    for (std::string_view rest = wire.body;;) {
        const std::string_view mark = between(rest, "~", "~");
        if (mark.empty()) break;
        line += " ~" + std::string(mark) + "~";
        rest.remove_prefix(static_cast<std::size_t>(mark.data() - rest.data()) + mark.size() + 1);
    }
    return line;
}

}  // namespace

// Time --------------------------------------------------------------------------------------------

void World::at(Time time, std::function<void()> what) {
    std::size_t place = pool_.size();
    if (free_.empty()) {
        pool_.push_back(std::move(what));
    } else {
        place = free_.back();
        free_.pop_back();
        pool_[place] = std::move(what);
    }
    events_.push({std::max(time, now), ++order_, place});
}

void World::run_until(Time end) {
    while (!failed() && !events_.empty() && events_.top().at <= end) {
        const Event event = events_.top();
        events_.pop();
        now = event.at;
        const auto what = std::move(pool_[event.what]);
        pool_[event.what] = nullptr;
        free_.push_back(event.what);
        what();
    }
    if (!failed()) now = std::max(now, end);
}

void World::fail(std::string_view invariant, std::string detail) {
    if (failed()) return;
    failure_ = {std::string(invariant), std::move(detail), now};
}

// Hosts -------------------------------------------------------------------------------------------

void World::add(Host& host) {
    host.number = hosts_.size();
    hosts_.push_back(&host);
    by_address_[key_of(host.at.address)] = &host;
    blocked_.assign(hosts_.size() * hosts_.size(), 0);
}

Host* World::host_at(const sip::Address& address) const {
    const auto found = by_address_.find(key_of(address));
    if (found != by_address_.end()) return found->second;
    for (Host* host : hosts_)
        if (host->is_behind_nat && host->nat == address) return host;
    return nullptr;
}

void World::wake(Host& host) {
    if (!host.is_up()) return;
    Time when = no_time;
    for (unsigned worker = 0; worker < host.workers(); ++worker)
        if (const auto deadline = host.stack_of(worker)->deadline())
            when = std::min(when, std::max(host.clock.when(*deadline), now));
    if (when >= host.next_wake) return;  // the wake that is set comes first, and sets this one
    host.next_wake = when;
    at(when, [this, &host, when] {
        if (host.next_wake != when) return;
        host.next_wake = no_time;
        if (!host.is_up()) return;
        for (unsigned worker = 0; worker < host.workers(); ++worker)
            host.stack_of(worker)->advance(host.here());
        drain(host);
    });
}

/// Each worker in turn, until none has any.
void World::give_effects(Host& host) {
    const sip::Now local = host.here();
    const auto may_go_on = [&](unsigned worker) {
        const edge::Relay* relay = host.relay(worker);
        return host.is_up() && !failed() && (relay == nullptr || relay->has_room());
    };
    for (bool any = true; any;) {
        any = false;
        for (unsigned worker = 0; worker < host.workers(); ++worker) {
            while (may_go_on(worker)) {
                auto effect = host.stack_of(worker)->poll(local);
                const auto next = effect ? std::nullopt : host.stack_of(worker)->deadline();
                if (next && *next <= local.mono) continue;  // there is more to do
                if (!effect) break;
                any = true;
                carry_out({host, worker}, *effect);
            }
            if (edge::Relay* relay = host.relay(worker)) any = relay->end_turn() || any;
        }
    }
}

void World::drain(Host& host) {
    const unsigned boot = host.boot;
    give_effects(host);
    if (failed() || !host.is_up() || host.boot != boot) return;
    host.on_rest();
    if (!host.is_up() || host.boot != boot) return;
    // What reading the news set in motion leaves, too.
    give_effects(host);
    if (!host.is_up()) return;
    for (unsigned worker = 0; worker < host.workers(); ++worker) {
        const edge::Relay* relay = host.relay(worker);
        if (relay != nullptr && !relay->has_room()) continue;
        if (const auto deadline = host.stack_of(worker)->deadline();
            deadline && *deadline <= host.here().mono)
            fail("effects are drained", host.name + " has a deadline in the past after poll");
    }
    wake(host);
}

void World::carry_out(const Place& from, const sip::Effect& effect) {
    if (const auto* out = std::get_if<sip::Transmit>(&effect))
        transmit(from, *out);
    else if (const auto* wanted = std::get_if<sip::OpenFlow>(&effect))
        open(from, *wanted);
    else if (const auto* gone = std::get_if<sip::CloseFlow>(&effect)) {
        edge::Relay* relay = from.host.relay(from.worker);
        if (relay == nullptr || !relay->close(gone->flow, gone->released)) close(from, gone->flow);
    } else if (const auto* change = std::get_if<sip::Commit>(&effect))
        from.host.on_commit(change->id, from.worker);
    else if (const auto* question = std::get_if<sip::Resolve>(&effect))
        resolve(from, *question);
}

void World::transmit(const Place& from, const sip::Transmit& out) {
    std::string text(out.packet.head.view());
    text += out.packet.body.view();
    ++messages_;
    from.host.on_sent(text);
    if (on_transmit) on_transmit(from.host, out, text);
    if (const auto* to = std::get_if<sip::ToEndpoint>(&out.where)) {
        datagram(&from.host, from.host.outside(), to->to, std::move(text));
        return;
    }
    const auto flow = std::get<sip::FlowId>(out.where);
    edge::Relay* relay = from.host.relay(from.worker);
    if (relay == nullptr || !relay->transmit(flow, out.packet)) send_bytes(from, flow, text);
}

// Workers -----------------------------------------------------------------------------------------

void World::wake_worker(Host& host, unsigned worker) {
    constexpr std::uint64_t label = 0x77;
    Random random(seed ^ label << 40 ^ host.number << 8 ^ worker, ++wakes_);
    at(now + random.between(0, 3 * millisecond), [this, &host, worker, boot = host.boot] {
        if (!host.is_up() || host.boot != boot) return;
        if (host.relay(worker)->take(host.here())) wake_worker(host, worker);
        drain(host);
    });
}

void World::relay_write(Host& host, unsigned worker, sip::FlowId flow, std::string_view bytes) {
    send_bytes({host, worker}, flow, std::string(bytes));
}

void World::relay_close(Host& host, unsigned worker, sip::FlowId flow) {
    if (!connection_of({host, worker}, flow)) return;
    close({host, worker}, flow);
    host.stack_of(worker)->closed(host.here(), flow);
}

// Names -------------------------------------------------------------------------------------------

/// The answer is that of the instant at which it arrives; a lost question is asked again, and twice
/// lost it has failed.
void World::resolve(const Place& from, const sip::Resolve& question) {
    Host& host = from.host;
    constexpr Time try_again = 2 * second;
    const sip::Endpoint name_server{sip::Address::v4(192, 0, 2, 253), 53};
    Random random = fate(&host, name_server);
    const ScriptedNames::Key key{question.type, std::string(question.name.view())};
    take_print(key.second);
    int losses = 0;
    while (losses < 3 && random.percent(weather.loss)) ++losses;
    const bool fails = losses == 3 || random.percent(name_failures_percent);
    const Time after = delay(random) + losses * try_again;
    if (passages_max_ > 0)
        note(host.name, "names", "?" + ScriptedNames::text_of(question), fails ? "lost" : "");
    at(now + after,
       [this, &host, worker = from.worker, boot = host.boot, id = question.id, key, fails] {
           if (!host.is_up() || host.boot != boot) return;
           const auto tell = [&](const sip::NameAnswer& told) {
               host.stack_of(worker)->resolved(host.here(), told);
               drain(host);
           };
           if (fails)
               tell({id, sip::NameAnswer::Kind::failed, 0, {}});
           else
               names.answer(id, key, tell);
       });
}

// Datagrams ---------------------------------------------------------------------------------------

Random World::fate(const Host* from, const sip::Endpoint& to) {
    const std::uint64_t path =
        (from == nullptr ? 0xffffU : from->number) << 48 ^ key_of(to.address) ^ to.port;
    const std::uint64_t count = ++sent_[path];
    return {seed ^ path, count};
}

bool World::is_blocked(const Host& from, const Host& to) const {
    return blocked_[from.number * hosts_.size() + to.number] != 0;
}

void World::block(const Host& from, const Host& to, bool on) {
    blocked_[from.number * hosts_.size() + to.number] = on ? 1 : 0;
}

void World::datagram(Host* from, const sip::Endpoint& source, const sip::Endpoint& to,
                     std::string text) {
    Random random = fate(from, to);
    take_print(text);
    Host* host = host_at(to.address);
    if (on_datagram && (from == nullptr || host == nullptr || !is_blocked(*from, *host))) {
        on_datagram(source, to, std::make_shared<const std::string>(std::move(text)));
        return;
    }
    std::string_view said;
    int copies = random.percent(weather.duplication) ? 2 : 1;
    if (copies == 2) said = "twice";
    if (copies == 1 && random.percent(weather.loss)) {
        copies = 0;
        said = "lost";
    }
    if (weather.mtu > 0 && text.size() > weather.mtu) {
        copies = 0;
        said = "too large";
    }
    if (host == nullptr || (from != nullptr && is_blocked(*from, *host))) {
        copies = 0;
        said = "blocked";
    }
    if (passages_max_ > 0)
        note(from != nullptr ? from->name : text_of(source),
             host != nullptr ? host->name : text_of(to), text, said);
    const auto bytes = std::make_shared<const std::string>(std::move(text));
    for (int i = 0; i < copies; ++i)
        at(now + delay(random), [this, source, to, bytes] { deliver(source, to, bytes); });
}

void World::deliver(const sip::Endpoint& source, const sip::Endpoint& to,
                    const std::shared_ptr<const std::string>& text) {
    Host* host = host_at(to.address);
    if (host == nullptr || !host->is_up() || !(host->outside() == to)) return;
    host->on_arrival(*text);
    if (on_delivered) on_delivered(source, to, *text);
    if (failed()) return;
    // A copy of exact size, so that a sanitizer sees what is read behind its end.
    const std::vector<char> bytes(text->begin(), text->end());
    host->stack_of(host->worker_for(source))
        ->input(host->here(), sip::Datagram{Host::udp, source, bytes});
    drain(*host);
}

// Streams -----------------------------------------------------------------------------------------

bool World::is_up(const End& end) const {
    return !end.gone && end.host->is_up() && end.host->boot == end.boot;
}

World::ConnectionPtr World::connection_of(const Place& place, sip::FlowId flow) const {
    for (const auto& connection : connections_)
        for (const End& end : connection->ends)
            if (end.host == &place.host && end.worker == place.worker && end.flow == flow &&
                end.boot == place.host.boot)
                return connection;
    return {};
}

void World::open(const Place& place, sip::OpenFlow wanted) {
    Host& from = place.host;
    Random random = fate(&from, wanted.to);
    Host* to = host_at(wanted.to.address);
    const unsigned boot = from.boot;
    // RFC 5922 7.3: who proves another name, or none, is not the one that was meant.
    const bool is_meant = to != nullptr && (wanted.transport != sip::Transport::tls ||
                                            sip::is_same_domain(to->proves, wanted.domain.view()));
    // What is under way holds no memory of a host, which may crash.
    wanted.domain = {};
    const bool answered = is_meant && to->is_up() && !is_blocked(from, *to) &&
                          !is_blocked(*to, from) && !(to->is_behind_nat && !from.is_behind_nat);
    if (passages_max_ > 0)
        note(from.name, to != nullptr ? to->name : text_of(wanted.to), "",
             answered ? "connects" : "connects in vain");
    // Nobody there: a refusal comes at once, or nothing for as long as a system tries.
    const Time after = answered             ? 2 * delay(random)
                       : random.percent(50) ? delay(random)
                                            : random.between(20 * second, 130 * second);
    const sip::Endpoint local{from.outside().address, from.next_port++};
    at(now + after, [this, &from, worker = place.worker, to, boot, wanted, answered, local] {
        if (!from.is_up() || from.boot != boot) return;
        const auto given_up =
            std::find(given_up_.begin(), given_up_.end(), GivenUp{&from, worker, wanted.flow});
        if (given_up != given_up_.end()) {
            given_up_.erase(given_up);
            return;
        }
        if (answered && to->is_up()) {
            accept({from, worker}, *to, wanted, local);
        } else {
            from.stack_of(worker)->closed(from.here(), wanted.flow);
            drain(from);
        }
    });
}

void World::accept(const Place& place, Host& to, const sip::OpenFlow& wanted,
                   const sip::Endpoint& local) {
    Host& from = place.host;
    const unsigned worker = to.worker_for(local);
    const sip::FlowId there = to.stack_of(worker)->accepted(to.here(), wanted.transport,
                                                            {to.at.address, wanted.to.port}, local);
    if (there == sip::FlowId{}) {
        from.stack_of(place.worker)->closed(from.here(), wanted.flow);
    } else {
        auto made = std::make_shared<Connection>();
        made->ends[0] = {&from, from.boot, wanted.flow, place.worker, now, false};
        made->ends[1] = {&to, to.boot, there, worker, now, false};
        connections_.push_back(std::move(made));
        if (wanted.transport == sip::Transport::tls) {
            const auto tell = [](Host& host, unsigned at, sip::FlowId flow, const Host& peer) {
                const std::vector<std::string_view> proved(peer.proves.empty() ? 0 : 1,
                                                           peer.proves);
                host.stack_of(at)->secured(host.here(), flow, proved);
            };
            tell(to, worker, there, from);
            tell(from, place.worker, wanted.flow, to);
        }
        from.stack_of(place.worker)
            ->connected(from.here(), wanted.flow, {from.at.address, local.port});
        drain(to);
    }
    drain(from);
}

void World::send_bytes(const Place& place, sip::FlowId flow, const std::string& text) {
    Host& from = place.host;
    const ConnectionPtr connection = connection_of(place, flow);
    if (!connection) return;
    const int there = connection->ends[0].host == &from ? 1 : 0;
    End& end = connection->ends[there];
    Random random = fate(&from, end.host->outside());
    take_print(text);
    if (connection->broken || is_blocked(from, *end.host) || !is_up(end)) {
        // Nothing acknowledges it: the sender's system gives up after a while.
        connection->broken = true;
        if (passages_max_ > 0) note(from.name, end.host->name, text, "into a dead connection");
        const bool is_reset = end.host->is_up() && end.host->boot != end.boot;
        tell_closed(connection, 1 - there,
                    is_reset ? delay(random) : random.between(second, 60 * second));
        return;
    }
    if (passages_max_ > 0) note(from.name, end.host->name, text, "by stream");
    // What a network loses a stream sends again, later.
    Time after = delay(random);
    while (random.percent(weather.loss)) after += 200 * millisecond;
    end.last = std::max(now + after, end.last);
    at(end.last, [this, connection, there, text] { deliver_bytes(connection, there, text); });
}

void World::deliver_bytes(const ConnectionPtr& connection, int end, const std::string& text) {
    const End& there = connection->ends[end];
    std::size_t size = text.size();
    if (connection->broken) {
        // It was cut while this was on its way: at that byte.
        size = std::min(size, connection->still_arrives[end]);
        connection->still_arrives[end] -= size;
    }
    const std::size_t piece = weather.piece == 0 ? text.size() : weather.piece;
    for (std::size_t i = 0; i < size && !failed(); i += piece) {
        if (!is_up(there)) return;
        const auto first = text.begin() + static_cast<std::ptrdiff_t>(i);
        const std::vector<char> bytes(
            first, first + static_cast<std::ptrdiff_t>(std::min(piece, size - i)));
        if (i == 0) there.host->on_arrival(text);
        if (i == 0 && size == text.size() && on_delivered)
            on_delivered(connection->ends[1 - end].host->outside(), there.host->outside(), text);
        there.host->stack_of(there.worker)
            ->input(there.host->here(), sip::Chunk{there.flow, bytes});
        drain(*there.host);
    }
}

void World::tell_closed(const ConnectionPtr& connection, int end, Time after) {
    at(now + after, [this, connection, end] {
        End& here = connection->ends[end];
        const bool was_up = is_up(here);
        here.gone = true;
        sweep();
        if (!was_up) return;
        tell_of_end(here);
        here.host->stack_of(here.worker)->closed(here.host->here(), here.flow);
        drain(*here.host);
    });
}

/// The other workers that know it.
void World::tell_of_end(const End& end) {
    if (edge::Relay* relay = end.host->relay(end.worker)) relay->gone(end.flow);
}

/// Connections that nobody knows any more are gone.
void World::sweep() {
    std::erase_if(connections_, [this](const ConnectionPtr& connection) {
        return !is_up(connection->ends[0]) && !is_up(connection->ends[1]);
    });
}

void World::close(const Place& place, sip::FlowId flow) {
    Host& from = place.host;
    const ConnectionPtr connection = connection_of(place, flow);
    if (!connection) {
        given_up_.push_back({&from, place.worker, flow});  // it is still connecting
        return;
    }
    const int there = connection->ends[0].host == &from ? 1 : 0;
    tell_of_end(connection->ends[1 - there]);
    connection->ends[1 - there].gone = true;
    if (connection->broken) {
        sweep();
        return;
    }
    End& end = connection->ends[there];
    Random random = fate(&from, end.host->outside());
    end.last = std::max(now + delay(random), end.last);
    tell_closed(connection, there, end.last - now);
}

void World::cut(Host& host, bool silently) {
    const std::vector<ConnectionPtr> all = connections_;
    for (const ConnectionPtr& connection : all) {
        if (connection->ends[0].host != &host && connection->ends[1].host != &host) continue;
        if (connection->broken) continue;
        connection->broken = true;
        Random random = fate(&host, connection->ends[0].host->outside());
        for (int end = 0; end < 2; ++end) {
            connection->still_arrives[end] = random.below(1'200);
            if (!silently) tell_closed(connection, end, delay(random));
        }
    }
}

void World::mend() {
    blocked_.assign(blocked_.size(), 0);
    const std::vector<ConnectionPtr> all = connections_;
    for (const ConnectionPtr& connection : all)
        for (int end = 0; end < 2; ++end)
            if (connection->broken || !is_up(connection->ends[1 - end]))
                tell_closed(connection, end, 10 * millisecond);
}

// What people look at -----------------------------------------------------------------------------

void World::take_print(std::string_view text) {
    fingerprint_ = Random::scramble(fingerprint_ ^ static_cast<std::uint64_t>(now));
    for (std::size_t i = 0; i < text.size(); i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data() + i, std::min<std::size_t>(sizeof word, text.size() - i));
        fingerprint_ = (fingerprint_ ^ word) * 0x9e3779b97f4a7c15ULL;
    }
}

void World::note(const std::string& from, const std::string& to, std::string_view text,
                 std::string_view fate) {
    Passage passage{now, from, to, text.empty() ? std::string{} : summary_of(text), fate};
    if (passages_.size() < passages_max_) {
        passages_.push_back(std::move(passage));
        return;
    }
    passages_[passages_next_] = std::move(passage);
    passages_next_ = (passages_next_ + 1) % passages_max_;
}

}  // namespace sim
