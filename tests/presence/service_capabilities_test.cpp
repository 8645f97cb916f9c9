#include "presence/service_capabilities.hpp"

#include <doctest/doctest.h>

#include <random>

#include "tests/pidf/xmllint.hpp"
#include "tests/presence/composition_world.hpp"
#include "tests/support/paths.hpp"

using namespace presence;

namespace {

/// One registration, with these parameters of its Contact.
struct RegisteredWith : CompositionWorld {
    explicit RegisteredWith(std::string_view parameters) {
        registered = {{"sip:alice@192.0.2.7", 700, true, 1, 1'767'225'600'000, parameters}};
    }
};
/// From "<...:servcaps" on, without prefixes.
std::string caps_of(const std::string& text, std::string_view name) {
    const auto first = text.find(":" + std::string(name) + ">");
    if (first == std::string::npos) return {};
    const auto colon = text.rfind('<', first);
    const std::string prefix = text.substr(colon + 1, first - colon);
    const auto last = text.find("</" + prefix + std::string(name) + ">");
    REQUIRE(last != std::string::npos);
    std::string out;
    const std::string part = text.substr(colon, last - colon);
    for (std::size_t i = 0; i < part.size(); ++i) {
        if (part.compare(i, prefix.size(), prefix) == 0) {
            i += prefix.size() - 1;
            continue;
        }
        out += part[i];
    }
    return out.substr(name.size() + 2);
}
std::string servcaps(std::string_view parameters) {
    return caps_of(RegisteredWith(parameters).compose(), "servcaps");
}

}  // namespace

TEST_CASE("R5196-3-1 R3856-7.2-3: what a Contact says of its UA stands in the tuple as servcaps") {
    // A phone that takes messages is seen to.
    CHECK(servcaps(";methods=\"INVITE,MESSAGE\"") ==
          "<methods><supported><INVITE/><MESSAGE/></supported></methods>");
    CHECK(servcaps(";audio;video=\"FALSE\";automata=\"!TRUE\";isfocus;+sip.message;text;data;"
                   "control;application") ==
          "<application>true</application><audio>true</audio><automata>false</automata>"
          "<control>true</control><data>true</data><isfocus>true</isfocus><message>true</message>"
          "<text>true</text><video>false</video>");
    CHECK(servcaps(";events=\"presence,!dialog\";class=\"business\";duplex=\"full,half\"") ==
          "<class><supported><business/></supported></class>"
          "<duplex><supported><full/><half/></supported></duplex>"
          "<event-packages><supported><presence/></supported><notsupported><dialog/>"
          "</notsupported></event-packages>");
    CHECK(servcaps(";actor=\"msg-taker\";extensions=\"100rel,histinfo,TIMER\"") ==
          "<actor><supported><msg-taker/></supported></actor>"
          "<extensions><supported><rel100/><hist-info/><timer/></supported></extensions>");
    CHECK(servcaps(";schemes=\"sip,!tel\";language=\"en,de\"") ==
          "<languages><supported><l>en</l><l>de</l></supported></languages>"
          "<schemes><supported><s>sip</s></supported><notsupported><s>tel</s></notsupported>"
          "</schemes>");
    CHECK(servcaps(";priority=\"#=10,#20.5:30.5,#>=40.1,!#<=5.9\"") ==
          "<priority><supported><equals value=\"10\"/><higherhan minvalue=\"41\"/>"
          "<range minvalue=\"21\" maxvalue=\"30\"/></supported>"
          "<notsupported><lowerthan maxvalue=\"5\"/></notsupported></priority>");
    CHECK(servcaps(R"(;description="<a \"desk\" phone>";type="<text/plain>")") ==
          "<description>a \"desk\" phone</description><type>text/plain</type>");
    // The tuple is what it was: open, with q as priority.
    const std::string text = RegisteredWith(";methods=\"INVITE\"").compose();
    CHECK(count_of(text, "<basic>open</basic>") == 1);
    CHECK(count_of(text, "priority=\"0.7\"") == 1);
    CHECK(in_order(text, {"</status>", "servcaps", "<contact "}));
}

TEST_CASE("R5196-3-1: what RFC 5196 has no name for, or nobody said, is not there") {
    CHECK(count_of(RegisteredWith("").compose(), "caps") == 0);
    CHECK(count_of(RegisteredWith(";reg-id=1;+g.x;+sip.ice").compose(), "caps") == 0);
    CHECK(count_of(RegisteredWith(";methods=\"FOO,!BAR\";class=\"x\"").compose(), "caps") == 0);
    CHECK(servcaps(";methods=\"FOO,invite,INVITE,b@d\"") ==
          "<methods><supported><INVITE/></supported></methods>");
    CHECK(servcaps(";audio;priority=\"#1.2:1.8,#=1.5,high\";description=\"<>\"") ==
          "<audio>true</audio>");
    CHECK(servcaps(";priority=\"#=-3,#<=-1.5\"") ==
          "<priority><supported><equals value=\"-3\"/><lowerthan maxvalue=\"-2\"/></supported>"
          "</priority>");
    // Mobility is of the device, and that is not told with the address-of-record.
    CHECK(count_of(RegisteredWith(";mobility=\"mobile\"").compose(), "mob") == 0);
}

TEST_CASE("R5196-3-1 R4479-3.4-1: where the device is shown, its capabilities and its id are") {
    RegisteredWith w(";+sip.instance=\"<urn:uuid:f81d>\";mobility=\"mobile,!fixed\";audio");
    CHECK(count_of(w.compose(), "f81d") == 0);
    w.policy.contacts = TupleContact::device;
    const std::string text = w.compose();
    CHECK(count_of(text, "<dm:deviceID>urn:uuid:f81d</dm:deviceID>") == 2);
    CHECK(count_of(text, "<dm:device ") == 1);
    CHECK(caps_of(text, "devcaps") ==
          "<mobility><supported><mobile/></supported><notsupported>"
          "<fixed/></notsupported></mobility>");
    // What is published of the same device weighs more.
    w.publish(document("<dm:device id=\"d\"><dm:deviceID>urn:uuid:f81d</dm:deviceID>"
                       "<dm:note>mine</dm:note></dm:device>"),
              1, 1);
    CHECK(count_of(w.compose(), "<dm:device ") == 1);
    CHECK(count_of(w.compose(), "mine") == 1);
    for (const char* none : {";+sip.instance=\"urn:uuid:f81d\"", ";+sip.instance=\"<>\"",
                             ";+sip.instance=\"<a b>\"", ";+sip.instance"}) {
        RegisteredWith other(none);
        other.policy.contacts = TupleContact::device;
        CHECK_MESSAGE(count_of(other.compose(), "deviceID") == 0, none);
    }
}

TEST_CASE("R5196-3-1 R4479-5-1: capabilities of any kind make a document that is valid") {
    const auto standards = standards_folder();
    if (!standards) return skip_case("no standards folder was given");
    if (!has_xmllint()) return skip_case("xmllint is not installed");
    std::mt19937_64 random(6);
    const std::vector<std::string_view> tags{
        "audio",  "automata", "class",   "duplex",      "data",  "control",    "mobility",
        "events", "priority", "methods", "description", "text",  "schemes",    "application",
        "video",  "language", "type",    "isfocus",     "actor", "extensions", "+sip.message"};
    const std::vector<std::string_view> values{"INVITE",
                                               "!MESSAGE",
                                               "presence",
                                               "!winfo",
                                               "Siemens-RTP-Stats",
                                               "#=1",
                                               "!#>=2",
                                               "#<=3.5",
                                               "#1:9",
                                               "TRUE",
                                               "FALSE",
                                               "!TRUE",
                                               "full",
                                               "receive-only",
                                               "business",
                                               "personal",
                                               "mobile",
                                               "fixed",
                                               "principal",
                                               "sip",
                                               "en",
                                               "100rel",
                                               "sdp-anat",
                                               "x",
                                               "",
                                               "!!",
                                               "*"};
    std::vector<std::string> texts;
    for (int i = 0; i < 300; ++i) {
        std::string parameters = ";+sip.instance=\"<urn:uuid:1>\"";
        for (const std::string_view tag : tags) {
            if (random() % 2 == 0) continue;
            parameters += ";" + std::string(tag);
            if (random() % 6 == 0) continue;
            if (random() % 6 == 0) {
                parameters += "=\"<a \\\" \\\x01 &amp; \xC3\xBC ]]>\"";
                continue;
            }
            parameters += "=\"";
            for (auto n = random() % 5; n > 0; --n)
                parameters += std::string(values[random() % values.size()]) + ",";
            parameters += "\"";
        }
        RegisteredWith w(parameters);
        if (i % 2 == 0) w.policy.contacts = TupleContact::device;
        texts.push_back(w.compose());
    }
    const TemporaryDocuments documents(texts);
    const std::string schema = (*standards / "xsd/all.xsd").string();
    CHECK(documents.complaints("--noout --schema '" + schema + "'") == "");
}

TEST_CASE("T-5: a Contact that lists a thousand capabilities costs no more than it may") {
    std::string parameters = ";schemes=\"";
    for (int i = 0; i < 1000; ++i) parameters += "s" + std::to_string(i) + ",";
    parameters += "\";methods=\"";
    for (int i = 0; i < 1000; ++i) parameters += "INVITE,";
    const std::string text = RegisteredWith(parameters + "\"").compose();
    CHECK(count_of(text, ":s>s") == 64);
    CHECK(count_of(text, "INVITE") == 1);
}

TEST_CASE("registrations with capabilities are composed or refused, wherever memory ends") {
    RegisteredWith w(
        ";+sip.instance=\"<urn:uuid:1>\";mobility=\"mobile\";audio;"
        "methods=\"INVITE\";priority=\"#=1\";description=\"<x>\"");
    w.policy.contacts = TupleContact::device;
    const std::string whole = w.compose();
    std::string room(65536, '?');
    for (std::uint64_t nth = 0;; ++nth) {
        const std::uint64_t refused = w.memory.refusals();
        w.memory.refuse_after(nth);
        const auto result = w.compose_into(room);
        w.memory.refuse_none();
        CHECK(w.memory.used() == 0);
        if (w.memory.refusals() == refused) break;
        REQUIRE_FALSE(result);
        CHECK(result.error().condition == sip::Condition::overloaded);
    }
    CHECK(w.compose() == whole);
}
