#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "sip/dialog/request_head.hpp"
#include "sip/message/media_type.hpp"
#include "sip/registrar/registrar.hpp"
#include "sip/stack.hpp"
#include "tests/support/raw_peer.hpp"
#include "tests/support/seeded_entropy.hpp"

/// Takes every call and every message: just enough of a phone for messages of all kinds to be
/// answered as RFC 3261 8.2 and 13.3 say.
class TestCallee final : public sip::TransactionUser {
public:
    explicit TestCallee(sip::Core core_given) : core(core_given) {}

    void on_request(const sip::Now& now, const sip::Request& request) override {
        ++requests;
        switch (request.message.method) {
            case sip::Method::invite: on_invite(now, request); return;
            case sip::Method::message: core.respond(now, request, 200); return;
            case sip::Method::bye:
                core.refuse(now, request, {sip::Condition::no_dialog, "No such call"});
                return;
            default: return;  // an ACK, or a CANCEL that came too late
        }
    }

    sip::Core core;
    int requests = 0;

private:
    void on_invite(const sip::Now& now, const sip::Request& request) {
        constexpr std::string_view sdp = "application/sdp";
        const sip::MessageView& message = request.message;
        if (!message.body.empty() && message.has(sip::HeaderId::content_type)) {
            const auto type = sip::parse_media_type(message.value_of(sip::HeaderId::content_type));
            if (!type || !sip::is_media_type(*type, sdp)) {
                sip::Reply reply(core.shard, request, 415);
                reply.header(sip::HeaderId::accept, sdp);
                core.respond(now, request, reply);
                return;
            }
        }
        if (sip::acceptance_of(message, sdp) == std::uint16_t{0}) {
            sip::Reply reply(core.shard, request, 406);
            reply.writer().header("Warning", "399 test \"only session descriptions are spoken\"");
            core.respond(now, request, reply);
            return;
        }
        sip::Reply reply(core.shard, request, 200);
        sip::write_contact(reply.writer(), core.transport.listeners(),
                           sip::back_to(request.source));
        core.respond(now, request, reply);
    }
};

/// A stack that asks nobody for credentials, with a registrar for `domains` and a callee.
struct TestUas {
    explicit TestUas(std::vector<std::string> domains_given = {})
        : domains(std::move(domains_given)),
          names(domains.begin(), domains.end()),
          stack({}, entropy),
          registrar(stack.core(), everybody, nobody, {names}),
          callee(stack.core()),
          net(stack) {
        constexpr std::array registering{sip::Method::register_};
        constexpr std::array calling{sip::Method::invite, sip::Method::ack, sip::Method::bye,
                                     sip::Method::message, sip::Method::cancel};
        registrar.attach_as(stack.attach(registrar, registering));
        stack.attach(callee, calling);
    }
    /// What came back first, by UDP.
    RawMessage say(const std::string& text) {
        net.sent.clear();
        net.input(text);
        return net.take();
    }

    struct Everybody final : sip::Directory {
        bool exists(std::string_view) const override { return true; }
    };
    struct Nobody final : sip::RegistrationListener {
        void registrations_changed(const sip::Now&, std::string_view) override {}
    };
    Everybody everybody;
    Nobody nobody;
    std::vector<std::string> domains;
    std::vector<std::string_view> names;
    SeededEntropy entropy;
    sip::Stack stack;
    sip::Registrar registrar;
    TestCallee callee;
    RawWorld<sip::Stack> net;
};
