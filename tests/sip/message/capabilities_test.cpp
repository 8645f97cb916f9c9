#include "sip/message/capabilities.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sip;

namespace {

using Kind = FeatureValue::Kind;

/// By the way that a registrar goes: grammar first.
CalleeCapabilities of(std::string_view parameters) {
    const auto checked = parse_parameters(parameters);
    REQUIRE(checked);
    return CalleeCapabilities(*checked);
}

std::vector<FeatureValue> values_of(std::string_view parameters, std::string_view tag) {
    std::vector<FeatureValue> all;
    auto values = of(parameters).find(tag);
    REQUIRE(values);
    while (const auto value = values->next()) all.push_back(*value);
    CHECK_FALSE(values->next());
    return all;
}

}  // namespace

TEST_CASE("Capabilities: methods and event packages of a Contact are found (RFC 3840 9)") {
    const CalleeCapabilities both =
        of(";+sip.instance=\"<urn:uuid:1>\";methods=\"INVITE,SUBSCRIBE\""
           ";events=\"presence\"");
    CHECK_FALSE(both.empty());
    CHECK(both.has_method("SUBSCRIBE"));
    CHECK(both.has_method("INVITE"));
    CHECK(both.has_event("presence"));
    CHECK_FALSE(both.has_method("PUBLISH"));
    CHECK_FALSE(both.has_method("SUBSCRIB"));
    CHECK_FALSE(both.has_event("presence.winfo"));
    CHECK_FALSE(both.has_event(""));
    // RFC 3841 7.2.4: tokens in any case; white space that clients write.
    const CalleeCapabilities loose = of(" ; Methods = \" invite ,\tSubscribe \" ;EVENTS=Presence");
    CHECK(loose.has_method("SUBSCRIBE"));
    CHECK(loose.has_event("presence"));
    // What is negated is not listed, and what is not negated is not either.
    const CalleeCapabilities negated =
        of(";methods=\"!SUBSCRIBE\";events=\"!presence,message-summary\"");
    CHECK_FALSE(negated.has_method("SUBSCRIBE"));
    CHECK_FALSE(negated.has_method("INVITE"));
    CHECK_FALSE(negated.has_event("presence"));
    CHECK(negated.has_event("message-summary"));
    // A string, a tag without value and a value that only looks like a list are no tokens.
    CHECK_FALSE(of(";methods=\"<SUBSCRIBE>\"").has_method("SUBSCRIBE"));
    CHECK_FALSE(of(";methods").has_method("SUBSCRIBE"));
    CHECK_FALSE(of(";methods=\"\"").has_method(""));
    CHECK_FALSE(of(";xmethods=\"SUBSCRIBE\"").has_method("SUBSCRIBE"));
    // RFC 3840 9: one instance of a tag; the first counts.
    CHECK_FALSE(of(";methods=\"INVITE\";methods=\"SUBSCRIBE\"").has_method("SUBSCRIBE"));
}

TEST_CASE("Capabilities: a Contact without feature parameters says nothing (RFC 3840 6)") {
    CHECK(CalleeCapabilities().empty());
    CHECK(of(";q=0.5;expires=60;reg-id=1;ob;pub-gruu=\"sip:a@b;gr=1\"").empty());
    CHECK_FALSE(of(";q=0.5;audio").empty());
    CHECK_FALSE(of(";+sip.message").empty());
    CHECK(is_feature_tag("isfocus"));
    CHECK(is_feature_tag("ISFOCUS"));
    CHECK(is_feature_tag("+g.oma.sip-im"));
    for (const char* other : {"", "+", "+1", "focus", "audio video", "expires", "sip.audio"})
        CHECK_FALSE_MESSAGE(is_feature_tag(other), other);
}

TEST_CASE("Capabilities: the examples of RFC 3840 5 and 6 are read") {
    const std::string_view first =
        ";mobility=\"fixed\";events=\"!presence,message-summary\";language=\"en,de\""
        ";description=\"<PC>\";+sip.newparam;+rangeparam=\"#-4:+5.125\"";
    CHECK(of(first).supports("mobility", "fixed"));
    CHECK(of(first).supports("language", "DE"));
    const auto description = values_of(first, "description");
    REQUIRE(description.size() == 1);
    CHECK(description[0].kind == Kind::string);
    CHECK(description[0].text == "PC");
    const auto range = values_of(first, "+rangeparam");
    REQUIRE(range.size() == 1);
    CHECK(range[0].kind == Kind::number);
    CHECK(range[0].low == -4000);
    CHECK(range[0].high == 5125);
    CHECK(of(first).truth_of("+sip.newparam") == true);
    const std::string_view second =
        ";audio;video;actor=\"msg-taker\";automata;mobility=\"fixed\""
        ";methods=\"INVITE,BYE,OPTIONS,ACK,CANCEL\"";
    for (const char* tag : {"audio", "video", "automata"})
        CHECK_MESSAGE(of(second).truth_of(tag) == true, tag);
    CHECK_FALSE(of(second).truth_of("text"));
    CHECK_FALSE(of(second).truth_of("mobility"));
    CHECK(of(second).supports("actor", "msg-taker"));
    CHECK(values_of(second, "methods").size() == 5);
}

TEST_CASE("Capabilities: booleans, negations, numbers and strings (RFC 3840 9)") {
    CHECK(of(";audio=\"TRUE\"").truth_of("audio") == true);
    CHECK(of(";audio=\"false\"").truth_of("audio") == false);
    CHECK(of(";audio=\"!TRUE\"").truth_of("audio") == false);
    CHECK(of(";audio=\"!FALSE\"").truth_of("audio") == true);
    CHECK_FALSE(of(";audio=\"maybe\"").truth_of("audio"));
    struct Number {
        const char* text;
        std::int64_t low, high;
    };
    for (const Number& n :
         {Number{"#=30", 30'000, 30'000}, Number{"#>=10", 10'000, FeatureValue::no_high},
          Number{"#<=20", FeatureValue::no_low, 20'000}, Number{"#10:30", 10'000, 30'000},
          Number{"#-1.5:-.5", 1, 0}, Number{"#=1.", 1000, 1000}, Number{"#=+1.23456", 1234, 1234},
          Number{"#=-0.001", -1, -1},
          Number{"#=1000000000000", 1'000'000'000'000'000, 1'000'000'000'000'000},
          // Malformed, each in another way.
          Number{"#", 1, 0}, Number{"#=", 1, 0}, Number{"#1", 1, 0}, Number{"#>1", 1, 0},
          Number{"#<1", 1, 0}, Number{"#=1:2", 1, 0}, Number{"#1:", 1, 0}, Number{"#:2", 1, 0},
          Number{"#3:2", 1, 0}, Number{"#>=<=1", 1, 0}, Number{"#= 1", 1, 0}, Number{"#=1x", 1, 0},
          Number{"#=1000000000001", 1, 0}, Number{"#=99999999999999999999999", 1, 0}}) {
        const auto values = values_of(";priority=\"" + std::string(n.text) + "\"", "priority");
        CAPTURE(n.text);
        REQUIRE(values.size() == (n.low > n.high ? 0 : 1));
        if (values.empty()) continue;
        CHECK(values[0].kind == Kind::number);
        CHECK(values[0].low == n.low);
        CHECK(values[0].high == n.high);
    }
    const auto negated = values_of(";priority=\"!#>=30,#=5\"", "priority");
    REQUIRE(negated.size() == 2);
    CHECK(negated[0].negated);
    CHECK(negated[0].low == 30'000);
    CHECK_FALSE(negated[1].negated);
    const auto escaped = values_of(R"(;description="<a \"b\", c>")", "description");
    REQUIRE(escaped.size() == 1);
    CHECK(escaped[0].text == R"(a \"b\", c)");
    CHECK(values_of(";description=\"<>\"", "description").at(0).text.empty());
    for (const char* bad : {"<a", "a>", "<a>b>", "<a<b>", "<", "<a>,<b>", "!<a>"})
        CHECK_MESSAGE(values_of(";description=\"" + std::string(bad) + "\"", "description").empty(),
                      bad);
    // What is malformed is left out, and what stands beside it is read.
    const auto some = values_of(";methods=\",IN VITE,!,,!!ACK,a@b,BYE,(,CANCEL,\"", "methods");
    REQUIRE(some.size() == 2);
    CHECK(some[0].text == "BYE");
    CHECK(some[1].text == "CANCEL");
}

TEST_CASE(
    "CalleeCapabilities: parameters cut at every byte are read or refused, and nothing is made "
    "up") {
    const std::string whole =
        ";methods=\"INVITE,!BYE\";priority=\"#10:30,!#<=5.5\";description=\"<a "
        "b>\";audio;+x.y=\"z\"";
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const std::string cut = whole.substr(0, size);
        const auto checked = parse_parameters(cut);
        if (!checked) continue;
        const CalleeCapabilities capabilities(*checked);
        std::string_view rest = checked->text();
        while (const auto parameter = Parameters::next(rest)) {
            auto values = capabilities.find(parameter->name);
            REQUIRE(values);
            std::size_t count = 0;
            while (const auto value = values->next()) {
                ++count;
                CHECK(cut.find(value->text) != std::string::npos);
                CHECK(value->low <= value->high);
            }
            CHECK(count <= 2);
        }
    }
}
