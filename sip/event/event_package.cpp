#include "sip/event/event_package.hpp"

#include "sip/base/text.hpp"

namespace sip {

bool EventPackages::add(EventPackage& package) {
    if (size_ == capacity || find(package.traits().name) >= 0) return false;
    packages_[size_++] = &package;
    return true;
}

int EventPackages::find(std::string_view name) const {
    for (std::size_t i = 0; i < size_; ++i)
        if (equal_ignoring_case(packages_[i]->traits().name, name)) return static_cast<int>(i);
    return -1;
}

}  // namespace sip
