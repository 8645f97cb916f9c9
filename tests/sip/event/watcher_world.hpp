#pragma once

#include "sip/event/subscriber.hpp"
#include "tests/support/uac_world.hpp"

/// A subscriber that knows `presence` (one dialog) and `gossip` (every fork is merged), and the
/// notifier played in raw messages.
struct WatcherWorld : UacWorld<sip::Subscriber> {
    using Kind = sip::SubscriptionNotice::Kind;
    using State = sip::watch_machine::State;

    explicit WatcherWorld(const sip::Limits& limits = {}) : UacWorld(limits) {
        presence.name = "presence";
        presence.accept = types;
        gossip.name = "gossip";
        gossip.accept = types;
        gossip.forks = sip::EventPackage::Forks::merge;
        (void)part.add_package(presence);
        (void)part.add_package(gossip);
    }

    static constexpr std::array<std::string_view, 1> types{"application/pidf+xml"};
    sip::EventPackage::Traits presence, gossip;

    sip::SubscribeOptions options(std::optional<std::uint32_t> expires_s = 3600,
                                  std::string_view event = "presence") {
        sip::SubscribeOptions made;
        made.peer = peer();
        made.event = event;
        made.expires_s = expires_s;
        return made;
    }
    sip::WatchId subscribe(const sip::SubscribeOptions& given) {
        const auto id = part.subscribe(raw.now, given);
        raw.drain();
        return id ? *id : sip::WatchId{};
    }
    sip::WatchId subscribe() { return subscribe(options()); }

    /// What a NOTIFY for the subscription that `subscribe` asked for looks like.
    struct Notify {
        unsigned cseq = 1;
        std::string state = "active;expires=3600";
        std::string body = "<presence/>";
        std::string tag = "server";
        std::string event = "presence";
        std::string type = "application/pidf+xml";
        std::string contact = "<sip:192.0.2.99:5062>";
        std::vector<std::string> fields;
        std::string branch;
    };
    RawRequest request_of(const RawMessage& subscribe, const Notify& given) {
        RawRequest request;
        request.method = "NOTIFY";
        request.uri = "sip:bob@192.0.2.1:5060";
        request.from = subscribe.field("To");
        if (request.from.find(";tag=") == std::string::npos) request.from += ";tag=" + given.tag;
        request.to = subscribe.field("From");
        request.call_id = subscribe.field("Call-ID");
        request.cseq = given.cseq;
        request.branch = given.branch;
        if (!given.event.empty()) request.with("Event: " + given.event);
        if (!given.state.empty()) request.with("Subscription-State: " + given.state);
        if (!given.contact.empty()) request.with("Contact: " + given.contact);
        for (const std::string& field : given.fields) request.with(field);
        if (!given.body.empty()) request.with_body(given.type, given.body);
        return request;
    }
    /// The status that the NOTIFY gets.
    int notify(const RawMessage& subscribe) { return notify(subscribe, Notify{}); }
    int notify(const RawMessage& subscribe, const Notify& given) {
        raw.input(raw.text_of(request_of(subscribe, given)));
        const RawMessage answer = raw.take("");
        last_answer = answer;
        return answer ? answer.status() : 0;
    }
    RawMessage last_answer;

    struct News {
        bool any = false;
        Kind kind = Kind::notified;
        sip::SubscriptionStateValue state{};
        sip::TerminationReason reason{};
        unsigned status = 0, expires = 0, retry_after = 0, fork = 0;
        bool last = false, has_document = false;
        std::string body, type, phrase;
    };
    News news() {
        const auto notice = part.next_notice();
        if (!notice) return {};
        News made;
        made.any = true;
        made.kind = notice->kind;
        made.state = notice->state;
        made.reason = notice->reason;
        made.status = notice->status;
        made.expires = notice->expires_s;
        made.retry_after = notice->retry_after_s;
        made.fork = notice->fork;
        made.last = notice->last;
        made.has_document = notice->has_document;
        made.body = notice->body.view();
        made.type = notice->content_type.view();
        made.phrase = notice->phrase.view();
        return made;
    }
    void forget_news() {
        while (part.next_notice()) {
        }
    }
    /// A subscription that stands: the SUBSCRIBE that made it.
    RawMessage stand(sip::WatchId& id, std::optional<std::uint32_t> expires_s = 3600,
                     std::string_view event = "presence") {
        id = subscribe(options(expires_s, event));
        RawMessage sent = only();
        reply(sent, 200, {"Expires: " + std::to_string(*expires_s)});
        Notify first;
        first.state = "active;expires=" + std::to_string(*expires_s);
        first.event = event;
        (void)notify(sent, first);
        forget_news();
        return sent;
    }
};
