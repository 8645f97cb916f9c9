#include "sip/base/linked.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <vector>

using namespace sip;

namespace {

std::vector<const Linked*> all_of(const Linked& head) {
    std::vector<const Linked*> found;
    for (const Linked* each = head.next(); each != &head; each = each->next())
        found.push_back(each);
    return found;
}
using Order = std::vector<const Linked*>;

}  // namespace

TEST_CASE("a list keeps the order of joining; joining again moves to the end") {
    Linked head;
    std::array<Linked, 3> items;
    CHECK(head.alone());
    for (Linked& each : items) each.join(head);
    CHECK((all_of(head) == Order{&items[0], &items[1], &items[2]}));
    items[0].join(head);
    CHECK((all_of(head) == Order{&items[1], &items[2], &items[0]}));
    items[2].leave();
    items[2].leave();
    CHECK(items[2].alone());
    CHECK((all_of(head) == Order{&items[1], &items[0]}));
}

TEST_CASE("a list is handed over whole, behind what is there, and what goes leaves it") {
    Linked from, to;
    std::array<Linked, 2> before;
    auto going = std::make_unique<Linked>();
    Linked staying;
    before[0].join(to);
    going->join(from);
    staying.join(from);
    to.take_all(from);
    CHECK(from.alone());
    CHECK((all_of(to) == Order{&before[0], going.get(), &staying}));
    going.reset();
    CHECK((all_of(to) == Order{&before[0], &staying}));
    to.take_all(from);  // nothing
    CHECK(all_of(to).size() == 2);
    before[1].join(from);
    from.take_all(to);
    CHECK((all_of(from) == Order{&before[1], &before[0], &staying}));
}

TEST_CASE("a head that goes leaves its items in no list of their own making") {
    Linked first, second;
    {
        Linked head;
        first.join(head);
        second.join(head);
    }
    first.leave();
    second.leave();
    CHECK(first.alone());
    CHECK(second.alone());
}
