#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "sip/event/notifier.hpp"
#include "tests/support/event_world.hpp"

using namespace sip;

namespace {

/// A package whose subscriptions have documents of their own: "full" or "part", how many were sent
/// before, and what is new to this subscription. With a rate of one in 5 s.
class DiaryPackage final : public EventPackage {
public:
    DiaryPackage() {
        traits_.name = "diary";
        traits_.accept = types;
        traits_.notify_interval_min = seconds{5};
        traits_.hold_per_subscription = traits_.own_documents = true;
    }
    static constexpr std::array<std::string_view, 1> types{"text/plain"};
    const Traits& traits() const override { return traits_; }
    bool exists(std::string_view) const override { return true; }
    Decision decide(const Now&, const Watcher& watcher) override {
        return {watcher.identity == blocked ? SubscriptionDecision::rejected
                                            : SubscriptionDecision::active,
                {}};
    }
    Expected<std::size_t> render(const Now&, ResourceId, std::string_view, ViewId, std::string_view,
                                 std::span<char>) override {
        return failure(Condition::internal, "never asked");
    }
    Expected<std::size_t> render_own(const Now&, const OwnDocument& wanted,
                                     std::span<char> room) override {
        if (too_large) return failure(Condition::body_too_large, "too large");
        Page& page = pages[wanted.subscription.handle.index];
        const bool full = wanted.full || page.sent == 0;
        std::string text = full ? "full " : "part ";
        text += std::to_string(page.sent) + (wanted.last ? " last" : "");
        page.next = page.told;
        for (std::size_t i = full ? 0 : page.told; i < lines.size() && i < page.told + most; ++i) {
            text += "\n" + lines[i];
            page.next = i + 1;
        }
        text += std::string(extra, 'x');
        Appender out(room);
        out << text;
        return out.size();
    }
    void on_own_sent(const Now&, SubscriptionId id) override {
        Page& page = pages[id.handle.index];
        ++page.sent;
        page.told = page.next;
    }
    bool has_news(const Now&, SubscriptionId id) override {
        return pages[id.handle.index].told < lines.size();
    }
    void forget(SubscriptionId id) override { pages.erase(id.handle.index); }

    struct Page {
        std::size_t sent = 0, told = 0, next = 0;
    };
    Traits traits_;
    std::map<std::uint32_t, Page> pages;
    std::vector<std::string> lines;
    std::size_t most = 100, extra = 0;
    bool too_large = false;
    std::string blocked;
};

/// Writes down what it is told.
struct Diary final : SubscriptionListener {
    void on_subscription_change(const Now& now, const SubscriptionChange& change) override {
        static constexpr std::array names{"subscribe", "approved", "deactivated", "probation",
                                          "rejected",  "timeout",  "giveup",      "noresource"};
        const auto name = [](SubscriptionChange::State state) {
            return std::string(subscription_machine::state_names[static_cast<std::size_t>(state)]);
        };
        if (change.from == SubscriptionChange::State::init) {
            CHECK(change.mark == UINT32_MAX);
            change.mark = ++made;
        }
        heard.push_back(std::to_string(change.mark) + " " + std::string(change.watcher.identity) +
                        " " + name(change.from) + " > " + name(change.to) + " " +
                        names[static_cast<std::size_t>(change.event)] +
                        (change.allowed ? " allowed" : ""));
        if (!change.event_id.empty()) heard.back() += " id=" + std::string(change.event_id);
        if (!change.display_name.empty()) heard.back() += " " + std::string(change.display_name);
        left = change.expires_at > now.mono
                   ? std::chrono::duration_cast<seconds>(change.expires_at - now.mono).count()
                   : 0;
    }
    Fault refuses(const Now&, const Watcher& watcher, std::string_view event_id,
                  const Decision& decision) override {
        if (watcher.identity != "mallory@example.com") return {};
        CHECK(event_id.empty());
        CHECK(decision.state == SubscriptionDecision::active);
        return Error{Condition::overloaded, "Enough of mallory"};
    }
    std::vector<std::string> take() { return std::exchange(heard, {}); }
    std::vector<std::string> heard;
    std::uint32_t made = 0;
    long left = 0;
};

/// What outlives the stack.
struct DiaryParts {
    DiaryPackage diary;
    Diary heard;
};

struct DiaryWorld : DiaryParts, EventWorld {
    explicit DiaryWorld(const Options& options = {}) : EventWorld(options) {
        (void)packages.add(diary);
        echo.set_listener(&heard);
    }
    RawRequest diary_request(const std::string& who = "bob") {
        RawRequest request = subscribe_request(who);
        request.fields[0] = "Event: diary";
        return request;
    }
    void write(const std::string& line) {
        diary.lines.push_back(line);
        notifier.state_changed(net.now, 1, "alice@example.com");
        net.drain();
    }
    std::string next_body() {
        const RawMessage notify = net.take("NOTIFY");
        return notify ? notify.body() : "nothing";
    }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("R3857-4.7.1-1: a listener hears of a subscription from its first SUBSCRIBE to its end") {
    DiaryWorld w;
    w.echo.decisions["bob@example.com"] = {SubscriptionDecision::pending, {}};
    RawRequest request = w.subscribe_request();
    request.from = "\"Bob \\\"B\\\" Smith\" <sip:bob@example.com>;tag=bob";
    request.fields[0] = "Event: echo;id=7";
    request.with("Expires: 600");
    const RawMessage answer = w.net.ask(request);
    REQUIRE(answer.status() == 200);
    CHECK(w.heard.take() ==
          Lines{"1 bob@example.com init > pending subscribe id=7 Bob \"B\" Smith"});
    CHECK(w.heard.left == 600);
    w.net.pass(seconds{100});
    CHECK(w.net.ask(EventWorld::in_dialog(request, answer, 2)).status() == 200);
    CHECK(w.heard.take() == Lines{"1 bob@example.com pending > pending subscribe id=7"});
    CHECK(w.heard.left == 600);
    w.echo.decisions["bob@example.com"].state = SubscriptionDecision::active;
    w.notifier.decide_again(w.net.now, 0, "alice@example.com");
    CHECK(w.heard.take() == Lines{"1 bob@example.com pending > active approved allowed id=7"});
    // The same decision again is no news.
    w.notifier.decide_again(w.net.now, 0, "alice@example.com");
    CHECK(w.heard.take().empty());
    w.net.pass(seconds{600});
    CHECK(w.heard.take() == Lines{"1 bob@example.com active > terminated timeout allowed id=7"});
}

TEST_CASE("R3857-4.7.1-1: each end of a subscription has its event") {
    using Machine = subscription_machine::Event;
    const std::vector<std::pair<Machine, std::string>> ends{
        {Machine::reject, "rejected"},        {Machine::deactivate, "deactivated"},
        {Machine::probation, "probation"},    {Machine::give_up, "giveup"},
        {Machine::no_resource, "noresource"}, {Machine::lost, "timeout"}};
    for (const auto& each : ends) {
        const Machine machine = each.first;
        const std::string& event = each.second;
        CAPTURE(event);
        DiaryWorld w;
        w.echo.decisions["bob@example.com"] = {SubscriptionDecision::pending, {}};
        w.net.ask(w.subscribe_request());
        (void)w.heard.take();
        w.notifier.end(w.net.now, 0, "alice@example.com", machine);
        w.net.drain();
        CHECK(w.heard.take() == Lines{"1 bob@example.com pending > terminated " + event});
        CHECK(w.notifier.size() == 0);
    }
}

TEST_CASE("R3857-4.7.1-4: a listener hears of a fetch, and whether anybody had decided") {
    DiaryWorld w;
    RawRequest fetch = w.subscribe_request();
    fetch.with("Expires: 0");
    CHECK(w.net.ask(fetch).status() == 200);
    CHECK(w.heard.take() == Lines{"1 bob@example.com init > terminated timeout allowed"});
    w.echo.decisions["carol@example.com"] = {SubscriptionDecision::pending, {}};
    fetch = w.subscribe_request("carol");
    fetch.with("Expires: 0");
    CHECK(w.net.ask(fetch).status() == 200);
    CHECK(w.heard.take() == Lines{"2 carol@example.com init > terminated timeout"});
    // Whom policy refuses is none.
    w.echo.decisions["dave@example.com"] = {SubscriptionDecision::rejected, {}};
    CHECK(w.net.ask(w.subscribe_request("dave")).status() == 403);
    CHECK(w.heard.take().empty());
}

TEST_CASE("a listener may refuse, and the package's own refusals go before") {
    DiaryWorld w;
    const RawMessage answer = w.net.ask(w.subscribe_request("mallory"));
    CHECK(answer.status() == 503);
    CHECK(answer.reason() == "Enough of mallory");
    CHECK(answer.has("Retry-After"));
    CHECK(w.notifier.size() == 0);
    CHECK(w.heard.take().empty());
    w.echo.decisions["mallory@example.com"] = {SubscriptionDecision::rejected, {}};
    RawRequest again = w.subscribe_request("mallory");
    again.call_id = "another";
    CHECK(w.net.ask(again).status() == 403);
}

TEST_CASE("what the store could not keep never was, to a listener") {
    EventWorld::Options options;
    options.stack.has_store = true;
    DiaryWorld w(options);
    CHECK_FALSE(w.net.ask(w.subscribe_request()));
    CHECK(w.heard.take().empty());
    w.net.commit(false);
    CHECK(w.heard.take().empty());
    w.net.ask(w.subscribe_request("carol"));
    // Ended while it was being stored: no 2xx, so nobody watched.
    w.notifier.end(w.net.now, 0, "alice@example.com", subscription_machine::Event::deactivate);
    w.net.commit(true);
    CHECK(w.heard.take().empty());
    w.net.ask(w.subscribe_request("dave"));
    w.net.commit(true);
    CHECK(w.heard.take() == Lines{"1 dave@example.com init > active subscribe allowed"});
}

TEST_CASE("a display name is cut to 128 bytes, between two characters") {
    const auto heard_of = [](const std::string& name) {
        DiaryWorld w;
        RawRequest request = w.subscribe_request();
        request.from = "\"" + name + "\" <sip:bob@example.com>;tag=bob";
        w.net.ask(request);
        const std::string line = w.heard.take().at(0);
        return line.substr(line.find("allowed ") + 8);
    };
    const std::string longest(128, 'n');
    CHECK(heard_of(longest) == longest);
    CHECK(heard_of(longest + "n") == longest);
    const std::string before(127, 'n');
    CHECK(heard_of(before + "\u00e9") == before);
    CHECK(heard_of(before.substr(1) + "\u00e9") == before.substr(1) + "\u00e9");
}

TEST_CASE("documents of their own: full after a SUBSCRIBE, and what is new at the package's rate") {
    DiaryWorld w;
    w.write("one");
    const RawMessage answer = w.net.ask(w.diary_request());
    CHECK(w.next_body() == "full 0\none");
    w.write("two");
    CHECK(w.next_body() == "part 1\ntwo");
    // The hold of this one, and not of the other.
    w.write("three");
    CHECK(w.next_body() == "nothing");
    w.net.ask(w.diary_request("carol"));
    CHECK(w.next_body() == "full 0\none\ntwo\nthree");
    w.write("four");
    CHECK(w.next_body() == "part 1\nfour");
    CHECK(w.next_body() == "nothing");
    w.net.pass(seconds{5});
    CHECK(w.next_body() == "part 2\nthree\nfour");
    w.net.pass(seconds{60});
    CHECK(w.next_body() == "nothing");
    CHECK(w.net.ask(EventWorld::in_dialog(w.diary_request(), answer, 2)).status() == 200);
    CHECK(w.next_body() == "full 3\none\ntwo\nthree\nfour");
    // The last one, of Expires 0, as well; and a package forgets who is gone.
    RawRequest leave = EventWorld::in_dialog(w.diary_request(), answer, 3);
    leave.with("Expires: 0");
    w.net.ask(leave);
    CHECK(w.next_body() == "full 4 last\none\ntwo\nthree\nfour");
    CHECK(w.diary.pages.size() == 1);
}

TEST_CASE("documents of their own: what does not fit goes into the next one, at the rate") {
    DiaryWorld w;
    w.diary.most = 2;
    w.diary.lines = {"1", "2", "3", "4", "5"};
    w.net.ask(w.diary_request());
    CHECK(w.next_body() == "full 0\n1\n2");
    CHECK(w.next_body() == "part 1\n3\n4");
    CHECK(w.next_body() == "nothing");
    w.net.pass(seconds{5});
    CHECK(w.next_body() == "part 2\n5");
    w.net.pass(seconds{60});
    CHECK(w.next_body() == "nothing");
}

TEST_CASE("documents of their own: nothing is sent when what was new is no more") {
    DiaryWorld w;
    w.net.ask(w.diary_request());
    w.write("one");
    w.net.sent.clear();
    w.write("two");
    w.diary.lines.pop_back();  // within the hold
    w.net.pass(seconds{10});
    CHECK(w.next_body() == "nothing");
    w.write("three");
    CHECK(w.next_body() == "part 2\nthree");
}

TEST_CASE("a copy of a NOTIFY has the same bytes, whatever is new since") {
    DiaryWorld w;
    w.net.ask(w.diary_request());
    w.net.sent.clear();
    w.net.answer_notify = false;
    w.write("one");
    const RawMessage first = w.net.take("NOTIFY");
    REQUIRE(first.body() == "part 1\none");
    w.write("two");
    w.net.pass(milliseconds{500});
    CHECK(w.net.take("NOTIFY").text == first.text);
    w.net.answer(first);
    CHECK(w.next_body() == "nothing");
    w.net.pass(seconds{5});
    CHECK(w.next_body() == "part 2\ntwo");
}

TEST_CASE("documents of their own: after a NOTIFY that failed the whole state goes") {
    DiaryWorld w;
    w.net.ask(w.diary_request());
    w.net.sent.clear();
    w.net.answer_notify = false;
    w.write("one");
    w.net.answer(w.net.take("NOTIFY"), 500);
    CHECK(w.next_body() == "nothing");
    w.write("two");
    w.net.pass(seconds{32});
    CHECK(w.next_body() == "full 2\none\ntwo");
}

TEST_CASE("T-15: a challenged NOTIFY goes again with the document it had") {
    struct Credentials final : NotifyCredentials {
        bool answer(const Now&, const Response&, std::string_view, std::string_view,
                    std::string_view body, MessageWriter& writer) override {
            proved = body;
            writer.header(HeaderId::authorization, "Digest response=\"x\"");
            return true;
        }
        std::string proved;
    } credentials;
    DiaryWorld w;
    w.notifier.set_credentials(&credentials);
    w.net.ask(w.diary_request());
    w.net.sent.clear();
    w.net.answer_notify = false;
    w.write("one");
    const RawMessage first = w.net.take("NOTIFY");
    w.write("two");
    w.net.answer(first, 401, "Who", {"WWW-Authenticate: Digest realm=\"r\", nonce=\"n\""});
    const RawMessage second = w.net.take("NOTIFY");
    CHECK(second.body() == "part 1\none");
    CHECK(second.has("Authorization"));
    CHECK(credentials.proved == second.body());
    w.net.answer(second);
    w.net.pass(seconds{5});
    CHECK(w.next_body() == "part 2\ntwo");
}

TEST_CASE("documents of their own: a challenge and a decision at once, and nothing old is shown") {
    struct Credentials final : NotifyCredentials {
        bool answer(const Now&, const Response&, std::string_view, std::string_view,
                    std::string_view, MessageWriter&) override {
            return true;
        }
    } credentials;
    DiaryWorld w;
    w.notifier.set_credentials(&credentials);
    w.net.ask(w.diary_request());
    w.net.sent.clear();
    w.net.answer_notify = false;
    w.write("secret");
    const RawMessage first = w.net.take("NOTIFY");
    w.diary.blocked = "bob@example.com";
    w.notifier.decide_again(w.net.now, 1, "alice@example.com");
    w.net.answer(first, 401, "Who", {"WWW-Authenticate: Digest realm=\"r\", nonce=\"n\""});
    const RawMessage last = w.net.take("NOTIFY");
    CHECK(last.field("Subscription-State") == "terminated;reason=rejected");
    CHECK(last.body().empty());
    CHECK(w.next_body() == "nothing");
}

TEST_CASE("R3261-18.1.1-1: by UDP after a stream was not taken, the same document whole") {
    DiaryWorld w;
    w.diary.extra = 2'000;
    w.net.ask(w.diary_request());
    CHECK(w.next_body() == "nothing");
    REQUIRE(w.net.opened.size() == 1);
    w.diary.lines.push_back("one");
    w.stack.closed(w.net.now, w.net.opened.front().flow);
    w.net.drain();
    CHECK(w.next_body() == "full 0" + std::string(2'000, 'x'));
    CHECK(w.next_body() == "part 1\none" + std::string(2'000, 'x'));
}

TEST_CASE("documents of their own: one too large is left out and counted, and others go on") {
    DiaryWorld w;
    w.diary.too_large = true;
    w.net.ask(w.diary_request());
    CHECK(w.next_body().empty());
    CHECK(w.stack.counters().limit_notify_body_bytes == 1);
    w.diary.too_large = false;
    w.write("one");
    CHECK(w.next_body() == "full 0\none");
}

TEST_CASE("T-8: without memory for a document of its own the NOTIFY is sent later") {
    for (std::uint64_t n = 0, refused = 1; refused > 0; ++n) {
        CAPTURE(n);
        REQUIRE(n < 60);
        DiaryWorld w;
        w.net.ask(w.diary_request());
        w.net.sent.clear();
        Memory& memory = w.stack.shard().memory;
        const std::uint64_t before = memory.refusals();
        memory.refuse_after(n);
        w.write("one");
        memory.refuse_none();
        refused = memory.refusals() - before;
        if (refused > 0) CHECK(w.stack.counters().limit_memory > 0);
        w.net.pass(seconds{60});
        const std::string body = w.next_body();
        CHECK((body == "part 1\none" || body == "full 1\none" || body == "full 2\none"));
        CHECK(w.notifier.size() == 1);
    }
}

TEST_CASE(
    "documents of their own: a refresh before the same NOTIFY goes again makes it another one") {
    DiaryWorld w;
    w.diary.extra = 2'000;
    const RawMessage answer = w.net.ask(w.diary_request());
    REQUIRE(w.net.opened.size() == 1);
    w.stack.closed(w.net.now, w.net.opened.front().flow);
    w.diary.lines.push_back("one");
    w.net.input(w.net.text_of(EventWorld::in_dialog(w.diary_request(), answer, 2)));
    CHECK(w.next_body() == "full 1\none" + std::string(2'000, 'x'));
    CHECK(w.next_body() == "nothing");
}
