#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pidf/reader.hpp"
#include "pidf/writer.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/vectors.hpp"

/// What one document needs: memory, and an arena that draws from it.
struct Room {
    sip::Memory memory;
    pidf::Arena arena{memory, 4U << 20U};
};

/// A heap copy of the exact size, so that a read past its end is seen by the address sanitizer.
class ExactCopy {
public:
    explicit ExactCopy(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
        std::copy(text.begin(), text.end(), bytes_.get());
    }
    char& operator[](std::size_t i) { return bytes_[i]; }
    operator std::string_view() const { return {bytes_.get(), size_}; }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_;
};

inline std::string written(const pidf::Document& document) {
    std::string room(1U << 20U, '\0');
    sip::Appender out(room);
    const auto result = pidf::write(document, out);
    CHECK(result);
    return std::string(out.view());
}

/// What a document is written as after it was read; its error's rule when it is refused.
inline std::string rewritten(std::string_view text, const pidf::ReadOptions& options = {}) {
    Room room;
    const auto document = pidf::read(text, room.arena, options);
    return document ? written(**document) : std::string(document.error().rule);
}

/// The rule that `text` breaks, and where; "" when it is taken.
struct Fault {
    std::string rule;
    std::size_t offset = 0;
    sip::Condition condition = sip::Condition::malformed;
    bool operator==(const Fault& other) const {
        return rule == other.rule && offset == other.offset && condition == other.condition;
    }
};
inline doctest::String toString(const Fault& fault) {
    return (fault.rule + " at " + std::to_string(fault.offset) + ", condition " +
            std::to_string(static_cast<int>(fault.condition)))
        .c_str();
}
inline Fault fault_of(const sip::Error& error) {
    return {std::string(error.rule), error.offset, error.condition};
}
inline Fault fault_in_xml(std::string_view text, const pidf::XmlLimits& limits = {}) {
    Room room;
    const auto tree = pidf::parse_xml(ExactCopy(text), room.arena, limits);
    return tree ? Fault{} : fault_of(tree.error());
}
inline Fault fault_in_pidf(std::string_view text, const pidf::ReadOptions& options = {}) {
    Room room;
    const auto document = pidf::read(ExactCopy(text), room.arena, options);
    return document ? Fault{} : fault_of(document.error());
}

/// A presence document with this inside; its root tag has 65 bytes.
inline constexpr std::string_view presence_tag =
    "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:a@b.c'>";
static_assert(presence_tag.size() == 65);
inline std::string presence(std::string_view inside) {
    return std::string(presence_tag) + std::string(inside) + "</presence>";
}

/// A document in the words of our own, of the kind that the program in its name sends.
struct PidfVector {
    std::string name, bytes;
};
inline std::vector<PidfVector> pidf_vectors() {
    std::vector<PidfVector> vectors;
    for (const auto& entry :
         std::filesystem::directory_iterator(source_root() / "tests/vectors/pidf"))
        if (entry.path().extension() == ".xml")
            vectors.push_back({entry.path().stem().string(), read_file(entry.path())});
    std::sort(vectors.begin(), vectors.end(),
              [](const PidfVector& a, const PidfVector& b) { return a.name < b.name; });
    return vectors;
}
inline std::string pidf_vector(std::string_view name) {
    return read_file(source_root() / "tests/vectors/pidf" / (std::string(name) + ".xml"));
}

/// A text as UTF-16 with its mark.
inline std::string utf16(std::u16string_view text, bool big_endian) {
    std::string bytes;
    const auto put = [&](char16_t unit) {
        const char high = static_cast<char>(unit >> 8U), low = static_cast<char>(unit & 0xFFU);
        bytes += big_endian ? high : low;
        bytes += big_endian ? low : high;
    };
    put(0xFEFF);
    for (const char16_t unit : text) put(unit);
    return bytes;
}
