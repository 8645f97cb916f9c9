#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "presence/server.hpp"
#include "sip/base/civil_time.hpp"
#include "tests/support/server_world.hpp"

// What rules of a presentity (RFC 5025) bring about at a running server.

using presence::Policy;
using sip::seconds;

namespace {

constexpr std::int64_t noon_ms = 1'893'499'200'000;  // 2030-01-01T12:00:00Z

/// Rules by presentity, as a program around the server may have them.
class Rules final : public presence::RuleSource {
public:
    void set(const std::string& presentity, const std::string& document) {
        auto read = presence::Ruleset::read(document, memory_, {});
        REQUIRE_MESSAGE(read.has_value(), (read ? "" : std::string(read.error().rule)));
        rules_.insert_or_assign(presentity, std::move(*read));
    }
    void remove(const std::string& presentity) { rules_.erase(presentity); }
    const presence::Ruleset* rules_of(std::string_view presentity) const override {
        const auto found = rules_.find(presentity);
        return found == rules_.end() ? nullptr : &found->second;
    }

private:
    sip::Memory memory_{std::size_t{64} << 20};
    std::map<std::string, presence::Ruleset, std::less<>> rules_;
};

constexpr const char* see_all =
    "<pr:provide-services><pr:all-services/></pr:provide-services>"
    "<pr:provide-persons><pr:all-persons/></pr:provide-persons>"
    "<pr:provide-devices><pr:all-devices/></pr:provide-devices><pr:provide-all-attributes/>";

struct Rule {
    std::string handling = "allow";
    std::string conditions = {};  ///< besides whom it is for
    std::string whom = "<one id=\"sip:bob@example.com\"/>";
    std::string shows = see_all;
};

using Set = std::vector<Rule>;

std::string document_of(const Set& rules) {
    std::string text =
        "<ruleset xmlns=\"urn:ietf:params:xml:ns:common-policy\" "
        "xmlns:pr=\"urn:ietf:params:xml:ns:pres-rules\">";
    int number = 0;
    for (const Rule& rule : rules)
        text += "<rule id=\"r" + std::to_string(++number) + "\"><conditions><identity>" +
                rule.whom + "</identity>" + rule.conditions +
                "</conditions><actions><pr:sub-handling>" + rule.handling +
                "</pr:sub-handling></actions><transformations>" + rule.shows +
                "</transformations></rule>";
    return text + "</ruleset>";
}

/// A server whose alice has rules; its clock shows noon.
struct RulesWorld : ServerWorld {
    explicit RulesWorld(const Set& rules, Policy policy = Policy::allow)
        : ServerWorld([&](ServerWorld&) {
              presence::ServerOptions options = open();
              options.policy = policy;
              options.rules = &source;
              return options;
          }) {
        raw.now.wall_ms = noon_ms;
        source.set("alice@example.com", document_of(rules));
    }
    void change(const Set& rules) {
        source.set("alice@example.com", document_of(rules));
        server.policy_changed(raw.now, "alice@example.com");
        raw.drain();
    }
    std::vector<RawMessage> notifies_to(const std::string& who) {
        std::vector<RawMessage> found;
        for (const RawMessage& message : raw.sent)
            if (message.method() == "NOTIFY" &&
                message.field("To").find(who + "@") != std::string::npos)
                found.push_back(message);
        return found;
    }
    static std::string state_of(const RawMessage& notify) {
        const std::string state = notify.field("Subscription-State");
        return state.substr(0, state.find(";expires"));
    }
    void publish_open(const std::string& inside = {}) {
        const RawMessage answer =
            raw.ask(publish("alice", pidf_document("open", "t1", {}, inside), etag));
        REQUIRE(answer.status() == 200);
        etag = answer.field("SIP-ETag");
    }

    // Declared before use by the base's constructor: the source is only kept by address there.
    Rules source;
    std::string etag;
};

std::string person(const std::string& inside) {
    return "<dm:person id=\"p1\">" + inside + "</dm:person>";
}
std::string sphere(const std::string& name) {
    return person("<rpid:sphere><rpid:" + name + "/></rpid:sphere>");
}

}  // namespace

TEST_CASE("R5025-3.2.1-2: who is blocked gets 403, and who watched already is told rejected") {
    RulesWorld w(Set{{}});
    w.publish_open();
    CHECK(w.raw.ask(ServerWorld::subscribe("carol")).status() == 403);
    CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
    CHECK(RulesWorld::state_of(w.notifies_to("bob").back()) == "active");
    w.raw.sent.clear();
    w.change({{.handling = "block"}});
    REQUIRE(w.notifies_to("bob").size() == 1);
    CHECK(w.notifies_to("bob")[0].field("Subscription-State") == "terminated;reason=rejected");
    CHECK(w.notifies_to("bob")[0].body().empty());
    CHECK(w.server.notifier().size() == 0);
    CHECK(w.server.package().views().size() == 0);
}

TEST_CASE("where rules exist and none is for a watcher, the policy of the server does not count") {
    RulesWorld w(Set{{.whom = "<one id=\"sip:bob@example.com\"/>"}}, Policy::allow);
    CHECK(w.raw.ask(ServerWorld::subscribe("carol")).status() == 403);
    // Who has none: the policy.
    CHECK(w.raw.ask(ServerWorld::subscribe("carol", "bob")).status() == 200);
    // R3856-6.6.2-8: everybody sees themself.
    CHECK(w.raw.ask(ServerWorld::subscribe("alice")).status() == 200);
    // Without rules again, the policy holds again.
    w.source.remove("alice@example.com");
    w.server.policy_changed(w.raw.now, "alice@example.com");
    RawRequest again = ServerWorld::subscribe("carol");
    again.call_id = "again";
    CHECK(w.raw.ask(again).status() == 200);
}

TEST_CASE("R5025-3.2.1-3: confirm makes new ones pending and takes back what was active") {
    RulesWorld w(Set{{.handling = "confirm"}});
    w.publish_open();
    CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
    REQUIRE(w.notifies_to("bob").size() == 1);
    CHECK(RulesWorld::state_of(w.notifies_to("bob")[0]) == "pending");
    CHECK(w.notifies_to("bob")[0].body().empty());
    w.raw.sent.clear();
    // Pending it stays, and nothing is said.
    w.change({{.handling = "confirm"}});
    CHECK(w.notifies_to("bob").empty());
    w.change({{}});
    REQUIRE(w.notifies_to("bob").size() == 1);
    CHECK(RulesWorld::state_of(w.notifies_to("bob")[0]) == "active");
    w.raw.sent.clear();
    w.change({{.handling = "confirm"}});
    REQUIRE(w.notifies_to("bob").size() == 1);
    const RawMessage back = w.notifies_to("bob")[0];
    CHECK(RulesWorld::state_of(back) == "pending");
    CHECK(back.field("Subscription-State").find("reason") == std::string::npos);
    CHECK(back.body().empty());
    // And nothing of what happens meanwhile.
    w.raw.sent.clear();
    w.publish_open(person("<rpid:activities><rpid:away/></rpid:activities>"));
    w.raw.pass(seconds{10});
    CHECK(w.notifies_to("bob").empty());
}

TEST_CASE("R5025-3.2.1-5: who was pending is let in, or politely kept out, with a document") {
    for (const char* handling : {"allow", "polite-block"}) {
        CAPTURE(handling);
        RulesWorld w(Set{{.handling = "confirm"}});
        w.publish_open();
        CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
        w.raw.sent.clear();
        w.change({{.handling = handling}});
        REQUIRE(w.notifies_to("bob").size() == 1);
        const RawMessage told = w.notifies_to("bob")[0];
        CHECK(RulesWorld::state_of(told) == "active");
        const bool sees = std::string(handling) == "allow";
        CHECK(count_of(told.body(), "<basic>open</basic>") == (sees ? 1 : 0));
        CHECK(count_of(told.body(), "<basic>closed</basic>") == (sees ? 0 : 1));
    }
}

TEST_CASE("R5025-3.2.1-4 D-5: a polite block shows one closed document, whatever happens") {
    RulesWorld w(Set{{.handling = "polite-block"}});
    w.publish_open(person("<rpid:activities><rpid:away/></rpid:activities>"));
    CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
    REQUIRE(w.notifies_to("bob").size() == 1);
    const RawMessage told = w.notifies_to("bob")[0];
    CHECK(RulesWorld::state_of(told) == "active");
    CHECK(count_of(told.body(), "<basic>closed</basic>") == 1);
    CHECK(count_of(told.body(), "person") == 0);
    CHECK(count_of(told.body(), "device") == 0);
    w.raw.sent.clear();
    for (int i = 0; i < 5; ++i) {
        w.publish_open(person("<rpid:mood><rpid:happy/></rpid:mood>") + "<note>" +
                       std::to_string(i) + "</note>");
        w.raw.pass(seconds{6});
    }
    CHECK(w.notifies_to("bob").empty());
    CHECK(w.raw.ask(ServerWorld::resubscribe(ServerWorld::subscribe("bob"), told, 600)).status() ==
          200);
    REQUIRE(w.notifies_to("bob").size() == 1);
    CHECK(w.notifies_to("bob")[0].body() == told.body());
}

namespace {

/// Every NOTIFY to bob with the time it left at, without what is different in any two: branches
/// and tags.
std::string seen_by_bob(RulesWorld& w) {
    std::string all;
    for (const RawMessage& notify : w.notifies_to("bob")) {
        std::string text = notify.text;
        for (const char* name : {";branch=", ";tag="})
            for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
                const auto from = at + std::string(name).size();
                text.replace(from, text.find_first_of(";>\r\n", from) - from, "*");
            }
        all += std::to_string(notify.at.time_since_epoch().count()) + "\n" + text + "\n";
    }
    w.raw.sent.clear();
    return all;
}

/// What bob sees over a while: he subscribes, refreshes and unsubscribes, while alice does what
/// `live` says at each step.
template <class Live>
std::string history_of_bob(RulesWorld& w, Live live) {
    std::string all;
    live(0);
    CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
    RawMessage last = w.notifies_to("bob").back();
    all += seen_by_bob(w);
    RawRequest request = ServerWorld::subscribe("bob");
    for (int step = 1; step < 40; ++step) {
        live(step);
        all += seen_by_bob(w);
        w.raw.pass(seconds{step % 7 + 1});
        all += seen_by_bob(w);
        if (step % 5 != 0) continue;
        request = ServerWorld::resubscribe(request, last, step == 35 ? 0 : 600);
        CHECK(w.raw.ask(request).status() == 200);
        all += seen_by_bob(w);
    }
    return all;
}

}  // namespace

TEST_CASE("R5025-3.2.1-4: a polite block cannot be told from somebody who is not there") {
    RulesWorld blocked(Set{{.handling = "polite-block"}});
    const std::string seen = history_of_bob(blocked, [&](int step) {
        if (step % 3 == 0)
            blocked.publish_open(person("<rpid:mood><rpid:happy/></rpid:mood>") + "<note>" +
                                 std::to_string(step) + "</note>");
        if (step % 4 == 1)
            (void)blocked.raw.ask(blocked.register_("alice", "<sip:a@192.0.2.7>", 10));
        if (step == 20) blocked.change({{.handling = "polite-block"}, {.handling = "confirm"}});
    });
    RulesWorld allowed(Set{{}});
    const std::string offline = history_of_bob(allowed, [&](int step) {
        if (step == 20) allowed.change({{}, {.handling = "confirm"}});
    });
    CHECK(seen.find("<basic>closed</basic>") != std::string::npos);
    CHECK(seen == offline);
}

TEST_CASE("R3856-6.7-7 R3856-6.7-2: each watcher is told what is for them, and when that changes") {
    const std::string services = "<pr:provide-services><pr:all-services/></pr:provide-services>";
    // A tuple without timestamp gets that of its publication, and so says when that was.
    const std::string stamped =
        "<tuple id=\"t\"><status><basic>open</basic></status>"
        "<timestamp>2030-01-01T12:00:00Z</timestamp></tuple>";
    const auto mood_document = [&](const std::string& name) {
        return "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" "
               "xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" "
               "xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" "
               "entity=\"sip:alice@example.com\">" +
               stamped + person("<rpid:mood><rpid:" + name + "/></rpid:mood>") + "</presence>";
    };
    const std::string mood = services +
                             "<pr:provide-persons><pr:all-persons/></pr:provide-persons>"
                             "<pr:provide-mood>true</pr:provide-mood>";
    RulesWorld w(
        Set{{.shows = services}, {.whom = "<one id=\"sip:carol@example.com\"/>", .shows = mood}});
    const RawMessage first = w.raw.ask(w.publish("alice", mood_document("happy")));
    CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
    REQUIRE(w.notifies_to("bob").size() == 1);
    const std::string of_bob = w.notifies_to("bob").back().body();
    CHECK(w.raw.ask(ServerWorld::subscribe("carol")).status() == 200);
    REQUIRE(w.notifies_to("carol").size() == 1);
    CHECK(w.server.package().views().size() == 2);
    CHECK(count_of(of_bob, "<basic>open</basic>") == 1);
    CHECK(count_of(of_bob, "person") == 0);
    CHECK(count_of(w.notifies_to("carol").back().body(), "happy") == 1);
    w.raw.sent.clear();
    w.raw.pass(seconds{10});
    CHECK(w.raw.ask(w.publish("alice", mood_document("sad"), first.field("SIP-ETag"))).status() ==
          200);
    w.raw.pass(seconds{10});
    CHECK(w.notifies_to("bob").empty());
    REQUIRE(w.notifies_to("carol").size() == 1);
    CHECK(count_of(w.notifies_to("carol")[0].body(), "sad") == 1);
    // Rules that show more, at once.
    w.raw.sent.clear();
    w.change({{.shows = mood}, {.whom = "<one id=\"sip:carol@example.com\"/>", .shows = mood}});
    REQUIRE(w.notifies_to("bob").size() == 1);
    CHECK(count_of(w.notifies_to("bob")[0].body(), "sad") == 1);
    CHECK(w.notifies_to("carol").empty());
    CHECK(w.server.package().views().size() == 1);
}

TEST_CASE("ROUR-9: what rules do not give any more is not repeated either") {
    RulesWorld w(Set{{}});
    w.raw.answer_notify = false;
    w.publish_open(person("<rpid:mood><rpid:happy/></rpid:mood>"));
    CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
    CHECK(count_of(w.notifies_to("bob").back().body(), "happy") == 1);
    w.raw.sent.clear();
    w.change({{.shows = "<pr:provide-services><pr:all-services/></pr:provide-services>"}});
    w.raw.pass(seconds{5});
    REQUIRE_FALSE(w.notifies_to("bob").empty());
    for (const RawMessage& notify : w.notifies_to("bob"))
        CHECK(count_of(notify.body(), "happy") == 0);
}

TEST_CASE("R4745-7.4-1 R4745-OUR-1: a validity that begins or ends decides anew at that instant") {
    const auto at = [](std::int64_t after_s) {
        std::string text(40, '\0');
        sip::Appender out(text);
        sip::write_rfc3339(out, noon_ms + after_s * 1000);
        return std::string(out.view());
    };
    const std::string in_office =
        "<validity><from>" + at(100) + "</from><until>" + at(200) + "</until></validity>";
    RulesWorld w(Set{{.handling = "confirm"}, {.conditions = in_office}});
    w.publish_open();
    CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
    CHECK(RulesWorld::state_of(w.notifies_to("bob").back()) == "pending");
    w.raw.sent.clear();
    w.raw.pass(seconds{99});
    CHECK(w.notifies_to("bob").empty());
    w.raw.pass(seconds{2});
    REQUIRE(w.notifies_to("bob").size() == 1);
    CHECK(RulesWorld::state_of(w.notifies_to("bob")[0]) == "active");
    w.raw.sent.clear();
    w.raw.pass(seconds{98});
    CHECK(w.notifies_to("bob").empty());
    w.raw.pass(seconds{2});
    REQUIRE(w.notifies_to("bob").size() == 1);
    CHECK(RulesWorld::state_of(w.notifies_to("bob")[0]) == "pending");
    // He waits still when his subscription is over (RFC 3857 4.7.1); then nothing is kept.
    w.raw.pass(seconds{700});
    CHECK(w.server.notifier().size() == 0);
    CHECK(w.server.reconsideration().size() == 1);
    w.change({{.handling = "block"}});
    w.raw.pass(seconds{61});
    CHECK(w.server.reconsideration().size() == 0);
}

TEST_CASE("R4745-OUR-1 ROUR-2: a clock that is set is noticed, forwards and backwards") {
    const std::string until_one =
        "<validity><from>2030-01-01T11:00:00Z</from><until>2030-01-01T13:00:00Z</until></validity>";
    RulesWorld w(Set{{.handling = "confirm"}, {.conditions = until_one}});
    CHECK(w.raw.ask(ServerWorld::subscribe("bob", "alice", 7200)).status() == 200);
    CHECK(RulesWorld::state_of(w.notifies_to("bob").back()) == "active");
    w.raw.sent.clear();
    w.raw.now.wall_ms += 2 * 3'600'000;
    w.raw.pass(seconds{61});
    REQUIRE(w.notifies_to("bob").size() == 1);
    CHECK(RulesWorld::state_of(w.notifies_to("bob")[0]) == "pending");
    w.raw.sent.clear();
    w.raw.now.wall_ms -= 2 * 3'600'000;
    w.raw.pass(seconds{61});
    REQUIRE(w.notifies_to("bob").size() == 1);
    CHECK(RulesWorld::state_of(w.notifies_to("bob")[0]) == "active");
    // Somebody else asks first, before anybody has looked at the clock.
    w.raw.sent.clear();
    w.raw.now.wall_ms += 2 * 3'600'000;
    CHECK(w.raw.ask(ServerWorld::subscribe("carol")).status() == 403);
    w.raw.pass(seconds{1});
    REQUIRE(w.notifies_to("bob").size() == 1);
    CHECK(RulesWorld::state_of(w.notifies_to("bob")[0]) == "pending");
}

TEST_CASE("R4745-7.3-1 R4745-OUR-1: another sphere decides anew, before its state is told") {
    RulesWorld w(Set{{.handling = "confirm"}, {.conditions = "<sphere value=\"work\"/>"}});
    w.publish_open(sphere("work") + "<note>at work</note>");
    CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
    CHECK(RulesWorld::state_of(w.notifies_to("bob").back()) == "active");
    w.raw.sent.clear();
    w.publish_open(sphere("home") + "<note>in bed</note>");
    w.raw.pass(seconds{10});
    REQUIRE(w.notifies_to("bob").size() == 1);
    CHECK(RulesWorld::state_of(w.notifies_to("bob")[0]) == "pending");
    CHECK(w.notifies_to("bob")[0].body().empty());
    w.raw.sent.clear();
    w.publish_open(sphere("work"));
    w.raw.pass(seconds{10});
    REQUIRE_FALSE(w.notifies_to("bob").empty());
    CHECK(RulesWorld::state_of(w.notifies_to("bob").back()) == "active");
    // R5025-3.1.2-1: a publication that runs out takes its sphere with it.
    w.raw.sent.clear();
    w.raw.pass(seconds{7300});
    CHECK(w.server.compositor().size() == 0);
}

TEST_CASE("R5025-3.1.2-1: persons of several publications that disagree leave the sphere open") {
    RulesWorld w(Set{{.handling = "confirm"}, {.conditions = "<sphere value=\"work\"/>"}});
    w.publish_open(sphere("work"));
    CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
    CHECK(RulesWorld::state_of(w.notifies_to("bob").back()) == "active");
    w.raw.sent.clear();
    RawRequest other = w.publish("alice", pidf_document("open", "t2", {}, sphere("home")));
    other.call_id = "another-device";
    const RawMessage answer = w.raw.ask(other);
    REQUIRE(answer.status() == 200);
    REQUIRE_FALSE(w.notifies_to("bob").empty());
    CHECK(RulesWorld::state_of(w.notifies_to("bob").back()) == "pending");
    w.raw.sent.clear();
    RawRequest gone = w.publish("alice", {}, answer.field("SIP-ETag"));
    gone.with("Expires: 0");
    CHECK(w.raw.ask(gone).status() == 200);
    REQUIRE_FALSE(w.notifies_to("bob").empty());
    CHECK(RulesWorld::state_of(w.notifies_to("bob").back()) == "active");
}

TEST_CASE("a SUBSCRIBE by rules for which memory is refused shows nothing, and is decided later") {
    for (std::uint64_t nth = 0; nth < 60; ++nth) {
        CAPTURE(nth);
        RulesWorld w(
            Set{{.conditions = "<sphere value=\"work\"/>",
                 .shows = "<pr:provide-services><pr:all-services/></pr:provide-services>"}});
        w.publish_open(sphere("work") + "<note>secret</note>");
        w.server.stack().shard().memory.refuse_after(nth);
        const int status = w.raw.ask(ServerWorld::subscribe("bob")).status();
        w.server.stack().shard().memory.refuse_none();
        for (const RawMessage& notify : w.notifies_to("bob"))
            CHECK(count_of(notify.body(), "secret") == 0);
        w.raw.pass(seconds{70});
        if (status == 200) {
            REQUIRE_FALSE(w.notifies_to("bob").empty());
            CHECK(RulesWorld::state_of(w.notifies_to("bob").back()) == "active");
            CHECK(count_of(w.notifies_to("bob").back().body(), "<basic>open</basic>") == 1);
        }
        w.raw.pass(seconds{700});
        w.server.trim(w.raw.now);
        CHECK(w.server.notifier().size() == 0);
        CHECK(w.server.package().views().size() == 0);
    }
}

TEST_CASE("R4745-OUR-1: the wall clock was set, and a refresh comes before anybody has looked") {
    const auto rule_until = [](const char* until, const char* handling) {
        const std::string begin = "<validity><from>2030-01-01T00:00:00Z</from><until>";
        return Rule{.handling = handling, .conditions = begin + until + "</until></validity>"};
    };
    for (const std::string after : {"block", "confirm", "polite-block"}) {
        CAPTURE(after);
        RulesWorld w(Set{rule_until("2030-01-01T12:01:00Z", "allow"),
                         rule_until("2031-01-01T12:00:00Z", after.c_str())});
        w.publish_open();
        const RawRequest first = ServerWorld::subscribe("bob");
        CHECK(w.raw.ask(first).status() == 200);
        const RawMessage told = w.notifies_to("bob").back();
        CHECK(count_of(told.body(), "<basic>open</basic>") == 1);
        w.raw.sent.clear();
        w.raw.now.wall_ms += 120'000;
        CHECK(w.raw.ask(ServerWorld::resubscribe(first, told, 600)).status() == 200);
        REQUIRE(w.notifies_to("bob").size() == 1);
        const RawMessage last = w.notifies_to("bob").back();
        CHECK(count_of(last.body(), "<basic>open</basic>") == 0);
        CHECK(RulesWorld::state_of(last) == (after == "block"     ? "terminated;reason=rejected"
                                             : after == "confirm" ? "pending"
                                                                  : "active"));
        w.raw.pass(seconds{90});
        CHECK(w.server.notifier().size() == (after == "block" ? 0 : 1));
        CHECK(w.server.watchers().size() == (after == "block" ? 0 : 1));
    }
}

TEST_CASE("with the last undecided watcher and the last look at them, their memory is given back") {
    RulesWorld w(Set{{.handling = "confirm", .conditions = "<sphere value=\"work\"/>"},
                     {.handling = "confirm"}});
    const std::size_t before = w.server.stack().shard().memory.used();
    for (int round = 0; round < 2; ++round) {
        w.publish_open(sphere("work"));
        RawRequest look = ServerWorld::subscribe("alice", "alice");
        look.call_id += "-watchers";
        look.fields[0] = "Event: presence.winfo";
        CHECK(w.raw.ask(look).status() == 200);
        CHECK(w.raw.ask(ServerWorld::subscribe("bob")).status() == 200);
        CHECK(w.server.watchers().pending() == 1);
        w.raw.pass(seconds{8'000});
        CHECK(w.server.watchers().waiting() == 1);
        w.server.trim(w.raw.now);
        CHECK(w.server.watchers().waiting() == 1);
        w.raw.pass(w.server.stack().shard().limits.watcher_giveup);
        CHECK(w.server.watchers().size() == 0);
        w.server.trim(w.raw.now);
        CHECK(w.server.stack().shard().memory.used() == before);
        w.etag.clear();
    }
}

TEST_CASE("R3903-14.1-1: somebody else publishes for an address only where that was delegated") {
    class Desk final : public presence::Delegations {
        bool may_publish(std::string_view publisher, std::string_view presentity) const override {
            return publisher == "bob@example.com" && presentity == "alice@example.com";
        }
    } desk;
    ServerWorld w([&](ServerWorld&) {
        presence::ServerOptions options = ServerWorld::open();
        options.delegations = &desk;
        return options;
    });
    const auto by = [&](const std::string& who, const std::string& whom) {
        RawRequest request = w.publish(whom, pidf_document("open"));
        request.from = "<sip:" + who + "@example.com>;tag=d";
        return w.raw.ask(request).status();
    };
    CHECK(by("bob", "alice") == 200);
    CHECK(by("alice", "bob") == 403);
    CHECK(by("carol", "alice") == 403);
    CHECK(by("bob", "carol") == 403);
}
