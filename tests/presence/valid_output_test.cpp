#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "pidf/reader.hpp"
#include "presence/composition.hpp"
#include "tests/pidf/odd_documents.hpp"
#include "tests/pidf/structure.hpp"
#include "tests/pidf/xmllint.hpp"
#include "tests/support/paths.hpp"

namespace {

/// What watchers would be sent, of one to five odd publications and up to two registrations each.
class Composed {
public:
    explicit Composed(std::uint64_t seed) : odd_(seed), random_(seed) {}

    std::string next() {
        std::vector<std::string> texts;
        while (texts.size() < 1 + random_() % 5) {
            std::string text = odd_.next();
            pidf::Arena arena(memory_, 4U << 20U);
            if (pidf::read(text, arena, {.unknown_basic = true})) texts.push_back(std::move(text));
        }
        std::vector<presence::Published> published;
        for (const std::string& text : texts)
            published.push_back(
                {text, random_(), sip::Instant{} + sip::seconds{random_() % 3}, 1'767'225'600'000});
        std::vector<presence::Registered> registered;
        for (auto n = random_() % 3; n > 0; --n)
            registered.push_back({"sip:alice@192.0.2.7:5070;transport=tcp",
                                  static_cast<std::uint16_t>(random_() % 1001), true, random_(),
                                  1'767'225'600'000});
        presence::Inputs inputs;
        inputs.presentity = "alice@example.com";
        inputs.published = published;
        inputs.registered = registered;
        inputs.policy.contacts = random_() % 2 == 0 ? presence::TupleContact::device
                                                    : presence::TupleContact::address_of_record;
        std::string room(1U << 18U, '\0');
        const auto size = presence::compose(inputs, {1, 2}, memory_, room);
        REQUIRE(size);
        room.resize(size->size);
        return room;
    }

private:
    OddDocuments odd_;
    std::mt19937_64 random_;
    sip::Memory memory_;
};

}  // namespace

TEST_CASE("R4479-5-1 R3863-4.1.2-1: what is composed is in order, whatever was published") {
    Composed composed(3);
    for (int i = 0; i < 500; ++i) {
        CAPTURE(i);
        REQUIRE(Structure::fault_of(composed.next()) == "");
    }
}

TEST_CASE("R4479-5-1 R4480-3-1: what is composed is valid by the schemas") {
    const auto standards = standards_folder();
    if (!standards) return skip_case("no standards folder was given");
    if (!has_xmllint()) return skip_case("xmllint is not installed");
    Composed composed(4);
    std::vector<std::string> texts;
    for (int i = 0; i < 400; ++i) texts.push_back(composed.next());
    const TemporaryDocuments documents(texts);
    const std::string schema = (*standards / "xsd/all.xsd").string();
    CHECK(documents.complaints("--noout --schema '" + schema + "'") == "");
}
