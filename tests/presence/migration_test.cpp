#include "presence/migration.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/proxy_world.hpp"

using presence::MigrationMode;
using presence::Policy;
using sip::milliseconds;
using sip::seconds;

namespace {

constexpr const char* capable = ";methods=\"INVITE,SUBSCRIBE\";events=\"presence\"";
constexpr unsigned bob = 10, phone = 20, other = 21;

/// alice's phone is at `phone`, bob watches from `bob`.
struct MigrationWorld : ProxyWorld {
    explicit MigrationWorld(MigrationMode mode = MigrationMode::capable,
                            Policy policy = Policy::allow, const sip::Limits& limits = {})
        : MigrationWorld([&](ServerWorld& w) {
              presence::ServerOptions options = w.closed(policy);
              options.relay = Relay::local;
              options.migrate = mode;
              options.composition.capabilities = false;  // NOTIFYs that go by UDP
              options.notify_interval = {};
              options.limits = limits;
              return options;
          }) {}
    template <class Make>
    requires std::is_invocable_r_v<presence::ServerOptions, Make, ServerWorld&>
    explicit MigrationWorld(Make make) : ProxyWorld(make) { raw.answer_notify = false; }

    /// A SUBSCRIBE of `user` to alice, with what proves who it is.
    RawRequest asking(const std::string& user = "bob", unsigned expires = 600) {
        RawRequest request = subscribe(user, "alice", expires);
        request.fields[1] = "Contact: <sip:" + user + "@" + host(bob) + ":5060>";
        request.call_id += std::to_string(++number);
        say(bob, request);
        const std::string challenge = heard(bob).field("WWW-Authenticate");
        ++request.cseq;
        return request.with(authorization_for(challenge, request, user, user));
    }
    /// bob subscribes: what came back to him first.
    RawMessage watch(const std::string& user = "bob") {
        say(bob, asking(user));
        return heard(bob);
    }
    /// What bob hears of `method`, answered.
    RawMessage told(const char* method = "NOTIFY") {
        const RawMessage message = heard(bob);
        CHECK(message.method() == method);
        if (message) say(bob, answer_to(message, 200));
        return message;
    }
    bool silent() { return !heard(bob) && !heard(phone) && !heard(other); }
    std::size_t ours() { return server.notifier().size(); }
    /// bob has a subscription to alice here.
    void stand() {
        CHECK(watch().status() == 200);
        told();
        CHECK(ours() == 1);
    }
    /// The next SUBSCRIBE of the dialog that the phone's answer to `first` made; bob proves it.
    RawMessage again(RawRequest first, const RawMessage& accepted, unsigned last = bob) {
        first.uri = "sip:phone@" + host(phone) + ":5060";
        first.to = accepted.field("To");
        first.fields.erase(first.fields.begin() + 3, first.fields.end());
        for (const std::string& route : accepted.fields("Record-Route"))
            first.with("Route: " + route);
        first.cseq += 10;
        first.branch.clear();
        say(last, first);
        const RawMessage asked = heard(last);
        if (asked.status() != 407) return asked;
        ++first.cseq;
        std::string line =
            authorization_for(asked.field("Proxy-Authenticate"), first, "bob", "bob");
        first.with("Proxy-" + line);
        first.branch.clear();
        say(last, first);
        return heard(last);
    }
    unsigned number = 0;
};

}  // namespace

TEST_CASE("R3856-6.11.2-1 R3856-6.11.2-3: watchers are sent to a PUA that says it is an agent") {
    MigrationWorld w;
    w.stand();
    w.bind("alice", phone, capable);
    // `bind` has dropped what was sent: the NOTIFY comes again.
    w.raw.pass(milliseconds{500});
    const RawMessage end = w.told();
    CHECK(end.field("Subscription-State") == "terminated;reason=deactivated");
    CHECK(w.ours() == 0);
    const RawRequest request = w.asking();
    const std::string bytes = w.text(bob, request);
    w.say(bob, bytes);
    const RawMessage carried = w.heard(phone);
    CHECK(carried.method() == "SUBSCRIBE");
    CHECK(carried.request_uri() == "sip:alice@192.0.2.20:5060");
    CHECK(carried.field("P-Asserted-Identity") == "<sip:bob@example.com>");
    CHECK_FALSE(carried.has("Authorization"));
    CHECK(carried.field("Event") == "presence");
    w.answer(phone, carried, 200, "agent", {"Expires: 600"});
    const RawMessage accepted = w.heard(bob);
    CHECK(accepted.status() == 200);
    CHECK(accepted.to_tag() == "agent");
    CHECK(w.ours() == 0);
    // In their dialog bob proves who he is, and the phone has our word for it again.
    w.say(bob, bytes);  // a late copy is answered as it was
    CHECK(w.heard(bob).to_tag() == "agent");
    CHECK(!w.again(request, accepted));
    const RawMessage refresh = w.heard(phone);
    CHECK(refresh.method() == "SUBSCRIBE");
    CHECK(refresh.field("P-Asserted-Identity") == "<sip:bob@example.com>");
    w.answer(phone, refresh, 200, "agent", {"Expires: 600"});
    CHECK(w.heard(bob).status() == 200);
    CHECK(w.counters().migrations == 1);
    w.raw.pass(seconds{40});
    CHECK(w.quiet());
}

TEST_CASE("R3856-6.11.2-3: who does not say both, or says no, is not asked") {
    for (const char* said :
         {"", ";methods=\"SUBSCRIBE\"", ";events=\"presence\"",
          ";methods=\"INVITE\";events=\"presence\"", ";methods=\"SUBSCRIBE\";events=\"dialog\"",
          ";methods=\"!SUBSCRIBE\";events=\"presence\""}) {
        CAPTURE(said);
        MigrationWorld w;
        w.bind("alice", phone, said);
        w.stand();
        CHECK(w.counters().migrations == 0);
    }
    MigrationWorld w(MigrationMode::never);
    w.stand();
    w.bind("alice", phone, capable);
    w.raw.sent.clear();
    CHECK(w.watch().status() == 200);
    CHECK(w.ours() == 2);
}

TEST_CASE("R3856-6.11.2-1: always asks those who say nothing, and not those who say otherwise") {
    MigrationWorld silent(MigrationMode::always);
    silent.bind("alice", phone);
    silent.say(bob, silent.asking());
    CHECK(silent.heard(phone).method() == "SUBSCRIBE");
    MigrationWorld telling(MigrationMode::always);
    telling.bind("alice", phone, ";methods=\"INVITE\"");
    telling.stand();
}

TEST_CASE(
    "R3856-6.11.2-4 R3856-6.11.2-5: 405 and 489 bring it home, for as long as it is registered") {
    for (const int status : {405, 489, 501, 401, 407, 404}) {
        CAPTURE(status);
        MigrationWorld w(MigrationMode::always);
        w.bind("alice", phone);
        const RawRequest request = w.asking();
        w.say(bob, request);
        const RawMessage tried = w.heard(phone);
        REQUIRE(tried.method() == "SUBSCRIBE");
        w.answer(phone, tried, status);
        // The same SUBSCRIBE is answered here.
        const RawMessage accepted = w.heard(bob);
        CHECK(accepted.status() == 200);
        CHECK(accepted.field("CSeq") == "2 SUBSCRIBE");
        CHECK(accepted.field("Expires") == "600");
        CHECK(w.told().field("Subscription-State").starts_with("active"));
        CHECK(w.ours() == 1);
        CHECK(w.counters().migrations_returned == 1);
        // Others, and the refreshes of the registration, change nothing about that.
        CHECK(w.watch("carol").status() == 200);
        w.told();
        w.bind("alice", phone);
        CHECK(w.watch("carol").status() == 200);
        w.told();
        CHECK(w.counters().migrations == 1);
        w.raw.pass(seconds{40});
        CHECK(w.quiet());
    }
}

TEST_CASE("R3856-6.11.2-5: a new registration of the same phone is asked again") {
    const auto refuse = [](MigrationWorld& w) {
        w.bind("alice", phone);
        w.say(bob, w.asking());
        w.answer(phone, w.heard(phone), 489);
        CHECK(w.heard(bob).status() == 200);
        w.told();
        w.raw.sent.clear();
    };
    const auto is_asked = [](MigrationWorld& w) {
        w.raw.sent.clear();
        w.say(bob, w.asking("carol"));
        return w.heard(phone).method() == "SUBSCRIBE";
    };
    SUBCASE("it starts anew") {
        MigrationWorld w(MigrationMode::always);
        refuse(w);
        RawRequest request = w.register_("alice", "<sip:alice@192.0.2.20:5060>");
        request.call_id = "after-the-start";
        CHECK(w.ask_as("alice", request).status() == 200);
        CHECK(is_asked(w));
    }
    SUBCASE("it says another thing of itself, and its watchers are told") {
        MigrationWorld w(MigrationMode::always);
        refuse(w);
        w.bind("alice", phone, capable);
        w.raw.pass(milliseconds{500});
        CHECK(w.told().field("Subscription-State") == "terminated;reason=deactivated");
        CHECK(is_asked(w));
    }
    SUBCASE("it goes and comes back") {
        MigrationWorld w(MigrationMode::always);
        refuse(w);
        RawRequest request = w.register_("alice", "<sip:alice@192.0.2.20:5060>", 0);
        CHECK(w.ask_as("alice", request).status() == 200);
        w.bind("alice", phone);
        CHECK(is_asked(w));
    }
}

TEST_CASE(
    "R3856-6.11.2-4: a PUA that does not answer is not waited for, nor asked before it registers") {
    sip::Limits limits;
    limits.migration_patience = seconds{3};
    MigrationWorld w(MigrationMode::capable, Policy::allow, limits);
    w.bind("alice", phone, capable);
    const std::string bytes = w.text(bob, w.asking());
    w.say(bob, bytes);
    const RawMessage tried = w.heard(phone);
    CHECK(tried.method() == "SUBSCRIBE");
    w.raw.pass(milliseconds{2'999});
    CHECK(w.ours() == 0);
    w.say(bob, bytes);  // a copy changes nothing
    CHECK(!w.heard(bob));
    w.raw.pass(milliseconds{1});
    CHECK(w.heard(bob).status() == 200);
    w.told();
    CHECK(w.ours() == 1);
    CHECK(w.counters().limit_migration_patience == 1);
    // What comes now is nobody's.
    w.answer(phone, tried, 200, "late");
    CHECK(!w.heard(bob));
    w.raw.sent.clear();
    CHECK(w.watch("carol").status() == 200);
    w.told();
    w.bind("alice", phone, capable);
    w.say(bob, w.asking("carol"));
    CHECK(w.heard(phone).method() == "SUBSCRIBE");
    CHECK(w.counters().migrations == 2);
}

TEST_CASE(
    "R3856-6.11.2-4: one that fails for now is asked again when it registers, one request's fault "
    "is its own") {
    for (const int status : {480, 500, 503}) {
        CAPTURE(status);
        MigrationWorld w;
        w.bind("alice", phone, capable);
        w.say(bob, w.asking());
        const RawMessage tried = w.heard(phone);
        REQUIRE(tried.method() == "SUBSCRIBE");
        w.answer(phone, tried, status);
        CHECK(w.heard(bob).status() == 200);
        w.told();
        CHECK(w.watch("carol").status() == 200);
        w.told();
        w.bind("alice", phone, capable);
        w.raw.sent.clear();
        w.say(bob, w.asking());
        CHECK(w.heard(phone).method() == "SUBSCRIBE");
    }
    MigrationWorld w;
    w.bind("alice", phone, capable);
    w.say(bob, w.asking());
    w.answer(phone, w.heard(phone), 406);
    CHECK(w.heard(bob).status() == 200);
    w.told();
    w.say(bob, w.asking("carol"));
    CHECK(w.heard(phone).method() == "SUBSCRIBE");
}

TEST_CASE("R3856-6.11.2-1: what the PUA's user decides about a watcher stands") {
    for (const int status : {403, 423, 603}) {
        CAPTURE(status);
        MigrationWorld w;
        w.bind("alice", phone, capable);
        w.say(bob, w.asking());
        w.answer(phone, w.heard(phone), status);
        CHECK(w.heard(bob).status() == status);
        CHECK(w.ours() == 0);
        w.say(bob, w.asking("carol"));
        CHECK(w.heard(phone).method() == "SUBSCRIBE");
    }
}

TEST_CASE("R3856-6.11.2-6 R3856-6.9-2: no migration while several say what the state is") {
    MigrationWorld w;
    SUBCASE("two phones") {
        w.bind("alice", phone, capable);
        w.bind("alice", other, capable);
        w.stand();
        // The one that is left is the only one again.
        RawRequest gone = w.register_("alice", "<sip:alice@192.0.2.21:5060>", 0);
        gone.call_id += "21";
        CHECK(w.ask_as("alice", gone).status() == 200);
    }
    SUBCASE("a publication") {
        CHECK(w.ask_as("alice", w.publish("alice", pidf_document("open"))).status() == 200);
        w.bind("alice", phone, capable);
        w.stand();
    }
    CHECK(w.counters().migrations == 0);
}

TEST_CASE(
    "R3856-6.11.2-6: when aggregation ends the watchers move, when it begins they come back") {
    MigrationWorld w;
    w.bind("alice", phone, capable);
    const RawMessage published = w.ask_as("alice", w.publish("alice", pidf_document("open")));
    CHECK(published.status() == 200);
    w.stand();
    w.raw.sent.clear();
    RawRequest removal = w.publish("alice", "", published.field("SIP-ETag"));
    removal.with("Expires: 0");
    CHECK(w.ask_as("alice", removal).status() == 200);
    w.raw.pass(milliseconds{500});
    RawMessage end;
    while (const RawMessage next = w.heard(bob)) {
        w.say(bob, MigrationWorld::answer_to(next, 200));
        end = next;
    }
    CHECK(end.field("Subscription-State") == "terminated;reason=deactivated");
    const RawRequest request = w.asking();
    w.say(bob, request);
    w.answer(phone, w.heard(phone), 200, "agent", {"Expires: 600"});
    const RawMessage accepted = w.heard(bob);
    CHECK(accepted.status() == 200);
    // Another device: bob is told to come here as soon as he says anything.
    w.bind("alice", other);
    CHECK(w.again(request, accepted).status() == 481);
    CHECK(!w.heard(phone));
    w.stand();
}

TEST_CASE("R3856-6.11.2-1: when the PUA goes the server takes over, whatever its dialogs were") {
    MigrationWorld w;
    w.bind("alice", phone, capable);
    const RawRequest request = w.asking();
    w.say(bob, request);
    w.answer(phone, w.heard(phone), 200, "agent", {"Expires: 600"});
    const RawMessage accepted = w.heard(bob);
    RawRequest gone = w.register_("alice", "<sip:alice@192.0.2.20:5060>", 0);
    gone.call_id += "20";
    CHECK(w.ask_as("alice", gone).status() == 200);
    CHECK(w.again(request, accepted).status() == 481);
    CHECK(!w.heard(phone));
    w.stand();
}

TEST_CASE("R3856-6.11.2-1 R3856-6.11.1-3: our policy decides first, and to the end") {
    struct OnePolicy final : presence::PolicySource {
        Policy policy = Policy::allow;
        std::optional<Policy> policy_of(std::string_view) const override { return policy; }
    } alice;
    MigrationWorld w([&](ServerWorld& made) {
        presence::ServerOptions options = made.closed(Policy::allow);
        options.relay = MigrationWorld::Relay::local;
        options.policies = &alice;
        options.notify_interval = {};
        return options;
    });
    const auto set = [&](Policy policy) {
        alice.policy = policy;
        w.server.policy_changed(w.raw.now, "alice@example.com");
        w.raw.drain();
    };
    w.bind("alice", phone, capable);
    set(Policy::block);
    CHECK(w.watch().status() == 403);
    set(Policy::polite_block);
    w.stand();
    set(Policy::confirm);
    CHECK(w.told().field("Subscription-State").starts_with("pending"));
    CHECK(w.counters().migrations == 0);
    // Who is let in now is sent to the phone.
    set(Policy::allow);
    RawMessage end;
    for (int i = 0; i < 2; ++i)
        if (const RawMessage next = w.heard(bob)) {
            w.say(bob, MigrationWorld::answer_to(next, 200));
            end = next;
        }
    CHECK(end.field("Subscription-State") == "terminated;reason=deactivated");
    const RawRequest request = w.asking();
    w.say(bob, request);
    const RawMessage carried = w.heard(phone);
    w.answer(phone, carried, 200, "agent", {"Expires: 600"});
    const RawMessage accepted = w.heard(bob);
    const auto notify = [&] {
        RawRequest made{"NOTIFY", "sip:bob@192.0.2.10:5060"};
        made.from = accepted.field("To");
        made.to = accepted.field("From");
        made.call_id = accepted.field("Call-ID");
        made.cseq = ++w.number;
        made.with("Event: presence").with("Subscription-State: active;expires=600");
        made.with("Contact: <sip:phone@192.0.2.20:5060>");
        made.with("Route: " + carried.field("Record-Route"));
        w.say(phone, made);
    };
    notify();
    CHECK(w.heard(bob).method() == "NOTIFY");
    // ROUR-9: what passes here is not passed to whom we have blocked since.
    set(Policy::block);
    notify();
    CHECK(!w.heard(bob));
    CHECK(w.heard(phone).status() == 481);
    CHECK(w.again(request, accepted).status() == 481);
    CHECK(w.watch().status() == 403);
}

TEST_CASE("R3856-6.11.2-1: who hides his name, or is not who From says, is served here") {
    MigrationWorld w;
    w.bind("alice", phone, capable);
    RawRequest hiding = w.asking();
    hiding.with("Privacy: id");
    w.say(bob, hiding);
    CHECK(w.heard(bob).status() == 200);
    w.told();
    RawRequest another = w.asking();
    another.from = "<sip:carol@example.com>;tag=x";
    w.say(bob, another);
    CHECK(w.heard(bob).status() == 200);
    CHECK(w.counters().migrations == 0);
}

TEST_CASE("R3856-6.11.2-1: as many watchers as a phone is sent, and one more") {
    sip::Limits limits;
    limits.migrated_watchers = 2;
    for (const unsigned watchers : {2U, 3U}) {
        MigrationWorld w(MigrationMode::capable, Policy::allow, limits);
        for (unsigned i = 0; i < watchers; ++i) {
            CHECK(w.watch().status() == 200);
            w.told();
        }
        w.bind("alice", phone, capable);
        w.raw.pass(milliseconds{500});
        while (const RawMessage next = w.heard(bob))
            w.say(bob, MigrationWorld::answer_to(next, 200));
        CHECK(w.ours() == (watchers == 2 ? 0 : 3));
        CHECK((w.counters().limit_migrated_watchers > 0) == (watchers == 3));
    }
}

TEST_CASE("R3856-6.11.2-1: what ends in the middle leaves nothing, and the watcher his answer") {
    MigrationWorld w;
    w.bind("alice", phone, capable);
    SUBCASE("the registration goes while its phone is asked") {
        const RawRequest request = w.asking();
        w.say(bob, request);
        const RawMessage tried = w.heard(phone);
        RawRequest gone = w.register_("alice", "<sip:alice@192.0.2.20:5060>", 0);
        gone.call_id += "20";
        CHECK(w.ask_as("alice", gone).status() == 200);
        w.answer(phone, tried, 405);
        CHECK(w.heard(bob).status() == 200);
        w.told();
        CHECK(w.ours() == 1);
    }
    SUBCASE("a fetch") {
        w.say(bob, w.asking("bob", 0));
        w.answer(phone, w.heard(phone), 489);
        CHECK(w.heard(bob).status() == 200);
        CHECK(w.told().field("Subscription-State").starts_with("terminated"));
        CHECK(w.ours() == 0);
    }
    SUBCASE("the server stops") {
        w.say(bob, w.asking());
        const RawMessage tried = w.heard(phone);
        w.server.shut_down(w.raw.now, presence::Server::Stop::probation);
        w.answer(phone, tried, 489);
        CHECK(w.heard(bob).status() == 503);
    }
    w.raw.pass(seconds{40});
    CHECK(w.quiet());
}

TEST_CASE("R3856-6.11.2-1: a subscription that is being stored moves once it is") {
    for (const bool stays : {false, true}) {
        CAPTURE(stays);
        MigrationWorld w([](ServerWorld& made) {
            presence::ServerOptions options = made.open();
            options.relay = MigrationWorld::Relay::local;
            options.has_store = true;
            options.notify_interval = {};
            return options;
        });
        RawRequest request = ServerWorld::subscribe("bob");
        request.fields[1] = "Contact: <sip:bob@192.0.2.10:5060>";
        w.say(bob, request);
        w.say(phone, w.register_("alice", std::string("<sip:alice@192.0.2.20:5060>") +
                                              (stays ? "" : capable)));
        REQUIRE(w.raw.commits.size() == 2);
        std::swap(w.raw.commits[0], w.raw.commits[1]);
        w.raw.commit();
        CHECK(w.heard(phone).status() == 200);
        w.raw.commit();
        CHECK(w.heard(bob).status() == 200);
        CHECK((w.told().field("Subscription-State") == "terminated;reason=deactivated") != stays);
        CHECK(w.ours() == (stays ? 1 : 0));
    }
}

TEST_CASE("R3856-6.11.2-4: what comes home is stored as any other, and waits as any other") {
    MigrationWorld w([](ServerWorld& made) {
        presence::ServerOptions options = made.open();
        options.relay = MigrationWorld::Relay::local;
        options.has_store = true;
        options.notify_interval = {};
        return options;
    });
    w.say(phone, w.register_("alice", std::string("<sip:alice@192.0.2.20:5060>") + capable));
    w.raw.commit();
    CHECK(w.heard(phone).status() == 200);
    RawRequest request = ServerWorld::subscribe("bob");
    request.fields[1] = "Contact: <sip:bob@192.0.2.10:5060>";
    w.say(bob, request);
    w.answer(phone, w.heard(phone), 489);
    CHECK(!w.heard(bob));
    REQUIRE(w.raw.commits.size() == 1);
    w.raw.commit();
    CHECK(w.heard(bob).status() == 200);
    w.told();
    CHECK(w.ours() == 1);
}

TEST_CASE(
    "R3856-6.11.2-1: an agent behind a NAT is reached where it registered from, in its dialogs "
    "too") {
    MigrationWorld w;
    // Its own address is 10.0.0.5, and so its Via says.
    RawRequest request = w.register_("alice", std::string("<sip:alice@10.0.0.5:5060>") + capable);
    const auto behind = [&](RawRequest made) {
        std::string text = w.text(phone, std::move(made));
        const auto at = text.find("192.0.2.20:5060");
        return text.replace(at, 15, "10.0.0.5:5060");
    };
    w.say(phone, behind(request));
    const std::string challenge = w.heard(phone).field("WWW-Authenticate");
    ++request.cseq;
    request.with(authorization_for(challenge, request, "alice", "alice"));
    w.say(phone, behind(request));
    CHECK(w.heard(phone).status() == 200);
    const RawRequest asked = w.asking();
    w.say(bob, asked);
    const RawMessage carried = w.heard(phone);
    CHECK(carried.request_uri() == "sip:alice@10.0.0.5:5060");
    w.say(phone, MigrationWorld::answer_to(carried, 200, "agent",
                                           {"Contact: <sip:10.0.0.5:5060>", "Expires: 600"}));
    const RawMessage accepted = w.heard(bob);
    CHECK(accepted.status() == 200);
    CHECK(!w.again(asked, accepted));
    const RawMessage refresh = w.heard(phone);
    CHECK(refresh.method() == "SUBSCRIBE");
    CHECK(refresh.field("P-Asserted-Identity") == "<sip:bob@example.com>");
}

TEST_CASE(
    "R3856-6.11.2-5: who was silent is tried at one refresh more, and its watchers are told; not "
    "for ever") {
    MigrationWorld w;
    const auto fails = [&] {
        w.say(bob, w.asking());
        const RawMessage tried = w.heard(phone);
        CHECK(tried.method() == "SUBSCRIBE");
        w.answer(phone, tried, 503);
        CHECK(w.heard(bob).status() == 200);
        w.told();
        CHECK(w.ours() == 1);
    };
    const auto registers = [&] {
        w.bind("alice", phone, capable);
        w.raw.pass(milliseconds{500});
        while (const RawMessage next = w.heard(bob))
            w.say(bob, MigrationWorld::answer_to(next, 200));
    };
    registers();
    fails();
    registers();
    CHECK(w.ours() == 0);  // it is there, as far as one knows
    fails();
    registers();
    CHECK(w.ours() == 1);
    CHECK(w.counters().migrations == 2);
}

TEST_CASE(
    "R3856-6.11.2-1: a watcher behind a NAT is served here, since the phone would not reach him") {
    MigrationWorld w;
    w.bind("alice", phone, capable);
    std::string text = w.text(bob, w.asking());
    text.replace(text.find("192.0.2.10:5060"), 15, "10.0.0.9:5060");
    w.say(bob, text);
    CHECK(w.heard(bob).status() == 200);
    CHECK(w.ours() == 1);
    CHECK(w.counters().migrations == 0);
}
