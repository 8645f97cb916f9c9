#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "presence/server.hpp"
#include "sip/event/subscriber.hpp"
#include "sip/registrar/registrant.hpp"
#include "tests/support/server_world.hpp"
#include "tests/support/world.hpp"

// A presence server, phones that are presence agents of their own, and watchers: RFC 3856 6.11.2.

using sip::seconds;

namespace {

constexpr std::uint8_t server_number = 1;
constexpr std::array<std::string_view, 1> domains{"example.com"};
const std::vector<std::uint64_t> seeds{1, 2, 3, 4, 5, 6};

/// What a host runs stands before what connects it.
struct Core {
    Core(const presence::ServerOptions& options, std::uint64_t seed)
        : randomness(seed), server(options, randomness) {}
    SeededEntropy randomness;
    presence::Server server;
};

presence::ServerOptions server_options(presence::MigrationMode mode, bool learns) {
    presence::ServerOptions options;
    options.domains = domains;
    options.policy = presence::Policy::allow;
    options.relay = sip::Proxy::Relay::local;
    options.migrate = mode;
    options.expires_jitter_percent = 0;
    options.learn = learns;
    return options;
}

class ServerNode final : private Core, public Node {
public:
    explicit ServerNode(World& world_given,
                        presence::MigrationMode mode = presence::MigrationMode::capable,
                        bool learns = false)
        : Core(server_options(mode, learns), 77),
          Node(world_given, server_number, Core::server.stack()) {
        world.add(*this);
    }
    ~ServerNode() override { world.remove(*this); }
    std::optional<sip::Effect> poll() override { return Core::server.poll(world.now); }
    using Core::server;
};

struct OwnState final : presence::LocalStates {
    std::string document = pidf_document("open");
    std::optional<State> state_of(std::string_view) const override { return State{document}; }
};

presence::ServerOptions edge_options(const OwnState& state) {
    presence::ServerOptions options;
    options.domains = domains;
    options.edge_of = "alice@example.com";
    options.policy = presence::Policy::allow;
    options.credentials = &sip::no_credentials;
    options.local_states = &state;
    options.expires_max_s = 600;
    options.expires_jitter_percent = 0;
    (void)options.trusted.networks.add({sip::Address::v4(192, 0, 2, server_number), 128});
    return options;
}

struct StateHolder {
    OwnState state;
};

/// alice's phone: an edge presence server.
class EdgeNode final : private StateHolder, private Core, public Node {
public:
    explicit EdgeNode(World& world_given, std::uint8_t number = 20)
        : Core(edge_options(state), number),
          Node(world_given, number, Core::server.stack()),
          registrant(stack.core()) {
        registrant.attach_as(stack.attach(registrant, sip::Registrant::methods));
        world.add(*this);
    }
    ~EdgeNode() override { world.remove(*this); }
    void come(const char* capabilities = ";methods=\"SUBSCRIBE\";events=\"presence\"") {
        sip::RegisterOptions options;
        options.peer.uri = "sip:alice@example.com";
        options.peer.contact_user = "alice";
        options.peer.next_hop = {
            sip::Transport::udp, udp, {}, {sip::Address::v4(192, 0, 2, 1), 5060}, {}};
        options.capabilities = capabilities;
        const auto made = registrant.register_contact(world.now, options);
        REQUIRE(made);
        id = *made;
        world.drain_all();
    }
    void leave() {
        (void)registrant.unregister(world.now, id);
        world.pass(seconds{1});
        server.notifier().end(world.now, 0, "alice@example.com",
                              sip::subscription_machine::Event::deactivate);
        world.drain_all();
    }
    void say(const std::string& basic) {
        state.document = pidf_document(basic);
        server.state_changed(world.now, "alice@example.com");
        world.drain_all();
    }
    void note(const std::string& text) {
        state.document = pidf_document("open", "t1", {}, "<note>" + text + "</note>");
        server.state_changed(world.now, "alice@example.com");
        world.drain_all();
    }
    using Core::server;
    sip::Registrant registrant;
    sip::RegistrationId id;
};

/// bob, who watches alice and never gives up.
class BobNode final : public Node {
public:
    explicit BobNode(World& world_given, std::uint8_t number = 10)
        : Node(world_given, number), subscriber(stack.core()) {
        traits.name = "presence";
        traits.accept = types;
        (void)subscriber.add_package(traits);
        subscriber.attach_as(stack.attach(subscriber, sip::Subscriber::methods));
        world.add(*this);
    }
    ~BobNode() override { world.remove(*this); }
    void watch() {
        sip::SubscribeOptions options;
        options.peer.uri = "sip:alice@example.com";
        const std::string from = "sip:bob" + std::to_string(at.address.bytes[15]) + "@example.com";
        options.peer.from = from;
        options.peer.contact_user = "bob";
        options.peer.next_hop = {
            sip::Transport::udp, udp, {}, {sip::Address::v4(192, 0, 2, 1), 5060}, {}};
        options.event = "presence";
        const auto made = subscriber.subscribe(world.now, options);
        REQUIRE(made);
        world.drain_all();
    }
    void look() override {
        while (const auto notice = subscriber.next_notice()) {
            if (notice->last) ++ended;
            if (!notice->has_document) continue;
            document = std::string(notice->body.view());
            basic = document.find("<basic>open") != std::string::npos ? "open" : "closed";
            told_at = world.now.mono;
        }
    }
    sip::EventPackage::Traits traits;
    std::array<std::string_view, 1> types{"application/pidf+xml"};
    sip::Subscriber subscriber;
    std::string document, basic;
    sip::Instant told_at{};
    int ended = 0;
};

}  // namespace

TEST_CASE(
    "R3856-6.11.2-1 R3856-7.1-1: a watcher follows the presence agent to the phone and back") {
    World world(1);
    ServerNode server(world);
    EdgeNode phone(world);
    BobNode bob(world);
    bob.watch();
    world.pass(seconds{1});
    CHECK(bob.basic == "closed");
    CHECK(server.server.notifier().size() == 1);
    for (int i = 0; i < 3; ++i) {
        phone.come();
        world.pass(seconds{3});
        CHECK(server.server.notifier().size() == 0);
        CHECK(phone.server.notifier().size() == 1);
        CHECK(bob.basic == "open");
        // The phone speaks for itself: at its own rate, and through as many refreshes as it likes.
        phone.say("closed");
        world.pass(seconds{6});
        CHECK(bob.basic == "closed");
        world.pass(seconds{2'000});
        phone.say("open");
        world.pass(seconds{6});
        CHECK(bob.basic == "open");
        CHECK(phone.server.notifier().size() == 1);
        phone.leave();
        world.pass(seconds{5});
        CHECK(server.server.notifier().size() == 1);
        CHECK(phone.server.notifier().size() == 0);
        CHECK(bob.basic == "closed");
    }
    CHECK(bob.ended == 0);
}

TEST_CASE("R3856-6.11.2-1: a phone that dies leaves its watchers to the server when they refresh") {
    World world(2);
    ServerNode server(world);
    EdgeNode phone(world);
    BobNode bob(world);
    bob.watch();
    phone.come();
    world.pass(seconds{5});
    CHECK(bob.basic == "open");
    phone.dead = true;
    // Its registration holds for an hour; what it granted holds for 600 s.
    world.pass(seconds{700});
    CHECK(server.server.notifier().size() == 1);
    world.pass(seconds{4'000});
    CHECK(bob.basic == "closed");
    CHECK(bob.ended == 0);
}

TEST_CASE("R3856-6.11.2-6: a second device brings the watchers home by their next refresh") {
    World world(3);
    ServerNode server(world);
    EdgeNode phone(world);
    EdgeNode second(world, 21);
    BobNode bob(world);
    bob.watch();
    phone.come();
    world.pass(seconds{5});
    CHECK(phone.server.notifier().size() == 1);
    second.come();
    world.pass(seconds{620});
    CHECK(server.server.notifier().size() == 1);
    CHECK(second.server.notifier().size() == 0);
    // And away again, to the one that is left.
    phone.leave();
    world.pass(seconds{5});
    CHECK(server.server.notifier().size() == 0);
    CHECK(second.server.notifier().size() == 1);
    CHECK(bob.basic == "open");
    CHECK(bob.ended == 0);
}

TEST_CASE("R3856-6.11.2-4: a phone that is none is asked once, and nobody misses anything") {
    World world(4);
    ServerNode server(world, presence::MigrationMode::always);
    BobNode bob(world), carol(world, 11);
    // It knows SUBSCRIBE, and not this package; it registers as one that says nothing of itself.
    NotifierNode other(world, 20);
    sip::Registrant registrant(other.stack.core());
    registrant.attach_as(other.stack.attach(registrant, sip::Registrant::methods));
    bob.watch();
    sip::RegisterOptions options;
    options.peer.uri = "sip:alice@example.com";
    options.peer.contact_user = "alice";
    options.peer.next_hop = {
        sip::Transport::udp, Node::udp, {}, {sip::Address::v4(192, 0, 2, 1), 5060}, {}};
    REQUIRE(registrant.register_contact(world.now, options));
    world.drain_all();
    world.pass(seconds{3});
    CHECK(bob.basic == "open");  // as the registration says
    carol.watch();
    world.pass(seconds{8'000});
    CHECK(carol.basic == "open");
    CHECK(server.server.notifier().size() == 2);
    CHECK(server.server.counters().migrations == 1);
    CHECK(bob.ended + carol.ended == 0);
}

TEST_CASE(
    "R3856-6.11.2-1: by loss, copies and disorder each watcher ends where the agent is, once") {
    for (const double loss : {0.1, 0.3}) {
        for (const std::uint64_t seed : seeds) {
            CAPTURE(seed);
            CAPTURE(loss);
            World world(seed);
            world.weather = {loss, 0.1, sip::milliseconds{5}, sip::milliseconds{300}, 0};
            ServerNode server(world);
            EdgeNode phone(world);
            BobNode bob(world), carol(world, 11);
            bob.watch();
            for (int i = 0; i < 4; ++i) {
                phone.come();
                world.pass(seconds{200});
                phone.say(i % 2 == 0 ? "closed" : "open");
                world.pass(seconds{100});
                if (i == 1) carol.watch();
                if (i < 3) phone.leave();
                world.pass(seconds{50});
            }
            world.weather.loss = 0;
            world.pass(seconds{4'000});
            const std::size_t here = server.server.notifier().size();
            const std::size_t there = phone.server.notifier().size();
            const bool registered = server.server.registrar().size() == 1;
            const std::size_t watching = bob.subscriber.size() + carol.subscriber.size();
            CHECK(watching > 0);
            CHECK(here + there == watching);
            CHECK((registered ? here : there) == 0);
            if (bob.ended == 0) CHECK(bob.basic == (registered ? "open" : "closed"));
            CHECK(server.server.proxy().size() == 0);
        }
    }
}

TEST_CASE(
    "R3856-6.11.1-2 R3856-6.11-1: a state agent learns from two phones, and lets go of the last") {
    for (const double loss : {0.0, 0.2}) {
        CAPTURE(loss);
        World world(7);
        world.weather.loss = loss;
        ServerNode server(world, presence::MigrationMode::capable, true);
        EdgeNode phone(world), second(world, 21);
        BobNode bob(world);
        phone.say("closed");
        second.say("closed");
        bob.watch();
        phone.come();
        second.come();
        world.pass(seconds{700});
        CHECK(server.server.notifier().size() == 1);
        CHECK(server.server.learning() == 2);
        CHECK(bob.basic == "closed");  // both are registered, and say otherwise
        const auto shows = [&](const char* note) {
            return bob.document.find(note) != std::string::npos;
        };
        phone.note("on the desk");
        second.note("in the hand");
        world.pass(seconds{60});
        CHECK(shows("on the desk"));
        CHECK(shows("in the hand"));
        second.leave();
        world.weather.loss = 0;
        world.pass(seconds{700});
        CHECK(server.server.learning() == 0);
        CHECK(phone.server.notifier().size() == 1);
        CHECK(shows("on the desk"));
        CHECK_FALSE(shows("in the hand"));
    }
}
