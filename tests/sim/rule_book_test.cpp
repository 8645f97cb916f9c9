#include "tests/sim/rule_book.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "presence/rules/ruleset.hpp"
#include "tests/sim/view.hpp"

using namespace sim;

namespace {

constexpr std::int64_t noon_ms = 1'893'499'200'000;  // 2030-01-01T12:00:00Z

Setup six_users() {
    Setup setup;
    setup.users = 6;
    setup.phones = 12;
    return setup;
}

/// What the product makes of `document`.
struct Product {
    explicit Product(const std::string& document) {
        auto read = presence::Ruleset::read(document, memory, {});
        REQUIRE_MESSAGE(read.has_value(), document);
        rules.emplace(std::move(*read));
    }
    presence::Permissions of(const std::string& watcher, const Moment& moment) {
        const std::string_view identity = watcher;
        presence::Circumstances circumstances;
        circumstances.identities = {&identity, 1};
        circumstances.wall_ms = moment.wall_ms;
        if (!moment.sphere.empty()) circumstances.sphere = moment.sphere;
        const auto verdict = rules->evaluate(circumstances, arena);
        REQUIRE(verdict.has_value());
        return verdict->permissions;
    }
    sip::Memory memory{std::size_t{8} << 20};
    pidf::Arena arena{memory, std::size_t{4} << 20};
    std::optional<presence::Ruleset> rules;
};

}  // namespace

TEST_CASE("R4745-10.2-1 R5025-3.2.1-1: a plain reading of rules gives what the product gives") {
    const Setup setup = six_users();
    unsigned shown = 0, blocked = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        const RuleBook book(setup, 0, seed, noon_ms);
        Product product(book.document());
        for (unsigned watcher = 0; watcher < setup.users; ++watcher)
            for (const char* sphere : {"", "work", "home"})
                for (const std::int64_t after : {-40'000, 0, 1'000, 30'000, 500'000}) {
                    CAPTURE(seed);
                    const Moment moment{noon_ms + after, sphere};
                    const Given given = book.given(watcher, moment);
                    const auto is = product.of("sip:" + setup.address_of(watcher, 0), moment);
                    CHECK(static_cast<unsigned>(is.handling) ==
                          static_cast<unsigned>(given.handling));
                    CHECK(is.all_services == given.all_services);
                    CHECK(is.all_persons == given.all_persons);
                    CHECK(is.provides(presence::Provide::mood) == given.shows("mood"));
                    CHECK(is.provides(presence::Provide::note) == given.shows("note"));
                    shown += given.handling == Handling::allow ? 1U : 0U;
                    blocked += given.handling == Handling::block ? 1U : 0U;
                }
    }
    CHECK(shown > 1'000);
    CHECK(blocked > 1'000);
}

TEST_CASE("what is too much for somebody is found in a document, whatever it is") {
    const Setup setup = six_users();
    const std::string service =
        "<tuple id=\"a\"><rpid:class>svc0</rpid:class><contact>sip:phone0@d0.example</contact>"
        "<note>~p0.1~</note></tuple>";
    const std::string person =
        "<dm:person id=\"p\"><rpid:class>per0</rpid:class><rpid:mood><rpid:note>[mood p0.1]"
        "</rpid:note></rpid:mood><rpid:sphere><rpid:work/></rpid:sphere></dm:person>";
    const auto found = [&](const Given& given, const std::string& text) {
        return too_much(setup, 0, given, text);
    };
    CHECK(found(Given::everything(), service + person).empty());
    CHECK(found(Given::everything(), "~p1.1~") == "the note p1.1");  // of somebody else
    Given given = Given::everything();
    given.attributes.erase("mood");
    CHECK(found(given, service).empty());
    CHECK(found(given, person) == "of a person: mood p0.1");
    given = Given::everything();
    given.attributes.erase("sphere");
    CHECK(found(given, person) == "of a person: sphere work");
    given = Given::everything();
    given.all_services = false;
    given.service_classes = {"svc1"};
    CHECK(found(given, service) == "the service of phone0");
    CHECK(found(given, "<contact>sip:phone@100.64.0.1:5060</contact>") == "a registration");
    CHECK(found(given, person).empty());
    given.service_classes = {"svc0"};
    CHECK(found(given, service).empty());
    given.attributes = {"note"};
    CHECK(found(given, service) == "the class svc0");
    given = Given::everything();
    given.all_persons = false;
    CHECK(found(given, "<rpid:class>per0</rpid:class>") == "of a person: class per0");
}
