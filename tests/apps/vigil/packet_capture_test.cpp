#include "apps/vigil/packet_capture.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "apps/vigil/file.hpp"
#include "tests/apps/vigil/temporary_folder.hpp"

using namespace vigil;

namespace {

std::uint32_t net16(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at]) << 8 |
                                      static_cast<unsigned char>(bytes[at + 1]));
}

}  // namespace

TEST_CASE("Messages are written as packets between the real addresses") {
    const TemporaryFolder folder;
    const auto path = folder.path("t.pcap");
    {
        auto capture = PacketCapture::open(path);
        REQUIRE(capture);
        const sip::Endpoint local{sip::Address::v4(127, 0, 0, 1), 5060};
        const sip::Endpoint remote{sip::Address::v4(192, 0, 2, 7), 40000};
        capture->write({{}, 1'500}, {false, sip::Transport::udp, local, remote, "HEAD", "BODY"});
        capture->write({{}, 1'500}, {true, sip::Transport::tcp, local, remote, "ANSWER", ""});
        const sip::Endpoint six{*sip::parse_ipv6("::1"), 5060};
        capture->write({{}, 1'500}, {true, sip::Transport::udp, six, six, "X", ""});
        CHECK_FALSE(capture->is_broken());
    }
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    const auto bytes = read_file(path);
    REQUIRE(bytes);
    constexpr std::size_t file_head = 24, packet_head = 16, ip = 20, udp = 8, tcp = 20, ipv6 = 40;
    REQUIRE(bytes->size() == file_head + packet_head + ip + udp + 8 + packet_head + ip + tcp + 6 +
                                 packet_head + ipv6 + udp + 1);
    const std::string_view first = std::string_view(*bytes).substr(file_head + packet_head);
    CHECK(first[9] == 17);
    CHECK(net16(first, 2) == ip + udp + 8);
    CHECK(first.substr(12, 4) == "\xc0" + std::string("\0\2\7", 3));
    CHECK(net16(first, ip) == 40000);
    CHECK(net16(first, ip + 2) == 5060);
    CHECK(first.substr(ip + udp, 8) == "HEADBODY");
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < ip; i += 2) sum += net16(first, i);
    CHECK(((sum & 0xffff) + (sum >> 16)) == 0xffff);
    const std::string_view second = first.substr(ip + udp + 8 + packet_head);
    CHECK(second[9] == 6);
    CHECK(net16(second, ip) == 5060);
    CHECK(second.substr(ip + tcp, 6) == "ANSWER");
}

TEST_CASE("A message of the largest size is written in packets that IP can hold") {
    const TemporaryFolder folder;
    const auto path = folder.path("t.pcap");
    auto capture = PacketCapture::open(path);
    REQUIRE(capture);
    const std::string large(65'535, 'x');
    capture->write({}, {false, sip::Transport::tcp, {}, {}, large, ""});
    const auto bytes = read_file(path);
    CHECK(bytes->size() == 24 + 2 * (16 + 40 + 20) + large.size());
}

TEST_CASE("A capture file that cannot be written is an error that names it") {
    const auto capture = PacketCapture::open("/no/such/folder/t.pcap");
    REQUIRE_FALSE(capture);
    CHECK(capture.error().find("/no/such/folder/t.pcap") != std::string::npos);
}
