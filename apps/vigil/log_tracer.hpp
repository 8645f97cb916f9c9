#pragma once

#include <functional>

#include "apps/vigil/log.hpp"
#include "apps/vigil/packet_capture.hpp"
#include "sip/base/tracer.hpp"

namespace vigil {

/// Turns what the core says about itself into log lines and, where one is open, a capture file.
/// Of a message a line tells its start line alone, so that no credentials get into a log.
class LogTracer final : public sip::Tracer {
public:
    /// Both outlive this; `capture` may be null.
    LogTracer(Log& log, PacketCapture* capture) : log_(log), capture_(capture) {}
    /// Called with every transition.
    void on_transition(std::function<void(const sip::Now&, const sip::TraceTransition&)> hook) {
        hook_ = std::move(hook);
    }

    /// Called with every decision.
    void on_decision(std::function<void(const sip::Now&, const sip::TraceDecision&)> hook) {
        decision_hook_ = std::move(hook);
    }

    void message(const sip::Now& now, const sip::TraceMessage& message) override;
    void transition(const sip::Now& now, const sip::TraceTransition& transition) override;
    void decision(const sip::Now& now, const sip::TraceDecision& decision) override;
    void subscription(const sip::Now& now, const sip::TraceSubscription& subscription) override;

private:
    Log& log_;
    PacketCapture* capture_;
    std::function<void(const sip::Now&, const sip::TraceTransition&)> hook_;
    std::function<void(const sip::Now&, const sip::TraceDecision&)> decision_hook_;
};

}  // namespace vigil
