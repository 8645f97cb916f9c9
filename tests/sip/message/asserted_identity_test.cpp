#include "sip/message/asserted_identity.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sip;

namespace {

struct Read {
    explicit Read(std::vector<std::string> given) : values(std::move(given)) {
        for (const std::string& value : values)
            fields.push_back({HeaderId::p_asserted_identity, "P-Asserted-Identity", value});
        message.headers = fields;
        const auto read = read_asserted_identity(message);
        ok = read.has_value();
        if (!ok) rule = read.error().rule;
        if (ok && *read) {
            any = true;
            if ((*read)->sip) sip = std::string((*read)->sip->uri.text);
            if ((*read)->tel) tel = std::string((*read)->tel->uri.text);
        }
    }
    std::vector<std::string> values;
    std::vector<HeaderField> fields;
    MessageView message;
    bool ok = false, any = false;
    std::string sip, tel, rule;
};

}  // namespace

TEST_CASE("T-14: P-Asserted-Identity names one sip or sips URI, one tel URI, or both") {
    CHECK(Read({}).ok);
    CHECK_FALSE(Read({}).any);
    CHECK(Read({"\"Cullen Jennings\" <sip:fluffy@cisco.com>"}).sip == "sip:fluffy@cisco.com");
    CHECK(Read({"sip:fluffy@cisco.com"}).sip == "sip:fluffy@cisco.com");
    CHECK(Read({"<sips:fluffy@cisco.com>"}).sip == "sips:fluffy@cisco.com");
    CHECK(Read({"tel:+14085264000"}).tel == "tel:+14085264000");
    const Read both({"\"Cullen\" <sip:fluffy@cisco.com>, <tel:+14085264000>"});
    CHECK((both.sip == "sip:fluffy@cisco.com" && both.tel == "tel:+14085264000"));
    const Read apart({"tel:+14085264000", "\"A, B\" <sip:fluffy@cisco.com>"});
    CHECK((apart.sip == "sip:fluffy@cisco.com" && apart.tel == "tel:+14085264000"));
}

TEST_CASE(
    "T-14: P-Asserted-Identity with two of a kind, of another scheme, or broken is an error") {
    for (const std::vector<std::string>& values :
         std::vector<std::vector<std::string>>{{"<sip:a@b>, <sip:c@d>"},
                                               {"<sip:a@b>, <sips:c@d>"},
                                               {"<sip:a@b>", "<sip:a@b>"},
                                               {"tel:+1, tel:+2"},
                                               {"<sip:a@b>, <tel:+1>, <sip:c@d>"},
                                               {"<http://example.com>"},
                                               {"<pres:a@b>"},
                                               {"<sip:a@b>;tag=1"},
                                               {"sip:a@b;tag=1"},
                                               {"<sip:a@b>, "},
                                               {", <sip:a@b>"},
                                               {""},
                                               {"<sip:a@b"},
                                               {"\"a <sip:a@b>"},
                                               {"a@b"},
                                               {"<sip:a@b> x"}}) {
        CAPTURE(values.front());
        const Read read(values);
        CHECK_FALSE(read.ok);
        CHECK_FALSE(read.rule.empty());
    }
}

TEST_CASE("T-1: P-Asserted-Identity cut off at any byte is an identity or an error") {
    const std::string whole =
        "\"Cullen \\\" J\" <sip:fluffy@cisco.com;user=phone>, <tel:+14085264000>";
    for (std::size_t size = 0; size <= whole.size(); ++size) {
        const Read read({whole.substr(0, size)});
        CHECK((read.ok || !read.rule.empty()));
        const bool is_whole = size == whole.size() || whole[size] == ',';
        CHECK(read.ok == (is_whole || (size > 0 && whole[size - 1] == '>')));
    }
}
