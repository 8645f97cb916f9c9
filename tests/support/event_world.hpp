#pragma once

#include <array>
#include <string>

#include "sip/event/compositor.hpp"
#include "sip/event/event_headers.hpp"
#include "sip/event/notifier.hpp"
#include "sip/stack.hpp"
#include "tests/support/echo_package.hpp"
#include "tests/support/raw_peer.hpp"
#include "tests/support/seeded_entropy.hpp"

/// A stack with the event framework and the echo package on it, spoken to in raw messages.
struct EventWorld {
    struct Options {
        sip::StackOptions stack;
        sip::Notifier::Options notifier;
    };
    EventWorld() : EventWorld(Options{}) {}
    explicit EventWorld(const Options& options)
        : stack(options.stack, entropy),
          resources(stack.shard()),
          notifier(stack.core(), packages, resources, options.notifier),
          compositor(stack.core(), packages, resources, notifier),
          capabilities(packages),
          net(stack) {
        echo.compositor = &compositor;
        (void)packages.add(echo);
        constexpr std::array subscribe{sip::Method::subscribe};
        constexpr std::array publish{sip::Method::publish};
        notifier.attach_as(stack.attach(notifier, subscribe));
        compositor.attach_as(stack.attach(compositor, publish));
        stack.set_capabilities(&capabilities);
    }

    RawRequest subscribe_request(const std::string& who = "bob") {
        RawRequest request{"SUBSCRIBE",
                           "sip:alice@example.com",
                           "<sip:" + who + "@example.com>;tag=" + who,
                           "",
                           who + "-call",
                           1,
                           "",
                           {},
                           "",
                           ""};
        request.with("Event: echo").with("Contact: <sip:" + who + "@192.0.2.99:5062>");
        return request;
    }
    RawRequest publish_request(const std::string& body) {
        RawRequest request{"PUBLISH",
                           "sip:alice@example.com",
                           "<sip:alice@example.com>;tag=p",
                           "",
                           "publish-call",
                           ++publish_cseq,
                           "",
                           {},
                           "",
                           ""};
        request.with("Event: echo");
        if (!body.empty()) request.with_body("text/plain", body);
        return request;
    }
    /// The same dialog again: To tag and CSeq of the next request.
    static RawRequest in_dialog(RawRequest request, const RawMessage& answer, unsigned cseq) {
        request.to = "<sip:alice@example.com>;tag=" + answer.to_tag();
        request.cseq = cseq;
        return request;
    }

    SeededEntropy entropy;
    sip::Stack stack;
    EchoPackage echo;
    sip::EventPackages packages;
    sip::Resources resources;
    sip::Notifier notifier;
    sip::Compositor compositor;
    sip::EventCapabilities capabilities;
    RawWorld<sip::Stack> net;
    unsigned publish_cseq = 0;
};
