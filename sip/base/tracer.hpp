#pragma once

#include <cstdint>
#include <string_view>

#include "sip/base/clock.hpp"
#include "sip/base/endpoint.hpp"
#include "sip/base/ids.hpp"

namespace sip {

/// What the core did and why, as values. Everything people look at (logs, metrics, ladders) is
/// made from this one stream, at the edge. Strings live for the call only. Nothing secret passes
/// here but the bytes of messages, which the receiver must not show unless asked.
struct TraceMessage {
    bool outgoing = false;
    Transport transport = Transport::udp;
    Endpoint local, remote;
    std::string_view head, body;
};

/// A state machine took a step. Names are those of the enums in the tables.
struct TraceTransition {
    std::string_view machine;  ///< "non-INVITE server", "subscription"
    std::uint32_t object = 0;
    std::string_view from, event, to;
};

/// Something was decided that a person may ask about: a refusal, a drop, a limit, a decision.
struct TraceDecision {
    std::string_view what;     ///< "refused", "dropped", "limit", "subscription"
    std::string_view reason;   ///< static text
    std::string_view subject;  ///< whose: an address-of-record, an endpoint; may be a peer's bytes
    std::uint16_t status = 0;
    std::string_view about;  ///< the address-of-record it was about; may be empty
};

/// A subscription is in another state than before.
struct TraceSubscription {
    std::uint32_t id = 0;  ///< of this notifier; used again once the subscription is gone
    std::string_view package, watcher, resource;
    std::string_view state;       ///< "pending", "active", "terminated"
    std::string_view reason;      ///< of `terminated`; may be empty
    std::uint32_t expires_s = 0;  ///< of the others
};

class Tracer {
public:
    virtual void message(const Now&, const TraceMessage&) {}
    virtual void transition(const Now&, const TraceTransition&) {}
    virtual void decision(const Now&, const TraceDecision&) {}
    virtual void subscription(const Now&, const TraceSubscription&) {}

protected:
    ~Tracer() = default;
};

}  // namespace sip
