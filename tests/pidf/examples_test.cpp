#include <map>
#include <sstream>

#include "tests/pidf/room.hpp"
#include "tests/pidf/xmllint.hpp"

using namespace pidf;

namespace {

struct Example {
    std::string name, bytes;
    bool valid;
};

/// The presence documents that the RFCs print.
std::vector<Example> examples(const std::filesystem::path& folder) {
    std::vector<Example> found;
    std::istringstream index(read_file(folder / "index.tsv"));
    for (std::string line; std::getline(index, line);) {
        const std::string name = line.substr(0, line.find('\t'));
        if (!name.ends_with("presence.xml")) continue;
        found.push_back({name, read_file(folder / name), line.ends_with("\tvalid")});
    }
    return found;
}

}  // namespace

TEST_CASE(
    "R3863-OUR-2: every presence document of the RFCs is read, written and read again equal") {
    const auto standards = standards_folder();
    if (!standards) return skip_case("no standards folder was given");
    const auto all = examples(*standards / "examples");
    REQUIRE(all.size() >= 30);
    for (const Example& example : all) {
        CAPTURE(example.name);
        const std::string once = rewritten(example.bytes);
        CHECK(once.starts_with("<?xml"));
        CHECK(rewritten(once) == once);
    }
}

TEST_CASE("R3863-OUR-2 R3863-4.1.1-2: what is written from valid documents is valid") {
    const auto standards = standards_folder();
    if (!standards) return skip_case("no standards folder was given");
    if (!has_xmllint()) return skip_case("xmllint is not installed");
    std::vector<std::string> texts;
    for (const Example& example : examples(*standards / "examples"))
        if (example.valid) texts.push_back(rewritten(example.bytes));
    REQUIRE(texts.size() >= 25);
    for (const PidfVector& vector : pidf_vectors()) texts.push_back(rewritten(vector.bytes));
    const TemporaryDocuments documents(texts);
    const std::string schema = (*standards / "xsd/all.xsd").string();
    CHECK(documents.complaints("--noout --schema '" + schema + "'") == "");
}
