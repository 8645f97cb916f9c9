#include "apps/edge/net/pcap_writer.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace {

namespace fs = std::filesystem;

/// A folder of its own, gone afterwards.
struct Folder {
    Folder() {
        std::string name = (fs::temp_directory_path() / "pcap_test_XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { fs::remove_all(path); }
    fs::path path;
};

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::uint32_t native32(std::string_view bytes, std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}
unsigned network16(std::string_view bytes, std::size_t at) {
    return static_cast<unsigned>(static_cast<unsigned char>(bytes[at])) << 8 |
           static_cast<unsigned char>(bytes[at + 1]);
}

struct Record {
    std::uint32_t seconds, microseconds;
    std::string packet;
};
std::vector<Record> records_of(std::string_view file) {
    std::vector<Record> records;
    REQUIRE(file.size() >= 24);
    CHECK(native32(file, 0) == 0xa1b2c3d4);
    CHECK(native32(file, 20) == 101);
    file.remove_prefix(24);
    while (!file.empty()) {
        REQUIRE(file.size() >= 16);
        const auto length = native32(file, 8);
        CHECK(native32(file, 12) == length);
        REQUIRE(file.size() >= 16 + length);
        records.push_back(
            {native32(file, 0), native32(file, 4), std::string(file.substr(16, length))});
        file.remove_prefix(16 + length);
    }
    return records;
}

/// One's complement sum of 16-bit words, an odd last byte padded: all ones when right.
unsigned sum_of(std::string bytes) {
    if (bytes.size() % 2 != 0) bytes += '\0';
    unsigned sum = 0;
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
        sum += network16(bytes, i);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}
std::string udp_with_pseudo_header(const std::string& packet, std::size_t ip, std::size_t from) {
    std::string all = packet.substr(from, ip - from) + std::string("\0\x11", 2);
    const auto length = packet.size() - ip;
    all += static_cast<char>(length >> 8);
    all += static_cast<char>(length & 0xff);
    return all + packet.substr(ip);
}

sip::Endpoint at(std::string_view host, std::uint16_t port) {
    return {*sip::parse_numeric_host(host), port};
}
sip::TraceMessage outgoing(std::string_view head, std::string_view body = {}) {
    return {true, sip::Transport::udp, at("192.0.2.1", 5060), at("198.51.100.2", 40'000), head,
            body};
}

}  // namespace

TEST_CASE("a message becomes a packet with right addresses, lengths and checksums") {
    Folder folder;
    auto writer = edge::PcapWriter::open(folder.path / "a.pcap");
    REQUIRE_MESSAGE(writer, writer.error());
    writer->message({{}, 1'700'000'000'123}, outgoing("head ", "odd body"));
    auto incoming = outgoing("answer");
    incoming.outgoing = false;
    writer->message({{}, 1'700'000'001'000}, incoming);
    CHECK(writer->written() == 2);

    // Read while the writer is open: nothing waits in a buffer.
    const auto records = records_of(read(folder.path / "a.pcap"));
    REQUIRE(records.size() == 2);
    CHECK(records[0].seconds == 1'700'000'000);
    CHECK(records[0].microseconds == 123'000);
    const std::string& packet = records[0].packet;
    CHECK(packet.substr(28) == "head odd body");
    CHECK(network16(packet, 2) == packet.size());
    CHECK(packet.substr(12, 4) == std::string("\xc0\x00\x02\x01", 4));
    CHECK(packet.substr(16, 4) == std::string("\xc6\x33\x64\x02", 4));
    CHECK(network16(packet, 20) == 5060);
    CHECK(network16(packet, 22) == 40'000);
    CHECK(network16(packet, 24) == packet.size() - 20);
    CHECK(sum_of(packet.substr(0, 20)) == 0xffff);
    CHECK(sum_of(udp_with_pseudo_header(packet, 20, 12)) == 0xffff);
    CHECK(network16(records[1].packet, 20) == 40'000);
    CHECK(network16(records[1].packet, 22) == 5060);
}

TEST_CASE("IPv6 packets have the checksum that is mandatory there") {
    Folder folder;
    auto writer = edge::PcapWriter::open(folder.path / "a.pcap");
    REQUIRE(writer);
    for (const std::string_view head : {"h", "he", "hea"})
        writer->message({}, {true, sip::Transport::tcp, at("[2001:db8::1]", 5060),
                             at("[2001:db8::2]", 5070), head, "bodies"});
    const auto records = records_of(read(folder.path / "a.pcap"));
    REQUIRE(records.size() == 3);
    for (const auto& record : records) {
        CHECK(record.packet[0] == 0x60);
        CHECK(network16(record.packet, 4) == record.packet.size() - 40);
        CHECK(record.packet.ends_with("bodies"));
        CHECK(sum_of(udp_with_pseudo_header(record.packet, 40, 8)) == 0xffff);
    }
}

TEST_CASE("a message too long for a datagram is cut, and its packet stays sound") {
    Folder folder;
    auto writer = edge::PcapWriter::open(folder.path / "a.pcap");
    REQUIRE(writer);
    writer->message({}, outgoing(std::string(1'000, 'h'), std::string(100'000, 'b')));
    writer->message({}, outgoing(std::string(100'000, 'h'), "body"));
    writer->message({}, outgoing("short"));
    const auto records = records_of(read(folder.path / "a.pcap"));
    REQUIRE(records.size() == 3);
    for (int i = 0; i < 2; ++i) {
        const auto& packet = records[static_cast<std::size_t>(i)].packet;
        CHECK(packet.size() == 65'535);
        CHECK(sum_of(udp_with_pseudo_header(packet, 20, 12)) == 0xffff);
    }
    CHECK(records[2].packet.ends_with("short"));
}

TEST_CASE("at its bound the file ends with a whole packet, and the rest is counted") {
    Folder folder;
    // The file's header, and two packets of 16 + 28 + 10.
    auto writer = edge::PcapWriter::open(folder.path / "a.pcap", 24 + 2 * 54);
    REQUIRE(writer);
    for (int i = 0; i < 5; ++i) writer->message({}, outgoing("0123456789"));
    writer->message({}, outgoing(""));
    CHECK(writer->written() == 2);
    CHECK(writer->left_out() == 4);
    CHECK(records_of(read(folder.path / "a.pcap")).size() == 2);
}

TEST_CASE("a trace is its owner's alone, and a file that was there is replaced") {
    Folder folder;
    const fs::path path = folder.path / "a.pcap";
    std::ofstream(path) << std::string(1'000, 'x');
    fs::permissions(path, fs::perms::all);
    {
        auto writer = edge::PcapWriter::open(path);
        REQUIRE(writer);
    }
    CHECK(read(path).size() == 24);
    CHECK(fs::status(path).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("a trace that cannot be written is refused with its reason") {
    Folder folder;
    fs::create_symlink(folder.path / "elsewhere", folder.path / "link");
    CHECK(::mkfifo((folder.path / "fifo").c_str(), 0600) == 0);
    for (const auto name : {"no/such/folder.pcap", "link", "fifo", "."}) {
        const auto path = (folder.path / name).string();
        const auto writer = edge::PcapWriter::open(path);
        CAPTURE(name);
        REQUIRE_FALSE(writer);
        CHECK(writer.error().starts_with("cannot write " + path + ": "));
        CHECK(writer.error().ends_with("with --trace"));
    }
    CHECK_FALSE(fs::exists(folder.path / "elsewhere"));
}
