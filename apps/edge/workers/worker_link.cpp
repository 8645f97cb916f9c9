#include "apps/edge/workers/worker_link.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

namespace edge {

namespace {

constexpr std::size_t ring_bytes_max = std::size_t{1} << 20, ring_bytes_min = std::size_t{1} << 18;
constexpr std::size_t rings_bytes = std::size_t{64} << 20;  ///< all together, about
constexpr std::size_t proved_max = 1'024;
/// Records of one other worker that are taken in one go.
constexpr int records_a_turn = 256;

std::span<const char> bytes_of(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

WorkerRings::WorkerRings(unsigned workers, std::size_t ring_bytes) : workers_(workers) {
    if (ring_bytes == 0)
        ring_bytes = std::clamp(rings_bytes / workers / workers, ring_bytes_min, ring_bytes_max);
    for (unsigned i = 0; i < workers * workers; ++i)
        rings_.push_back(i / workers == i % workers ? nullptr
                                                    : std::make_unique<ByteRing>(ring_bytes));
}

WorkerLink::WorkerLink(sip::Stack& stack, WorkerRings& rings, RelayedConnections& connections,
                       NetCounters& counters, std::function<void(unsigned worker)> wake)
    : stack_(stack),
      rings_(rings),
      connections_(connections),
      wake_(std::move(wake)),
      self_(stack.shard().place.worker),
      message_max_(sizeof(Head) + proved_max + stack.shard().limits.message_bytes),
      written_(rings.workers()),
      kept_(rings.workers()),
      counters_(counters) {}

// ---- Out ----------------------------------------------------------------------------------------

bool WorkerLink::push(unsigned worker, const Head& head, std::string_view first,
                      std::string_view second) {
    static_assert(std::is_trivially_copyable_v<Head>);
    const std::span<const char> pieces[]{
        {reinterpret_cast<const char*>(&head), sizeof head}, bytes_of(first), bytes_of(second)};
    if (!rings_.between(self_, worker).push(pieces)) return false;
    written_[worker] = true;
    return true;
}

/// Nothing of it is lost: where the ring is full it goes later, in order.
void WorkerLink::send(unsigned worker, const Head& head, std::string_view first,
                      std::string_view second) {
    if (send_kept(worker) && push(worker, head, first, second)) return;
    ++counters_.hand_over_kept;
    std::string record(reinterpret_cast<const char*>(&head), sizeof head);
    (record += first) += second;
    kept_[worker].push_back(std::move(record));
}

/// True: nothing waits for that worker any more.
bool WorkerLink::send_kept(unsigned worker) {
    auto& kept = kept_[worker];
    while (!kept.empty()) {
        const std::span<const char> pieces[]{bytes_of(kept.front())};
        if (!rings_.between(self_, worker).push(pieces)) return false;
        written_[worker] = true;
        kept.pop_front();
    }
    return true;
}

std::uint32_t WorkerLink::count_message(sip::FlowId flow, unsigned worker) {
    auto& told = told_[flow];
    for (Told& each : told)
        if (each.worker == worker) return ++each.count;
    if (told.empty()) stack_.transport().hold(flow, true);
    told.push_back({worker, 1});
    return 1;
}

void WorkerLink::hand_over(unsigned worker, const sip::Source& source, std::string_view bytes,
                           std::string_view proved) {
    Head head;
    head.kind = Kind::message;
    head.transport = source.transport;
    head.listener = source.listener;
    head.flow = source.flow;
    head.local = source.local;
    head.remote = source.remote;
    if (source.transport == sip::Transport::udp) {
        // UDP comes again.
        if (!push(worker, head, {}, bytes)) ++counters_.hand_over_dropped;
        return;
    }
    head.count = count_message(source.flow, worker);
    head.proved_size = static_cast<std::uint32_t>(proved.size());
    send(worker, head, proved, bytes);
}

void WorkerLink::hand_over(unsigned worker, const sip::Unreachable& error) {
    Head head;
    head.kind = Kind::error;
    head.listener = error.via;
    head.remote = error.to;
    (void)push(worker, head, {}, {error.quoted.data(), error.quoted.size()});
}

bool WorkerLink::has_room() const {
    for (unsigned to = 0; to < rings_.workers(); ++to) {
        if (to == self_) continue;
        ByteRing& ring = rings_.between(self_, to);
        if (kept_[to].empty() && (ring.fits(message_max_) || ring.wait_for(message_max_))) continue;
        if (!starved_) ++counters_.hand_over_waits;
        starved_ = true;
        return false;
    }
    return true;
}

void WorkerLink::expect_keep_alives(sip::FlowId mirrored, sip::Duration every) {
    const auto found = mirrors_.find(mirrored);
    if (found == mirrors_.end()) return;
    Head head;
    head.kind = Kind::keep_alives;
    head.flow = found->second.there;
    head.every = every;
    send(found->second.holder, head);
}

bool WorkerLink::transmit(sip::FlowId flow, const sip::Packet& packet) {
    const auto found = mirrors_.find(flow);
    if (found == mirrors_.end()) return false;
    Head head;
    head.kind = Kind::write;
    head.flow = found->second.there;
    if (sizeof head + packet.size() > rings_.between(self_, found->second.holder).record_max()) {
        ++counters_.hand_over_too_long;
        (void)close(flow, false);
        return true;
    }
    send(found->second.holder, head, packet.head.view(), packet.body.view());
    return true;
}

bool WorkerLink::close(sip::FlowId flow, bool released) {
    const auto found = mirrors_.find(flow);
    if (found == mirrors_.end()) return false;
    const Mirror mirror = found->second;
    mirrors_.erase(found);
    by_there_.erase({mirror.holder, mirror.there});
    Head head;
    head.kind = released ? Kind::release : Kind::close;
    head.flow = mirror.there;
    head.count = mirror.count;
    send(mirror.holder, head);
    return true;
}

void WorkerLink::gone(sip::FlowId flow) {
    const auto found = told_.find(flow);
    if (found == told_.end()) return;
    Head head;
    head.kind = Kind::gone;
    head.flow = flow;
    for (const Told& each : found->second) send(each.worker, head);
    told_.erase(found);
}

bool WorkerLink::end_turn() {
    for (unsigned to = 0; to < rings_.workers(); ++to) {
        while (!send_kept(to))
            if (!rings_.between(self_, to).wait_for(kept_[to].front().size())) break;
        if (!written_[to]) continue;
        written_[to] = false;
        wake_(to);
    }
    return starved_ && has_room() && std::exchange(starved_, false);
}

// ---- In -----------------------------------------------------------------------------------------

bool WorkerLink::take(const sip::Now& now) {
    bool more = false;
    for (unsigned from = 0; from < rings_.workers(); ++from) {
        if (from == self_) continue;
        ByteRing& ring = rings_.between(from, self_);
        std::span<const char> record;
        int taken = 0;
        while (taken < records_a_turn && ring.front(record)) {
            handle(now, from, record);
            ring.pop();
            ++taken;
        }
        more = more || taken == records_a_turn;
        if (taken > 0 && ring.release()) wake_(from);
    }
    return more;
}

void WorkerLink::handle(const sip::Now& now, unsigned from, std::span<const char> record) {
    Head head;
    std::memcpy(static_cast<void*>(&head), record.data(), sizeof head);
    const std::string_view rest(record.data() + sizeof head, record.size() - sizeof head);
    switch (head.kind) {
        case Kind::message: take_message(now, from, head, rest); break;
        case Kind::error:
            stack_.take_over(now, sip::Unreachable{head.listener, head.remote, bytes_of(rest)});
            break;
        case Kind::gone: take_gone(now, from, head.flow); break;
        case Kind::write: connections_.relay_write(head.flow, rest); break;
        case Kind::close: connections_.relay_close(now, head.flow); break;
        case Kind::release: take_release(from, head); break;
        case Kind::keep_alives: stack_.expect_keep_alives(now, head.flow, head.every); break;
    }
}

void WorkerLink::take_message(const sip::Now& now, unsigned from, const Head& head,
                              std::string_view rest) {
    sip::Source source{head.transport, head.listener, {}, head.local, head.remote};
    if (head.transport != sip::Transport::udp) {
        source.flow = mirror(now, from, head, rest.substr(0, head.proved_size));
        if (source.flow == sip::FlowId{}) {
            // As where a limit refuses a connection.
            Head refusal;
            refusal.kind = Kind::close;
            refusal.flow = head.flow;
            send(from, refusal);
            return;
        }
    }
    stack_.take_over(now, source, rest.substr(head.proved_size));
}

sip::FlowId WorkerLink::mirror(const sip::Now& now, unsigned from, const Head& head,
                               std::string_view proved) {
    const There there{from, head.flow};
    if (const auto known = by_there_.find(there); known != by_there_.end()) {
        const sip::FlowId flow = known->second;
        if (stack_.transport().is_open(flow)) {
            mirrors_[flow].count = head.count;
            return flow;
        }
        // Forgotten in this very moment, and we have not been told.
        mirrors_.erase(flow);
        by_there_.erase(known);
    }
    const sip::FlowId made = stack_.mirrored(now, head.transport, head.local, head.remote, proved);
    if (made == sip::FlowId{}) return made;
    ++counters_.flows_mirrored;
    mirrors_[made] = {from, head.flow, head.count};
    by_there_[there] = made;
    return made;
}

/// Unless a message is on its way there, by which it will be known again.
void WorkerLink::take_release(unsigned from, const Head& head) {
    const auto found = told_.find(head.flow);
    if (found == told_.end()) return;
    ++counters_.flows_released;
    std::erase_if(found->second, [&](const Told& each) {
        return each.worker == from && each.count == head.count;
    });
    if (!found->second.empty()) return;
    told_.erase(found);
    stack_.transport().hold(head.flow, false);
}

void WorkerLink::take_gone(const sip::Now& now, unsigned from, sip::FlowId flow) {
    const auto known = by_there_.find({from, flow});
    if (known == by_there_.end()) return;
    const sip::FlowId here = known->second;
    mirrors_.erase(here);
    by_there_.erase(known);
    stack_.closed(now, here);
}

}  // namespace edge
