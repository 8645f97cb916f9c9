#include "sip/proxy/copy.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include "sip/message/message_parser.hpp"
#include "sip/proxy/best_response.hpp"

using namespace sip;

namespace {

constexpr std::array<std::string_view, 1> domains{"example.com"};
const std::string ours = "rr-00000000000000010000000000000002",
                  theirs = "rr-00000000000000030000000000000004";

struct Side {
    explicit Side(const std::string& text_given) : text(text_given) {
        (void)listeners.add({ListenerId{1}, Transport::udp, {Address::v4(192, 0, 2, 1), 5060}, {}});
        message = scan_message(text, slots, Framing::datagram, {}, {}).message;
    }
    std::string response(ResponseCopy copy) {
        std::array<char, 4096> room;
        Appender out(room);
        write_response(out, copy, own, {});
        CHECK_FALSE(out.overflowed());
        // Byte for byte the same wherever the room ends.
        for (std::size_t size = 0; size < out.size(); ++size) {
            Appender shorter({room.data(), size});
            write_response(shorter, copy, own, {});
            CHECK(shorter.overflowed());
        }
        Appender again(room);
        write_response(again, copy, own, {});
        return std::string(again.view());
    }
    std::string hop() const {
        const auto found = hop_behind(message, RouteToken{1, 2, {}}, own, {});
        return found ? std::string(found->text) : "";
    }
    std::string text;
    Listeners listeners;
    OwnNames own{listeners, domains};
    std::array<HeaderField, 32> slots;
    MessageView message;
};

}  // namespace

TEST_CASE("R3261-16.7-1: our Via goes, whatever field it stands in, and all else stays") {
    const std::string rest =
        "v: SIP/2.0/UDP a\r\nFrom: <sip:a@b>;tag=1\r\nX: y,\r\n z\r\nl: 2\r\n\r\nok";
    Side alone("SIP/2.0 200 Fine, thanks\r\nVia: SIP/2.0/UDP us\r\n" + rest);
    CHECK(alone.response({alone.message}) == "SIP/2.0 200 Fine, thanks\r\n" + rest);
    Side shared("SIP/2.0 200 \r\nVia: SIP/2.0/UDP us , SIP/2.0/TCP next;x\r\n" + rest);
    CHECK(shared.response({shared.message}) ==
          "SIP/2.0 200 \r\nVia: SIP/2.0/TCP next;x\r\n" + rest);
    Side open("SIP/2.0 404 No\r\nv: SIP/2.0/UDP us\r\nTo: x\r\n\r\nbody");
    CHECK(open.response({open.message}) ==
          "SIP/2.0 404 No\r\nTo: x\r\nContent-Length: 4\r\n\r\nbody");
    ResponseCopy as_500{open.message};
    as_500.status = 500;
    CHECK(open.response(as_500).starts_with("SIP/2.0 500 Server Internal Error\r\n"));
}

TEST_CASE("R3261-16.7-1: our Record-Routes alone get the token for the other side") {
    const RouteToken was{1, 2, {}}, becomes{3, 4, {}};
    Side side("SIP/2.0 200 OK\r\nRecord-Route: <sip:" + ours + "@192.0.2.9;lr>,\r\n \"x\" <sip:" +
              ours + "@192.0.2.1;transport=tcp;lr>;y, <sip:" + ours +
              "@example.com;lr>\r\nrecord-route: <sip:" + theirs +
              "@192.0.2.1;lr>\r\nContent-Length: 0\r\n\r\n");
    ResponseCopy copy{side.message};
    copy.record_route = &was;
    copy.route_back = &becomes;
    CHECK(side.response(copy) == "SIP/2.0 200 OK\r\nRecord-Route: <sip:" + ours +
                                     "@192.0.2.9;lr>,\r\n \"x\" <sip:" + theirs +
                                     "@192.0.2.1;transport=tcp;lr>;y, <sip:" + theirs +
                                     "@example.com;lr>\r\nrecord-route: <sip:" + theirs +
                                     "@192.0.2.1;lr>\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("T-12: where the other side is: the route in front of ours, or the Contact") {
    const std::string start = "SIP/2.0 200 OK\r\nContact: \"B\" <sip:bob@phone;x>;q=1\r\n";
    const std::string us = "<sip:" + ours + "@192.0.2.1;lr>";
    CHECK(Side(start + "Record-Route: " + us + "\r\n\r\n").hop() == "sip:bob@phone;x");
    CHECK(Side(start + "Record-Route: <sip:p2;lr>\r\nRecord-Route: <sip:p1;lr>, " + us + ", " + us +
               ", <sip:p0>\r\n\r\n")
              .hop() == "sip:p1;lr");
    CHECK(Side(start + "Record-Route: <sip:p1;lr>\r\n\r\n").hop().empty());
    CHECK(Side(start + "\r\n").hop().empty());
    CHECK(Side("SIP/2.0 200 OK\r\nRecord-Route: " + us + "\r\n\r\n").hop().empty());
    const auto before = [](const std::string& fields) {
        const Side side("INVITE sip:x SIP/2.0\r\n" + fields + "\r\n");
        const auto found = hop_before(side.message, {});
        return found ? std::string(found->text) : std::string{};
    };
    CHECK(before("m: <sip:alice@phone>\r\n") == "sip:alice@phone");
    CHECK(before("m: <sip:a>\r\nRecord-Route: <sip:p2;lr>, <sip:p1;lr>\r\n") == "sip:p2;lr");
    CHECK(before("X: y\r\n").empty());
}

TEST_CASE("R5393-5.3-1: Max-Breadth is read in any case, and is 60 where it says nothing") {
    const auto breadth = [](const std::string& fields) {
        const Side side("INVITE sip:x SIP/2.0\r\n" + fields + "\r\n");
        return breadth_of(side.message);
    };
    CHECK(breadth("") == 60);
    CHECK(breadth("MAX-breadth: 0\r\n") == 0);
    CHECK(breadth("Max-Breadth:65535\r\n") == 65'535);
    for (const char* odd : {"65536", "-1", "", "1 2", "x"})
        CHECK(breadth("Max-Breadth: " + std::string(odd) + "\r\n") == 60);
}

TEST_CASE("A bare line feed in what is copied becomes a proper line end") {
    std::array<char, 64> room;
    Appender out(room);
    const std::string line = "X:  a\n b\r\n c";
    write_line(out, {HeaderId::unknown, std::string_view(line).substr(0, 1),
                     std::string_view(line).substr(4)});
    CHECK(out.view() == "X:  a\r\n b\r\n c\r\n");
}

TEST_CASE("R3261-16.7-1: of any two final responses one is better, and never 503") {
    CHECK(rank_of(600) == rank_of(699));
    for (std::uint16_t status = 300; status < 600; ++status) {
        CHECK(rank_of(603) < rank_of(status));
        if (status != 503) CHECK(rank_of(status) < rank_of(503));
        if (status >= 400) CHECK(rank_of(302) < rank_of(status));
    }
    CHECK(rank_of(407) < rank_of(415));
    CHECK(rank_of(484) < rank_of(486));
    CHECK(rank_of(486) < rank_of(480));
    CHECK(rank_of(408) < rank_of(500));
}
