#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "apps/load/incoming.hpp"
#include "apps/load/plan.hpp"
#include "apps/load/template.hpp"

namespace load {

/// CSeq numbers have one length, so that requests of a kind have, too.
inline constexpr std::uint32_t cseq_base = 1'000'000;

/// The texts of one message that differ from those of the next, and room to write them.
class Stamp {
public:
    Stamp() = default;
    Stamp(const Stamp&) = delete;
    Stamp& operator=(const Stamp&) = delete;

    void set(Slot slot, std::string_view text) { load::at(values_, slot) = text; }
    void set_call_id(const CallId& id);
    void set_user(Slot slot, std::string_view prefix, std::uint32_t number);
    void set_cseq(std::uint32_t cseq);  ///< the branch, too: it is made of both
    void set_port(std::uint16_t port);
    void set_version(std::uint32_t version);
    void set_part(std::uint32_t part);
    void set_expires(std::uint32_t seconds);
    const Values& values() const { return values_; }
    std::string_view value(Slot slot) const { return values_[static_cast<std::size_t>(slot)]; }

private:
    std::string_view decimal(std::uint32_t number, char* to, std::size_t room);

    Values values_{};
    std::array<char, CallId::size> call_id_{};
    std::array<char, CallId::size + 9> branch_{};
    std::array<char, 64> user_{}, watcher_{};
    std::array<char, 12> cseq_{}, port_{}, expires_{};
    std::array<char, 8> version_{}, part_{};
};

/// The requests of a plan, as templates. Header fields that a response repeats stand in one block
/// behind the start line, To last.
struct Requests {
    Template subscribe, publish, touch, options;

    /// `host`: our own address; `run`: tells this run from others.
    static Requests make(const Plan& plan, std::string_view host, std::string_view run);
};

/// The document of a publication, `bytes` long or a little longer where that is more than it takes.
std::string document_text(const Plan& plan);

}  // namespace load
