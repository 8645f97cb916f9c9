#include "presence/rules/permissions.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "presence/rules/ruleset.hpp"

namespace {

using presence::Permissions;
using presence::Selector;
using presence::UnknownAttribute;

std::string packed(const Permissions& permissions) {
    std::array<char, 512> room{};
    sip::Appender out(room);
    REQUIRE(presence::pack(permissions, out));
    return std::string(out.view());
}

struct Room {
    sip::Memory memory;
    pidf::Arena arena{memory, 1U << 16U};
};

}  // namespace

TEST_CASE("R4745-10.2-1: permissions as bytes are equal exactly when they are") {
    const std::array<Selector, 2> selectors{
        Selector{Selector::Of::services, Selector::By::service_uri_scheme, "sip"},
        Selector{Selector::Of::devices, Selector::By::device_id, "urn:x:1"}};
    const std::array<UnknownAttribute, 1> unknown{{{"urn:x", "foo"}}};
    std::vector<Permissions> all(10);
    all[1].handling = presence::SubHandling::allow;
    all[2].user_input = presence::UserInput::bare;
    all[3].attributes = 1U << static_cast<unsigned>(presence::Provide::note);
    all[4].all_services = true;
    all[5].all_persons = true;
    all[6].all_devices = true;
    all[7].selectors = selectors;
    all[8].unknown = unknown;
    all[9] = Permissions::everything();
    for (std::size_t i = 0; i < all.size(); ++i)
        for (std::size_t k = 0; k < all.size(); ++k)
            CHECK((packed(all[i]) == packed(all[k])) == (i == k));
    for (const Permissions& each : all) {
        Room room;
        Permissions back;
        const std::string bytes = packed(each);
        REQUIRE(presence::unpack(bytes, room.arena, back));
        CHECK(packed(back) == bytes);
        CHECK(back.selectors.size() == each.selectors.size());
        // Cut anywhere, or with one byte more, they are none.
        for (std::size_t size = 0; size < bytes.size(); ++size)
            CHECK_FALSE(presence::unpack(bytes.substr(0, size), room.arena, back));
        CHECK_FALSE(presence::unpack(bytes + '\0', room.arena, back));
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            std::string small(size, '\0');
            sip::Appender out(small);
            CHECK_FALSE(presence::pack(each, out));
        }
    }
}

TEST_CASE("bytes that pack never writes are refused, whichever byte is another") {
    const std::array<Selector, 2> selectors{
        Selector{Selector::Of::services, Selector::By::class_, "a"},
        Selector{Selector::Of::services, Selector::By::class_, "b"}};
    Permissions one;
    one.selectors = selectors;
    const std::string bytes = packed(one);
    for (std::size_t at = 0; at < bytes.size(); ++at)
        for (int value = 0; value < 256; ++value) {
            Room room;
            std::string changed = bytes;
            changed[at] = static_cast<char>(value);
            Permissions back;
            if (presence::unpack(changed, room.arena, back)) CHECK(packed(back) == changed);
        }
    const std::array<Selector, 2> unsorted{selectors[1], selectors[0]},
        twice{selectors[0], selectors[0]};
    for (const auto& set : {unsorted, twice}) {
        Permissions bad;
        bad.selectors = set;
        std::array<char, 128> room{};
        sip::Appender out(room);
        CHECK_FALSE(presence::pack(bad, out));
    }
    sip::Memory memory;
    pidf::Arena none(memory, 16);
    Permissions back;
    CHECK_FALSE(presence::unpack(bytes, none, back));
}

TEST_CASE("the names of handlings are those of RFC 5025") {
    CHECK(presence::name_of(presence::SubHandling::block) == "block");
    CHECK(presence::name_of(presence::SubHandling::confirm) == "confirm");
    CHECK(presence::name_of(presence::SubHandling::polite_block) == "polite-block");
    CHECK(presence::name_of(presence::SubHandling::allow) == "allow");
}
