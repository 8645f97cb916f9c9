#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "sip/dialog/request_head.hpp"
#include "sip/stack.hpp"
#include "tests/support/raw_peer.hpp"
#include "tests/support/seeded_entropy.hpp"

/// A transaction user that does as it is told: answers at once with the status that `script` gives,
/// or (0) keeps the request until the test answers it; and sends requests.
class ScriptedUser final : public sip::TransactionUser {
public:
    explicit ScriptedUser(sip::Core core_given) : core(core_given) {}
    ~ScriptedUser() = default;

    struct Seen {
        sip::ServerTransactionId transaction;
        std::string method, uri, text;
        sip::Packet later;  ///< the answer that `say` gives
    };
    struct Told {
        sip::Handle object;
        int status = 0;  ///< 0: it failed
        sip::Failure failure = sip::Failure::timeout;
        sip::Instant at{};
    };

    void on_request(const sip::Now& now, const sip::Request& request) override {
        Seen one{request.transaction,
                 std::string(request.message.method_name),
                 std::string(request.message.request_uri),
                 std::string(request.message.bytes),
                 {}};
        const int status = script(request);
        if (request.transaction && status == 0)
            one.later = sip::Reply(core.shard, request, later).finish();
        seen.push_back(std::move(one));
        if (request.transaction && status != 0)
            core.respond(now, request, static_cast<std::uint16_t>(status));
    }
    bool serves(const sip::Request& request) override {
        return request.essentials.request_uri.user != "nobody";
    }
    void on_response(const sip::Now& now, sip::Handle object,
                     const sip::Response& response) override {
        told.push_back({object, response.status, {}, now.mono});
    }
    void on_failure(const sip::Now& now, sip::Handle object, sip::Failure why) override {
        told.push_back({object, 0, why, now.mono});
    }
    void on_flow_lost(const sip::Now&, sip::Handle object) override { lost.push_back(object); }

    /// Gives the answer that was kept for the request number `i`.
    void say(const sip::Now& now, std::size_t i) {
        core.servers.respond(now, seen[i].transaction, later, seen[i].later);
    }
    sip::Expected<sip::ClientTransactionId> send(const sip::Now& now, const sip::Target& target,
                                                 sip::Method method = sip::Method::message,
                                                 std::uint32_t number = 7) {
        const sip::Branch branch = core.clients.new_branch();
        std::array<char, 1024> room{};
        sip::Appender out(room);
        sip::MessageWriter writer(out);
        writer.request(method, "sip:bob@192.0.2.99:5062");
        sip::write_via(writer, core.transport.listeners(), target, branch);
        writer.header(sip::HeaderId::from, "<sip:us@192.0.2.1>;tag=us")
            .header(sip::HeaderId::to, "<sip:bob@192.0.2.99>")
            .header(sip::HeaderId::call_id, "ours");
        sip::Appender& cseq = writer.begin(sip::HeaderId::cseq);
        cseq << std::uint32_t{1} << ' ' << sip::name_of(method);
        writer.end();
        writer.finish(std::size_t{0});
        return core.clients.start(now, {target,
                                        method,
                                        branch,
                                        {sip::SharedBytes::copy(core.shard.memory, out.view()), {}},
                                        part,
                                        sip::Handle{number, 1}});
    }

    sip::Core core;
    std::uint8_t part = 0;
    std::uint16_t later = 200;
    std::function<int(const sip::Request&)> script = [](const sip::Request&) { return 200; };
    std::vector<Seen> seen;
    std::vector<Told> told;
    std::vector<sip::Handle> lost;  ///< objects whose connection is gone
};

/// A stack with a scripted user for MESSAGE, BYE and REGISTER (and INVITE, ACK, CANCEL where
/// wanted), spoken to in raw messages.
struct StackWorld {
    explicit StackWorld(const sip::StackOptions& options = {}, bool with_invite = false)
        : stack(options, entropy), user(stack.core()), net(stack) {
        constexpr std::array plain{sip::Method::message, sip::Method::bye, sip::Method::register_};
        constexpr std::array all{sip::Method::message, sip::Method::bye, sip::Method::register_,
                                 sip::Method::invite,  sip::Method::ack, sip::Method::cancel};
        user.part =
            with_invite ? stack.attach(user, std::span(all)) : stack.attach(user, std::span(plain));
    }
    static RawRequest request(const std::string& method = "MESSAGE") {
        return RawRequest{method, "sip:alice@example.com"};
    }
    /// A request with the Via that the test writes.
    static std::string text(const std::string& method, const std::string& via,
                            const std::string& uri = "sip:alice@example.com",
                            const std::string& call_id = "call-1") {
        return method + " " + uri + " SIP/2.0\r\nVia: " + via +
               "\r\nMax-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=b\r\nTo: <" + uri +
               ">\r\nCall-ID: " + call_id + "\r\nCSeq: 1 " + method +
               "\r\nContent-Length: 0\r\n\r\n";
    }
    /// The same with an answer: what came back first.
    RawMessage say(const std::string& text) {
        net.sent.clear();
        net.input(text);
        return net.take();
    }
    sip::Target peer_by_udp() const {
        return {sip::Transport::udp, RawWorld<sip::Stack>::udp, {}, net.peer};
    }
    sip::Target peer_by_tcp() const { return {sip::Transport::tcp, {}, {}, net.peer}; }
    /// When each message that waits in `net.sent` left, in milliseconds after `start`.
    std::vector<std::int64_t> times(sip::Instant start) {
        std::vector<std::int64_t> found;
        while (const RawMessage message = net.take())
            found.push_back(
                std::chrono::duration_cast<sip::milliseconds>(message.at - start).count());
        return found;
    }

    SeededEntropy entropy;
    sip::Stack stack;
    ScriptedUser user;
    RawWorld<sip::Stack> net;
};
