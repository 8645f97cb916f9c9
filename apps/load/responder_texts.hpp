#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace load {

/// What the responder says, without its sockets.
class ResponderTexts {
public:
    /// `where`: "udp" address of the responder, as HOST:PORT.
    ResponderTexts(std::string where, std::uint32_t watchers, std::uint32_t body_bytes);

    enum class Asked : std::uint8_t { nothing, subscribe, publish, options };
    struct Request {
        Asked asked = Asked::nothing;
        std::size_t block_begin = 0, block_end = 0;  ///< the lines that a response repeats
        std::size_t call_id = 0, call_id_size = 0;   ///< the value
        bool in_dialog = false;                      ///< To has its tag already
        bool ends = false;                           ///< Expires is 0
        bool has_document = false;                   ///< watchers are told of it
    };
    /// Where things stand in `message`: as in the first one of its kind and length.
    const Request& find(std::string_view message);

    std::size_t response_size(const Request& request) const;
    char* write_response(char* to, const Request& request, std::string_view message) const;
    std::uint32_t watchers() const { return watchers_; }
    std::size_t notify_size(const Request& request) const;
    /// To subscription `index`; of a SUBSCRIBE to the one that it makes.
    char* write_notify(char* to, const Request& request, std::string_view message,
                       std::uint32_t index);
    /// The number of the presentity that a PUBLISH is about.
    std::uint32_t presentity_of(const Request& request, std::string_view message) const;

private:
    Request learn(std::string_view message) const;

    std::uint32_t watchers_;
    std::string response_end_, response_tag_;
    std::string notify_begin_, notify_middle_, notify_active_, notify_terminated_;
    std::unordered_map<std::uint64_t, Request> learnt_;
    std::uint32_t notifies_ = 0;
};

}  // namespace load
