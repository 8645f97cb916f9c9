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
        draw();
        return compose();
    }
    /// Other publications and registrations, in a random order, under a random policy.
    void draw() {
        texts_.clear();
        while (texts_.size() < 1 + random_() % 5) {
            std::string text = odd_.next();
            pidf::Arena arena(memory_, 4U << 20U);
            if (pidf::read(text, arena, {.unknown_basic = true})) texts_.push_back(std::move(text));
        }
        published_.clear();
        for (const std::string& text : texts_)
            published_.push_back({text, random_(), sip::Instant{} + sip::seconds{random_() % 3},
                                  1'767'225'600'000, presence::Origin(random_() % 4)});
        registered_.clear();
        for (auto n = random_() % 3; n > 0; --n)
            registered_.push_back({"sip:alice@192.0.2.7:5070;transport=tcp",
                                   static_cast<std::uint16_t>(random_() % 1001), true, random_(),
                                   1'767'225'600'000, capabilities[random_() % 3]});
        policy_ = {presence::PersonRule(random_() % 2),       presence::ServiceRule(random_() % 4),
                   presence::RegistrationRule(random_() % 3), presence::HardRule(random_() % 2),
                   presence::TupleContact(random_() % 2),     random_() % 2 == 0};
        // Around the instant that odd documents like best.
        now_ms_ = 1'795'420'800'000 + static_cast<std::int64_t>(random_() % 3) - 1;
    }
    void shuffle() {
        std::shuffle(published_.begin(), published_.end(), random_);
        std::shuffle(registered_.begin(), registered_.end(), random_);
    }
    /// The same sources as they say it themselves: one document, from one of them.
    void replace_by(const std::string& text) {
        texts_ = {text};
        published_ = {{texts_[0], 1, sip::Instant{}, 0, presence::Origin::own}};
        registered_.clear();
    }
    std::string compose() {
        presence::Inputs inputs;
        inputs.presentity = "alice@example.com";
        inputs.published = published_;
        inputs.registered = registered_;
        inputs.policy = policy_;
        inputs.now_ms = now_ms_;
        std::string room(1U << 18U, '\0');
        const auto composed = presence::compose(inputs, {1, 2}, memory_, room);
        REQUIRE(composed);
        room.resize(composed->size);
        changes_ms_ = composed->changes_ms;
        return room;
    }
    std::int64_t now_ms() const { return now_ms_; }
    std::int64_t changes_ms() const { return changes_ms_; }
    void set_now(std::int64_t now_ms) { now_ms_ = now_ms; }

private:
    static constexpr std::string_view capabilities[] = {
        "", ";methods=\"INVITE,MESSAGE\";audio;priority=\"#10:30\";mobility=\"mobile\"",
        ";+sip.instance=\"<urn:uuid:9>\";events=\"presence\";description=\"<a \\\"b\\\">\""};
    OddDocuments odd_;
    std::mt19937_64 random_;
    sip::Memory memory_;
    std::vector<std::string> texts_;
    std::vector<presence::Published> published_;
    std::vector<presence::Registered> registered_;
    presence::CompositionPolicy policy_;
    std::int64_t now_ms_ = 0, changes_ms_ = 0;
};

/// With ids numbered as they come, so that documents compare that differ in them alone.
std::string without_ids(const std::string& text) {
    std::string out;
    std::vector<std::string> known;
    for (std::size_t i = 0; i < text.size();) {
        const bool at_id = text.compare(i, 5, " id=\"") == 0 || text.compare(i, 5, ":id=\"") == 0;
        if (!at_id) {
            out += text[i++];
            continue;
        }
        const auto end = text.find('"', i + 5);
        const std::string id = text.substr(i + 5, end - i - 5);
        const bool ours = id.size() == 17 && id.find_first_not_of("0123456789abcdef", 1) == id.npos;
        out += text.substr(i, 5) + (ours ? id.substr(0, 1) == "e" ? "e" : "c" : id);
        i = end;
    }
    return out;
}

}  // namespace

TEST_CASE("R4479-OUR-4: whatever the sources and the policy, their order makes no difference") {
    Composed composed(7);
    for (int i = 0; i < 150; ++i) {
        CAPTURE(i);
        composed.draw();
        const std::string once = composed.compose();
        for (int turn = 0; turn < 3; ++turn) {
            composed.shuffle();
            REQUIRE(composed.compose() == once);
        }
    }
}

TEST_CASE(
    "R4479-OUR-4 R4480-3-1 R4481-3-1 R4482-3-1 R5196-3-1: what was composed composes to itself") {
    Composed composed(8);
    for (int i = 0; i < 150; ++i) {
        CAPTURE(i);
        const std::string once = composed.next();
        // The closed document, which alone has no timestamp, is what nobody said.
        if (once.find("<tuple id=\"c") != std::string::npos) continue;
        composed.replace_by(once);
        REQUIRE(without_ids(composed.compose()) == without_ids(once));
    }
}

TEST_CASE("R4480-3.2-1: a document stays as it is until the instant that it says, and no longer") {
    Composed composed(9);
    int changes = 0;
    for (int i = 0; i < 300; ++i) {
        CAPTURE(i);
        const std::string now = composed.next();
        const std::int64_t next = composed.changes_ms();
        CHECK(next > composed.now_ms());
        composed.set_now(next == presence::no_change ? 253'402'300'799'000 : next - 1);
        REQUIRE(composed.compose() == now);
        if (next == presence::no_change) continue;
        composed.set_now(next);
        (void)composed.compose();
        CHECK(composed.changes_ms() > next);
        ++changes;
    }
    CHECK(changes > 15);
}

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
