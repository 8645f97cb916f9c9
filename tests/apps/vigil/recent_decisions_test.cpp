#include "apps/vigil/recent_decisions.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace vigil;

namespace {

sip::Now at(std::int64_t wall_ms) { return {sip::Instant{}, wall_ms}; }

std::vector<std::string> lines(const RecentDecisions& decisions) {
    std::vector<std::string> all;
    decisions.for_each([&](const RecentDecisions::Entry& each) {
        all.push_back(each.subject + " " + each.about + " " + std::to_string(each.status) + " " +
                      each.reason + " x" + std::to_string(each.count));
    });
    return all;
}

}  // namespace

TEST_CASE("what happens again counts up and becomes the last; what names nobody is passed over") {
    RecentDecisions recent;
    recent.add(at(1), {"refused", "Forbidden", "bob", 403, "alice"});
    recent.add(at(2), {"refused", "Forbidden", "bob", 403, "carol"});
    recent.add(at(3), {"refused", "Forbidden", "bob", 403, "alice"});
    recent.add(at(4), {"dropped", "malformed", "", 400, ""});
    CHECK(lines(recent) ==
          std::vector<std::string>{"bob alice 403 Forbidden x2", "bob carol 403 Forbidden x1"});
    recent.for_each([](const RecentDecisions::Entry& each) {
        CHECK(each.last_wall_ms == (each.about == "alice" ? 3 : 2));
    });
}

TEST_CASE("only so many are kept, the last ones, and those that went are counted") {
    RecentDecisions recent;
    for (std::size_t i = 0; i < RecentDecisions::capacity; ++i)
        recent.add(at(1), {"refused", "Forbidden", std::to_string(i), 403, "alice"});
    CHECK(recent.size() == RecentDecisions::capacity);
    CHECK(recent.forgotten() == 0);
    recent.add(at(2), {"refused", "Forbidden", "one more", 403, "alice"});
    CHECK(recent.size() == RecentDecisions::capacity);
    CHECK(recent.forgotten() == 1);
    CHECK(lines(recent).front().starts_with("one more"));
    CHECK(lines(recent).back().starts_with("1 "));
}

TEST_CASE("strangers who cannot log in push out nothing but other strangers") {
    RecentDecisions recent;
    recent.add(at(1), {"refused", "Forbidden", "bob", 403, "alice"});
    for (std::size_t i = 0; i < 3 * RecentDecisions::capacity; ++i)
        recent.add(at(2), {"refused", "Response is wrong", std::to_string(i), 401, "alice"});
    CHECK(recent.size() == RecentDecisions::capacity + 1);
    CHECK(lines(recent).front() == "bob alice 403 Forbidden x1");
}

TEST_CASE("texts of peers are kept up to a length") {
    RecentDecisions recent;
    recent.add(at(1), {"refused", "Forbidden", std::string(10'000, 'x'), 403, "alice"});
    recent.for_each([](const RecentDecisions::Entry& each) {
        CHECK(each.subject.size() == RecentDecisions::text_bytes_max);
    });
}
