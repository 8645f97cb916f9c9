#include <algorithm>

#include "tests/pidf/odd_documents.hpp"
#include "tests/pidf/room.hpp"
#include "tests/pidf/structure.hpp"
#include "tests/pidf/xmllint.hpp"

using namespace pidf;

namespace {

/// What is written from odd documents, those that were taken.
std::vector<std::string> taken(std::uint64_t seed, int count) {
    OddDocuments odd(seed);
    std::vector<std::string> texts;
    for (int i = 0; i < count; ++i) {
        const std::string text = odd.next();
        Room room;
        if (const auto document = read(text, room.arena)) texts.push_back(written(**document));
    }
    return texts;
}

}  // namespace

TEST_CASE("R4479-5-1: what is written is in order, whatever was read, and reads back equal") {
    OddDocuments odd(1);
    int all = 0, read_well = 0;
    for (; all < 1'500; ++all) {
        const std::string text = odd.next();
        Room room;
        const auto document = read(text, room.arena);
        if (!document) continue;
        ++read_well;
        const std::string once = written(**document);
        CAPTURE(all);
        REQUIRE(Structure::fault_of(once) == "");
        const std::string again = rewritten(once);
        const auto differs = std::mismatch(once.begin(), once.end(), again.begin(), again.end());
        if (differs.first != once.end() || differs.second != again.end())
            FAIL(once.substr(static_cast<std::size_t>(differs.first - once.begin()), 200));
    }
    CHECK(read_well > all * 3 / 4);
}

TEST_CASE("R4479-5-1 R4480-3-1 R4480-3.2-1: what is written is valid by the schemas") {
    const auto standards = standards_folder();
    if (!standards) return skip_case("no standards folder was given");
    if (!has_xmllint()) return skip_case("xmllint is not installed");
    const std::vector<std::string> texts = taken(2, 1'200);
    REQUIRE(texts.size() > 900);
    const TemporaryDocuments documents(texts);
    const std::string schema = (*standards / "xsd/all.xsd").string();
    CHECK(documents.complaints("--noout --schema '" + schema + "'") == "");
}
