#include "sip/base/packet.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sip;

TEST_CASE("shared bytes are a copy that lives as long as the last handle to it") {
    Memory memory;
    SharedBytes kept;
    {
        std::string text = "body";
        const SharedBytes made = SharedBytes::copy(memory, text);
        text = "gone";
        kept = made;
        CHECK(kept.view().data() == made.view().data());
    }
    CHECK(kept.view() == "body");
    CHECK(memory.used() > 0);
    kept = {};
    CHECK(memory.used() == 0);
}

TEST_CASE("assigning a handle to itself and moving it keep the count") {
    Memory memory;
    SharedBytes one = SharedBytes::copy(memory, "x");
    SharedBytes& same = one;
    one = same;
    CHECK(one.view() == "x");
    SharedBytes two = std::move(one);
    CHECK(two.view() == "x");
    two = SharedBytes::copy(memory, "y");
    CHECK(two.view() == "y");
    two = {};
    CHECK(memory.used() == 0);
}

TEST_CASE("an empty text is there, and bytes that memory refused are not") {
    Memory memory;
    const SharedBytes empty = SharedBytes::copy(memory, "");
    CHECK(static_cast<bool>(empty));
    CHECK(empty.view().empty());
    memory.refuse_after(0);
    const SharedBytes refused = SharedBytes::copy(memory, "text");
    CHECK_FALSE(static_cast<bool>(refused));
    CHECK(refused.view().empty());
}

TEST_CASE("bytes of all values are kept whole") {
    Memory memory;
    std::string all;
    for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
    CHECK(SharedBytes::copy(memory, all).view() == all);
}

TEST_CASE("a packet is as large as head and body, and is none without a head") {
    Memory memory;
    const SharedBytes body = SharedBytes::copy(memory, "12345");
    const Packet packet{SharedBytes::copy(memory, "head"), body};
    CHECK(packet.size() == 9);
    CHECK(static_cast<bool>(packet));
    const Packet none{{}, body};
    CHECK_FALSE(static_cast<bool>(none));
}
