#include "apps/edge/workers/byte_ring.hpp"

#include <doctest/doctest.h>

#include <string>
#include <thread>

namespace {

bool push(edge::ByteRing& ring, const std::string& text) {
    const std::span<const char> pieces[]{{text.data(), text.size()}};
    return ring.push(pieces);
}
std::string take(edge::ByteRing& ring) {
    std::span<const char> record;
    if (!ring.front(record)) return "nothing";
    std::string text(record.begin(), record.end());
    ring.pop();
    return text;
}

/// The record number `i`: its length and bytes follow from it.
std::string numbered(std::uint32_t i) {
    return std::to_string(i) +
           std::string((i * 2'654'435'761U) % 301, static_cast<char>('a' + i % 26));
}

}  // namespace

TEST_CASE("records come out in the order and with the bytes that they went in with") {
    edge::ByteRing ring(1024);
    CHECK(take(ring) == "nothing");
    CHECK(push(ring, "one"));
    CHECK(push(ring, ""));
    const std::span<const char> pieces[]{{"tw", 2}, {}, {"o", 1}};
    CHECK(ring.push(pieces));
    CHECK(take(ring) == "one");
    CHECK(take(ring).empty());
    CHECK(take(ring) == "two");
    CHECK(take(ring) == "nothing");
}

TEST_CASE("at every length and every place of the ring a record is whole") {
    edge::ByteRing ring(1024);
    for (std::size_t size = 0; size <= ring.record_max(); ++size) {
        const std::string text(size, static_cast<char>('a' + size % 26));
        REQUIRE(push(ring, text));
        REQUIRE(take(ring) == text);
        (void)ring.release();
    }
    CHECK_FALSE(push(ring, std::string(ring.record_max() + 1, 'x')));
    CHECK(take(ring) == "nothing");
}

TEST_CASE("a full ring takes nothing, loses nothing, and has room again after release") {
    edge::ByteRing ring(1024);
    std::size_t count = 0;
    while (push(ring, std::string(100, static_cast<char>('a' + count)))) ++count;
    CHECK(count == 9);  // of 112 bytes each
    CHECK_FALSE(ring.fits(100));
    CHECK_FALSE(ring.wait_for(100));
    CHECK(take(ring) == std::string(100, 'a'));
    // Not before it is told of.
    CHECK_FALSE(push(ring, std::string(100, 'z')));
    CHECK(ring.release());
    CHECK_FALSE(ring.release());  // nobody waits any more
    CHECK(push(ring, std::string(100, 'z')));
    for (std::size_t i = 1; i < count; ++i)
        CHECK(take(ring) == std::string(100, static_cast<char>('a' + i)));
    CHECK(take(ring) == std::string(100, 'z'));
    CHECK(take(ring) == "nothing");
}

TEST_CASE("one thread writes, another reads: nothing is lost, doubled or torn") {
    constexpr std::uint32_t records = 200'000;
    edge::ByteRing ring(4096);
    std::thread writer([&] {
        for (std::uint32_t i = 0; i < records;) {
            const std::string text = numbered(i);
            if (push(ring, text))
                ++i;
            else if (!ring.wait_for(text.size()))
                std::this_thread::yield();
        }
    });
    std::uint32_t wrong = 0;
    for (std::uint32_t i = 0; i < records;) {
        std::span<const char> record;
        if (!ring.front(record)) {
            (void)ring.release();
            std::this_thread::yield();
            continue;
        }
        wrong += std::string(record.begin(), record.end()) != numbered(i);
        ring.pop();
        if (++i % 7 == 0) (void)ring.release();
    }
    writer.join();
    CHECK(wrong == 0);
}
