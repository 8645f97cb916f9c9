#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <unordered_map>

#include "tests/support/event_world.hpp"

using namespace sip;

namespace {

EventWorld::Options for_many() {
    EventWorld::Options options;
    options.stack.limits.rate_source = 0;
    options.stack.limits.rate_user = 0;
    options.stack.limits.rate_strangers = 0;
    options.stack.limits.server_transactions_per_address = 65'536;
    return options;
}

RawRequest numbered(unsigned watcher, unsigned presentity) {
    const std::string name = "watcher" + std::to_string(watcher);
    const std::string number = std::to_string(presentity);
    RawRequest request{"SUBSCRIBE", "sip:user" + number + "@example.com"};
    request.from = "<sip:" + name + "@example.com>;tag=a1b2c3d4";
    request.call_id = name + "-" + number + "-a84b4c76e66710@192.0.2.99";
    request.with("Event: echo")
        .with("Contact: <sip:" + name + "@192.0.2.99:5062>")
        .with("Expires: 3600");
    return request;
}

}  // namespace

TEST_CASE("a subscription of 200 watchers to 800 presentities takes 450 bytes, all counted") {
    EventWorld w(for_many());
    constexpr unsigned watchers = 200, presentities = 800, each = 20;
    const auto used = [&] {
        w.net.pass(seconds{70});
        w.net.sent.clear();
        w.stack.trim();
        return w.stack.shard().memory.used();
    };
    // What does not grow with them is there: addresses, views, documents.
    for (unsigned p = 0; p < presentities; ++p) {
        REQUIRE(w.net.ask(numbered(p % watchers, p)).status() == 200);
        if (p % 100 == 0) w.net.pass(seconds{40});
    }
    const std::size_t before = used();
    for (unsigned k = 1; k < each; ++k)
        for (unsigned i = 0; i < watchers; ++i) {
            const unsigned p = (i * 7 + k * 41 + i / 100) % presentities;
            if (p % watchers == i) continue;
            REQUIRE(w.net.ask(numbered(i, p)).status() == 200);
            if (i % 100 == 0) w.net.pass(seconds{40});
        }
    const std::size_t count = w.notifier.size() - presentities;
    REQUIRE(count > 3'500);
    const std::size_t bytes = (used() - before) / count;
    CAPTURE(bytes);
    CHECK(bytes <= 450);
}

TEST_CASE("a change for 1,000 watchers is told in steps, and to each once") {
    EventWorld w(for_many());
    constexpr unsigned watchers = 1'000;
    for (unsigned i = 0; i < watchers; ++i) {
        RawRequest request = w.subscribe_request("w" + std::to_string(i));
        REQUIRE(w.net.ask(request).status() == 200);
        if (i % 100 == 0) w.net.pass(seconds{40});
    }
    w.net.pass(seconds{70});
    w.net.sent.clear();
    const std::string publish = w.net.text_of(w.publish_request("news"));
    w.stack.input(w.net.now, Datagram{w.net.udp, w.net.peer, publish});
    std::unordered_map<std::string, unsigned> told;
    std::size_t most = 0;
    for (unsigned n = 0;; ++n) {
        const auto effect = w.stack.poll(w.net.now);
        if (!effect) break;
        const auto* out = std::get_if<Transmit>(&*effect);
        REQUIRE(out != nullptr);
        const RawMessage message{std::string(out->packet.head.view()), {}, {}, {}};
        if (message.method() == "NOTIFY") ++told[message.field("Call-ID")];
        if (n % 100 != 50) continue;
        std::size_t due = 0;
        w.notifier.for_each(w.net.now, [&](const Notifier::Snapshot& s) { due += s.due; });
        most = std::max(most, due);
    }
    CHECK(told.size() == watchers);
    for (const auto& [call, times] : told) CHECK(times == 1);
    CHECK(most > 100);
    CHECK(most <= 256);
}
