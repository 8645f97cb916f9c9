#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "apps/edge/net/engine.hpp"
#include "sip/base/memory.hpp"

/// Keeps what it is told, gives the effects it was given. `on_datagram` and the like, where set,
/// script what an input brings about.
class FakeEngine final : public edge::Engine {
public:
    struct Accepted {
        sip::FlowId flow;
        sip::Endpoint local, remote;
    };

    struct Unreached {
        sip::ListenerId via;
        sip::Endpoint to;
        std::string quoted;
    };

    bool add_listener(const sip::Listeners::Listener& listener) override {
        listeners.push_back(listener);
        return listeners.size() <= sip::Listeners::capacity;
    }
    void input(const sip::Now& now, const sip::Datagram& in) override {
        see(now);
        datagrams.emplace_back(in.bytes.data(), in.bytes.size());
        if (on_datagram) on_datagram(in);
    }
    void input(const sip::Now& now, const sip::Chunk& in) override {
        see(now);
        streams.emplace_back(in.flow, std::string(in.bytes.data(), in.bytes.size()));
        largest_chunk = std::max(largest_chunk, in.bytes.size());
        if (on_chunk) on_chunk(in);
    }
    bool is_behind(sip::FlowId flow) const override { return behind.contains(flow); }
    sip::FlowId accepted(const sip::Now& now, sip::Transport, sip::Endpoint local,
                         sip::Endpoint remote) override {
        see(now);
        if (refuse_flows) return {};
        flows.push_back({sip::FlowId{++last_flow}, local, remote});
        return flows.back().flow;
    }
    void connected(const sip::Now& now, sip::FlowId flow, sip::Endpoint local) override {
        see(now);
        opened.push_back({flow, local, {}});
    }
    void secured(const sip::Now& now, sip::FlowId flow,
                 std::span<const std::string_view> names) override {
        see(now);
        for (std::string_view name : names) proved.emplace_back(flow, name);
    }
    void resolved(const sip::Now& now, const sip::NameAnswer& answer) override {
        see(now);
        answered.push_back(answer.id);
        answers.push_back({answer.kind, {}});
        for (const sip::NameRecord& record : answer.records)
            answers.back().addresses.push_back(record.address);
    }
    void closed(const sip::Now& now, sip::FlowId flow) override {
        see(now);
        ended.push_back(flow);
    }
    void unreachable(const sip::Now& now, const sip::Unreachable& in) override {
        see(now);
        unreached.push_back({in.via, in.to, std::string(in.quoted.data(), in.quoted.size())});
    }
    void committed(const sip::Now& now, sip::CommitId id) override {
        see(now);
        durable.push_back(id);
    }
    void failed(const sip::Now& now, sip::CommitId id) override {
        see(now);
        lost.push_back(id);
    }
    void advance(const sip::Now& now) override {
        see(now);
        ++advanced;
        if (due && now.mono >= *due) {
            due.reset();
            ++fired;
        } else if (due) {
            ++early;
        }
    }
    std::optional<sip::Effect> poll(const sip::Now& now) override {
        see(now);
        ++polls;
        if (effects.empty()) return {};
        std::optional<sip::Effect> next(std::move(effects.front()));
        effects.pop_front();
        return next;
    }
    std::optional<sip::Instant> deadline_at_least() const override { return due; }

    sip::Packet packet(std::string_view head, std::string_view body = {}) {
        sip::Packet made{sip::SharedBytes::copy(memory, head), {}};
        if (!body.empty()) made.body = sip::SharedBytes::copy(memory, body);
        return made;
    }
    void send(sip::ListenerId via, const sip::Endpoint& to, std::string_view head,
              std::string_view body = {}) {
        effects.push_back(sip::Transmit{sip::ToEndpoint{via, to}, packet(head, body)});
    }
    void send(sip::FlowId flow, std::string_view head, std::string_view body = {}) {
        effects.push_back(sip::Transmit{flow, packet(head, body)});
    }
    /// All that came by `flow`.
    std::string heard(sip::FlowId flow) const {
        std::string all;
        for (const auto& [id, bytes] : streams)
            if (id == flow) all += bytes;
        return all;
    }

    sip::Memory memory;  ///< first, so that it outlives the packets
    std::deque<sip::Effect> effects;
    std::vector<sip::Listeners::Listener> listeners;
    std::vector<std::string> datagrams;
    std::vector<std::pair<sip::FlowId, std::string>> streams;
    std::vector<Accepted> flows, opened;
    std::vector<sip::FlowId> ended;
    std::set<sip::FlowId> behind;  ///< with whose bytes it is
    std::vector<std::pair<sip::FlowId, std::string>> proved;
    std::vector<sip::LookupId> answered;
    struct Answer {
        sip::NameAnswer::Kind kind;
        std::vector<sip::Address> addresses;
    };
    std::vector<Answer> answers;
    std::vector<Unreached> unreached;
    std::vector<sip::CommitId> durable, lost;
    std::function<void(const sip::Datagram&)> on_datagram;
    std::function<void(const sip::Chunk&)> on_chunk;
    std::optional<sip::Instant> due;
    bool refuse_flows = false;
    std::uint64_t last_flow = 0;
    std::size_t largest_chunk = 0;
    int advanced = 0, fired = 0, early = 0, polls = 0;
    bool time_went_back = false;

private:
    void see(const sip::Now& now) {
        if (now.mono < last_.mono) time_went_back = true;
        last_ = now;
    }
    sip::Now last_{sip::Instant::min(), 0};
};
