#include "sip/proxy/proxy.hpp"

#include <cstring>

#include "sip/base/domains.hpp"
#include "sip/base/text.hpp"
#include "sip/message/capabilities.hpp"
#include "sip/message/event_header.hpp"
#include "sip/message/token_list.hpp"

namespace sip {
namespace {

bool declares(std::string_view contact_parameters, std::string_view package) {
    return CalleeCapabilities(contact_parameters).has_event(package);
}

/// Methods that make a dialog, or may: we stay on its path (RFC 6665 4.3: and for each NOTIFY).
bool makes_dialog(Method method) {
    return method == Method::invite || method == Method::subscribe || method == Method::refer ||
           method == Method::notify;
}

}  // namespace

Proxy::Proxy(const Core& core, Registrar& registrar, const Directory& directory, Gate& gate,
             const Options& options)
    : core_(core),
      registrar_(registrar),
      directory_(directory),
      gate_(gate),
      options_(options),
      own_(core.transport.listeners(), options.domains),
      contexts_(core.shard.memory, core.shard.limits.response_contexts),
      legs_(core.shard.memory, core.shard.limits.client_transactions),
      by_server_(core.shard.memory) {}

Proxy::~Proxy() {
    contexts_.for_each([&](Handle, Context& c) { c.timers.detach(core_.shard.timers); });
}

void Proxy::trim() {
    contexts_.trim();
    legs_.trim();
    by_server_.trim();
    if (contexts_.size() == 0) room_.reset();
}

/// RFC 3261 16.4: a maddr that is ours has served its end, and goes with the port and transport
/// that belong to it.
Routing Proxy::read(const MessageView& message, const Uri& request_uri) {
    Routing routing = read_routing(message, request_uri, own_, core_.shard.leniency);
    const Uri& target = routing.target;
    if (!target.is_sip() || !target.parameters.has("maddr") || !own_.name_by_maddr(target))
        return routing;
    Appender out(target_room_);
    const auto host_end =
        static_cast<std::size_t>(target.host.data() - target.text.data()) + target.host.size();
    out << slice(target.text, 0, host_end);
    std::string_view rest = target.parameters.text();
    while (const auto parameter = UriParameters::next(rest)) {
        if (same_unescaped(parameter->name, "maddr") ||
            same_unescaped(parameter->name, "transport"))
            continue;
        out << ';' << parameter->name;
        if (!parameter->value.empty()) out << '=' << parameter->value;
    }
    if (const auto cleaned = parse_uri(out.view(), core_.shard.leniency);
        cleaned && !out.overflowed())
        routing.target = *cleaned;
    return routing;
}

bool Proxy::is_ours(const NameAddr& address) const {
    return address.uri.is_sip() && !find_domain(options_.domains, address.uri.host).empty();
}

/// The contacts that a request to one of our users goes to: of the one device that a GRUU names
/// (RFC 5627 6.1), else of all. RFC 5626 7: of a device's flows the newest alone.
void Proxy::for_each_contact(const Plan& plan, const Uri& target,
                             Visitor<const Registrar::Binding&> visit) {
    SmallVector<std::uint64_t, 32> flows;
    const auto once = [&](const Registrar::Binding& binding) {
        // RFC 5630 5.3: what is for SIPS goes to a SIPS contact, or to none.
        if (target.scheme == Scheme::sips) {
            const auto contact = parse_uri(binding.contact, core_.shard.leniency);
            if (!contact || contact->scheme != Scheme::sips) return;
        }
        if (binding.reg_id != 0) {
            const std::string_view instance =
                read_outbound(Parameters(binding.parameters)).instance;
            const std::uint64_t device = siphash(core_.shard.key, instance);
            for (std::uint64_t known : flows)
                if (known == device) return;
            (void)flows.push(device);
        }
        visit(binding);
    };
    if (is_gruu(target))
        (void)registrar_.for_each_of_gruu(target, once);
    else
        registrar_.for_each(plan.user, once);
}

/// A Request-URI in one of our domains: whether it is carried on to a user's contacts.
bool Proxy::plan_user(const Request& request, const Routing& routing, Plan& plan) {
    const MessageView& message = request.message;
    if (own_.domain_of(routing.target).empty() || routing.target.user.empty()) return false;
    switch (message.method) {
        case Method::register_:
        case Method::publish:
        case Method::ack: return false;
        case Method::options:
            // RFC 3261 16.3 item 3: with no hop left it is answered here.
            if (request.essentials.max_forwards == 0) return false;
            break;
        case Method::subscribe: {
            if (!request.essentials.to_tag.empty()) return false;
            const auto event = parse_event(message.value_of(HeaderId::event));
            if (!event) return false;
            for (std::string_view ours : options_.packages)
                if (equal_ignoring_case(ours, event->package)) return false;
            plan.package = event->package;
            break;
        }
        default: break;
    }
    Appender out(plan.user_room);
    write_address_of_record(out, routing.target);
    if (out.overflowed()) return false;
    plan.user = out.view();
    if (message.method == Method::options) {
        // RFC 3261 11: a UA says what it can do. Where there is none we do, for everybody alike.
        bool any = false;
        for_each_contact(plan, routing.target, [&](const Registrar::Binding&) { any = true; });
        if (!any) return false;
    }
    if (!plan.package.empty()) {
        bool declared = false;
        registrar_.for_each(plan.user, [&](const Registrar::Binding& binding) {
            declared |= declares(binding.parameters, plan.package);
        });
        if (!declared) return false;  // 489, as for everybody
    }
    plan.kind = Plan::Kind::user;
    plan.must_prove = is_ours(request.essentials.from);
    return true;
}

/// Whether `target` is a contact of whom To names, as it is registered now.
bool Proxy::is_registered(const Request& request, const Uri& target, Way& way) {
    Room<512> name;
    write_address_of_record(name, request.essentials.to.uri);
    if (name.overflowed()) return false;
    bool found = false;
    registrar_.for_each(name.view(), [&](const Registrar::Binding& binding) {
        const auto contact = parse_uri(binding.contact, core_.shard.leniency);
        if (found || !contact || !binding.path.empty() || !equivalent(*contact, target)) return;
        found = true;
        way = {binding.flow, binding.listener, binding.behind_nat};
    });
    return found;
}

/// To anywhere else: who may send there. Threat 12.
void Proxy::plan_hop(const Request& request, const Routing& routing, Plan& plan) {
    const MessageView& message = request.message;
    const Essentials& e = request.essentials;
    const bool ours = is_ours(e.from);
    plan.kind = Plan::Kind::hop;
    if (routing.token && !e.to_tag.empty()) {
        const RouteToken right =
            RouteToken::make(core_.shard.key, e.call_id, e.to_tag, routing.next_hop(),
                             routing.token->flow, core_.shard.place);
        plan.way.flow = right.pin == routing.token->pin ? right.flow : FlowId{};
        if (right == *routing.token) {
            if (!core_.transport.is_open(plan.way.flow) && !routing.next_route)
                (void)is_registered(request, routing.target, plan.way);
            return;
        }
        // The other end has moved (target refresh): who can prove to be a user of ours may follow.
        if (right.dialog == routing.token->dialog && ours && message.method != Method::ack) {
            plan.must_prove = true;
            return;
        }
    }
    if (!routing.next_route && !e.to_tag.empty() &&
        is_registered(request, routing.target, plan.way)) {
        plan.must_prove = ours && message.method != Method::ack;
        return;
    }
    if (message.method == Method::ack) {
        plan.kind = Plan::Kind::dropped;
        return;
    }
    if (options_.relay == Relay::authenticated && ours) {
        plan.must_prove = true;
        return;
    }
    // As if there were no proxy: 404 in the end.
    const bool served = message.method == Method::register_ || message.method == Method::publish ||
                        message.method == Method::subscribe || message.method == Method::options;
    plan.kind =
        served && !routing.was_routed && !routing.next_route ? Plan::Kind::own : Plan::Kind::refuse;
    plan.error = {Condition::forbidden, "Relaying is not allowed"};
}

/// RFC 3856 6.11.2: what a watcher and the agent at a UA of ours say to each other by us, of a
/// package that is ours otherwise. Its watcher proves who he is, as he does to us.
void Proxy::look_for_agent(const Request& request, Plan& plan) const {
    const MessageView& message = request.message;
    const Essentials& e = request.essentials;
    const bool asks = message.method == Method::subscribe;
    if ((!asks && message.method != Method::notify) || e.to_tag.empty()) return;
    if (plan.kind == Plan::Kind::user || !is_ours(asks ? e.to : e.from)) return;
    const auto event = parse_event(message.value_of(HeaderId::event));
    if (!event) return;
    for (std::string_view ours : options_.packages) {
        if (!equal_ignoring_case(ours, event->package)) continue;
        plan.agent_package = ours;
        plan.must_prove = asks;
    }
}

/// A dialog with an agent that is not there any more has ended: its watcher begins another, here.
Fault Proxy::check_agent(const Now& now, const Request& request, Plan& plan) {
    if (plan.agent_package.empty()) return {};
    const bool asks = request.message.method == Method::subscribe;
    Room<512> agent, other;
    const Essentials& e = request.essentials;
    write_address_of_record(agent, (asks ? e.to : e.from).uri);
    write_address_of_record(other, (asks ? e.from : e.to).uri);
    const Error gone{Condition::no_dialog, "Subscription does not exist"};
    if (agent.overflowed() || other.overflowed()) return gone;
    if (!asks) {
        if (agents_->may_be_told(now, plan.agent_package, other.view(), agent.view())) return {};
        return gone;
    }
    const auto at = agents_->agent_for(now, plan.agent_package, other.view(), agent.view());
    if (!at) return gone;
    // The way by which it registered leads there, where its address in the dialog may not.
    if (core_.transport.is_open(at->flow) || at->behind_nat.port != 0)
        plan.way = {at->flow, at->listener, at->behind_nat};
    return {};
}

void Proxy::plan(const Request& request, const Routing& routing, Plan& plan) {
    if (routing.next_route || !own_.name(routing.target)) {
        plan_hop(request, routing, plan);
        return;
    }
    (void)plan_user(request, routing, plan);
}

/// RFC 3261 16.3, in its order, up to what needs to know the sender.
Fault Proxy::check(const Request& request, const Routing& routing) {
    const Essentials& e = request.essentials;
    if (!routing.next_hop().is_sip()) return Error{Condition::scheme_not_supported, {}};
    if (e.request_uri.scheme == Scheme::sips && !is_secure(request.source.transport))
        return Error{Condition::scheme_not_supported, "sips is served over TLS alone"};
    if (e.max_forwards == 0) return Error{Condition::too_many_hops, {}};
    const std::uint64_t loop =
        loop_hash(core_.shard.key, request.message, e, routing, core_.shard.leniency);
    for (const HeaderField& field : request.message.headers) {
        if (field.id != HeaderId::via) continue;
        std::string_view rest = field.value;
        while (const auto via = next_via(rest, core_.shard.leniency)) {
            if (!*via) break;
            const auto branch = Branch::read((*via)->branch);
            if (branch && branch->carried && branch->loop == loop &&
                core_.transport.listeners().names_us((*via)->host, (*via)->port)) {
                ++core_.shard.counters.forwarding_loops;
                return Error{Condition::loop_detected, {}};
            }
        }
    }
    if (request.message.has(HeaderId::proxy_require))
        return Error{Condition::extension_not_supported, {}};
    if (breadth_of(request.message) == 0) {
        ++core_.shard.counters.limit_breadth;
        return Error{Condition::breadth_exceeded, {}};
    }
    return {};
}

/// RFC 3261 16.5: whom it is for has to exist, and to be somewhere else than here. A stranger is
/// not told which of the two fails: he could ask for all names.
Fault Proxy::check_target(const Request& request, const Plan& plan, bool& has_contact) {
    if (plan.kind != Plan::Kind::user) return {};
    // A temporary GRUU is of somebody who exists as long as it leads anywhere.
    const bool is_device = is_gruu(request.essentials.request_uri);
    if (!is_device && !directory_.exists(plan.user))
        return Error{request.identity.authenticated ? Condition::not_found : Condition::unavailable,
                     {}};
    bool any = false;
    for_each_contact(plan, request.essentials.request_uri, [&](const Registrar::Binding& binding) {
        any = true;
        const auto contact = parse_uri(binding.contact, core_.shard.leniency);
        has_contact |= contact && (!binding.path.empty() || !own_.name(*contact));
    });
    if (!any) return Error{Condition::unavailable, {}};
    if (has_contact) return {};
    // Threat 27: a contact that is ourselves would come again as long as there are hops.
    ++core_.shard.counters.forwarding_loops;
    return Error{Condition::loop_detected, {}};
}

void Proxy::refuse(const Now& now, const Request& request, const Error& error) {
    if (request.message.method == Method::ack) return;
    ++core_.shard.counters.forwarding_refused;
    const std::uint16_t status = status_of(error.condition);
    core_.shard.decision(now, "refused", error.rule.empty() ? reason_of(status) : error.rule,
                         request.identity.address_of_record, status);
    Reply reply(core_.shard, request, status, error.rule);
    if (status == 420)
        for (const HeaderField& field : request.message.headers)
            if (field.id == HeaderId::proxy_require)
                reply.header(HeaderId::unsupported, field.value);
    if (status == 503) reply.header(HeaderId::retry_after, core_.shard.limits.retry_after_s);
    core_.respond_stateless(now, request, reply);
}

/// RFC 3261 16.3 item 6 and 22.3: who says to be of our domains proves it, and to be himself.
bool Proxy::admit(const Now& now, Request& request) {
    const Gate::Verdict verdict = gate_.admit(now, request);
    if (verdict.kind == Gate::Verdict::Kind::refused) {
        refuse(now, request, verdict.error);
        return false;
    }
    if (verdict.kind == Gate::Verdict::Kind::challenged) {
        ++core_.shard.counters.challenges;
        Reply reply(core_.shard, request, 407, verdict.error.rule);
        gate_.write_challenges(now, request, verdict.stale, reply.writer());
        core_.respond_stateless(now, request, reply);
        return false;
    }
    request.identity = verdict.identity;
    if (request.identity.authenticated) {
        const Address& source = request.source.remote.address;
        core_.admission.proved(now, source);
        if (!core_.admission.user(now, source, request.identity.address_of_record)) {
            refuse(now, request, {Condition::overloaded, "Too many requests of this user"});
            return false;
        }
    }
    Room<512> from;
    write_address_of_record(from, request.essentials.from.uri);
    if (!from.overflowed() && from.view() == request.identity.address_of_record) return true;
    refuse(now, request, {Condition::forbidden, "From is not your own address"});
    return false;
}

bool Proxy::take(const Now& now, Request& request) {
    if (options_.relay == Relay::none) return false;
    const Routing routing = read(request.message, request.essentials.request_uri);
    Plan planned;
    plan(request, routing, planned);
    if (planned.kind == Plan::Kind::own) return false;
    if (agents_ != nullptr) look_for_agent(request, planned);
    // The gate of one that stops answers what would begin.
    if (stopped_ && request.essentials.to_tag.empty()) return false;
    if (planned.kind == Plan::Kind::dropped) {
        ++core_.shard.counters.unmatched_ack;
        return true;
    }
    if (const auto error = check(request, routing)) {
        refuse(now, request, *error);
        return true;
    }
    if (planned.kind == Plan::Kind::refuse) {
        // After a restart we know no dialog of theirs: it is begun anew.
        if (!planned.agent_package.empty() && !routing.next_route &&
            request.message.method == Method::subscribe)
            planned.error = {Condition::no_dialog, "Subscription does not exist"};
        refuse(now, request, planned.error);
        return true;
    }
    Room<512> from;
    write_address_of_record(from, request.essentials.from.uri);
    request.identity = {from.overflowed() ? std::string_view{} : from.view(), false};
    if (planned.must_prove && !admit(now, request)) return true;
    if (const auto error = check_agent(now, request, planned)) {
        refuse(now, request, *error);
        return true;
    }
    bool has_contact = false;
    if (const auto error = check_target(request, planned, has_contact)) {
        refuse(now, request, *error);
        return true;
    }
    carry(now, request, routing, planned);
    return true;
}

void Proxy::carry(const Now& now, Request& request, const Routing& routing, const Plan& plan) {
    const bool is_ack = request.message.method == Method::ack;
    const Error overloaded{Condition::overloaded, "Too many requests on their way"};
    const Handle handle = make(now, request, routing);
    if (!handle) return refuse(now, request, overloaded);
    // In a dialog with an agent its watcher goes on by our word, as it began.
    const bool asserts = !plan.agent_package.empty() && request.identity.authenticated;
    const bool kept = !asserts || contexts_.find(handle)->asserted.assign(
                                      core_.shard.memory, request.identity.address_of_record);
    if (!kept || !add_targets(handle, request, routing, plan)) {
        ++core_.shard.counters.limit_memory;
        destroy(handle);
        return refuse(now, request, overloaded);
    }
    Context& context = *contexts_.find(handle);
    if (!is_ack) {
        const ServerTransactionId server = core_.servers.create(now, request);
        if (!server || !enter(handle, server)) {
            if (server) core_.servers.forget(server);
            destroy(handle);
            return refuse(now, request, overloaded);
        }
        Reply trying(core_.shard, request, 100);
        core_.servers.keep_trying(now, context.server, trying.finish());
        // RFC 4320 4.2: once its client has given up no answer is any good.
        if (context.method != Method::invite)
            context.timers.set(core_.shard.timers, Name::end,
                               later(now.mono, 64 * core_.shard.limits.t1));
    }
    ++core_.shard.counters.forwarded_requests;
    advance(now, handle);
}

bool Proxy::enter(Handle handle, ServerTransactionId server) {
    if (!by_server_.reserve_one() || !by_server_.insert(mix(server.handle.index, 0), handle.index))
        return false;
    contexts_.find(handle)->server = server;
    return true;
}

Handle Proxy::make(const Now&, const Request& request, const Routing& routing) {
    Shard& shard = core_.shard;
    if (request.message.bytes.size() > shard.limits.response_context_bytes) {
        ++shard.counters.limit_response_context_bytes;
        return {};
    }
    const Handle handle = contexts_.create();
    if (!handle) {
        ++(contexts_.full() ? shard.counters.limit_response_contexts : shard.counters.limit_memory);
        return {};
    }
    Context& context = *contexts_.find(handle);
    const Essentials& e = request.essentials;
    context.method = request.message.method;
    context.source = request.source;
    context.request = SharedBytes::copy(shard.memory, request.message.bytes);
    if (!request.message.body.empty())
        context.body = SharedBytes::copy(shard.memory, request.message.body);
    context.loop = loop_hash(shard.key, request.message, e, routing, shard.leniency);
    context.breadth = breadth_of(request.message);
    context.keeps_identity = options_.trusted.include(core_.transport, request.source) &&
                             !hides_identity(request.message);
    if (makes_dialog(context.method)) {
        if (const auto back = hop_before(request.message, shard.leniency)) {
            const FlowId flow =
                is_reliable(request.source.transport) ? request.source.flow : FlowId{};
            context.token =
                RouteToken::make(shard.key, e.call_id, e.from_tag, *back, flow, shard.place);
            context.stays = true;
        }
    }
    if (!context.request || (!request.message.body.empty() && !context.body) ||
        !context.timers.attach(shard.timers, {part_, handle})) {
        ++shard.counters.limit_memory;
        contexts_.destroy(handle);
        return {};
    }
    return handle;
}

bool Proxy::add_leg(Handle handle, std::string_view uri, std::string_view path, std::uint16_t q,
                    const Way& way) {
    const Handle made = legs_.create();
    if (!made) return false;
    Leg& leg = *legs_.find(made);
    if (!leg.strings.resize(core_.shard.memory, uri.size() + path.size())) {
        legs_.destroy(made);
        return false;
    }
    std::memcpy(leg.strings.data(), uri.data(), uri.size());
    if (!path.empty()) std::memcpy(leg.strings.data() + uri.size(), path.data(), path.size());
    leg.uri_bytes = uri.size();
    leg.context = handle;
    leg.q = q;
    leg.way = way;
    // Those that the user likes most first, and among them the one registered last.
    Context& context = *contexts_.find(handle);
    std::uint32_t* place = &context.first;
    while (*place != no_leg && legs_.at(*place).q >= q) place = &legs_.at(*place).next;
    leg.next = *place;
    *place = made.index;
    return true;
}

bool Proxy::add_targets(Handle handle, const Request&, const Routing& routing, const Plan& plan) {
    if (plan.kind == Plan::Kind::hop)
        return add_leg(handle, routing.target.text, {}, 1000, plan.way);
    bool kept = true;
    std::size_t count = 0;
    for_each_contact(plan, routing.target, [&](const Registrar::Binding& binding) {
        const auto contact = parse_uri(binding.contact, core_.shard.leniency);
        if (!kept || !contact || (binding.path.empty() && own_.name(*contact))) return;
        if (!plan.package.empty() && !declares(binding.parameters, plan.package)) return;
        kept = add_leg(handle, without_headers(*contact), binding.path, binding.q,
                       {binding.flow, binding.listener, binding.behind_nat});
        ++count;
    });
    // The list is sorted: what is over the limit is at its end.
    Context& context = *contexts_.find(handle);
    std::uint32_t* place = &context.first;
    for (std::size_t i = 0; i < core_.shard.limits.forks && *place != no_leg; ++i)
        place = &legs_.at(*place).next;
    if (*place != no_leg) ++core_.shard.counters.limit_forks;
    while (*place != no_leg) {
        const std::uint32_t index = *place;
        *place = legs_.at(index).next;
        legs_.destroy(legs_.handle_at(index));
    }
    return kept && context.first != no_leg;
}

void Proxy::cancelled(const Now& now, ServerTransactionId transaction, const MessageView& message) {
    const std::uint32_t index = by_server_.find(
        mix(transaction.handle.index, 0),
        [&](std::uint32_t i) { return contexts_.at(i).server.handle == transaction.handle; });
    if (index == HashIndex::none) return;
    const Handle handle = contexts_.handle_at(index);
    Context& context = *contexts_.find(handle);
    // RFC 3261 9.1: nothing else is ever cancelled.
    if (context.method != Method::invite || context.answered) return;
    context.cancelled = true;
    end_legs(now, context, message.value_of(HeaderId::reason));
    advance(now, handle);
}

}  // namespace sip
