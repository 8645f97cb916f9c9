#pragma once

#include <cstdint>
#include <string>

#include "apps/edge/net/descriptor.hpp"
#include "apps/edge/net/outcome.hpp"
#include "sip/base/tracer.hpp"

namespace edge {

/// Writes every message as a packet into a pcap file (LINKTYPE_RAW) that packet analysers read.
/// Messages of streams are shown as datagrams too: one packet a message. The bytes are those on
/// the wire, credentials and bodies among them, so the file is its owner's alone (mode 0600).
class PcapWriter final : public sip::Tracer {
public:
    /// Past `bytes_max` nothing more is written, only counted. An existing file is replaced; a
    /// symbolic link is refused.
    static Outcome<PcapWriter> open(const std::string& path,
                                    std::uint64_t bytes_max = std::uint64_t{256} << 20);

    void message(const sip::Now& now, const sip::TraceMessage& message) override;

    std::uint64_t written() const { return written_; }    ///< packets
    std::uint64_t left_out() const { return left_out_; }  ///< over the bound, or the disk is full

private:
    PcapWriter(Descriptor fd, std::uint64_t bytes_max)
        : fd_(std::move(fd)), bytes_max_(bytes_max) {}

    Descriptor fd_;
    std::uint64_t bytes_max_;
    std::uint64_t size_ = 0;
    std::uint64_t written_ = 0, left_out_ = 0;
    bool full_ = false;
};

}  // namespace edge
