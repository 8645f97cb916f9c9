#include "sip/transaction/server_transactions.hpp"

#include <algorithm>

#include "sip/base/text.hpp"
#include "sip/transaction/reply.hpp"

namespace sip {

/// RFC 4320 4.1: when the client's Timer E would have reached T2 (3.5 s with the default T1).
constexpr int hundred_after_t1s = 7;
/// RFC 3261 17.2.1: an INVITE unanswered for this long is answered 100.
constexpr Duration invite_hundred = milliseconds{200};

ServerTransactions::ServerTransactions(Shard& shard, TransportLayer& transport, Locator& locator,
                                       std::uint8_t part)
    : shard_(shard),
      transport_(transport),
      locator_(locator),
      part_(part),
      slab_(shard.memory, shard.limits.server_transactions),
      by_request_(shard.memory),
      by_branch_(shard.memory),
      by_merge_(shard.memory),
      by_user_(shard.memory, shard.limits.server_transactions),
      by_address_(shard.memory, shard.limits.server_transactions) {}

ServerTransactions::~ServerTransactions() {
    slab_.for_each([&](Handle, Transaction& t) { t.timers.detach(shard_.timers); });
}

ServerTransactions::Key ServerTransactions::branch_key(const MessageView& message,
                                                       const Essentials& e) const {
    const HashKey second{~shard_.key.k0, shard_.key.k1};
    Key key;
    const auto add = [&](std::string_view text) {
        key.a = mix(key.a, siphash(shard_.key, text));
        key.b = mix(key.b, siphash(second, text));
    };
    const auto add_number = [&](std::uint64_t number) {
        key.a = mix(key.a, number);
        key.b = mix(key.b, ~number);
    };
    if (e.via.has_cookie()) {
        // RFC 3261 17.2.3: branch and sent-by, the default port filled in. Names in any case.
        add(e.via.branch);
        if (const auto numeric = parse_numeric_host(e.via.host)) {
            add({reinterpret_cast<const char*>(numeric->bytes.data()), 16});
        } else {
            std::array<char, 256> lower{};
            const std::size_t size = std::min(e.via.host.size(), lower.size());
            for (std::size_t i = 0; i < size; ++i) lower[i] = to_lower(e.via.host[i]);
            add({lower.data(), size});
        }
        add_number(e.via.port_or_default());
    } else {
        // RFC 2543 peers: what an INVITE and its ACK have in common.
        add(message.request_uri);
        add(e.from_tag);
        add(e.call_id);
        add(e.via.text);
        add_number(e.cseq.number);
    }
    return key;
}

std::uint64_t ServerTransactions::content_hash(const MessageView& message,
                                               const Essentials& e) const {
    std::uint64_t hash = siphash(shard_.key, message.request_uri);
    hash = mix(hash, siphash(shard_.key, e.from.uri.text));
    hash = mix(hash, siphash(shard_.key, e.to_tag));
    hash = mix(hash, siphash(shard_.key, e.call_id));
    return mix(hash, e.cseq.number);
}

std::uint64_t ServerTransactions::merge_hash(const Essentials& e) const {
    std::uint64_t hash = siphash(shard_.key, e.from_tag);
    hash = mix(hash, siphash(shard_.key, e.from.uri.text));
    hash = mix(hash, siphash(shard_.key, e.call_id));
    hash = mix(hash, siphash(shard_.key, e.cseq.method_name));
    return mix(hash, e.cseq.number);
}

std::uint64_t ServerTransactions::request_hash(const Key& key, std::uint64_t content,
                                               std::uint64_t method_hash) {
    return mix(mix(key.a, content), method_hash);
}

std::uint64_t ServerTransactions::branch_hash(const Key& key, bool is_invite) {
    return mix(key.a, is_invite ? 1 : 2);
}

Handle ServerTransactions::find_request(const Key& key, std::uint64_t content,
                                        std::uint64_t method_hash) {
    const std::uint32_t index =
        by_request_.find(request_hash(key, content, method_hash), [&](std::uint32_t i) {
            const Transaction& t = slab_.at(i);
            return t.by_branch == key && t.method_hash == method_hash && t.content == content;
        });
    return index == HashIndex::none ? Handle{} : slab_.handle_at(index);
}

/// The newest that came with this branch.
Handle ServerTransactions::find_branch(const Key& key, bool is_invite) {
    const std::uint32_t index = by_branch_.newest(branch_hash(key, is_invite));
    if (index == HashIndex::none || slab_.at(index).by_branch != key) return {};
    return slab_.handle_at(index);
}

std::size_t ServerTransactions::longest_search() const {
    return std::max({by_request_.longest_run(), by_branch_.longest_run(), by_merge_.longest_run()});
}

ServerTransactions::Matched ServerTransactions::receive(Now now, const MessageView& message,
                                                        const Essentials& e) {
    const Key key = branch_key(message, e);
    if (message.method == Method::ack) {
        const Handle handle = find_branch(key, true);
        const Transaction* t = slab_.find(handle);
        if (t == nullptr || (t->rfc2543 && t->to_tag != siphash(shard_.key, e.to_tag))) return {};
        const bool accepted =
            static_cast<invite_server::State>(t->state) == invite_server::State::accepted;
        apply(now, handle, invite_server::Event::ack, nullptr);
        return {accepted ? Match::ack : Match::absorbed, {handle}};
    }
    if (message.method == Method::cancel) {
        // RFC 3261 9.2: the transaction that it cancels, of whatever method but ACK and CANCEL.
        Handle handle = find_branch(key, true);
        if (!handle) handle = find_branch(key, false);
        if (!handle) return {};
        return {Match::cancel, {handle}};
    }
    const Handle handle =
        find_request(key, content_hash(message, e), siphash(shard_.key, message.method_name));
    if (!handle) return {};
    ++shard_.counters.retransmissions_in;
    if (slab_.find(handle)->is_invite)
        apply(now, handle, invite_server::Event::request, nullptr);
    else
        apply(now, handle, non_invite_server::Event::request, nullptr);
    return {Match::absorbed, {handle}};
}

bool ServerTransactions::is_merged(const MessageView& message, const Essentials& e) const {
    if (!e.to_tag.empty()) return false;
    const std::uint32_t index = by_merge_.newest(merge_hash(e));
    // A client that repeats a branch for another URI (libpurple) was forked by nobody.
    return index != HashIndex::none &&
           const_cast<Slab<Transaction>&>(slab_).at(index).by_branch != branch_key(message, e);
}

/// Threat 16: nobody may take the table from all others.
bool ServerTransactions::may_come(std::uint64_t user, std::uint64_t address, bool exempt) {
    const Limits& limits = shard_.limits;
    if (!exempt && user != 0 && by_user_.count(user) >= limits.server_transactions_per_user) {
        ++shard_.counters.limit_server_transactions_per_user;
        return false;
    }
    if (!exempt && by_address_.count(address) >= limits.server_transactions_per_address) {
        ++shard_.counters.limit_server_transactions_per_address;
        return false;
    }
    return true;
}

/// Takes all that `enter` needs; false: memory refused, and nothing is kept.
bool ServerTransactions::make_room(Handle handle) {
    Transaction& t = *slab_.find(handle);
    if (!by_request_.reserve_one() || !by_branch_.reserve_one() ||
        (t.may_merge && !by_merge_.reserve_one()) ||
        !t.timers.attach(shard_.timers, {part_, handle}))
        return false;
    if (by_address_.add(t.address)) {
        if (t.user == 0 || by_user_.add(t.user)) return true;
        by_address_.remove(t.address);
    }
    t.timers.detach(shard_.timers);
    return false;
}

void ServerTransactions::enter(Handle handle, const Request& request) {
    const Essentials& e = request.essentials;
    Transaction& t = *slab_.find(handle);
    t.is_invite = request.message.method == Method::invite;
    t.rfc2543 = !e.via.has_cookie();
    t.method = request.message.method;
    t.method_hash = siphash(shard_.key, request.message.method_name);
    t.state = t.is_invite ? static_cast<std::uint8_t>(invite_server::State::proceeding)
                          : static_cast<std::uint8_t>(non_invite_server::State::trying);
    t.content = content_hash(request.message, e);
    t.to_tag = siphash(shard_.key, request.local_tag);
    const ResponseRoute route = response_route(
        e.via, request.source, request.identity.authenticated ? Sender::proved : Sender::stranger);
    t.target = route.target;
    t.reopen_at = route.reopen_at;
    keep_sent_by(t, request);
    bool kept =
        by_request_.insert(request_hash(t.by_branch, t.content, t.method_hash), handle.index);
    kept =
        by_branch_.add(branch_hash(t.by_branch, t.is_invite), handle.index, same_branch()) && kept;
    if (t.may_merge) kept = by_merge_.add(t.merge, handle.index, same_merge()) && kept;
    SIP_ASSERT(kept);
    transport_.bind(t.bond, t.target.flow, {part_, handle});
}

ServerTransactionId ServerTransactions::create(Now, const Request& request) {
    const Essentials& e = request.essentials;
    const std::uint64_t address = site_hash(shard_.key, request.source.remote.address);
    const std::uint64_t user = request.identity.authenticated
                                   ? siphash(shard_.key, request.identity.address_of_record) | 1
                                   : 0;
    const bool exempt = shard_.exempt.contains(request.source.remote.address);
    if (!may_come(user, address, exempt)) return {};
    const Handle handle = slab_.create();
    if (!handle) {
        ++(slab_.full() ? shard_.counters.limit_server_transactions : shard_.counters.limit_memory);
        return {};
    }
    Transaction& t = *slab_.find(handle);
    t.user = user;
    t.address = address;
    t.by_branch = branch_key(request.message, e);
    t.merge = merge_hash(e);
    t.may_merge = e.to_tag.empty() && !is_merged(request.message, e);
    if (!make_room(handle)) {
        ++shard_.counters.limit_memory;
        slab_.destroy(handle);
        return {};
    }
    enter(handle, request);
    return {handle};
}

void ServerTransactions::keep_trying(Now now, ServerTransactionId id, const Packet& trying) {
    Transaction* t = slab_.find(id.handle);
    if (t == nullptr || is_answered(id)) return;
    t->trying = trying;
    t->timers.set(
        shard_.timers, Name::hundred,
        later(now.mono, t->is_invite ? invite_hundred : hundred_after_t1s * shard_.limits.t1));
}

bool ServerTransactions::is_answered(ServerTransactionId id) const {
    const Transaction* t = slab_.find(id.handle);
    if (t == nullptr) return true;
    return t->is_invite
               ? static_cast<invite_server::State>(t->state) != invite_server::State::proceeding
               : static_cast<non_invite_server::State>(t->state) >=
                     non_invite_server::State::completed;
}

void ServerTransactions::respond(Now now, ServerTransactionId id, std::uint16_t status,
                                 const Packet& packet) {
    const Transaction* t = slab_.find(id.handle);
    if (t == nullptr) return;
    if (t->is_invite) {
        using enum invite_server::Event;
        apply(now, id.handle,
              status < 200   ? provisional
              : status < 300 ? success
                             : failure,
              &packet);
        return;
    }
    using enum non_invite_server::Event;
    apply(now, id.handle, status < 200 ? provisional : final, &packet);
}

void ServerTransactions::forget(ServerTransactionId id) {
    if (slab_.find(id.handle) != nullptr) destroy(id.handle);
}

void ServerTransactions::transmit(Now now, Handle handle, const Packet& packet) {
    if (!packet) return;
    Transaction& t = *slab_.find(handle);
    // RFC 3261 18.2.2: the connection is gone; one to the sent-by port may be opened. The port that
    // the peer spoke from leads nowhere.
    const bool reopen = is_reliable(t.target.transport) && !transport_.is_open(t.target.flow);
    if (reopen) {
        t.target.flow = {};
        if (t.reopened_at == never) t.target.remote = t.reopen_at;
        t.reopened_at = now.mono;
    }
    const bool sent = transport_.send(now, t.target, packet);
    if (!sent && (!reopen || !find_sent_by(now, handle))) ++shard_.counters.transport_failures;
    if (sent && reopen) transport_.bind(t.bond, t.target.flow, {part_, handle});
}

// ---- RFC 3263 5 ---------------------------------------------------------------------------------

/// Threats 25, 26: no name of a stranger is looked up.
void ServerTransactions::keep_sent_by(Transaction& t, const Request& request) {
    const Via& via = request.essentials.via;
    const DomainName name(via.host);
    if (!is_reliable(t.target.transport) || !request.identity.authenticated || name.empty() ||
        name.is_invalid())
        return;
    std::array<char, DomainName::most + 32> room;
    Appender uri(room);
    uri << "sip:" << name.view();
    if (via.port != 0) uri << ':' << via.port;
    uri << (is_secure(t.target.transport) ? ";transport=tls" : ";transport=tcp");
    t.sent_by = SharedBytes::copy(shard_.memory, uri.view());
    if (!t.sent_by) ++shard_.counters.limit_memory;
}

bool ServerTransactions::find_sent_by(Now now, Handle handle) {
    Transaction& t = *slab_.find(handle);
    if (!t.sent_by || !t.last || t.lookup != LookupId{}) return false;
    const auto uri = parse_uri(t.sent_by.view());
    if (!uri) return false;
    const auto begun = locator_.begin(now, *uri, {part_, handle});
    if (!begun) return false;
    t.lookup = begun->id;
    return t.lookup != LookupId{} || send_to_first(now, handle, begun->targets);
}

/// Those that have failed come last; when the first has, all have.
bool ServerTransactions::send_to_first(Now now, Handle handle, const Locator::Targets& targets) {
    Transaction& t = *slab_.find(handle);
    if (locator_.has_failed(now, targets[0]) || transport_.listeners().is_ours(targets[0].remote))
        return false;
    t.target = targets[0];
    t.reopened_at = now.mono;
    if (!transport_.send(now, t.target, t.last)) return false;
    transport_.bind(t.bond, t.target.flow, {part_, handle});
    return true;
}

void ServerTransactions::lost(Now now, Handle object) {
    Transaction* t = slab_.find(object);
    // One that stood for longer has brought the response.
    if (t == nullptr || t->reopened_at == never ||
        now.mono > later(t->reopened_at, connect_timeout))
        return;
    locator_.failed(now, t->target);
    if (!find_sent_by(now, object)) ++shard_.counters.transport_failures;
}

void ServerTransactions::located(Now now, Handle object, LookupId id) {
    Transaction* t = slab_.find(object);
    if (t == nullptr || t->lookup != id) return;
    t->lookup = {};
    const auto targets = locator_.take(id);
    if (!targets || !send_to_first(now, object, *targets)) ++shard_.counters.transport_failures;
}

void ServerTransactions::apply(Now now, Handle handle, invite_server::Event event,
                               const Packet* given) {
    using namespace invite_server;
    Transaction& t = *slab_.find(handle);
    const State from = static_cast<State>(t.state);
    const Row& row = step(from, event);
    t.state = static_cast<std::uint8_t>(row.to);
    const Limits& limits = shard_.limits;
    const bool reliable = is_reliable(t.target.transport);
    if (shard_.tracer != nullptr)
        shard_.tracer->transition(
            now, {"INVITE server", handle.index, state_names[static_cast<std::size_t>(from)],
                  event_names[static_cast<std::size_t>(event)],
                  state_names[static_cast<std::size_t>(row.to)]});
    if (has(row.act, Action::stop_100)) t.timers.stop(shard_.timers, Name::hundred);
    if (has(row.act, Action::send)) {
        t.last = *given;
        t.trying = {};
        transmit(now, handle, t.last);
    }
    if (has(row.act, Action::send_100)) {
        t.last = t.trying;
        transmit(now, handle, t.last);
    }
    if (has(row.act, Action::resend)) transmit(now, handle, t.last);
    if (has(row.act, Action::start_g) && !reliable) {
        t.g_interval =
            t.g_interval == Duration{} ? limits.t1 : std::min(2 * t.g_interval, limits.t2);
        t.timers.set(shard_.timers, Name::g, later(now.mono, t.g_interval));
    }
    if (has(row.act, Action::start_h))
        t.timers.set(shard_.timers, Name::h, later(now.mono, 64 * limits.t1));
    if (has(row.act, Action::start_i)) {
        t.timers.stop(shard_.timers, Name::g);
        t.timers.stop(shard_.timers, Name::h);
        t.timers.set(shard_.timers, Name::i, later(now.mono, reliable ? Duration{} : limits.t4));
    }
    if (has(row.act, Action::start_l))
        t.timers.set(shard_.timers, Name::l, later(now.mono, 64 * limits.t1));
    if (has(row.act, Action::report_timeout)) {
        ++shard_.counters.transaction_timeouts;
        shard_.decision(now, "dropped", "no ACK came for the response to an INVITE", {});
    }
    if (row.to == State::terminated) destroy(handle);
}

void ServerTransactions::apply(Now now, Handle handle, non_invite_server::Event event,
                               const Packet* given) {
    using namespace non_invite_server;
    Transaction& t = *slab_.find(handle);
    const State from = static_cast<State>(t.state);
    const Row& row = step(from, event);
    t.state = static_cast<std::uint8_t>(row.to);
    if (shard_.tracer != nullptr)
        shard_.tracer->transition(
            now, {"non-INVITE server", handle.index, state_names[static_cast<std::size_t>(from)],
                  event_names[static_cast<std::size_t>(event)],
                  state_names[static_cast<std::size_t>(row.to)]});
    if (has(row.act, Action::stop_100)) t.timers.stop(shard_.timers, Name::hundred);
    if (has(row.act, Action::send)) {
        t.last = *given;
        t.trying = {};
        transmit(now, handle, t.last);
    }
    if (has(row.act, Action::send_100)) {
        t.last = t.trying;
        transmit(now, handle, t.last);
    }
    if (has(row.act, Action::resend)) transmit(now, handle, t.last);
    if (has(row.act, Action::start_j)) {
        // RFC 3261 17.2.2: 0 for streams. One that is opened for the response may fail yet.
        const bool is_sent = is_reliable(t.target.transport) && t.reopened_at == never;
        const Duration j = is_sent ? Duration{} : 64 * shard_.limits.t1;
        t.timers.set(shard_.timers, Name::j, later(now.mono, j));
    }
    if (row.to == State::terminated) destroy(handle);
}

void ServerTransactions::destroy(Handle handle) {
    Transaction& t = *slab_.find(handle);
    by_request_.erase(request_hash(t.by_branch, t.content, t.method_hash), handle.index);
    by_branch_.remove(branch_hash(t.by_branch, t.is_invite), handle.index, same_branch());
    if (t.may_merge) by_merge_.remove(t.merge, handle.index, same_merge());
    by_address_.remove(t.address);
    if (t.user != 0) by_user_.remove(t.user);
    if (t.lookup != LookupId{}) locator_.abandon(t.lookup);
    t.timers.detach(shard_.timers);
    slab_.destroy(handle);
}

void ServerTransactions::timer(Now now, Handle object) {
    for (;;) {
        Transaction* t = slab_.find(object);
        if (t == nullptr) return;
        const auto name = t->timers.pop_due(shard_.timers, now.mono);
        if (!name) return;
        if (t->is_invite) {
            using enum invite_server::Event;
            switch (*name) {
                case Name::hundred: apply(now, object, timer_100, nullptr); break;
                case Name::g: apply(now, object, timer_g, nullptr); break;
                case Name::h: apply(now, object, timer_h, nullptr); break;
                case Name::i: apply(now, object, timer_i, nullptr); break;
                case Name::l: apply(now, object, timer_l, nullptr); break;
                case Name::j: break;
            }
        } else {
            using enum non_invite_server::Event;
            if (*name == Name::hundred) apply(now, object, timer_100, nullptr);
            if (*name == Name::j) apply(now, object, timer_j, nullptr);
        }
    }
}

}  // namespace sip
