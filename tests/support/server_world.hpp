#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "presence/server.hpp"
#include "sip/auth/credential_source.hpp"
#include "sip/auth/ha1.hpp"
#include "tests/support/raw_digest.hpp"
#include "tests/support/raw_peer.hpp"
#include "tests/support/seeded_entropy.hpp"

/// Digest users of example.com, each with its own name as password. They are who exists.
class NamedUsers final : public sip::CredentialSource, public sip::Directory {
public:
    std::map<std::string, std::string, std::less<>> users{
        {"alice", "alice"}, {"bob", "bob"}, {"carol", "carol"}};

    bool find(std::string_view user, std::string_view realm, sip::DigestAlgorithm base,
              sip::Ha1& out) const override {
        const auto found = users.find(user);
        if (found == users.end() || realm != "example.com") return false;
        out = sip::make_ha1(base, user, realm, found->second);
        return true;
    }
    bool exists(std::string_view address) const override {
        return users.contains(address.substr(0, address.find('@')));
    }
};

/// A PIDF document with one tuple; `inside` stands behind the tuple.
inline std::string pidf_document(std::string_view basic, std::string_view id = "t1",
                                 std::string_view contact = {}, std::string_view inside = {},
                                 std::string_view entity = "sip:alice@example.com") {
    std::string text =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
        "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" "
        "xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" "
        "xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"";
    text += entity;
    text += "\"><tuple id=\"" + std::string(id) + "\"><status><basic>" + std::string(basic) +
            "</basic></status>";
    if (!contact.empty()) text += "<contact>" + std::string(contact) + "</contact>";
    text += "</tuple>" + std::string(inside) + "</presence>";
    return text;
}

/// How often `part` stands in `text`.
inline std::size_t count_of(std::string_view text, std::string_view part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

/// A presence server of example.com under virtual time, spoken to in raw messages.
class ServerWorld {
public:
    /// Everybody is taken at his word and may see everybody.
    static presence::ServerOptions open() {
        presence::ServerOptions options;
        options.domains = domains;
        options.policy = presence::Policy::allow;
        options.expires_jitter_percent = 0;  // what is granted is what is asked for
        return options;
    }
    /// Digest users, with that policy.
    presence::ServerOptions closed(presence::Policy policy) {
        presence::ServerOptions options = open();
        options.policy = policy;
        options.credentials = &users;
        options.directory = &users;
        return options;
    }
    ServerWorld() : ServerWorld(open()) {}
    explicit ServerWorld(const presence::ServerOptions& options)
        : server(options, entropy), raw(server) {}
    /// `make(ServerWorld&)` gives the options; its users stand already.
    template <class Make>
    requires std::is_invocable_r_v<presence::ServerOptions, Make, ServerWorld&>
    explicit ServerWorld(Make make) : server(make(*this), entropy), raw(server) {}
    explicit ServerWorld(presence::Policy policy) : ServerWorld(policy, {}) {}
    ServerWorld(presence::Policy policy, const sip::Limits& limits)
        : server(
              [&] {
                  presence::ServerOptions options = closed(policy);
                  options.limits = limits;
                  return options;
              }(),
              entropy),
          raw(server) {}

    static RawRequest subscribe(const std::string& watcher, const std::string& presentity = "alice",
                                unsigned expires = 600) {
        RawRequest request{"SUBSCRIBE", "sip:" + presentity + "@example.com"};
        request.from = "<sip:" + watcher + "@example.com>;tag=from-" + watcher;
        request.call_id = "subscribe-" + watcher + "-" + presentity;
        request.with("Event: presence")
            .with("Contact: <sip:" + watcher + "@192.0.2.99:5062>")
            .with("Expires: " + std::to_string(expires));
        return request;
    }
    /// The next SUBSCRIBE of the dialog that `notify` belongs to.
    static RawRequest resubscribe(RawRequest first, const RawMessage& notify, unsigned expires) {
        const std::string contact = notify.field("Contact");
        first.uri = contact.substr(1, contact.find('>') - 1);
        first.to = notify.field("From");
        ++first.cseq;
        first.fields.pop_back();
        first.with("Expires: " + std::to_string(expires));
        return first;
    }
    RawRequest publish(const std::string& user, const std::string& body,
                       const std::string& etag = {}) {
        RawRequest request{"PUBLISH", "sip:" + user + "@example.com"};
        request.from = "<sip:" + user + "@example.com>;tag=publish";
        request.call_id = "publish-" + user;
        request.cseq = ++cseq_;
        request.with("Event: presence");
        if (!etag.empty()) request.with("SIP-If-Match: " + etag);
        if (!body.empty()) request.with_body("application/pidf+xml", body);
        return request;
    }
    RawRequest register_(const std::string& user, const std::string& contact,
                         unsigned expires = 3600) {
        RawRequest request{"REGISTER", "sip:example.com"};
        request.from = "<sip:" + user + "@example.com>;tag=register";
        request.to = "<sip:" + user + "@example.com>";
        request.call_id = "register-" + user;
        request.cseq = ++cseq_;
        request.with("Contact: " + contact).with("Expires: " + std::to_string(expires));
        return request;
    }
    /// Asks, and when challenged asks again with the credentials of `user`.
    RawMessage ask_as(const std::string& user, RawRequest request) {
        const RawMessage first = raw.ask(request);
        if (first.status() != 401) return first;
        const std::string challenge = first.field("WWW-Authenticate");
        ++request.cseq;
        request.branch.clear();
        return raw.ask(request.with(authorization_for(challenge, request, user, user)));
    }

    static constexpr std::array<std::string_view, 1> domains{"example.com"};
    NamedUsers users;
    SeededEntropy entropy{11};
    presence::Server server;
    RawWorld<presence::Server> raw;

private:
    unsigned cseq_ = 0;
};
