// TLS in the connections of a driver: what the core is told of them, and what bounds them.

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "tests/apps/edge/net/fake_engine.hpp"
#include "tests/apps/edge/net/loopback.hpp"

namespace {

using sip::FlowId;
using sip::Transport;
using State = edge::TlsSession::State;

std::shared_ptr<edge::TlsContext> context(
    const std::vector<std::string>& names,
    edge::ClientCertificates asks = edge::ClientCertificates::none) {
    const std::string folder = std::string(VIGIL_TLS_FILES) + "/";
    edge::TlsSettings settings;
    for (const std::string& name : names)
        settings.certificates.push_back({folder + name + ".pem", folder + name + ".key"});
    settings.authorities = folder + "ca.pem";
    settings.client_certificates = asks;
    std::vector<std::string> warnings;
    auto made = edge::TlsContext::make(settings, warnings);
    REQUIRE_MESSAGE(made, made.error());
    return *made;
}

/// A driver that listens on tls.
struct Tls {
    explicit Tls(const edge::DriverOptions& options = {},
                 std::shared_ptr<edge::TlsContext> own = context({"localhost"},
                                                                 edge::ClientCertificates::ask))
        : driver(engine, options) {
        driver.set_tls(std::move(own));
        driver.on_tls_trouble([this](const edge::TlsTrouble& what) { trouble.push_back(what); });
        const auto listening = driver.listen(std::vector{loopback(Transport::tls)});
        REQUIRE_MESSAGE(listening, listening.error());
        local = driver.listening().back().local;
    }
    bool until(const std::function<bool()>& done) { return turn_until(driver, done); }
    void open(FlowId flow, const sip::Endpoint& to, std::string_view domain) {
        engine.effects.push_back(
            sip::OpenFlow{flow, Transport::tls, to, sip::SharedBytes::copy(engine.memory, domain)});
    }
    FakeEngine engine;
    edge::Driver driver;
    std::vector<edge::TlsTrouble> trouble;
    sip::Endpoint local;
};

/// A peer of its own: a socket, and TLS in it.
struct Client {
    Client(Tls& to, edge::TlsContext& with, int receive_buffer = 0)
        : tls(to), peer(Peer::tcp(to.local, receive_buffer)), session(with.connect("localhost")) {
        session->start();
    }
    /// What there is goes back and forth once.
    void turn(bool reads = true) {
        waiting += session->take_output();
        if (!waiting.empty() && peer.send(waiting)) waiting.clear();
        if (!reads) return;
        for (auto got = peer.receive(); !got.empty(); got = peer.receive()) {
            session->receive(got);
            std::array<char, 4'000> room;
            for (auto plain = session->read(room); !plain.empty(); plain = session->read(room))
                read.append(plain.data(), plain.size());
        }
    }
    bool until(const std::function<bool()>& done) {
        return tls.until([&] {
            turn();
            return done();
        });
    }
    bool opens() {
        return until([&] { return session->state() != State::handshake; }) &&
               session->state() == State::open;
    }
    Tls& tls;
    Peer peer;
    std::unique_ptr<edge::TlsSession> session;
    std::string waiting, read;
};

}  // namespace

TEST_CASE("R5922-7.4-1: a connection is told, then whom it proves, then its bytes") {
    Tls tls;
    const auto phone = context({"phone"});
    Client client(tls, *phone);
    REQUIRE(client.opens());
    tls.engine.on_chunk = [&](const sip::Chunk& in) {
        CHECK(tls.engine.proved.size() == 1);
        tls.engine.send(in.flow, "head ", "body");
        tls.engine.send(in.flow, " again");
    };
    REQUIRE(client.session->write("hello"));
    REQUIRE(client.until([&] { return client.read.size() >= 15; }));
    CHECK(client.read == "head body again");
    const FlowId flow = tls.engine.flows.at(0).flow;
    CHECK(tls.engine.heard(flow) == "hello");
    CHECK(tls.engine.proved == std::vector{std::pair{flow, std::string("phone.example")}});
    CHECK(tls.driver.counters().tls_handshakes == 1);
    client.session->close();
    REQUIRE(client.until([&] { return !tls.engine.ended.empty(); }));
    CHECK(tls.engine.ended == std::vector{flow});
    // RFC 5923 8.3: it is answered in kind.
    CHECK(client.until([&] { return client.session->state() == State::ended; }));
    client.peer.close();
    CHECK(tls.until([&] { return tls.driver.connections() == 0; }));
    CHECK(tls.engine.memory.used() == 0);
    CHECK(tls.trouble.empty());
}

TEST_CASE(
    "R5922-7.3-1 T-30: a connection of ours stands once its peer proved to be the one meant") {
    Tls server;
    for (const auto& [wanted, works] :
         {std::pair{"localhost", true}, {"localhost", true}, {"elsewhere.example", false}}) {
        const std::string domain = wanted;
        CAPTURE(domain);
        // Both ends in one driver: it connects to itself.
        const FlowId flow{1'000 + server.engine.opened.size() + server.engine.ended.size()};
        const auto refused = server.trouble.size();
        server.engine.on_chunk = [&](const sip::Chunk& in) {
            if (in.flow != flow) server.engine.send(in.flow, "yes, here");
        };
        server.open(flow, server.local, domain);
        const auto is_flow = [&](const auto& each) { return each.flow == flow; };
        const auto& opened = server.engine.opened;
        REQUIRE(server.until([&] {
            return std::any_of(opened.begin(), opened.end(), is_flow) ||
                   std::count(server.engine.ended.begin(), server.engine.ended.end(), flow) > 0;
        }));
        CHECK(std::any_of(opened.begin(), opened.end(), is_flow) == works);
        if (!works) {
            CHECK(server.trouble.size() == refused + 1);
            CHECK(server.trouble.back().by_us);
            CHECK(server.trouble.back().why ==
                  "its certificate is of localhost, 127.0.0.1, [::1], not of elsewhere.example");
            CHECK(server.engine.heard(flow).empty());
            continue;
        }
        CHECK(server.engine.proved.at(0).second == "localhost");
        server.engine.send(flow, "are you there?");
        CHECK(server.until([&] { return server.engine.heard(flow) == "yes, here"; }));
    }
    CHECK(server.driver.counters().tls_resumed == 2);  // the second of each end
}

TEST_CASE("T-17 T-30: half a handshake ends at its deadline, on either side") {
    edge::DriverOptions options;
    options.tls_handshake_timeout = sip::milliseconds{20};
    Tls tls(options);
    Peer silent = Peer::tcp(tls.local);
    Peer half = Peer::tcp(tls.local);
    const auto client = context({});
    const auto session = client->connect("localhost");
    session->start();
    const std::string hello = session->take_output();
    REQUIRE(half.send(hello.substr(0, hello.size() / 2)));
    REQUIRE(tls.until([&] { return tls.engine.ended.size() == 2; }));
    CHECK(tls.engine.streams.empty());
    CHECK(tls.driver.counters().tls_timeouts == 2);
    REQUIRE(tls.trouble.size() == 2);
    CHECK(tls.trouble[0].why == "it did not finish the TLS handshake in time");
    CHECK_FALSE(tls.trouble[0].by_us);
    // The other way: who takes our connection and says nothing.
    Tls plain(options);
    FakeEngine mute_engine;
    edge::Driver mute(mute_engine);
    REQUIRE(mute.listen(std::vector{loopback(Transport::tcp)}));
    plain.open(FlowId{7}, mute.listening().back().local, "localhost");
    REQUIRE(plain.until([&] { return !plain.engine.ended.empty(); }));
    CHECK(plain.engine.ended == std::vector{FlowId{7}});
    CHECK(plain.engine.opened.empty());
    REQUIRE(plain.trouble.size() == 1);
    CHECK(plain.trouble[0].by_us);
    CHECK_FALSE(tls.engine.time_went_back);
    CHECK_FALSE(plain.engine.time_went_back);
}

TEST_CASE("T-17: who stands is not bound by the deadline of a handshake") {
    edge::DriverOptions options;
    options.tls_handshake_timeout = sip::milliseconds{20};
    Tls tls(options);
    const auto with = context({});
    Client client(tls, *with);
    REQUIRE(client.opens());
    bool over = false;
    tls.driver.after(sip::milliseconds{60}, [&] { over = true; });
    REQUIRE(client.until([&] { return over; }));
    CHECK(tls.engine.ended.empty());
    CHECK(tls.driver.counters().tls_timeouts == 0);
}

TEST_CASE(
    "T-30: garbage instead of a handshake closes the connection, and the core hears no byte") {
    Tls tls;
    Peer peer = Peer::tcp(tls.local);
    REQUIRE(peer.send("SUBSCRIBE sip:alice@localhost SIP/2.0\r\n\r\n"));
    REQUIRE(tls.until([&] { return !tls.engine.ended.empty(); }));
    CHECK(tls.engine.streams.empty());
    REQUIRE(tls.trouble.size() == 1);
    CHECK(tls.trouble[0].why == "it does not speak TLS");
    CHECK(tls.trouble[0].remote == peer.local());
    CHECK(tls.until([&] {
        peer.receive();
        return peer.at_end();
    }));
    CHECK(tls.until([&] { return tls.driver.connections() == 0; }));
}

TEST_CASE("T-30: a peer that goes away during the handshake is closed like any other") {
    Tls tls;
    {
        const auto with = context({});
        Client client(tls, *with);
        client.turn(false);
        REQUIRE(tls.until([&] { return !tls.engine.flows.empty(); }));
    }
    REQUIRE(tls.until([&] { return !tls.engine.ended.empty(); }));
    CHECK(tls.until([&] { return tls.driver.connections() == 0; }));
    REQUIRE(tls.trouble.size() == 1);
}

TEST_CASE("T-17: much is written to a slow reader, whole; to one that never reads, up to a bound") {
    edge::DriverOptions options;
    options.flow_write_bytes = 300'000;
    Tls tls(options);
    const auto with = context({});
    {
        Client slow(tls, *with, 4'096);
        REQUIRE(slow.opens());
        const std::string large(250'000, 'l');
        tls.engine.send(tls.engine.flows.back().flow, large);
        REQUIRE(slow.until([&] { return slow.read.size() >= large.size(); }));
        CHECK((slow.read == large));
        CHECK(tls.engine.ended.empty());
    }
    Client deaf(tls, *with, 4'096);
    REQUIRE(deaf.opens());
    const FlowId flow = tls.engine.flows.back().flow;
    const std::string piece(50'000, 'p');
    REQUIRE(tls.until([&] {
        tls.engine.send(flow, piece);
        return std::count(tls.engine.ended.begin(), tls.engine.ended.end(), flow) > 0;
    }));
    CHECK(tls.driver.counters().write_overflows == 1);
}

TEST_CASE("connections keep the certificate that they began with, new ones get the new") {
    Tls tls;
    const auto with = context({});
    Client before(tls, *with);
    REQUIRE(before.opens());
    tls.driver.set_tls(context({"example"}));
    Client after(tls, *with);
    CHECK_FALSE(after.opens());
    CHECK(after.session->error() == "its certificate is of example.com, not of localhost");
    tls.engine.send(tls.engine.flows.front().flow, "still here");
    CHECK(before.until([&] { return before.read == "still here"; }));
}

TEST_CASE("T-30: without a context nobody listens by tls, and nothing is opened in its place") {
    FakeEngine engine;
    edge::Driver driver(engine);
    const auto listening = driver.listen(std::vector{loopback(Transport::tls)});
    REQUIRE_FALSE(listening);
    CHECK(listening.error().find("TLS is not set up") != std::string::npos);
    FakeEngine other;
    edge::Driver bare(other);
    REQUIRE(bare.listen(std::vector{loopback(Transport::udp)}));
    other.effects.push_back(sip::OpenFlow{
        FlowId{9}, Transport::tls, sip::Endpoint{sip::Address::v4(127, 0, 0, 1), 5061}, {}});
    CHECK(turn_until(bare, [&] { return other.ended == std::vector{FlowId{9}}; }));
}
