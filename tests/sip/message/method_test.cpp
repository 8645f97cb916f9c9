#include "sip/message/method.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace {

using namespace sip;

TEST_CASE("R3261-7.1-3: method names are found in their own case only") {
    CHECK(method_of("SUBSCRIBE") == Method::subscribe);
    CHECK(method_of("REGISTER") == Method::register_);
    CHECK(method_of("Subscribe") == Method::unknown);
    CHECK(method_of("subscribe") == Method::unknown);
    CHECK(method_of("SUBSCRIBE ") == Method::unknown);
    CHECK(method_of("SUBSCRIB") == Method::unknown);
    CHECK(method_of("RE%47IST%45R") == Method::unknown);
    CHECK(method_of("") == Method::unknown);
    CHECK(method_of({"ACK\0", 4}) == Method::unknown);
}

TEST_CASE("every method has a name of its own that leads back to it") {
    std::set<std::string> names;
    for (int i = 1; i <= static_cast<int>(Method::update); ++i) {
        const auto method = static_cast<Method>(i);
        CHECK_FALSE(name_of(method).empty());
        CHECK(method_of(name_of(method)) == method);
        names.emplace(name_of(method));
    }
    CHECK(names.size() == static_cast<std::size_t>(Method::update));
    CHECK(name_of(Method::unknown).empty());
}

}  // namespace
