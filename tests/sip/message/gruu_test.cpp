#include "sip/message/gruu.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace sip;

namespace {

constexpr HashKey key{1, 2};

std::string temporary(const TemporaryGruu& gruu, const HashKey& with = key) {
    std::array<char, 128> room{};
    Appender out(room);
    write_temporary_gruu(out, with, gruu, "example.com");
    return std::string(out.view());
}

std::optional<TemporaryGruu> read(const std::string& text, const HashKey& with = key) {
    const auto uri = parse_uri(text);
    REQUIRE(uri);
    return read_temporary_gruu(with, *uri);
}

}  // namespace

TEST_CASE("RFC 5627 3.1.1: a public GRUU is the address-of-record with the instance in gr") {
    std::array<char, 128> room{};
    Appender out(room);
    write_public_gruu(out, "alice@example.com", gruu_instance("<urn:uuid:1-2>"));
    CHECK(out.view() == "sip:alice@example.com;gr=urn:uuid:1-2");
    const auto uri = parse_uri(out.view());
    REQUIRE(uri);
    CHECK(is_gruu(*uri));
}

TEST_CASE("an instance that cannot stand in a URI gets no GRUU") {
    for (const char* odd : {"", "<>", "urn:uuid:1", "<urn:uuid:1", "<urn:a;b>", "<urn:a b>",
                            "<urn:a%41>", "<urn:a\">"})
        CHECK(gruu_instance(odd).empty());
}

TEST_CASE("RFC 5627 3.1.2: a temporary GRUU is read by whoever made it, and by nobody else") {
    const std::string one = temporary({77, 1});
    const auto back = read(one);
    REQUIRE(back);
    CHECK(back->binding == 77);
    CHECK(back->number == 1);
    CHECK_FALSE(read(one, HashKey{1, 3}));
    for (std::size_t i = one.find('.') + 1; i < one.find('@'); ++i) {
        std::string other = one;
        other[i] = other[i] == '0' ? '1' : '0';
        CHECK_FALSE(read(other));
    }
    CHECK_FALSE(read("sip:tgruu.00@example.com;gr"));
    CHECK_FALSE(read(one.substr(0, one.find(';'))));
    CHECK_FALSE(read("sip:alice@example.com;gr=urn:uuid:1"));
}

TEST_CASE("RFC 5627 3.1.2: two temporary GRUUs of one device have nothing in common") {
    const std::string a = temporary({77, 1}), b = temporary({77, 2});
    const std::size_t from = a.find('.') + 1;
    int same = 0;
    for (std::size_t i = from; i < from + 32; ++i) same += a[i] == b[i] ? 1 : 0;
    CHECK(same < 12);
}
