#include "apps/load/responder_texts.hpp"

#include <algorithm>
#include <cstring>

#include "apps/load/incoming.hpp"
#include "apps/load/plan.hpp"
#include "apps/load/requests.hpp"
#include "apps/load/template.hpp"

namespace load {

namespace {

constexpr std::size_t cseq_digits = 8;

char* put(char* to, std::string_view text) {
    std::memcpy(to, text.data(), text.size());
    return to + text.size();
}

ResponderTexts::Asked asked_by(std::string_view message) {
    if (message.starts_with("SUB")) return ResponderTexts::Asked::subscribe;
    if (message.starts_with("PUB")) return ResponderTexts::Asked::publish;
    if (message.starts_with("OPT")) return ResponderTexts::Asked::options;
    return ResponderTexts::Asked::nothing;
}

}  // namespace

ResponderTexts::ResponderTexts(std::string where, std::uint32_t watchers, std::uint32_t body_bytes)
    : watchers_(watchers) {
    Plan plan;
    plan.body_bytes = body_bytes;
    Stamp stamp;
    stamp.set_user(Slot::user, plan.prefix, 0);
    stamp.set_version(0);
    stamp.set_part(0);
    const std::string document = Template(document_text(plan)).render(stamp.values());
    response_tag_ = ";tag=floor";
    response_end_ = "Expires: 3600\r\nSIP-ETag: floor\r\nContact: <sip:" + where +
                    ">\r\nContent-Length: 0\r\n\r\n";
    notify_begin_ =
        "NOTIFY sip:load@" + where + " SIP/2.0\r\nVia: SIP/2.0/UDP " + where + ";branch=z9hG4bK";
    notify_middle_ =
        "\r\nMax-Forwards: 70\r\nFrom: <sip:u0000000@localhost>;tag=floor\r\n"
        "To: <sip:u0000001@localhost>;tag=00000000.0000-000000000000\r\nContact: <sip:" +
        where + ">\r\nCall-ID: ";
    const auto end = [&](std::string_view state) {
        return " NOTIFY\r\nEvent: presence\r\nSubscription-State: " + std::string(state) +
               "\r\nContent-Type: application/pidf+xml\r\nContent-Length: " +
               std::to_string(document.size()) + "\r\n\r\n" + document;
    };
    notify_active_ = end("active;expires=3599");
    notify_terminated_ = end("terminated;reason=timeout");
}

ResponderTexts::Request ResponderTexts::learn(std::string_view message) const {
    Request found;
    const auto in = read_incoming(message);
    if (!in || in->copied_count != 1) return found;
    found.asked = asked_by(message);
    found.block_begin = static_cast<std::size_t>(in->copied[0].data() - message.data());
    found.block_end = found.block_begin + in->copied[0].size() - 2;
    found.call_id = static_cast<std::size_t>(in->call_id.data() - message.data());
    found.call_id_size = in->call_id.size();
    found.in_dialog = !tag_of(in->to).empty();
    found.ends = in->expires == "0";
    found.has_document = in->body_bytes > 0;
    return found;
}

const ResponderTexts::Request& ResponderTexts::find(std::string_view message) {
    static constexpr std::string_view name = "Call-ID: ";
    const std::uint64_t key =
        std::uint64_t{message.size()} << 8 | (message.empty() ? 0U : std::uint8_t(message[0]));
    Request& known = learnt_[key];
    if (known.asked == Asked::nothing || known.call_id < name.size() ||
        message.substr(known.call_id - name.size(), name.size()) != name ||
        message[known.block_end] != '\r')
        known = asked_by(message) == Asked::nothing ? Request{} : learn(message);
    return known;
}

std::size_t ResponderTexts::response_size(const Request& request) const {
    constexpr std::size_t start = sizeof "SIP/2.0 200 OK\r\n";
    return start + request.block_end - request.block_begin + response_tag_.size() + 2 +
           response_end_.size();
}

char* ResponderTexts::write_response(char* to, const Request& request,
                                     std::string_view message) const {
    to = put(to, "SIP/2.0 200 OK\r\n");
    to = put(to, message.substr(request.block_begin, request.block_end - request.block_begin));
    if (!request.in_dialog) to = put(to, response_tag_);
    to = put(to, "\r\n");
    return put(to, response_end_);
}

std::size_t ResponderTexts::notify_size(const Request& request) const {
    return notify_begin_.size() + 2 * cseq_digits + notify_middle_.size() + request.call_id_size +
           sizeof "\r\nCSeq: " + notify_active_.size() + notify_terminated_.size();
}

char* ResponderTexts::write_notify(char* to, const Request& request, std::string_view message,
                                   std::uint32_t index) {
    ++notifies_;
    to = put(to, notify_begin_);
    write_fixed(notifies_, to, cseq_digits, 16);
    to = put(to + cseq_digits, notify_middle_);
    char* const call_id = to;
    to = put(to, message.substr(request.call_id, request.call_id_size));
    if (request.asked == Asked::publish) {
        call_id[0] = 's';
        write_fixed(index, call_id + 1, 8, 16);
    }
    to = put(to, "\r\nCSeq: ");
    write_fixed(notifies_, to, cseq_digits, 10);
    return put(to + cseq_digits, request.ends ? notify_terminated_ : notify_active_);
}

std::uint32_t ResponderTexts::presentity_of(const Request& request,
                                            std::string_view message) const {
    std::uint32_t number = 0;
    for (const char c : message.substr(request.call_id + 1, 8))
        number = number << 4 | static_cast<std::uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    return number;
}

}  // namespace load
