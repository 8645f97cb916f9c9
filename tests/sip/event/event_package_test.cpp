#include "sip/event/event_package.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/echo_package.hpp"

using namespace sip;

TEST_CASE("R6665-4.2.2-9: packages are found by their whole name, in any case") {
    EchoPackage echo, winfo;
    winfo.traits_.name = "echo.winfo";
    EventPackages packages;
    CHECK(packages.find("echo") == -1);
    CHECK(packages.add(echo));
    CHECK(packages.add(winfo));
    CHECK(packages.find("echo") == 0);
    CHECK(packages.find("ECHO.winfo") == 1);
    CHECK(packages.find("echo.") == -1);
    CHECK(packages.find("ech") == -1);
    CHECK(packages.find("") == -1);
    CHECK(&packages.at(1) == &winfo);
}

TEST_CASE("a name is taken once, and there is room for eight packages") {
    const std::vector<std::string> names{"a", "b", "c", "d", "e", "f", "g", "h", "i"};
    std::vector<EchoPackage> echoes(names.size());
    EventPackages packages;
    for (std::size_t i = 0; i < 8; ++i) {
        echoes[i].traits_.name = names[i];
        CHECK(packages.add(echoes[i]));
        CHECK_FALSE(packages.add(echoes[i]));
        CHECK(packages.size() == i + 1);
    }
    echoes[8].traits_.name = names[8];
    CHECK_FALSE(packages.add(echoes[8]));
}

TEST_CASE("by default only oneself may publish, and no body is taken") {
    struct Plain final : EventPackage {
        Traits traits_;
        const Traits& traits() const override { return traits_; }
        bool exists(std::string_view) const override { return true; }
        Decision decide(const Now&, const Watcher&) override { return {}; }
        Expected<std::size_t> render(const Now&, ResourceId, std::string_view, ViewId,
                                     std::string_view, std::span<char>) override {
            return std::size_t{0};
        }
    } plain;
    CHECK(plain.may_publish("alice@example.com", "alice@example.com"));
    CHECK_FALSE(plain.may_publish("alice@example.com", "bob@example.com"));
    CHECK(plain.accept_publication({}, {}, {}).error().condition == Condition::media_not_supported);
    CHECK(plain.decide({}, {}).state == SubscriptionDecision::rejected);
}
