#include "apps/vigil/worker_answers.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <string>
#include <vector>

#include "apps/vigil/json_output.hpp"
#include "tests/support/server_world.hpp"

using namespace vigil;

namespace {

/// A worker whose turns the test gives.
struct Worker {
    explicit Worker(int watchers) {
        for (int i = 0; i < watchers; ++i) {
            auto request = server.subscribe("bob");
            request.call_id = "call-" + std::to_string(i);
            REQUIRE(server.ask_as("bob", request).status() == 200);
        }
        asked = {&control, [this](std::function<void()> then) { posted.push_back(then); }};
    }
    bool turn() {
        if (posted.empty()) return false;
        const auto now = std::move(posted.front());
        posted.pop_front();
        now();
        ++turns;
        return true;
    }

    ServerWorld server{[](ServerWorld& w) { return w.closed(presence::Policy::allow); }};
    RecentDecisions recent;
    ControlServer control{server.server, recent, [this] { return server.raw.now; }};
    std::deque<std::function<void()>> posted;
    AskedWorker asked;
    int turns = 0;
};

std::size_t lines_of(std::string_view text, std::string_view with) {
    std::size_t count = 0;
    for (auto at = text.find(with); at != std::string_view::npos; at = text.find(with, at + 1))
        ++count;
    return count;
}

}  // namespace

TEST_CASE("an answer of several is whole, has one end, and comes in pieces") {
    Worker first(100), second(0), third(70);
    const std::vector<AskedWorker> all{first.asked, second.asked, third.asked};
    const auto answer = answer_of_workers(all, "show subscriptions", [](auto) { return 0U; });
    std::string text;
    int empty = 0, silent = 0;
    for (bool more = true; more;) {
        std::string piece;
        more = answer->next(piece);
        // Where there was nothing somebody is waited for, or the next one is to be asked.
        silent = piece.empty() && !answer->waits() ? silent + 1 : 0;
        CHECK(silent < 2);
        empty += piece.empty();
        text += piece;
        for (Worker* each : {&first, &second, &third}) (void)each->turn();
    }
    CHECK(lines_of(text, "\"kind\":\"subscription\"") == 170);
    CHECK(lines_of(text, "\"end\":true") == 1);
    CHECK(text.ends_with("{\"end\":true}\n"));
    CHECK(first.turns > 1);
    CHECK(empty > 0);
}

TEST_CASE("a worker makes no more than fits, and goes on when some of it was taken") {
    Worker one(600), other(0);
    const std::vector<AskedWorker> all{one.asked, other.asked};
    const auto answer = answer_of_workers(all, "show subscriptions", [](auto) { return 0U; });
    std::string text;
    REQUIRE(answer->next(text));
    // Nobody takes anything: it stops.
    while (one.turn()) REQUIRE(one.turns < 100);
    const int made = one.turns;
    CHECK(made > 1);
    CHECK(text.empty());
    REQUIRE(answer->next(text));
    CHECK(text.size() > std::size_t{60} << 10);
    CHECK(text.size() < std::size_t{120} << 10);
    CHECK(one.turn());
    while (answer->next(text)) {
        (void)one.turn();
        (void)other.turn();
    }
    CHECK(one.turns > made);
    CHECK(lines_of(text, "\"kind\":\"subscription\"") == 600);
}

TEST_CASE("a worker stops when nobody wants the answer any more") {
    Worker one(600), other(0);
    const std::vector<AskedWorker> all{one.asked, other.asked};
    auto answer = answer_of_workers(all, "show subscriptions", [](auto) { return 0U; });
    std::string text;
    REQUIRE(answer->next(text));
    REQUIRE(one.turn());
    answer.reset();
    while (one.turn()) REQUIRE(one.turns < 3);
    CHECK(one.turns == 2);
}

TEST_CASE("what one presentity has is asked of its owner alone, and sums are of all") {
    Worker first(2), second(3);
    const std::vector<AskedWorker> all{first.asked, second.asked};
    const auto whole = [&](std::string_view request) {
        std::string text;
        const auto answer = answer_of_workers(all, request, [](auto) { return 1U; });
        while (answer->next(text)) {
            (void)first.turn();
            (void)second.turn();
        }
        return text;
    };
    CHECK(lines_of(whole("show presentity alice@example.com"), "\"kind\":\"subscription\"") == 3);
    CHECK(first.turns == 0);
    CHECK(whole("show server").find("\"subscriptions\":5") != std::string::npos);
    CHECK(whole("show nothing").find("\"error\"") != std::string::npos);
}
