#include "apps/edge/net/pcap_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>

namespace edge {

namespace {

constexpr std::size_t record_bytes = 16;
constexpr std::size_t udp_bytes = 8;
constexpr std::size_t ipv4_bytes = 20;
constexpr std::size_t ipv6_bytes = 40;
// What the 16-bit lengths of IPv4 and UDP have room for; IPv6 is held to the same.
constexpr std::size_t payload_max = 65'535 - ipv4_bytes - udp_bytes;

/// Numbers in a buffer: those of pcap in the machine's order (its magic number tells which), those
/// of the packet in network order.
class Bytes {
public:
    void native32(std::uint32_t value) {
        std::memcpy(room_.data() + size_, &value, sizeof value);
        size_ += sizeof value;
    }
    void native16(std::uint16_t value) {
        std::memcpy(room_.data() + size_, &value, sizeof value);
        size_ += sizeof value;
    }
    void byte(std::size_t value) { room_[size_++] = static_cast<std::uint8_t>(value & 0xff); }
    void network16(std::size_t value) {
        byte(value >> 8);
        byte(value);
    }
    void network16_at(std::size_t place, std::size_t value) {
        room_[place] = static_cast<std::uint8_t>(value >> 8 & 0xff);
        room_[place + 1] = static_cast<std::uint8_t>(value & 0xff);
    }
    void address(const sip::Address& address) {
        for (std::size_t i = address.is_v4() ? 12 : 0; i < 16; ++i) byte(address.bytes[i]);
    }
    std::size_t size() const { return size_; }
    std::span<const std::uint8_t> from(std::size_t start) const {
        return std::span(room_).subspan(start, size_ - start);
    }
    iovec piece() { return {room_.data(), size_}; }

private:
    std::array<std::uint8_t, record_bytes + ipv6_bytes + udp_bytes> room_{};
    std::size_t size_ = 0;
};

/// The Internet checksum (RFC 1071) over pieces that need not be of even length.
class Checksum {
public:
    void add(std::span<const std::uint8_t> bytes) {
        for (const std::uint8_t byte : bytes) {
            sum_ += high_ ? std::uint32_t{byte} << 8 : byte;
            high_ = !high_;
            sum_ = (sum_ & 0xffff) + (sum_ >> 16);
        }
    }
    void add(std::string_view text) {
        add({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    }
    void add16(std::size_t value) {
        const std::array pair{static_cast<std::uint8_t>(value >> 8 & 0xff),
                              static_cast<std::uint8_t>(value & 0xff)};
        add(pair);
    }
    std::uint16_t result() const { return static_cast<std::uint16_t>(~sum_ & 0xffff); }

private:
    std::uint32_t sum_ = 0;
    bool high_ = true;
};

struct Packet {
    sip::Endpoint from, to;
    std::string_view head, body;
    std::size_t size() const { return head.size() + body.size(); }
};

void write_ip(Bytes& out, const Packet& packet, bool v4) {
    const std::size_t start = out.size();
    if (v4) {
        out.byte(0x45);
        out.byte(0);
        out.network16(ipv4_bytes + udp_bytes + packet.size());
        out.network16(0);       // identification
        out.network16(0x4000);  // don't fragment
        out.byte(64);           // hops
        out.byte(17);           // UDP
        out.network16(0);       // checksum, below
    } else {
        out.byte(0x60);
        out.byte(0);
        out.network16(0);
        out.network16(udp_bytes + packet.size());
        out.byte(17);
        out.byte(64);
    }
    out.address(packet.from.address);
    out.address(packet.to.address);
    if (!v4) return;
    Checksum sum;
    sum.add(out.from(start));
    out.network16_at(start + 10, sum.result());
}

/// `addresses`: where in `out` the two addresses begin.
void write_udp(Bytes& out, const Packet& packet, std::size_t addresses) {
    const std::size_t length = udp_bytes + packet.size();
    Checksum sum;
    sum.add(out.from(addresses));
    sum.add16(17);
    sum.add16(length);
    const std::size_t start = out.size();
    out.network16(packet.from.port);
    out.network16(packet.to.port);
    out.network16(length);
    out.network16(0);
    sum.add(out.from(start));
    sum.add(packet.head);
    sum.add(packet.body);
    // RFC 768: zero would mean that there is none.
    out.network16_at(start + 6, sum.result() == 0 ? 0xffff : sum.result());
}

/// An address of one family beside one of the other cannot stand in one packet: IPv4 is then
/// written in its IPv6-mapped form.
Bytes headers_of(const Packet& packet, std::int64_t wall_ms) {
    const bool v4 = packet.from.address.is_v4() && packet.to.address.is_v4();
    const auto length =
        static_cast<std::uint32_t>((v4 ? ipv4_bytes : ipv6_bytes) + udp_bytes + packet.size());
    Bytes out;
    out.native32(static_cast<std::uint32_t>(wall_ms / 1000));
    out.native32(static_cast<std::uint32_t>(wall_ms % 1000 * 1000));
    out.native32(length);
    out.native32(length);
    write_ip(out, packet, v4);
    write_udp(out, packet, record_bytes + (v4 ? 12 : 8));
    return out;
}

bool write_file_header(int fd) {
    Bytes out;
    out.native32(0xa1b2c3d4);  // microseconds
    out.native16(2);
    out.native16(4);
    out.native32(0);
    out.native32(0);
    out.native32(262'144);  // longest packet
    out.native32(101);      // LINKTYPE_RAW: begins with the IP header
    const iovec piece = out.piece();
    return ::writev(fd, &piece, 1) == static_cast<ssize_t>(piece.iov_len);
}

iovec piece_of(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

}  // namespace

Outcome<PcapWriter> PcapWriter::open(const std::string& path, std::uint64_t bytes_max) {
    const auto wrong = [&](int error) {
        return failure("cannot write " + path + ": " + ::strerrordesc_np(error) +
                       "; choose another file with --trace");
    };
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    Descriptor fd(::open(path.c_str(), flags, 0600));
    if (!fd) return wrong(errno);
    struct stat about {};
    if (::fstat(fd.get(), &about) != 0) return wrong(errno);
    if (!S_ISREG(about.st_mode))
        return failure("cannot write " + path + ": it is no file; choose another with --trace");
    // Closed to others first, emptied then: nobody reads what an earlier run left open.
    if (::fchmod(fd.get(), 0600) != 0 || ::ftruncate(fd.get(), 0) != 0 ||
        !write_file_header(fd.get()))
        return wrong(errno);
    PcapWriter writer(std::move(fd), bytes_max);
    writer.size_ = 24;
    return writer;
}

void PcapWriter::message(const sip::Now& now, const sip::TraceMessage& message) {
    Packet packet{message.local, message.remote, message.head, message.body};
    if (!message.outgoing) std::swap(packet.from, packet.to);
    // A message of a stream can be longer than a datagram: its end is left out.
    packet.head = packet.head.substr(0, payload_max);
    packet.body = packet.body.substr(0, payload_max - packet.head.size());
    Bytes headers = headers_of(packet, std::max<std::int64_t>(now.wall_ms, 0));
    const std::uint64_t length = headers.size() + packet.size();
    if (full_ || size_ + length > bytes_max_) {
        full_ = true;  // no shorter one after it either: the file ends where it stopped
        ++left_out_;
        return;
    }
    const std::array pieces{headers.piece(), piece_of(packet.head), piece_of(packet.body)};
    const ssize_t wrote = ::writev(fd_.get(), pieces.data(), static_cast<int>(pieces.size()));
    if (wrote != static_cast<ssize_t>(length)) {
        // Half a packet would spoil those before it.
        [[maybe_unused]] const int status = ::ftruncate(fd_.get(), static_cast<off_t>(size_));
        full_ = true;
        ++left_out_;
        return;
    }
    size_ += length;
    ++written_;
}

}  // namespace edge
