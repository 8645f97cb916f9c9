#pragma once

#include <string>
#include <vector>

#include "tests/support/raw_digest.hpp"
#include "tests/support/server_world.hpp"

/// A presence server of example.com that carries on what is for others, and phones around it, each
/// at an address of its own, all by datagram where nothing else is said.
class ProxyWorld : public ServerWorld {
public:
    using Relay = sip::Proxy::Relay;
    /// Everybody is taken at his word.
    explicit ProxyWorld(Relay relay = Relay::local, const sip::Limits& limits = {})
        : ServerWorld([&] {
              presence::ServerOptions options = open();
              options.relay = relay;
              options.limits = limits;
              return options;
          }()) {}
    explicit ProxyWorld(const presence::ServerOptions& options) : ServerWorld(options) {}
    /// `make(ServerWorld&)` gives the options; its users stand already.
    template <class Make>
    requires std::is_invocable_r_v<presence::ServerOptions, Make, ServerWorld&>
    explicit ProxyWorld(Make make) : ServerWorld(make) {}
    enum class Closed : std::uint8_t { yes };
    /// Who says to be of example.com proves it.
    ProxyWorld(Closed, Relay relay, const sip::Limits& limits = {})
        : ServerWorld([&](ServerWorld& world) {
              presence::ServerOptions options = world.closed(presence::Policy::allow);
              options.relay = relay;
              options.limits = limits;
              return options;
          }) {}

    static sip::Endpoint at(unsigned last, std::uint16_t port = 5060) {
        return {sip::Address::v4(192, 0, 2, static_cast<std::uint8_t>(last)), port};
    }
    static std::string host(unsigned last) { return "192.0.2." + std::to_string(last); }
    /// `user` is at 192.0.2.LAST from now on.
    void bind(const std::string& user, unsigned last, const std::string& parameters = {},
              const std::vector<std::string>& fields = {}) {
        RawRequest request =
            register_(user, "<sip:" + user + "@" + host(last) + ":5060>" + parameters);
        request.call_id += std::to_string(last);
        for (const std::string& field : fields) request.with(field);
        const RawMessage answer = ask_as(user, request);
        REQUIRE(answer.status() == 200);
        raw.sent.clear();
    }
    /// A request of a phone at 192.0.2.LAST.
    std::string text(unsigned last, RawRequest request) {
        std::string made = raw.text_of(std::move(request));
        const std::string sent_by = "192.0.2.99:5062;rport";
        made.replace(made.find(sent_by), sent_by.size(), host(last) + ":5060");
        return made;
    }
    void say(unsigned last, const std::string& bytes) {
        raw.peer = at(last);
        raw.input(bytes);
    }
    void say(unsigned last, const RawRequest& request) { say(last, text(last, request)); }
    /// The first message that left for 192.0.2.LAST and was not taken yet.
    RawMessage heard(unsigned last) {
        for (auto i = raw.sent.begin(); i != raw.sent.end(); ++i) {
            if (i->to.address != at(last).address) continue;
            RawMessage found = std::move(*i);
            raw.sent.erase(i);
            return found;
        }
        return {};
    }
    /// What 192.0.2.LAST answers to a request that it got.
    static std::string answer_to(const RawMessage& request, int status,
                                 const std::string& tag = "t",
                                 const std::vector<std::string>& fields = {},
                                 const std::string& body = {}) {
        std::string made = "SIP/2.0 " + std::to_string(status) + " Said\r\n";
        for (const char* name : {"Via", "Record-Route", "From"})
            for (const std::string& value : request.fields(name))
                made += std::string(name) + ": " + value + "\r\n";
        std::string to = request.field("To");
        if (status > 100 && to.find(";tag=") == std::string::npos) to += ";tag=" + tag;
        made += "To: " + to + "\r\nCall-ID: " + request.field("Call-ID") +
                "\r\nCSeq: " + request.field("CSeq") + "\r\n";
        for (const std::string& field : fields) made += field + "\r\n";
        return made + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }
    void answer(unsigned last, const RawMessage& request, int status, const std::string& tag = "t",
                const std::vector<std::string>& fields = {}) {
        std::vector<std::string> all = fields;
        if (status > 100 && status < 300)
            all.push_back("Contact: <sip:phone@" + host(last) + ":5060>");
        say(last, answer_to(request, status, tag, all));
    }

    /// alice calls whom `uri` names, from 192.0.2.LAST.
    static RawRequest invite(const std::string& uri = "sip:bob@example.com", unsigned last = 10,
                             const std::string& from = "sip:alice@example.com") {
        RawRequest request{"INVITE", uri};
        request.from = "<" + from + ">;tag=from";
        request.call_id = "call";
        request.with("Contact: <sip:alice@" + host(last) + ":5060>");
        return request.with_body("application/sdp", "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\n");
    }
    const sip::Counters& counters() const { return server.counters(); }
    /// Nothing is on its way any more.
    bool quiet() {
        return server.proxy().size() == 0 && server.proxy().branches() == 0 &&
               server.stack().clients().size() == 0 && server.stack().servers().size() == 0;
    }
};
