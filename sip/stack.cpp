#include "sip/stack.hpp"

#include <algorithm>

#include "sip/base/domains.hpp"
#include "sip/base/text.hpp"
#include "sip/message/message_parser.hpp"
#include "sip/message/token_list.hpp"
#include "sip/transaction/owner.hpp"

namespace sip {
namespace {

/// RFC 5630 5.1.2, RFC 3261 20.43.
void write_sips_warning(MessageWriter& writer, Condition condition, const Endpoint& agent) {
    if (condition != Condition::sips_not_allowed && condition != Condition::sips_required) return;
    const bool required = condition == Condition::sips_required;
    Appender& out = writer.begin(HeaderId::warning);
    out << (required ? "381 " : "380 ");
    write_endpoint(out, agent);
    out << (required ? " \"SIPS Required\"" : " \"SIPS Not Allowed\"");
    writer.end();
}

}  // namespace

Stack::Stack(const StackOptions& options, Entropy& entropy)
    : shard_(options.limits, options.leniency, entropy, options.tracer, options.arena,
             options.place, options.common_counts),
      admission_(shard_),
      transport_(shard_, transport_part),
      servers_(shard_, transport_, locator_, server_part),
      clients_(shard_, transport_, client_part),
      staging_(shard_, transport_, options.has_store),
      locator_(shard_, transport_, locator_part),
      server_name_(options.server_name),
      sips_only_(options.sips_only) {
    shard_.exempt = options.exempt;
}

Stack::~Stack() = default;

std::uint8_t Stack::attach(TransactionUser& user, std::span<const Method> methods) {
    if (!users_.push(&user)) return 0;
    if (user.pulls()) (void)pullers_.push(&user);  // as many as there are users
    const auto part = static_cast<std::uint8_t>(first_user_part + users_.size() - 1);
    for (Method method : methods) user_by_method_[static_cast<std::size_t>(method)] = part;
    return part;
}

TransactionUser* Stack::user_at(std::uint8_t part) const {
    if (part < first_user_part || part - first_user_part >= static_cast<int>(users_.size()))
        return nullptr;
    return users_[static_cast<std::size_t>(part - first_user_part)];
}

TransactionUser* Stack::user_of(Method method) const {
    return user_at(user_by_method_[static_cast<std::size_t>(method)]);
}

void Stack::see(const Now& now) {
    SIP_ASSERT(now.mono >= last_);
    last_ = now.mono;
}

std::span<HeaderField> Stack::slots() {
    return std::span(slots_).first(std::min<std::size_t>(shard_.limits.headers, headers_max));
}

/// What a message was over, whether it is answered or not.
void Stack::count_limit(const Error& error) {
    switch (error.condition) {
        case Condition::too_large: ++shard_.counters.limit_message_bytes; break;
        case Condition::body_too_large: ++shard_.counters.limit_body_bytes; break;
        case Condition::uri_too_long: ++shard_.counters.limit_uri_bytes; break;
        default:
            if (error.rule == too_many_headers) ++shard_.counters.limit_headers;
            if (error.rule == too_many_uri_parameters || error.rule == too_many_uri_headers)
                ++shard_.counters.limit_uri_parts;
    }
}

void Stack::trace_in(const Now& now, const Source& source, std::string_view bytes) {
    ++shard_.counters.messages_in;
    if (shard_.tracer != nullptr)
        shard_.tracer->message(now,
                               {false, source.transport, source.local, source.remote, bytes, {}});
}

void Stack::input(const Now& now, const Datagram& in) {
    see(now);
    const auto* listener = transport_.listeners().datagram(in.via);
    if (listener == nullptr) return;
    shard_.counters.bytes_in += in.bytes.size();
    const Source source{Transport::udp, in.via, {}, listener->local, in.from};
    const std::string_view bytes{in.bytes.data(), in.bytes.size()};
    // Threats 16, 24: the cheapest test first.
    const auto answer = admission_.source(now, in.from.address);
    if (answer == Admission::Answer::drop) return;
    const Scan scan =
        scan_message(bytes, slots(), Framing::datagram, shard_.limits, shard_.leniency);
    if (scan.end == ScanEnd::nothing || scan.end == ScanEnd::need_more) return;
    if (neighbors_ != nullptr && answer == Admission::Answer::admit && is_for_another(scan, source))
        return;
    trace_in(now, source, bytes);
    if (answer == Admission::Answer::refuse)
        refuse_for_rate(now, scan, source);
    else
        handle(now, scan, source);
}

void Stack::input(const Now& now, const Chunk& in) {
    see(now);
    transport_.receive(now, in);
    tell_of_lost(now);
}

/// Rates are asked where it arrived, before; all else where it is owned. What is broken, or says of
/// nobody that it is his, stays.
bool Stack::is_for_another(const Scan& scan, const Source& source) {
    if (scan.end != ScanEnd::complete) return false;
    const auto owner = owner_of(shard_.place, scan.message, shard_.leniency);
    if (!owner || *owner == shard_.place.worker) return false;
    ++shard_.counters.handed_over;
    neighbors_->hand_over(*owner, source, scan.message.bytes, transport_.proved_names(source.flow));
    return true;
}

void Stack::take_over(const Now& now, const Source& source, std::string_view bytes) {
    see(now);
    const bool datagram = source.transport == Transport::udp;
    if (!datagram) {
        if (!transport_.is_open(source.flow)) return;
        transport_.heard(now, source.flow);
    }
    const Scan scan = scan_message(bytes, slots(), datagram ? Framing::datagram : Framing::stream,
                                   shard_.limits, shard_.leniency);
    if (scan.end != ScanEnd::complete) return;
    ++shard_.counters.taken_over;
    trace_in(now, source, bytes);
    handle(now, scan, source);
}

FlowId Stack::mirrored(const Now& now, Transport transport, Endpoint local, Endpoint remote,
                       std::string_view proved) {
    see(now);
    return transport_.mirrored(now, transport, local, remote, proved);
}

void Stack::expect_keep_alives(const Now& now, FlowId flow, Duration every) {
    see(now);
    transport_.expect_keep_alives(now, flow, every);
}

FlowId Stack::accepted(const Now& now, Transport transport, Endpoint local, Endpoint remote) {
    see(now);
    return transport_.accepted(now, transport, local, remote);
}

void Stack::connected(const Now& now, FlowId flow, Endpoint local) {
    see(now);
    transport_.connected(now, flow, local);
}

void Stack::secured(const Now& now, FlowId flow, std::span<const std::string_view> names) {
    see(now);
    transport_.secured(flow, names);
}

void Stack::resolved(const Now& now, const NameAnswer& answer) {
    see(now);
    locator_.resolved(now, answer);
    tell_of_located(now);
}

void Stack::tell_of_located(const Now& now) {
    for (int told = 0; told < pieces_max; ++told) {
        const auto done = locator_.next_done();
        if (!done) return;
        if (done->owner.part == server_part)
            servers_.located(now, done->owner.object, done->id);
        else if (TransactionUser* user = user_at(done->owner.part))
            user->on_located(now, done->owner.object, done->id);
        locator_.abandon(done->id);  // what nobody took
    }
}

void Stack::closed(const Now& now, FlowId flow) {
    see(now);
    (void)transport_.closed(flow);
    tell_of_lost(now);
}

/// Whatever lived by a connection that is gone hears of it, and nothing else is looked at. Where
/// that are many, the others follow in `work`.
void Stack::tell_of_lost(const Now& now) {
    for (int told = 0; told < pieces_max; ++told) {
        const auto lost = transport_.next_lost();
        if (!lost) return;
        tell(now, *lost);
    }
}

void Stack::tell(const Now& now, const FlowBond::Owner& lost) {
    if (lost.part == client_part) {
        if (const auto told = clients_.lost(now, lost.object)) report(now, *told);
    } else if (lost.part == server_part) {
        servers_.lost(now, lost.object);
    } else if (TransactionUser* user = user_at(lost.part)) {
        user->on_flow_lost(now, lost.object);
    }
}

void Stack::unreachable(const Now& now, const Unreachable& in) {
    see(now);
    if (neighbors_ != nullptr) {
        const auto owner = owner_of_quoted(shard_.place, {in.quoted.data(), in.quoted.size()});
        if (owner && *owner != shard_.place.worker) {
            neighbors_->hand_over(*owner, in);
            return;
        }
    }
    take_over(now, in);
}

void Stack::take_over(const Now& now, const Unreachable& in) {
    see(now);
    const auto told =
        clients_.unreachable(now, in.via, in.to, {in.quoted.data(), in.quoted.size()});
    if (told) report(now, *told);
}

void Stack::committed(const Now& now, CommitId id) {
    see(now);
    staging_.committed(id);
}

void Stack::failed(const Now& now, CommitId id) {
    see(now);
    staging_.failed(id);
}

void Stack::trim() {
    if (shard_.limits.reserve) return;
    for (TransactionUser* user : users_) user->trim();
    clients_.trim();
    servers_.trim();
    staging_.trim();
    locator_.trim();
    admission_.trim(last_);
    transport_.trim();
    shard_.timers.trim();
    shard_.texts.trim();
    shard_.memory.trim();
}

void Stack::advance(const Now& now) { see(now); }

std::optional<Instant> Stack::deadline() {
    if (unfinished_) return last_;
    return shard_.timers.next();
}

std::optional<Instant> Stack::deadline_at_least() const {
    if (unfinished_) return last_;
    return shard_.timers.next_at_least();
}

std::optional<Effect> Stack::poll(const Now& now) {
    see(now);
    unfinished_ = false;
    for (int piece = 0;; ++piece) {
        if (auto effect = transport_.next_effect()) {
            if (const auto* out = std::get_if<Transmit>(&*effect);
                out != nullptr && shard_.tracer != nullptr) {
                TraceMessage trace{true, Transport::udp,          {},
                                   {},   out->packet.head.view(), out->packet.body.view()};
                if (const auto* to = std::get_if<ToEndpoint>(&out->where)) {
                    trace.remote = to->to;
                    if (const auto* l = transport_.listeners().datagram(to->via))
                        trace.local = l->local;
                } else if (const auto s = transport_.source_of(std::get<FlowId>(out->where))) {
                    trace = {true, s->transport, s->local, s->remote, trace.head, trace.body};
                }
                shard_.tracer->message(now, trace);
            }
            return effect;
        }
        if (piece == pieces_max) {
            unfinished_ = true;
            return {};
        }
        if (!work(now)) return {};
    }
}

/// One piece of what can be done without new input; false when there is none left.
bool Stack::work(const Now& now) {
    if (transport_.has_lost()) {
        tell(now, *transport_.next_lost());
        return true;
    }
    if (const auto settled = staging_.next_settled()) {
        TransactionUser* user = user_at(settled->user);
        if (settled->durable)
            user->on_committed(now, settled->object);
        else
            user->on_commit_failed(now, settled->object);
        return true;
    }
    if (auto waiting = staging_.next_waiting()) {
        resume(now, *waiting);
        staging_.finished(waiting->resource);
        return true;
    }
    if (neighbors_ == nullptr || neighbors_->has_room())
        if (const auto message = transport_.next_message(now, slots())) {
            take(now, *message);
            return true;
        }
    if (locator_.has_done()) {
        tell_of_located(now);
        return true;
    }
    if (transport_.has_effects()) return true;  // a pong
    if (const auto due = shard_.timers.pop_due(now.mono)) {
        fire(now, *due);
        return true;
    }
    for (TransactionUser* user : pullers_)
        if (user->pull(now)) return true;
    return false;
}

void Stack::take(const Now& now, const TransportLayer::StreamMessage& message) {
    if (neighbors_ != nullptr && message.scan.end == ScanEnd::complete) {
        if (may_bring(now, message) && !is_for_another(message.scan, message.source)) {
            trace_in(now, message.source, message.scan.message.bytes);
            handle(now, message.scan, message.source);
        }
        return;
    }
    trace_in(now, message.source, message.scan.message.bytes);
    if (may_bring(now, message)) handle(now, message.scan, message.source);
    if (message.scan.end == ScanEnd::broken && !message.scan.framed) {
        // Threat 4: framing is lost; no later byte of this connection is served.
        ++shard_.counters.flow_framing_errors;
        transport_.close(message.source.flow, message.scan.error.rule);
        tell_of_lost(now);
    }
}

void Stack::fire(const Now& now, const TimerQueue::Due& due) {
    const Handle object = due.owner.object;
    switch (due.owner.part) {
        case transport_part:
            transport_.timer(now, object);
            tell_of_lost(now);
            break;
        case server_part: servers_.timer(now, object); break;
        case locator_part: locator_.timer(now, object); break;
        case client_part:
            if (const auto told = clients_.timer(now, object)) report(now, *told);
            break;
        default:
            if (TransactionUser* user = user_at(due.owner.part)) user->on_timer(now, object);
    }
}

void Stack::report(const Now& now, const ClientTransactions::Report& told) {
    if (TransactionUser* user = user_at(told.user))
        user->on_failure(now, told.object, told.failure);
}

void Stack::handle(const Now& now, const Scan& scan, const Source& source) {
    if (scan.end == ScanEnd::broken) count_limit(scan.error);
    if (scan.message.is_request() && !scan.message.method_name.empty()) {
        handle_request(now, scan, source);
        return;
    }
    // Never an answer to a malformed response, nor to what has no start line.
    if (scan.end == ScanEnd::broken) {
        ++shard_.counters.malformed_responses;
        shard_.decision(now, "dropped", scan.error.rule, {});
        return;
    }
    handle_response(now, scan.message, source);
}

void Stack::handle_response(const Now& now, const MessageView& message, const Source& source) {
    ++shard_.counters.responses_in;
    Essentials essentials{Essentials::Unread{}};
    if (const auto read = decode_essentials(essentials, message, shard_.leniency); !read) {
        count_limit(read.error());
        ++shard_.counters.malformed_responses;
        shard_.decision(now, "dropped", read.error().rule, {});
        return;
    }
    // RFC 3261 8.1.3.3 and 18.1.2: the top Via is ours, and the only one but where we carried the
    // request on; all else is dropped in silence.
    const auto branch = Branch::read(essentials.via.branch);
    const bool carried = branch && branch->carried;
    if ((essentials.via_count == 1) == carried ||
        !transport_.listeners().names_us(essentials.via.host, essentials.via.port)) {
        ++shard_.counters.foreign_responses;
        return;
    }
    const auto told = clients_.receive(now, message, essentials, branch);
    if (!told) return;
    if (TransactionUser* user = user_at(told->user))
        user->on_response(now, told->object,
                          {message, essentials, source, told->transaction, message.status});
}

void Stack::handle_request(const Now& now, const Scan& scan, const Source& source) {
    const MessageView& message = scan.message;
    ++shard_.counters.requests_in;
    if (scan.end == ScanEnd::broken) {
        if (may_ask(now, message, source)) refuse_stateless(now, message, source, scan.error);
        return;
    }
    Essentials essentials{Essentials::Unread{}};
    if (const auto read = decode_essentials(essentials, message, shard_.leniency); !read) {
        count_limit(read.error());
        if (may_ask(now, message, source)) refuse_stateless(now, message, source, read.error());
        return;
    }
    transport_.make_alias(source.flow, essentials.via);
    Request request{message, essentials, source, {}, {}, essentials.to_tag};
    request.keys = servers_.keys_of(message, essentials);
    const auto matched = servers_.receive(now, request);
    if (matched.match == ServerTransactions::Match::absorbed) return;
    if (message.method == Method::ack) {
        // An ACK is never answered; one for a 2xx goes to whom INVITE belongs to.
        if (forwarder_ != nullptr && forwarder_->take(now, request)) return;
        TransactionUser* user = user_of(Method::ack);
        if (user == nullptr) {
            ++shard_.counters.unmatched_ack;
            return;
        }
        user->on_request(now, request);
        return;
    }
    if (message.method == Method::cancel) {
        if (matched.match == ServerTransactions::Match::cancel || may_ask(now, message, source))
            handle_cancel(now, message, source, matched);
        return;
    }
    std::array<char, 16> tag_room{};
    if (request.local_tag.empty()) {
        Appender tag(tag_room);
        tag.hex(stateless_tag(shard_.key, message));
        request.local_tag = tag.view();
    }
    if (!belongs(request) && !may_ask(now, message, source)) return;
    if (forwarder_ != nullptr && forwarder_->take(now, request)) return;
    if (neighbors_ != nullptr &&
        is_misled(shard_.place, message, essentials.request_uri, shard_.leniency)) {
        refuse_stateless(now, message, source, {Condition::no_dialog, "No such route"});
        return;
    }
    admit(now, request);
}

/// When there is too much, what belongs to a dialog goes before what strangers want.
bool Stack::belongs(const Request& request) const {
    if (request.essentials.to_tag.empty()) return false;
    TransactionUser* user = user_of(request.message.method);
    return user != nullptr && user->knows_dialog(request);
}

/// Whether a request from there, which belongs to nothing that holds, is served at all. Where it
/// is not, it is answered here if it is answered.
bool Stack::may_ask(const Now& now, const MessageView& message, const Source& source) {
    switch (admission_.stranger(now, source.remote.address)) {
        case Admission::Answer::admit: return true;
        case Admission::Answer::refuse:
            refuse_stateless(now, message, source, {Condition::overloaded, "Too many requests"});
            break;
        case Admission::Answer::drop: break;
    }
    return false;
}

void Stack::refuse_for_rate(const Now& now, const Scan& scan, const Source& source) {
    if (scan.message.is_request() && !scan.message.method_name.empty())
        refuse_stateless(now, scan.message, source, {Condition::overloaded, "Too many requests"});
}

/// Threat 17: what a connection brings has a rate, and what all of one address bring has it, too.
/// Who is over it is answered 503; a connection that goes on all the same is closed.
bool Stack::may_bring(const Now& now, const TransportLayer::StreamMessage& message) {
    const Source& source = message.source;
    const Rate rate = admission_.rate_of(now, source.remote.address);
    if (!rate.limits()) return true;
    const auto taken = transport_.take_token(now, source.flow, rate);
    if (taken == TransportLayer::Taken::far_over) {
        transport_.close(source.flow, "it sends more than it may");
        tell_of_lost(now);
        return false;
    }
    if (taken == TransportLayer::Taken::one &&
        admission_.source(now, source.remote.address) == Admission::Answer::admit)
        return true;
    refuse_for_rate(now, message.scan, source);
    return false;
}

void Stack::refuse_stateless(const Now& now, const MessageView& message, const Source& source,
                             const Error& error) {
    if (message.method == Method::ack) {
        ++shard_.counters.malformed_ack;
        return;
    }
    if (error.condition != Condition::overloaded) ++shard_.counters.malformed_requests;
    const std::uint16_t status = status_of(error.condition);
    shard_.decision(now, "refused", error.rule, {}, status);
    std::string_view rest = message.value_of(HeaderId::via);
    const auto via = next_via(rest, shard_.leniency);
    ResponseRoute route{back_to(source), source.remote};
    if (via && *via)
        route = response_route(**via, source, Sender::stranger);
    else if (source.transport == Transport::udp && !message.has(HeaderId::via))
        return;  // without a Via nobody can tell whose answer it is
    Room<16> tag;
    tag.hex(stateless_tag(shard_.key, message));
    Reply reply(shard_, message, source, tag.view(), status, error.rule);
    if (error.condition == Condition::overloaded)
        reply.header(HeaderId::retry_after, shard_.limits.retry_after_s);
    ++shard_.counters.stateless_replies;
    // Threat 35: the answer that there is no memory needs some; it is given back as it leaves.
    shard_.memory.open_reserve(true);
    (void)transport_.send(now, route.target, reply.finish());
    shard_.memory.open_reserve(false);
}

void Stack::handle_cancel(const Now& now, const MessageView& message, const Source& source,
                          const ServerTransactions::Matched& matched) {
    // RFC 3261 9.2: 200 when the request is here, 481 otherwise. Of an INVITE still unanswered
    // its user is told; nothing else is ever cancelled (RFC 6665 4.6).
    const bool known = matched.match == ServerTransactions::Match::cancel;
    const auto essentials = decode_essentials(message, shard_.leniency);
    Room<16> tag;
    tag.hex(stateless_tag(shard_.key, message));
    Request request{message, *essentials, source, {}, matched.transaction, tag.view()};
    Reply reply(shard_, request, known ? 200 : 481);
    ResponseRoute route = response_route(essentials->via, source, Sender::stranger);
    ++shard_.counters.stateless_replies;
    (void)transport_.send(now, route.target, reply.finish());
    if (!known || servers_.is_answered(matched.transaction)) return;
    if (forwarder_ != nullptr) forwarder_->cancelled(now, matched.transaction, message);
    if (TransactionUser* user = user_of(Method::cancel)) user->on_request(now, request);
}

/// Requirement D-7: authentication first, so that nothing is kept for a stranger.
void Stack::admit(const Now& now, Request& request) {
    const MessageView& message = request.message;
    Room<512> aor;
    if (gate_ != nullptr && (message.method != Method::options || gate_->refuses_all())) {
        const Gate::Verdict verdict = gate_->admit(now, request);
        if (verdict.kind == Gate::Verdict::Kind::refused) {
            refuse_stateless(now, message, request.source, verdict.error);
            return;
        }
        if (verdict.kind == Gate::Verdict::Kind::challenged) {
            ++shard_.counters.challenges;
            ++shard_.counters.stateless_replies;
            // Credentials that came and were not right; without any this is how it begins.
            if (!verdict.stale && !verdict.error.rule.empty())
                core().tell_refused(now, request, verdict.error.rule, 401);
            Reply reply(shard_, request, 401, verdict.error.rule);
            gate_->write_challenges(now, request, verdict.stale, reply.writer());
            ResponseRoute route =
                response_route(request.essentials.via, request.source, Sender::stranger);
            shard_.memory.open_reserve(true);
            (void)transport_.send(now, route.target, reply.finish());
            shard_.memory.open_reserve(false);
            return;
        }
        request.identity = verdict.identity;
        request.admitted_by = gate_;
        if (verdict.identity.authenticated) {
            const Address& from = request.source.remote.address;
            admission_.proved(now, from);
            if (!admission_.user(now, from, verdict.identity.address_of_record)) {
                refuse_stateless(now, message, request.source,
                                 {Condition::overloaded, "Too many requests of this user"});
                return;
            }
        }
    } else {
        write_address_of_record(aor, request.essentials.from.uri);
        request.identity = {aor.overflowed() ? std::string_view{} : aor.view(), false};
    }
    dispatch(now, request);
}

bool Stack::is_for_us(const Uri& request_uri) const {
    if (domains_.empty() || !find_domain(domains_, request_uri.host).empty()) return true;
    return transport_.listeners().has_host(request_uri.host);
}

Fault Stack::check_require(const Request& request) const {
    for (const HeaderField& field : request.message.headers) {
        if (field.id != HeaderId::require) continue;
        std::string_view rest = field.value;
        while (const auto token = next_token(rest)) {
            if (!*token) return Error{Condition::malformed, "Require is malformed"};
            bool known = false;
            for (std::string_view tag : supported_) known |= equal_ignoring_case(tag, **token);
            if (!known) return Error{Condition::extension_not_supported, {}};
        }
    }
    return {};
}

Fault Stack::check_scheme(const Request& request) const {
    switch (request.essentials.request_uri.scheme) {
        case Scheme::other:
        case Scheme::im: return Error{Condition::scheme_not_supported, {}};
        case Scheme::sip:
            if (sips_only_) return Error{Condition::sips_required, {}};
            return {};
        case Scheme::sips: break;
        case Scheme::pres:
        case Scheme::tel: return {};
    }
    if (is_secure(request.source.transport)) return {};
    // RFC 3261 8.2.2.1: who has no TLS knows no SIPS.
    for (const Listeners::Listener& listener : transport_.listeners())
        if (is_secure(listener.transport)) return Error{Condition::sips_not_allowed, {}};
    return Error{Condition::scheme_not_supported, "sips is served over TLS alone"};
}

void Stack::dispatch(const Now& now, Request& request) {
    const MessageView& message = request.message;
    TransactionUser* user = user_of(message.method);
    Fault error;
    if (message.method == Method::unknown)
        error = Error{Condition::method_unknown, {}};
    else if (user == nullptr && message.method != Method::options)
        error = Error{Condition::method_not_allowed, {}};
    else if (servers_.is_merged(now, request))
        error = Error{Condition::loop_detected, "Merged request"};
    else if (const auto wrong = check_scheme(request))
        error = wrong;
    else if (user == nullptr ? !is_for_us(request.essentials.request_uri) : !user->serves(request))
        error = Error{Condition::not_found, {}};
    else
        error = check_require(request);
    if (error && error->condition == Condition::loop_detected) ++shard_.counters.merged_requests;

    // Of a stranger nothing is kept: a copy of what we answer ourselves is answered anew. But for
    // INVITE, whose failure has to be repeated until its ACK comes.
    const bool general = error || user == nullptr;
    if (general && !request.identity.authenticated && message.method != Method::invite) {
        answer_generally(now, request, error);
        return;
    }
    request.transaction = servers_.create(now, request);
    if (!request.transaction) {
        refuse_stateless(now, message, request.source,
                         {Condition::overloaded, "Too many transactions"});
        return;
    }
    if (!error && user != nullptr) {
        user->on_request(now, request);
        if (servers_.is_answered(request.transaction)) return;
        Reply trying(shard_, request, 100);
        servers_.keep_trying(now, request.transaction, trying.finish());
        return;
    }
    answer_generally(now, request, error);
}

/// What every element answers by itself: OPTIONS, and the refusals of the general checks.
void Stack::answer_generally(const Now& now, const Request& request, const Fault& error) {
    const std::uint16_t status = error ? status_of(error->condition) : 200;
    if (error)
        core().tell_refused(now, request, error->rule.empty() ? reason_of(status) : error->rule,
                            status);
    Reply reply(shard_, request, status, error ? error->rule : std::string_view{});
    if (status == 200 || status == 405 || status == 501) {
        Appender& allow = reply.writer().begin(HeaderId::allow);
        allow << "OPTIONS";
        for (std::size_t i = 0; i < user_by_method_.size(); ++i)
            if (user_by_method_[i] != 0 && static_cast<Method>(i) != Method::options)
                allow << ", " << name_of(static_cast<Method>(i));
        reply.writer().end();
    }
    if (status == 420) {
        Appender& unsupported = reply.writer().begin(HeaderId::unsupported);
        bool first = true;
        for (const HeaderField& field : request.message.headers) {
            if (field.id != HeaderId::require) continue;
            std::string_view rest = field.value;
            while (const auto token = next_token(rest)) {
                bool known = !*token;
                for (std::string_view tag : supported_)
                    known |= *token && equal_ignoring_case(tag, **token);
                if (known) continue;
                unsupported << (first ? "" : ", ") << **token;
                first = false;
            }
        }
        reply.writer().end();
    }
    if (status == 200) {
        Appender& supported = reply.writer().begin(HeaderId::supported);
        for (std::size_t i = 0; i < supported_.size(); ++i)
            supported << (i == 0 ? "" : ", ") << supported_[i];
        reply.writer().end();
        if (capabilities_ != nullptr) capabilities_->write(reply.writer());
    }
    if (error) write_sips_warning(reply.writer(), error->condition, request.source.local);
    if (!server_name_.empty()) reply.header(HeaderId::server, server_name_);
    if (request.transaction) {
        core().respond(now, request, reply);
        return;
    }
    ++shard_.counters.stateless_replies;
    ResponseRoute route = response_route(request.essentials.via, request.source, Sender::stranger);
    Packet packet = reply.finish();
    if (!packet) packet = Reply(shard_, request, 500, "Response would be too long").finish();
    (void)transport_.send(now, route.target, packet);
}

/// A request that waited behind a staged change comes again, from its copy.
void Stack::resume(const Now& now, Staging::Waiting& waiting) {
    const Scan scan = scan_message(waiting.bytes.view(), slots_, Framing::datagram, shard_.limits,
                                   shard_.leniency);
    SIP_ASSERT(scan.end == ScanEnd::complete);
    const auto essentials = decode_essentials(scan.message, shard_.leniency);
    SIP_ASSERT(essentials);
    Room<16> tag;
    tag.hex(stateless_tag(shard_.key, scan.message));
    const Identity identity{waiting.identity.view(), waiting.authenticated, waiting.proved_by};
    Request request{scan.message, *essentials,         waiting.source,
                    identity,     waiting.transaction, essentials->to_tag};
    if (request.local_tag.empty()) request.local_tag = tag.view();
    if (!servers_.is_live(waiting.transaction)) return;
    user_of(scan.message.method)->on_request(now, request);
}

}  // namespace sip
