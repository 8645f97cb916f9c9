// Memory refused at each allocation in turn, in a presence server with digest users: what each
// kind of request, connection and timer does then, that no change is lost which was answered 200,
// and that the server works as before.

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/server_world.hpp"

using presence::Policy;
using sip::seconds;

namespace {

enum class By { datagram, stream };

/// bob watches alice, who has published and registered, all with credentials.
struct Served {
    Served(By by, bool with_store) : w(options(with_store)) {
        if (by == By::stream) flow = w.raw.connect();
        watching = ServerWorld::subscribe("bob");
        REQUIRE(ask("bob", watching).status() == 200);
        first_notify = next("NOTIFY");
        REQUIRE(first_notify);
        published = ask("alice", w.publish("alice", pidf_document("open")));
        REQUIRE(published.status() == 200);
        REQUIRE(ask("alice", w.register_("alice", "<sip:alice@192.0.2.7>")).status() == 200);
        settle();
    }
    presence::ServerOptions options(bool with_store) {
        presence::ServerOptions made = ServerWorld::open();
        made.credentials = &users;
        made.directory = &users;
        made.notify_interval = seconds{0};
        made.has_store = with_store;
        return made;
    }
    /// Sends, and has the store say yes. What was answered last; provisional ones there are none.
    RawMessage tell(const RawRequest& request) {
        const std::string text = w.raw.text_of(request, flow == sip::FlowId{} ? "UDP" : "TCP");
        if (flow == sip::FlowId{})
            w.raw.input(text);
        else
            w.raw.input(flow, text);
        while (!w.raw.commits.empty()) w.raw.commit();
        RawMessage answer;
        for (auto at = w.raw.sent.begin(); at != w.raw.sent.end();) {
            if (at->status() == 0) {
                ++at;
                continue;
            }
            answer = *at;
            at = w.raw.sent.erase(at);
        }
        return answer;
    }
    RawMessage ask(const std::string& user, RawRequest request) {
        const RawMessage first = tell(request);
        if (first.status() != 401) return first;
        ++request.cseq;
        request.branch.clear();
        return tell(
            request.with(authorization_for(first.field("WWW-Authenticate"), request, user, user)));
    }
    RawMessage next(const char* method) {
        RawMessage found = w.raw.take(method);
        if (found) keep(found);
        return found;
    }
    void keep(const RawMessage& notify) {
        if (!notify.body().empty()) shown = notify.body();
        state = notify.field("Subscription-State");
    }
    /// All that is told, with memory again.
    void settle() {
        w.raw.pass(seconds{40});
        while (next("NOTIFY")) {
        }
    }
    sip::Memory& memory() { return w.server.stack().shard().memory; }
    bool shows(const std::string& part) const { return shown.find(part) != std::string::npos; }
    std::size_t count() {
        return w.server.notifier().size() + w.server.compositor().size() +
               w.server.registrar().size();
    }

    NamedUsers users;
    ServerWorld w;
    sip::FlowId flow{};
    RawRequest watching;
    RawMessage first_notify, published;
    std::string shown, state;  ///< of the last NOTIFY
};

/// In a new server each time, `act` with one allocation refused after another until none is; after
/// that `judge`, and the server has to work, unless it was stopped. `act` gives the answer, if it
/// asked for one.
void refuse_each(const std::function<RawMessage(Served&)>& act,
                 const std::function<void(Served&, const RawMessage&)>& judge,
                 bool is_stopped = false) {
    for (const By by : {By::datagram, By::stream})
        for (const bool with_store : {false, true}) {
            CAPTURE(static_cast<int>(by));
            CAPTURE(with_store);
            bool whole = false;
            for (std::uint64_t n = 0; !whole; ++n) {
                CAPTURE(n);
                REQUIRE(n < 400);
                Served s(by, with_store);
                const std::uint64_t before = s.memory().refusals();
                s.memory().refuse_after(n);
                const RawMessage answer = act(s);
                s.memory().refuse_none();
                whole = s.memory().refusals() == before;
                CAPTURE(answer.text);
                const sip::Counters& c = s.w.server.counters();
                if (!whole && answer.status() != 200) CHECK(c.limit_memory + c.effects_dropped > 0);
                judge(s, answer);
                if (is_stopped) continue;
                // As before: whoever it is, by a new connection where theirs was closed.
                s.settle();
                if (s.flow != sip::FlowId{}) s.flow = s.w.raw.connect();
                RawRequest fetch = ServerWorld::subscribe("carol", "alice", 0);
                fetch.call_id = "afterwards";
                CHECK(s.ask("carol", fetch).status() == 200);
                CHECK(s.w.raw.take("NOTIFY"));
                CHECK(
                    s.ask("alice", s.w.publish("alice", pidf_document("open", "later"))).status() ==
                    200);
            }
        }
}

/// An answer that says what became of it, or a connection closed, or silence that was counted: the
/// peer asks again.
void is_defined(Served& s, const RawMessage& answer) {
    if (!answer) {
        const sip::Counters& c = s.w.server.counters();
        CHECK((c.limit_memory > 0 || c.effects_dropped > 0 || !s.w.raw.closed.empty()));
        return;
    }
    const int status = answer.status();
    CHECK((status == 200 || status == 401 || status == 500 || status == 503));
    if (status == 503) CHECK(answer.has("Retry-After"));
}

}  // namespace

TEST_CASE("T-35: a SUBSCRIBE with credentials is taken and told, or refused and forgotten") {
    refuse_each([](Served& s) { return s.ask("carol", ServerWorld::subscribe("carol")); },
                [](Served& s, const RawMessage& answer) {
                    is_defined(s, answer);
                    if (answer)
                        CHECK(s.w.server.notifier().size() == (answer.status() == 200 ? 2 : 1));
                    if (answer.status() != 200) return;
                    s.w.raw.pass(seconds{40});  // at once, or when it is tried again
                    CHECK(s.w.raw.take("NOTIFY"));
                });
}

TEST_CASE("T-35: a change answered 200 reaches its watcher, wherever memory was refused") {
    refuse_each(
        [](Served& s) {
            return s.ask(
                "alice",
                s.w.publish("alice", pidf_document("closed", "t1", {}, "<note>changed</note>"),
                            s.published.field("SIP-ETag")));
        },
        [](Served& s, const RawMessage& answer) {
            is_defined(s, answer);
            CHECK(s.w.server.compositor().size() == 1);
            s.settle();
            if (s.w.raw.closed.empty()) CHECK(s.w.server.notifier().size() == 1);
            if (answer && s.w.raw.closed.empty())
                CHECK(s.shows("changed") == (answer.status() == 200));
        });
}

TEST_CASE("T-35: a REGISTER answered 200 reaches the watcher too") {
    refuse_each(
        [](Served& s) { return s.ask("alice", s.w.register_("alice", "<sip:alice@192.0.2.8>")); },
        [](Served& s, const RawMessage& answer) {
            is_defined(s, answer);
            if (answer) CHECK(s.w.server.registrar().size() == (answer.status() == 200 ? 2 : 1));
        });
}

TEST_CASE("T-35: a refresh keeps the subscription, whatever memory does") {
    refuse_each(
        [](Served& s) {
            return s.ask("bob", ServerWorld::resubscribe(s.watching, s.first_notify, 1200));
        },
        [](Served& s, const RawMessage& answer) {
            is_defined(s, answer);
            if (s.w.raw.closed.empty()) CHECK(s.w.server.notifier().size() == 1);
        });
}

TEST_CASE("T-35: what expires goes, and its watcher hears of it, though memory was refused") {
    refuse_each(
        [](Served& s) {
            s.w.raw.pass(seconds{3700});  // the publication, the binding and the subscription
            return RawMessage{};
        },
        [](Served& s, const RawMessage&) {
            s.settle();
            CHECK(s.count() == 0);
            // The last NOTIFY itself may find none; the watcher's own clock says the same.
            CHECK((s.state.starts_with("terminated") || s.w.server.counters().limit_memory > 0));
        });
}

TEST_CASE("T-35: a stop ends every subscription, though memory was refused") {
    refuse_each(
        [](Served& s) {
            s.w.server.shut_down(s.w.raw.now, presence::Server::Stop::probation);
            s.w.raw.drain();
            return RawMessage{};
        },
        [](Served& s, const RawMessage&) {
            s.w.raw.pass(seconds{40});
            CHECK(s.w.server.idle());
        },
        true);
}

TEST_CASE("T-35 T-17: a connection is taken, or refused and counted, and what it sends as well") {
    refuse_each(
        [](Served& s) {
            const sip::FlowId flow = s.w.raw.connect();
            if (flow == sip::FlowId{}) {
                CHECK(s.w.server.counters().limit_memory > 0);
                return RawMessage{};
            }
            s.w.raw.input(flow, "\r\n\r\n");
            s.w.raw.input(flow, s.w.raw.text_of(ServerWorld::subscribe("carol"), "TCP"));
            return RawMessage{};
        },
        [](Served& s, const RawMessage&) { CHECK(s.w.server.notifier().size() == 1); });
}
