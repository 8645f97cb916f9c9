#include "apps/vigil/rule_files.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "apps/vigil/rules_editor.hpp"
#include "tests/apps/vigil/temporary_folder.hpp"

using presence::SubHandling;
using vigil::RuleFiles;

namespace {

SubHandling outcome(const RuleFiles& files, std::string_view presentity,
                    std::string_view watcher = "sip:bob@example.com") {
    const presence::Ruleset* rules = files.rules_of(presentity);
    REQUIRE(rules != nullptr);
    sip::Memory memory{std::size_t{1} << 20};
    pidf::Arena arena(memory, std::size_t{1} << 19);
    presence::Circumstances circumstances;
    circumstances.identities = {&watcher, 1};
    const auto verdict = rules->evaluate(circumstances, arena);
    REQUIRE(verdict);
    return verdict->permissions.handling;
}

bool has(const std::vector<std::string>& list, std::string_view what) {
    return std::find(list.begin(), list.end(), what) != list.end();
}

const std::string allow = vigil::make_rules(SubHandling::allow);
const std::string confirm = vigil::make_rules(SubHandling::confirm);

}  // namespace

TEST_CASE("files of a folder are the rules of whom they are named after") {
    TemporaryFolder folder;
    folder.file("alice@EXAMPLE.com.xml", allow);
    folder.file("notes.txt", "not a rule file");
    folder.file(".alice@example.com.xml", "an editor's own");
    RuleFiles files(folder.path(""));
    auto changes = files.look();
    REQUIRE(changes);
    CHECK(changes->errors.empty());
    CHECK(changes->presentities == std::vector<std::string>{"alice@example.com"});
    CHECK(outcome(files, "alice@example.com") == SubHandling::allow);
    CHECK(files.rules_of("carol@example.com") == nullptr);
    CHECK(files.has("alice@example.com"));
    CHECK_FALSE(files.has("carol@example.com"));
    // Nothing changed: nothing is said.
    changes = files.look();
    REQUIRE(changes);
    CHECK(changes->presentities.empty());
    // Those of everybody else.
    folder.file("default.xml", confirm);
    CHECK(files.look_at("default.xml").presentities == std::vector<std::string>{""});
    CHECK(outcome(files, "carol@example.com") == SubHandling::confirm);
    CHECK(outcome(files, "alice@example.com") == SubHandling::allow);
    CHECK_FALSE(files.has("carol@example.com"));
    // And without them.
    std::filesystem::remove(folder.path("alice@EXAMPLE.com.xml"));
    CHECK(files.look_at("alice@EXAMPLE.com.xml").presentities ==
          std::vector<std::string>{"alice@example.com"});
    CHECK(outcome(files, "alice@example.com") == SubHandling::confirm);
    CHECK(files.size() == 1);
}

TEST_CASE("of a file that is no good any more the last good one stays, and the line is named") {
    TemporaryFolder folder;
    const std::string name = "alice@example.com.xml";
    folder.file(name, allow);
    RuleFiles files(folder.path(""));
    REQUIRE(files.look());
    folder.file(name, allow.substr(0, allow.size() / 2));
    const auto changes = files.look_at(name);
    CHECK(changes.presentities.empty());
    REQUIRE(changes.errors.size() == 1);
    CHECK(changes.errors[0].find(name + ":") != std::string::npos);
    CHECK(changes.errors[0].find("stays in force") != std::string::npos);
    CHECK(outcome(files, "alice@example.com") == SubHandling::allow);
    CHECK_FALSE(files.status_of("alice@example.com").error.empty());
    CHECK(files.status_of("alice@example.com").rules == 1);
    folder.file(name, confirm);
    CHECK(has(files.look_at(name).presentities, "alice@example.com"));
    CHECK(files.status_of("alice@example.com").error.empty());
    CHECK(outcome(files, "alice@example.com") == SubHandling::confirm);
}

TEST_CASE("where there never was a good file, nobody sees anything and nobody is refused") {
    TemporaryFolder folder;
    folder.file("default.xml", allow);
    folder.file("alice@example.com.xml", "<ruleset");
    RuleFiles files(folder.path(""));
    const auto changes = files.look();
    REQUIRE(changes);
    CHECK(changes->errors.size() == 1);
    CHECK(has(changes->presentities, "alice@example.com"));
    CHECK(outcome(files, "alice@example.com") == SubHandling::confirm);
    CHECK(outcome(files, "carol@example.com") == SubHandling::allow);
}

TEST_CASE("names that are no addresses, and two files for one address, are told of") {
    TemporaryFolder folder;
    folder.file("alice@example.com.xml", allow);
    folder.file("alice@EXAMPLE.com.xml", confirm);
    folder.file("nobody.xml", allow);
    RuleFiles files(folder.path(""));
    const auto changes = files.look();
    REQUIRE(changes);
    CHECK(changes->errors.size() == 2);
    CHECK(files.size() == 1);
}

TEST_CASE("a folder that is not there is an error, and what was read stays") {
    RuleFiles files("/nonexistent");
    CHECK_FALSE(files.look());
    CHECK(RuleFiles::name_of("a/b@example.com") == "a%2Fb@example.com.xml");
}
