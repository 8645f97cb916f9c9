// Memory refused at each allocation in turn, for each kind of request: an answer all the same, the
// state of before or after and nothing between, and no leak (a stack that goes looks for those).

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/event_world.hpp"
#include "tests/support/test_uas.hpp"

using namespace sip;

namespace {

/// Refuses allocation after allocation of what `ask` does in a new world that `prepare` readied,
/// until none is refused any more. `check` judges what was answered, and whether all was served.
template <class MakeWorld, class Ask>
void refuse_each(MakeWorld make_world, Ask ask) {
    bool whole = false;
    for (std::uint64_t n = 0; !whole; ++n) {
        CAPTURE(n);
        REQUIRE(n < 200);
        auto world = make_world();
        Memory& memory = world->stack.shard().memory;
        const std::uint64_t refused_before = memory.refusals();
        memory.refuse_after(n);
        const RawMessage answer = ask(*world);
        memory.refuse_none();
        whole = memory.refusals() == refused_before;
        CAPTURE(answer.text);
        const Counters& c = world->stack.counters();
        if (whole) {
            CHECK(answer.status() == 200);
            continue;
        }
        CHECK(c.limit_memory + c.effects_dropped > 0);
        // Silence only where the answer itself found no room on its way out.
        CHECK((answer || c.effects_dropped > 0));
        if (answer)
            CHECK((answer.status() == 200 || answer.status() == 500 || answer.status() == 503));
        if (answer.status() >= 500 && answer.reason() != "Response would be too long")
            CHECK(answer.has("Retry-After"));
    }
}

struct Subscribed {
    explicit Subscribed(bool with_store_given = false)
        : with_store(with_store_given), world(options(with_store)) {
        request = world.subscribe_request();
        answer = ask(request);
        published = ask(world.publish_request("first"));
        world.net.sent.clear();
    }
    static EventWorld::Options options(bool with_store) {
        EventWorld::Options made;
        made.stack.has_store = with_store;
        return made;
    }
    /// Asks, and has the store say yes.
    RawMessage ask(const RawRequest& asked) {
        RawMessage first = world.net.ask(asked);
        while (!world.net.commits.empty()) world.net.commit();
        if (!first) first = world.net.take();
        while (first && first.status() == 0) first = world.net.take();
        return first;
    }
    const bool with_store;
    EventWorld world;
    Stack& stack = world.stack;
    RawRequest request;
    RawMessage answer, published;
};

const auto without_store = [] { return std::make_unique<Subscribed>(false); };
const auto with_store = [] { return std::make_unique<Subscribed>(true); };

void for_both(const std::function<RawMessage(Subscribed&)>& ask) {
    refuse_each(without_store, ask);
    refuse_each(with_store, ask);
}

}  // namespace

TEST_CASE("T-35: a first SUBSCRIBE is taken whole, or refused and forgotten") {
    for_both([](Subscribed& s) {
        const RawMessage answer = s.ask(s.world.subscribe_request("carol"));
        if (answer) CHECK(s.world.notifier.size() == (answer.status() == 200 ? 2 : 1));
        return answer;
    });
}

TEST_CASE(
    "T-35: a refresh is taken, or refused and the subscription as it was, or ended and told so") {
    for_both([](Subscribed& s) {
        RawRequest refresh = EventWorld::in_dialog(s.request, s.answer, 2);
        refresh.with("Accept: text/x-echo");
        const RawMessage answer = s.ask(refresh);
        if (s.world.notifier.size() == 1) return answer;
        // What the store holds already is no more refused; without memory for what may be seen now
        // the watcher is told to come again.
        CHECK(answer.status() == 200);
        RawMessage last = s.world.net.take("NOTIFY");
        CHECK(last.field("Subscription-State").starts_with("terminated;reason=probation"));
        CHECK(s.with_store);
        return answer;
    });
}

TEST_CASE("T-35: a fetch leaves no subscription, whatever memory does") {
    for_both([](Subscribed& s) {
        RawRequest fetch = s.world.subscribe_request("carol");
        fetch.with("Expires: 0");
        const RawMessage answer = s.ask(fetch);
        s.world.net.pass(seconds{120});
        CHECK(s.world.notifier.size() == 1);
        return answer;
    });
}

TEST_CASE("T-35: a PUBLISH of each kind is taken, or refused and what was published stands") {
    for_both([](Subscribed& s) {
        RawRequest initial = s.world.publish_request("second");
        initial.call_id = "another";
        const RawMessage answer = s.ask(initial);
        if (answer) CHECK(s.world.compositor.size() == (answer.status() == 200 ? 2 : 1));
        return answer;
    });
    for (const char* body : {"changed", ""}) {
        for_both([&](Subscribed& s) {
            RawRequest again = s.world.publish_request(body);
            again.with("SIP-If-Match: " + s.published.field("SIP-ETag"));
            const RawMessage answer = s.ask(again);
            CHECK(s.world.compositor.size() == 1);
            return answer;
        });
    }
    for_both([](Subscribed& s) {
        RawRequest removal = s.world.publish_request("");
        removal.with("SIP-If-Match: " + s.published.field("SIP-ETag")).with("Expires: 0");
        const RawMessage answer = s.ask(removal);
        if (answer) CHECK(s.world.compositor.size() == (answer.status() == 200 ? 0 : 1));
        return answer;
    });
}

TEST_CASE("T-35: a REGISTER is taken whole, or refused and nothing is bound") {
    const auto make = [] {
        return std::make_unique<TestUas>(std::vector<std::string>{"example.com"});
    };
    refuse_each(make, [](TestUas& uas) {
        RawRequest request{"REGISTER", "sip:example.com"};
        request.to = "<sip:alice@example.com>";
        request.with("Contact: <sip:a@192.0.2.99>, <sip:b@192.0.2.99>");
        const RawMessage answer = uas.net.ask(request);
        if (answer) CHECK(uas.registrar.size() == (answer.status() == 200 ? 2 : 0));
        return answer;
    });
}

TEST_CASE("T-35: OPTIONS, MESSAGE and INVITE are answered whatever memory does") {
    for (const char* method : {"OPTIONS", "MESSAGE", "INVITE"}) {
        CAPTURE(method);
        refuse_each([] { return std::make_unique<TestUas>(); },
                    [&](TestUas& uas) {
                        return uas.net.ask(RawRequest{method, "sip:alice@example.com"});
                    });
    }
}
