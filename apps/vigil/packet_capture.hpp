#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "apps/edge/net/descriptor.hpp"
#include "apps/edge/net/outcome.hpp"
#include "sip/base/tracer.hpp"

namespace vigil {

/// Messages as a capture file (libpcap's format, raw IP), so that Wireshark and its like show
/// them. The IP, UDP and TCP headers are made up around what was sent and received; the messages
/// are whole, credentials included, so the file is the owner's alone.
class PacketCapture {
public:
    /// Begins a new file.
    static edge::Outcome<PacketCapture> open(const std::string& path);

    void write(const sip::Now& now, const sip::TraceMessage& message);
    /// A write failed: nothing more is written.
    bool is_broken() const { return broken_; }

private:
    explicit PacketCapture(edge::Descriptor fd)
        : mutex_(std::make_unique<std::mutex>()), fd_(std::move(fd)) {}
    void write_packet(const sip::Now& now, const sip::TraceMessage& message,
                      std::string_view payload);
    void put(const std::string& bytes);
    std::uint32_t next_sequence(const sip::TraceMessage& message, std::size_t size);

    std::unique_ptr<std::mutex> mutex_;  ///< workers of one server write one message at a time
    edge::Descriptor fd_;
    bool broken_ = false;
    /// TCP sequence numbers by direction; forgotten all at once when there are many.
    std::map<std::string, std::uint32_t> sequences_;
};

}  // namespace vigil
