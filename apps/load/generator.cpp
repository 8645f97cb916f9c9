#include "apps/load/generator.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>

#include "apps/load/process_meter.hpp"

namespace load {

namespace {

constexpr std::uint32_t under_way_max = 65'536;
constexpr std::uint32_t starts_a_turn = 256;
constexpr std::uint64_t quiet_ns = 20'000'000, patience_max_ns = 100'000'000;
constexpr std::uint64_t drain_max_ns = 1'000'000'000;

/// What the Call-IDs of this run have behind their dash.
std::string random_run() {
    std::array<unsigned char, 6> bytes{};
    if (getrandom(bytes.data(), bytes.size(), 0) < 0) bytes[0] = 1;
    std::string text;
    for (const unsigned char byte : bytes) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

bool is_of_publication(Kind kind) { return kind >= Kind::publish && kind <= Kind::unpublish; }
bool has_document(Kind kind) { return kind >= Kind::publish && kind <= Kind::fan_out; }

}  // namespace

Generator::Generator(const Plan& plan, const std::atomic<bool>& stop)
    : plan_(plan), stop_(stop), run_(random_run()) {
    credentials_.set_password(plan.password);
    subscriptions_.resize(plan.subscriptions());
    publications_.resize(std::size_t{plan.presentities} * plan.publications);
    presentities_.resize(plan.presentities);
    options_.resize(options_agents);
    texts_.reserve(std::size_t{plan.subscriptions()} * 40 + publications_.size() * 40);
}

edge::Outcome<std::unique_ptr<Generator>> Generator::open(const Plan& plan,
                                                          const std::atomic<bool>& stop) {
    std::unique_ptr<Generator> made(new Generator(plan, stop));
    auto connections = Connections::open(plan.server, plan.connections + (plan.probe ? 1 : 0));
    if (!connections) return edge::failure(connections.error());
    made->connections_ = std::move(*connections);
    made->requests_ = Requests::make(plan, made->connections_->host(), made->run_);
    return made;
}

// ---- A phase ------------------------------------------------------------------------------------

PhaseResult Generator::run(const Phase& phase) {
    phase_ = &phase;
    result_ = {};
    result_.name = phase.name;
    for (const Stream& stream : phase.streams) result_.streams.push_back({stream.kind});
    passed_over_.assign(phase.streams.size(), false);
    const Connections::Counters before = connections_->counters();
    const std::uint64_t dropped = connections_->dropped_here(), cpu = own_cpu_ns();
    begun_ = under_way_ = probes_begun_ = 0;
    begun_at_ = now_ns();
    blocked_since_ = 0;
    for (std::uint64_t now = begun_at_; !is_over(now); now = now_ns()) {
        if (stop_) {
            result_.interrupted = true;
            break;
        }
        start_due(now);
        expire(now);
        connections_->flush();
        connections_->wait(patience(now), *this);
    }
    result_.duration_ns = now_ns() - begun_at_;
    drain();
    abandon_all();
    const Connections::Counters& after = connections_->counters();
    result_.sent = after.sent - before.sent;
    result_.received = after.received - before.received;
    result_.received_bytes = after.received_bytes - before.received_bytes;
    result_.unreachable = after.unreachable - before.unreachable;
    result_.dropped_here = connections_->dropped_here() - dropped;
    result_.own_cpu_ns = own_cpu_ns() - cpu;
    phase_ = nullptr;
    return std::move(result_);
}

bool Generator::is_over(std::uint64_t now) const {
    const bool time_is_up =
        phase_->seconds > 0 && static_cast<double>(now - begun_at_) >= phase_->seconds * 1e9;
    // A server that takes nothing any more ends it, too.
    const bool stalled = blocked_since_ != 0 && now - blocked_since_ > plan_.timeout_ns;
    return under_way_ == 0 && (time_is_up || stalled || !next_stream());
}

/// What comes late is answered, so that a server has nothing left to send again.
void Generator::drain() {
    for (const std::uint64_t until = now_ns() + drain_max_ns; now_ns() < until;) {
        connections_->flush();
        if (!connections_->wait(quiet_ns, *this)) break;
    }
    connections_->flush();
}

/// Probes without an answer, and everything where the phase was interrupted.
void Generator::abandon_all() {
    for (std::uint32_t i = 0; i < operations_.size(); ++i)
        if (operations_[i].used) finish(i, false, now_ns());
}

std::uint64_t Generator::patience(std::uint64_t now) const {
    std::uint64_t until = std::min(timers_.next(), now + patience_max_ns);
    const auto due = [&](double rate, std::uint64_t begun) {
        return begun_at_ + static_cast<std::uint64_t>(static_cast<double>(begun) / rate * 1e9);
    };
    if (phase_->rate > 0) until = std::min(until, due(phase_->rate, begun_));
    if (phase_->probe_rate > 0) until = std::min(until, due(phase_->probe_rate, probes_begun_));
    return until > now ? until - now : 0;
}

// ---- What is begun ------------------------------------------------------------------------------

void Generator::start_due(std::uint64_t now) {
    const double elapsed = static_cast<double>(now - begun_at_);
    if (phase_->probe_rate > 0) start_probes(now);
    if (phase_->seconds > 0 && elapsed >= phase_->seconds * 1e9) return;
    for (std::uint32_t turn = 0; turn < starts_a_turn; ++turn) {
        if (under_way_ >= (phase_->rate > 0 ? under_way_max : phase_->window)) return;
        if (phase_->rate > 0) {
            const double due = static_cast<double>(begun_) / phase_->rate * 1e9;
            if (due > elapsed) return;
            result_.late_ns = std::max(result_.late_ns, static_cast<std::uint64_t>(elapsed - due));
        }
        if (!start_next(now)) return;
    }
}

/// The stream that is furthest behind its share and has somebody to act for.
bool Generator::start_next(std::uint64_t now) {
    std::fill(passed_over_.begin(), passed_over_.end(), false);
    while (const auto stream = next_stream()) {
        const Kind kind = phase_->streams[*stream].kind;
        const auto entity = next_entity(kind);
        if (!entity) {
            passed_over_[*stream] = true;
            continue;
        }
        if (!start(kind, *entity, *stream, false, now)) return false;
        ++result_.streams[*stream].started;
        ++begun_;
        std::fill(passed_over_.begin(), passed_over_.end(), false);
        return true;
    }
    // Nobody is free; where nothing is under way nobody will be.
    if (under_way_ > 0) std::fill(passed_over_.begin(), passed_over_.end(), false);
    return false;
}

void Generator::start_probes(std::uint64_t now) {
    const double elapsed = static_cast<double>(now - begun_at_);
    while (static_cast<double>(probes_begun_) / phase_->probe_rate * 1e9 <= elapsed) {
        ++probes_begun_;
        if (const auto entity = next_entity(Kind::options))
            start(Kind::options, *entity, 0, true, now);
    }
}

std::optional<std::size_t> Generator::next_stream() const {
    std::optional<std::size_t> best;
    double least = 2;
    for (std::size_t i = 0; i < phase_->streams.size(); ++i) {
        const std::uint64_t count = phase_->streams[i].count;
        const std::uint64_t started = result_.streams[i].started;
        if (passed_over_[i] || (count > 0 && phase_->seconds == 0 && started >= count)) continue;
        const double share =
            static_cast<double>(started) / static_cast<double>(std::max<std::uint64_t>(count, 1));
        if (!best || share < least) {
            best = i;
            least = share;
        }
    }
    return best;
}

std::optional<std::uint32_t> Generator::next_entity(Kind kind) {
    switch (kind) {
        case Kind::subscribe: return next_subscription(false);
        case Kind::refresh:
        case Kind::unsubscribe: return next_subscription(true);
        case Kind::publish:
        case Kind::modify:
        case Kind::fan_out:
        case Kind::touch:
        case Kind::unpublish: return next_publication(kind);
        case Kind::options: break;
    }
    for (std::uint32_t i = 0; i < options_agents; ++i) {
        const std::uint32_t agent = next_options_++ % options_agents;
        if (options_[agent].operation == none) return agent;
    }
    return {};
}

std::optional<std::uint32_t> Generator::next_subscription(bool active) {
    const auto count = static_cast<std::uint32_t>(subscriptions_.size());
    if (active_ == (active ? 0 : count)) return {};
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t at = next_subscription_;
        next_subscription_ = at + 1 == count ? 0 : at + 1;
        if (subscriptions_[at].active == active && subscriptions_[at].operation == none) return at;
    }
    return {};
}

std::optional<std::uint32_t> Generator::next_publication(Kind kind) {
    for (std::uint32_t i = 0; i < plan_.presentities; ++i) {
        const std::uint32_t at = next_presentity_;
        next_presentity_ = at + 1 == plan_.presentities ? 0 : at + 1;
        Presentity& presentity = presentities_[at];
        if (kind == Kind::fan_out && presentity.operation != none) continue;
        for (std::uint32_t k = 0; k < plan_.publications; ++k) {
            const std::uint32_t part = presentity.next_part;
            presentity.next_part = part + 1 == plan_.publications ? 0 : part + 1;
            const std::uint32_t index = at * plan_.publications + part;
            const Publication& publication = publications_[index];
            const bool fits =
                kind == Kind::fan_out || publication.published == (kind != Kind::publish);
            if (fits && publication.operation == none) return index;
        }
    }
    return {};
}

std::uint32_t Generator::take_operation() {
    if (free_operations_.empty()) {
        operations_.emplace_back();
        return static_cast<std::uint32_t>(operations_.size() - 1);
    }
    const std::uint32_t index = free_operations_.back();
    free_operations_.pop_back();
    return index;
}

bool Generator::start(Kind kind, std::uint32_t entity, std::size_t stream, bool probe,
                      std::uint64_t now) {
    Operation fresh;
    fresh.kind = kind;
    fresh.entity = entity;
    fresh.stream = static_cast<std::uint16_t>(stream);
    fresh.probe = probe;
    if (connections_->is_lost(connection_of(fresh))) {
        if (!probe) ++result_.streams[stream].failed;
        return true;
    }
    if (connections_->is_blocked(connection_of(fresh))) {
        if (blocked_since_ == 0) blocked_since_ = now;
        return false;
    }
    blocked_since_ = 0;
    const std::uint32_t index = take_operation();
    Operation& operation = operations_[index];
    fresh.generation = operation.generation + 1;
    fresh.used = true;
    fresh.sent_at = now;
    operation = fresh;
    if (!probe) ++under_way_;
    Agent& agent = agent_of(operation);
    agent.operation = index;
    operation.cseq = ++agent.cseq;
    ++agent.nonce_count;
    prepare(operation);
    send(index);
    timers_.arm(index, operation.generation, 0, now);
    return true;
}

void Generator::prepare(const Operation& operation) {
    if (operation.kind == Kind::subscribe) {
        Subscription& subscription = subscriptions_[operation.entity];
        ++subscription.life;
        subscription.has_seen = false;
        subscription.tag.size = 0;
    }
    if (!has_document(operation.kind)) return;
    ++publications_[operation.entity].version;
    if (operation.kind != Kind::fan_out) return;
    Presentity& presentity = presentities_[operation.entity / plan_.publications];
    presentity.operation = agent_of(operation).operation;
    ++presentity.round;
    operations_[presentity.operation].notifies_left = presentity.watchers;
}

// ---- What is sent -------------------------------------------------------------------------------

std::uint32_t Generator::connection_of(const Operation& operation) const {
    if (operation.probe) return plan_.connections;
    if (is_of_publication(operation.kind))
        return operation.entity / plan_.publications % plan_.connections;
    return operation.entity % plan_.connections;
}

Generator::Agent& Generator::agent_of(const Operation& operation) {
    if (operation.kind == Kind::options) return options_[operation.entity];
    if (is_of_publication(operation.kind)) return publications_[operation.entity];
    return subscriptions_[operation.entity];
}

void Generator::send(std::uint32_t index) {
    const Operation& operation = operations_[index];
    const std::uint32_t connection = connection_of(operation);
    Stamp stamp;
    stamp.set_port(connections_->port(connection));
    stamp.set_expires(plan_.expires_s);
    const Template* chosen = &requests_.options;
    if (operation.kind == Kind::options) {
        stamp.set_call_id({'o', operation.entity, 1});
    } else if (is_of_publication(operation.kind)) {
        chosen = has_document(operation.kind) ? &requests_.publish : &requests_.touch;
        stamp_publish(stamp, operation);
    } else {
        chosen = &requests_.subscribe;
        stamp_subscribe(stamp, operation);
    }
    stamp.set_cseq(operation.cseq);
    const std::size_t size = chosen->size(stamp.values());
    chosen->render(connections_->room(connection, size), stamp.values());
    connections_->commit(connection, size);
}

void Generator::stamp_subscribe(Stamp& stamp, const Operation& operation) {
    const Subscription& subscription = subscriptions_[operation.entity];
    const std::uint32_t presentity = operation.entity / plan_.watchers;
    const std::uint32_t watcher =
        (presentity + 1 + operation.entity % plan_.watchers) % plan_.users();
    stamp.set_call_id({'s', operation.entity, subscription.life});
    stamp.set_user(Slot::user, plan_.prefix, presentity);
    stamp.set_user(Slot::watcher, plan_.prefix, watcher);
    if (operation.kind == Kind::unsubscribe) stamp.set_expires(0);
    if (operation.kind == Kind::subscribe) {
        target_text_.assign("sip:").append(stamp.value(Slot::user)).append("@");
        stamp.set(Slot::target, target_text_.append(plan_.domain));
    } else {
        const Peer& peer = peers_[subscription.peer];
        stamp.set(Slot::target, peer.target);
        stamp.set(Slot::routes, peer.routes);
        tag_text_.assign(";tag=").append(texts_.view(subscription.tag));
        stamp.set(Slot::tag, tag_text_);
    }
    stamp_credentials(stamp, operation, "SUBSCRIBE");
}

void Generator::stamp_publish(Stamp& stamp, const Operation& operation) {
    const Publication& publication = publications_[operation.entity];
    stamp.set_call_id({'p', operation.entity, 1});
    stamp.set_user(Slot::user, plan_.prefix, operation.entity / plan_.publications);
    stamp.set_version(publication.version);
    stamp.set_part(operation.entity % plan_.publications);
    if (operation.kind == Kind::unpublish) stamp.set_expires(0);
    if (publication.published) {
        entity_tag_text_.assign("SIP-If-Match: ").append(texts_.view(publication.entity_tag));
        stamp.set(Slot::entity_tag, entity_tag_text_.append("\r\n"));
    }
    if (!credentials_.has_password()) return;
    target_text_.assign("sip:").append(stamp.value(Slot::user)).append("@").append(plan_.domain);
    stamp.set(Slot::target, target_text_);
    stamp_credentials(stamp, operation, "PUBLISH");
}

void Generator::stamp_credentials(Stamp& stamp, const Operation& operation,
                                  std::string_view method) {
    const Agent& agent = agent_of(operation);
    if (agent.nonce.size == 0) return;
    const bool subscribes = !is_of_publication(operation.kind);
    credentials_text_.clear();
    credentials_.write(credentials_text_, stamp.value(subscribes ? Slot::watcher : Slot::user),
                       method, stamp.value(Slot::target), texts_.view(agent.nonce),
                       agent.nonce_count);
    stamp.set(Slot::credentials, credentials_text_);
}

/// Timer E and Timer F. RFC 3261 17.1.2.2.
void Generator::expire(std::uint64_t now) {
    RetransmissionTimers::Entry entry;
    while (timers_.take_due(now, entry)) {
        Operation& operation = operations_[entry.operation];
        if (!operation.used || operation.generation != entry.generation) continue;
        if (now - operation.sent_at >= plan_.timeout_ns) {
            ++result_.timeouts;
            finish(entry.operation, false, now);
            continue;
        }
        if (!operation.answered && !connections_->is_stream()) {
            ++result_.retransmissions;
            send(entry.operation);
        }
        timers_.arm(entry.operation, entry.generation,
                    static_cast<std::uint8_t>(std::min(entry.level + 1, 200)), now);
    }
}

}  // namespace load
