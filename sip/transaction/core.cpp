#include "sip/transaction/core.hpp"

#include "sip/transaction/gate.hpp"

namespace sip {

void Core::respond(const Now& now, const Request& request, Reply& reply) const {
    const Packet packet = reply.finish();
    if (packet) {
        servers.respond(now, request.transaction, reply.status(), packet);
        return;
    }
    const Packet bare = Reply(shard, request, 500, "Response would be too long").finish();
    if (bare) {
        servers.respond(now, request.transaction, 500, bare);
        return;
    }
    // Threat 35: the answer that there is no memory needs some; it is given back as it leaves, so
    // nothing is kept for copies of the request.
    shard.memory.open_reserve(true);
    Reply refusal(shard, request, 503, "No memory for the answer");
    refusal.header(HeaderId::retry_after, shard.limits.retry_after_s);
    servers.refuse(now, request.transaction, 503, refusal.finish());
    shard.memory.open_reserve(false);
}

void Core::respond(const Now& now, const Request& request, std::uint16_t status,
                   std::string_view reason) const {
    Reply reply(shard, request, status, reason);
    respond(now, request, reply);
}

void Core::respond_stateless(const Now& now, const Request& request, Reply& reply) const {
    ++shard.counters.stateless_replies;
    ResponseRoute route = response_route(request.essentials.via, request.source, Sender::stranger);
    shard.memory.open_reserve(true);
    (void)transport.send(now, route.target, reply.finish());
    shard.memory.open_reserve(false);
}

void Core::prove(const Now& now, const Request& request, Reply& reply) const {
    if (request.admitted_by != nullptr) request.admitted_by->write_proof(now, reply.writer());
}

Packet Core::too_many_changes(const Request& request) const {
    Reply reply(shard, request, 503, "Too many changes wait");
    reply.header(HeaderId::retry_after, shard.limits.retry_after_s);
    return reply.finish();
}

void Core::tell_refused(const Now& now, const Request& request, std::string_view rule,
                        std::uint16_t status) const {
    if (shard.tracer == nullptr) return;
    const Essentials& e = request.essentials;
    // In a dialog the Request-URI is our Contact, in REGISTER the domain.
    const bool by_to = !e.to_tag.empty() || request.message.method == Method::register_;
    Room<512> about, from;
    write_address_of_record(about, by_to ? e.to.uri : e.request_uri);
    std::string_view subject = request.identity.address_of_record;
    if (subject.empty()) {
        // As it calls itself, which nothing proves.
        write_address_of_record(from, e.from.uri);
        if (!from.overflowed()) subject = from.view();
    }
    shard.decision(now, "refused", rule, subject, status,
                   about.overflowed() ? std::string_view{} : about.view());
}

void Core::refuse(const Now& now, const Request& request, const Error& error) const {
    const std::uint16_t status = status_of(error.condition);
    tell_refused(now, request, error.rule, status);
    Reply reply(shard, request, status, error.rule);
    if (error.condition == Condition::overloaded || error.condition == Condition::internal)
        reply.header(HeaderId::retry_after, shard.limits.retry_after_s);
    respond(now, request, reply);
}

}  // namespace sip
