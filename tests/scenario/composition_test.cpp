// From publications, registrations and standing state to what watchers are told, and when.

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "sip/base/civil_time.hpp"
#include "tests/support/server_world.hpp"

using presence::Policy;
using sip::milliseconds;
using sip::seconds;

namespace {

/// bob's subscription to alice, past its first NOTIFY and the hold behind it.
std::string watch(ServerWorld& w, const std::string& watcher = "bob") {
    REQUIRE(w.raw.ask(ServerWorld::subscribe(watcher, "alice", 7200)).status() == 200);
    std::string body = w.raw.take("NOTIFY").body();
    w.raw.pass(seconds{10});
    w.raw.sent.clear();
    return body;
}
/// What the next NOTIFY says; empty when there is none.
std::string told(ServerWorld& w) {
    w.raw.drain();
    const RawMessage notify = w.raw.take("NOTIFY");
    return notify ? notify.body() : std::string();
}
std::string time_in(ServerWorld& w, int in_s) {
    std::array<char, 40> room{};
    sip::Appender out(room);
    sip::write_rfc3339(out, w.raw.now.wall_ms + in_s * 1000);
    return std::string(out.view());
}
std::string with_device(const std::string& basic, const std::string& contact,
                        const std::string& device) {
    std::string text = pidf_document(basic, "t1", contact);
    const auto at = text.find("<contact>");
    return text.insert(at, "<dm:deviceID>" + device + "</dm:deviceID>");
}
std::string first_id(const std::string& body) { return body.substr(body.find(" id="), 22); }

class TableOfStates final : public presence::LocalStates {
public:
    std::map<std::string, State, std::less<>> states;
    std::optional<State> state_of(std::string_view presentity) const override {
        const auto found = states.find(presentity);
        if (found == states.end()) return {};
        return found->second;
    }
};

}  // namespace

// Ghosts -----------------------------------------------------------------------------------------

TEST_CASE("T-20: who lost the 200 and publishes anew leaves no ghost behind") {
    ServerWorld w;
    (void)watch(w);
    const std::string desk = "sip:alice@desk.example.com";
    const std::string lost =
        w.raw.ask(w.publish("alice", pidf_document("open", "t1", desk))).field("SIP-ETag");
    const std::string before = told(w);
    w.raw.pass(seconds{40});
    const RawMessage again =
        w.raw.ask(w.publish("alice", pidf_document("closed", "t1", "sip:alice@DESK.example.com")));
    CHECK(again.status() == 200);
    CHECK(w.server.compositor().size() == 1);
    CHECK(w.server.counters().publications_superseded == 1);
    // One NOTIFY, one tuple, and to watchers it is the one that they know.
    const std::string after = told(w);
    CHECK(count_of(after, "<tuple ") == 1);
    CHECK(count_of(after, "<basic>closed</basic>") == 1);
    CHECK(first_id(after) == first_id(before));
    w.raw.pass(seconds{10});
    CHECK_FALSE(w.raw.take("NOTIFY"));
    CHECK(w.raw.ask(w.publish("alice", "", lost)).status() == 412);
    CHECK(w.raw.ask(w.publish("alice", "", again.field("SIP-ETag"))).status() == 200);
    // What expires then is the one that there is.
    w.raw.pass(seconds{4000});
    CHECK(w.server.compositor().size() == 0);
    CHECK(count_of(told(w), "<basic>closed</basic>") == 1);
}

TEST_CASE("publications of two sources stay, whatever they have in common") {
    ServerWorld w;
    const std::string desk = "sip:alice@desk.example.com";
    const RawRequest late = w.publish("alice", pidf_document("open", "t1", desk));
    w.raw.ask(w.publish("alice", pidf_document("open", "t1", desk)));
    std::size_t count = 1;
    const auto stays = [&](RawRequest request, std::uint8_t last_octet = 99) {
        const sip::Endpoint peer = w.raw.peer;
        w.raw.peer.address = sip::Address::v4(192, 0, 2, last_octet);
        w.raw.input(w.raw.text_of(request));
        w.raw.peer = peer;
        ++count;
        return w.server.compositor().size() == count;
    };
    RawRequest other_call = w.publish("alice", pidf_document("open", "t1", desk));
    other_call.call_id = "other";
    CHECK(stays(other_call));
    CHECK(stays(w.publish("alice", pidf_document("open", "t1", desk)), 98));
    CHECK(stays(w.publish("alice", pidf_document("open", "t1", "sip:alice@car.example.com"))));
    // Two services where one was, and a person where a service was.
    const std::string two =
        "<tuple id=\"t2\"><status><basic>open</basic></status><contact>tel:+1</contact></tuple>";
    CHECK(stays(w.publish("alice", pidf_document("open", "t1", desk, two))));
    std::string person = pidf_document("open");
    const auto from = person.find("<tuple"), to = person.find("</presence>");
    person.replace(from, to - from, "<dm:person id=\"p\"><rpid:activities/></dm:person>");
    CHECK(stays(w.publish("alice", person)));
    CHECK(stays(w.publish("alice", person)));  // of persons nobody can tell
    // A PUBLISH that was overtaken by a later one of its call takes nobody's place.
    CHECK(stays(late));
    CHECK(w.server.counters().publications_superseded == 0);
}

TEST_CASE("a device has one publication, two devices of a user have two") {
    ServerWorld w;
    const auto publish = [&](const std::string& call, const std::string& contact,
                             const std::string& device) {
        RawRequest request = w.publish("alice", with_device("open", contact, device));
        request.call_id = call;
        CHECK(w.raw.ask(request).status() == 200);
        return w.server.compositor().size();
    };
    CHECK(publish("a", "sip:alice@192.0.2.7", "urn:uuid:1") == 1);
    CHECK(publish("b", "sip:alice@192.0.2.7", "urn:uuid:2") == 2);
    // It was restarted, and has another address by now.
    CHECK(publish("c", "sip:alice@198.51.100.3", "urn:uuid:1") == 2);
    CHECK(w.server.counters().publications_superseded == 1);
    const std::string body = watch(w);
    CHECK(count_of(body, "198.51.100.3") == 1);
    CHECK(count_of(body, "urn:uuid:1") == 1);
    CHECK(count_of(body, "urn:uuid:2") == 1);
    // One that speaks of both is another source than either.
    std::string both = with_device("open", "sip:alice@192.0.2.8", "urn:uuid:1");
    both.insert(both.find("</presence>"),
                "<dm:device id=\"d\"><dm:deviceID>urn:uuid:2</dm:deviceID></dm:device>");
    RawRequest request = w.publish("alice", both);
    request.call_id = "d";
    CHECK(w.raw.ask(request).status() == 200);
    CHECK(w.server.compositor().size() == 3);
}

TEST_CASE("R3903-14.1-1 T-14: nobody removes what another published by saying the same") {
    ServerWorld w(Policy::allow);
    const std::string document = with_device("open", "sip:alice@192.0.2.7", "urn:uuid:1");
    const RawMessage kept = w.ask_as("alice", w.publish("alice", document));
    REQUIRE(kept.status() == 200);
    // For her: refused. For himself: another resource. Without credentials: challenged.
    CHECK(w.ask_as("bob", w.publish("alice", document)).status() == 403);
    CHECK(w.ask_as("bob", w.publish("bob", document)).status() == 200);
    CHECK(w.raw.ask(w.publish("alice", document)).status() == 401);
    CHECK(w.server.compositor().size() == 2);
    CHECK(w.server.counters().publications_superseded == 0);
    CHECK(w.ask_as("alice", w.publish("alice", "", kept.field("SIP-ETag"))).status() == 200);
}

TEST_CASE("R3903-OUR-1: at the bound of publications the ghost makes room for who replaces it") {
    presence::ServerOptions options = ServerWorld::open();
    options.limits.publications_per_resource = 2;
    ServerWorld w(options);
    const auto publish = [&](const std::string& call, const std::string& device) {
        RawRequest request = w.publish("alice", with_device("open", "sip:a@h", device));
        request.call_id = call;
        return w.raw.ask(request).status();
    };
    CHECK(publish("a", "urn:uuid:1") == 200);
    CHECK(publish("b", "urn:uuid:2") == 200);
    CHECK(publish("c", "urn:uuid:3") == 403);
    CHECK(publish("d", "urn:uuid:2") == 200);
    CHECK(w.server.compositor().size() == 2);
    CHECK(publish("e", "urn:uuid:3") == 403);
    CHECK(w.server.counters().limit_publications_per_resource == 2);
}

// What holds from or until an instant ------------------------------------------------------------

TEST_CASE("R4480-3.2-1: what holds until an instant is gone for watchers at that instant") {
    ServerWorld w;
    (void)watch(w);
    w.raw.ask(w.publish(
        "alice", pidf_document("open", "t1", "sip:a@h",
                               "<dm:person id=\"p\"><rpid:activities until=\"" + time_in(w, 60) +
                                   "\"><rpid:meeting/></rpid:activities><rpid:mood from=\"" +
                                   time_in(w, 120) + "\"><rpid:happy/></rpid:mood></dm:person>")));
    std::string body = told(w);
    CHECK(count_of(body, "<rpid:meeting/>") == 1);
    CHECK(count_of(body, "<rpid:happy/>") == 0);
    w.raw.pass(seconds{60} - milliseconds{1});
    CHECK_FALSE(w.raw.take("NOTIFY"));
    w.raw.pass(milliseconds{1});
    RawMessage notify = w.raw.take("NOTIFY");
    CHECK(notify.at == w.raw.now.mono);
    CHECK(count_of(notify.body(), "meeting") == 0);
    CHECK(count_of(notify.body(), "<basic>open</basic>") == 1);
    w.raw.pass(seconds{60} - milliseconds{1});
    CHECK_FALSE(w.raw.take("NOTIFY"));
    w.raw.pass(milliseconds{1});
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<rpid:happy/>") == 1);
    w.raw.pass(seconds{3000});
    CHECK_FALSE(w.raw.take("NOTIFY"));
}

TEST_CASE("R4480-3.2-1 R3856-6.10-1: what ends by itself keeps the rate, and is told to all") {
    ServerWorld w;
    (void)watch(w);
    const auto publish = [&](int until_s, const std::string& tag) {
        const RawMessage answer = w.raw.ask(w.publish(
            "alice",
            pidf_document("open", "t1", "sip:a@h",
                          "<dm:person id=\"p\"><rpid:activities until=\"" + time_in(w, until_s) +
                              "\"><rpid:meeting/></rpid:activities></dm:person>"),
            tag));
        return answer.field("SIP-ETag");
    };
    const std::string tag = publish(2, {});
    CHECK(count_of(told(w), "meeting") == 1);
    w.raw.pass(seconds{5} - milliseconds{1});
    CHECK_FALSE(w.raw.take("NOTIFY"));
    w.raw.pass(milliseconds{1});
    CHECK(count_of(w.raw.take("NOTIFY").body(), "meeting") == 0);
    // Who subscribes in the meantime sees what holds then, and not what was rendered before.
    w.raw.pass(seconds{10});
    (void)publish(20, tag);
    CHECK(count_of(told(w), "meeting") == 1);
    w.raw.pass(seconds{20});
    w.raw.sent.clear();
    w.raw.ask(ServerWorld::subscribe("carol"));
    CHECK(count_of(w.raw.take("NOTIFY").body(), "meeting") == 0);
}

TEST_CASE("R4480-3.2-1: a change that is due goes with the publication, and wakes nobody") {
    ServerWorld w;
    (void)watch(w);
    const std::string tag =
        w.raw
            .ask(w.publish(
                "alice", pidf_document("open", "t1", "sip:a@h",
                                       "<dm:person id=\"p\"><rpid:mood until=\"" + time_in(w, 60) +
                                           "\"><rpid:calm/></rpid:mood></dm:person>")))
            .field("SIP-ETag");
    (void)told(w);
    w.raw.pass(seconds{10});
    w.raw.ask(w.publish("alice", pidf_document("open", "t1", "sip:a@h"), tag));
    CHECK(count_of(told(w), "calm") == 0);
    w.raw.pass(seconds{100});
    CHECK_FALSE(w.raw.take("NOTIFY"));
    // Nobody is left: nothing ticks for a document that nobody sees.
    w.raw.pass(seconds{8000});
    w.raw.sent.clear();
    CHECK(w.server.notifier().size() == 0);
}

// Registrations ----------------------------------------------------------------------------------

TEST_CASE("R3856-7.2-3 R5196-3-1: what a phone registers that it can do is told to watchers") {
    ServerWorld w;
    (void)watch(w);
    const std::string contact = "<sip:alice@192.0.2.7>;q=0.7;audio;methods=\"INVITE";
    w.raw.ask(w.register_("alice", contact + "\""));
    std::string body = told(w);
    CHECK(count_of(body, "priority=\"0.7\"") == 1);
    CHECK(count_of(body, ":INVITE/>") == 1);
    CHECK(count_of(body, "MESSAGE") == 0);
    w.raw.pass(seconds{10});
    // It learns to take messages; a refresh that says the same is no news.
    w.raw.ask(w.register_("alice", contact + ",MESSAGE\""));
    body = told(w);
    CHECK(count_of(body, ":MESSAGE/>") == 1);
    CHECK(count_of(body, "<tuple ") == 1);
    w.raw.pass(seconds{10});
    w.raw.ask(w.register_("alice", contact + ",MESSAGE\""));
    w.raw.pass(seconds{10});
    CHECK_FALSE(w.raw.take("NOTIFY"));
}

TEST_CASE("R3856-7.2-4 R3856-6.10-1: a connection that closes is told at once, at the rate") {
    ServerWorld w;
    (void)watch(w);
    const auto register_over = [&](sip::FlowId flow, const std::string& instance) {
        RawRequest request = w.register_("alice",
                                         "<sip:alice@phone.invalid;transport=tcp>;"
                                         "+sip.instance=\"<urn:uuid:" +
                                             instance + ">\";reg-id=1");
        request.call_id = instance;
        request.with("Supported: path, outbound");
        return w.raw.ask(flow, request).status();
    };
    const sip::FlowId desk = w.raw.connect(), car = w.raw.connect();
    CHECK(register_over(desk, "1") == 200);
    CHECK(count_of(told(w), "<basic>open</basic>") == 1);
    w.raw.pass(seconds{10});
    CHECK(register_over(car, "2") == 200);
    CHECK(count_of(told(w), "<basic>open</basic>") == 2);
    w.raw.pass(seconds{10});
    w.server.closed(w.raw.now, desk);
    CHECK(count_of(told(w), "<basic>open</basic>") == 1);
    // The next one comes within the hold, and is told at its end.
    w.raw.pass(seconds{1});
    w.server.closed(w.raw.now, car);
    CHECK(told(w).empty());
    w.raw.pass(seconds{4} - milliseconds{1});
    CHECK_FALSE(w.raw.take("NOTIFY"));
    w.raw.pass(milliseconds{1});
    CHECK(count_of(w.raw.take("NOTIFY").body(), "<basic>closed</basic>") == 1);
}

TEST_CASE(
    "R3856-6.10-1 R3856-6.10-2 D-4: one hold a view, or one a watcher, as the server is set") {
    for (const bool per_watcher : {false, true}) {
        CAPTURE(per_watcher);
        presence::ServerOptions options = ServerWorld::open();
        options.hold_per_watcher = per_watcher;
        ServerWorld w(options);
        (void)watch(w);
        const std::string tag =
            w.raw.ask(w.publish("alice", pidf_document("open"))).field("SIP-ETag");
        CHECK(count_of(told(w), "open") == 1);
        w.raw.pass(seconds{1});
        // Her first NOTIFY is forced: it starts no hold.
        w.raw.ask(ServerWorld::subscribe("carol"));
        CHECK(w.raw.take("NOTIFY"));
        w.raw.pass(seconds{1});
        w.raw.ask(w.publish("alice", pidf_document("closed"), tag));
        std::vector<std::string> at_once;
        while (const RawMessage notify = w.raw.take("NOTIFY"))
            at_once.push_back(notify.field("To"));
        CHECK(at_once.size() == (per_watcher ? 1 : 0));
        if (per_watcher) CHECK(at_once.at(0).find("carol") != std::string::npos);
        w.raw.pass(seconds{3} - milliseconds{1});
        CHECK_FALSE(w.raw.take("NOTIFY"));
        w.raw.pass(milliseconds{1});
        std::size_t then = 0;
        while (const RawMessage notify = w.raw.take("NOTIFY")) {
            CHECK(count_of(notify.body(), "<basic>closed</basic>") == 1);
            ++then;
        }
        CHECK(then == (per_watcher ? 1 : 2));
    }
}

// Hard state -------------------------------------------------------------------------------------

TEST_CASE("R4479-OUR-1: hard state is told of whom nobody says anything, as soon as that is so") {
    TableOfStates table;
    const std::string standing = pidf_document("closed", "h", "tel:+493012345");
    presence::ServerOptions options = ServerWorld::open();
    options.hard_states = &table;
    ServerWorld w(options);
    table.states["alice@example.com"] = {standing, w.raw.now.mono, w.raw.now.wall_ms};
    const std::string first = watch(w);
    CHECK(count_of(first, "tel:+493012345") == 1);
    RawRequest publish = w.publish("alice", pidf_document("open", "t1", "sip:a@h"));
    publish.with("Expires: 60");
    w.raw.ask(publish);
    CHECK(count_of(told(w), "tel:") == 0);
    w.raw.pass(seconds{60});
    CHECK(w.raw.take("NOTIFY").body() == first);
    // Another one is told; one that is no document is as good as none.
    w.raw.pass(seconds{10});
    const std::string broken = "<presence";
    table.states["alice@example.com"].document = broken;
    w.server.state_changed(w.raw.now, "alice@example.com");
    CHECK(count_of(told(w), "<contact>sip:alice@example.com</contact>") == 1);
    // Who may not know is told nothing of it.
    table.states["alice@example.com"].document = standing;
    w.server.set_policy(w.raw.now, Policy::polite_block);
    w.raw.pass(seconds{10});
    w.raw.sent.clear();
    w.raw.ask(ServerWorld::subscribe("carol"));
    CHECK(count_of(w.raw.take("NOTIFY").body(), "tel:") == 0);
}

// One presentity under its names -----------------------------------------------------------------

TEST_CASE("R3856-5-2 R3863-4.1.1-1: under its sip, sips and pres names a presentity is one") {
    const std::vector<std::string> schemes{"sip:", "sips:", "pres:"};
    std::string plain;
    for (const std::string& uri : schemes)
        for (const std::string& to : schemes)
            for (const std::string& entity : schemes) {
                CAPTURE(uri);
                CAPTURE(to);
                CAPTURE(entity);
                ServerWorld w;
                // A Request-URI with sips needs TLS all the way; over UDP that is another matter.
                const std::string asked = (uri == "sips:" ? "pres:" : uri) + "alice@example.com";
                const std::string named = "<" + to + "alice@EXAMPLE.com>";
                RawRequest publish = w.publish(
                    "alice",
                    pidf_document("open", "t1", "sip:a@h", {}, entity + "alice@example.com"));
                publish.uri = asked;
                publish.to = named;
                publish.from = "<" + to + "alice@example.com>;tag=1";
                CHECK(w.raw.ask(publish).status() == 200);
                RawRequest registered = w.register_("alice", "<sip:alice@192.0.2.7>");
                // RFC 3261 10.2: the address that is registered is a SIP or SIPS URI.
                if (to != "pres:") registered.to = named;
                registered.from = "<" + to + "alice@example.com>;tag=2";
                CHECK(w.raw.ask(registered).status() == 200);
                RawRequest subscribe = ServerWorld::subscribe("bob");
                subscribe.uri = asked;
                subscribe.to = named;
                subscribe.from = "<" + to + "bob@example.com>;tag=3";
                CHECK(w.raw.ask(subscribe).status() == 200);
                const std::string body = w.raw.take("NOTIFY").body();
                CHECK(count_of(body, "<tuple ") == 2);
                CHECK(count_of(body, "entity=\"sip:alice@example.com\"") == 1);
                CHECK(w.server.compositor().size() == 1);
                CHECK(w.server.registrar().size() == 1);
                // The same to watchers, whichever name anybody used.
                if (plain.empty()) plain = body;
                CHECK(body.size() == plain.size());
            }
}
