// RFC 3263 5: what becomes of a response whose connection is gone, where sent-by is a name.

#include <doctest/doctest.h>

#include "tests/support/stack_world.hpp"

using namespace sip;

namespace {

class BelievingGate final : public Gate {
public:
    Verdict admit(const Now&, const Request&) override {
        Verdict verdict;
        verdict.identity = {"bob@example.com", believes};
        return verdict;
    }
    void write_challenges(const Now&, const Request&, bool, MessageWriter&) override {}
    bool believes = true;
};

/// A request that came by a connection that is gone before it is answered.
struct Gone {
    explicit Gone(const std::string& sent_by, bool believed = true, bool answered = true) {
        gate.believes = believed;
        world.stack.set_gate(&gate);
        world.user.script = [](const Request&) { return 0; };
        if (answered) world.net.names = &names;
        const FlowId flow = world.net.connect();
        world.net.input(
            flow, StackWorld::text("MESSAGE", "SIP/2.0/TCP " + sent_by + ";branch=z9hG4bKgone"));
        world.stack.closed(world.net.now, flow);
        world.net.drain();
        CHECK(world.net.opened.empty());
    }
    void say() {
        world.user.say(world.net.now, 0);
        world.net.drain();
    }
    /// The connection that was opened last could not be.
    void refuse() {
        world.stack.closed(world.net.now, world.net.opened.back().flow);
        world.net.drain();
    }
    std::vector<std::string> opened() const {
        std::vector<std::string> list;
        for (const OpenFlow& each : world.net.opened) {
            std::array<char, 80> room;
            Appender out(room);
            write_endpoint(out, each.to);
            list.emplace_back(out.view());
        }
        return list;
    }
    ScriptedNames names;
    BelievingGate gate;
    StackWorld world;
};

}  // namespace

TEST_CASE("R3263-5-1: a sent-by without a port is looked up by SRV, and its servers are tried") {
    Gone gone("proxy.example");
    gone.names.srv("_sip._tcp.proxy.example", 1, 1, 5071, "a.example");
    gone.names.srv("_sip._tcp.proxy.example", 2, 1, 5072, "b.example");
    gone.names.a("a.example", Address::v4(192, 0, 2, 71));
    gone.names.a("b.example", Address::v4(192, 0, 2, 72));
    gone.say();
    // RFC 3261 18.2.2: first where it came from, at the default port.
    CHECK(gone.opened() == std::vector<std::string>{"192.0.2.99:5060"});
    CHECK(gone.world.net.asked.empty());
    gone.refuse();
    CHECK(gone.world.net.asked.front() == "SRV _sip._tcp.proxy.example");
    CHECK(gone.opened().back() == "192.0.2.71:5071");
    gone.refuse();
    CHECK(gone.opened().back() == "192.0.2.72:5072");
    gone.world.stack.connected(gone.world.net.now, gone.world.net.opened.back().flow,
                               gone.world.net.server);
    gone.world.net.drain();
    const RawMessage answer = gone.world.net.take();
    CHECK(answer.status() == 200);
    CHECK(answer.flow == gone.world.net.opened.back().flow);
    CHECK(gone.opened().size() == 3);
    gone.world.net.pass(seconds{32});
    CHECK(gone.world.stack.servers().size() == 0);
}

TEST_CASE("R3263-5-1: a sent-by with a port is looked up by its addresses") {
    Gone gone("proxy.example:5080");
    gone.names.a("proxy.example", Address::v4(192, 0, 2, 71));
    gone.say();
    CHECK(gone.opened() == std::vector<std::string>{"192.0.2.99:5080"});
    gone.refuse();
    CHECK(gone.world.net.asked ==
          std::vector<std::string>{"AAAA proxy.example", "A proxy.example"});
    CHECK(gone.opened().back() == "192.0.2.71:5080");
    gone.refuse();
    CHECK(gone.opened().size() == 2);
    CHECK(gone.world.stack.counters().transport_failures == 1);
}

TEST_CASE("T-25 T-26: no name of a stranger is looked up, nor one that cannot be") {
    for (const bool believed : {false, true}) {
        Gone gone(believed ? "phone.invalid" : "proxy.example", believed);
        gone.say();
        gone.refuse();
        CHECK(gone.world.net.asked.empty());
        CHECK(gone.opened().size() == 1);
    }
    Gone numeric("192.0.2.98");
    numeric.say();
    numeric.refuse();
    CHECK(numeric.world.net.asked.empty());
}

TEST_CASE("R3263-5-1: a connection that stood and ended has brought the response") {
    Gone gone("proxy.example");
    gone.names.a("proxy.example", Address::v4(192, 0, 2, 71));
    gone.say();
    gone.world.stack.connected(gone.world.net.now, gone.world.net.opened.back().flow,
                               gone.world.net.server);
    gone.world.net.drain();
    CHECK(gone.world.net.take().status() == 200);
    gone.world.net.pass(seconds{3});
    gone.refuse();
    CHECK(gone.world.net.asked.empty());
    CHECK(gone.opened().size() == 1);
}

TEST_CASE("T-26: a transaction that ends while its sent-by is looked up leaves no lookup") {
    Gone gone("proxy.example", true, false);
    gone.say();
    gone.refuse();
    CHECK(gone.world.stack.core().locator.size() == 1);
    gone.world.stack.servers().forget(gone.world.user.seen[0].transaction);
    CHECK(gone.world.stack.core().locator.size() == 0);
    gone.world.net.answer_names(gone.names);
    CHECK(gone.opened().size() == 1);
}
