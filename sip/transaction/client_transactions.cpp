#include "sip/transaction/client_transactions.hpp"

#include <algorithm>
#include <cstring>

#include "sip/base/text.hpp"
#include "sip/transaction/invite_requests.hpp"

namespace sip {
namespace {

constexpr std::size_t branch_digits = 16;
/// RFC 3261 17.1.1.2: D by datagrams.
constexpr Duration timer_d_min = seconds{32};

/// What a step of either machine means for the user, in `about`; false: nothing.
template <class Action>
bool report_of(Action act, Counters& counters, ClientTransactions::Report& about) {
    about.is_response = has(act, Action::pass_up);
    if (has(act, Action::report_timeout)) ++counters.transaction_timeouts;
    if (has(act, Action::report_transport)) {
        ++counters.transport_failures;
        about.failure = Failure::transport;
    }
    return about.is_response || has(act, Action::report_timeout) ||
           has(act, Action::report_transport);
}

}  // namespace

namespace {

/// Some write it in other letters.
bool starts_with_cookie(std::string_view text) {
    constexpr std::size_t size = magic_cookie.size();
    if (text.size() < size) return false;
    return std::memcmp(text.data(), magic_cookie.data(), size) == 0 ||
           equal_ignoring_case(slice(text, 0, size), magic_cookie);
}

}  // namespace

std::optional<Branch> Branch::read(std::string_view text) {
    if (!starts_with_cookie(text)) return {};
    text.remove_prefix(magic_cookie.size());
    const auto value = parse_hexadecimal(slice(text, 0, branch_digits));
    if (!value) return {};
    text.remove_prefix(branch_digits);
    if (text.empty()) return Branch{*value};
    if (text.front() != '.') return {};
    const auto loop = parse_hexadecimal(slice(text, 1));
    if (!loop) return {};
    return Branch{*value, true, *loop};
}

std::optional<std::uint64_t> quoted_branch(std::string_view request) {
    constexpr std::string_view via = "\r\nVia: ", parameter = ";branch=";
    const auto line = request.find(via);
    if (line == std::string_view::npos) return {};
    request.remove_prefix(line + via.size());
    request = slice(request, 0, request.find("\r\n"));
    const auto at = request.find(parameter);
    if (at == std::string_view::npos) return {};
    const auto branch =
        Branch::read(slice(request, at + parameter.size(), magic_cookie.size() + branch_digits));
    if (!branch) return {};
    return branch->value;
}

ClientTransactions::ClientTransactions(Shard& shard, TransportLayer& transport, std::uint8_t part)
    : shard_(shard),
      transport_(transport),
      part_(part),
      slab_(shard.memory, shard.limits.client_transactions),
      by_branch_(shard.memory),
      lingering_(shard.memory, lingering_max) {
    shard.reserve(shard.limits.client_transactions, slab_, by_branch_, lingering_);
    shard.reserve_timers(shard.limits.client_transactions);
}

ClientTransactions::~ClientTransactions() {
    slab_.for_each([&](Handle, Transaction& t) { t.timers.detach(shard_.timers); });
}

/// Nothing: there is no room, and all wait for their answers.
Handle ClientTransactions::make() {
    const Handle made = slab_.create();
    if (made || lingering_.empty()) return made;
    destroy(lingering_.at(0));
    return slab_.create();
}

Expected<ClientTransactionId> ClientTransactions::start(const Now& now, const Outgoing& outgoing) {
    if (!outgoing.packet) return failure(Condition::overloaded, "no memory for the request");
    const Handle handle = make();
    if (!handle) {
        ++(slab_.full() ? shard_.counters.limit_client_transactions : shard_.counters.limit_memory);
        return failure(Condition::overloaded, "too many transactions");
    }
    Transaction& t = *slab_.find(handle);
    if (!by_branch_.reserve_one() || !t.timers.attach(shard_.timers, {part_, handle})) {
        ++shard_.counters.limit_memory;
        slab_.destroy(handle);
        return failure(Condition::overloaded, "no memory for a transaction");
    }
    t.method = outgoing.method;
    t.branch = outgoing.branch;
    t.target = outgoing.target;
    t.packet = outgoing.packet;
    t.user = outgoing.user;
    t.object = outgoing.object;
    if (!transport_.send(now, t.target, t.packet)) {
        ++shard_.counters.transport_failures;
        t.timers.detach(shard_.timers);
        slab_.destroy(handle);
        return failure(Condition::internal, "no way to the target");
    }
    begin(now, handle);
    return ClientTransactionId{handle};
}

/// It is sent: it can be found from here on, and has its timers. The same for both machines: A as
/// E starts at T1, B as F is 64*T1.
void ClientTransactions::begin(const Now& now, Handle handle) {
    Transaction& t = *slab_.find(handle);
    const bool kept = by_branch_.insert(mix(shard_.key.k0, t.branch.value), handle.index);
    SIP_ASSERT(kept);
    transport_.bind(t.bond, t.target.flow, {part_, handle});
    if (!is_reliable(t.target.transport)) {
        t.interval = shard_.limits.t1;
        t.timers.set(shard_.timers, Name::repeat, later(now.mono, t.interval));
    }
    t.timers.set(shard_.timers, Name::give_up, later(now.mono, 64 * shard_.limits.t1));
}

std::optional<ClientTransactions::Report> ClientTransactions::receive(
    const Now& now, const MessageView& message, const Essentials& e,
    const std::optional<Branch>& branch) {
    std::uint32_t index = HashIndex::none;
    // RFC 3261 17.1.3: the branch, and the method of CSeq.
    if (branch)
        index = by_branch_.find(mix(shard_.key.k0, branch->value), [&](std::uint32_t i) {
            return slab_.at(i).branch.value == branch->value && slab_.at(i).method == e.cseq.method;
        });
    if (index == HashIndex::none) {
        ++shard_.counters.unmatched_responses;
        return {};
    }
    const Handle handle = slab_.handle_at(index);
    if (slab_.at(index).method == Method::invite) {
        using enum invite_client::Event;
        return apply(now, handle,
                     message.status < 200   ? provisional
                     : message.status < 300 ? success
                                            : failure,
                     &message);
    }
    using enum non_invite_client::Event;
    return apply(now, handle, message.status < 200 ? provisional : final);
}

template <class State, class Row, class StateNames, class EventNames>
void ClientTransactions::trace(const Now& now, std::string_view machine, Handle handle, State from,
                               const Row& row, const StateNames& states, const EventNames& events) {
    if (shard_.tracer == nullptr) return;
    shard_.tracer->transition(
        now, {machine, handle.index, states[static_cast<std::size_t>(from)],
              events[static_cast<std::size_t>(row.on)], states[static_cast<std::size_t>(row.to)]});
}

void ClientTransactions::start_linger(const Now& now, Transaction& t, Duration unreliable) {
    const Duration linger = is_reliable(t.target.transport) ? Duration{} : unreliable;
    t.timers.set_alone(shard_.timers, Name::linger, later(now.mono, linger));
}

void ClientTransactions::linger(Handle handle) {
    if (lingering_.size() == lingering_max) destroy(lingering_.at(0));
    // Without memory for it, it stays until Timer K.
    (void)lingering_.push(Handle{handle});
}

std::optional<ClientTransactions::Report> ClientTransactions::apply(
    const Now& now, Handle handle, non_invite_client::Event event) {
    using namespace non_invite_client;
    Transaction& t = *slab_.find(handle);
    const State from = static_cast<State>(t.state);
    const Row& row = step(from, event);
    t.state = static_cast<std::uint8_t>(row.to);
    trace(now, "non-INVITE client", handle, from, row, state_names, event_names);
    if (has(row.act, Action::resend)) {
        // 17.1.2.2: E doubles up to T2 in trying, and runs at T2 in proceeding.
        t.interval = row.to == State::proceeding ? shard_.limits.t2
                                                 : std::min(2 * t.interval, shard_.limits.t2);
        t.timers.set(shard_.timers, Name::repeat, later(now.mono, t.interval));
        t.repeated = true;
        if (!transport_.send(now, t.target, t.packet))
            return apply(now, handle, Event::transport_error);
    }
    if (has(row.act, Action::start_k)) {
        start_linger(now, t, shard_.limits.t4);
        t.packet = {};  // nothing is sent any more
        if (!is_reliable(t.target.transport)) linger(handle);
    }
    Report about{t.user, t.object, {handle}, false, Failure::timeout};
    const bool tells = report_of(row.act, shard_.counters, about) && !t.abandoned;
    if (row.to == State::terminated) destroy(handle);
    return tells ? std::optional(about) : std::nullopt;
}

std::optional<ClientTransactions::Report> ClientTransactions::apply(const Now& now, Handle handle,
                                                                    invite_client::Event event,
                                                                    const MessageView* response) {
    using namespace invite_client;
    Transaction& t = *slab_.find(handle);
    const State from = static_cast<State>(t.state);
    const Row& row = step(from, event);
    t.state = static_cast<std::uint8_t>(row.to);
    trace(now, "INVITE client", handle, from, row, state_names, event_names);
    if (has(row.act, Action::resend)) {
        t.interval *= 2;  // 17.1.1.2: without a bound but B
        t.timers.set(shard_.timers, Name::repeat, later(now.mono, t.interval));
        t.repeated = true;
        if (!transport_.send(now, t.target, t.packet))
            return apply(now, handle, Event::transport_error, nullptr);
    }
    if (has(row.act, Action::stop_ab)) {
        t.timers.stop(shard_.timers, Name::repeat);
        t.timers.stop(shard_.timers, Name::give_up);
    }
    if (has(row.act, Action::send_ack)) {
        if (from != row.to) t.packet = make_ack(shard_, t.packet, *response);
        // What is not sent now is asked for again by the next copy of the response.
        if (t.packet && !transport_.send(now, t.target, t.packet))
            ++shard_.counters.transport_failures;
    }
    // 17.1.1.2: D is at least 32 s.
    if (has(row.act, Action::start_d))
        start_linger(now, t, std::max<Duration>(64 * shard_.limits.t1, timer_d_min));
    if (has(row.act, Action::start_m)) {
        t.packet = {};
        t.timers.set(shard_.timers, Name::linger, later(now.mono, 64 * shard_.limits.t1));
    }
    if (has(row.act, Action::remember_cancel)) t.cancel_wished = true;
    if (has(row.act, Action::send_cancel) ||
        (has(row.act, Action::send_wished_cancel) && t.cancel_wished))
        send_cancel(now, handle);
    Report about{t.user, t.object, {handle}, false, Failure::timeout};
    const bool tells = report_of(row.act, shard_.counters, about) && !t.abandoned;
    if (row.to == State::terminated) destroy(handle);
    return tells ? std::optional(about) : std::nullopt;
}

void ClientTransactions::cancel(const Now& now, ClientTransactionId id, std::string_view reason) {
    Transaction* t = slab_.find(id.handle);
    if (t == nullptr || t->method != Method::invite || t->cancel_wished || t->cancelled) return;
    if (!reason.empty()) t->cancel_reason = SharedBytes::copy(shard_.memory, reason);
    (void)apply(now, id.handle, invite_client::Event::cancel, nullptr);
}

/// RFC 3261 9.1: by the same way, a transaction of its own; its answer says nothing.
void ClientTransactions::send_cancel(const Now& now, Handle handle) {
    Transaction& t = *slab_.find(handle);
    if (t.cancelled) return;
    t.cancelled = true;
    t.timers.set(shard_.timers, Name::give_up, later(now.mono, 64 * shard_.limits.t1));
    Outgoing outgoing;
    outgoing.target = t.target;
    outgoing.method = Method::cancel;
    outgoing.branch = t.branch;
    outgoing.packet = make_cancel(shard_, t.packet, t.cancel_reason.view());
    t.cancel_reason = {};
    if (const auto sent = start(now, outgoing)) abandon(*sent);
}

std::optional<ClientTransactions::Report> ClientTransactions::timer(const Now& now, Handle object) {
    for (;;) {
        Transaction* t = slab_.find(object);
        if (t == nullptr) return {};
        const auto name = t->timers.pop_due(shard_.timers, now.mono);
        if (!name) return {};
        std::optional<Report> report;
        if (t->method == Method::invite) {
            using enum invite_client::Event;
            const auto linger =
                static_cast<invite_client::State>(t->state) == invite_client::State::accepted
                    ? timer_m
                    : timer_d;
            report = apply(now, object,
                           *name == Name::repeat    ? timer_a
                           : *name == Name::give_up ? timer_b
                                                    : linger,
                           nullptr);
        } else {
            using enum non_invite_client::Event;
            report = apply(now, object,
                           *name == Name::repeat    ? timer_e
                           : *name == Name::give_up ? timer_f
                                                    : timer_k);
        }
        if (report) return report;
    }
}

std::optional<ClientTransactions::Report> ClientTransactions::fail(const Now& now, Handle handle) {
    if (slab_.find(handle)->method == Method::invite)
        return apply(now, handle, invite_client::Event::transport_error, nullptr);
    return apply(now, handle, non_invite_client::Event::transport_error);
}

std::optional<ClientTransactions::Report> ClientTransactions::lost(const Now& now, Handle object) {
    if (slab_.find(object) == nullptr) return {};
    return fail(now, object);
}

std::optional<ClientTransactions::Report> ClientTransactions::unreachable(const Now& now,
                                                                          ListenerId via,
                                                                          const Endpoint& to,
                                                                          std::string_view quoted) {
    const auto branch = quoted_branch(quoted);
    std::uint32_t index = HashIndex::none;
    if (branch)
        index = by_branch_.find(mix(shard_.key.k0, *branch), [&](std::uint32_t i) {
            const Transaction& t = slab_.at(i);
            return t.branch.value == *branch && t.target.transport == Transport::udp &&
                   t.target.listener == via && t.target.remote == to;
        });
    if (index == HashIndex::none || !slab_.at(index).repeated) {
        ++shard_.counters.unreachable_unproved;
        return {};
    }
    return fail(now, slab_.handle_at(index));
}

void ClientTransactions::abandon(ClientTransactionId id) {
    if (Transaction* t = slab_.find(id.handle)) t->abandoned = true;
}

void ClientTransactions::withdraw(ClientTransactionId id) {
    const Transaction* t = slab_.find(id.handle);
    if (t == nullptr) return;
    if (t->packet) transport_.recall(t->target, t->packet);
    destroy(id.handle);
}

void ClientTransactions::destroy(Handle handle) {
    Transaction& t = *slab_.find(handle);
    by_branch_.erase(mix(shard_.key.k0, t.branch.value), handle.index);
    t.timers.detach(shard_.timers);
    slab_.destroy(handle);
    while (!lingering_.empty() && slab_.find(lingering_.at(0)) == nullptr) lingering_.pop();
}

}  // namespace sip
