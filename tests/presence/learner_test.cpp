#include "presence/learner.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "tests/support/proxy_world.hpp"

using presence::MigrationMode;
using presence::Policy;
using sip::milliseconds;
using sip::seconds;

namespace {

constexpr const char* capable = ";methods=\"SUBSCRIBE\";events=\"presence\"";
constexpr unsigned phone = 20, other = 21;

/// A server that asks alice's phones; bob watches from 192.0.2.99.
struct LearnerWorld : ProxyWorld {
    explicit LearnerWorld(MigrationMode mode = MigrationMode::never, const sip::Limits& limits = {},
                          const presence::RuleSource* rules = nullptr)
        : ProxyWorld([&](ServerWorld& w) {
              presence::ServerOptions options = w.closed(Policy::allow);
              options.relay = Relay::local;
              options.migrate = mode;
              options.learn = true;
              options.rules = rules;
              options.notify_interval = {};
              options.limits = limits;
              return options;
          }) {
        raw.answer_notify = false;
    }
    /// As ProxyWorld::bind; what was sent meanwhile is kept.
    void come(unsigned last, const char* parameters = capable, unsigned expires = 3'600) {
        raw.peer = at(last);
        RawRequest request = register_(
            "alice", "<sip:alice@" + host(last) + ":5060>" + std::string(parameters), expires);
        request.call_id += std::to_string(last);
        say(last, request);
        const RawMessage challenge = heard(last);
        ++request.cseq;
        request.with(
            authorization_for(challenge.field("WWW-Authenticate"), request, "alice", "alice"));
        say(last, request);
        for (auto i = raw.sent.begin(); i != raw.sent.end(); ++i) {
            if (i->to.address != at(last).address || i->status() == 0) continue;
            CHECK(i->status() == 200);
            raw.sent.erase(i);
            return;
        }
        FAIL("no answer to REGISTER");
    }
    /// What the phone is asked, answered with `status`.
    RawMessage asked(unsigned last, int status = 200) {
        const RawMessage subscribe = heard(last);
        if (subscribe.method() == "SUBSCRIBE")
            say(last, answer_to(subscribe, status, "agent",
                                {"Contact: <sip:alice@" + host(last) + ":5060>", "Expires: 600"}));
        return subscribe;
    }
    /// The phone says `body` in the dialog that `subscribe` began; the answer to that.
    int told(unsigned last, const RawMessage& subscribe, const std::string& body,
             const char* state = "active;expires=600") {
        const std::string contact = subscribe.field("Contact");
        RawRequest notify{"NOTIFY", contact.substr(1, contact.find('>') - 1)};
        notify.from = subscribe.field("To") + ";tag=agent";
        notify.to = subscribe.field("From");
        notify.call_id = subscribe.field("Call-ID");
        notify.cseq = ++number;
        notify.with("Event: presence").with(std::string("Subscription-State: ") + state);
        notify.with("Contact: <sip:alice@" + host(last) + ":5060>");
        if (!body.empty()) notify.with_body("application/pidf+xml", body);
        say(last, notify);
        RawMessage answer = heard(last);
        while (answer && answer.status() == 0) answer = heard(last);  // copies of what it was asked
        return answer.status();
    }
    static std::string saying(const std::string& note) {
        return pidf_document("open", "t1", {}, "<note>" + note + "</note>");
    }
    /// What a watcher sees now: a fetch of alice herself.
    std::string seen() {
        RawRequest fetch = subscribe("alice", "alice", 0);
        fetch.call_id += std::to_string(++number);
        raw.peer = {sip::Address::v4(192, 0, 2, 99), 5062};
        const auto before = std::move(raw.sent);
        CHECK(ask_as("alice", fetch).status() == 200);
        const RawMessage notify = raw.take("NOTIFY");
        raw.answer(notify);
        raw.sent = before;
        return notify.body();
    }
    bool shows(const std::string& note) {
        return seen().find("<note>" + note + "</note>") != std::string::npos;
    }
    unsigned number = 0;
};

}  // namespace

TEST_CASE(
    "R3856-6.11.1-2: a PUA that is an agent is asked in its user's name, and what it says is "
    "shown") {
    LearnerWorld w;
    w.come(phone);
    const RawMessage asked = w.asked(phone);
    CHECK(asked.method() == "SUBSCRIBE");
    CHECK(asked.request_uri() == "sip:alice@192.0.2.20:5060");
    CHECK(asked.field("P-Asserted-Identity") == "<sip:alice@example.com>");
    CHECK(asked.field("From").starts_with("<sip:alice@example.com>"));
    CHECK(asked.field("To") == "<sip:alice@example.com>");
    CHECK(asked.field("Event") == "presence");
    CHECK(asked.field("Accept") == "application/pidf+xml");
    // Its NOTIFY is not challenged.
    CHECK(w.told(phone, asked, w.saying("one")) == 200);
    CHECK(w.shows("one"));
    CHECK(w.told(phone, asked, w.saying("two")) == 200);
    CHECK(w.shows("two"));
    CHECK_FALSE(w.shows("one"));
    // A refresh of the registration asks nothing new.
    w.come(phone);
    CHECK(!w.heard(phone));
    // Gone with its registration, and told so.
    w.come(phone, capable, 0);
    const RawMessage end = w.asked(phone);
    CHECK(end.method() == "SUBSCRIBE");
    CHECK(end.field("Expires") == "0");
    CHECK(end.field("P-Asserted-Identity") == "<sip:alice@example.com>");
    CHECK_FALSE(w.shows("two"));
    CHECK(w.server.learning() == 0);
}

TEST_CASE("R3856-6.11.1-2 T-14: NOTIFYs of no subscription of ours are none") {
    LearnerWorld w;
    w.come(phone);
    RawMessage asked = w.asked(phone);
    RawMessage forged = asked;
    forged.text.replace(forged.text.find("Call-ID: ") + 9, 4, "xxxx");
    CHECK(w.told(phone, forged, w.saying("forged")) == 401);
    forged = asked;
    forged.text.replace(forged.text.find(";tag=") + 5, 4, "xxxx");
    CHECK(w.told(phone, forged, w.saying("forged")) == 401);
    CHECK_FALSE(w.shows("forged"));
}

TEST_CASE(
    "R3856-6.11.2-5: who refuses is not asked again while registered, who is silent when it comes "
    "anew") {
    LearnerWorld w;
    w.come(phone);
    CHECK(w.asked(phone, 489).method() == "SUBSCRIBE");
    w.come(phone);
    w.come(phone, ";methods=\"SUBSCRIBE\";events=\"presence\"");
    CHECK(!w.heard(phone));
    CHECK(w.server.learning() == 0);
    w.come(phone, ";methods=\"SUBSCRIBE,INVITE\";events=\"presence\"");
    CHECK(w.asked(phone).method() == "SUBSCRIBE");
    CHECK(w.server.learning() == 1);
    CHECK(w.server.counters().learnt_agents == 2);
}

TEST_CASE(
    "R3856-6.11.1-2: what is no document says nothing, and hides nothing of what others say") {
    sip::Limits limits;
    limits.publication_bytes = 2'000;
    LearnerWorld w(MigrationMode::never, limits);
    w.come(phone);
    w.come(other);
    const RawMessage first = w.asked(phone), second = w.asked(other);
    CHECK(w.told(other, second, w.saying("other")) == 200);
    for (const std::string& wrong :
         {std::string("<presence"), std::string("<a/>"), w.saying(std::string(2'000, 'x'))}) {
        CHECK(w.told(phone, first, w.saying("before")) == 200);
        CHECK(w.shows("before"));
        CHECK(w.told(phone, first, wrong) == 200);
        CHECK_FALSE(w.shows("before"));
        CHECK(w.shows("other"));
    }
    CHECK(w.counters().limit_publication_bytes == 1);
}

TEST_CASE(
    "R3856-6.11.1-2 R3856-6.11-1: it is learnt where aggregation makes migration impossible") {
    LearnerWorld w(MigrationMode::capable);
    w.come(phone);
    CHECK(!w.heard(phone));  // it would serve its watchers itself
    w.come(other);
    const RawMessage first = w.asked(phone), second = w.asked(other);
    CHECK(first.method() == "SUBSCRIBE");
    CHECK(second.method() == "SUBSCRIBE");
    CHECK(w.told(phone, first, w.saying("one")) == 200);
    CHECK(w.told(other, second, w.saying("two")) == 200);
    CHECK(w.shows("one"));
    CHECK(w.shows("two"));
    // The one that is left serves for itself again.
    w.come(other, capable, 0);
    CHECK(w.asked(other).field("Expires") == "0");
    CHECK(w.asked(phone).field("Expires") == "0");
    CHECK(w.server.learning() == 0);
}

TEST_CASE("R3856-6.11.1-2: as many are asked as may be, and one more") {
    sip::Limits limits;
    limits.watches = 1;
    LearnerWorld w(MigrationMode::never, limits);
    w.come(phone);
    CHECK(w.asked(phone).method() == "SUBSCRIBE");
    w.come(other);
    CHECK(!w.heard(other));
    CHECK(w.server.learning() == 1);
    CHECK(w.counters().limit_watches == 1);
}

TEST_CASE("R3856-6.11.1-2: a server that stops ends what it asked for, and asks for nothing more") {
    LearnerWorld w;
    w.come(phone);
    CHECK(w.told(phone, w.asked(phone), w.saying("one")) == 200);
    w.server.shut_down(w.raw.now, presence::Server::Stop::probation);
    w.raw.drain();
    CHECK(w.asked(phone).field("Expires") == "0");
    CHECK(w.server.learning() == 0);
}

TEST_CASE(
    "R3856-6.11.1-2: what a phone ends is asked for again, and silence takes back what was said") {
    LearnerWorld w;
    w.come(phone);
    const RawMessage asked = w.asked(phone);
    CHECK(w.told(phone, asked, w.saying("one")) == 200);
    CHECK(w.told(phone, asked, "", "terminated;reason=deactivated") == 200);
    w.raw.pass(seconds{1});
    const RawMessage again = w.asked(phone);
    CHECK(again.method() == "SUBSCRIBE");
    CHECK(again.field("Call-ID") != asked.field("Call-ID"));
    CHECK(w.told(phone, again, w.saying("two")) == 200);
    CHECK(w.shows("two"));
    // It answers nothing any more: what it said lasts as long as it had granted, at most.
    w.raw.pass(seconds{1'300});
    CHECK_FALSE(w.shows("two"));
}

TEST_CASE("R4745-7.3-1: a sphere that was learnt decides, and another one decides again") {
    class AtWork final : public presence::RuleSource {
    public:
        AtWork() {
            const auto rule = [](const char* id, const char* handling, const char* condition) {
                return std::string("<rule id=\"") + id + "\"><conditions>" + condition +
                       "</conditions><actions><pr:sub-handling>" + handling +
                       "</pr:sub-handling></actions></rule>";
            };
            auto read = presence::Ruleset::read(
                "<ruleset xmlns=\"urn:ietf:params:xml:ns:common-policy\" "
                "xmlns:pr=\"urn:ietf:params:xml:ns:pres-rules\">" +
                    rule("a", "confirm", "") + rule("b", "allow", "<sphere value=\"work\"/>") +
                    "</ruleset>",
                memory_, {});
            REQUIRE(read);
            rules_.emplace(std::move(*read));
        }
        const presence::Ruleset* rules_of(std::string_view) const override { return &*rules_; }

    private:
        sip::Memory memory_;
        std::optional<presence::Ruleset> rules_;
    } rules;
    LearnerWorld w(MigrationMode::never, {}, &rules);
    w.come(phone);
    const RawMessage subscribe = w.asked(phone);
    const auto in = [](const std::string& sphere) {
        return pidf_document(
            "open", "t1", {},
            "<dm:person id=\"p\"><rpid:sphere><rpid:" + sphere + "/></rpid:sphere></dm:person>");
    };
    CHECK(w.told(phone, subscribe, in("work")) == 200);
    w.raw.peer = {sip::Address::v4(192, 0, 2, 99), 5062};
    CHECK(w.ask_as("bob", ServerWorld::subscribe("bob")).status() == 200);
    const auto state = [&] {
        std::string found;
        w.server.notifier().for_each(w.raw.now, [&](const sip::Notifier::Snapshot& one) {
            if (one.watcher == "bob@example.com") found = one.state;
        });
        return found;
    };
    CHECK(state() == "active");
    CHECK(w.told(phone, subscribe, in("home")) == 200);
    CHECK(state() == "pending");
    CHECK(w.told(phone, subscribe, in("work")) == 200);
    CHECK(state() == "active");
}
