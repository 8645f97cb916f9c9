#include "sip/registrar/registrant.hpp"

#include <doctest/doctest.h>

#include "tests/support/uac_world.hpp"

using sip::seconds;

namespace {

struct RegistrantWorld : UacWorld<sip::Registrant> {
    using Kind = sip::RegistrationNotice::Kind;

    explicit RegistrantWorld(const sip::Limits& limits = {}) : UacWorld(limits) {}

    sip::RegisterOptions options(std::string_view address = "sip:bob@example.com") {
        sip::RegisterOptions made;
        made.peer = peer(address, "");
        return made;
    }
    sip::RegistrationId start(const sip::RegisterOptions& given) {
        const auto id = part.register_contact(raw.now, given);
        raw.drain();
        return id ? *id : sip::RegistrationId{};
    }
    sip::RegistrationId start() { return start(options()); }
    void ok(const RawMessage& request, unsigned expires = 3600) {
        reply(request, 200,
              {"Contact: <sip:bob@192.0.2.1:5060>;expires=" + std::to_string(expires)});
    }
    bool stop(sip::RegistrationId id) {
        const bool done = part.unregister(raw.now, id);
        raw.drain();
        return done;
    }
    struct News {
        bool any = false;
        Kind kind{};
        unsigned status = 0, expires = 0, retry_after = 0;
        std::string contacts, phrase;
    };
    News news() {
        const auto notice = part.next_notice();
        if (!notice) return {};
        return {true,
                notice->kind,
                notice->status,
                notice->expires_s,
                notice->retry_after_s,
                std::string(notice->contacts.view()),
                std::string(notice->phrase.view())};
    }
    sip::RegistrationId stand(unsigned expires = 3600) {
        const auto id = start();
        ok(only(), expires);
        (void)news();
        return id;
    }
};

using Kind = RegistrantWorld::Kind;

}  // namespace

TEST_CASE(
    "R3261-8.1.1-1 R3261-8.1.1.1-1 R3261-8.1.1.6-1 R3261-8.1.1.7-1: REGISTER goes to the domain, "
    "To and From are the address-of-record") {
    RegistrantWorld world;
    REQUIRE(world.start());
    const RawMessage sent = world.only();
    CHECK(sent.method() == "REGISTER");
    CHECK(sent.request_uri() == "sip:example.com");
    CHECK(sent.field("To") == "<sip:bob@example.com>");
    CHECK(sent.field("From").starts_with("<sip:bob@example.com>;tag="));
    CHECK(sent.field("CSeq") == "1 REGISTER");
    CHECK(sent.field("Max-Forwards") == "70");
    CHECK(sent.field("Via").starts_with("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK"));
    CHECK(sent.fields("Contact") ==
          std::vector<std::string>{"<sip:bob@192.0.2.1:5060>;expires=3600"});
    CHECK(sent.field("Expires") == "3600");
    CHECK(sent.field("Content-Length") == "0");
    CHECK(sent.to == world.raw.peer);
}

TEST_CASE("the registrar's contacts are told as they came, our own expiry is the one that holds") {
    RegistrantWorld world;
    REQUIRE(world.start());
    world.reply(world.only(), 200,
                {"Contact: <sip:desk@192.0.2.7>;expires=3000;q=0.2, \"a, b\" <sip:c@192.0.2.8>",
                 "Expires: 3600", "Contact: <sip:bob@192.0.2.1:5060>;expires=120"});
    auto news = world.news();
    CHECK(news.kind == Kind::registered);
    CHECK(news.status == 200);
    CHECK(news.expires == 120);
    CHECK(news.contacts ==
          "<sip:desk@192.0.2.7>;expires=3000;q=0.2, \"a, b\" <sip:c@192.0.2.8>, "
          "<sip:bob@192.0.2.1:5060>;expires=120");
    world.pass(seconds{59});
    CHECK(world.silent());
    world.pass(seconds{1});
    CHECK(world.only().method() == "REGISTER");
}

TEST_CASE("without our contact in the answer, its Expires holds, and what we asked for last") {
    RegistrantWorld world;
    REQUIRE(world.start());
    world.reply(world.only(), 200, {"Contact: <sip:x@192.0.2.7>;expires=60", "Expires: 200"});
    CHECK(world.news().expires == 200);
    RegistrantWorld other;
    REQUIRE(other.start());
    other.reply(other.only(), 200);
    const auto news = other.news();
    CHECK(news.expires == 3600);
    CHECK(news.contacts.empty());
}

TEST_CASE(
    "R3261-8.1.1.4-1 R3261-8.1.1.3-1: every REGISTER has the same Call-ID and a higher CSeq, of "
    "another registration too") {
    RegistrantWorld world;
    REQUIRE(world.start());
    const RawMessage first = world.only();
    world.ok(first);
    REQUIRE(world.start(world.options("sip:carol@example.com")));
    const RawMessage second = world.only();
    world.ok(second);
    CHECK(second.field("To") == "<sip:carol@example.com>");
    world.pass(seconds{1800});
    const RawMessage third = world.raw.take(), fourth = world.raw.take();
    CHECK(first.field("Call-ID") == second.field("Call-ID"));
    CHECK(first.field("Call-ID") == third.field("Call-ID"));
    CHECK(first.field("Call-ID") == fourth.field("Call-ID"));
    CHECK(cseq_of(first) == 1);
    CHECK(cseq_of(second) == 2);
    CHECK(cseq_of(third) == 3);
    CHECK(cseq_of(fourth) == 4);
    CHECK(first.field("From") != second.field("From"));
    CHECK(first.field("Via") != third.field("Via"));
}

TEST_CASE("a contact of one's own, with q, on a registrar with a port") {
    RegistrantWorld world;
    auto options = world.options("sip:bob@example.com:5070;transport=tcp");
    options.contact = "sip:bob@phone.example.net";
    options.q = std::uint16_t{50};
    options.expires_s = 300;
    REQUIRE(world.start(options));
    const RawMessage sent = world.only();
    CHECK(sent.request_uri() == "sip:example.com:5070");
    CHECK(sent.field("Contact") == "<sip:bob@phone.example.net>;q=0.050;expires=300");
    world.reply(sent, 200, {"Contact: <sip:bob@PHONE.example.net>;expires=90"});
    CHECK(world.news().expires == 90);
}

TEST_CASE("what cannot be registered is said at once, and nothing is sent") {
    RegistrantWorld world;
    auto options = world.options("tel:+123");
    CHECK_FALSE(world.part.register_contact(world.raw.now, options));
    options = world.options("no uri");
    CHECK_FALSE(world.part.register_contact(world.raw.now, options));
    options = world.options();
    options.contact = "<sip:x@y>";
    CHECK_FALSE(world.part.register_contact(world.raw.now, options));
    options = world.options();
    options.q = std::uint16_t{1001};
    CHECK_FALSE(world.part.register_contact(world.raw.now, options));
    options = world.options();
    options.expires_s = 0;
    CHECK_FALSE(world.part.register_contact(world.raw.now, options));
    const std::string long_address = "sip:bob@" + std::string(600, 'x');
    options = world.options(long_address);
    CHECK_FALSE(world.part.register_contact(world.raw.now, options));
    CHECK(world.part.size() == 0);
    CHECK(world.silent());
}

TEST_CASE("unregistering sends Expires 0 for that contact alone, and ends with its answer") {
    RegistrantWorld world;
    const auto id = world.stand();
    CHECK(world.stop(id));
    const RawMessage sent = world.only();
    CHECK(sent.field("Contact") == "<sip:bob@192.0.2.1:5060>;expires=0");
    CHECK(sent.field("Expires") == "0");
    world.reply(sent, 200);
    CHECK(world.news().kind == Kind::removed);
    CHECK(world.part.size() == 0);
    CHECK_FALSE(world.stop(id));
    world.pass(seconds{7200});
    CHECK(world.silent());
}

TEST_CASE("unregistering while the first REGISTER is on its way waits for its answer") {
    RegistrantWorld world;
    const auto id = world.start();
    const RawMessage first = world.only();
    CHECK(world.stop(id));
    CHECK(world.silent());
    world.ok(first);
    CHECK(world.news().kind == Kind::registered);
    const RawMessage second = world.only();
    CHECK(second.field("Expires") == "0");
    world.reply(second, 200);
    CHECK(world.news().kind == Kind::removed);
}

TEST_CASE("R3261-8.1.3.5-1 R3261-22.2-2: 401 is answered with credentials, CSeq one higher") {
    RegistrantWorld world;
    auto options = world.options();
    options.peer.credentials = world.credentials();
    REQUIRE(world.start(options));
    const RawMessage first = world.only();
    CHECK_FALSE(first.has("Authorization"));
    world.reply(first, 401, {world.challenge("n1")});
    const RawMessage second = world.only();
    CHECK(second.field("Authorization").find("nonce=\"n1\"") != std::string::npos);
    CHECK(second.field("Authorization").find("uri=\"sip:example.com\"") != std::string::npos);
    CHECK(cseq_of(second) == 2);
    CHECK(second.field("Call-ID") == first.field("Call-ID"));
    CHECK(second.field("From") == first.field("From"));
    CHECK(second.field("Via") != first.field("Via"));
    world.ok(second, 60);
    CHECK(world.news().kind == Kind::registered);
    world.pass(seconds{28});
    const RawMessage refresh = world.only();
    CHECK(refresh.field("Authorization").find("nc=00000002") != std::string::npos);
}

TEST_CASE("R3261-22.2-1: the same credentials are not sent twice") {
    RegistrantWorld world;
    auto options = world.options();
    options.peer.credentials = world.credentials();
    REQUIRE(world.start(options));
    world.reply(world.only(), 401, {world.challenge("n1")});
    world.reply(world.only(), 401, {world.challenge("n2")});
    const auto news = world.news();
    CHECK(news.kind == Kind::failed);
    CHECK(news.status == 401);
    CHECK(world.silent());
    CHECK(world.part.size() == 0);
}

TEST_CASE("423 lengthens the interval, once") {
    RegistrantWorld world;
    auto options = world.options();
    options.expires_s = 30;
    REQUIRE(world.start(options));
    world.reply(world.only(), 423, {"Min-Expires: 120"});
    const RawMessage second = world.only();
    CHECK(second.field("Expires") == "120");
    CHECK(second.field("Contact") == "<sip:bob@192.0.2.1:5060>;expires=120");
    world.reply(second, 423, {"Min-Expires: 240"});
    CHECK(world.news().kind == Kind::failed);
    CHECK(world.silent());
    for (const char* least : {"Min-Expires: 30", "Min-Expires: x", "Subject: none"}) {
        RegistrantWorld other;
        REQUIRE(other.start(options));
        other.reply(other.only(), 423, {least});
        CHECK(other.news().status == 423);
        CHECK(other.silent());
    }
}

TEST_CASE("R3261-8.1.3.5-2: 503 with Retry-After is waited for, without it is the end") {
    RegistrantWorld world;
    REQUIRE(world.start());
    world.reply(world.only(), 503, {"Retry-After: 17"});
    auto news = world.news();
    CHECK(news.kind == Kind::waiting);
    CHECK(news.retry_after == 17);
    world.pass(sip::milliseconds{16'999});
    CHECK(world.silent());
    world.pass(sip::milliseconds{1});
    world.reply(world.only(), 503);
    news = world.news();
    CHECK(news.kind == Kind::failed);
    CHECK(news.status == 503);
    CHECK(news.phrase == "Said");
}

TEST_CASE("R3261-8.1.3.1-1: a first REGISTER that nobody answers fails as 408") {
    RegistrantWorld world;
    REQUIRE(world.start());
    world.pass(sip::milliseconds{31'999});
    CHECK_FALSE(world.news().any);
    world.pass(sip::milliseconds{1});
    const auto news = world.news();
    CHECK(news.kind == Kind::failed);
    CHECK(news.status == 408);
    CHECK(world.part.size() == 0);
}

TEST_CASE("a refresh that nobody answers is tried again, further apart each time") {
    RegistrantWorld world;
    REQUIRE(world.stand(3600));
    world.pass(seconds{1800});
    for (const unsigned delay : {1U, 2U, 4U, 8U, 16U, 32U, 60U, 60U}) {
        world.pass(seconds{32});
        const auto news = world.news();
        CHECK(news.kind == Kind::waiting);
        CHECK(news.status == 408);
        CHECK(news.retry_after == delay);
        (void)world.last();
        world.pass(seconds{delay});
    }
    world.ok(world.only());
    CHECK(world.news().kind == Kind::registered);
}

TEST_CASE("a registration made once is not refreshed, and runs out") {
    RegistrantWorld world;
    auto options = world.options();
    options.once = true;
    options.expires_s = 100;
    REQUIRE(world.start(options));
    world.ok(world.only(), 100);
    (void)world.news();
    world.pass(seconds{99});
    CHECK_FALSE(world.news().any);
    world.pass(seconds{1});
    CHECK(world.news().kind == Kind::removed);
    CHECK(world.silent());
    CHECK(world.part.size() == 0);
}

TEST_CASE("a lost connection is opened again by a REGISTER") {
    RegistrantWorld world;
    auto options = world.options();
    const auto flow = world.raw.connect();
    options.peer.next_hop = {sip::Transport::tcp, {}, {}, world.raw.peer};
    REQUIRE(world.start(options));
    const RawMessage sent = world.only();
    CHECK(sent.flow == flow);
    CHECK(sent.field("Via").starts_with("SIP/2.0/TCP "));
    CHECK(sent.field("Contact").starts_with("<sip:bob@192.0.2.1:5060;transport=tcp>;"));
    world.reply(sent, 200, {"Contact: <sip:bob@192.0.2.1:5060;transport=tcp>;expires=3600"});
    CHECK(world.news().expires == 3600);
    world.stack.closed(world.raw.now, flow);
    world.raw.drain();
    CHECK(world.silent());
    const auto again = world.raw.connect();
    world.pass(seconds{1});
    const RawMessage second = world.only();
    CHECK(second.method() == "REGISTER");
    CHECK(second.flow == again);
}

TEST_CASE("no registration is kept when a limit or the memory refuses it") {
    sip::Limits limits;
    limits.own_registrations = 1;
    RegistrantWorld world(limits);
    REQUIRE(world.start());
    CHECK_FALSE(world.start(world.options("sip:carol@example.com")));
    CHECK(world.stack.counters().limit_own_registrations == 1);
    for (std::uint64_t nth = 0; nth < 40; ++nth) {
        RegistrantWorld poor;
        poor.stack.shard().memory.refuse_after(nth);
        const auto id = poor.start();
        poor.stack.shard().memory.refuse_none();
        CHECK(poor.part.size() == (id ? 1 : 0));
    }
}

TEST_CASE("R3261-8.1.3.4-1 R3261-8.1.3.5-1: a REGISTER follows a 3xx, and believes a 413 once") {
    RegistrantWorld world;
    (void)world.start();
    const RawMessage first = world.only();
    world.reply(first, 301, {"Contact: <sip:192.0.2.71>"});
    const RawMessage sent = world.only();
    CHECK(sent.request_uri() == "sip:192.0.2.71");
    CHECK(sent.to.address == sip::Address::v4(192, 0, 2, 71));
    CHECK(sent.field("To") == first.field("To"));
    CHECK(sent.field("Contact") == first.field("Contact"));
    world.reply(sent, 413, {"Retry-After: 5"});
    world.pass(sip::seconds{5});
    const RawMessage again = world.only();
    CHECK(again.request_uri() == first.request_uri());
    world.reply(again, 413, {"Retry-After: 5"});
    world.pass(sip::seconds{100});
    CHECK(world.silent());
    CHECK(world.part.size() == 0);
}

TEST_CASE("R3263-4.3-1: a registrar that is found by name is kept to, until another has to serve") {
    RegistrantWorld world;
    ScriptedNames names;
    names.srv("_sip._udp.example.com", 1, 1, 5071, "a.example.com", 30);
    names.srv("_sip._udp.example.com", 2, 1, 5072, "b.example.com", 30);
    names.a("a.example.com", sip::Address::v4(192, 0, 2, 71), 30);
    names.a("b.example.com", sip::Address::v4(192, 0, 2, 72), 30);
    world.raw.names = &names;
    auto options = world.options();
    options.peer.next_hop = {};
    const auto id = world.start(options);
    const RawMessage first = world.last();
    CHECK(first.to.port == 5071);
    CHECK(first.request_uri() == "sip:example.com");
    world.ok(first, 600);
    CHECK(world.news().kind == RegistrantWorld::Kind::registered);
    // Others are named now; this one works.
    names.forget("_sip._udp.example.com");
    names.srv("_sip._udp.example.com", 1, 1, 5072, "b.example.com", 30);
    names.srv("_sip._udp.example.com", 2, 1, 5071, "a.example.com", 30);
    world.pass(seconds{300});
    const RawMessage refresh = world.last();
    CHECK(refresh.to.port == 5071);
    CHECK(refresh.field("Call-ID") == first.field("Call-ID"));
    world.reply(refresh, 503);
    const RawMessage other = world.last();
    CHECK(other.to.port == 5072);
    CHECK(other.field("Contact") == refresh.field("Contact"));
    CHECK(cseq_of(other) == cseq_of(refresh) + 1);
    world.ok(other, 600);
    CHECK(world.news().kind == RegistrantWorld::Kind::registered);
    CHECK(world.stop(id));
    CHECK(world.last().to.port == 5072);
}

TEST_CASE(
    "R3856-6.11.2-2: what a UA can do stands in its Contact, in each REGISTER and to the end") {
    RegistrantWorld world;
    auto options = world.options();
    options.capabilities = ";methods=\"SUBSCRIBE,OPTIONS\";events=\"presence\"";
    const auto id = world.start(options);
    const std::string capable =
        "<sip:bob@192.0.2.1:5060>;expires=3600;methods=\"SUBSCRIBE,OPTIONS\";events=\"presence\"";
    for (int i = 0; i < 2; ++i) {
        const RawMessage sent = world.last();
        CHECK(sent.field("Contact") == capable);
        world.ok(sent);
        if (i == 0) world.pass(seconds{1800});
    }
    CHECK(world.stop(id));
    CHECK(world.last().field("Contact").find(";events=\"presence\"") != std::string::npos);
}

TEST_CASE("capabilities that are no parameters are refused, and nothing is sent") {
    for (const char* wrong : {"methods=\"SUBSCRIBE\"", ";", ";events=\"presence", ";a=b, <sip:c@h>",
                              ";a\r\nContact: <sip:c@h>"}) {
        RegistrantWorld world;
        auto options = world.options();
        options.capabilities = wrong;
        CHECK_FALSE(world.start(options));
        CHECK(world.silent());
        CHECK(world.part.size() == 0);
    }
}
