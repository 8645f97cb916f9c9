#pragma once

#include <map>
#include <string>
#include <vector>

#include "sip/auth/digest_gate.hpp"
#include "sip/dialog/request_head.hpp"
#include "sip/message/message_parser.hpp"
#include "sip/proxy/proxy.hpp"
#include "sip/transport/locate.hpp"
#include "tests/support/world.hpp"

/// A proxy with a registrar, everybody is taken at his word.
class ProxyNode final : public Node, private sip::RegistrationListener {
public:
    explicit ProxyNode(World& world_given, std::uint8_t number = 1,
                       std::string_view domain = "example.com",
                       sip::Proxy::Relay relay = sip::Proxy::Relay::local)
        : Node(world_given, number),
          domains{domain},
          registrar(stack.core(), everybody, *this, registrar_options()),
          proxy(stack.core(), registrar, everybody, gate, proxy_options(relay)) {
        constexpr std::array methods{sip::Method::register_};
        registrar.attach_as(stack.attach(registrar, methods));
        proxy.attach_as(stack.attach(proxy, {}));
        stack.set_gate(&gate);
        stack.set_forwarder(&proxy);
        world.add(*this);
    }
    ~ProxyNode() override { world.remove(*this); }

private:
    struct Everybody final : sip::Directory {
        bool exists(std::string_view) const override { return true; }
    };
    sip::Registrar::Options registrar_options() const {
        sip::Registrar::Options options;
        options.domains = domains;
        return options;
    }
    sip::Proxy::Options proxy_options(sip::Proxy::Relay relay) const {
        sip::Proxy::Options options;
        options.relay = relay;
        options.domains = domains;
        return options;
    }
    void registrations_changed(const sip::Now&, std::string_view) override {}

public:
    std::array<std::string_view, 1> domains;
    Everybody everybody;
    sip::TrustingGate gate;
    sip::Registrar registrar;
    sip::Proxy proxy;
};

/// A phone: registers, calls, rings, answers, hangs up. Its calls go through the proxy at `server`.
class PhoneNode final : public Node, public sip::TransactionUser {
public:
    PhoneNode(World& world_given, std::string user_given, std::uint8_t number,
              sip::Transport by_given = sip::Transport::udp)
        : Node(world_given, number), user(std::move(user_given)), by(by_given) {
        constexpr std::array methods{sip::Method::invite, sip::Method::ack, sip::Method::bye,
                                     sip::Method::cancel};
        part = stack.attach(*this, methods);
        (void)timers.attach(stack.shard().timers, {part, {0, 1}});
        world.add(*this);
    }
    ~PhoneNode() override {
        timers.detach(stack.shard().timers);
        world.remove(*this);
    }

    // What it does by itself.
    int answers = 200;                      ///< with this final response; 0: it rings on
    sip::Duration rings = sip::seconds{2};  ///< before that
    std::string domain = "example.com";
    sip::Endpoint server{sip::Address::v4(192, 0, 2, 1), 5060};
    // What it has seen, in order: "registered", "180", "200", "established", "BYE", "ended 486".
    std::vector<std::string> seen;
    unsigned acks_sent = 0, finals = 0;

    std::size_t count(const std::string& what) const {
        return static_cast<std::size_t>(std::count(seen.begin(), seen.end(), what));
    }
    void enroll(const std::string& parameters = {}) {
        const std::string head = "To: <" + aor() + ">\r\nFrom: <" + aor() +
                                 ">;tag=r\r\nCall-ID: r" + user + at_text() +
                                 "\r\nContact: " + contact() + parameters + "\r\nExpires: 3600\r\n";
        send("REGISTER", "sip:" + domain, ++cseq_, head, {1, 1}, to_server());
    }
    /// One call at a time.
    void call(const std::string& uri) {
        call_id_ = user + std::to_string(++calls_);
        local_ = "<" + aor() + ">;tag=" + user;
        remote_ = "<" + uri + ">";
        invite_uri_ = uri;
        routes_.clear();
        invite_cseq_ = ++cseq_;
        invite_ = send("INVITE", uri, invite_cseq_,
                       dialog_head() + "Contact: " + contact() + "\r\n", {2, 1}, to_server());
    }
    void cancel() { stack.clients().cancel(world.now, invite_); }
    void hang_up() {
        send("BYE", target_, ++cseq_, dialog_head() + route_lines(), {3, 1}, next_hop());
    }

    void on_request(const sip::Now& now, const sip::Request& request) override {
        switch (request.message.method) {
            case sip::Method::invite: invited(now, request); break;
            case sip::Method::ack:
                if (state_ == Called::accepted) {
                    state_ = Called::none;
                    seen.push_back("established");
                    timers.stop(stack.shard().timers, Timer::repeat);
                    timers.stop(stack.shard().timers, Timer::give_up);
                }
                break;
            case sip::Method::cancel:
                if (state_ != Called::ringing) break;
                state_ = Called::none;
                timers.stop(stack.shard().timers, Timer::answer);
                say(487);
                seen.push_back("cancelled");
                break;
            default:
                stack.core().respond(now, request, 200);
                seen.push_back(std::string(request.message.method_name));
        }
    }
    void on_response(const sip::Now&, sip::Handle object, const sip::Response& response) override {
        if (response.status == 100) return;
        if (object.index == 1) {
            if (response.status == 200) seen.push_back("registered");
            return;
        }
        if (object.index == 3) {
            seen.push_back("BYE " + std::to_string(response.status));
            return;
        }
        if (response.status < 200) {
            seen.push_back(std::to_string(response.status));
            return;
        }
        ++finals;
        if (response.status >= 300) {
            seen.push_back("ended " + std::to_string(response.status));
            return;
        }
        accepted(response);
    }
    void on_failure(const sip::Now&, sip::Handle object, sip::Failure) override {
        seen.push_back(object.index == 2 ? "failed" : "other failed");
    }
    void on_timer(const sip::Now& now, sip::Handle) override {
        while (const auto name = timers.pop_due(stack.shard().timers, now.mono)) {
            if (*name == Timer::answer) {
                say(answers);
                state_ = answers < 300 ? Called::accepted : Called::none;
                if (answers >= 300) continue;
                interval_ = sip::milliseconds{500};
                timers.set(stack.shard().timers, Timer::repeat, sip::later(now.mono, interval_));
                timers.set(stack.shard().timers, Timer::give_up,
                           sip::later(now.mono, sip::seconds{32}));
            } else if (*name == Timer::repeat) {
                stack.servers().respond(now, asked_, 200, final_);
                interval_ = std::min<sip::Duration>(2 * interval_, sip::seconds{4});
                timers.set(stack.shard().timers, Timer::repeat, sip::later(now.mono, interval_));
            } else {
                timers.stop(stack.shard().timers, Timer::repeat);
                state_ = Called::none;
                seen.push_back("no ACK");
            }
        }
    }

    std::string user;
    sip::Transport by;

private:
    enum class Timer : std::uint8_t { answer, repeat, give_up };
    enum class Called : std::uint8_t { none, ringing, accepted };

    std::string aor() const { return "sip:" + user + "@" + domain; }
    std::string at_text() const { return std::to_string(at.address.bytes[15]); }
    std::string contact() const {
        return "<sip:" + user + "@192.0.2." + at_text() + ":5060" +
               (by == sip::Transport::tcp ? ";transport=tcp>" : ">");
    }
    sip::Target to_server() {
        return {by, by == sip::Transport::udp ? udp : sip::ListenerId{}, {}, server, {}};
    }
    std::string dialog_head() const {
        return "From: " + local_ + "\r\nTo: " + remote_ + "\r\nCall-ID: " + call_id_ + "\r\n";
    }
    std::string route_lines() const {
        std::string all;
        for (const std::string& route : routes_) all += "Route: " + route + "\r\n";
        return all;
    }
    sip::Target next_hop() {
        std::string text = target_;
        if (!routes_.empty())
            text = routes_[0].substr(routes_[0].find('<') + 1,
                                     routes_[0].find('>') - routes_[0].find('<') - 1);
        const auto uri = sip::parse_uri(text);
        const auto found = uri ? sip::locate(*uri, stack.transport().listeners())
                               : sip::failure(sip::Condition::malformed, {});
        return found ? *found : to_server();
    }
    std::string head_of(const std::string& method, const std::string& uri, std::uint32_t number,
                        const std::string& fields, const sip::Target& target, sip::Branch branch) {
        std::array<char, 512> room{};
        sip::Appender out(room);
        sip::MessageWriter writer(out);
        sip::write_via(writer, stack.transport().listeners(), target, branch);
        return method + " " + uri + " SIP/2.0\r\n" + std::string(out.view()) +
               "Max-Forwards: 70\r\n" + fields + "CSeq: " + std::to_string(number) + " " + method +
               "\r\nContent-Length: 0\r\n\r\n";
    }
    sip::ClientTransactionId send(const std::string& method, const std::string& uri,
                                  std::uint32_t number, const std::string& fields,
                                  sip::Handle object, sip::Target target) {
        if (sip::is_reliable(target.transport)) (void)stack.transport().connect(world.now, target);
        const sip::Branch branch = stack.clients().new_branch();
        const std::string head = head_of(method, uri, number, fields, target, branch);
        const auto sent = stack.clients().start(
            world.now, {target,
                        sip::method_of(method),
                        branch,
                        {sip::SharedBytes::copy(stack.shard().memory, head), {}},
                        part,
                        object});
        world.drain_all();
        return sent ? *sent : sip::ClientTransactionId{};
    }
    void accepted(const sip::Response& response) {
        const std::string tag(response.essentials.to_tag);
        const bool first = target_of_.empty() || !target_of_.contains(call_id_ + tag);
        if (first) {
            seen.push_back("200");
            target_of_[call_id_ + tag] = true;
            remote_ = std::string(response.message.value_of(sip::HeaderId::to));
            const std::string_view value = response.message.value_of(sip::HeaderId::contact);
            target_ = value.substr(value.find('<') + 1, value.find('>') - value.find('<') - 1);
            routes_.clear();
            sip::each_address(
                response.message, sip::HeaderId::record_route, {}, [&](const sip::NameAddr& route) {
                    routes_.insert(routes_.begin(), "<" + std::string(route.uri.text) + ">");
                    return true;
                });
        }
        ++acks_sent;
        sip::Target target = next_hop();
        const std::string head =
            head_of("ACK", target_, invite_cseq_, dialog_head() + route_lines(), target,
                    stack.clients().new_branch());
        (void)stack.transport().send(world.now, target,
                                     {sip::SharedBytes::copy(stack.shard().memory, head), {}});
    }
    void invited(const sip::Now& now, const sip::Request& request) {
        seen.push_back("INVITE");
        asked_ = request.transaction;
        const auto made = [&](std::uint16_t status) {
            sip::Reply reply(stack.shard(), request, status);
            for (const auto& field : request.message.headers)
                if (field.id == sip::HeaderId::record_route)
                    reply.header(sip::HeaderId::record_route, field.value);
            reply.header(sip::HeaderId::contact, contact());
            return reply.finish();
        };
        for (const int status : {200, 404, 486, 487, 603})
            replies_[static_cast<std::uint16_t>(status)] = made(static_cast<std::uint16_t>(status));
        call_id_ = std::string(request.essentials.call_id);
        local_ = std::string(request.message.value_of(sip::HeaderId::to)) +
                 ";tag=" + std::string(request.local_tag);
        remote_ = std::string(request.message.value_of(sip::HeaderId::from));
        const std::string_view value = request.message.value_of(sip::HeaderId::contact);
        target_ = value.substr(value.find('<') + 1, value.find('>') - value.find('<') - 1);
        routes_.clear();
        sip::each_address(request.message, sip::HeaderId::record_route, {},
                          [&](const sip::NameAddr& route) {
                              routes_.push_back("<" + std::string(route.uri.text) + ">");
                              return true;
                          });
        state_ = Called::ringing;
        stack.servers().respond(now, asked_, 180, made(180));
        if (answers != 0)
            timers.set(stack.shard().timers, Timer::answer, sip::later(now.mono, rings));
    }
    void say(int status) {
        final_ = replies_[static_cast<std::uint16_t>(status)];
        stack.servers().respond(world.now, asked_, static_cast<std::uint16_t>(status), final_);
    }

    sip::Timers<Timer, 3> timers;
    std::uint8_t part = 0;
    std::uint32_t cseq_ = 0, invite_cseq_ = 0;
    unsigned calls_ = 0;
    std::string call_id_, local_, remote_, target_, invite_uri_;
    std::vector<std::string> routes_;
    std::map<std::string, bool> target_of_;
    std::map<std::uint16_t, sip::Packet> replies_;
    sip::Packet final_;
    sip::ServerTransactionId asked_;
    sip::ClientTransactionId invite_;
    sip::Duration interval_{};
    Called state_ = Called::none;
};
