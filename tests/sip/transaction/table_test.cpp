#include <doctest/doctest.h>

#include <array>

#include "sip/transaction/invite_server.hpp"
#include "sip/transaction/non_invite_client.hpp"
#include "sip/transaction/non_invite_server.hpp"
#include "sip/transaction/table.hpp"

using namespace sip;

namespace {

enum class Light { a, b };
enum class Switch { x, y };
using Row = TableRow<Light, Switch, int>;

constexpr std::array<Row, 4> whole{
    Row{Light::a, Switch::x, Light::b, 0}, Row{Light::a, Switch::y, Light::a, 1},
    Row{Light::b, Switch::x, Light::b, 2}, Row{Light::b, Switch::y, Light::a, 3}};
constexpr std::array<Row, 3> one_missing{whole[0], whole[1], whole[3]};
constexpr std::array<Row, 4> one_doubled{whole[0], whole[1], whole[1], whole[3]};
constexpr std::array<Row, 4> out_of_place{whole[1], whole[0], whole[2], whole[3]};
static_assert(total_and_ordered<2, 2>(whole));
static_assert(!total_and_ordered<2, 2>(one_missing));
static_assert(!total_and_ordered<2, 2>(one_doubled));
static_assert(!total_and_ordered<2, 2>(out_of_place));
static_assert(table_step<2>(whole, Light::b, Switch::x).act == 2);

/// Nothing leads out of `last`, and nothing is done there.
template <class Table, class S>
bool is_the_end(const Table& table, S last) {
    for (const auto& row : table)
        if (row.from == last && (row.to != last || static_cast<int>(row.act) != 0)) return false;
    return true;
}

}  // namespace

TEST_CASE("a table with a row missing, doubled or out of place is seen to be so") {
    // What the static_asserts above hold at compile time, once more where it is counted.
    CHECK(total_and_ordered<2, 2>(whole));
    CHECK_FALSE(total_and_ordered<2, 2>(one_missing));
    CHECK_FALSE(total_and_ordered<2, 2>(one_doubled));
    CHECK_FALSE(total_and_ordered<2, 2>(out_of_place));
}

TEST_CASE("from terminated no transaction comes back") {
    CHECK(is_the_end(non_invite_client::table, non_invite_client::State::terminated));
    CHECK(is_the_end(non_invite_server::table, non_invite_server::State::terminated));
    CHECK(is_the_end(invite_server::table, invite_server::State::terminated));
}

TEST_CASE("R3261-17.1.2.2-3: a completed client transaction tells its user nothing more") {
    using namespace non_invite_client;
    for (const auto event : {Event::provisional, Event::final, Event::timer_e, Event::timer_f,
                             Event::timer_k, Event::transport_error})
        CHECK(step(State::completed, event).act == Action::none);
}

TEST_CASE("R3261-17.2.2-1: a server transaction answers copies by its state") {
    using namespace non_invite_server;
    CHECK(step(State::trying, Event::request).act == Action::none);
    CHECK(step(State::proceeding, Event::request).act == Action::resend);
    CHECK(step(State::completed, Event::request).act == Action::resend);
}

TEST_CASE("R6026-7.1-2: no transport error ends a server transaction") {
    for (const auto& row : invite_server::table)
        if (row.on == invite_server::Event::transport_error) CHECK(row.to == row.from);
    for (const auto& row : non_invite_server::table)
        if (row.on == non_invite_server::Event::transport_error) CHECK(row.to == row.from);
}
