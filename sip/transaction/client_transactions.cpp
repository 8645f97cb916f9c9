#include "sip/transaction/client_transactions.hpp"

#include <algorithm>

#include "sip/base/text.hpp"

namespace sip {
namespace {

constexpr std::size_t branch_digits = 16;

/// The number in a branch of ours, or nothing.
std::optional<std::uint64_t> read_branch(std::string_view branch) {
    if (branch.size() != magic_cookie.size() + branch_digits) return {};
    if (!equal_ignoring_case(branch.substr(0, magic_cookie.size()), magic_cookie)) return {};
    std::uint64_t value = 0;
    for (char c : branch.substr(magic_cookie.size())) {
        const int digit = hex_value(c);
        if (digit < 0) return {};
        value = value << 4 | static_cast<std::uint64_t>(digit);
    }
    return value;
}

/// The branch of a request of ours, from as much of its start as is there.
std::optional<std::uint64_t> find_branch(std::string_view request) {
    constexpr std::string_view via = "\r\nVia: ", parameter = ";branch=";
    const auto line = request.find(via);
    if (line == std::string_view::npos) return {};
    request.remove_prefix(line + via.size());
    request = request.substr(0, request.find("\r\n"));
    const auto at = request.find(parameter);
    if (at == std::string_view::npos) return {};
    return read_branch(request.substr(at + parameter.size(), magic_cookie.size() + branch_digits));
}

}  // namespace

ClientTransactions::ClientTransactions(Shard& shard, TransportLayer& transport, std::uint8_t part)
    : shard_(shard),
      transport_(transport),
      part_(part),
      slab_(shard.memory, shard.limits.client_transactions),
      by_branch_(shard.memory) {}

ClientTransactions::~ClientTransactions() {
    slab_.for_each([&](Handle, Transaction& t) { t.timers.detach(shard_.timers); });
}

Expected<ClientTransactionId> ClientTransactions::start(Now now, const Outgoing& outgoing) {
    if (!outgoing.packet) return failure(Condition::overloaded, "no memory for the request");
    const Handle handle = slab_.create();
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
    const bool kept = by_branch_.insert(mix(shard_.key.k0, t.branch.value), handle.index);
    SIP_ASSERT(kept);
    transport_.bind(t.bond, t.target.flow, {part_, handle});
    t.timers.set(shard_.timers, Name::f, later(now.mono, 64 * shard_.limits.t1));
    if (!is_reliable(t.target.transport)) {
        t.e_interval = shard_.limits.t1;
        t.timers.set(shard_.timers, Name::e, later(now.mono, t.e_interval));
    }
    return ClientTransactionId{handle};
}

std::optional<ClientTransactions::Report> ClientTransactions::receive(Now now,
                                                                      const MessageView& message,
                                                                      const Essentials& e) {
    const auto branch = read_branch(e.via.branch);
    std::uint32_t index = HashIndex::none;
    // RFC 3261 17.1.3: the branch, and the method of CSeq.
    if (branch)
        index = by_branch_.find(mix(shard_.key.k0, *branch), [&](std::uint32_t i) {
            return slab_.at(i).branch.value == *branch && slab_.at(i).method == e.cseq.method;
        });
    if (index == HashIndex::none) {
        ++shard_.counters.unmatched_responses;
        return {};
    }
    using enum non_invite_client::Event;
    return apply(now, slab_.handle_at(index), message.status < 200 ? provisional : final);
}

std::optional<ClientTransactions::Report> ClientTransactions::apply(
    Now now, Handle handle, non_invite_client::Event event) {
    using namespace non_invite_client;
    Transaction& t = *slab_.find(handle);
    const State from = t.state;
    const Row& row = step(from, event);
    t.state = row.to;
    if (shard_.tracer != nullptr)
        shard_.tracer->transition(
            now, {"non-INVITE client", handle.index, state_names[static_cast<std::size_t>(from)],
                  event_names[static_cast<std::size_t>(event)],
                  state_names[static_cast<std::size_t>(row.to)]});
    std::optional<Report> report;
    const Report base{t.user, t.object, {handle}, false, Failure::timeout};
    if (has(row.act, Action::resend)) {
        // 17.1.2.2: E doubles up to T2 in trying, and runs at T2 in proceeding.
        t.e_interval = row.to == State::proceeding ? shard_.limits.t2
                                                   : std::min(2 * t.e_interval, shard_.limits.t2);
        t.timers.set(shard_.timers, Name::e, later(now.mono, t.e_interval));
        t.repeated = true;
        if (!transport_.send(now, t.target, t.packet))
            return apply(now, handle, Event::transport_error);
    }
    if (has(row.act, Action::pass_up)) {
        report = base;
        report->is_response = true;
    }
    if (has(row.act, Action::start_k)) {
        t.timers.stop(shard_.timers, Name::e);
        t.timers.stop(shard_.timers, Name::f);
        const Duration k = is_reliable(t.target.transport) ? Duration{} : shard_.limits.t4;
        t.timers.set(shard_.timers, Name::k, later(now.mono, k));
        t.packet = {};  // nothing is sent any more
    }
    if (has(row.act, Action::report_timeout)) {
        ++shard_.counters.transaction_timeouts;
        report = base;
    }
    if (has(row.act, Action::report_transport)) {
        ++shard_.counters.transport_failures;
        report = base;
        report->failure = Failure::transport;
    }
    if (t.abandoned) report.reset();
    if (row.to == State::terminated) destroy(handle);
    return report;
}

std::optional<ClientTransactions::Report> ClientTransactions::timer(Now now, Handle object) {
    for (;;) {
        Transaction* t = slab_.find(object);
        if (t == nullptr) return {};
        const auto name = t->timers.pop_due(shard_.timers, now.mono);
        if (!name) return {};
        using enum non_invite_client::Event;
        const auto event = *name == Name::e ? timer_e : *name == Name::f ? timer_f : timer_k;
        if (const auto report = apply(now, object, event)) return report;
    }
}

std::optional<ClientTransactions::Report> ClientTransactions::lost(Now now, Handle object) {
    if (slab_.find(object) == nullptr) return {};
    return apply(now, object, non_invite_client::Event::transport_error);
}

std::optional<ClientTransactions::Report> ClientTransactions::unreachable(Now now, ListenerId via,
                                                                          const Endpoint& to,
                                                                          std::string_view quoted) {
    const auto branch = find_branch(quoted);
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
    return apply(now, slab_.handle_at(index), non_invite_client::Event::transport_error);
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
}

}  // namespace sip
