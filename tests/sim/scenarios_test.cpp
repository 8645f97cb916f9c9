// The flows of the RFCs between real clients and a real server, message by message.

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "tests/sim/phone_host.hpp"
#include "tests/sim/server_host.hpp"

using namespace sim;

namespace {

Setup setup_for(bool digest) {
    Setup setup;
    setup.seed = 11;
    setup.users = setup.phones = 2;
    setup.expires_s = 600;
    setup.digest = digest;
    return setup;
}

/// u0 with phone0, watched by u1 with phone1; all at server0. Nothing is lost.
struct Scene {
    explicit Scene(bool by_tcp, bool digest = false) : setup(setup_for(digest)), tcp(by_tcp) {
        world.keep_passages(10'000);
        server.start();
        presentity.start();
        watcher.start();
    }
    Setup setup;
    bool tcp;
    World world{11};
    Accounts accounts{setup};
    ServerHost server{world, setup, 0, accounts};
    PhoneHost presentity{world, setup, 0, 0, tcp, sip::Address::v4(100, 64, 0, 1)};
    PhoneHost watcher{world, setup, 1, 1, tcp, sip::Address::v4(100, 64, 0, 2)};
    std::size_t read = 0;

    void pass(Time by) {
        world.run_until(world.now + by);
        CHECK_MESSAGE(!world.failed(), world.failure().invariant << ": " << world.failure().detail);
    }
    /// "phone1 SUBSCRIBE 1 expires 600": what passed since the last call, without Call-IDs.
    std::vector<std::string> passed() {
        std::vector<std::string> lines;
        const auto& all = world.passages();
        for (; read < all.size(); ++read) {
            if (all[read].what.empty()) continue;  // a connection
            CHECK(all[read].fate == (tcp ? "by stream" : ""));
            std::istringstream words(all[read].what);
            std::string line = all[read].from, word;
            while (words >> word) {
                if (word == "of" || word == "if" || word == "etag") {
                    std::string value;
                    words >> value;
                    if (word == "of") continue;
                }
                line += " " + word;
            }
            lines.push_back(line);
        }
        return lines;
    }
    View seen() const { return view_of(watcher.watch_of(0).document); }
};

using Lines = std::vector<std::string>;

std::size_t count(const Lines& lines, const std::string& what) {
    return static_cast<std::size_t>(std::count_if(
        lines.begin(), lines.end(), [&](const std::string& l) { return l.starts_with(what); }));
}

}  // namespace

TEST_CASE("R3856-8-1: SUBSCRIBE, NOTIFY, and a NOTIFY of the change, over TCP") {
    Scene s(true);
    s.presentity.publish(false, false);
    s.pass(second);
    (void)s.passed();
    s.watcher.watch(0);
    s.pass(second / 2);
    CHECK(s.passed() ==
          Lines{"phone1 SUBSCRIBE 1 expires 600", "server0 200 OK (SUBSCRIBE) 1 expires 600",
                "server0 NOTIFY 1 active;expires=600 ~p0.1~", "phone1 200 OK (NOTIFY) 1"});
    CHECK(s.seen().open == 0);
    s.pass(20 * second);
    s.presentity.publish(true, false);
    s.pass(second / 2);
    CHECK(s.passed() == Lines{"phone0 PUBLISH 2 expires 600 if ~p0.2~",
                              "server0 200 OK (PUBLISH) 2 expires 600 etag",
                              "server0 NOTIFY 2 active;expires=580 ~p0.2~",
                              "phone1 200 OK (NOTIFY) 2"});
    CHECK(s.seen().open == 1);
    CHECK(s.seen().tuples == 1);
}

TEST_CASE("R3903-15-1: subscribe, publish, refresh without a NOTIFY, modify with one") {
    Scene s(false);
    s.watcher.watch(0);
    s.pass(second / 2);
    CHECK(s.passed() == Lines{"phone1 SUBSCRIBE 1 expires 600",
                              "server0 200 OK (SUBSCRIBE) 1 expires 600",
                              "server0 NOTIFY 1 active;expires=600", "phone1 200 OK (NOTIFY) 1"});
    s.pass(100 * second);
    s.presentity.publish(true, false);
    s.pass(second / 2);
    CHECK(s.passed() == Lines{"phone0 PUBLISH 1 expires 600 ~p0.1~",
                              "server0 200 OK (PUBLISH) 1 expires 600 etag",
                              "server0 NOTIFY 2 active;expires=500 ~p0.1~",
                              "phone1 200 OK (NOTIFY) 2"});
    // Until just before the publication would run out: the publisher refreshed it.
    Lines lines;
    while (count(lines, "phone0 PUBLISH 2") == 0 && s.world.now < 699 * second) {
        s.pass(second);
        lines = s.passed();
    }
    CHECK(lines ==
          Lines{"phone0 PUBLISH 2 expires 600 if", "server0 200 OK (PUBLISH) 2 expires 600 etag"});
    s.pass(20 * second);
    CHECK(count(s.passed(), "server0 NOTIFY") == 0);
    s.presentity.publish(false, false);
    s.pass(second / 2);
    lines = s.passed();
    CHECK(count(lines, "phone0 PUBLISH 3 expires 600 if ~p0.2~") == 1);
    CHECK(count(lines, "server0 200 OK (PUBLISH) 3 expires 600 etag") == 1);
    CHECK(count(lines, "server0 NOTIFY") == 1);
    CHECK(s.seen().marks == std::multiset<std::string>{"p0.2"});
}

TEST_CASE("R6665-OUR-1 R3856-9.2-1: a server that forgot all is subscribed to anew, with digest") {
    for (const bool by_tcp : {false, true}) {
        CAPTURE(by_tcp);
        Scene s(by_tcp, true);
        s.watcher.watch(0);
        s.presentity.publish(true, false);
        s.pass(10 * second);
        const Lines begin = s.passed();
        CHECK(count(begin, "server0 401 ") == 2);
        CHECK(count(begin, "server0 200 OK (SUBSCRIBE) 2") == 1);
        CHECK(s.seen().open == 1);
        std::string first_call;
        for (const Passage& passage : s.world.passages())
            if (passage.what.starts_with("SUBSCRIBE")) first_call = passage.what.substr(15, 6);
        const std::size_t before = s.world.passages().size();
        s.server.crash();
        s.pass(second);
        s.server.start();
        s.read = before;
        s.pass(700 * second);
        const auto& all = s.world.passages();
        bool lost = false, anew = false;
        for (std::size_t i = before; i < all.size(); ++i) {
            lost |= all[i].what.starts_with("481 ");
            const bool asks = all[i].what.starts_with("SUBSCRIBE");
            if (lost && asks) anew |= all[i].what.find("of " + first_call) == std::string::npos;
        }
        CHECK(lost);
        CHECK(anew);
        CHECK(s.watcher.watch_of(0).live);
        CHECK(s.watcher.watch_of(0).state == sip::SubscriptionStateValue::active);
        CHECK(s.seen().marks == std::multiset<std::string>{"p0.1"});
        CHECK(s.server.server()->notifier().size() == 1);
        CHECK(s.server.server()->compositor().size() == 1);
    }
}
