#include "sip/event/notify_gate.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sip/event/notify_digest.hpp"
#include "sip/event/subscriber.hpp"
#include "tests/support/event_world.hpp"

using namespace sip;

namespace {

constexpr std::string_view realm = "example.com";

/// What watcher and server share: the password that the watcher subscribes with.
struct Shared final : CredentialSource, NotifySecretSource {
    std::string servers = "secret";
    bool find(std::string_view user, std::string_view where, DigestAlgorithm base,
              Ha1& out) const override {
        out = make_ha1(base, user, where, "secret");
        return user == "bob" && where == realm;
    }
    bool find(std::string_view, std::string_view where, DigestAlgorithm base,
              NotifySecret& out) const override {
        if (servers.empty()) return false;
        out = {"bob", make_ha1(base, "bob", where, servers)};
        return true;
    }
};

DigestServerOptions integrity() {
    DigestServerOptions options;
    (void)options.algorithms.push(DigestAlgorithm::md5);
    options.auth_int_alone = true;
    return options;
}

/// A watcher that wants proof, and a server; what either sends the other gets at once.
struct Proved {
    Endpoint here{Address::v4(192, 0, 2, 99), 5062};
    SeededEntropy entropy{3};
    Stack client{{}, entropy};
    Subscriber subscriber{client.core()};
    Shared shared;
    DigestServer digest{client.shard().memory, entropy, integrity()};
    NotifyGate gate{digest, shared, realm};
    EventWorld server;
    NotifyDigest answers{server.stack.shard().memory, server.entropy, shared};
    std::vector<std::string> said_by_server;
    std::string forged_body;  ///< stands in the place of each NOTIFY's

    Proved() {
        (void)client.add_listener({ListenerId{1}, Transport::udp, here, {}});
        subscriber.attach_as(client.attach(subscriber, Subscriber::methods));
        (void)subscriber.add_package(server.echo.traits());
        client.set_gate(&gate);
        server.notifier.set_credentials(&answers);
        server.net.answer_notify = false;
        SubscribeOptions options;
        options.peer.uri = "sip:alice@example.com";
        options.peer.from = "sip:bob@example.com";
        options.peer.next_hop.remote = server.net.server;
        options.event = "echo";
        options.expires_s = 600;
        REQUIRE(subscriber.subscribe(server.net.now, options));
    }
    void pump() {
        for (bool any = true; any;) {
            any = false;
            while (const auto effect = client.poll(server.net.now)) {
                const auto* out = std::get_if<Transmit>(&*effect);
                if (out == nullptr) continue;
                any = true;
                server.net.input(std::string(out->packet.head.view()) +
                                 std::string(out->packet.body.view()));
            }
            while (const RawMessage message = server.net.take()) {
                any = true;
                said_by_server.push_back(message.text);
                std::string text = message.text;
                if (message.method() == "NOTIFY" && !forged_body.empty())
                    text.replace(text.find("\r\n\r\n") + 4, forged_body.size(), forged_body);
                client.input(server.net.now, Datagram{ListenerId{1}, server.net.server, text});
            }
        }
    }
    std::vector<std::string> documents() {
        std::vector<std::string> found;
        while (const auto notice = subscriber.next_notice())
            if (notice->has_document) found.emplace_back(notice->body.view());
        return found;
    }
    std::size_t notifies() const {
        std::size_t count = 0;
        for (const std::string& text : said_by_server) count += text.starts_with("NOTIFY");
        return count;
    }
};

}  // namespace

TEST_CASE("R3856-9.4-1: a watcher challenges each NOTIFY with auth-int and reads what is proved") {
    Proved world;
    world.pump();
    // Asked once, sent again with credentials.
    CHECK(world.notifies() == 2);
    CHECK(world.said_by_server.back().find("qop=auth-int") != std::string::npos);
    CHECK(world.documents().size() == 1);
    CHECK(world.server.notifier.size() == 1);
    (void)world.server.net.ask(world.server.publish_request("news"));
    world.server.net.sent.clear();
    world.server.net.pass(seconds{6});
    world.pump();
    const auto documents = world.documents();
    REQUIRE(documents.size() == 1);
    CHECK(documents[0].find("news") != std::string::npos);
}

TEST_CASE("R3856-9.4-1: whoever does not know the secret is not believed") {
    Proved world;
    SUBCASE("another secret") { world.shared.servers = "guessed"; }
    SUBCASE("no secret") { world.shared.servers.clear(); }
    SUBCASE("another body than what was signed") { world.forged_body = "EVIL"; }
    world.pump();
    CHECK(world.documents().empty());
    CHECK(world.notifies() <= 3);
}

TEST_CASE("other requests than NOTIFY pass the gate as if there was none") {
    Proved world;
    const std::string options =
        "OPTIONS sip:192.0.2.99:5062 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKo\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:bob@192.0.2.99>\r\n"
        "Call-ID: o\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n";
    std::string text = options;
    text.replace(text.find("OPTIONS"), 7, "MESSAGE");
    world.client.input(world.server.net.now,
                       Datagram{ListenerId{1}, world.server.net.server, text});
    while (const auto effect = world.client.poll(world.server.net.now))
        if (const auto* out = std::get_if<Transmit>(&*effect))
            CHECK(out->packet.head.view().find("401") == std::string_view::npos);
}
