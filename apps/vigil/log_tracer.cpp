#include "apps/vigil/log_tracer.hpp"

#include <algorithm>
#include <string>

#include "apps/edge/net/address.hpp"
#include "apps/edge/net/listen_spec.hpp"

namespace vigil {

namespace {

std::string_view start_line(std::string_view head) {
    while (head.starts_with("\r\n")) head.remove_prefix(2);
    return head.substr(0, head.find_first_of("\r\n"));
}

/// A start line without what a URI in it may carry of secrets: a password (RFC 3261 19.1.1), and
/// header fields.
std::string masked(std::string_view line) {
    std::string out(line);
    const auto end_of = [&] { return std::min(out.rfind(" SIP/"), out.size()); };
    if (const auto at = out.find('?'); at != std::string::npos && at < end_of())
        out.replace(at + 1, end_of() - at - 1, "***");
    const auto scheme = out.find(':');
    const auto host = out.rfind('@', end_of());
    if (scheme == std::string::npos || host == std::string::npos) return out;
    const auto password = out.find(':', scheme + 1);
    if (password < host) out.replace(password + 1, host - password - 1, "***");
    return out;
}

/// A challenge is every exchange's first half and none of an operator's business.
LogLevel level_of(const sip::TraceDecision& decision) {
    if (decision.status == 401 || decision.status == 407) return LogLevel::debug;
    if (decision.what == "limit") return LogLevel::warn;
    return LogLevel::info;
}

}  // namespace

void LogTracer::message(const sip::Now& now, const sip::TraceMessage& message) {
    if (capture_ != nullptr) capture_->write(now, message);
    if (!log_.wants(LogLevel::debug)) return;
    log_.say_limited(now, LogLevel::debug, "message",
                     std::string(message.outgoing ? "sent to " : "received from ") +
                         edge::to_text(message.transport, message.remote) + ", " +
                         std::to_string(message.head.size() + message.body.size()) +
                         " bytes: " + masked(start_line(message.head)));
}

void LogTracer::transition(const sip::Now& now, const sip::TraceTransition& transition) {
    if (hook_) hook_(now, transition);
    if (!log_.wants(LogLevel::debug)) return;
    log_.say_limited(now, LogLevel::debug, "transition",
                     std::string(transition.machine) + " " + std::to_string(transition.object) +
                         ": " + std::string(transition.from) + ", " +
                         std::string(transition.event) + " -> " + std::string(transition.to));
}

void LogTracer::decision(const sip::Now& now, const sip::TraceDecision& decision) {
    if (decision_hook_) decision_hook_(now, decision);
    const LogLevel level = level_of(decision);
    if (log_.wants(level)) {
        std::string text(decision.what);
        if (decision.status != 0) text += " " + std::to_string(decision.status);
        if (!decision.reason.empty()) text += ": " + std::string(decision.reason);
        if (!decision.subject.empty()) text += " (" + std::string(decision.subject) + ")";
        log_.say_limited(now, level, decision.reason, text);
    }
}

void LogTracer::subscription(const sip::Now& now, const sip::TraceSubscription& subscription) {
    if (!log_.wants(LogLevel::info)) return;
    std::string text =
        "subscription " + std::to_string(subscription.id) + ": " +
        std::string(subscription.watcher) + " to " + std::string(subscription.package) + " of " +
        std::string(subscription.resource) + " is " + std::string(subscription.state);
    if (!subscription.reason.empty()) text += ", " + std::string(subscription.reason);
    if (subscription.expires_s > 0) text += ", " + std::to_string(subscription.expires_s) + " s";
    log_.say_limited(now, LogLevel::info, "subscription", text);
}

}  // namespace vigil
