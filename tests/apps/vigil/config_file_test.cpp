#include "apps/vigil/config_file.hpp"

#include <doctest/doctest.h>

#include "apps/vigil/serve_options.hpp"

using namespace vigil;

namespace {

auto read(const std::string& text) { return read_config(text, "c.toml", serve_option_specs()); }
std::string error_of(const std::string& text) {
    const auto options = read(text);
    REQUIRE_FALSE(options);
    CHECK(options.error().find('\n') == std::string::npos);
    return options.error();
}

}  // namespace

TEST_CASE("A configuration file has the names of the options") {
    const auto options = read(
        "# a comment\nlisten = [\"udp:127.0.0.1:0\", \"tcp:127.0.0.1:0\"]\ndomain = "
        "\"example.com\"\n"
        "strict = true\nrfc3265-compat = false\nmin-expires = 30\nnotify-interval = 0.5\n");
    REQUIRE(options);
    CHECK(options->size() == 6);
    CHECK(options->at("listen").values.size() == 2);
    CHECK(options->at("listen").origin == "c.toml:2: listen");
    CHECK(options->at("domain").values == std::vector<std::string>{"example.com"});
    CHECK(options->at("strict").values == std::vector<std::string>{"true"});
    CHECK(options->at("rfc3265-compat").values == std::vector<std::string>{"false"});
    CHECK(options->at("min-expires").values == std::vector<std::string>{"30"});
    CHECK(options->at("notify-interval").values == std::vector<std::string>{"0.5"});
}

TEST_CASE("An empty configuration file sets nothing") {
    REQUIRE(read(""));
    CHECK(read("")->empty());
}

TEST_CASE("A wrong key is named with its line and what was meant") {
    const auto error = error_of("strict = true\npolcy = \"allow\"\n");
    CHECK(error.starts_with("c.toml:2: there is no option \"polcy\", did you mean policy?"));
    // A configuration file names no other.
    CHECK(error_of("config = \"x\"\n").starts_with("c.toml:1: there is no option \"config\""));
    CHECK(error_of("\n[serve]\npolicy = \"allow\"\n").starts_with("c.toml:2: "));
    CHECK(error_of("\"a\\nb\" = 1\n").find("a\\x0ab") != std::string::npos);
}

TEST_CASE("A value of another kind is named with its line and the kind") {
    CHECK(error_of("strict = \"yes\"\n") == "c.toml:1: strict wants true or false");
    CHECK(error_of("min-expires = \"60\"\n") == "c.toml:1: min-expires wants a number");
    CHECK(error_of("policy = 1\n") == "c.toml:1: policy wants a string in quotes");
    CHECK(error_of("\nlisten = [1]\n").starts_with("c.toml:2: listen wants a string"));
    CHECK(error_of("listen = []\n").starts_with("c.toml:1: listen wants a string"));
}

TEST_CASE("What is not TOML is an error with its line, cut wherever it is") {
    const std::string whole = "listen = [\"udp:127.0.0.1:0\"]\n";
    for (std::size_t size = 1; size + 1 < whole.size(); ++size)
        CHECK(error_of(whole.substr(0, size)).starts_with("c.toml:"));
    CHECK(error_of(std::string("a = \0\n", 6)).starts_with("c.toml:"));
    CHECK(error_of("a = 1\na = 2\n").starts_with("c.toml:"));
    CHECK(error_of("= \xff\n").starts_with("c.toml:"));
}
