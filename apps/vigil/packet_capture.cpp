#include "apps/vigil/packet_capture.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "apps/edge/net/address.hpp"

namespace vigil {

namespace {

constexpr std::size_t payload_max = 60'000;  // an IPv4 packet has 65535 bytes with its headers
constexpr std::size_t sequences_max = 10'000;
constexpr char protocol_tcp = 6, protocol_udp = 17;

/// The file's own fields are in the order of this machine, those of the packets in the network's.
class Bytes {
public:
    Bytes& own32(std::uint32_t value) {
        char raw[4];
        std::memcpy(raw, &value, sizeof raw);
        out_.append(raw, sizeof raw);
        return *this;
    }
    Bytes& own16(std::uint16_t value) {
        char raw[2];
        std::memcpy(raw, &value, sizeof raw);
        out_.append(raw, sizeof raw);
        return *this;
    }
    Bytes& net16(std::size_t value) {
        out_ += static_cast<char>(value >> 8 & 0xff);
        out_ += static_cast<char>(value & 0xff);
        return *this;
    }
    Bytes& net32(std::uint32_t value) { return net16(value >> 16).net16(value & 0xffff); }
    Bytes& byte(int value) {
        out_ += static_cast<char>(value);
        return *this;
    }
    Bytes& raw(std::string_view bytes) {
        out_ += bytes;
        return *this;
    }
    Bytes& address(const sip::Address& address, std::size_t skip) {
        for (std::size_t i = skip; i < address.bytes.size(); ++i) byte(address.bytes[i]);
        return *this;
    }
    const std::string& text() const { return out_; }

private:
    std::string out_;
};

std::uint16_t checksum(std::string_view header) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < header.size(); i += 2)
        sum += static_cast<std::uint32_t>(static_cast<unsigned char>(header[i]) << 8 |
                                          static_cast<unsigned char>(header[i + 1]));
    while ((sum >> 16) != 0) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum & 0xffff);
}

std::string ip_header(const sip::Endpoint& from, const sip::Endpoint& to, char protocol,
                      std::size_t size) {
    Bytes out;
    if (!from.address.is_v4() || !to.address.is_v4()) {
        out.byte(0x60).byte(0).net16(0).net16(size).byte(protocol).byte(64);
        out.address(from.address, 0).address(to.address, 0);
        return out.text();
    }
    out.byte(0x45).byte(0).net16(size + 20).net32(0).byte(64).byte(protocol).net16(0);
    out.address(from.address, 12).address(to.address, 12);
    std::string header = out.text();
    const std::uint16_t sum = checksum(header);
    header[10] = static_cast<char>(sum >> 8);
    header[11] = static_cast<char>(sum & 0xff);
    return header;
}

}  // namespace

edge::Outcome<PacketCapture> PacketCapture::open(const std::string& path) {
    edge::Descriptor fd(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!fd) return edge::failure("cannot write " + path + ": " + std::strerror(errno));
    PacketCapture capture(std::move(fd));
    constexpr std::uint32_t magic = 0xa1b2c3d4, snapshot = 262'144, raw_ip = 101;
    capture.put(Bytes()
                    .own32(magic)
                    .own16(2)
                    .own16(4)
                    .own32(0)
                    .own32(0)
                    .own32(snapshot)
                    .own32(raw_ip)
                    .text());
    return capture;
}

void PacketCapture::write(const sip::Now& now, const sip::TraceMessage& message) {
    const std::lock_guard lock(*mutex_);
    std::string whole(message.head);
    whole += message.body;
    for (std::size_t at = 0; at < whole.size() && !broken_; at += payload_max)
        write_packet(now, message, std::string_view(whole).substr(at, payload_max));
}

void PacketCapture::write_packet(const sip::Now& now, const sip::TraceMessage& message,
                                 std::string_view payload) {
    const sip::Endpoint& from = message.outgoing ? message.local : message.remote;
    const sip::Endpoint& to = message.outgoing ? message.remote : message.local;
    const bool datagram = message.transport == sip::Transport::udp;
    Bytes inner;
    if (datagram)
        inner.net16(from.port).net16(to.port).net16(payload.size() + 8).net16(0);
    else
        // No options, push and acknowledgement flags, the widest window, no checksum.
        inner.net16(from.port)
            .net16(to.port)
            .net32(next_sequence(message, payload.size()))
            .net32(0)
            .byte(0x50)
            .byte(0x18)
            .net16(0xffff)
            .net16(0)
            .net16(0);
    inner.raw(payload);
    const std::string packet =
        ip_header(from, to, datagram ? protocol_udp : protocol_tcp, inner.text().size()) +
        inner.text();
    const auto size = static_cast<std::uint32_t>(packet.size());
    const std::int64_t ms = std::max<std::int64_t>(now.wall_ms, 0);
    put(Bytes()
            .own32(static_cast<std::uint32_t>(ms / 1000))
            .own32(static_cast<std::uint32_t>(ms % 1000 * 1000))
            .own32(size)
            .own32(size)
            .raw(packet)
            .text());
}

std::uint32_t PacketCapture::next_sequence(const sip::TraceMessage& message, std::size_t size) {
    if (sequences_.size() >= sequences_max) sequences_.clear();
    const std::string key = edge::to_text(message.local) + (message.outgoing ? ">" : "<") +
                            edge::to_text(message.remote);
    std::uint32_t& next = sequences_[key];
    const std::uint32_t sequence = next;
    next += static_cast<std::uint32_t>(size);
    return sequence;
}

void PacketCapture::put(const std::string& bytes) {
    if (broken_) return;
    // One write a packet: a file that ends early still ends behind a whole one.
    const ssize_t count = ::write(fd_.get(), bytes.data(), bytes.size());
    broken_ = count != static_cast<ssize_t>(bytes.size());
}

}  // namespace vigil
