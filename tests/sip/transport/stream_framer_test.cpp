#include "sip/transport/stream_framer.hpp"

#include <doctest/doctest.h>

#include <array>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/paths.hpp"
#include "tests/support/vectors.hpp"

namespace {

using namespace sip;
using Kind = StreamFramer::Kind;
/// What came out of a stream, one text each.
struct Lines : std::vector<std::string> {
    using vector::vector;
    friend std::ostream& operator<<(std::ostream& out, const Lines& lines) {
        for (const auto& line : lines) out << "\n    " << line;
        return out;
    }
};

std::string message(const std::string& call_id, const std::string& body = "",
                    const std::string& more = "") {
    return "NOTIFY sip:lamp@desk.example SIP/2.0\r\nCall-ID: " + call_id + "\r\n" + more +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// A framer, and what came out of it as text.
class Stream {
public:
    explicit Stream(const Limits& limits = {}, const Leniency& leniency = {})
        : limits_(limits), leniency_(leniency), framer_(memory_, limits) {}

    bool feed(std::string_view bytes) {
        if (!framer_.append(bytes)) return false;
        for (;;) {
            const StreamFramer::Next next = framer_.next(slots_, limits_, leniency_);
            switch (next.kind) {
                case Kind::need_more: return true;
                case Kind::ping: lines.push_back("ping"); break;
                case Kind::keep_alive: lines.push_back("keep-alive"); break;
                case Kind::message: lines.push_back("message " + text_of(next.scan)); break;
                case Kind::broken: {
                    const Error& error = next.scan.error;
                    lines.push_back(std::string(next.scan.framed ? "broken " : "lost ") +
                                    std::string(error.rule) + " @" + std::to_string(error.offset) +
                                    " " + text_of(next.scan));
                }
            }
        }
    }
    StreamFramer& framer() { return framer_; }
    Memory& memory() { return memory_; }

    Lines lines;

private:
    static std::string text_of(const Scan& scan) {
        const MessageView& view = scan.message;
        return std::string(view.value_of(HeaderId::call_id)) + " " +
               std::to_string(view.headers.size()) + " [" + std::string(view.body) + "] " +
               std::to_string(view.bytes.size());
    }

    Limits limits_;
    Leniency leniency_;
    Memory memory_;
    StreamFramer framer_;
    std::array<HeaderField, 16> slots_;
};

Lines whole(std::string_view bytes, const Limits& limits = {}, const Leniency& leniency = {}) {
    Stream stream(limits, leniency);
    REQUIRE(stream.feed(bytes));
    return stream.lines;
}

/// The outcome of every split in two, in three at some places, and byte by byte is that of none.
void check_splits(std::string_view bytes, const Limits& limits = {},
                  const Leniency& leniency = {}) {
    const Lines expected = whole(bytes, limits, leniency);
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        Stream stream(limits, leniency);
        REQUIRE(stream.feed(bytes.substr(0, cut)));
        REQUIRE(stream.feed(bytes.substr(cut)));
        CHECK_MESSAGE(stream.lines == expected, "cut at " << cut);
    }
    for (const std::size_t size : {1U, 2U, 3U, 7U, 64U}) {
        Stream stream(limits, leniency);
        bool fed = true;
        for (std::size_t at = 0; at < bytes.size(); at += size)
            fed = fed && stream.feed(bytes.substr(at, size));
        REQUIRE(fed);
        CHECK_MESSAGE(stream.lines == expected, "pieces of " << size);
    }
}

TEST_CASE("R3261-18.3-2: messages split or joined at any byte come out the same") {
    const std::string bytes = message("a") + message("b", "one\r\n\r\ntwo") + "\r\n\r\n" +
                              message("c", std::string("nul\0in it", 9)) + "\r\n" + message("d");
    CHECK(whole(bytes) == Lines{"message a 2 [] 71", "message b 2 [one\r\n\r\ntwo] 82",
                                "keep-alive", "ping",
                                "message c 2 [" + std::string("nul\0in it", 9) + "] 80",
                                "keep-alive", "message d 2 [] 71"});
    check_splits(bytes);
}

TEST_CASE("R5626-3.5.1-1: a double CRLF is a ping, a lone one is not and never an error") {
    CHECK(whole("\r\n\r\n") == Lines{"keep-alive", "ping"});
    CHECK(whole("\r\n\r\n\r\n") == Lines{"keep-alive", "ping", "keep-alive"});
    // The half before a message and the half behind it make no whole.
    const std::string apart = "\r\n" + message("a") + "\r\n" + message("b");
    CHECK(whole(apart) ==
          Lines{"keep-alive", "message a 2 [] 71", "keep-alive", "message b 2 [] 71"});
    check_splits(apart);
    check_splits("\r\n\r\n\r\n\r\n\r\n");
}

TEST_CASE("R3261-7.5-1: CRLFs before a message on a stream are ignored") {
    CHECK(whole("\r\n\r\n\r\n" + message("a")).back() == "message a 2 [] 71");
}

TEST_CASE("a CR that no LF follows is no keep-alive") {
    Stream stream;
    REQUIRE(stream.feed("\r"));
    CHECK(stream.lines.empty());
    CHECK(stream.framer().midway());
    REQUIRE(stream.feed("x\r\n\r\n"));
    REQUIRE(stream.lines.size() == 1);
    CHECK(stream.lines[0].starts_with("lost Request-Line"));
}

TEST_CASE("R3261-18.3-2: after a fault of framing no later byte is served") {
    for (const std::string fault :
         {"Content-Length: -7\r\n", "Content-Length: 2, 2\r\n", "Content-Length: 2x\r\n",
          "Content-Length:\r\n", "l: 0\r\n", "Content-Length : 0\r\n", "no colon\r\n",
          "Content-Length: 99999999999999999999\r\n", "Content-Length: 0x10\r\n",
          "Content-Length: +1\r\n", "X: a\nContent-Length: 5\r\n", "X: a\rY: b\r\n", ": x\r\n"}) {
        CAPTURE(fault);
        const std::string bytes =
            message("a") + message("b", "", fault) + message("c") + "\r\n\r\n" + message("d");
        const Lines lines = whole(bytes);
        REQUIRE(lines.size() == 2);
        CHECK(lines[0] == "message a 2 [] 71");
        CHECK(lines[1].starts_with("lost "));
        CHECK(lines[1].find(" b ") != std::string::npos);  // enough for an answer
        check_splits(bytes);
    }
}

TEST_CASE("R3261-18.3-2: a stream message without Content-Length loses the framing") {
    const std::string bytes = "OPTIONS sip:desk.example SIP/2.0\r\nCall-ID: a\r\n\r\n";
    const Lines lines = whole(bytes + message("b"));
    REQUIRE(lines.size() == 1);
    CHECK(lines[0] == "lost Content-Length is missing @48 a 1 [] 48");
    check_splits(bytes + message("b"));

    Leniency lenient;
    lenient.stream_without_content_length = true;
    CHECK(whole(bytes + message("b"), {}, lenient) ==
          Lines{"message a 1 [] 48", "message b 2 [] 71"});
    check_splits(bytes + message("b"), {}, lenient);
}

TEST_CASE("a broken message whose end is known is told, and the next one is served") {
    const std::string broken = "NOTIFY <sip:desk.example> SIP/2.0\r\nCall-ID: a\r\nl: 3\r\n\r\nabc";
    const std::string bytes = broken + message("b");
    CHECK(whole(bytes) ==
          Lines{"broken Request-URI: <, > or quote in it @7 a 2 [abc] 58", "message b 2 [] 71"});
    check_splits(bytes);
    const std::string other = "NOTIFY sip:desk.example SIP/3.0\r\nCall-ID: a\r\nl: 3\r\n\r\nabc";
    CHECK(whole(other + message("b")).size() == 2);
    check_splits(other + message("b"));
}

TEST_CASE("R3261-18.3-3: a header section at its limit passes, one byte more is refused") {
    const std::string bytes = message("a", "body");
    Limits limits;
    limits.header_bytes = static_cast<std::uint32_t>(bytes.size() - 4);
    CHECK(whole(bytes, limits) == Lines{"message a 2 [body] 75"});
    check_splits(bytes, limits);
    --limits.header_bytes;
    const Lines lines = whole(bytes + message("b"), limits);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with("lost header section is over the size limit"));
    check_splits(bytes + message("b"), limits);
}

TEST_CASE("R3261-18.3-3: a header section without end is refused at the limit, not kept") {
    Limits limits;
    limits.header_bytes = 100;
    Stream stream(limits);
    REQUIRE(stream.feed(std::string(99, 'x')));
    CHECK(stream.lines.empty());
    CHECK(stream.framer().midway());
    REQUIRE(stream.feed("x"));
    REQUIRE(stream.lines.size() == 1);
    CHECK(stream.lines[0].starts_with("lost header section is over"));
    CHECK(stream.framer().lost());
    CHECK_FALSE(stream.framer().midway());
    REQUIRE(stream.feed(std::string(100'000, 'x')));
    CHECK(stream.framer().buffered() == 0);
    CHECK(stream.memory().used() == 0);
}

TEST_CASE("R3261-18.3-3: a message at its limit passes, a longer one is refused before it comes") {
    const std::string bytes = message("a", "body");
    Limits limits;
    limits.message_bytes = static_cast<std::uint32_t>(bytes.size());
    CHECK(whole(bytes, limits) == Lines{"message a 2 [body] 75"});
    --limits.message_bytes;
    const Lines lines = whole(bytes.substr(0, bytes.size() - 4), limits);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with("lost message is over the size limit"));
    check_splits(bytes, limits);
}

TEST_CASE("R3261-18.3-3: memory grows with what came, whatever Content-Length says") {
    Stream stream;
    REQUIRE(stream.feed("INFO sip:a SIP/2.0\r\nContent-Length: 60000\r\n\r\n"));
    CHECK(stream.memory().used() < 100);
    CHECK(stream.framer().midway());
    std::size_t sent = 45;
    for (int i = 0; i < 2000; ++i, ++sent) {
        REQUIRE(stream.feed("x"));
        CHECK(stream.memory().used() <= 2 * (sent + 1));
    }
    CHECK(stream.memory().allocations() < 10);
}

TEST_CASE("a quiet connection holds no memory") {
    Stream stream;
    REQUIRE(stream.feed(message("a") + "\r\n\r\n"));
    CHECK(stream.lines.size() == 3);
    CHECK(stream.memory().used() == 0);
    CHECK(stream.framer().buffered() == 0);
    CHECK_FALSE(stream.framer().midway());
}

TEST_CASE("midway says whether a message is begun, at every byte of it") {
    const std::string bytes = message("a", "body");
    Stream stream;
    CHECK_FALSE(stream.framer().midway());
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
        REQUIRE(stream.feed(bytes.substr(i, 1)));
        CHECK(stream.framer().midway());
        CHECK(stream.framer().buffered() == i + 1);
    }
    REQUIRE(stream.feed(bytes.substr(bytes.size() - 1)));
    CHECK_FALSE(stream.framer().midway());
}

TEST_CASE("refused memory is said, and what was kept before is still whole") {
    const std::string bytes = message("a", "body");
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        Stream stream;
        REQUIRE(stream.feed(bytes.substr(0, cut)));
        stream.memory().refuse_after(0);
        CHECK_FALSE(stream.feed(bytes.substr(cut)));
        CHECK(stream.framer().buffered() == cut);
        REQUIRE(stream.feed(bytes.substr(cut)));
        CHECK(stream.lines == Lines{"message a 2 [body] 75"});
    }
}

TEST_CASE("what waits is capped: one byte over is refused") {
    Limits limits;
    limits.message_bytes = 1000;
    Memory memory;
    StreamFramer framer(memory, limits);
    const std::string most(1000 + StreamFramer::read_ahead_max, 'x');
    REQUIRE(framer.append(most));
    CHECK_FALSE(framer.append("x"));
    CHECK(framer.buffered() == most.size());
}

TEST_CASE("a message view stays until the next call, however much waits behind it") {
    Memory memory;
    const Limits limits;
    StreamFramer framer(memory, limits);
    std::array<HeaderField, 16> slots;
    std::string bytes;
    for (int i = 0; i < 500; ++i) bytes += message(std::to_string(i), std::string(50, 'b'));
    REQUIRE(framer.append(bytes));
    for (int i = 0; i < 500; ++i) {
        const auto next = framer.next(slots, limits, {});
        REQUIRE(next.kind == Kind::message);
        CHECK(next.scan.message.value_of(HeaderId::call_id) == std::to_string(i));
        CHECK(next.scan.message.body == std::string(50, 'b'));
    }
    CHECK(framer.next(slots, limits, {}).kind == Kind::need_more);
    CHECK(memory.allocations() == 1);
}

TEST_CASE("bare LF: refused by default, a line end where that is allowed") {
    const std::string bytes = "\nNOTIFY sip:a SIP/2.0\nCall-ID: a\nl: 2\n\nxy" + message("b");
    const Lines lines = whole(bytes);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with("lost bare LF"));
    check_splits(bytes);
    Leniency lenient;
    lenient.bare_line_feed = true;
    CHECK(whole(bytes, {}, lenient) ==
          Lines{"keep-alive", "message a 2 [xy] 40", "message b 2 [] 71"});
    check_splits(bytes, {}, lenient);
}

TEST_CASE("R3261-18.3-2: garbage of every kind comes to the same end in any pieces") {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
    for (const std::string& garbage :
         {all, all + "\r\n\r\n" + all, std::string(300, '\0'), std::string(300, '\n'),
          std::string("\r\r\n\r\n"), std::string("\n\r\n\r\n"), std::string("a\n\r\r\n\n"),
          std::string("SIP/2.0\r\n\r\n"), std::string(" \r\n \r\n\r\n"),
          std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
          std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)})
        check_splits(garbage);
}

/// What comes out whole, and in three pieces around each byte that was hit: the same.
void torture(std::string bytes) {
    check_splits(bytes);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        const char was = bytes[at];
        for (const char c : {'\0', '\xff', '\n'}) {
            bytes[at] = c;
            const std::string_view all = bytes;
            Stream stream;
            const bool fed = stream.feed(all.substr(0, at)) && stream.feed(all.substr(at, 1)) &&
                             stream.feed(all.substr(at + 1));
            if (!fed || stream.lines != whole(bytes)) FAIL_CHECK("byte " << at << " of: " << bytes);
        }
        bytes[at] = was;
    }
}

TEST_CASE("R4475-OUR-1 T-4: torture messages as streams, hit at every byte, in any pieces") {
    for (const TortureVector& vector : torture_vectors()) torture(vector.bytes + message("next"));
}

TEST_CASE("R4475-OUR-1: the originals as streams, hit at every byte, in any pieces") {
    if (!standards_folder()) return skip_case("no standards folder");
    for (const TortureVector& vector : torture_vectors())
        torture(*original_torture_message(vector.name) + message("next"));
}

}  // namespace
