#include "sip/base/visitor.hpp"

#include <doctest/doctest.h>

using namespace sip;

namespace {
int sum_of(Visitor<int, int&> visit) {
    int sum = 0;
    for (int i = 1; i <= 4; ++i) visit(i, sum);
    return sum;
}
}  // namespace

TEST_CASE("a visitor calls what it was made of, which keeps its state") {
    int calls = 0;
    CHECK(sum_of([&](int i, int& sum) {
              ++calls;
              sum += i;
          }) == 10);
    CHECK(calls == 4);
    const auto named = [](int i, int& sum) { sum -= i; };
    CHECK(sum_of(named) == -10);
}
