#include "sip/transaction/server_transactions.hpp"

#include <algorithm>

#include "sip/base/text.hpp"
#include "sip/transaction/reply.hpp"

namespace sip {

/// RFC 4320 4.1: when the client's Timer E would have reached T2 (3.5 s with the default T1).
constexpr int hundred_after_t1s = 7;
/// RFC 3261 17.2.1: an INVITE unanswered for this long is answered 100.
constexpr Duration invite_hundred = milliseconds{200};

/// Of a To tag of ours.
constexpr std::size_t tag_digits = 16;

ServerTransactions::ServerTransactions(Shard& shard, TransportLayer& transport, Locator& locator,
                                       std::uint8_t part)
    : shard_(shard),
      transport_(transport),
      locator_(locator),
      part_(part),
      slab_(shard.memory, shard.limits.server_transactions),
      completed_(shard, {part, {}}),
      by_request_(shard.memory),
      by_branch_(shard.memory),
      by_merge_(shard.memory),
      by_user_(shard.memory, shard.limits.server_transactions, shard.common,
               Tally::transactions_of_user),
      by_address_(shard.memory, shard.limits.server_transactions, shard.common,
                  Tally::transactions_of_address) {
    const std::uint32_t count = shard.limits.server_transactions;
    shard.reserve(count, slab_, by_request_, by_branch_, by_merge_, by_user_, by_address_);
    shard.reserve_timers(count);
}

ServerTransactions::~ServerTransactions() {
    slab_.for_each([&](Handle, Transaction& t) { t.timers.detach(shard_.timers); });
}

RequestKey ServerTransactions::branch_key(const MessageView& message, const Essentials& e) const {
    KeyedHash hash(shard_.key);
    if (e.via.has_cookie()) {
        // RFC 3261 17.2.3: branch and sent-by, the default port filled in. Names in any case.
        hash.add(e.via.branch);
        const bool bracketed = e.via.host.find(':') != std::string_view::npos;
        const auto numeric = bracketed ? parse_numeric_host(e.via.host) : std::optional<Address>{};
        if (numeric) {
            hash.add({reinterpret_cast<const char*>(numeric->bytes.data()), 16});
        } else {
            std::array<char, 256> lower;
            const std::size_t size = std::min(e.via.host.size(), lower.size());
            for (std::size_t i = 0; i < size; ++i) lower[i] = to_lower(e.via.host[i]);
            hash.add({lower.data(), size});
        }
        hash.add(std::uint64_t{e.via.port_or_default()});
    } else {
        // RFC 2543 peers: what an INVITE and its ACK have in common.
        hash.add(message.request_uri).add(e.from_tag).add(e.call_id).add(e.via.text);
        hash.add(std::uint64_t{e.cseq.number});
    }
    RequestKey key;
    key.a = hash.finish();
    key.b = hash.finish();
    return key;
}

RequestKeys ServerTransactions::keys_of(const MessageView& message, const Essentials& e) const {
    RequestKeys keys;
    keys.branch = branch_key(message, e);
    keys.method = message.method != Method::unknown
                      ? RequestKeys::method_key(message.method)
                      : KeyedHash(shard_.key).add(message.method_name).finish();
    KeyedHash both(shard_.key);
    both.add(e.from.uri.text).add(e.call_id).add(std::uint64_t{e.cseq.number});
    KeyedHash content = both;
    keys.content = content.add(message.request_uri).add(e.to_tag).finish();
    if (e.to_tag.empty()) keys.merge = both.add(e.from_tag).add(keys.method).finish() | 1;
    return keys;
}

std::uint64_t ServerTransactions::branch_hash(const RequestKey& branch, bool is_invite) {
    return mix(branch.a, is_invite ? 1 : 2);
}

Handle ServerTransactions::find_request(const RequestKey& key) {
    const std::uint32_t index =
        by_request_.find(key.a, [&](std::uint32_t i) { return slab_.at(i).key == key; });
    return index == HashIndex::none ? Handle{} : slab_.handle_at(index);
}

/// The newest that came with this branch.
Handle ServerTransactions::find_branch(const RequestKey& branch, bool is_invite) {
    const std::uint32_t index = by_branch_.newest(branch_hash(branch, is_invite), same_branch());
    if (index == HashIndex::none || slab_.at(index).branch != branch) return {};
    return slab_.handle_at(index);
}

std::size_t ServerTransactions::longest_search() const {
    return std::max({by_request_.longest_run(), by_branch_.longest_run(), by_merge_.longest_run(),
                     completed_.longest_search()});
}

/// RFC 3261 9.1: a CANCEL has all in common with its request but the method.
bool ServerTransactions::find_completed(const Now& now, const RequestKeys& keys) {
    for (std::size_t i = 0; i < method_count; ++i)
        if (completed_.find(now, keys.request_of(RequestKeys::method_key(static_cast<Method>(i)))))
            return true;
    return false;
}

ServerTransactions::Matched ServerTransactions::receive(const Now& now, const Request& request) {
    const RequestKeys& keys = request.keys;
    const Method method = request.message.method;
    if (method == Method::ack) {
        const Handle handle = find_branch(keys.branch, true);
        const Transaction* t = slab_.find(handle);
        if (t == nullptr ||
            (t->rfc2543 && t->tag_hash != table_hash(shard_.key, request.essentials.to_tag)))
            return {};
        const bool accepted =
            static_cast<invite_server::State>(t->state) == invite_server::State::accepted;
        apply(now, handle, invite_server::Event::ack, nullptr);
        return {accepted ? Match::ack : Match::absorbed, {handle}};
    }
    if (method == Method::cancel) {
        // RFC 3261 9.2: the transaction that it cancels, of whatever method but ACK and CANCEL.
        Handle handle = find_branch(keys.branch, true);
        if (!handle) handle = find_branch(keys.branch, false);
        if (!handle && !find_completed(now, keys)) return {};
        return {Match::cancel, {handle}};
    }
    const Handle handle = find_request(keys.request());
    if (!handle) {
        const auto* record = completed_.find(now, keys.request());
        if (record == nullptr) return {};
        ++shard_.counters.retransmissions_in;
        repeat(now, *record, request);
        return {Match::absorbed, {}};
    }
    ++shard_.counters.retransmissions_in;
    if (slab_.find(handle)->is_invite)
        apply(now, handle, invite_server::Event::request, nullptr);
    else
        apply(now, handle, non_invite_server::Event::request, nullptr);
    return {Match::absorbed, {handle}};
}

bool ServerTransactions::is_merged(const Now& now, const Request& request) {
    const RequestKeys& keys = request.keys;
    if (keys.merge == 0) return false;
    // A client that repeats a branch for another URI (libpurple) was forked by nobody.
    const std::uint32_t index = by_merge_.newest(keys.merge, same_merge());
    if (index != HashIndex::none) return slab_.at(index).branch != keys.branch;
    const auto* record = completed_.find_merge(now, keys.merge);
    return record != nullptr && record->key.b != keys.branch.b;
}

/// Threat 16: nobody may take the table from all others. False: it may not come.
bool ServerTransactions::count_in(std::uint64_t user, std::uint64_t address, bool exempt) {
    using Counted = Tally::Counted;
    const Limits& limits = shard_.limits;
    Counters& counters = shard_.counters;
    if (user != 0) {
        const Counted counted =
            by_user_.add(user, exempt ? Tally::any_number : limits.server_transactions_per_user);
        if (counted != Counted::yes) {
            ++(counted == Counted::too_many ? counters.limit_server_transactions_per_user
                                            : counters.limit_memory);
            return false;
        }
    }
    const Counted counted = by_address_.add(
        address, exempt ? Tally::any_number : limits.server_transactions_per_address);
    if (counted == Counted::yes) return true;
    ++(counted == Counted::too_many ? counters.limit_server_transactions_per_address
                                    : counters.limit_memory);
    if (user != 0) by_user_.remove(user);
    return false;
}

void ServerTransactions::count_out(std::uint64_t user, std::uint64_t address) {
    by_address_.remove(address);
    if (user != 0) by_user_.remove(user);
}

/// Takes all that `enter` needs; false: memory refused, and nothing is kept.
bool ServerTransactions::make_room(Handle handle) {
    Transaction& t = *slab_.find(handle);
    return by_request_.reserve_one() && by_branch_.reserve_one() &&
           (!t.may_merge || by_merge_.reserve_one()) &&
           t.timers.attach(shard_.timers, {part_, handle});
}

void ServerTransactions::enter(Handle handle, const Request& request) {
    const Essentials& e = request.essentials;
    Transaction& t = *slab_.find(handle);
    t.is_invite = request.message.method == Method::invite;
    t.rfc2543 = !e.via.has_cookie();
    t.method = request.message.method;
    t.state = t.is_invite ? static_cast<std::uint8_t>(invite_server::State::proceeding)
                          : static_cast<std::uint8_t>(non_invite_server::State::trying);
    if (t.is_invite) t.tag_hash = table_hash(shard_.key, request.local_tag);
    t.proved = request.identity.authenticated;
    t.may_complete = !t.is_invite && !is_reliable(request.source.transport);
    const ResponseRoute route = response_route(
        e.via, request.source, request.identity.authenticated ? Sender::proved : Sender::stranger);
    t.target = route.target;
    t.reopen_at = route.reopen_at;
    keep_sent_by(t, request);
    bool kept = by_request_.insert(t.key.a, handle.index);
    kept = by_branch_.add(branch_hash(t.branch, t.is_invite), handle.index, same_branch()) && kept;
    if (t.may_merge) kept = by_merge_.add(request.keys.merge, handle.index, same_merge()) && kept;
    SIP_ASSERT(kept);
    transport_.bind(t.bond, t.target.flow, {part_, handle});
}

ServerTransactionId ServerTransactions::create(const Now& now, const Request& request) {
    const std::uint64_t address = site_hash(shard_.key, request.source.remote.address);
    const std::uint64_t user = request.identity.authenticated
                                   ? table_hash(shard_.key, request.identity.address_of_record) | 1
                                   : 0;
    const bool exempt = shard_.exempt.contains(request.source.remote.address);
    if (!count_in(user, address, exempt)) return {};
    const Handle handle = slab_.create();
    if (!handle) {
        ++(slab_.full() ? shard_.counters.limit_server_transactions : shard_.counters.limit_memory);
        count_out(user, address);
        return {};
    }
    Transaction& t = *slab_.find(handle);
    t.user = user;
    t.address = address;
    t.branch = request.keys.branch;
    t.key = request.keys.request();
    t.may_merge = request.keys.merge != 0 && !is_merged(now, request);
    if (!make_room(handle)) {
        ++shard_.counters.limit_memory;
        slab_.destroy(handle);
        count_out(user, address);
        return {};
    }
    enter(handle, request);
    return {handle};
}

void ServerTransactions::keep_trying(const Now& now, ServerTransactionId id, const Packet& trying) {
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

void ServerTransactions::respond(const Now& now, ServerTransactionId id, std::uint16_t status,
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
    if (status >= 200) (void)complete(now, id.handle);
}

void ServerTransactions::refuse(const Now& now, ServerTransactionId id, std::uint16_t status,
                                const Packet& packet) {
    if (Transaction* t = slab_.find(id.handle)) t->may_complete = false;
    respond(now, id, status, packet);
    forget(id);
}

/// A record takes the place of a transaction that was answered by datagram. False: it stays, with
/// its answer, because that cannot be made again or memory is out.
bool ServerTransactions::complete(const Now& now, Handle handle) {
    Transaction* t = slab_.find(handle);
    if (t == nullptr || !t->may_complete || !t->last || t->last.repeatable == 0 || t->last.body ||
        static_cast<non_invite_server::State>(t->state) != non_invite_server::State::completed)
        return false;
    const std::string_view answer = t->last.head.view();
    const std::string_view line = slice(answer, 0, answer.find("\r\n"));
    constexpr std::size_t status_at = 8, reason_at = 12;  // SIP/2.0 200 OK
    const auto status = parse_decimal(slice(line, status_at, 3), 699);
    if (!status || line.size() < reason_at) return false;
    const std::size_t tag_end = t->last.tag_end;
    const auto tag = tag_end < tag_digits
                         ? std::optional<std::uint64_t>{0}
                         : parse_own_number(slice(answer, tag_end - tag_digits, tag_digits));
    if (!tag) return false;
    CompletedTransactions::Record record;
    record.key = t->key;
    if (t->may_merge) record.merge = t->same_merge.hash;
    record.to_tag = *tag;
    record.status = static_cast<std::uint16_t>(*status);
    record.proved = t->proved;
    record.number = handle.index;
    if (!completed_.add(now, std::move(record), slice(line, reason_at),
                        slice(answer, t->last.repeatable)))
        return false;
    destroy(handle);
    return true;
}

/// RFC 3261 17.2.2, completed: the response again. It goes where the copy came from.
void ServerTransactions::repeat(const Now& now, const CompletedTransactions::Record& record,
                                const Request& request) {
    using namespace non_invite_server;
    trace(now, record.number, step(State::completed, Event::request));
    Target target = response_route(request.essentials.via, request.source,
                                   record.proved ? Sender::proved : Sender::stranger)
                        .target;
    const Packet packet = completed_.response(record, request.message, request.source);
    if (packet && !transport_.send(now, target, packet)) ++shard_.counters.transport_failures;
}

void ServerTransactions::trace(const Now& now, std::uint32_t number,
                               const non_invite_server::Row& row) {
    using namespace non_invite_server;
    if (shard_.tracer == nullptr) return;
    shard_.tracer->transition(
        now, {"non-INVITE server", number, state_names[static_cast<std::size_t>(row.from)],
              event_names[static_cast<std::size_t>(row.on)],
              state_names[static_cast<std::size_t>(row.to)]});
}

void ServerTransactions::forget(ServerTransactionId id) {
    if (slab_.find(id.handle) != nullptr) destroy(id.handle);
}

void ServerTransactions::transmit(const Now& now, Handle handle, const Packet& packet) {
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
    Room<DomainName::most + 32> uri;
    uri << "sip:" << name.view();
    if (via.port != 0) uri << ':' << via.port;
    uri << (is_secure(t.target.transport) ? ";transport=tls" : ";transport=tcp");
    t.sent_by = SharedBytes::copy(shard_.memory, uri.view());
    if (!t.sent_by) ++shard_.counters.limit_memory;
}

bool ServerTransactions::find_sent_by(const Now& now, Handle handle) {
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
bool ServerTransactions::send_to_first(const Now& now, Handle handle,
                                       const Locator::Targets& targets) {
    Transaction& t = *slab_.find(handle);
    if (locator_.has_failed(now, targets[0]) || transport_.listeners().is_ours(targets[0].remote))
        return false;
    t.target = targets[0];
    t.reopened_at = now.mono;
    if (!transport_.send(now, t.target, t.last)) return false;
    transport_.bind(t.bond, t.target.flow, {part_, handle});
    return true;
}

void ServerTransactions::lost(const Now& now, Handle object) {
    Transaction* t = slab_.find(object);
    // One that stood for longer has brought the response.
    if (t == nullptr || t->reopened_at == never ||
        now.mono > later(t->reopened_at, connect_timeout))
        return;
    locator_.failed(now, t->target);
    if (!find_sent_by(now, object)) ++shard_.counters.transport_failures;
}

void ServerTransactions::located(const Now& now, Handle object, LookupId id) {
    Transaction* t = slab_.find(object);
    if (t == nullptr || t->lookup != id) return;
    t->lookup = {};
    const auto targets = locator_.take(id);
    if (!targets || !send_to_first(now, object, *targets)) ++shard_.counters.transport_failures;
}

void ServerTransactions::apply(const Now& now, Handle handle, invite_server::Event event,
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

void ServerTransactions::apply(const Now& now, Handle handle, non_invite_server::Event event,
                               const Packet* given) {
    using namespace non_invite_server;
    Transaction& t = *slab_.find(handle);
    const State from = static_cast<State>(t.state);
    const Row& row = step(from, event);
    t.state = static_cast<std::uint8_t>(row.to);
    trace(now, handle.index, row);
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
    by_request_.erase(t.key.a, handle.index);
    by_branch_.remove(handle.index, same_branch());
    if (t.may_merge) by_merge_.remove(handle.index, same_merge());
    count_out(t.user, t.address);
    if (t.lookup != LookupId{}) locator_.abandon(t.lookup);
    t.timers.detach(shard_.timers);
    slab_.destroy(handle);
}

void ServerTransactions::timer(const Now& now, Handle object) {
    if (!object) {
        using namespace non_invite_server;
        completed_.expire(now, [&](const CompletedTransactions::Record& record) {
            trace(now, record.number, step(State::completed, Event::timer_j));
        });
        return;
    }
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
