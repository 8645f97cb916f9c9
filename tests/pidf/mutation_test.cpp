#include <set>

#include "tests/pidf/room.hpp"
#include "tests/pidf/xmllint.hpp"

using namespace pidf;

namespace {

/// Reads, and where that succeeds writes and reads again. Whether it was taken.
bool run(std::string_view text) {
    Room room;
    const auto document = read(text, room.arena);
    if (!document) {
        if (document.error().offset > text.size() || document.error().rule.empty())
            FAIL_CHECK(std::string(text));
        return false;
    }
    const std::string once = written(**document);
    if (!parse_xml(once, room.arena, {.bytes = SIZE_MAX / 4}) || rewritten(once) != once)
        FAIL_CHECK(std::string(text));
    return true;
}

/// Calls `each` with the vector, every byte replaced by every one of `replacements`.
template <class Each>
void replace_bytes(std::string_view text, std::string_view replacements, const Each& each) {
    ExactCopy copy(text);
    for (std::size_t i = 0; i < text.size(); ++i) {
        for (const char c : replacements) {
            copy[i] = c;
            each(std::string_view(copy));
        }
        copy[i] = text[i];
    }
}

}  // namespace

TEST_CASE("T-5 T-6 T-40: every vector cut at every byte ends in a document or an error") {
    for (const PidfVector& vector : pidf_vectors()) {
        CAPTURE(vector.name);
        CHECK(run(ExactCopy(vector.bytes)));
        const std::size_t end = vector.bytes.rfind('>') + 1;
        for (std::size_t size = 0; size < vector.bytes.size(); ++size) {
            const bool taken = run(ExactCopy(std::string_view(vector.bytes).substr(0, size)));
            if (taken != (size >= end)) FAIL_CHECK(size);
        }
    }
}

TEST_CASE("T-6 T-8 T-40: a NUL, 0xFF or < in any place ends in a document or an error") {
    using namespace std::string_view_literals;
    for (const PidfVector& vector : pidf_vectors()) {
        CAPTURE(vector.name);
        replace_bytes(vector.bytes, "\0\xFF"sv, [](std::string_view text) {
            if (run(text)) FAIL_CHECK(std::string(text));
        });
        replace_bytes(vector.bytes, "<>&'\"/ :a\n", [](std::string_view text) { run(text); });
    }
}

TEST_CASE("T-5 T-8: UTF-16 cut and bent at every byte ends in a document or an error") {
    const std::string text = pidf_vector("closed");
    const std::u16string wide(text.begin(), text.end());
    for (const bool big_endian : {false, true}) {
        const std::string bytes = utf16(wide, big_endian);
        CHECK(run(ExactCopy(bytes)));
        for (std::size_t size = 0; size < bytes.size(); ++size)
            run(ExactCopy(std::string_view(bytes).substr(0, size)));
        replace_bytes(bytes, std::string_view("\0\xFF\xD8<", 4),
                      [](std::string_view bent) { run(bent); });
    }
}

TEST_CASE("T-6 T-40: what we take, xmllint takes") {
    if (!has_xmllint()) return skip_case("xmllint is not installed");
    std::set<std::string> taken;
    for (const PidfVector& vector : pidf_vectors()) {
        replace_bytes(vector.bytes, "<>&'\"/ :a-]?!\xC3\xBF", [&](std::string_view text) {
            Room room;
            if (parse_xml(text, room.arena, {})) taken.emplace(text);
        });
        for (std::size_t from = 0; from < vector.bytes.size(); from += 3)
            for (const std::size_t size : {1U, 2U, 5U, 12U}) {
                std::string text = vector.bytes;
                text.erase(from, size);
                Room room;
                if (parse_xml(text, room.arena, {})) taken.insert(text);
            }
    }
    REQUIRE(taken.size() > 1'000);
    std::vector<std::string> texts(taken.begin(), taken.end());
    const TemporaryDocuments documents(texts);
    CHECK(documents.complaints("--noout") == "");
}
