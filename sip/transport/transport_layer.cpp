#include "sip/transport/transport_layer.hpp"

#include <algorithm>

#include "sip/base/text.hpp"
#include "sip/transport/certificate_names.hpp"
#include "sip/transport/locate.hpp"

namespace sip {
namespace {

constexpr std::size_t effects_max = 65'536;
constexpr std::size_t peer_names_max = 1'024;
/// Messages over its rate that a connection may bring before it is closed.
constexpr std::uint16_t over_max = 32;

std::string_view bytes_of(const Address& address) {
    return {reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size()};
}

}  // namespace

TransportLayer::TransportLayer(Shard& shard, std::uint8_t part)
    : shard_(shard),
      part_(part),
      flows_(shard.memory, shard.limits.flows),
      by_remote_(shard.memory),
      by_address_(shard.memory, shard.limits.flows, shard.common, Tally::connections_of_address),
      effects_(shard.memory, effects_max),
      ready_(shard.memory, shard.limits.flows),
      stream_bytes_max_(shard.limits.memory_bytes / 100 * shard.limits.stream_bytes_percent) {
    shard.reserve(shard.limits.flows, flows_, by_remote_, by_address_, ready_);
    // One for each message that can be due, and a few.
    shard.reserve(std::size_t{64} + shard.limits.server_transactions, effects_);
    shard.reserve_timers(shard.limits.flows);
}

TransportLayer::~TransportLayer() {
    flows_.for_each([&](Handle, Flow& flow) { flow.timers.detach(shard_.timers); });
}

std::uint64_t TransportLayer::hash_of(const Address& address) const {
    return table_hash(shard_.key, bytes_of(address));
}

std::uint64_t TransportLayer::hash_of(Transport transport, const Endpoint& remote) const {
    return mix(hash_of(remote.address),
               static_cast<std::uint64_t>(remote.port) << 8 | static_cast<std::uint8_t>(transport));
}

/// Of a mirrored one only its holder counts whose it is.
FlowId TransportLayer::make(Transport transport, Endpoint local, Endpoint remote, bool mirrored) {
    if (flows_.full()) {
        ++shard_.counters.limit_flows;
        return {};
    }
    const std::uint64_t address = site_hash(shard_.key, remote.address);
    const auto counted = mirrored ? Tally::Counted::yes
                                  : by_address_.add(address, shard_.exempt.contains(remote.address)
                                                                 ? Tally::any_number
                                                                 : shard_.limits.flows_per_address);
    if (counted != Tally::Counted::yes) {
        ++(counted == Tally::Counted::too_many ? shard_.counters.limit_flows_per_address
                                               : shard_.counters.limit_memory);
        return {};
    }
    const Handle handle = flows_.create(shard_.memory, shard_.limits);
    if (!handle || !by_remote_.reserve_one() ||
        !flows_.find(handle)->timers.attach(shard_.timers, {part_, handle})) {
        ++shard_.counters.limit_memory;
        if (handle) flows_.destroy(handle);
        if (!mirrored) by_address_.remove(address);
        return {};
    }
    Flow& flow = *flows_.find(handle);
    flow.unfinished.flow = handle;
    flow.transport = transport;
    flow.local = local;
    flow.remote = remote;
    flow.mirrored = mirrored;
    const bool kept = by_remote_.insert(hash_of(transport, remote), handle.index);
    SIP_ASSERT(kept);
    return id_of(handle);
}

FlowId TransportLayer::accepted(const Now& now, Transport transport, Endpoint local,
                                Endpoint remote) {
    const FlowId id = make(transport, local, remote);
    if (id == FlowId{}) return id;
    Flow& flow = *flows_.find(handle_of(id));
    flow.open = true;
    flow.timers.set(shard_.timers, FlowTimer::quiet,
                    later(now.mono, shard_.limits.flow_first_byte));
    return id;
}

FlowId TransportLayer::mirrored(const Now& now, Transport transport, Endpoint local,
                                Endpoint remote, std::string_view proved) {
    const FlowId id = make(transport, local, remote, true);
    if (id == FlowId{}) return id;
    Flow& flow = *flows_.find(handle_of(id));
    flow.open = true;
    flow.heard = true;
    if (!flow.names.assign(shard_.memory, proved)) ++shard_.counters.limit_memory;
    watch_quiet(now, flow);
    return id;
}

void TransportLayer::heard(const Now& now, FlowId id) {
    if (Flow* flow = flows_.find(handle_of(id))) watch_quiet(now, *flow);
}

void TransportLayer::hold(FlowId id, bool on) {
    if (Flow* flow = flows_.find(handle_of(id))) flow->held = on;
}

void TransportLayer::connected(const Now& now, FlowId id, Endpoint local) {
    Flow* flow = flows_.find(handle_of(id));
    if (flow == nullptr || flow->open) return;
    flow->open = true;
    flow->heard = true;  // we spoke first: silence is idleness
    flow->local = local;
    flow->timers.stop(shard_.timers, FlowTimer::connect);
    watch_quiet(now, *flow);
    for (std::uint8_t i = 0; i < flow->waiting_count; ++i) {
        // A refusal here is a lost packet; the transaction's own timer tells its user.
        (void)transmit(id, *flow, flow->waiting[i]);
        flow->waiting[i] = {};
    }
    flow->waiting_count = 0;
}

Expected<Target> TransportLayer::locate(const Uri& uri) const {
    auto target = sip::locate(uri, listeners_);
    if (target && is_secure(target->transport))
        target->domain = SharedBytes::copy(shard_.memory, uri.host);
    return target;
}

void TransportLayer::secured(FlowId id, std::span<const std::string_view> names) {
    Flow* flow = flows_.find(handle_of(id));
    if (flow == nullptr) return;
    Room<peer_names_max> out;
    for (std::string_view name : names) {
        const std::size_t before = out.size();
        if (name.find('\n') != std::string_view::npos) continue;
        out << '\n' << name;
        if (out.overflowed()) out.rewind(before);
    }
    if (!flow->names.assign(shard_.memory, out.view())) ++shard_.counters.limit_memory;
}

bool TransportLayer::proves(FlowId id, std::string_view domain) const {
    const Flow* flow = flows_.find(handle_of(id));
    if (flow == nullptr || domain.empty()) return false;
    std::string_view rest = flow->names.view();
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const std::string_view name = slice(rest, 0, rest.find('\n'));
        if (is_same_domain(name, domain)) return true;
        rest.remove_prefix(name.size());
    }
    return false;
}

void TransportLayer::make_alias(FlowId id, const Via& via) {
    Flow* flow = flows_.find(handle_of(id));
    if (flow == nullptr || !is_secure(flow->transport) || flow->domain) return;
    if (flow->alias_port != 0 || flow->names.empty() || !via.parameters.has("alias")) return;
    const Endpoint alias{flow->remote.address, via.port_or_default()};
    if (!by_remote_.reserve_one()) {
        ++shard_.counters.limit_memory;
        return;
    }
    const bool kept = by_remote_.insert(hash_of(flow->transport, alias), handle_of(id).index);
    SIP_ASSERT(kept);
    flow->alias_port = alias.port;
}

/// Whether that connection may carry what goes to `target`.
bool TransportLayer::leads_to(std::uint32_t index, const Target& target) {
    const Flow& flow = flows_.at(index);
    if (flow.transport != target.transport) return false;
    if (!is_secure(flow.transport)) return flow.remote == target.remote;
    if (!target.domain) return false;
    const std::string_view domain = target.domain.view();
    const FlowId id = id_of(flows_.handle_at(index));
    // RFC 5922 7.3: another name at the same address has yet to be proved.
    if (flow.domain)
        return flow.remote == target.remote &&
               (is_same_domain(flow.domain.view(), domain) || proves(id, domain));
    // RFC 5923 8.2.
    const Endpoint alias{flow.remote.address, flow.alias_port};
    return flow.alias_port != 0 && alias == target.remote && proves(id, domain);
}

void TransportLayer::forget(Handle handle) {
    Flow& flow = *flows_.find(handle);
    if (flow.alias_port != 0)
        by_remote_.erase(hash_of(flow.transport, {flow.remote.address, flow.alias_port}),
                         handle.index);
    lost_.take_all(flow.bonds);
    stream_bytes_ -= flow.unfinished.bytes;
    by_remote_.erase(hash_of(flow.transport, flow.remote), handle.index);
    if (!flow.mirrored) by_address_.remove(site_hash(shard_.key, flow.remote.address));
    flow.timers.detach(shard_.timers);
    flows_.destroy(handle);
}

bool TransportLayer::closed(FlowId id) {
    const Handle handle = handle_of(id);
    if (flows_.find(handle) == nullptr) return false;
    forget(handle);
    return true;
}

void TransportLayer::close(FlowId id, std::string_view why) {
    if (!closed(id)) return;
    (void)emit(CloseFlow{id, why});
}

void TransportLayer::bind(FlowBond& bond, FlowId id, const FlowBond::Owner& owner) {
    if (Flow* flow = flows_.find(handle_of(id)))
        bond.bind(flow->bonds, id, owner);
    else
        bond.release();
}

std::optional<FlowBond::Owner> TransportLayer::next_lost() {
    if (lost_.alone()) return {};
    auto& bond = static_cast<FlowBond&>(*lost_.next());
    bond.release();
    return bond.owner_;
}

std::optional<Source> TransportLayer::source_of(FlowId id) const {
    const Flow* flow = flows_.find(handle_of(id));
    if (flow == nullptr) return {};
    return Source{flow->transport, {}, id, flow->local, flow->remote};
}

void TransportLayer::watch_quiet(const Now& now, Flow& flow) {
    const bool midway = flow.framer.midway();
    // The clock of a begun message is not wound up again by each of its bytes (threat 17).
    if (midway && flow.midway) return;
    flow.midway = midway;
    const Duration quiet = flow.quiet_max > Duration{} ? flow.quiet_max : shard_.limits.flow_idle;
    flow.timers.set(shard_.timers, FlowTimer::quiet,
                    later(now.mono, midway ? shard_.limits.flow_message : quiet));
}

void TransportLayer::expect_keep_alives(const Now& now, FlowId id, Duration every) {
    Flow* flow = flows_.find(handle_of(id));
    if (flow == nullptr) return;
    if (flow->mirrored) {
        if (neighbors_ != nullptr) neighbors_->expect_keep_alives(id, every);
        return;
    }
    flow->quiet_max = every + every / 4;
    watch_quiet(now, *flow);
}

void TransportLayer::keep_alive(const Now& now, FlowId id, Duration every, bool must_answer) {
    Flow* flow = flows_.find(handle_of(id));
    if (flow == nullptr || flow->mirrored || every <= Duration{}) return;
    const bool is_new = flow->ping_every != every;
    flow->ping_every = every;
    if (must_answer) flow->may_lack_pong = false;
    if (is_new && !flow->awaits_pong) plan_ping(now, *flow);
}

void TransportLayer::plan_ping(const Now& now, Flow& flow) {
    const auto fifth = static_cast<std::uint64_t>((flow.ping_every / 5).count());
    const auto less = static_cast<Duration::rep>(shard_.entropy.next() % (fifth + 1));
    flow.timers.set(shard_.timers, FlowTimer::ping,
                    later(now.mono, flow.ping_every - Duration{less}));
}

bool TransportLayer::transmit_blank(FlowId id, Flow& flow, Packet& shared, std::string_view text) {
    if (!shared) shared.head = SharedBytes::copy(shard_.memory, text);
    if (!shared) ++shard_.counters.limit_memory;
    return transmit(id, flow, shared);
}

/// RFC 5626 4.4.1: a double CRLF is answered with a single one. But where it is we who ask, two
/// answers that follow one another are no question. Whether there is something to answer.
bool TransportLayer::heard_blank(const Now& now, Flow& flow, bool is_double) {
    if (flow.awaits_pong) {
        flow.awaits_pong = false;
        flow.may_lack_pong = false;
        plan_ping(now, flow);
        return false;
    }
    if (!is_double || flow.ping_every > Duration{}) return false;
    ++shard_.counters.keepalive_pings;
    return true;
}

void TransportLayer::transmit_pongs(FlowId id, Flow& flow, std::size_t count) {
    if (count == 1) {
        (void)transmit_blank(id, flow, pong_, "\r\n");
        return;
    }
    Packet pongs;
    pongs.head = SharedBytes::make(shard_.memory, 2 * count, [](std::span<char> room) {
        for (std::size_t i = 0; i < room.size(); ++i) room[i] = i % 2 == 0 ? '\r' : '\n';
    });
    if (!pongs) ++shard_.counters.limit_memory;
    (void)transmit(id, flow, pongs);
}

/// What is next on a connection, behind the blank lines before it, whose pongs leave together.
StreamFramer::Next TransportLayer::read(const Now& now, FlowId id, Flow& flow,
                                        std::span<HeaderField> slots) {
    StreamFramer::Next next;
    std::size_t pongs = 0;
    for (int blanks = 0; blanks < blanks_max; ++blanks) {
        next = flow.framer.next(slots, shard_.limits, shard_.leniency);
        const bool is_ping = next.kind == StreamFramer::Kind::ping;
        if (!is_ping && next.kind != StreamFramer::Kind::keep_alive) break;
        if (heard_blank(now, flow, is_ping)) ++pongs;
    }
    if (pongs > 0) transmit_pongs(id, flow, pongs);
    return next;
}

bool TransportLayer::ping(const Now& now, FlowId id, Flow& flow) {
    if (flow.awaits_pong && !flow.midway) {
        if (!flow.may_lack_pong) {
            ++shard_.counters.pongs_missed;
            close(id, "a ping was not answered");
            return false;
        }
        flow.awaits_pong = false;
        plan_ping(now, flow);
        return true;
    }
    // What is on its way in the middle of a message is waited for, and not asked again.
    if (!flow.awaits_pong) flow.awaits_pong = transmit_blank(id, flow, ping_, "\r\n\r\n");
    flow.timers.set(shard_.timers, FlowTimer::ping, later(now.mono, pong_timeout));
    return true;
}

/// What of this connection waits, and since when: since it began to wait, or since its last message
/// was complete.
void TransportLayer::count_bytes(Flow& flow) {
    const std::size_t bytes = flow.framer.held();
    stream_bytes_ += bytes - flow.unfinished.bytes;
    flow.unfinished.bytes = bytes;
    if (bytes == 0)
        flow.unfinished.leave();
    else if (flow.unfinished.alone())
        flow.unfinished.join(unfinished_);
}

/// Threats 3, 17, 35: messages begun and never ended must leave memory to all others. Whoever has
/// gone longest without completing one makes room.
void TransportLayer::bound_bytes() {
    while (stream_bytes_ > stream_bytes_max_ && !unfinished_.alone()) {
        ++shard_.counters.limit_stream_bytes;
        close(id_of(static_cast<Unfinished*>(unfinished_.next())->flow),
              "too many messages wait to be completed");
    }
}

void TransportLayer::receive(const Now&, const Chunk& chunk) {
    const Handle handle = handle_of(chunk.flow);
    Flow* flow = flows_.find(handle);
    if (flow == nullptr) return;
    shard_.counters.bytes_in += chunk.bytes.size();
    flow->heard = true;
    if (!flow->framer.append({chunk.bytes.data(), chunk.bytes.size()})) {
        ++shard_.counters.limit_memory;
        close(chunk.flow, "no memory for what the peer sends");
        return;
    }
    count_bytes(*flow);
    bound_bytes();
    flow = flows_.find(handle);
    if (flow == nullptr) return;
    if (!flow->ready) flow->ready = ready_.push(FlowId{chunk.flow});
    if (flow->ready) return;
    // It would be read with the peer's next bytes, which may never come.
    ++shard_.counters.limit_memory;
    close(chunk.flow, "no memory for what the peer sends");
}

std::optional<TransportLayer::StreamMessage> TransportLayer::next_message(
    const Now& now, std::span<HeaderField> slots) {
    while (!ready_.empty()) {
        const FlowId id = ready_.pop();
        Flow* flow = flows_.find(handle_of(id));
        if (flow == nullptr) continue;
        flow->ready = false;
        const StreamFramer::Next next = read(now, id, *flow, slots);
        if (next.kind == StreamFramer::Kind::need_more) {
            count_bytes(*flow);
            watch_quiet(now, *flow);
            continue;
        }
        // One message at a time from each connection, so that none holds up the others.
        flow->ready = ready_.push(FlowId{id});
        flow->midway = false;
        if (!flow->unfinished.alone()) flow->unfinished.join(unfinished_);
        watch_quiet(now, *flow);
        if (next.kind == StreamFramer::Kind::message || next.kind == StreamFramer::Kind::broken)
            return StreamMessage{*source_of(id), next.scan};
        // Pongs leave before the next questions are looked at: they do not pile up here.
        if (has_effects()) return {};
    }
    return {};
}

TransportLayer::Taken TransportLayer::take_token(const Now& now, FlowId id, const Rate& rate) {
    Flow* flow = flows_.find(handle_of(id));
    if (flow == nullptr) return Taken::one;
    if (flow->tokens.is_full(now.mono)) flow->over = 0;
    if (flow->tokens.take(now.mono, rate)) return Taken::one;
    ++shard_.counters.limit_rate_connection;
    return ++flow->over > over_max ? Taken::far_over : Taken::over;
}

bool TransportLayer::emit(Effect&& effect) {
    if (effects_.push(std::move(effect))) return true;
    ++shard_.counters.effects_dropped;
    return false;
}

std::optional<Effect> TransportLayer::next_effect() {
    if (effects_.empty()) return {};
    return effects_.pop();
}

bool TransportLayer::transmit(FlowId id, Flow& flow, const Packet& packet) {
    if (!packet) return false;
    if (!flow.open) {
        if (flow.waiting_count == waiting_max) return false;
        flow.waiting[flow.waiting_count++] = packet;
        return true;
    }
    ++shard_.counters.messages_out;
    shard_.counters.bytes_out += packet.size();
    return emit(Transmit{id, packet});
}

bool TransportLayer::connect(const Now& now, Target& target) {
    if (flows_.find(handle_of(target.flow)) != nullptr) return true;
    if (target.flow != FlowId{}) {
        target.flow = {};
    }
    const std::uint32_t index =
        by_remote_.find(hash_of(target.transport, target.remote),
                        [&](std::uint32_t i) { return leads_to(i, target); });
    if (index != HashIndex::none) {
        target.flow = id_of(flows_.handle_at(index));
        return true;
    }
    if (target.remote.port == 0 || (is_secure(target.transport) && !target.domain)) return false;
    const FlowId id = make(target.transport, {}, target.remote);
    if (id == FlowId{}) return false;
    if (!emit(OpenFlow{id, target.transport, target.remote, target.domain})) {
        forget(handle_of(id));
        return false;
    }
    flows_.find(handle_of(id))->domain = target.domain;
    flows_.find(handle_of(id))
        ->timers.set(shard_.timers, FlowTimer::connect,
                     later(now.mono,
                           is_secure(target.transport) ? secure_connect_timeout : connect_timeout));
    target.flow = id;
    return true;
}

bool TransportLayer::send(const Now& now, Target& target, const Packet& packet) {
    if (!packet) return false;
    if (is_reliable(target.transport)) {
        if (!connect(now, target)) return false;
        return transmit(target.flow, *flows_.find(handle_of(target.flow)), packet);
    }
    if (target.remote.port == 0 || listeners_.datagram(target.listener) == nullptr) return false;
    ++shard_.counters.messages_out;
    shard_.counters.bytes_out += packet.size();
    return emit(Transmit{ToEndpoint{target.listener, target.remote}, packet});
}

void TransportLayer::recall(const Target& target, const Packet& packet) {
    const auto is_it = [&](const Packet& other) {
        return other.head.view().data() == packet.head.view().data();
    };
    for (std::size_t left = effects_.size(); left > 0; --left) {
        Effect effect = effects_.pop();
        const auto* out = std::get_if<Transmit>(&effect);
        if (out != nullptr && is_it(out->packet)) continue;
        const bool kept = effects_.push(std::move(effect));  // where it just stood
        SIP_ASSERT(kept);
    }
    Flow* flow = flows_.find(handle_of(target.flow));
    if (flow == nullptr) return;
    auto* const last = flow->waiting.begin() + flow->waiting_count;
    auto* const kept = std::remove_if(flow->waiting.begin(), last, is_it);
    std::fill(kept, last, Packet{});
    flow->waiting_count = static_cast<std::uint8_t>(kept - flow->waiting.begin());
}

void TransportLayer::timer(const Now& now, Handle object) {
    Flow* flow = flows_.find(object);
    if (flow == nullptr) return;
    while (const auto which = flow->timers.pop_due(shard_.timers, now.mono)) {
        if (*which == FlowTimer::ping) {
            if (!ping(now, id_of(object), *flow)) return;
            continue;
        }
        if (*which == FlowTimer::quiet && flow->heard && !flow->midway &&
            flow->quiet_max <= Duration{} && (!flow->bonds.alone() || flow->held)) {
            watch_quiet(now, *flow);
            continue;
        }
        if (flow->mirrored) {
            forget(object);
            (void)emit(CloseFlow{id_of(object), "idle", true});
            return;
        }
        ++shard_.counters.flow_timeouts;
        close(id_of(object), *which == FlowTimer::connect ? "connect timed out"
                             : flow->midway               ? "message not completed in time"
                             : flow->heard                ? "idle"
                                                          : "silent since it connected");
        return;
    }
}

void TransportLayer::remember_udp_only(const Endpoint& peer) {
    udp_only_[static_cast<std::size_t>(hash_of(Transport::udp, peer) % udp_only_.size())] = peer;
}

bool TransportLayer::is_udp_only(const Endpoint& peer) const {
    return udp_only_[static_cast<std::size_t>(hash_of(Transport::udp, peer) % udp_only_.size())] ==
           peer;
}

}  // namespace sip
