#include "apps/vigil/control_server.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "apps/vigil/json_output.hpp"
#include "tests/support/server_world.hpp"

using namespace vigil;

namespace {

/// Gives the core's refusals to the memory that explains them.
struct Keeper final : sip::Tracer {
    void decision(const sip::Now& now, const sip::TraceDecision& decision) override {
        recent.add(now, decision);
    }
    RecentDecisions recent;
};

struct World {
    explicit World(presence::Policy policy = presence::Policy::allow)
        : server([&](ServerWorld& w) {
              presence::ServerOptions options = w.closed(policy);
              options.keeps_reasons = true;
              options.tracer = &keeper;
              return options;
          }) {}

    std::vector<Record> ask(std::string_view request) {
        const auto answer = control.answer(request);
        std::string text;
        pieces = 1;
        while (answer->next(text)) ++pieces;
        std::vector<Record> all;
        for (std::size_t begin = 0; begin < text.size();) {
            const auto end = text.find('\n', begin);
            REQUIRE(end != std::string::npos);
            const auto record = read_record(std::string_view(text).substr(begin, end - begin));
            REQUIRE(record);
            all.push_back(*record);
            begin = end + 1;
        }
        REQUIRE_FALSE(all.empty());
        REQUIRE((all.back().flag("end") || all.back().has("error")));
        return all;
    }
    std::vector<Record> of_kind(std::string_view request, std::string_view kind) {
        std::vector<Record> found;
        for (Record& each : ask(request))
            if (each.text("kind") == kind) found.push_back(each);
        return found;
    }
    std::string error(std::string_view request) {
        const auto all = ask(request);
        CHECK(all.size() == 1);
        return all.back().text("error");
    }

    Keeper keeper;
    ServerWorld server;
    ControlServer control{server.server, keeper.recent, [this] { return server.raw.now; }};
    int pieces = 0;
};

}  // namespace

TEST_CASE("subscriptions are shown, of all, of a watcher, and of a presentity") {
    World w;
    REQUIRE(w.server.ask_as("bob", w.server.subscribe("bob")).status() == 200);
    REQUIRE(w.server.ask_as("carol", w.server.subscribe("carol", "bob")).status() == 200);
    w.server.raw.pass(sip::seconds{40});
    CHECK(w.of_kind("show subscriptions", "subscription").size() == 2);
    CHECK(w.of_kind("show subscriptions bob@example.com", "subscription").size() == 2);
    CHECK(w.of_kind("show subscriptions alice@example.com", "subscription").size() == 1);
    CHECK(w.ask("show subscriptions nobody@example.com").size() == 1);
    const Record s = w.of_kind("show subscriptions alice@example.com", "subscription").front();
    CHECK(s.text("watcher") == "sip:bob@example.com");
    CHECK(s.text("uri") == "sip:alice@example.com");
    CHECK(s.text("package") == "presence");
    CHECK(s.text("state") == "active");
    CHECK(s.text("proved_by") == "digest");
    CHECK(s.text("because") == "policy allow");
    CHECK(s.text("sees") == "everything");
    CHECK(s.number("granted") == 600);
    CHECK(s.number("expires") == 560);
    CHECK(s.text("notify") == "answered");
    CHECK(s.number("notify_status") == 200);
    CHECK(s.number("notify_age") == 40);
    CHECK(s.text("next") == "expiry");
    CHECK(s.number("next_in") == 560);
    CHECK(s.text("remote") == "udp:192.0.2.99:5062");
}

TEST_CASE("all that is known of an address is shown, and what its composition leaves out") {
    World w;
    REQUIRE(w.server
                .ask_as("alice", w.server.publish(
                                     "alice", pidf_document("open", "t1", "sip:alice@192.0.2.7")))
                .status() == 200);
    REQUIRE(w.server.ask_as("alice", w.server.register_("alice", "<sip:alice@192.0.2.7>;q=0.8"))
                .status() == 200);
    REQUIRE(w.server.ask_as("bob", w.server.subscribe("bob")).status() == 200);
    const auto all = w.ask("show presentity alice@example.com");
    std::vector<std::string> kinds;
    for (const Record& each : all) kinds.push_back(each.text("kind"));
    CHECK(kinds == std::vector<std::string>{"presentity", "subscription", "publication",
                                            "registration", "left-out", "document", ""});
    CHECK(all[0].text("policy") == "allow");
    // Whoever had the whole entity-tag could change what is published.
    CHECK(all[2].text("etag").size() == 8);
    CHECK(all[2].text("basic") == "open");
    CHECK(all[3].text("contact") == "sip:alice@192.0.2.7");
    CHECK(all[3].number("q") == 800);
    CHECK(all[4].text("what") == "registration");
    CHECK(all[4].text("in_favour_of") == all[2].text("etag"));
    CHECK_FALSE(all[5].has("document"));
    const auto raw = w.ask("show presentity alice@example.com raw");
    CHECK(raw[5].text("document").find("<presence") != std::string::npos);
    CHECK(
        w.error("show presentity nobody@example.com").starts_with("no such address here: nobody"));
}

TEST_CASE("what a SUBSCRIBE would come to is explained, and why the last ones were refused") {
    World w(presence::Policy::block);
    REQUIRE(w.server.ask_as("bob", w.server.subscribe("bob")).status() == 403);
    w.server.raw.pass(sip::seconds{9});
    const std::string request = "explain bob@example.com alice@example.com";
    const auto decided = w.of_kind(request, "decision");
    REQUIRE(decided.size() == 1);
    CHECK(decided[0].text("state") == "rejected");
    CHECK(decided[0].number("status") == 403);
    CHECK(decided[0].text("because") == "policy block");
    const auto refused = w.of_kind(request, "refusal");
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].text("because") == "Forbidden");
    CHECK(refused[0].number("age") == 9);
    // What was refused to others, or about others, is no answer to this.
    CHECK(w.of_kind("explain carol@example.com alice@example.com", "refusal").empty());
    CHECK(w.of_kind("explain bob@example.com carol@example.com", "refusal").empty());
    CHECK(w.of_kind(request, "subscription").empty());
    CHECK(w.of_kind("explain bob@example.com x@example.com", "decision")[0].number("status") ==
          404);
}

TEST_CASE("what is no request is refused in one line, whatever it holds") {
    World w;
    for (const std::string_view request :
         {std::string_view(""), std::string_view(" "), std::string_view("show"),
          std::string_view("show subscription"), std::string_view("show subscriptionss"),
          std::string_view("explain\0a b", 11), std::string_view("\xff\xfe"),
          std::string_view("{\"show\":1}")}) {
        CAPTURE(request);
        CHECK(w.error(request).find("does not know that request") != std::string::npos);
    }
    for (const std::string_view request : {"explain", "explain a@b", "explain a@b c@d e@f",
                                           "show presentity", "show subscriptions a b"}) {
        CAPTURE(request);
        CHECK(w.error(request).find("arguments") != std::string::npos);
    }
    // Words that are no addresses are of nobody; nothing of them is believed.
    CHECK(w.ask("show subscriptions \x1b\xff").size() == 1);
    CHECK(w.error("show presentity \xff").find("no such address") != std::string::npos);
}

TEST_CASE("a large table is given in pieces; what goes in between does no harm") {
    World w;
    for (int i = 0; i < 1'000; ++i) {
        RawRequest request = w.server.subscribe("bob");
        request.call_id += std::to_string(i);
        REQUIRE(w.server.ask_as("bob", request).status() == 200);
    }
    CHECK(w.of_kind("show subscriptions", "subscription").size() == 1'000);
    CHECK(w.pieces >= 4);
    const auto answer = w.control.answer("show subscriptions");
    std::string text;
    REQUIRE(answer->next(text));
    w.server.raw.pass(sip::seconds{700});  // all of them run out
    CHECK(w.server.server.notifier().size() == 0);
    while (answer->next(text)) {
    }
    CHECK(text.ends_with("{\"end\":true}\n"));
}
