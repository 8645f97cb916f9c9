#include "apps/load/template.hpp"

#include <doctest/doctest.h>

using namespace load;

TEST_CASE("A template is its text with the values in their places") {
    const Template made("{user} and {tag}{index}, {user}.");
    Values values{};
    at(values, Slot::user) = "alice";
    at(values, Slot::index) = "7";
    CHECK(made.render(values) == "alice and 7, alice.");
    at(values, Slot::tag) = ";tag=x";
    CHECK(made.size(values) == made.render(values).size());
    CHECK(made.render(values) == "alice and ;tag=x7, alice.");
}

TEST_CASE("Braces that name no slot are text") {
    const Values values{};
    for (const char* text : {"", "{", "}", "{}", "{nobody}", "{user", "a{ user}b"})
        CHECK(Template(text).render(values) == text);
    Values named{};
    at(named, Slot::user) = "u";
    CHECK(Template("{{user}}").render(named) == "{u}");
}

TEST_CASE("A number of fixed width has its leading zeros and loses what does not fit") {
    char digits[9] = "********";
    write_fixed(0xBEEF, digits, 8, 16);
    CHECK(std::string(digits) == "0000beef");
    write_fixed(1234567, digits, 7, 10);
    CHECK(std::string(digits) == "1234567f");
    write_fixed(123, digits, 2, 10);
    CHECK(std::string(digits).substr(0, 2) == "23");
}

TEST_CASE("Replacing goes on behind what it put in") {
    CHECK(replaced("HOST and HOST", "HOST", "HOSTS") == "HOSTS and HOSTS");
    CHECK(replaced("none", "HOST", "x") == "none");
}
