#include "tests/sim/view.hpp"

#include "tests/sim/wire.hpp"

namespace sim {
namespace {

/// `visit(text)` for each text between `open` and the next `close`.
template <class Visit>
void for_each_between(std::string_view text, std::string_view open, std::string_view close,
                      Visit visit) {
    for (;;) {
        const std::string_view found = between(text, open, close);
        if (found.empty()) return;
        visit(found);
        text.remove_prefix(static_cast<std::size_t>(found.data() - text.data()) + found.size() +
                           close.size());
    }
}

unsigned count_of(std::string_view text, std::string_view part) {
    unsigned n = 0;
    for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

/// Of "p12.3": 12.
unsigned phone_of(std::string_view mark) {
    unsigned number = 0;
    for (const char c : mark.substr(0, mark.find('.')))
        if (c >= '0' && c <= '9') number = number * 10 + static_cast<unsigned>(c - '0');
    return number;
}

}  // namespace

View view_of(std::string_view document) {
    View view;
    view.tuples = count_of(document, "<tuple");
    view.open = count_of(document, "<basic>open<");
    for_each_between(document, "~", "~", [&](auto mark) { view.marks.emplace(mark); });
    for_each_between(document, ">svc", "<",
                     [&](auto number) { view.marks.insert("svc" + std::string(number)); });
    for_each_between(document, "[", "]", [&](auto token) { view.persons.emplace(token); });
    for_each_between(document, ">per", "<",
                     [&](auto number) { view.persons.insert("class per" + std::string(number)); });
    for (const char* sphere : {"work", "home"})
        for (unsigned n = count_of(document, std::string(sphere) + "/>"); n > 0; --n)
            view.persons.insert(std::string("sphere ") + sphere);
    return view;
}

std::string text_of(const View& view) {
    std::string text =
        std::to_string(view.tuples) + " tuples, " + std::to_string(view.open) + " open";
    for (const std::string& mark : view.marks) text += " ~" + mark + "~";
    for (const std::string& token : view.persons) text += " [" + token + "]";
    return text;
}

std::string service_class_of(const Setup& setup, unsigned phone) {
    return "svc" + std::to_string((phone / setup.users + phone % setup.users) % 2);
}
std::string person_class_of(const Setup& setup, unsigned phone) {
    return "per" + std::to_string(phone / setup.users % 2);
}

std::string too_much(const Setup& setup, unsigned presentity, const Given& given,
                     std::string_view document) {
    const View view = view_of(document);
    std::string found;
    const auto unless = [&](bool may, const std::string& what) {
        if (!may && found.empty()) found = what;
    };
    const auto is_theirs = [&](unsigned phone) { return phone % setup.users == presentity; };
    for_each_between(document, "sip:phone", "@", [&](std::string_view number) {
        const unsigned phone = phone_of(number);
        unless(is_theirs(phone) && given.shows_service(service_class_of(setup, phone)),
               "the service of phone" + std::string(number));
    });
    // What is registered has no class.
    unless(given.all_services || document.find("sip:phone@") == std::string_view::npos,
           "a registration");
    for (const std::string& mark : view.marks)
        if (mark.starts_with("svc"))
            unless(given.shows("class") && given.shows_service(mark), "the class " + mark);
        else
            unless(is_theirs(phone_of(mark)) && given.shows("note"), "the note " + mark);
    for (const std::string& token : view.persons) {
        const auto space = token.find(' ');
        const std::string kind = token.substr(0, space), value = token.substr(space + 1);
        bool may = given.shows(kind);
        if (kind == "sphere")
            may = may && (given.all_persons || !given.person_classes.empty());
        else if (kind == "class")
            may = may && given.shows_person(value);
        else
            may = may && is_theirs(phone_of(value)) &&
                  given.shows_person(person_class_of(setup, phone_of(value)));
        unless(may, "of a person: " + token);
    }
    return found;
}

}  // namespace sim
