#include "apps/load/requests.hpp"

#include <charconv>
#include <cstring>

namespace load {

void Stamp::set_call_id(const CallId& id) {
    id.write(call_id_.data());
    set(Slot::index, {call_id_.data(), call_id_.size()});
    std::memcpy(branch_.data(), call_id_.data(), call_id_.size());
}

void Stamp::set_user(Slot slot, std::string_view prefix, std::uint32_t number) {
    auto& room = slot == Slot::user ? user_ : watcher_;
    constexpr std::size_t digits = 7;
    const std::size_t size = prefix.copy(room.data(), room.size() - digits);
    write_fixed(number, room.data() + size, digits, 10);
    set(slot, {room.data(), size + digits});
}

void Stamp::set_cseq(std::uint32_t cseq) {
    set(Slot::cseq, decimal(cseq, cseq_.data(), cseq_.size()));
    branch_[CallId::size] = '.';
    write_fixed(cseq, branch_.data() + CallId::size + 1, 8, 16);
    set(Slot::branch, {branch_.data(), branch_.size()});
}

void Stamp::set_port(std::uint16_t port) {
    set(Slot::port, decimal(port, port_.data(), port_.size()));
}
void Stamp::set_version(std::uint32_t version) {
    write_fixed(version, version_.data(), version_.size(), 10);
    set(Slot::version, {version_.data(), version_.size()});
}
void Stamp::set_part(std::uint32_t part) {
    write_fixed(part, part_.data(), 4, 10);
    set(Slot::part, {part_.data(), 4});
}
void Stamp::set_expires(std::uint32_t seconds) {
    set(Slot::expires, decimal(seconds, expires_.data(), expires_.size()));
}

std::string_view Stamp::decimal(std::uint32_t number, char* to, std::size_t room) {
    const auto end = std::to_chars(to, to + room, number).ptr;
    return {to, static_cast<std::size_t>(end - to)};
}

namespace {

constexpr std::string_view subscribe_text =
    "SUBSCRIBE {target} SIP/2.0\r\n"
    "Via: SIP/2.0/TRANSPORT HOST:{port};rport;branch=z9hG4bK{branch}\r\n"
    "Call-ID: {index}-RUN@HOST\r\n"
    "CSeq: {cseq} SUBSCRIBE\r\n"
    "From: <sip:{watcher}@DOMAIN>;tag={index}-RUN\r\n"
    "To: <sip:{user}@DOMAIN>{tag}\r\n"
    "{routes}"
    "Max-Forwards: 70\r\n"
    "Contact: <sip:load@HOST:{port}PARAMETER>\r\n"
    "Event: presence\r\n"
    "Accept: application/pidf+xml\r\n"
    "Expires: {expires}\r\n"
    "{credentials}"
    "Content-Length: 0\r\n\r\n";

constexpr std::string_view publish_text =
    "PUBLISH sip:{user}@DOMAIN SIP/2.0\r\n"
    "Via: SIP/2.0/TRANSPORT HOST:{port};rport;branch=z9hG4bK{branch}\r\n"
    "Call-ID: {index}-RUN@HOST\r\n"
    "CSeq: {cseq} PUBLISH\r\n"
    "From: <sip:{user}@DOMAIN>;tag={index}-RUN\r\n"
    "To: <sip:{user}@DOMAIN>\r\n"
    "Max-Forwards: 70\r\n"
    "Event: presence\r\n"
    "Expires: {expires}\r\n"
    "{entity_tag}{credentials}";

constexpr std::string_view options_text =
    "OPTIONS sip:DOMAIN SIP/2.0\r\n"
    "Via: SIP/2.0/TRANSPORT HOST:{port};rport;branch=z9hG4bK{branch}\r\n"
    "Call-ID: {index}-RUN@HOST\r\n"
    "CSeq: {cseq} OPTIONS\r\n"
    "From: <sip:load@DOMAIN>;tag={index}-RUN\r\n"
    "To: <sip:DOMAIN>\r\n"
    "Max-Forwards: 70\r\n"
    "Contact: <sip:load@HOST:{port}PARAMETER>\r\n"
    "Content-Length: 0\r\n\r\n";

/// Braces of a slot do not stand in XML: what is left between them has the length of its value.
std::size_t rendered_size(const Plan& plan, std::string_view text) {
    Stamp stamp;
    stamp.set_user(Slot::user, plan.prefix, 0);
    stamp.set_version(0);
    stamp.set_part(0);
    return Template(text).size(stamp.values());
}

}  // namespace

std::string document_text(const Plan& plan) {
    const std::string contact = "<contact>sip:{user}@" + plan.domain + "</contact>";
    std::string text =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<presence "
        "xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:{user}@" +
        plan.domain + "\"><tuple id=\"t{part}\"><status><basic>open</basic></status>" + contact +
        "<note>{version}</note></tuple>";
    const std::string end = "</presence>\r\n";
    // A large one has some devices more, who have more to say.
    constexpr std::size_t devices = 16;
    const std::string saying = "Seldom reached, and says so at length. ";
    std::string note;
    while (note.size() < plan.body_bytes / devices || note.empty()) note += saying;
    for (unsigned i = 0; rendered_size(plan, text) + end.size() < plan.body_bytes; ++i)
        text += "<tuple id=\"x{part}" + std::to_string(10 + i) +
                "\"><status><basic>closed</basic></status>" + contact + "<note>" + note +
                "</note></tuple>";
    return text + end;
}

Requests Requests::make(const Plan& plan, std::string_view host, std::string_view run) {
    const bool stream = plan.server.transport == sip::Transport::tcp;
    const auto prepared = [&](std::string text) {
        text = replaced(std::move(text), "TRANSPORT", stream ? "TCP" : "UDP");
        text = replaced(std::move(text), "PARAMETER", stream ? ";transport=tcp" : "");
        text = replaced(std::move(text), "DOMAIN", plan.domain);
        text = replaced(std::move(text), "HOST", host);
        return replaced(std::move(text), "RUN", run);
    };
    const std::string document = document_text(plan);
    const std::string publish = prepared(std::string(publish_text));
    Requests made;
    made.subscribe = Template(prepared(std::string(subscribe_text)));
    made.options = Template(prepared(std::string(options_text)));
    made.touch = Template(publish + "Content-Length: 0\r\n\r\n");
    made.publish = Template(publish + "Content-Type: application/pidf+xml\r\nContent-Length: " +
                            std::to_string(rendered_size(plan, document)) + "\r\n\r\n" + document);
    return made;
}

}  // namespace load
