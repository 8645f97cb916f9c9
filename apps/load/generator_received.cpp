// What a generator does about the messages that come to it.

#include <cstring>

#include "apps/load/generator.hpp"
#include "apps/load/process_meter.hpp"

namespace load {

void Generator::on_message(std::uint32_t connection, std::string_view message) {
    const auto in = read_incoming(message);
    if (!in) return;
    if (in->status == 0) {
        if (in->method == "NOTIFY")
            on_notify(connection, *in);
        else if (in->method != "ACK")
            answer(connection, *in, "SIP/2.0 405 Method Not Allowed\r\n");
        return;
    }
    if (in->status < 200) return;
    if (const auto id = CallId::read(in->call_id, run_)) on_response(*in, *id);
}

void Generator::on_lost(std::uint32_t connection) {
    ++result_.lost_connections;
    for (std::uint32_t i = 0; i < operations_.size(); ++i)
        if (operations_[i].used && connection_of(operations_[i]) == connection)
            finish(i, false, now_ns());
}

// ---- Responses ----------------------------------------------------------------------------------

void Generator::on_response(const Incoming& in, const CallId& id) {
    const bool known = id.kind == 's'   ? id.index < subscriptions_.size()
                       : id.kind == 'p' ? id.index < publications_.size()
                                        : id.kind == 'o' && id.index < options_.size();
    if (!known || phase_ == nullptr) return;
    const Agent& agent = id.kind == 's'   ? static_cast<const Agent&>(subscriptions_[id.index])
                         : id.kind == 'p' ? publications_[id.index]
                                          : options_[id.index];
    const std::uint32_t index = agent.operation;
    if (index == none) return;
    Operation& operation = operations_[index];
    // A response belongs to the request whose CSeq it repeats.
    if (operation.answered || in.cseq != operation.cseq) return;
    const std::uint64_t now = now_ns();
    ++result_.statuses[in.status];
    if ((in.status == 401 || in.status == 407) && take_challenge(index, in)) return;
    operation.answered = true;
    if (in.status >= 300) {
        if (in.status == 412) {
            Publication& publication = publications_[operation.entity];
            published_ -= publication.published ? 1 : 0;
            publication.published = false;
        }
        if (in.status == 481 && id.kind == 's') end_dialog(subscriptions_[id.index], id.index);
        finish(index, false, now);
        return;
    }
    const std::uint64_t spent = now - operation.sent_at;
    if (operation.probe)
        result_.probe.add(spent);
    else
        result_.streams[operation.stream].latency.add(spent);
    take_success(operation, in);
    finish_if_done(index, now);
}

bool Generator::take_challenge(std::uint32_t index, const Incoming& in) {
    constexpr unsigned tries_max = 2;
    Operation& operation = operations_[index];
    if (!credentials_.has_password() || operation.tries >= tries_max) return false;
    const std::string_view nonce = credentials_.take(in.challenge, in.proxy_challenge);
    Agent& agent = agent_of(operation);
    if (nonce.empty() || !texts_.set(agent.nonce, nonce)) return false;
    ++operation.tries;
    agent.nonce_count = 1;
    operation.cseq = ++agent.cseq;
    send(index);
    return true;
}

void Generator::take_success(Operation& operation, const Incoming& in) {
    switch (operation.kind) {
        case Kind::subscribe:
        case Kind::refresh: take_dialog(subscriptions_[operation.entity], in); break;
        case Kind::publish:
        case Kind::modify:
        case Kind::fan_out:
        case Kind::touch: {
            Publication& publication = publications_[operation.entity];
            const bool kept =
                !in.entity_tag.empty() && texts_.set(publication.entity_tag, in.entity_tag);
            published_ += kept && !publication.published ? 1 : 0;
            publication.published = kept || publication.published;
            break;
        }
        case Kind::unpublish:
            publications_[operation.entity].published = false;
            --published_;
            break;
        case Kind::unsubscribe:
        case Kind::options: break;
    }
}

/// RFC 3261 12.1.2: what a 2xx says of the other side.
void Generator::take_dialog(Subscription& subscription, const Incoming& in) {
    if (subscription.tag.size == 0) {
        texts_.set(subscription.tag, tag_of(in.to));
        if (!subscription.has_seen) subscription.peer = peer_of(in);
    }
}

std::uint32_t Generator::peer_of(const Incoming& in) {
    peer_text_.assign(in.contact).append("\n");
    for (std::size_t i = in.route_count; i > 0; --i)
        peer_text_.append("Route: ").append(in.routes[i - 1]).append("\r\n");
    const auto found = peers_by_text_.find(peer_text_);
    if (found != peers_by_text_.end()) return found->second;
    const auto index = static_cast<std::uint32_t>(peers_.size());
    const auto line = peer_text_.find('\n');
    peers_.push_back({peer_text_.substr(0, line), peer_text_.substr(line + 1)});
    peers_by_text_.emplace(peer_text_, index);
    return index;
}

// ---- NOTIFY -------------------------------------------------------------------------------------

void Generator::on_notify(std::uint32_t connection, const Incoming& in) {
    const auto id = CallId::read(in.call_id, run_);
    const bool known = id && id->kind == 's' && id->index < subscriptions_.size() &&
                       subscriptions_[id->index].life == id->life;
    Subscription* subscription = known ? &subscriptions_[id->index] : nullptr;
    const bool repeated = known && subscription->has_seen && in.cseq <= subscription->seen;
    const bool expected =
        known && (subscription->active || subscription->operation != none || repeated);
    if (!expected) {
        ++result_.strange;
        answer(connection, in, "SIP/2.0 481 Subscription does not exist\r\n");
        return;
    }
    if (phase_ == nullptr || !phase_->mute) answer(connection, in, "SIP/2.0 200 OK\r\n");
    if (repeated) {
        ++result_.repeated;
        return;
    }
    subscription->seen = in.cseq;
    subscription->has_seen = true;
    ++result_.notifications;
    on_news(*subscription, id->index, in);
}

void Generator::on_news(Subscription& subscription, std::uint32_t index, const Incoming& in) {
    const std::uint64_t now = now_ns();
    light_lamp(subscription, index, now);
    const std::uint32_t under_way = subscription.operation;
    if (under_way != none) {
        Operation& operation = operations_[under_way];
        if (operation.kind == Kind::subscribe && subscription.tag.size == 0) {
            // RFC 6665 4.1.2.4: the NOTIFY may be there before the 2xx.
            texts_.set(subscription.tag, tag_of(in.from));
            subscription.peer = peer_of(in);
        }
        const bool done = operation.kind != Kind::unsubscribe || in.is_terminated();
        operation.notified = operation.notified || done;
        if (in.is_terminated() && operation.kind != Kind::unsubscribe) {
            end_dialog(subscription, index);
            ++result_.ended;
            finish(under_way, false, now);
            return;
        }
        finish_if_done(under_way, now);
        return;
    }
    if (in.is_terminated()) {
        ++result_.ended;
        end_dialog(subscription, index);
    }
}

void Generator::light_lamp(Subscription& subscription, std::uint32_t index, std::uint64_t now) {
    Presentity& presentity = presentities_[index / plan_.watchers];
    if (presentity.operation == none || subscription.told == presentity.round ||
        !subscription.active)
        return;
    subscription.told = presentity.round;
    Operation& operation = operations_[presentity.operation];
    result_.lamp.add(now - operation.sent_at);
    if (operation.notifies_left > 0) --operation.notifies_left;
    finish_if_done(presentity.operation, now);
}

void Generator::end_dialog(Subscription& subscription, std::uint32_t index) {
    if (!subscription.active) return;
    subscription.active = false;
    --active_;
    Presentity& presentity = presentities_[index / plan_.watchers];
    --presentity.watchers;
    // A fan-out that is under way does not wait for it.
    if (presentity.operation == none || subscription.told == presentity.round) return;
    Operation& operation = operations_[presentity.operation];
    if (operation.notifies_left > 0) --operation.notifies_left;
    finish_if_done(presentity.operation, now_ns());
}

void Generator::answer(std::uint32_t connection, const Incoming& in, std::string_view status_line) {
    constexpr std::string_view end = "Content-Length: 0\r\n\r\n";
    std::size_t size = status_line.size() + end.size();
    for (std::size_t i = 0; i < in.copied_count; ++i) size += in.copied[i].size();
    char* to = connections_->room(connection, size);
    const auto put = [&](std::string_view text) {
        std::memcpy(to, text.data(), text.size());
        to += text.size();
    };
    put(status_line);
    for (std::size_t i = 0; i < in.copied_count; ++i) put(in.copied[i]);
    put(end);
    connections_->commit(connection, size);
}

// ---- The end of an operation --------------------------------------------------------------------

void Generator::finish_if_done(std::uint32_t index, std::uint64_t now) {
    const Operation& operation = operations_[index];
    if (!operation.answered) return;
    switch (operation.kind) {
        case Kind::subscribe:
        case Kind::refresh:
        case Kind::unsubscribe:
            if (!operation.notified) return;
            break;
        case Kind::fan_out:
            if (operation.notifies_left > 0) return;
            break;
        default: break;
    }
    finish(index, true, now);
}

void Generator::finish(std::uint32_t index, bool succeeded, std::uint64_t now) {
    Operation& operation = operations_[index];
    operation.used = false;
    agent_of(operation).operation = none;
    if (operation.kind == Kind::fan_out)
        presentities_[operation.entity / plan_.publications].operation = none;
    if (succeeded && operation.kind == Kind::subscribe) {
        subscriptions_[operation.entity].active = true;
        subscriptions_[operation.entity].told =
            presentities_[operation.entity / plan_.watchers].round;
        ++presentities_[operation.entity / plan_.watchers].watchers;
        ++active_;
    }
    if (operation.kind == Kind::unsubscribe)
        end_dialog(subscriptions_[operation.entity], operation.entity);
    free_operations_.push_back(index);
    if (operation.probe) return;
    --under_way_;
    StreamResult& stream = result_.streams[operation.stream];
    ++(succeeded ? stream.succeeded : stream.failed);
    if (succeeded) stream.whole.add(now - operation.sent_at);
}

}  // namespace load
